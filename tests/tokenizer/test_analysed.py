"""The ways that need an analyser: pieces, exact spans, nothing unknown, nothing lost, and directories."""

import json
import time
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from malmoi.artifact import write_json
from malmoi.errors import AnalyzerError, InputError, VocabularyError
from malmoi.morphology.kiwi import KiwiAnalyzer
from malmoi.morphology.morph import Analyzer, AnalyzerVersionWarning
from malmoi.text import is_control, is_whitespace
from malmoi.tokenizer.analysed import UnitCutter, count_words
from malmoi.tokenizer.learn import VocabOptions, learn
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Encoding, Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

ANALYSED = [name for name, way in WAYS.items() if way.analyzed]
TEXTS = [
    "멕시코부터 브라질까지 발견된다. 8종으로 이루어져 있다.",
    "말모이는 우리말을 모은 책이다. 책을 봤다 했다 도와요 갔던 커서 ㅋㅋㅋ ㅠㅠ",
    "아버지가방에들어가신다. 한글 漢字 KBS 3.14 http://a.kr/ 😀 (예쁜) 깨끗하게 그럴걸 친구다 가나",
]
_TROUBLE = [
    *"아버지가방에들어가신다했봤돼갔ㅋㅠab1K .漢字\t\n\x00\u200b\ufeff[]/+",
    *[
        "\u1112\u1162\u11bb",
        "\u1112",
        "\u11ab",
        "e\u0301",
        "\U0001f600",
        "\U0001f468\u200d\U0001f469",
        "ㄴ데",
        "\ud800",
    ],
    *["발견된다", "이루어져 있다", "도와요", "http://a.kr/", "#말", "3.14", "...", "[MASK]", "[UNK]", "/NNG", "##"],
]
TEXT = st.one_of(st.lists(st.sampled_from(_TROUBLE), max_size=15).map("".join), st.text(max_size=10))


@pytest.fixture(scope="session")
def kiwi() -> Analyzer:
    return KiwiAnalyzer()


@pytest.fixture(scope="session")
def by_way(kiwi: Analyzer) -> dict[str, Tokenizer]:
    """A tokenizer a way, with few pieces above single characters."""
    tokenizers = {}
    for name in ANALYSED:
        words = count_words(TEXTS, UnitCutter(WAYS[name], kiwi))
        with pytest.raises(VocabularyError) as error:  # the message says which size there is
            learn(words, VocabOptions(size=5000, segment=name, min_count=1))
        size = int(str(error.value).split("gives ")[1].split()[0]) - 20
        learnt = learn(words, VocabOptions(size=size, segment=name, min_count=1))
        tokenizers[name] = Tokenizer.from_vocabulary(learnt.vocabulary, segment=name, analyzer=kiwi)
    return tokenizers


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("morpheme", "멕시코 ##부터 브라질 ##까지 발견 ##된 ##다 . 8 ##종 ##으로 이루어져 있 ##다 ."),
        (
            "morpheme-tag",
            "멕시코/NNP 부터/JX 브라질/NNP 까지/JX 발견/NNG 된/XSV 다/EF ./SF 8/SN 종/NNG 으로/JKB "
            "이루어져/VV 있/VX 다/EF ./SF",
        ),
        ("base-form", "멕시코 부터 브라질 까지 발견 되 ㄴ 다 . 8 종 으로 이루어지 어 있 다 ."),
        ("lemma", "멕시코 부터 브라질 까지 발견 되다 . 8 종 으로 이루어지다 있다 ."),
        (
            "korbert",
            "멕시코/NNP_ 부터/JX_ 브라질/NNP_ 까지/JX_ 발견/NNG_ 되/XSV_ ㄴ다/EF_ ./SF_ 8/SN_ 종/NNG_ 으로/JKB_ "
            "이루어지/VV_ 어/EC_ 있/VX_ 다/EF_ ./SF_",
        ),
    ],
)
def test_the_six_ways_of_the_lecture(by_way: dict[str, Tokenizer], way: str, words: str) -> None:
    assert by_way[way].words(TEXTS[0]) == words.split()


