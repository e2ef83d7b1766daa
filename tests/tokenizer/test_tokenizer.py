"""Spans are exact in the original text, ids are transformers' too, and no input breaks it."""

import pickle
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from malmoi.artifact import write_json
from malmoi.errors import InputError, OptionError, VocabularyError
from malmoi.text import is_control, is_whitespace
from malmoi.tokenizer.backend import MAX_WORD_CHARS, malmoi_normalizer
from malmoi.tokenizer.tokenizer import Encoding, Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

# Composed and decomposed Hangul and Latin, lone jamo, marks that trade places, ideographs (one of them becomes another
# under composition), what clean-up deletes or takes for a blank, signs that compose to letters, characters that no
# vocabulary has, half surrogates, special tokens, and one that composition would make.
_TROUBLE = [
    *"말모이한글가각ab1ㅋ漢\uf900.·[ \u3000\t\n\x00\x0b\x85\ufffd\u200b\ufeff\xad",
    *["\u1112\u1161\u11ab", "\u1100\u1161", "\u1112", "\u11ab", "e\u0301", "\u0301", "\u0323", "İ", "ß", "\u2126"],
    *["\U0001f600", "\U0001f468\u200d\U0001f469", "\ud800", "あ\u3099", "か\u3099", "\U0001d15e", "\u0344", "\u0958"],
    *["[MASK]", "[UNK]", "[MAS\u212a]", "##"],
]
TEXT = st.one_of(st.lists(st.sampled_from(_TROUBLE), max_size=30).map("".join), st.text(max_size=30))


def pieces_and_words(text: str, encoding: Encoding) -> list[tuple[str, str]]:
    return [(piece, text[start:end]) for piece, (start, end) in zip(encoding.pieces, encoding.spans, strict=True)]


