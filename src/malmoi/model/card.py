"""The model card (README.md) beside a model: what it is, what it was made of and how well it does. Facts only."""

import json
from collections.abc import Mapping
from typing import Any

from malmoi import __version__
from malmoi.model.config import ModelConfig

_PIPELINES = {
    "qa": "question-answering",
    "tagging": "token-classification",
    "choice": "multiple-choice",
    "cloze": "fill-mask",
    "regression": "sentence-similarity",
}
_USUAL_PIPELINE = "text-classification"
"""What Hugging Face calls the use of a model for a task."""


def pretraining_card(
    config: ModelConfig, options: Mapping[str, Any], shards: Mapping[str, Any], values: Mapping[str, float]
) -> str:
    """Card of a pre-trained model.

    Args:
        config: its shape.
        options: the run's options that were set.
        shards: counts of the shards it learnt from.
        values: the last logged values.
    """
    data = (
        f"{shards['n_documents']:,} documents, {shards['n_tokens']:,} tokens. The licence of the texts is the "
        "licence to respect; malmoi does not know it, so write it here."
    )
    return "\n\n".join(
        (
            "---\nlanguage: ko\nlibrary_name: transformers\npipeline_tag: fill-mask\ntags: [malmoi]\n---",
            "# A pre-trained Korean encoder",
            f"Made with malmoi {__version__}. {_shape(config)}",
            f"## Data\n\n{data}",
            _json_section("Training", options),
            _json_section("At the end of training", values),
            "## Limits\n\nIt repeats what its texts say, true or not. Fine-tune it before use.\n",
        )
    )


def finetuning_card(
    config: ModelConfig,
    task: str,
    labels: tuple[str, ...],
    options: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> str:
    """Card of a fine-tuned model.

    Args:
        config: its shape.
        task: name of the task.
        labels: what it can predict.
        options: the run's options that were set.
        scores: what was measured, by seed where there were several.
    """
    return "\n\n".join(
        (
            f"---\nlanguage: ko\nlibrary_name: transformers\npipeline_tag: {_PIPELINES.get(task, _USUAL_PIPELINE)}\n"
            "tags: [malmoi]\n---",
            f"# A Korean model for {task}",
            f"Made with malmoi {__version__}. {_shape(config)}" + (f" Labels: {', '.join(labels)}." if labels else ""),
            _json_section("Training", options),
            _json_section("Scores on the development set, in percent", scores),
            "## Limits\n\nScores hold for texts like those of the development set.\n",
        )
    )


def _shape(config: ModelConfig) -> str:
    return (
        f"Encoder: {config.encoder}, {config.n_layers} layers of width {config.width}, {config.n_heads} heads, "
        f"{config.n_tokens:,} vocabulary entries."
    )


def _json_section(title: str, values: Mapping[str, Any]) -> str:
    return f"## {title}\n\n```json\n{json.dumps(values, ensure_ascii=False, indent=2)}\n```"
