"""Words are counted as the tokenizer will see them, in bounded room, the same for any number of workers."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.tokenizer.backend import malmoi_normalizer, malmoi_pre_tokenizer
from malmoi.tokenizer.count import CorpusCounts, count_corpus, count_words, split_eojeols
from malmoi.tokenizer.learn import VocabOptions


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


_TEXT = (
    st.text(
        st.sampled_from("가힣각ᄀ\u1161\u11a8a1Z.,'[~“”·…「」–—。、漢豈あか\u3099é\u0301İ\u200b\x00\ufffd€£→ㅋ㎢ #")
    )
    | st.text()
)


@settings(deadline=None)
@given(_TEXT, st.booleans())
def test_words_are_those_of_the_library(text: str, lowercase: bool) -> None:
    eojeols = Counter(split_eojeols(text))
    expected: Counter[str] = Counter()
    for eojeol in eojeols.elements():
        cut = malmoi_pre_tokenizer().pre_tokenize_str(malmoi_normalizer(lowercase=lowercase).normalize_str(eojeol))
        expected.update(word for word, _ in cut)
    assert count_words(eojeols, lowercase=lowercase) == expected


def test_small_letters() -> None:
    assert count_words({"KBS는": 1, "kbs는": 2, "É": 1}, lowercase=True) == {"kbs는": 3, "é": 1}


def test_words_end_at_entries_that_are_never_split() -> None:
    tokens = ("한글", "한글날", "[URL]")
    words = count_words({"한글날에": 2, "한글은": 1, "([URL])": 1, "첫한글날.": 1}, lowercase=False, tokens=tokens)
    assert words == {"에": 2, "은": 1, "(": 1, ")": 1, "첫": 1, ".": 1}


@settings(deadline=None)
@given(st.text("가나 \n\t\x0b\x1c\x85\u200b\u2028\u3000\xa0.a"))
def test_eojeols_end_where_the_tokenizer_cuts(text: str) -> None:
    # `str.split` cuts at some controls that BERT deletes.
    normalize = malmoi_normalizer(lowercase=False).normalize_str
    alone = [normalize(eojeol) for eojeol in split_eojeols(text)]
    assert list(filter(None, alone)) == list(filter(None, normalize(text).split(" ")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three parts of 60 documents; the first eojeols of all are the same, the last ones are rare."""
    directory = tmp_path_factory.mktemp("corpus")
    for part in range(3):
        texts = [f"나라 말이\n책에 있다 {part}번째 {chr(0xAC00 + 60 * part + i)}날" for i in range(60)]
        lines = [json.dumps({"id": f"{part}-{i}", "title": "", "text": text}) for i, text in enumerate(texts)]
        (directory / f"part-{part:05}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory


def test_counts_of_a_corpus(corpus: Path) -> None:
    counts = count_corpus(corpus, VocabOptions(held_out=None))
    assert list(counts.words)[:7] == ["나라", "말이", "책에", "있다", "0번째", "가날", "각날"]
    assert counts.words["나라"] == counts.n_documents == 180
    assert counts.n_eojeols == counts.words.total() == 180 * 6
    assert counts.held_out == []


def test_held_out_documents_are_not_counted(corpus: Path) -> None:
    counts = count_corpus(corpus, VocabOptions(held_out=50))
    assert counts.n_documents == counts.words["나라"] == 177
    rare = [text.split()[-1] for text in counts.held_out]
    assert rare == [f"{chr(0xAC00 + 60 * part + 49)}날" for part in range(3)]
    assert not set(rare) & set(counts.words)


@pytest.mark.parametrize(
    "options", [VocabOptions(), VocabOptions(held_out=7, max_words=1000), VocabOptions(segment="lemma")]
)
def test_the_same_counts_for_any_number_of_workers(corpus: Path, options: VocabOptions) -> None:
    one, two = (count_corpus(corpus, options, workers=workers) for workers in (1, 2))
    assert one == two
    assert list(one.words.items()) == list(two.words.items())


def test_a_single_file_is_counted_like_a_corpus(corpus: Path, tmp_path: Path) -> None:
    joined = tmp_path / "all.jsonl"
    joined.write_bytes(b"".join(part.read_bytes() for part in sorted(corpus.iterdir())))
    options = VocabOptions(held_out=None)
    assert count_corpus(joined, options) == count_corpus(corpus, options)


def test_rare_words_are_dropped_where_there_is_no_room() -> None:
    counts = CorpusCounts()
    often = {f"자주{i}": 3 for i in range(5)}
    counts.merge(
        CorpusCounts(words=Counter(often | {f"둘{i}": 2 for i in range(3)} | {f"하나{i}": 1 for i in range(3)})), 10
    )
    # 11 words, room for 10: the rarest go until three quarters of it, seven, are enough.
    assert counts.words == often
    assert (counts.n_forgotten, counts.forgotten_count) == (6, 2)
    counts.merge(CorpusCounts(words=Counter({"둘0": 1, "자주0": 1})), 10)
    assert counts.words == often | {"자주0": 4, "둘0": 1}
    assert counts.n_forgotten == 6
