"""Directories appear whole or not at all, and what stood there before is kept until then."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.artifact import (
    FORMAT_VERSION,
    MANIFEST,
    check_output,
    file_hash,
    read_manifest,
    staged_directory,
    staged_files,
    write_json,
)
from malmoi.errors import InputError, OutputError


def make(out: Path, text: str, *, kind: str = "corpus", force: bool = False) -> None:
    with staged_directory(out, kind=kind, options={"size": 3}, force=force) as directory:
        (directory / "part.txt").write_text(text, encoding="utf-8")


def contents(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_directory_and_its_manifest(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    make(out, "말")
    manifest = read_manifest(out, "corpus")
    assert manifest.options == {"size": 3}
    assert manifest.files == {"part.txt": file_hash(out / "part.txt")}
    assert contents(out) == {"part.txt", MANIFEST}
    assert contents(tmp_path / "deep") == {"out"}


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    for name, text in (("one", "말"), ("two", "말"), ("three", "글")):
        make(tmp_path / name, text)
    one, two, three = (read_manifest(tmp_path / name, "corpus").content_hash for name in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x"), InputError("x")])
def test_a_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    make(tmp_path / "out", "말")
    for out, force in ((tmp_path / "new", False), (tmp_path / "out", True)):
        with pytest.raises(type(error)), staged_directory(out, kind="corpus", options={}, force=force) as directory:
            (directory / "part.txt").write_text("반")
            raise error
    assert contents(tmp_path) == {"out"}
    assert (tmp_path / "out" / "part.txt").read_text(encoding="utf-8") == "말"


def test_force_replaces_all_of_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "말")
    with staged_directory(out, kind="corpus", options={}, force=True) as directory:
        (directory / "other.txt").write_text("글", encoding="utf-8")
    assert contents(out) == {"other.txt", MANIFEST}
    assert contents(tmp_path) == {"out"}


def test_what_may_be_written_over(tmp_path: Path) -> None:
    make(tmp_path / "made", "말")
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").touch()
    (tmp_path / "file").touch()
    check_output(tmp_path / "nothing", force=False)
    check_output(tmp_path / "empty", force=False)
    check_output(tmp_path / "made", force=True)
    for name, force, message in (
        ("made", False, "exists already.*--force"),
        ("foreign", False, "exists already"),
        ("foreign", True, "was not made by malmoi"),
        ("file", True, "is a file"),
    ):
        with pytest.raises(OutputError, match=message):
            check_output(tmp_path / name, force=force)


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    # In a container every process has the same small number, so the next one meets the leftovers' very names.
    out = tmp_path / "out"
    make(out, "말")
    for name in (f".out.{os.getpid()}.tmp", f".out.{os.getpid()}.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part.txt").write_text("반")
        (tmp_path / name / "half.txt").write_text("반")
    make(out, "글", force=True)
    assert contents(out) == {"part.txt", MANIFEST}
    assert contents(tmp_path) == {"out"}
    (out / f".{os.getpid()}.tmp").mkdir()
    with staged_files(out, kind="model", options={}) as directory:
        (directory / "model.txt").write_text("몸")
    assert contents(out) == {"part.txt", "model.txt", MANIFEST}


def test_a_kill_leaves_the_old_directory(tmp_path: Path) -> None:
    make(tmp_path / "out", "말")
    program = (
        "import os, signal, sys; from pathlib import Path; from malmoi.artifact import staged_directory\n"
        "with staged_directory(Path(sys.argv[1]), kind='corpus', options={}, force=True) as directory:\n"
        "    (directory / 'part.txt').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], check=False)
    assert killed.returncode == -9
    assert read_manifest(tmp_path / "out", "corpus").files == {"part.txt": file_hash(tmp_path / "out" / "part.txt")}
    assert (tmp_path / "out" / "part.txt").read_text(encoding="utf-8") == "말"


def test_a_full_disk_is_the_outputs_fault(tmp_path: Path) -> None:
    make(tmp_path / "out", "말")
    with (
        pytest.raises(OutputError, match=rf"cannot write .*out \({os.strerror(errno.ENOSPC)}\).*free some space"),
        staged_directory(tmp_path / "out", kind="corpus", options={}, force=True),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (  # NumPy's own, without a number
        pytest.raises(OutputError, match="10 requested and 3 written"),
        staged_directory(tmp_path / "out", kind="corpus", options={}, force=True),
    ):
        raise OSError("10 requested and 3 written")
    assert contents(tmp_path) == {"out"}
    assert (tmp_path / "out" / "part.txt").read_text(encoding="utf-8") == "말"


def test_a_missing_input_is_not_the_outputs_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Once an input beside the output, or any with a relative path, was taken for the output.
    for out, source in ((tmp_path / "out", tmp_path / "absent.txt"), (Path("out"), Path("../absent.txt"))):
        with pytest.raises(FileNotFoundError), staged_directory(out, kind="corpus", options={}):
            source.read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"):
        make(tmp_path / "out", "말")


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*another --out"):
        make(tmp_path / "file" / "out", "말")


def test_another_kind_of_directory(tmp_path: Path) -> None:
    make(tmp_path / "out", "말")
    with pytest.raises(InputError, match="is a corpus directory: expected a shards directory"):
        read_manifest(tmp_path / "out", "shards")
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match=r"has no manifest.json.*`malmoi shards`"):
        read_manifest(tmp_path / "plain", "shards")
    with pytest.raises(InputError, match=r"does not exist.*`malmoi corpus`"):
        read_manifest(tmp_path / "absent", "corpus")


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    make(tmp_path / "out", "말")
    values = json.loads((tmp_path / "out" / MANIFEST).read_text(encoding="utf-8"))
    write_json(tmp_path / "out" / MANIFEST, values | {"format_version": FORMAT_VERSION + 1, "novelty": True})
    with pytest.raises(InputError, match="upgrade malmoi"):
        read_manifest(tmp_path / "out", "corpus")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"kind": "corpus"}', '{"format_version": "1"}'])
def test_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    make(tmp_path / "out", "말")
    (tmp_path / "out" / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json cannot be read.*make the corpus directory again"):
        read_manifest(tmp_path / "out", "corpus")


def test_files_beside_others(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "log.jsonl").write_text("{}\n")
    with staged_files(out, kind="model", options={}) as directory:
        (directory / "model.txt").write_text("몸")
        assert contents(out) == {"log.jsonl", directory.name}
    assert contents(out) == {"log.jsonl", "model.txt", MANIFEST}
    assert set(read_manifest(out, "model").files) == {"log.jsonl", "model.txt"}
    with pytest.raises(ValueError), staged_files(out, kind="model", options={}) as directory:
        (directory / "model.txt").write_text("반")
        raise ValueError
    assert (out / "model.txt").read_text() == "몸"
