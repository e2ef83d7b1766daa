"""A vocabulary that grows: old ids stay, new pieces are those of the new field, and transformers reads the result."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from malmoi.errors import OptionError, VocabularyError
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.extend import extend_vocab
from malmoi.tokenizer.tokenizer import Tokenizer

GENERAL = "할머니가 마당에서 사과를 나누었다. 동생이 시장에서 편지를 찾았다. Seoul 시장에서 노래를 들었다."
LAW = "원고는 피고에게 손해배상을 청구했다. 법원은 원고의 손해배상 청구를 기각했다. 시장에서 들었다."


def corpus(path: Path, text: str) -> Path:
    lines = [json.dumps({"id": str(n), "title": "", "text": text}, ensure_ascii=False) for n in range(20)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("extend")
    build_vocab(corpus(root / "general.jsonl", GENERAL), root / "base", VocabOptions(size=80))
    corpus(root / "law.jsonl", LAW)
    return root


def test_old_ids_stay_and_new_words_are_whole(base: Path) -> None:
    report = extend_vocab(base / "law.jsonl", base / "base", base / "law", VocabOptions(size=107, held_out=4))
    old, new = Tokenizer.load(base / "base"), Tokenizer.load(base / "law")
    assert new.vocabulary.tokens[: old.n_tokens] == old.vocabulary.tokens
    assert new.n_tokens == report.size == 107 == report.n_before + report.n_characters + report.n_pieces
    assert new.encode("손해배상", special_tokens=False).pieces != old.encode("손해배상", special_tokens=False).pieces
    assert report.fertility < report.fertility_before or report.unk_rate < report.unk_rate_before
    assert report.unk_rate == 0
    text = "원고는 시장에서 손해배상을 Seoul 노래를 청구했다."
    assert new.encode(text).spans[-1] == (len(text), len(text))
    assert AutoTokenizer.from_pretrained(base / "law")(text)["input_ids"] == list(new.encode(text).ids)
    assert "new ones" in str(report)


def test_the_same_input_gives_the_same_bytes(base: Path) -> None:
    for name in ("one", "two"):
        extend_vocab(base / "law.jsonl", base / "base", base / name, VocabOptions(size=106))
    assert (base / "one" / "tokenizer.json").read_bytes() == (base / "two" / "tokenizer.json").read_bytes()


def test_impossible_sizes(base: Path) -> None:
    for size, error, message in (
        (70, OptionError, r"size is 70: expected more than the 80 entries"),
        (81, OptionError, r"size is 81: the corpus has characters for \d+ new entries, pass --size \d+ or more"),
        (5000, VocabularyError, r"size is 5000, but this corpus gives \d+ new pieces .*pass --size \d+ or smaller"),
    ):
        with pytest.raises(error, match=message):
            extend_vocab(base / "law.jsonl", base / "base", base / "no", VocabOptions(size=size))
    assert not (base / "no").exists()
