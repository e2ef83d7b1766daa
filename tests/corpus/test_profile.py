from collections import Counter

from malmoi.corpus import profile
from malmoi.corpus.profile import CLASSES, Profile, top


def _profile(*texts: str) -> Profile:
    counted = Profile()
    for text in texts:
        counted.add(text)
    counted.close_piece()
    return counted


def test_characters_lengths_and_eojeols() -> None:
    counted = _profile("한글 漢字 Latin é１2 3!\nㅋㅋ", "가" * 60)
    assert (counted.n_documents, counted.n_characters, counted.n_eojeols) == (2, 21 + 60, 7)
    expected = {"white space": 5, "Hangul": 4 + 60, "Hanja": 2, "Latin": 6, "digits": 3, "other": 1}
    assert dict(counted.characters) == expected and set(expected) == set(CLASSES)
    assert sum(expected.values()) == counted.n_characters
    assert dict(counted.lengths) == {20: 1, 50: 1}
    assert counted.eojeols["한글"] == 1


def test_pieces_add_up_to_the_whole() -> None:
    texts = ["나는 나다.", "너는 너다. 나는", "1 2 3"]
    merged = Profile()
    for text in texts:
        merged.merge(_profile(text))
    assert merged == _profile(*texts)


def test_memory_is_bounded_and_what_is_frequent_is_exact() -> None:
    merged = Profile()
    for piece in range(60):
        words = " ".join(f"드문말{piece}-{number}" for number in range(profile._TOP_OF_PIECE))
        merged.merge(_profile("흔한말 " * 3 + words))
        assert len(merged.eojeols) <= profile._MAX_WORDS + profile._TOP_OF_PIECE
    assert top(merged.eojeols, 1) == {"흔한말": 180}


def test_equal_counts_go_by_name() -> None:
    assert list(top(Counter({"나": 1, "가": 1, "다": 2}), 2)) == ["다", "가"]
