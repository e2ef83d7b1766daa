"""Results kept beside an output: what a run before has done is read, not done again; what it left half goes."""

import json
from pathlib import Path
from typing import IO

import pytest

from malmoi.artifact import read_manifest
from malmoi.corpus.build import build_corpus
from malmoi.corpus.options import CorpusOptions
from malmoi.errors import VocabularyError
from malmoi.pretraining import shards as shards_file
from malmoi.pretraining.shards import build_shards
from malmoi.tokenizer import count as count_file
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.workplace import map_kept, workplace


def _save(value: int, file: IO[bytes]) -> None:
    file.write(str(value).encode())


def _load(path: Path) -> int:
    return int(path.read_text())


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "piece-000001").write_text("-7")
    results = map_kept(abs, [-1, -2, -3], tmp_path, save=_save, load=_load, workers=1, engine="local")
    assert list(results) == [1, -7, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["piece-000000", "piece-000001", "piece-000002"]


def test_a_piece_that_fails_leaves_nothing_and_the_ones_before_it_stay(tmp_path: Path) -> None:
    def run() -> list[int]:
        with workplace(tmp_path / "out", {"a": 1}) as work:
            return list(map_kept(int, ["5", "x"], work, save=_save, load=_load, workers=1, engine="local"))

    with pytest.raises(ValueError, match="invalid literal"):
        run()
    (place,) = tmp_path.glob(".out.work/*/")
    assert [path.name for path in place.iterdir()] == ["piece-000000"]
    (place / "piece-000001.half.tmp").write_text("no")
    (place / "piece-000001").write_text("6")
    assert run() == [5, 6]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of several parts."""
    monkeypatch.setattr("malmoi.corpus.pieces.PIECE_CHARS", 1000)
    monkeypatch.setattr("malmoi.corpus.pieces.SPAN_BYTES", 100)
    texts = [f"{'가나다라마바사아자차'[i % 10]}마을 {i}번지에는 나그네가 살았다." for i in range(300)]
    lines = [json.dumps({"id": str(i), "title": "", "text": text}) for i, text in enumerate(texts)]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    build_corpus([tmp_path / "texts.jsonl"], tmp_path / "corpus", CorpusOptions(near_duplicates=None))
    assert len(list((tmp_path / "corpus").glob("part-*"))) > 4
    return tmp_path / "corpus"


def test_interrupted_vocabularies_and_shards_go_on_where_they_were(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def vocab(name: str) -> str:
        build_vocab(corpus, tmp_path / name, VocabOptions(size=100), force=True)
        return read_manifest(tmp_path / name, "tokenizer").content_hash

    def shards(name: str) -> str:
        build_shards(corpus, tmp_path / "vocab", tmp_path / name, force=True)
        return read_manifest(tmp_path / name, "shards").content_hash

    for run, module, name in ((vocab, count_file, "_count"), (shards, shards_file, "_encode_piece")):
        whole = run(run.__name__)
        real, done = getattr(module, name), []

        def stop_at_third(piece: Path, real=real, done=done, **rest: object) -> object:  # type: ignore[no-untyped-def]
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(piece)
            return real(piece, **rest)

        monkeypatch.setattr(module, name, stop_at_third)
        with pytest.raises(KeyboardInterrupt):
            run(f"{run.__name__}-again")
        assert not (tmp_path / f"{run.__name__}-again").exists()

        def note(piece: Path, real=real, done=done, **rest: object) -> object:  # type: ignore[no-untyped-def]
            done.append(piece)
            return real(piece, **rest)

        monkeypatch.setattr(module, name, note)
        assert run(f"{run.__name__}-again") == whole
        assert "going on with what an interrupted run left" in capsys.readouterr().err
        assert done == sorted(corpus.glob("part-*"))
        assert not list(tmp_path.glob(".*"))


def test_another_size_uses_the_counts_that_are_there_and_another_corpus_does_not(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("malmoi.tokenizer.build.learn", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_vocab(corpus, tmp_path / "vocab", VocabOptions(size=105))
    with pytest.raises(KeyboardInterrupt):
        build_vocab(corpus, tmp_path / "vocab", VocabOptions(size=100))
    assert "going on" in capsys.readouterr().err
    (corpus / "part-00000.jsonl").touch()
    with pytest.raises(KeyboardInterrupt):
        build_vocab(corpus, tmp_path / "vocab", VocabOptions(size=100))
    assert "had other corpus" in capsys.readouterr().err
    monkeypatch.undo()
    with pytest.raises(VocabularyError, match="size is 30000"):
        build_vocab(corpus, tmp_path / "vocab", VocabOptions(size=30_000))
    assert not list(tmp_path.glob(".*"))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
