"""A corpus becomes a tokenizer directory: the same bytes every time, and a report that is right."""

import json
from pathlib import Path

import pytest

from malmoi.artifact import read_manifest
from malmoi.errors import InputError, OutputError, VocabularyError
from malmoi.tokenizer.build import VocabOptions, build_vocab
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


def test_a_tokenizer_directory(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    report = build_vocab(corpus, out, VocabOptions(size=SIZE))
    files = {"tokenizer.json", "vocab.txt", "tokenizer_config.json", "malmoi.json", "report.json", "README.md"}
    assert {path.name for path in out.iterdir()} == files | {"manifest.json"}
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


def test_a_vocabulary_is_judged_by_documents_it_was_not_learnt_from(tmp_path: Path) -> None:
    texts = ["나라의 말이 책에 있다."] * 50 + ["책의 나라에 뷁에 있다. 이 책의 말이 나라에 있다, 말이 있다."]
    lines = [json.dumps({"id": str(i), "title": "", "text": text}) for i, text in enumerate(texts)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = build_vocab(tmp_path / "corpus.jsonl", tmp_path / "out", VocabOptions(size=28, held_out=51))
    assert (report.measured_on, report.n_measured_documents, report.n_measured_eojeols) == ("held-out", 1, 11)
    assert report.unknown == {",": 1, "뷁에": 1}
    assert report.examples == [
        {
            "text": "이 책의 말이 나라에 있다, 말이 있다.",
            "pieces": ["이", "책", "##의", "말이", "나", "##라", "##에", "있다", "[UNK]", "말이", "있다", "."],
        }
    ]


def test_user_tokens_stay_whole_when_the_directory_is_read_again(corpus: Path, tmp_path: Path) -> None:
    build_vocab(corpus, tmp_path / "out", VocabOptions(size=SIZE, tokens=("말모이", "[주소]")))
    tokenizer = Tokenizer.load(tmp_path / "out")
    pieces = tokenizer.encode("책말모이는[주소]", special_tokens=False).pieces
    assert pieces == ["책", "말모이", "는", "[주소]"]


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
