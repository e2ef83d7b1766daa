"""What becomes an entry: the pure rule, the default one, characters, and sizes that cannot be."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import OptionError, VocabularyError
from malmoi.tokenizer.bpe import PairMerger, symbols_of
from malmoi.tokenizer.count import count_words
from malmoi.tokenizer.learn import Learnt, VocabOptions, choose_characters
from malmoi.tokenizer.learn import learn as learn_words
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS

EXAMPLE = Counter(["경찰청", "철창살은", "외철창살이고", "검찰청", "철창살은", "쌍철창살이다"])
N_CHARS = 13  # 경찰청철창살은외이고검쌍다


def learn(eojeols: Mapping[str, int], options: VocabOptions) -> Learnt:
    return learn_words(count_words(eojeols, lowercase=options.lowercase, tokens=options.tokens), options)


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
        ({"char_coverage": 1.5}, "char_coverage is 1.5"),
        ({"held_out": 1}, "held_out is 1: expected 2 or more, or none"),
        ({"max_words": 10}, "max_words is 10"),
        ({"tokens": ("두 낱말",)}, "token '두 낱말': expected .* without blanks"),
        ({"tokens": ("漢字",)}, "it would read ' 漢  字 '"),
        ({"tokens": ("KBS",), "lowercase": True}, "capitals; it would read 'kbs'"),
        ({"tokens": ("말", "말")}, "expected each once"),
        ({"tokens": ("[MASK]",)}, "no special token"),
        ({"tokens": ("##말",)}, "none that begins with ##"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        VocabOptions(**options)  # type: ignore[arg-type]


def test_user_tokens_are_entries_and_never_split() -> None:
    eojeols = {"말모이가": 5, "말모이를": 5, "우리말모이": 3, "[주소]": 1, "모이": 2}
    tokens = ("말모이", "[주소]")
    size = (
        5 + 2 + choose_characters(count_words(eojeols, lowercase=False, tokens=tokens), size=99, max_share=1).n_entries
    )
    learnt = learn(eojeols, VocabOptions(size=size + 2, tokens=tokens))
    assert learnt.vocabulary.tokens[5:7] == tokens
    assert set(learnt.vocabulary.tokens[-2:]) == {"우리", "모이"}
    tokenizer = Tokenizer.from_vocabulary(learnt.vocabulary, segment="eojeol", tokens=tokens)
    encode = tokenizer.encode("우리말모이가 [주소] 모이", special_tokens=False)
    assert encode.pieces == ["우리", "말모이", "가", "[주소]", "모이"]
    assert encode.spans == [(0, 2), (2, 5), (5, 6), (7, 11), (12, 14)]


def test_all_characters_stay_if_wished() -> None:
    words = {"가나": 1_000_000, "Ω": 1}
    assert choose_characters(words, size=12, max_share=0).dropped == ["Ω"]
    chars = choose_characters(words, size=12, max_share=0, coverage=1)
    assert chars.dropped == []
    assert chars.coverage == 1.0


def test_rare_ideographs_leave_half_of_a_small_vocabulary_to_pieces() -> None:
    words = {chr(0x4E00 + n): 5 for n in range(3000)} | {"가나다": 100}
    chars = choose_characters(words, size=2000, max_share=0.3)
    assert len(chars.kept) - 3 == (2000 - 5 - 6) // 2
    assert len(choose_characters(words, size=2000, max_share=0.3, coverage=1).kept) == 2000 - 5 - 3
