"""A small corpus of our own sentences, a vocabulary learnt from it, and its shards; made once for all tests here."""

import json
import random
from pathlib import Path

import pytest

from malmoi.pretraining.shards import build_shards
from malmoi.tokenizer.build import VocabOptions, build_vocab

WHO = ("할머니가", "어부는", "동생이", "선생님은", "고양이가", "목수는", "아이들이", "이웃이", "화가는", "학생이")
WHERE = ("마당에서", "시장에서", "강가에서", "도서관에서", "부엌에서", "산길에서", "골목에서", "학교에서")
WHAT = ("사과를", "그림을", "나무를", "편지를", "노래를", "의자를", "생선을", "이야기를", "빵을", "배추를")
DID = ("찾았다.", "만들었다.", "보았다.", "나누었다.", "옮겼다.", "기억했다.", "좋아한다.", "기다린다.")


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choice(words) for words in (WHO, WHERE, WHAT, DID))


def write_corpus(path: Path, n_documents: int, seed: int) -> Path:
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(n_documents):
            text = " ".join(sentence(chance) for _ in range(chance.choice((1, 2, 5, 12))))
            record = {"id": f"{number}", "title": "", "text": text}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return path


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `corpus.jsonl`, `tokenizer/` and `shards/`."""
    root = tmp_path_factory.mktemp("workshop")
    corpus = write_corpus(root / "corpus.jsonl", n_documents=40, seed=1)
    build_vocab(corpus, root / "tokenizer", VocabOptions(size=160))
    build_shards(corpus, root / "tokenizer", root / "shards")
    return root
