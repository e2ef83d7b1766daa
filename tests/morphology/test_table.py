"""Several analysers on the same lines: what fails costs its line only; columns line up."""

from collections.abc import Iterable, Iterator

from malmoi.errors import AnalyzerError
from malmoi.morphology.morph import Morph
from malmoi.morphology.table import analyze_lines, side_by_side


class _Whole:
    """Every text one morpheme; fails on 나쁨."""

    version = "1"

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self.name, self.fails = name, fails

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        for text in texts:
            if self.fails and text == "나쁨":
                raise AnalyzerError("나쁨은 안 된다")
            yield [Morph(text, "NNG", 0, len(text), text)] if text else []


def test_a_line_that_fails_is_named_and_the_others_are_there() -> None:
    lines = list(analyze_lines(["좋음", "나쁨", ""], [_Whole("a"), _Whole("b", fails=True)]))
    assert [line.line for line in lines] == [1, 2, 3]
    assert [list(line.analyses) for line in lines] == [["a", "b"], ["a"], ["a", "b"]]
    assert [line.failures for line in lines] == [[], ["나쁨은 안 된다"], []]


def test_columns_line_up() -> None:
    morphs = [Morph("책", "NNG", 0, 1, "책"), Morph("a", "SL", 2, 3, "a")]
    assert side_by_side("책 a", {"x": morphs, "y": []}).splitlines() == ["    x       y", "책  책/NNG", "a   a/SL"]
