"""How well vectors know what belongs together: pairs with scores by rank correlation, others by finding the partner."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.search.pairs import TextPair, read_pairs
from malmoi.search.vectorizer import Vectorizer, load_vectorizer
from malmoi.tasks.metrics import spearman


def pair_metrics(vectorizer: Vectorizer, pairs: Sequence[TextPair]) -> dict[str, float]:
    """In percent; Spearman where pairs have scores, else how often the first text finds its second among all."""
    if not pairs:
        return {}
    first, second = (
        vectorizer.encode([getattr(pair, side) for pair in pairs], normalize=True) for side in ("first", "second")
    )
    own = (first * second).sum(-1)
    if pairs[0].score is not None:
        return {"spearman": spearman([float(pair.score or 0) for pair in pairs], own.tolist())}
    different = dict(zip((pair.second for pair in pairs), second, strict=True))
    ranks = 1 + (first @ np.stack(list(different.values())).T > own[:, None] + 1e-6).sum(1)
    return {"top_1": 100 * float((ranks == 1).mean()), "mrr": 100 * float((1 / ranks).mean())}


def evaluate_pairs(directory: Path, file: Path, *, format: str = "auto", device: str | None = None) -> dict[str, Any]:
    """Judge an embedder, Sent2Vec, or a model that never learnt to compare texts.

    Args:
        directory: the model.
        file: pairs; see `read_pairs`.
        format: of the file.
        device: for the model.

    Returns:
        `{"task", "n_examples", "metrics"}`.

    Raises:
        InputError: the file cannot be read. OptionError: labels of which none is known to mean the same.
        CheckpointError: no model.
    """
    pairs = read_pairs(file, format)
    metrics = pair_metrics(load_vectorizer(directory, device=device), pairs)
    rounded = {name: round(value, 4) for name, value in metrics.items()}
    return {"task": "embedding", "n_examples": len(pairs), "metrics": rounded}
