"""Bulk encoding gives the ids of single encoding, whatever stands in the text, whatever it remembers."""

from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers

from malmoi.errors import OptionError
from malmoi.tokenizer.bulk import BulkEncoder
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

# What clean-up, composition, the cutting of words and added tokens look at, and every kind of blank.
_ATOMS = [
    *"말모이한글가각뷁aébciİΩK12ㅋ漢字豈あ゙か.,·[]~#",
    *"\u0301\u0307\u3099\u1112\u1161\u11ab\u11a8\u200b\u200d\ufeff\ufffd\x00\x07\u00ad\ud800\U000f0000\U0001f600\ufe0f",
    *" \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u180e",
    *("[SEP]", "[MASK]", "[UNK]", "[PAD", "##", "말모이", "모이말", "가" * 51, "a" * 101),
]
TEXTS = st.lists(
    st.one_of(st.lists(st.sampled_from(_ATOMS), max_size=12).map("".join), st.text(max_size=8)), max_size=5
)


def expected(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [tokenizer.encode(text, special_tokens=False).ids for text in texts]


@pytest.fixture(scope="module")
def all_tokenizers(
    vocabulary: Vocabulary, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> list[Tokenizer]:
    """Ours, small letters, one with entries that are never split, and a foreign vocab.txt (uncased: marks go)."""
    plain = tmp_path_factory.mktemp("plain")
    vocabulary.save(plain / "vocab.txt")
    return [
        tokenizer,
        Tokenizer.from_vocabulary(vocabulary, segment="eojeol", lowercase=True),
        Tokenizer.from_vocabulary(vocabulary, segment="syllable", tokens=("모이", "[", "é")),
        Tokenizer.load(plain),
    ]


@pytest.mark.parametrize("which", range(4))
@settings(deadline=None)
@given(texts=TEXTS)
def test_ids_are_those_of_single_encoding(which: int, texts: list[str], all_tokenizers: list[Tokenizer]) -> None:
    tokenizer = all_tokenizers[which]
    assert tokenizer.cuts_at_blanks
    encoder = BulkEncoder(tokenizer)
    for _ in ("cold", "warm"):
        encoded = encoder.encode(texts)
        assert [ids.tolist() for ids in encoded.split()] == expected(tokenizer, texts)
        assert encoded.ids.dtype == np.int32
        assert encoded.lengths.tolist() == [len(ids) for ids in encoded.split()]


def test_a_full_memory_serves_on_and_is_emptied_when_it_does_not(tokenizer: Tokenizer) -> None:
    encoder = BulkEncoder(tokenizer, memory_mb=1)

    def check(texts: list[str]) -> int:
        assert [ids.tolist() for ids in encoder.encode(texts).split()] == expected(tokenizer, texts)
        return len(encoder._numbers)

    n_full = check([f"말모이{i}" for i in range(6000)])
    assert n_full == 6000
    mixed = [f"말모이{i} 한글말{i}" if i % 3 == 0 else f"말모이{i}" for i in range(3000)]
    assert check(mixed) == check(mixed) == n_full  # a quarter is new: encoded, not kept
    others = [f"한글{i}" for i in range(3000)]
    assert check(others) == 3000  # all are new: begun anew
    assert check(mixed) == 3000 + 4000
    with pytest.raises(OptionError, match="memory_mb is 0"):
        BulkEncoder(tokenizer, memory_mb=0)


def _tokenizer(**parts: object) -> Tokenizer:
    vocabulary = {token: i for i, token in enumerate((*SPECIAL_TOKENS, "말", "##말", "글", "말 글"))}
    backend = tokenizers.Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    for name, part in parts.items():
        setattr(backend, name, part)
    return Tokenizer(backend)


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": normalizers.Replace(" ", "")},
        {"normalizer": normalizers.Sequence([normalizers.NFC(), normalizers.Strip()])},
        {"pre_tokenizer": pre_tokenizers.Metaspace()},
        {"pre_tokenizer": None},
    ],
)
def test_other_pipelines_are_encoded_text_by_text(parts: dict[str, object]) -> None:
    tokenizer = _tokenizer(**parts)
    assert not tokenizer.cuts_at_blanks
    texts = ["말 글", " 글", "말"]
    assert [ids.tolist() for ids in BulkEncoder(tokenizer).encode(texts).split()] == expected(tokenizer, texts)


@pytest.mark.parametrize("added", [tokenizers.AddedToken("말 글"), tokenizers.AddedToken("글", lstrip=True)])
def test_added_tokens_that_take_blanks_in(added: tokenizers.AddedToken) -> None:
    backend = tokenizers.Tokenizer.from_str(_tokenizer()._backend.to_str())
    backend.add_tokens([added])
    tokenizer = Tokenizer(backend)
    assert not tokenizer.cuts_at_blanks
    assert BulkEncoder(tokenizer).encode(["말 글"]).ids.tolist() == expected(tokenizer, ["말 글"])[0]


@pytest.mark.data
@pytest.mark.parametrize("name", ["bert-base-multilingual-cased", "kcbert-base", "koelectra-v1", "bert-base-uncased"])
def test_vocabularies_of_others_on_real_text(name: str, data_dir: Path) -> None:
    tokenizer = Tokenizer.load(data_dir / "vocabs" / name)
    assert tokenizer.cuts_at_blanks
    with (data_dir / "nsmc" / "ratings_train.txt").open(encoding="utf-8") as file:
        lines = [next(file) for _ in range(5000)]
    single, bulk = tokenizer.encode_ids(lines), BulkEncoder(tokenizer).encode(lines).split()
    assert all(np.array_equal(one, other) for one, other in zip(single, bulk, strict=True))
