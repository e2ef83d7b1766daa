"""A run that is killed at any moment and started again gives the bytes of one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from malmoi.corpus import clean, pieces
from malmoi.corpus.build import build_corpus
from malmoi.corpus.clean import clean_piece
from malmoi.corpus.options import CorpusOptions
from malmoi.errors import MalmoiError, OutputError
from malmoi.workplace import workplace

# Small pieces, so that there are many.
SCRIPT = """
import sys
from pathlib import Path
from malmoi.corpus import pieces
from malmoi.corpus.build import build_corpus
pieces.PIECE_CHARS, pieces.SPAN_BYTES = 20_000, 30_000
if __name__ == "__main__":
    inputs, out, rejects, workers = sys.argv[1:]
    build_corpus([Path(inputs)], Path(out), rejects=Path(rejects), workers=int(workers), force=True)
"""


def _files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    rng = random.Random(0)
    folder = tmp_path / "in"
    folder.mkdir()
    for number, n_documents in enumerate((12_000, 900, 900)):  # one file to cut, two to read whole
        documents = [
            f"나그네 {rng.randrange(20_000)}명이 고개 {rng.randrange(3)}개를 넘었다." for _ in range(n_documents)
        ]
        (folder / f"{number}.txt").write_text("\n\n".join(documents), encoding="utf-8")
    return folder


def _n_finished(tmp_path: Path) -> int:
    return len(list(tmp_path.glob(".out.work/*/piece-*[0-9]")))


def _start(tmp_path: Path, inputs: Path, workers: int) -> subprocess.Popen[bytes]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    arguments = [inputs, tmp_path / "out", tmp_path / "rejects.jsonl", workers]
    return subprocess.Popen([sys.executable, str(script), *map(str, arguments)], stderr=subprocess.PIPE)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    tmp_path: Path, inputs: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_CHARS", 20_000)
    monkeypatch.setattr(pieces, "SPAN_BYTES", 30_000)
    build_corpus([inputs], tmp_path / "whole", rejects=tmp_path / "whole.jsonl")
    rng = random.Random(workers)
    left = []
    while len(left) < 4 and not (tmp_path / "out").exists():
        n_before = _n_finished(tmp_path)
        process = _start(tmp_path, inputs, workers)
        while process.poll() is None and _n_finished(tmp_path) == n_before:
            time.sleep(0.001)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        left.append(_n_finished(tmp_path))
    assert any(left)  # there was something to go on with
    messages = _start(tmp_path, inputs, workers).communicate(timeout=60)[1].decode()
    assert "Traceback" not in messages and ("going on with" in messages or not left[-1])
    assert _files(tmp_path / "out") == _files(tmp_path / "whole")
    assert (tmp_path / "rejects.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_finished_pieces_are_not_done_again(tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_CHARS", 20_000)
    monkeypatch.setattr(pieces, "SPAN_BYTES", 30_000)
    done = []
    real = clean._clean

    def stop_at_third(piece: pieces.Piece, *rest: object) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(piece.number)
        real(piece, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(clean, "_clean", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        build_corpus([inputs], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(clean, "_clean", lambda piece, *rest: (done.append(piece.number), real(piece, *rest)))
    build_corpus([inputs], tmp_path / "out")
    assert done == sorted(set(done)) and done[:2] == [0, 1] and len(done) > 4


@pytest.mark.parametrize("change", ["options", "input files"])
def test_changed_inputs_or_options_start_over_and_say_so(
    tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    monkeypatch.setattr("malmoi.corpus.build._write", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_corpus([inputs], tmp_path / "out")
    monkeypatch.undo()
    assert list(tmp_path.glob(".out.work/*/piece-000000"))
    options = CorpusOptions()
    if change == "options":
        options = CorpusOptions(min_chars=21)
    else:
        (inputs / "0.txt").write_text("이제 고개는 하나뿐이고 나그네도 그렇다.", encoding="utf-8")
    report = build_corpus([inputs], tmp_path / "out", options)
    assert f"starting over: an interrupted run in {tmp_path}/.out.work had other {change}" in capsys.readouterr().err
    assert report == build_corpus([inputs], tmp_path / "fresh", options)
    assert _files(tmp_path / "out") == _files(tmp_path / "fresh")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_full_disk_keeps_finished_pieces_and_says_so(
    tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("malmoi.corpus.build._write", full)
    with pytest.raises(OutputError, match=r"No space left on device.*run the same command again.* 1 finished pieces"):
        build_corpus([inputs], tmp_path / "out")
    monkeypatch.setattr(clean, "_clean", full)
    with pytest.raises(OutputError, match=r"No space left on device.*nothing was changed"):
        build_corpus([inputs], tmp_path / "other")
    assert not list(tmp_path.glob(".other*"))


def test_two_runs_at_once_are_refused(tmp_path: Path, inputs: Path) -> None:
    with workplace(tmp_path / "out", {}), pytest.raises(OutputError, match="another run is writing"):
        build_corpus([inputs], tmp_path / "out")
    build_corpus([inputs], tmp_path / "out")


def test_a_piece_done_by_two_workers_is_there_once(tmp_path: Path) -> None:
    piece = pieces.Piece(0, 0, (), (("가-1", "", "두 나그네가 함께 고개를 넘어 마을로 내려왔다.", "text"),), {}, {})
    for _ in range(2):
        clean_piece(piece, work=tmp_path, options=(CorpusOptions(),), keep_rejects=True)
    assert [path.name for path in tmp_path.iterdir()] == ["piece-000000"]
    assert json.loads((tmp_path / "piece-000000" / "outcome.json").read_text())["n_kept"] == 1


def test_a_journal_cut_off_is_no_journal(tmp_path: Path, inputs: Path) -> None:
    work = tmp_path / ".out.work"
    work.mkdir()
    (work / "journal.json").write_text("{")
    assert build_corpus([inputs], tmp_path / "out").n_kept
    assert os.listdir(tmp_path / "out") and not work.exists()  # noqa: PTH208


def test_an_error_of_an_option_leaves_nothing(tmp_path: Path, inputs: Path) -> None:
    with pytest.raises(MalmoiError, match="is left"):
        build_corpus([inputs], tmp_path / "out", CorpusOptions(min_chars=1000))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
