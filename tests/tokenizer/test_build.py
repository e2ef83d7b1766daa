"""A corpus becomes a tokenizer directory: the same bytes every time, and a report that is right."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.artifact import read_manifest
from malmoi.errors import InputError, OutputError, VocabularyError
from malmoi.tokenizer.backend import malmoi_normalizer
from malmoi.tokenizer.build import CorpusCounts, VocabOptions, build_vocab, count_corpus, measure
from malmoi.tokenizer.tokenizer import Tokenizer

TEXTS = [
    "말모이는 우리말을 모은 책이다.\n우리말을 모은 사람들이 말모이를 만들었다.",
    "사람들이 모은 말을 책에 적었다. KBS 2019年",
    "책을 만든 사람들",
]
SIZE = 65


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    directory = tmp_path / "corpus"
    directory.mkdir()
    for number, texts in enumerate((TEXTS[:1], TEXTS[1:])):
        lines = [json.dumps({"id": str(i), "title": "", "text": text}) for i, text in enumerate(texts)]
        (directory / f"part-{number:05}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return directory


def test_eojeols_are_counted_in_order_of_first_appearance(corpus: Path) -> None:
    counts = count_corpus(corpus)
    assert list(counts.eojeols)[:6] == ["말모이는", "우리말을", "모은", "책이다.", "사람들이", "말모이를"]
    assert counts.eojeols["모은"] == 3
    assert counts.eojeols.total() == 19
    assert counts.n_documents == 3
    assert counts.n_characters == sum(map(len, TEXTS))


@given(st.text("가나 \n\t\x0b\x1c\x85\u200b\u2028\u3000\xa0.a"))
def test_eojeols_end_where_the_tokenizer_cuts(text: str) -> None:
    # `str.split` cuts at some controls that BERT deletes.
    counts = CorpusCounts()
    counts.add(text)
    whole = malmoi_normalizer(lowercase=False).normalize_str(text).split(" ")
    alone = [malmoi_normalizer(lowercase=False).normalize_str(eojeol) for eojeol in counts.eojeols.elements()]
    assert sorted(filter(None, alone)) == sorted(filter(None, whole))


def test_a_tokenizer_directory(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    report = build_vocab(corpus, out, VocabOptions(size=SIZE))
    files = {"tokenizer.json", "vocab.txt", "tokenizer_config.json", "malmoi.json", "report.json", "manifest.json"}
    assert {path.name for path in out.iterdir()} == files
    assert read_manifest(out, "tokenizer").options["size"] == SIZE
    tokenizer = Tokenizer.load(out)
    assert tokenizer.n_tokens == report.size == SIZE
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == vars(report)
    n_pieces = sum(len(ids) for ids in tokenizer.encode_ids(TEXTS))
    assert report.fertility == pytest.approx(n_pieces / 19)
    assert report.unk_rate == 0.0
    assert report.n_dropped_chars == 0
    assert sum(report.piece_shares.values()) == pytest.approx(1)
    assert report.piece_shares["hanja"] == pytest.approx(1 / (SIZE - 5))
    assert "사람들이" in report.longest_pieces
    assert f"{SIZE} entries" in str(report)


def test_the_same_corpus_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    hashes = set()
    for name, workers in (("a", 1), ("b", 1), ("c", 2)):
        build_vocab(corpus, tmp_path / name, VocabOptions(size=SIZE), workers=workers)
        hashes.add(read_manifest(tmp_path / name, "tokenizer").content_hash)
    assert len(hashes) == 1


def test_unknown_pieces_are_measured(tokenizer: Tokenizer) -> None:
    # 말모이 is one piece, 한글말 two, 뷁 and a word with it one [UNK] each.
    eojeols = Counter({"말모이": 3, "한글말": 2, "뷁": 1, "말뷁": 4})
    fertility, unk_rate = measure(tokenizer, eojeols)
    assert fertility == pytest.approx((3 + 4 + 1 + 4) / 10)
    assert unk_rate == pytest.approx(5 / 12)


def test_what_cannot_be_learnt_leaves_nothing_behind(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    with pytest.raises(VocabularyError, match=r"size is 32000, but this corpus gives \d+ entries with min_count 2"):
        build_vocab(corpus, out)
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "part-00000.jsonl").write_text('{"id": "1", "title": "", "text": " \\n "}\n', encoding="utf-8")
    with pytest.raises(InputError):
        build_vocab(empty, out)
    with pytest.raises(InputError):
        build_vocab(tmp_path / "missing", out)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="exists already"):
        build_vocab(corpus, out)
