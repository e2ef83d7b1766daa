"""What a study found: the figures of every way, as `report.json` holds them. No files, no HTML."""

import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TaskScore:
    """How well a way does a task."""

    metrics: dict[str, float]
    """In percent, means over the seeds."""
    spread: dict[str, float]
    """Standard deviation over the seeds."""
    by_seed: list[float]
    """The main metric of each seed."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class WayResult:
    """One way to cut."""

    name: str
    segment: str
    size: int
    """Entries of its vocabulary."""
    wanted_size: int
    """Entries that were asked for; the corpus may give fewer."""
    about: str
    """What it is, in a line."""
    needs_analyzer: bool
    """Whether text is analysed when it is encoded."""
    fertility: float
    """Pieces an eojeol of held-out text."""
    tokens_per_character: float
    """Blanks not counted."""
    unk_rate: float
    """Share of [UNK] among the pieces."""
    unknown: dict[str, int]
    """What most of these stand for."""
    characters_per_second: float
    """Encoded, the analyser included."""
    examples: list[list[str]]
    """The pieces of the report's `sentences`."""
    n_parameters: int
    n_steps: int
    n_tokens: int
    """Tokens seen in pre-training."""
    epochs: float
    """Passes over the corpus."""
    pretraining_seconds: float
    masked_bits: float
    """Of tokens hidden as in training, a character of held-out text."""
    eojeol_bits: float
    """Of whole eojeols, a character of held-out text."""
    curve: list[tuple[float, float]]
    """Share of the pre-training, and bits a character of what was masked."""
    scores: dict[str, TaskScore]


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """A task of the study."""

    name: str
    task: str
    main_metric: str
    n_train: int
    n_dev: int


@dataclass(frozen=True, kw_only=True)
class StudyReport:
    """All that was found."""

    corpus: str
    n_documents: int
    """Of the slice that was learnt from."""
    n_characters: int
    n_corpus_characters: int
    """Of the whole corpus."""
    n_held_out_characters: int
    n_judged_characters: int
    """Those of them that the models are judged by, blanks not counted."""
    n_hidden_eojeols: int
    operations: float
    """Floating-point operations of pre-training, the same for every way."""
    seconds: float
    """Of all steps."""
    analyzer: str
    options: dict[str, Any]
    sentences: list[str]
    tasks: list[TaskResult]
    ways: list[WayResult]

    def __str__(self) -> str:
        heads = ["", "entries", "tokens/char", "[UNK]", "chars/s", "bits/char"]
        rows = [heads + [f"{task.name} {task.main_metric}" for task in self.tasks]]
        for way in self.ways:
            scores = (way.scores[task.name] for task in self.tasks)
            shown = [
                f"{score.metrics[task.main_metric]:.2f} ± {score.spread[task.main_metric]:.2f}"
                for task, score in zip(self.tasks, scores, strict=True)
            ]
            figures = [f"{way.size:,}", f"{way.tokens_per_character:.3f}", f"{way.unk_rate:.3%}"]
            figures += [f"{way.characters_per_second:,.0f}", f"{way.eojeol_bits:.3f}"]
            rows.append([way.name, *figures, *shown])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
        )


def task_score(by_seed: dict[str, dict[str, float]], main_metric: str, seconds: float) -> TaskScore:
    """Means and spread of the metrics of all seeds."""
    runs = list(by_seed.values())
    columns = {name: [run[name] for run in runs] for name in runs[0]}
    return TaskScore(
        metrics={name: statistics.fmean(values) for name, values in columns.items()},
        spread={name: statistics.stdev(values) if len(values) > 1 else 0.0 for name, values in columns.items()},
        by_seed=columns[main_metric],
        seconds=seconds,
    )
