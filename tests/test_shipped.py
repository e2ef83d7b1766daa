"""The models that ship: a directory dropped into the package's folder is found; without any, the message says so."""

import shutil
from pathlib import Path

import pytest

import malmoi.shipped
from malmoi.cli.commands import app
from malmoi.errors import OptionError
from malmoi.predictor import Predictor
from malmoi.serving.options import ServeOptions
from malmoi.serving.run import load_app, name_all
from malmoi.shipped import find_model, shipped_models
from malmoi.tokenizer.tokenizer import Tokenizer


def test_model_directories_are_found_by_name(tmp_path: Path) -> None:
    for name in ("review", "base", "notes"):
        (tmp_path / name).mkdir()
    for name in ("review", "base"):
        (tmp_path / name / "config.json").touch()
    (tmp_path / "README.md").touch()
    assert [path.name for path in shipped_models(tmp_path)] == ["base", "review"]
    assert shipped_models(tmp_path / "missing") == []


def test_serve_without_a_model_serves_what_ships(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(malmoi.shipped, "FOLDER", tmp_path)
    with pytest.raises(OptionError, match=r"none ships with this malmoi.*quickstart"):
        name_all([], ServeOptions())
    shutil.copytree(exported / "model", tmp_path / "review")
    named = name_all([], ServeOptions())
    assert named.models == {"review": tmp_path / "review"}
    assert [route.path for route in load_app(named, ServeOptions()).routes].count("/v1/models/review/predict") == 1
    # What is asked for is served alone.
    assert name_all([exported / "model"], ServeOptions()).models == {"model": exported / "model"}
    assert name_all([], ServeOptions(index=["a=b"])).models == {}


def test_a_model_that_ships_is_named_everywhere(
    exported: Path, quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(malmoi.shipped, "FOLDER", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(exported / "model", tmp_path / "models" / "review")
    assert find_model("review") == tmp_path / "models" / "review"
    assert Predictor.load("review").predict([{"text": "좋았다"}])[0].label in ("negative", "positive")
    assert len(Tokenizer.load("review").vocabulary) > 1000
    assert name_all([Path("mine=review")], ServeOptions()).models == {"mine": tmp_path / "models" / "review"}
    app(["evaluate", "review", str(quick_run / "dev.tsv")], result_action="return_value")
    assert '"n_examples": 40' in capsys.readouterr().out
    # What is not there is said under the name that was given; what is there under that name comes first.
    assert find_model("revue") == Path("revue") and find_model("models/review") == Path("models/review")
    (tmp_path / "review").mkdir()
    assert find_model("review") == Path("review")