def test_contracted_pieces_share_their_syllable(kiwi: Analyzer) -> None:
    pieces = ["책", "을", "하", "었", "다", "되", "ㄴ", "발견"]
    tokenizer = Tokenizer.from_vocabulary(Vocabulary((*SPECIAL_TOKENS, *pieces)), segment="base-form", analyzer=kiwi)
    encoding = tokenizer.encode("책을 했다 발견된다", special_tokens=False)
    assert encoding.pieces == ["책", "을", "하", "었", "다", "발견", "되", "ㄴ", "다"]
    assert encoding.spans == [(0, 1), (1, 2), (3, 4), (3, 4), (4, 5), (6, 8), (8, 9), (8, 9), (9, 10)]
    lemmas = Tokenizer.from_vocabulary(
        Vocabulary((*SPECIAL_TOKENS, "책", "을", "하다")), segment="lemma", analyzer=kiwi
    )
    encoding = lemmas.encode("책을 했다", special_tokens=False)
    assert (encoding.pieces, encoding.spans) == (["책", "을", "하다"], [(0, 1), (1, 2), (3, 5)])


def test_a_morpheme_without_an_entry_falls_to_pieces_with_places(kiwi: Analyzer) -> None:
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "책", "##/NNG", "을/JKO", "모", "##이/NNG"))
    tokenizer = Tokenizer.from_vocabulary(vocabulary, segment="morpheme-tag", analyzer=kiwi)
    encoding = tokenizer.encode("책을 모이", special_tokens=False)
    assert list(zip(encoding.pieces, encoding.spans, strict=True)) == [
        ("책", (0, 1)),
        ("##/NNG", (0, 1)),
        ("을/JKO", (1, 2)),
        ("모", (3, 4)),
        ("##이/NNG", (4, 5)),
    ]
    assert tokenizer.decode(encoding.ids) == "책 을 모이"


def _check_spans(text: str, encoding: Encoding) -> None:
    assert len(encoding.ids) == len(encoding.pieces) == len(encoding.spans)
    assert all(0 <= start < end <= len(text) for start, end in encoding.spans)
    starts, ends = [s for s, _ in encoding.spans], [e for _, e in encoding.spans]
    assert starts == sorted(starts)
    assert ends == sorted(ends)


def _bare(piece: str, way: str) -> str:
    piece = piece.removeprefix("##")
    if way == "morpheme-tag" and "/" in piece[1:]:
        piece = piece[: piece.rindex("/")]
    return "" if way == "morpheme-tag" and piece.startswith("/") and len(piece) > 1 else piece


def _clean(text: str) -> str:
    composed = unicodedata.normalize("NFC", "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text))
    return "".join(c for c in composed if not is_control(c) and not is_whitespace(c))


def _check_surface(text: str, encoding: Encoding, way: str) -> None:
    for piece, (start, end) in zip(encoding.pieces, encoding.spans, strict=True):
        bare = _bare(piece, way)
        if piece not in SPECIAL_TOKENS and bare and encoding.spans.count((start, end)) == 1:
            assert _clean(text[start:end]) == bare


@pytest.mark.parametrize("way", ANALYSED)
@settings(max_examples=80, deadline=None)
@given(text=TEXT)
def test_spans_of_any_text(by_way: dict[str, Tokenizer], way: str, text: str) -> None:
    tokenizer = by_way[way]
    encoding = tokenizer.encode(text, special_tokens=False)
    _check_spans(text, encoding)
    covered = np.zeros(len(text), bool)
    for start, end in encoding.spans:
        covered[start:end] = True
    for char, inside in zip(text, covered, strict=True):
        assert inside or is_control(char) or is_whitespace(char) or "\ud800" <= char <= "\udfff", ascii(char)
    if way in ("morpheme", "morpheme-tag"):
        _check_surface(text, encoding, way)
    whole = tokenizer.encode(text)
    assert (whole.pieces[0], whole.spans[0], whole.spans[-1]) == ("[CLS]", (0, 0), (len(text), len(text)))
    assert whole.ids[1:-1] == encoding.ids == tokenizer.encode_ids([text])[0].tolist()


@pytest.mark.parametrize("way", ANALYSED)
@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(
        st.sampled_from("아버지가방에들어가신다했봤돼갔ㅋㅠab1K .漢字😀도와요발견된이루어져[]/"), max_size=15
    ).map("".join)
)
def test_known_characters_are_never_unknown(by_way: dict[str, Tokenizer], way: str, text: str) -> None:
    tokenizer = by_way[way]
    known = set(tokenizer.vocabulary.tokens) - set(SPECIAL_TOKENS)
    encoding = tokenizer.encode(text, special_tokens=False)
    for piece, (start, end) in zip(encoding.pieces, encoding.spans, strict=True):
        if piece == "[UNK]":
            assert not known.issuperset(text[start:end]), text[start:end]


