"""A text in every way to cut: what the lecture shows, and places that lead back to the text."""

from hypothesis import given
from hypothesis import strategies as st

from malmoi.morphology.catalog import make_analyzer
from malmoi.tokenizer.ways import units_by_way

KIWI = make_analyzer("kiwi")


def test_the_ways_side_by_side() -> None:
    ways = units_by_way("섬에서 발견된다.", KIWI)
    units = {name: [unit for unit, _, _ in placed] for name, placed in ways.items()}
    assert units["eojeol"] == ["섬에서", "발견된다", "."]
    assert units["syllable"] == ["섬", "##에", "##서", "발", "##견", "##된", "##다", "."]
    assert units["morpheme"] == ["섬", "##에서", "발견", "##된", "##다", "."]
    assert units["morpheme-tag"][:2] == ["섬/NNG", "에서/JKB"]
    assert units["base-form"] == ["섬", "에서", "발견", "되", "ㄴ", "다", "."]
    assert units["lemma"] == ["섬", "에서", "발견", "되다", "."]
    assert ways["lemma"][3] == ("되다", 6, 8)


@given(st.text(alphabet="가각힣ㄱab1 .#[MASK]\u1112\u1161\u200b👍漢\n", max_size=30))
def test_places_are_in_the_text_and_in_order(text: str) -> None:
    for placed in units_by_way(text, KIWI).values():
        starts = [start for _, start, _ in placed]
        assert starts == sorted(starts)
        assert all(0 <= start < end <= len(text) for _, start, end in placed)
