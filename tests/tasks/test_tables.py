"""CSV and TSV: no row is lost, whatever its quotation marks."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from malmoi.errors import DataError
from malmoi.tasks.classification import ClassificationExample
from malmoi.tasks.tables import read_table

FIELDS = ("text", "label")
CELLS = st.text(st.sampled_from("가나 \"',;\u2028#"), max_size=8)
# Unicode of any kind, except what ends a line or a cell and what no text file holds.
ANY_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t\0"), max_size=12)


def read(path: Path, separator: str = "\t") -> list[tuple[str, str | None]]:
    examples = read_table(path, separator, ClassificationExample, FIELDS)
    return [(e.text, e.label) for e in examples]


def written(folder: Path, content: str) -> Path:
    path = folder / "표.tsv"
    path.write_bytes(content.encode())
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS | ANY_CELLS, min_size=1))
@example(['"', '"'])
@example(['"참 좋다" 라고 했다', '인용이 "끝나지 않는다'])
def test_tsv_that_quotes_nothing_keeps_every_row(tmp_path: Path, texts: list[str]) -> None:
    rows = "".join(f"{i}\t{text}\t{i % 2}\n" for i, text in enumerate(texts))
    found = read(written(tmp_path, "id\ttext\tlabel\n" + rows))
    assert [label for _, label in found] == [str(i % 2) for i in range(len(texts))]
    for text, (kept, _) in zip(texts, found, strict=True):
        assert kept == text or text == '"' + kept.replace('"', '""') + '"'  # correctly quoted by chance


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS | ANY_CELLS | st.text("가\t\"'", max_size=6), min_size=1))
def test_tsv_that_quotes_as_csv_does_reads_back(tmp_path: Path, texts: list[str]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerows([("text", "label"), *((text, "1") for text in texts)])
    assert [text for text, _ in read(written(tmp_path, buffer.getvalue()))] == texts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("가나,\"'\n\t ", max_size=8), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_csv_reads_back(tmp_path: Path, texts: list[str], line_end: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=line_end).writerows([("label", "document"), *(("1", t) for t in texts)])
    assert [text for text, _ in read(written(tmp_path, buffer.getvalue()), ",")] == texts


def test_quotation_marks_around_a_tab_quote_only_where_the_columns_come_out_right(tmp_path: Path) -> None:
    path = written(tmp_path, 'id\ttext\tlabel\n"그는\t"갔다"\t0\n"1\t"갔다"\t0\n2\t"왔\t다"\t1\n"3\t좋다"\t1\n')
    assert read(path) == [('"갔다"', "0"), ('"갔다"', "0"), ("왔\t다", "1"), ('좋다"', "1")]


def test_empty_texts_stay_and_empty_lines_go(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffID\tDocument\tLabel\r\n1\t\t0\r\n\r\n2\t좋다\t\r\n")
    assert read(path) == [("", "0"), ("좋다", None)]


def test_a_table_without_labels(tmp_path: Path) -> None:
    assert read(written(tmp_path, "review\n잔다\n먹는다\n")) == [("잔다", None), ("먹는다", None)]


def test_a_missing_column_names_what_is_there(tmp_path: Path) -> None:
    path = written(tmp_path, "id\t본문\tlabel\n1\t좋다\t1\n")
    with pytest.raises(
        DataError, match=r"표\.tsv:1: found the names id, 본문, label: expected text .*document"
    ) as error:
        read(path)
    assert error.value.line == 1
    with pytest.raises(DataError, match="the file looks tab-separated"):
        read(path, ",")
    with pytest.raises(DataError, match="the file looks empty"):
        read(written(tmp_path, ""))


@pytest.mark.parametrize(
    ("content", "separator", "line"),
    [
        ("text\tlabel\n좋다\t1\n나쁘다\n", "\t", 3),
        ("text\tlabel\n좋\t다\t1\n", "\t", 2),
        ('text,label\n"두 줄에\n걸쳐",1\n좋다\n', ",", 4),
        ('text,label\n좋다,1\n"닫히지 않은 인용,1\n나쁘다,0\n', ",", 3),
        ('text,label\n"좋다" 라고,1\n', ",", 2),
    ],
)
def test_a_row_that_does_not_fit_is_an_error_with_its_line(
    tmp_path: Path, content: str, separator: str, line: int
) -> None:
    with pytest.raises(DataError) as error:
        read(written(tmp_path, content), separator)
    assert error.value.line == line