def test_worked_example(tokenizer: Tokenizer) -> None:
    text = "말모이한글 漢字a.\u200b"
    encoding = tokenizer.encode(text)
    assert encoding.pieces == ["[CLS]", "말모이", "##한", "##글", "漢", "字", "a", ".", "[SEP]"]
    assert encoding.spans == [(0, 0), (0, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (9, 10), (11, 11)]
    assert [tokenizer.vocabulary.tokens[i] for i in encoding.ids] == encoding.pieces
    assert tokenizer.encode(text, special_tokens=False).pieces == encoding.pieces[1:-1]
    assert tokenizer.decode(encoding.ids) == "말모이한글 漢 字 a."


def test_every_jamo_of_a_decomposed_syllable_is_in_its_span(tokenizer: Tokenizer) -> None:
    text = unicodedata.normalize("NFD", "말 한글é")
    assert pieces_and_words(text, tokenizer.encode(text)) == [
        ("[CLS]", ""),
        ("말", unicodedata.normalize("NFD", "말")),
        ("한글", unicodedata.normalize("NFD", "한글")),
        ("##é", "e\u0301"),
        ("[SEP]", ""),
    ]
    assert tokenizer.encode(text).ids == tokenizer.encode("말 한글é").ids


def test_deleted_characters_inside_and_around_a_word(tokenizer: Tokenizer) -> None:
    text = "\ufeffa\u200bb\u0000 \u200b가\ufffd\x85"
    assert pieces_and_words(text, tokenizer.encode(text, special_tokens=False)) == [("ab", "a\u200bb"), ("가", "가")]


def test_unknown_words_keep_their_place(tokenizer: Tokenizer) -> None:
    text = "가 뷁뷁 \U0001f600가."
    assert pieces_and_words(text, tokenizer.encode(text, special_tokens=False)) == [
        ("가", "가"),
        ("[UNK]", "뷁뷁"),
        ("[UNK]", "\U0001f600가"),
        (".", "."),
    ]


def test_names_of_special_tokens_are_recognised_as_written_only(tokenizer: Tokenizer) -> None:
    assert tokenizer.mask_id in tokenizer.encode("말[MASK]이").ids
    # U+212A is K once composed: transformers looks before it composes, and so do we.
    assert tokenizer.mask_id not in tokenizer.encode("말[MAS\u212a]이").ids
    spans = tokenizer.encode("[SEP] 말").spans
    assert spans == [(0, 0), (0, 5), (6, 7), (7, 7)]


def test_small_letters_that_grow(vocabulary: Vocabulary) -> None:
    tokenizer = Tokenizer.from_vocabulary(vocabulary, segment="eojeol", lowercase=True)
    text = "İA한É"
    assert pieces_and_words(text, tokenizer.encode(text, special_tokens=False)) == [
        ("i", "İ"),
        ("##\u0307", "İ"),
        ("##a", "A"),
        ("##한", "한"),
        ("##é", "É"),  # accents stay
    ]


@given(TEXT)
def test_spans_are_in_order_and_hold_their_pieces(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.encode(text)
    assert len(encoding.ids) == len(encoding.pieces) == len(encoding.spans)
    assert (encoding.pieces[0], encoding.spans[0]) == ("[CLS]", (0, 0))
    assert (encoding.pieces[-1], encoding.spans[-1]) == ("[SEP]", (len(text), len(text)))
    spans = encoding.spans[1:-1]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)
    normalizer = malmoi_normalizer(lowercase=False)
    for piece, (start, end) in zip(encoding.pieces[1:-1], spans, strict=True):
        written = text[start:end].replace("\ud800", "")
        if piece in SPECIAL_TOKENS:
            assert piece in ("[UNK]", written)
        elif spans.count((start, end)) > 1:  # characters composed together into several
            assert piece.removeprefix("##") in normalizer.normalize_str(written)
        else:
            assert piece.removeprefix("##") == normalizer.normalize_str(written).strip()


@given(TEXT)
def test_what_is_not_deleted_is_in_a_span(tokenizer: Tokenizer, text: str) -> None:
    covered = np.zeros(len(text), bool)
    for start, end in tokenizer.encode(text).spans:
        covered[start:end] = True
    for char, inside in zip(text, covered, strict=True):
        surrogate = "\ud800" <= char <= "\udfff"
        assert inside or is_control(char) or is_whitespace(char) or surrogate, ascii(char)


@given(st.lists(TEXT, max_size=4))
def test_fast_ids_are_those_of_encode(tokenizer: Tokenizer, texts: list[str]) -> None:
    fast = tokenizer.encode_ids(texts)
    assert all(ids.dtype == np.int32 for ids in fast)
    assert [ids.tolist() for ids in fast] == [tokenizer.encode(text, special_tokens=False).ids for text in texts]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


@pytest.fixture(scope="session")
def saved(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(directory)
    return directory


@pytest.fixture(scope="session")
def theirs(saved: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(saved)


@given(TEXT)
def test_transformers_reads_the_same_ids(tokenizer: Tokenizer, theirs: PreTrainedTokenizerFast, text: str) -> None:
    text = text.replace("\ud800", "")  # theirs does not take half surrogates at all
    text = text.encode("utf-8", "ignore").decode()
    assert theirs(text)["input_ids"] == tokenizer.encode(text).ids


@pytest.mark.parametrize("model_type", [None, "bert", "modernbert"])
def test_transformers_reads_it_beside_a_model_without_a_word(
    tokenizer: Tokenizer, tmp_path: Path, capfd: pytest.CaptureFixture[str], model_type: str | None
) -> None:
    tokenizer.save(tmp_path)
    if model_type:
        write_json(tmp_path / "config.json", {"model_type": model_type})
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    text = unicodedata.normalize("NFD", "말모이 한글é") + " [MASK]" + "가" * 120
    assert theirs(text)["input_ids"] == tokenizer.encode(text).ids
    assert theirs("가", "각")["token_type_ids"] == [0, 0, 0, 1, 1]
    special = [theirs.pad_token_id, theirs.unk_token_id, theirs.cls_token_id, theirs.sep_token_id, theirs.mask_token_id]
    ours = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]
    assert special == ours == [0, 1, 2, 3, 4]
    assert capfd.readouterr().err == ""


def test_saved_and_loaded_is_the_same(
    tokenizer: Tokenizer, vocabulary: Vocabulary, saved: Path, tmp_path: Path
) -> None:
    loaded = Tokenizer.load(str(saved))
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.vocabulary == Vocabulary.load(saved / "vocab.txt") == vocabulary
    assert loaded.segment == "eojeol"
    syllables = Tokenizer.from_vocabulary(vocabulary, segment="syllable")
    syllables.save(tmp_path)
    assert Tokenizer.load(tmp_path).segment == "syllable"


def test_it_goes_to_worker_processes(tokenizer: Tokenizer) -> None:
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.fingerprint == tokenizer.fingerprint
    assert copy.encode("말모이 한글") == tokenizer.encode("말모이 한글")


def test_fingerprint_follows_what_decides_ids(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    small = Tokenizer.from_vocabulary(vocabulary, segment="eojeol", lowercase=True)
    longer = Tokenizer.from_vocabulary(Vocabulary((*vocabulary.tokens, "모이")), segment="eojeol")
    swapped = Tokenizer.from_vocabulary(
        Vocabulary((*vocabulary.tokens[:-2], *vocabulary.tokens[:-3:-1])), segment="eojeol"
    )
    same = Tokenizer.from_vocabulary(vocabulary, segment="eojeol")
    assert same.fingerprint == tokenizer.fingerprint
    assert len({t.fingerprint for t in (tokenizer, small, longer, swapped)}) == 4


def test_text_without_blanks_is_cut_and_never_hangs(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("가" * (2 * MAX_WORD_CHARS + 1), special_tokens=False)
    assert [i for i, piece in enumerate(encoding.pieces) if piece == "가"] == [0, MAX_WORD_CHARS, 2 * MAX_WORD_CHARS]
    assert tokenizer.unk_id not in encoding.ids

    def seconds(n_chars: int) -> float:
        start = time.perf_counter()
        assert len(tokenizer.encode_ids(["한" * n_chars])[0]) == n_chars
        return time.perf_counter() - start

    short = min(seconds(10_000) for _ in range(3))
    # Ten times the text; quadratic time would be a hundred times as long.
    assert seconds(100_000) < 40 * short


def test_text_without_anything(tokenizer: Tokenizer) -> None:
    for text in ("", " \u200b\n"):
        encoding = tokenizer.encode(text)
        assert encoding.pieces == ["[CLS]", "[SEP]"]
        assert encoding.spans == [(0, 0), (len(text), len(text))]
    assert tokenizer.encode_ids([]) == []


def test_ids_that_are_none(tokenizer: Tokenizer) -> None:
    with pytest.raises(OptionError, match="id 1000 is no token: expected 0 to"):
        tokenizer.decode([5, 1000])


def test_directories_that_are_none(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist: expected a tokenizer directory"):
        Tokenizer.load(tmp_path / "missing")
    with pytest.raises(InputError, match=r"has no tokenizer\.json and no vocab\.txt"):
        Tokenizer.load(tmp_path)
    for name in ("vocab.txt", "malmoi.json"):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    write_json(tmp_path / "malmoi.json", {"format_version": 1, "segment": "haiku"})
    with pytest.raises(VocabularyError, match="cuts by 'haiku': expected one of eojeol, syllable"):
        Tokenizer.load(tmp_path)
    write_json(tmp_path / "malmoi.json", {"format_version": 2, "segment": "eojeol"})
    with pytest.raises(VocabularyError, match="format version 2: expected 1; upgrade malmoi"):
        Tokenizer.load(tmp_path)
    write_json(tmp_path / "malmoi.json", [])
    with pytest.raises(InputError, match=r"malmoi\.json cannot be read"):
        Tokenizer.load(tmp_path)
