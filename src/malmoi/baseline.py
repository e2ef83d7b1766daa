"""A linear baseline beside a fine-tuned model: what does BERT buy? TF-IDF of short character strings and morphemes.

Not a model that malmoi ships or serves: it is fitted, measured and forgotten. Needs scikit-learn (`malmoi[baseline]`).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from malmoi.errors import OptionError
from malmoi.morphology.kiwi import load_kiwi
from malmoi.tasks.catalog import AnyTask
from malmoi.tasks.labels import LabelPrediction, LabelTask
from malmoi.tasks.pair import PairExample
from malmoi.tasks.task import Scores

_TASKS = ("classification", "pair")
_REGULARISATION = 0.3
_FEW_TEXTS = 1_000
"""Of fewer training texts every feature counts, of more those that occur twice."""


def check_baseline(kind: type[AnyTask]) -> None:
    """Refuse a baseline where there is none.

    Raises:
        OptionError: a task without one, or scikit-learn is not installed.
    """
    if kind.name not in _TASKS:
        raise OptionError(f"there is no baseline for {kind.name}: expected {' or '.join(_TASKS)}; leave --baseline out")
    if find_spec("sklearn") is None:
        raise OptionError("--baseline needs scikit-learn, which is not installed: pip install 'malmoi[baseline]'")


def linear_baseline(task: AnyTask, train: Sequence[Any], dev: Sequence[Any]) -> Scores:
    """Fit a linear classifier on `train` and judge it on `dev` by the task's own metrics.

    A text is its TF-IDF weights over strings of one to three characters within words, and over morphemes where Kiwi is
    installed. A pair is what both texts have in common (the product of their weights), what sets them apart (the
    difference), and the second text.

    Raises:
        OptionError: a task without a baseline, or scikit-learn is not installed.
    """
    check_baseline(type(task))
    assert isinstance(task, LabelTask), "tasks with a baseline have labels"
    from sklearn.svm import LinearSVC

    is_pair = task.name == "pair"
    texts = [text for example in (*train, *dev) for text in _texts(example)]
    features = _weights(texts, len(train) * (2 if is_pair else 1))
    if is_pair:
        features = _compared(features[0::2], features[1::2])
    classifier = LinearSVC(C=_REGULARISATION, random_state=0)
    classifier.fit(features[: len(train)], [example.label for example in train])
    predicted = classifier.predict(features[len(train) :])
    return task.score([LabelPrediction(str(label), {}) for label in predicted], dev)


def _texts(example: Any) -> tuple[str, ...]:
    return (example.first, example.second) if isinstance(example, PairExample) else (example.text,)


def _weights(texts: Sequence[str], n_train: int) -> Any:
    """Sparse `[n_texts, n_features]`: TF-IDF weights; the first `n_train` texts decide which features there are."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 1 if n_train < _FEW_TEXTS else 2
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), min_df=least, sublinear_tf=True)
    parts = [characters.fit(texts[:n_train]).transform(texts)]
    if (morphemes := _morphemes(texts)) is not None:
        whole = TfidfVectorizer(analyzer=list, ngram_range=(1, 1), min_df=least, sublinear_tf=True)
        parts.append(whole.fit(morphemes[:n_train]).transform(morphemes))
    return hstack(parts, format="csr")


def _compared(first: Any, second: Any) -> Any:
    """Sparse `[n_pairs, 3 n_features]` of two `[n_pairs, n_features]`."""
    from scipy.sparse import hstack

    return hstack([first.multiply(second), abs(first - second), second], format="csr")


def _morphemes(texts: Sequence[str]) -> list[list[str]] | None:
    """`form/tag` of each morpheme of each text; `None` where no analyser is installed."""
    if find_spec("kiwipiepy") is None:
        return None
    return [[f"{token.form}/{token.tag}" for token in tokens] for tokens in load_kiwi().tokenize(texts)]