def test_a_base_form_with_an_unseen_letter_is_looked_up_as_written(kiwi: Analyzer) -> None:
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "도", "와", "요", "##요"))
    tokenizer = Tokenizer.from_vocabulary(vocabulary, segment="base-form", analyzer=kiwi)
    encoding = tokenizer.encode("도와요", special_tokens=False)  # 돕 아요
    assert (encoding.pieces, encoding.spans) == (["도", "와", "##요"], [(0, 1), (1, 2), (2, 3)])
    assert tokenizer.words("도와요") == ["도", "와요"]


@pytest.mark.parametrize("way", ["morpheme", "morpheme-tag"])
@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(st.sampled_from("아버지가방에들어가신다했봤ab1 .漢字도와요발견된다이루어져"), max_size=15).map(
        "".join
    )
)
def test_decoding_gives_the_text_back_up_to_blanks(by_way: dict[str, Tokenizer], way: str, text: str) -> None:
    tokenizer = by_way[way]
    encoding = tokenizer.encode(text)
    if tokenizer.unk_id not in encoding.ids:
        assert tokenizer.decode(encoding.ids).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("way", ANALYSED)
def test_saved_and_loaded_is_the_same_and_transformers_agrees(
    by_way: dict[str, Tokenizer], way: str, tmp_path: Path, kiwi: Analyzer
) -> None:
    tokenizer = by_way[way]
    tokenizer.save(tmp_path)
    saved = json.loads((tmp_path / "malmoi.json").read_text())
    assert (saved["segment"], saved["analyzer"], saved["analyzer_version"]) == (way, "kiwi", kiwi.version)
    loaded = Tokenizer.load(tmp_path, analyzer=kiwi)
    assert loaded.fingerprint == tokenizer.fingerprint
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for text in [*TEXTS, "가[MASK]다 \u1112\u1162\u11bb"]:
        assert loaded.encode(text) == tokenizer.encode(text)
        assert theirs(" ".join(tokenizer.words(text)))["input_ids"] == tokenizer.encode(text).ids
    assert Tokenizer.load(tmp_path).analyzer is not kiwi


