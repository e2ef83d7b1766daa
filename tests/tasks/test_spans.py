"""What is wrong with a span, and where what was meant stands."""

import re
import unicodedata

import pytest

from malmoi.errors import InputError
from malmoi.tasks.spans import Entity, check_apart, check_span, list_field, number_field, text_field

TEXT = "한강은 서울을 지난다"


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (8, 12), (20, 21)])
def test_a_span_lies_in_its_text(start: int, end: int) -> None:
    with pytest.raises(InputError, match=r"expected 0 ≤ start < end ≤ 11"):
        check_span(TEXT, start, end)


def test_a_span_off_by_one_is_told_where_it_belongs() -> None:
    check_span(TEXT, 4, 6, "서울")
    with pytest.raises(
        InputError, match=re.escape("characters 5 to 7 are '울을': expected '서울', which begins at 4 (-1)")
    ):
        check_span(TEXT, 5, 7, "서울")
    with pytest.raises(InputError, match="which the text does not hold"):
        check_span(TEXT, 4, 6, "부산")


def test_offsets_of_the_composed_text_in_one_that_is_not() -> None:
    decomposed = unicodedata.normalize("NFD", TEXT)
    with pytest.raises(InputError, match=r"not in NFC \(26 characters, 11 composed\)"):
        check_span(decomposed, 4, 6, "서울")


def test_entities_side_by_side_and_one_in_another() -> None:
    check_apart([Entity(3, 5, "LC"), Entity(0, 3, "PS")])
    with pytest.raises(InputError, match="0–3 OG and 2–4 LC overlap"):
        check_apart([Entity(2, 4, "LC"), Entity(0, 3, "OG")])
    with pytest.raises(InputError, match="nested"):
        check_apart([Entity(0, 5, "OG"), Entity(0, 2, "LC")])


def test_fields_of_the_wrong_type() -> None:
    with pytest.raises(InputError, match=r"found the names 글: expected text"):
        text_field({"글": ""}, "text")
    with pytest.raises(InputError, match="text is 3: expected a string"):
        text_field({"text": 3}, "text")
    with pytest.raises(InputError, match="half a surrogate pair at character 1"):
        text_field({"text": "가\ud800"}, "text")
    assert list_field({}, "entities") is None
    for wrong in ("가", [1], {"start": 0}):
        with pytest.raises(InputError, match=r"entities is .*expected a list of objects"):
            list_field({"entities": wrong}, "entities")
    assert number_field({"answer_start": 3}, "start", "answer_start") == 3
    for wrong in ("3", 3.0, True, None):
        with pytest.raises(InputError, match=r"start is .*expected a whole number"):
            number_field({"start": wrong}, "start")
    with pytest.raises(InputError, match="has no end"):
        number_field({"start": 1}, "end")
