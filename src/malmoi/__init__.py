"""malmoi: from raw Korean text to a Korean BERT that works."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from malmoi.predictor import Predictor as Predictor
    from malmoi.search.embedder import Embedder as Embedder
    from malmoi.search.index import Index as Index
    from malmoi.tokenizer.tokenizer import Tokenizer as Tokenizer

__version__ = "0.1.0"
__all__ = ["Embedder", "Index", "Predictor", "Tokenizer", "__version__"]

# Imported at first use, so that `import malmoi` stays fast and never needs PyTorch.
_LAZY = {
    "Embedder": "malmoi.search.embedder",
    "Index": "malmoi.search.index",
    "Predictor": "malmoi.predictor",
    "Tokenizer": "malmoi.tokenizer.tokenizer",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'malmoi' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
