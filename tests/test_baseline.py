"""The linear baseline learns what words say, and is refused where there is none."""

from pathlib import Path

import pytest

from malmoi import baseline
from malmoi.baseline import check_baseline, linear_baseline
from malmoi.errors import OptionError
from malmoi.finetune import finetune
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.tasks.pair import Pair, PairExample
from malmoi.tasks.regression import Regression
from malmoi.training.options import FinetuneOptions

WORDS = ["사과", "포도", "감자", "양파", "당근", "수박", "참외", "호박"]


@pytest.fixture
def no_morphemes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no analyser is installed: loading one takes seconds."""
    monkeypatch.setattr(baseline, "_morphemes", lambda texts: None)


@pytest.mark.usefixtures("no_morphemes")
def test_texts_by_their_words() -> None:
    train = [ClassificationExample(f"{word} 값이 {how}", how) for word in WORDS for how in ("올랐다", "내렸다")]
    dev = [ClassificationExample(f"배추 값이 {how}", how) for how in ("올랐다", "내렸다")]
    assert linear_baseline(Classification.from_examples(train), train, dev).metrics["accuracy"] == 100.0


@pytest.mark.usefixtures("no_morphemes")
def test_pairs_by_what_they_share() -> None:
    train = [PairExample(f"{w} 주세요", f"{v} 주세요", str(int(w == v))) for w in WORDS for v in WORDS]
    dev = [PairExample(f"{w} 있어요?", f"{v} 있어요?", str(int(w == v))) for w in WORDS[:4] for v in WORDS[:4]]
    scores = linear_baseline(Pair.from_examples(train), train, dev)
    assert scores.metrics["accuracy"] >= 90.0


@pytest.mark.slow
def test_morphemes_where_an_analyser_is_installed() -> None:
    pytest.importorskip("kiwipiepy")
    found = baseline._morphemes(["사과를 샀다"])
    assert found is not None and found[0][:2] == ["사과/NNG", "를/JKO"]
    test_texts_by_their_words()


def test_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="no baseline for regression"):
        check_baseline(Regression)
    monkeypatch.setattr(baseline, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"malmoi\[baseline\]"):
        check_baseline(Classification)


@pytest.mark.usefixtures("no_morphemes")
def test_it_stands_beside_the_model_in_the_report(quick_run: Path, tmp_path: Path) -> None:
    report = finetune(
        "classification",
        quick_run / "pretrained",
        quick_run / "train.tsv",
        tmp_path / "m",
        FinetuneOptions(epochs=1, device="cpu"),
        dev=quick_run / "dev.tsv",
        baseline=True,
    )
    assert report.baseline.keys() == report.mean.keys()
    assert f"(linear baseline {report.baseline['accuracy']:.2f})" in str(report)
    assert '"baseline": {' in (tmp_path / "m" / "report.json").read_text()
