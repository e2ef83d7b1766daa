"""Units from the answers of an analyser, whatever these are: in order, inside, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.morphology.morph import Morph
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.units import base_forms

_TEXT = "책을 봤댔다 가온"


@st.composite
def answers(draw: st.DrawFn) -> list[Morph]:
    """Morphemes in order of place, overlapping as they like."""
    morphs = []
    for start in sorted(draw(st.lists(st.integers(0, len(_TEXT) - 1), max_size=8))):
        end = draw(st.integers(start + 1, min(start + 3, len(_TEXT))))
        form, tag = draw(st.sampled_from([("ㄴ다", "EF"), ("보", "VV"), ("았", "EP"), ("책", "NNG"), ("하", "XSV")]))
        morphs.append(Morph(form, tag, start, end, form + "다"))
    return morphs


@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.cut])
@given(morphs=answers())
def test_places_never_go_back_and_cover_the_text(way: str, morphs: list[Morph]) -> None:
    cut = WAYS[way].cut
    assert cut is not None
    placed = cut(_TEXT, morphs)
    assert all(0 <= start < end <= len(_TEXT) for _, start, end in placed)
    assert [start for _, start, _ in placed] == sorted(start for _, start, _ in placed)
    assert [end for _, _, end in placed] == sorted(end for _, _, end in placed)
    assert all(unit.surface == _TEXT[start:end] for unit, start, end in placed)
    covered = {place for _, start, end in placed for place in range(start, end)}
    assert all(place in covered or char == " " for place, char in enumerate(_TEXT))


def test_an_ending_and_the_verb_contracted_with_it() -> None:
    """Seen in a review: an ending of two syllables and, from its first on, the verb after it."""
    morphs = [Morph("ㄴ다", "EC", 0, 2, "ㄴ다"), Morph("하", "VV", 0, 2, "하다"), Morph("었", "EP", 1, 2, "었")]
    places = [(unit.form, start, end) for unit, start, end in base_forms("온댔", morphs)]
    assert places == [("ㄴ", 0, 1), ("다", 1, 2), ("하", 1, 2), ("었", 1, 2)]
