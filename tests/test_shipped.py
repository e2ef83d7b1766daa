"""The models that ship: a directory dropped into the package's folder is found; without any, the message says so."""

import shutil
from pathlib import Path

import pytest

import malmoi.shipped
from malmoi.errors import OptionError
from malmoi.serving.options import ServeOptions
from malmoi.serving.run import load_app, name_all
from malmoi.shipped import shipped_models


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
