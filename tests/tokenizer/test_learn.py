"""What becomes an entry: the pure rule, the default one, characters, and sizes that cannot be."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import OptionError, VocabularyError
from malmoi.tokenizer.bpe import PairMerger, symbols_of
from malmoi.tokenizer.learn import VocabOptions, choose_characters, count_words, learn
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS

EXAMPLE = Counter(["경찰청", "철창살은", "외철창살이고", "검찰청", "철창살은", "쌍철창살이다"])
N_CHARS = 13  # 경찰청철창살은외이고검쌍다


def test_worked_example_by_the_pure_rule() -> None:
    learnt = learn(EXAMPLE, VocabOptions(n_merges=3))
    pieces = "경 ##찰청 철창살 ##은 외 ##철 ##창살 ##이 ##고 검 쌍 ##다"
    assert learnt.vocabulary.tokens == (*SPECIAL_TOKENS, *pieces.split())
    assert learnt.n_merges == 3


def test_worked_example_by_the_default_rule() -> None:
    learnt = learn(EXAMPLE, VocabOptions(size=5 + 2 * N_CHARS + 3))
    tokens = learnt.vocabulary.tokens
    assert tokens[:5] == SPECIAL_TOKENS
    assert set(tokens[5:-3]) == {prefix + char for char in "경찰청철창살은외이고검쌍다" for prefix in ("", "##")}
    # The same three merges; all three pieces stand, the most frequent first, then as they appear.
    assert tokens[-3:] == ("##찰청", "철창살", "##창살")
    assert (learnt.n_merges, learnt.n_kept_chars, learnt.dropped_chars) == (3, N_CHARS, [])


def test_pieces_that_merges_use_up_are_no_entries() -> None:
    learnt = learn({"나라말": 9, "나": 1}, VocabOptions(size=5 + 6 + 1))
    assert learnt.vocabulary.tokens[-1] == "나라"
    # One merge more: 나라말 stands now and 나라 does not, so there is still one piece and never two.
    with pytest.raises(VocabularyError, match="pass --size 12 or smaller"):
        learn({"나라말": 9, "나": 1}, VocabOptions(size=5 + 6 + 2))


@pytest.mark.parametrize(
    ("eojeols", "words"),
    [
        ({"말모이": 2, "말모이,": 1}, {"말모이": 3, ",": 1}),
        ({"漢字말": 1}, {"漢": 1, "字": 1, "말": 1}),
        ({"\u1106\u1161\u11af": 1, "말": 1}, {"말": 2}),
        ({"말\u200b모": 1, "\ud800말": 1}, {"말모": 1, "말": 1}),
        ({"가" * 51: 1, "a" * 101: 1}, {"가" * 50: 1, "가": 1, "a" * 50: 2, "a": 1}),
        ({"KBS": 1, "É": 1}, {"KBS": 1, "É": 1}),
    ],
)
def test_words_are_what_the_tokenizer_sees(eojeols: dict[str, int], words: dict[str, int]) -> None:
    assert list(count_words(eojeols, lowercase=False).items()) == list(words.items())


def test_small_letters() -> None:
    assert count_words({"KBS는": 1, "kbs는": 2, "É": 1}, lowercase=True) == {"kbs는": 3, "é": 1}


def test_syllables_never_merge_and_latin_does() -> None:
    eojeols = {"2019년도": 5, "2018년도": 4, "대한민국": 50, "FM방송": 3}
    words = count_words(eojeols, lowercase=False)
    chars = choose_characters(words, size=100, max_share=0.5)
    learnt = learn(eojeols, VocabOptions(size=5 + chars.n_entries + 3, segment="syllable"))
    assert set(learnt.vocabulary.tokens[-3:]) == {"2019", "2018", "FM"}
    encode = Tokenizer.from_vocabulary(learnt.vocabulary, segment="syllable").encode
    assert " ".join(encode("2019년도 대한민국", special_tokens=False).pieces) == "2019 ##년 ##도 대 ##한 ##민 ##국"


def test_all_hangul_and_ascii_stay_and_others_go_by_count() -> None:
    words = {"가나다라": 9999, "a": 1, "ㅋ": 1, ",": 1, "あ": 3, "漢": 2, "字": 2, "Ω": 1}
    always = 5 * 2 + 2 + 1  # five of Hangul and one letter twice, the comma (never inside a word) once
    kept = {}
    for room in range(6):
        chars = choose_characters(words, size=2 * (always + room), max_share=0.5)
        assert chars.n_entries <= always + room
        kept[room] = [char for char in chars.kept if char in "あ漢字Ω"]
        assert set("가나다라aㅋ,") <= set(chars.kept)
        assert sorted(chars.kept + chars.dropped) == sorted("가나다라aㅋ,あ漢字Ω")
    assert kept == {0: [], 1: [], 2: ["あ"], 3: ["あ", "字"], 4: ["あ", "字", "漢"], 5: ["あ", "字", "漢"]}


def test_frequent_signs_stay_even_if_hangul_takes_more_than_its_share() -> None:
    words = {chr(0xAC00 + i): 1000 for i in range(20)} | {"·": 1000, "Ω": 1}
    chars = choose_characters(words, size=50, max_share=0.5)
    assert "·" in chars.kept
    assert chars.dropped == ["Ω"]


def test_dropped_characters_make_unknown_words_and_teach_nothing() -> None:
    eojeols = {"가나": 10_000, "가Ω나다": 2, "나다": 1}
    learnt = learn(eojeols, VocabOptions(size=5 + 6 + 1, min_count=2))
    assert learnt.dropped_chars == ["Ω"]
    encode = Tokenizer.from_vocabulary(learnt.vocabulary, segment="eojeol").encode
    assert encode("가Ω나다 가나 다가", special_tokens=False).pieces == ["[UNK]", "가나", "다", "##가"]


def test_a_size_without_room_for_characters() -> None:
    with pytest.raises(VocabularyError, match=r"the 13 Hangul and ASCII .* take 26 entries: pass --size 31 or more"):
        learn(EXAMPLE, VocabOptions(size=30))
    assert learn(EXAMPLE, VocabOptions(size=31)).n_merges == 0


EOJEOLS = st.dictionaries(st.text("가나다ab.Ωλ", min_size=1, max_size=8), st.integers(1, 5), min_size=1, max_size=12)


@given(EOJEOLS, st.integers(1, 2))
def test_the_size_that_is_told_is_reached(eojeols: dict[str, int], min_count: int) -> None:
    with pytest.raises(VocabularyError) as told:
        learn(eojeols, VocabOptions(size=1000, min_count=min_count))
    size = int(str(told.value).split("--size ")[1].split()[0])
    assert len(learn(eojeols, VocabOptions(size=size, min_count=min_count)).vocabulary) == size


@given(EOJEOLS)
def test_no_word_of_known_characters_is_unknown(eojeols: dict[str, int]) -> None:
    words = count_words(eojeols, lowercase=False)
    fixed = 5 + choose_characters(words, size=1000, max_share=0.5).n_entries
    learnt = learn(eojeols, VocabOptions(size=fixed, max_char_share=1.0))
    assert learnt.dropped_chars == []
    tokenizer = Tokenizer.from_vocabulary(learnt.vocabulary, segment="eojeol")
    for eojeol in [*eojeols, "".join(eojeols)]:
        assert tokenizer.unk_id not in tokenizer.encode(eojeol).ids


@given(EOJEOLS)
def test_pieces_stand_where_merging_stopped(eojeols: dict[str, int]) -> None:
    words = count_words(eojeols, lowercase=False)
    n_fixed = 5 + choose_characters(words, size=1000, max_share=1.0).n_entries
    merger = PairMerger(((symbols_of(word), n) for word, n in words.items()), min_count=2)
    for merge in merger.merges():
        if merger.n_merged_pieces < 3:
            continue
        learnt = learn(eojeols, VocabOptions(size=n_fixed + 3, max_char_share=1.0))
        assert set(learnt.vocabulary.tokens[n_fixed:]) == set(merger.merged_pieces())
        assert learnt.n_merges == merge.step
        return


def test_pure_rule_with_more_merges_than_there_are() -> None:
    with pytest.raises(VocabularyError, match="nothing left after 1: pass 1 or fewer"):
        learn({"가나": 1}, VocabOptions(n_merges=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 5}, "size is 5: expected more than the 5 special tokens"),
        ({"segment": "haiku"}, "segment is 'haiku': expected one of eojeol, syllable"),
        ({"min_count": 0}, "min_count is 0"),
        ({"max_char_share": 2.0}, "max_char_share is 2.0"),
        ({"n_merges": -1}, "n_merges is -1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        VocabOptions(**options)  # type: ignore[arg-type]
