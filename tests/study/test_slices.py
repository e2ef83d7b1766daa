"""The slice of a corpus that a study learns from, and what it puts aside."""

import json
from pathlib import Path

import pytest

from malmoi.corpus.readers import corpus_parts, iter_corpus
from malmoi.errors import InputError
from malmoi.study.slices import Evenly, corpus_size, write_slices


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two hundred long documents, then eight hundred short ones."""
    texts = [f"기사 {n} " + "말모이는 사전이다. " * 40 for n in range(200)] + [f"재미있다 {n}" for n in range(800)]
    path = tmp_path / "corpus.jsonl"
    lines = (json.dumps({"id": str(n), "title": "", "text": text.strip()}) for n, text in enumerate(texts))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_share_at_even_distances() -> None:
    take = Evenly(0.25)
    assert [take() for _ in range(8)] == [False, True, False, False] * 2
    take = Evenly(1.0)
    assert all(take() for _ in range(5))


def test_slices_share_no_document_and_keep_proportions(corpus: Path, tmp_path: Path) -> None:
    size = corpus_size(corpus)
    assert size.n_documents == 1000
    learnt, held_out = write_slices(corpus, size, size.n_characters // 2, tmp_path / "a", tmp_path / "b")
    chosen, aside = ([int(document.id) for document in iter_corpus(tmp_path / name)] for name in ("a", "b"))
    assert not set(chosen) & set(aside)
    assert (len(chosen), len(aside)) == (learnt.n_documents, held_out.n_documents)
    assert learnt.n_characters == pytest.approx(size.n_characters / 2, rel=0.05)
    for ids in (chosen, aside):
        assert sum(n < 200 for n in ids) / len(ids) == pytest.approx(0.2, abs=0.02)
    assert (tmp_path / "a" / "manifest.json").is_file()


def test_all_there_is_but_for_what_is_put_aside(corpus: Path, tmp_path: Path) -> None:
    size = corpus_size(corpus)
    learnt, held_out = write_slices(corpus, size, 10 * size.n_characters, tmp_path / "a", tmp_path / "b")
    assert learnt.n_documents + held_out.n_documents == 1000
    assert held_out.n_documents == 100


def test_large_slices_have_several_parts(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("malmoi.study.slices._PART_CHARS", 20_000)
    size = corpus_size(corpus)
    write_slices(corpus, size, size.n_characters, tmp_path / "a", tmp_path / "b")
    assert len(corpus_parts(tmp_path / "a")) > 2


def test_too_few_documents(tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("말모이는 사전이다.\n", encoding="utf-8")
    with pytest.raises(InputError, match="expected 20 or more"):
        corpus_size(tmp_path / "few.txt")