def test_another_version_of_the_analyser_warns(by_way: dict[str, Tokenizer], tmp_path: Path, kiwi: Analyzer) -> None:
    by_way["morpheme"].save(tmp_path)
    saved = json.loads((tmp_path / "malmoi.json").read_text())
    write_json(tmp_path / "malmoi.json", saved | {"analyzer_version": "0.1"})
    with pytest.warns(AnalyzerVersionWarning, match=r"was made with kiwi 0\.1, here is kiwi \d"):
        Tokenizer.load(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Tokenizer.load(tmp_path, analyzer=kiwi)
    write_json(tmp_path / "malmoi.json", {"format_version": 1, "segment": "morpheme"})
    with pytest.raises(InputError, match="analyzer and analyzer_version"):
        Tokenizer.load(tmp_path)


def test_fingerprints_tell_ways_and_analysers_apart(by_way: dict[str, Tokenizer], kiwi: Analyzer) -> None:
    vocabulary = by_way["morpheme"].vocabulary
    other = KiwiAnalyzer()
    other.version = "0.1"
    tokenizers = [
        Tokenizer.from_vocabulary(vocabulary, segment="morpheme", analyzer=kiwi),
        Tokenizer.from_vocabulary(vocabulary, segment="morpheme", analyzer=other),
        Tokenizer.from_vocabulary(vocabulary, segment="morpheme", analyzer=kiwi, lowercase=True),
        Tokenizer.from_vocabulary(vocabulary, segment="base-form", analyzer=kiwi),
        Tokenizer.from_vocabulary(vocabulary, segment="morpheme-learnt"),
    ]
    assert len({tokenizer.fingerprint for tokenizer in tokenizers}) == len(tokenizers)


def test_a_vocabulary_of_korbert_is_known_by_its_notation(tmp_path: Path) -> None:
    tokens = [*SPECIAL_TOKENS, "발견/NNG_", "되/XSV_", "ㄴ다/EF_", "./SF_", "책", "/NNG_", "봄/NNG_", "을/JKO_"]
    Vocabulary(tuple(tokens)).save(tmp_path / "vocab.txt")
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.segment == "korbert"
    encoding = tokenizer.encode("발견된다. 책을", special_tokens=False)
    assert encoding.pieces == ["발견/NNG_", "되/XSV_", "ㄴ다/EF_", "./SF_", "책", "/NNG_", "을/JKO_"]
    assert encoding.spans == [(0, 2), (2, 3), (2, 4), (4, 5), (6, 7), (6, 7), (7, 8)]
    assert tokenizer.decode(encoding.ids) == "발견 되 ㄴ다 . 책 을"
    again = tmp_path / "again"
    again.mkdir()
    tokenizer.save(again)
    assert (again / "vocab.txt").read_text().split() == tokens


def test_small_letters(kiwi: Analyzer) -> None:
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "kbs/SL", "를/JKO", "i\u0307/SL"))
    tokenizer = Tokenizer.from_vocabulary(vocabulary, segment="morpheme-tag", analyzer=kiwi, lowercase=True)
    assert tokenizer.encode("KBS를", special_tokens=False).pieces == ["kbs/SL", "를/JKO"]


def test_text_without_blanks_does_not_hang(by_way: dict[str, Tokenizer]) -> None:
    def seconds(n: int) -> float:
        started = time.perf_counter()
        spans = by_way["base-form"].encode("모았다" * n, special_tokens=False).spans
        assert spans[-1][1] == 3 * n
        return time.perf_counter() - started

    short = seconds(2_000)
    # Ten times the text; quadratic time would be a hundred times as long.
    assert seconds(20_000) < 40 * short


def test_an_analyser_that_fails_names_the_text(kiwi: Analyzer) -> None:
    class Failing(KiwiAnalyzer):
        def _load(self) -> object:
            class Library:
                def tokenize(self, texts: object) -> object:
                    raise RuntimeError("out of order")

            return Library()

    failing = Failing()
    tokenizer = Tokenizer.from_vocabulary(Vocabulary((*SPECIAL_TOKENS, "가")), segment="morpheme", analyzer=failing)
    with pytest.raises(AnalyzerError, match=r"kiwi .* failed on .*out of order"):
        tokenizer.encode("가")


@pytest.mark.data
@pytest.mark.parametrize("way", ANALYSED)
def test_spans_of_real_lines(data_dir: Path, by_way: dict[str, Tokenizer], way: str) -> None:
    with (data_dir / "nsmc" / "ratings_test.txt").open(encoding="utf-8") as file:
        lines = [line.split("\t")[1] for line in file][1:301]
    for line, encoding in zip(lines, by_way[way].encode_batch(lines, special_tokens=False), strict=True):
        _check_spans(line, encoding)
        if way in ("morpheme", "morpheme-tag"):
            _check_surface(line, encoding, way)
