"""Foreign directories give transformers' ids, and what cannot be used is refused with a reason."""

import csv
import json
import lzma
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from transformers import BertTokenizer, PreTrainedTokenizerFast

from malmoi.artifact import write_json
from malmoi.errors import InputError, VocabularyError
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import Vocabulary

TEXTS = ["말모이 Ab 한글é", "漢字a.\u200bB", "E\u0301\u1112\u1161\u11ab", "[MASK] b" + "가" * 101, "İ ab"]


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False},
    ],
)
def test_vocab_txt_alone_is_read_as_transformers_does(
    vocabulary: Vocabulary, tmp_path: Path, config: dict[str, bool] | None
) -> None:
    vocabulary.save(tmp_path / "vocab.txt")
    if config is not None:
        write_json(tmp_path / "tokenizer_config.json", config)
    ours, theirs = Tokenizer.load(tmp_path), BertTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert ours.encode(text).ids == theirs(text)["input_ids"], text
        assert ours.encode(text, special_tokens=False).ids == ours.encode_ids([text])[0].tolist()


def test_it_is_the_same_after_it_is_saved(vocabulary: Vocabulary, tmp_path: Path) -> None:
    vocabulary.save(tmp_path / "vocab.txt")
    first = Tokenizer.load(tmp_path)
    (tmp_path / "copy").mkdir()
    first.save(tmp_path / "copy")
    second = Tokenizer.load(tmp_path / "copy")
    assert second.fingerprint == first.fingerprint
    theirs = PreTrainedTokenizerFast.from_pretrained(tmp_path / "copy")
    for text in TEXTS:
        assert second.encode(text) == first.encode(text)
        assert theirs(text)["input_ids"] == first.encode(text).ids


def foreign(vocabulary: Vocabulary, directory: Path, **changes: Any) -> Path:
    """A directory with a `tokenizer.json` as others write it."""
    vocabulary.save(directory / "vocab.txt")
    write_json(directory / "tokenizer_config.json", {"do_lower_case": False})
    Tokenizer.load(directory).save(directory)
    (directory / "malmoi.json").unlink()
    path = directory / "tokenizer.json"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | changes)
    return directory


def test_settings_of_a_bert_win_over_tokenizer_json(vocabulary: Vocabulary, tmp_path: Path) -> None:
    foreign(vocabulary, tmp_path)
    assert Tokenizer.load(tmp_path).encode("AB", special_tokens=False).pieces == ["[UNK]"]
    write_json(tmp_path / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    ours, theirs = Tokenizer.load(tmp_path), BertTokenizer.from_pretrained(tmp_path)
    assert ours.encode("AB", special_tokens=False).pieces == ["ab"]
    for text in TEXTS:
        assert ours.encode(text).ids == theirs(text)["input_ids"], text


def test_cutting_to_a_length_and_padding_are_left_to_the_caller(vocabulary: Vocabulary, tmp_path: Path) -> None:
    truncation = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    foreign(vocabulary, tmp_path, truncation=truncation, padding=padding)
    assert len(Tokenizer.load(tmp_path).encode("가 각 가 각 가").ids) == 7
    assert len(Tokenizer.load(tmp_path).encode("가").ids) == 3


def test_what_cannot_be_used_is_refused(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = foreign(vocabulary, tmp_path) / "tokenizer.json"
    good = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, good | {"model": {"type": "BPE", "vocab": {}, "merges": []}})
    with pytest.raises(VocabularyError, match="holds a BPE model: expected WordPiece"):
        Tokenizer.load(tmp_path)
    write_json(path, good | {"pre_tokenizer": {"type": "Unheard"}})
    with pytest.raises(InputError, match=r"tokenizer\.json cannot be read by tokenizers"):
        Tokenizer.load(tmp_path)
    ids = good["model"]["vocab"] | {"멀리": 5000}
    write_json(path, good | {"model": good["model"] | {"vocab": ids}})
    with pytest.raises(VocabularyError, match="ids up to 5000: expected ids without gaps"):
        Tokenizer.load(tmp_path)
    for broken in ("{", "[]"):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match=r"expected (a )?JSON"):
            Tokenizer.load(tmp_path)


@pytest.fixture(scope="module")
def lines(data_dir: Path) -> list[str]:
    """50,000 lines of Wikipedia and 50,000 reviews."""
    wiki: list[str] = []
    for name in ("AA0.txt.xz", "AA1.txt.xz"):
        with lzma.open(data_dir / "kowiki" / name, "rt", encoding="utf-8") as file:
            wiki += [line.strip() for line in file if line.strip()]
    with (data_dir / "nsmc" / "ratings_train.txt").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        reviews = [row[1] for row in islice(rows, 1, 50_001)]
    return wiki[:50_000] + reviews


def batches(lines: list[str]) -> list[list[str]]:
    return [lines[i : i + 10_000] for i in range(0, len(lines), 10_000)]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("kcbert-base", 1),
        ("bert-base-multilingual-cased", 5),
        ("bert-base-cased", 20),
        ("bert-base-uncased", 20),
    ],
)
def test_published_tokenizers_give_transformers_ids(data_dir: Path, lines: list[str], name: str, every: int) -> None:
    directory = data_dir / "vocabs" / name
    ours = Tokenizer.load(directory)
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(directory / "tokenizer.json"))
    for batch in batches(lines[::every]):
        expected = theirs(batch, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        assert [ids.tolist() for ids in ours.encode_ids(batch)] == expected


@pytest.mark.data
@pytest.mark.parametrize("lowercase", [True, False])
def test_published_vocab_txt_gives_transformers_ids(
    data_dir: Path, lines: list[str], tmp_path: Path, lowercase: bool
) -> None:
    (tmp_path / "vocab.txt").write_bytes((data_dir / "vocabs" / "koelectra-v1" / "vocab.txt").read_bytes())
    write_json(tmp_path / "tokenizer_config.json", {"do_lower_case": lowercase})
    ours, theirs = Tokenizer.load(tmp_path), BertTokenizer.from_pretrained(tmp_path)
    for batch in batches(lines[::10]):
        expected = theirs(batch, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        assert [ids.tolist() for ids in ours.encode_ids(batch)] == expected
        assert [encoding.ids[1:-1] for encoding in ours.encode_batch(batch[::50])] == expected[::50]


@pytest.mark.data
def test_spans_on_real_text(data_dir: Path, lines: list[str], vocabulary: Vocabulary) -> None:
    tokenizer = Tokenizer.from_vocabulary(
        Vocabulary.load(data_dir / "vocabs" / "koelectra-v1" / "vocab.txt"), segment="eojeol"
    )
    sample = lines[::50]
    for text, encoding in zip(sample, tokenizer.encode_batch(sample), strict=True):
        for piece, (start, end) in zip(encoding.pieces[1:-1], encoding.spans[1:-1], strict=True):
            assert piece == "[UNK]" or piece.removeprefix("##") in text[start:end]
