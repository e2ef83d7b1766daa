"""What our weights are called in Hugging Face's directories. Tables and their use; no files, no arithmetic.

Not here: `config.json` (`config.py`), reading and writing (`checkpoint.py`).
"""

import re
from typing import Literal

from malmoi.model.heads import HeadKind, PretrainingModel, TaskModel

Architecture = Literal[
    "PreTraining",
    "MaskedLM",
    "SequenceClassification",
    "MultipleChoice",
    "TokenClassification",
    "QuestionAnswering",
]
# transformers' classes by what follows `BertFor` or `ModernBertFor`, and our head for each. Of those with one
# kind of head, the first is what a task model is saved as unless another is asked for.
ARCHITECTURES: dict[Architecture, HeadKind] = {
    "MaskedLM": "masked",
    "PreTraining": "masked",
    "SequenceClassification": "pooled",
    "MultipleChoice": "pooled",
    "TokenClassification": "token",
    "QuestionAnswering": "token",
}
_CLASS_PREFIX = {"bert": "BertFor", "modernbert": "ModernBertFor"}

_Names = dict[str, tuple[str, ...]]

# Our prefix and theirs; `#` is the number of a layer. Where there are three, ours holds them stacked.
_ENCODER: dict[str, _Names] = {
    "bert": {
        "token_embedding": ("bert.embeddings.word_embeddings",),
        "position_embedding": ("bert.embeddings.position_embeddings",),
        "segment_embedding": ("bert.embeddings.token_type_embeddings",),
        "embedding_norm": ("bert.embeddings.LayerNorm",),
        "layers.#.qkv": (
            "bert.encoder.layer.#.attention.self.query",
            "bert.encoder.layer.#.attention.self.key",
            "bert.encoder.layer.#.attention.self.value",
        ),
        "layers.#.attention_out": ("bert.encoder.layer.#.attention.output.dense",),
        "layers.#.attention_norm": ("bert.encoder.layer.#.attention.output.LayerNorm",),
        "layers.#.mlp_in": ("bert.encoder.layer.#.intermediate.dense",),
        "layers.#.mlp_out": ("bert.encoder.layer.#.output.dense",),
        "layers.#.mlp_norm": ("bert.encoder.layer.#.output.LayerNorm",),
    },
    "modernbert": {
        "token_embedding": ("model.embeddings.tok_embeddings",),
        "embedding_norm": ("model.embeddings.norm",),
        "layers.#.attention_norm": ("model.layers.#.attn_norm",),
        "layers.#.qkv": ("model.layers.#.attn.Wqkv",),
        "layers.#.attention_out": ("model.layers.#.attn.Wo",),
        "layers.#.mlp_norm": ("model.layers.#.mlp_norm",),
        "layers.#.mlp_in": ("model.layers.#.mlp.Wi",),
        "layers.#.mlp_out": ("model.layers.#.mlp.Wo",),
        "final_norm": ("model.final_norm",),
    },
}

_MODERNBERT_TRANSFORM: _Names = {"transform.dense": ("head.dense",), "transform.norm": ("head.norm",)}
_HEAD: dict[tuple[str, str], _Names] = {
    ("bert", "masked"): {
        "transform.dense": ("cls.predictions.transform.dense",),
        "transform.norm": ("cls.predictions.transform.LayerNorm",),
        "bias": ("cls.predictions.bias",),
    },
    ("bert", "next"): {"transform.dense": ("bert.pooler.dense",), "out": ("cls.seq_relationship",)},
    ("bert", "pooled"): {"transform.dense": ("bert.pooler.dense",), "out": ("classifier",)},
    ("bert", "token"): {"out": ("classifier",)},
    ("modernbert", "masked"): {**_MODERNBERT_TRANSFORM, "bias": ("decoder.bias",)},
    # transformers has no next-sentence head for ModernBERT; it passes over weights that it does not know.
    ("modernbert", "next"): {
        "transform.dense": ("next_sentence.dense",),
        "out": ("next_sentence.classifier",),
    },
    ("modernbert", "pooled"): {**_MODERNBERT_TRANSFORM, "out": ("classifier",)},
    ("modernbert", "token"): {**_MODERNBERT_TRANSFORM, "out": ("classifier",)},
}

TOKEN_TABLE = {
    "bert": "bert.embeddings.word_embeddings.weight",
    "modernbert": "model.embeddings.tok_embeddings.weight",
}
# The masked head's last matrix is the token table; old files hold it a second time.
TIED_TABLE = {"bert": "cls.predictions.decoder.weight", "modernbert": "decoder.weight"}


def class_name(encoder: str, architecture: Architecture) -> str:
    """transformers' class, as `architectures` in `config.json` names it."""
    return _CLASS_PREFIX[encoder] + architecture


def bare_name(name: str) -> str:
    """The name that an encoder's weight has in a directory without a head; `present_name` leads back."""
    return name.removeprefix("bert.").removeprefix("model.")


def output_name(encoder: str, architecture: Architecture) -> str:
    """Their name of the last layer of a pooled or token head."""
    return "qa_outputs" if (encoder, architecture) == ("bert", "QuestionAnswering") else "classifier"


def their_names(model: PretrainingModel | TaskModel, architecture: Architecture) -> _Names:
    """For each weight of `model` the name, or the three names, it has in a directory of that architecture."""
    encoder = model.config.encoder
    table = {f"encoder.{ours}": theirs for ours, theirs in _ENCODER[encoder].items()}
    heads = (
        {"masked_head": "masked", "next_head": "next"} if isinstance(model, PretrainingModel) else {"head": model.kind}
    )
    for attribute, head in heads.items():
        table |= {f"{attribute}.{ours}": theirs for ours, theirs in _HEAD[encoder, head].items()}
    if "head.out" in table:
        table["head.out"] = (output_name(encoder, architecture),)
    return {name: _look_up(table, name) for name in model.state_dict()}


def _look_up(table: _Names, name: str) -> tuple[str, ...]:
    layer = re.search(r"\.(\d+)\.", name)
    number = layer[1] if layer else ""
    pattern = re.sub(r"\.\d+\.", ".#.", name)
    if pattern in table:
        return table[pattern]
    prefix, _, last = pattern.rpartition(".")
    return tuple(f"{theirs.replace('#', number)}.{last}" for theirs in table[prefix])


def present_name(encoder: str, name: str) -> str:
    """The name transformers gives today to a weight that an older or a bare model may call otherwise."""
    name = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name))
    if name == "cls.predictions.decoder.bias":
        return "cls.predictions.bias"
    # A model saved without a head has no prefix.
    if encoder == "bert" and name.startswith(("embeddings.", "encoder.", "pooler.")):
        return f"bert.{name}"
    if encoder == "modernbert" and name.startswith(("embeddings.", "layers.", "final_norm.")):
        return f"model.{name}"
    return name
