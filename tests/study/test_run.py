"""A whole study, small; and that one which was stopped goes on behind what it had finished."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

import malmoi.study.run
from malmoi.errors import AnalyzerError, InputError, OptionError, OutputError
from malmoi.study.options import StudyOptions
from malmoi.study.report import StudyReport
from malmoi.study.run import run_study
from malmoi.tokenizer.tokenizer import Tokenizer


def options_for(quick_run: Path, **more: Any) -> StudyOptions:
    opinions = f"opinions=classification:{quick_run / 'train.tsv'}:{quick_run / 'dev.tsv'}"
    given = {"ways": "eojeol:20000,lemma:2500", "task": (opinions,), "budget": "1s", "size": "tiny", "batch_rows": 4}
    return StudyOptions(**(given | {"epochs": 1, "device": "cpu"} | more))


@pytest.fixture(scope="module")
def study(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyReport]:
    """A study that was stopped three times, each time in another stage."""
    out = tmp_path_factory.mktemp("study") / "out"
    options = options_for(quick_run)
    patch = pytest.MonkeyPatch()
    for name in ("learn_vocabulary", "pretrain_way", "finetune_way"):
        with patch.context() as stopping:
            stopping.setattr(malmoi.study.run, name, _stopping_at_the_second(getattr(malmoi.study.run, name)))
            with pytest.raises(KeyboardInterrupt):
                run_study(quick_run / "corpus", out, options)
        assert not (out / "report.json").exists()
    return out, run_study(quick_run / "corpus", out, options)


def _stopping_at_the_second(function: Any) -> Any:
    calls = []

    def call(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return function(*arguments)

    return call


def test_the_report_has_every_figure_of_every_way(study: tuple[Path, StudyReport]) -> None:
    out, report = study
    assert [way.segment for way in report.ways] == ["eojeol", "lemma"]
    eojeol, lemma = report.ways
    assert (eojeol.wanted_size, lemma.size, lemma.wanted_size) == (20_000, 2500, 2500)
    assert 2500 < eojeol.size < 20_000, "the text gives fewer entries than were asked for"
    assert (eojeol.needs_analyzer, lemma.needs_analyzer) == (False, True)
    for way in report.ways:
        assert 0.3 < way.tokens_per_character < 1 and 0 <= way.unk_rate < 0.1 and way.characters_per_second > 100
        assert 3 < way.eojeol_bits < 20 and 3 < way.masked_bits < 20
        assert way.n_steps >= 10 and way.curve[-1][0] == 1
        score = way.scores["opinions"]
        assert len(score.by_seed) == 2 and 20 < score.metrics["accuracy"] < 80
    assert [len(pieces) for pieces in eojeol.examples] == [
        len(Tokenizer.load(out / "ways" / eojeol.name / "tokenizer").encode(s, special_tokens=False).ids)
        for s in report.sentences
    ]
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["ways"][0]["name"] == "eojeol-20000"
    assert "lemma-2500" in (out / "report.html").read_text(encoding="utf-8")
    assert "opinions accuracy" in str(report)


def test_all_ways_are_fine_tuned_on_the_same_examples(study: tuple[Path, StudyReport]) -> None:
    out, report = study
    assert report.tasks[0].n_train == len((out / "tasks" / "opinions" / "train.jsonl").read_text().splitlines())
    manifests = [
        json.loads((out / "ways" / way.name / "opinions" / "manifest.json").read_text()) for way in report.ways
    ]
    for name in ("lr", "epochs", "seeds", "batch_size", "max_tokens"):
        assert manifests[0]["options"][name] == manifests[1]["options"][name]


def test_what_is_done_is_not_done_again(
    quick_run: Path, study: tuple[Path, StudyReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = study
    for name in ("take_text", "learn_vocabulary", "make_shards", "step_cost", "pretrain_way", "judge_model"):
        monkeypatch.setattr(malmoi.study.run, name, None)
    page = (out / "report.html").read_bytes()
    assert run_study(quick_run / "corpus", out, options_for(quick_run)) == report
    assert (out / "report.html").read_bytes() == page


def test_another_study_is_not_mixed_in(quick_run: Path, study: tuple[Path, StudyReport], tmp_path: Path) -> None:
    out, _ = study
    with pytest.raises(OptionError, match=r"seeds is 3, the study in .* was begun with 2"):
        run_study(quick_run / "corpus", out, options_for(quick_run, seeds=3))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="no study"):
        run_study(quick_run / "corpus", tmp_path / "other", options_for(quick_run), force=True)


def test_inputs_that_are_missing(quick_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        run_study(tmp_path / "none", tmp_path / "out", options_for(quick_run))
    lacking = options_for(quick_run, task=(f"x=classification:{tmp_path / 'a'}:{tmp_path / 'b'}",))
    with pytest.raises(InputError, match="a does not exist"):
        run_study(quick_run / "corpus", tmp_path / "out", lacking)
    assert not (tmp_path / "out").exists()


def test_an_analyser_that_is_not_installed(quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(AnalyzerError, match="analyser okt is not installed"):
        run_study(quick_run / "corpus", tmp_path / "out", options_for(quick_run, analyzer="okt"))
    assert not (tmp_path / "out").exists()
