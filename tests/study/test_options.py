"""What a study may be told."""

import pytest

from malmoi.errors import OptionError
from malmoi.study.options import StudyOptions, StudyTask


def test_ways_with_and_without_sizes() -> None:
    ways = StudyOptions(ways="eojeol:32000, eojeol:8000,syllable,morpheme").all_ways
    assert [way.name for way in ways] == ["eojeol-32000", "eojeol-8000", "syllable-8000", "morpheme-16000"]


def test_a_task_in_one_word() -> None:
    options = StudyOptions(task=("nsmc=classification:a.txt:b.txt", "ner=tagging:a:b:conll"))
    assert options.tasks == (
        StudyTask(name="nsmc", task="classification", train="a.txt", dev="b.txt"),
        StudyTask(name="ner", task="tagging", train="a", dev="b", format="conll"),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ways": "eojeol,word"}, "way 'word': expected one of eojeol"),
        ({"ways": "eojeol:many"}, "expected a number of entries"),
        ({"ways": "eojeol:900,eojeol:900"}, "eojeol with size 900 once"),
        ({"task": ("nsmc:a:b",)}, "expected NAME=TASK:TRAIN:DEV"),
        ({"task": ("nsmc=classification:a",)}, "expected NAME=TASK:TRAIN:DEV"),
        ({"task": ("../x=classification:a:b",)}, "expected NAME=TASK:TRAIN:DEV"),
        ({"task": ("x=chatting:a:b",)}, "chatting"),
        ({"task": ("x=pair:a:b", "x=pair:c:d")}, "every name once"),
        ({"budget": "soon"}, "30m"),
        ({"size": "huge"}, "tiny, small"),
        ({"seeds": 0}, "1 or more"),
        ({"max_characters": 0}, "1 or more"),
    ],
)
def test_options_that_cannot_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        StudyOptions(**options)  # type: ignore[arg-type]
