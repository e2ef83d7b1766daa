"""Names of fields in the wild, and labels of any JSON type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import InputError
from malmoi.tasks.fields import COLUMNS, match_names, plain_label, read_fields


def test_no_name_stands_for_two_fields_of_a_task() -> None:
    for fields in (["text", "label"], ["first", "second", "label"]):
        names = [name for field in fields for name in COLUMNS[field]]
        assert len(names) == len(set(names))
        assert all(name == name.lower() for name in names)


def test_names_match_without_regard_to_case_and_blanks() -> None:
    assert match_names(["ID", " Document ", "Label"], ["text", "label"]) == [" Document ", "Label"]
    assert match_names(["text", "document"], ["text", "label"]) == ["text", None]
    assert match_names(["Text", "text"], ["text"]) == ["Text"]  # of two alike, the first


def test_a_missing_name_is_an_error_with_what_is_there_and_what_is_expected() -> None:
    with pytest.raises(InputError, match=r"found the names premise, label: expected first .*hypothesis"):
        match_names(["premise", "label"], ["first", "second", "label"])


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("긍정", "긍정"),
        (" 1 ", "1"),
        (1, "1"),
        (0, "0"),
        (0.5, "0.5"),
        (True, "true"),
        (None, None),
        ("", None),
    ],
)
def test_labels_are_plain_strings(value: object, label: str | None) -> None:
    assert plain_label(value) == label


@pytest.mark.parametrize("value", [["긍정"], {"id": 1}])
def test_a_label_has_no_parts(value: object) -> None:
    with pytest.raises(InputError, match="expected a string, a number"):
        plain_label(value)


@pytest.mark.parametrize("text", [3, None, ["가"], "\ud800"])
def test_a_text_is_a_string_of_whole_characters(text: object) -> None:
    with pytest.raises(InputError, match="text"):
        read_fields({"text": text, "label": "1"}, ["text", "label"])


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers())
def test_texts_pass_unchanged(text: str, label: int) -> None:
    assert read_fields({"id": 7, "label": label, "review": text}, ["text", "label"]) == [text, str(label)]
