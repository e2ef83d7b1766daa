import gzip
import json
from pathlib import Path

import pytest

from malmoi.artifact import read_manifest
from malmoi.corpus import build
from malmoi.corpus.build import CorpusOptions, CorpusReport, build_corpus
from malmoi.corpus.readers import iter_corpus
from malmoi.errors import InputError, OptionError, OutputError

SENTENCES = [f"{number}번째 나그네가 고개를 넘어 마을로 내려왔다." for number in range(40)]


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    """Two files with short, foreign and repeated documents, and duplicates within and across them."""
    first = _write(
        tmp_path / "in" / "a.txt",
        "\n\n".join([*SENTENCES[:25], "짧다", SENTENCES[3], "only english words here"]),
    )
    second = _write(tmp_path / "in" / "b.txt", "\n\n".join([SENTENCES[0], *SENTENCES[20:], "같은 줄이다\n" * 5]))
    return [first, second]


def test_a_corpus_its_report_and_its_rejects(tmp_path: Path, inputs: list[Path]) -> None:
    report = build_corpus(inputs, tmp_path / "corpus", rejects=tmp_path / "rejects.jsonl")
    kept = list(iter_corpus(tmp_path / "corpus"))
    assert [document.text for document in kept] == SENTENCES
    assert kept[25].id == "b.txt-7"  # the first of equals stays, and that of SENTENCES[20:25] is in a.txt
    assert report == CorpusReport(
        n_files=2,
        n_read=50,
        n_kept=40,
        n_characters=sum(map(len, SENTENCES)),
        dropped={"duplicate": 7, "low-hangul": 1, "repeated-lines": 1, "too-short": 1},
        broken={},
        formats={"text": 2},
    )
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(r["id"], r["reason"]) for r in rejects} >= {("a.txt-26", "too-short"), ("b.txt-1", "duplicate")}
    assert len(rejects) == report.n_read - report.n_kept
    assert sorted(_files(tmp_path / "corpus")) == ["manifest.json", "part-00000.jsonl", "report.json"]
    assert json.loads((tmp_path / "corpus" / "report.json").read_text()) == vars(report)
    assert read_manifest(tmp_path / "corpus", "corpus").options["min_chars"] == 20


def test_the_report_reads_well(tmp_path: Path, inputs: list[Path]) -> None:
    assert str(build_corpus(inputs, tmp_path / "corpus")).splitlines() == [
        "files read: 2 (2 as text)",
        f"documents kept: 40 of 50 (80.0%), {sum(map(len, SENTENCES)):,} characters",
        "dropped, duplicate: 7",
        "dropped, low-hangul: 1",
        "dropped, repeated-lines: 1",
        "dropped, too-short: 1",
    ]


def test_the_same_bytes_for_any_number_of_workers(
    tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "PIECE_CHARS", 300)  # many pieces; read by this process only
    for workers in (1, 3):
        build_corpus(inputs, tmp_path / f"c{workers}", rejects=tmp_path / f"r{workers}", workers=workers)
    assert _files(tmp_path / "c1") == _files(tmp_path / "c3")
    assert (tmp_path / "r1").read_bytes() == (tmp_path / "r3").read_bytes()
    assert [document.text for document in iter_corpus(tmp_path / "c3")] == SENTENCES


def test_parts_are_numbered_without_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PIECE_DOCUMENTS", 1)
    path = _write(tmp_path / "a.txt", "\n\n".join([SENTENCES[0], SENTENCES[0], "짧다", SENTENCES[1]]))
    build_corpus([path], tmp_path / "corpus")
    assert sorted(p.name for p in (tmp_path / "corpus").glob("part-*")) == [
        "part-00000.jsonl",
        "part-00001.jsonl",
    ]


def test_a_corpus_of_a_corpus_is_the_same_corpus(tmp_path: Path, inputs: list[Path]) -> None:
    build_corpus(inputs, tmp_path / "one")
    build_corpus([tmp_path / "one"], tmp_path / "two")
    assert list(iter_corpus(tmp_path / "one")) == list(iter_corpus(tmp_path / "two"))


def test_a_directory_stands_for_its_files_sorted_without_hidden_ones(tmp_path: Path) -> None:
    for name, number in [("b/x.txt", 2), ("a/y.txt", 1), (".git/z.txt", 3), ("a/.hidden", 4)]:
        _write(tmp_path / "in" / name, SENTENCES[number])
    build_corpus([tmp_path / "in"], tmp_path / "corpus")
    assert [document.text for document in iter_corpus(tmp_path / "corpus")] == SENTENCES[1:3]


def test_broken_lines_are_reported(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", json.dumps({"text": SENTENCES[0]}) + "\n{oops\n")
    empty = _write(tmp_path / "empty.txt", "")
    assert build_corpus([path, empty], tmp_path / "c").broken == {"bad-json": 1, "file-without-documents": 1}


def _left_behind(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in tmp_path.iterdir() if p.name not in ("in", "a.txt.gz"))


def test_nothing_left_says_why_and_what_to_do(tmp_path: Path) -> None:
    path = _write(tmp_path / "in" / "a.txt", "짧다\n\n이것도")
    with pytest.raises(InputError, match=r"none of 2 documents is left \(too-short: 2\): lower --min-chars \(now 20\)"):
        build_corpus([path], tmp_path / "corpus", rejects=tmp_path / "rejects.jsonl")
    assert _left_behind(tmp_path) == []
    with pytest.raises(InputError, match=r"no document found \(file-without-documents: 1\)"):
        build_corpus([_write(tmp_path / "in" / "b.txt", " \n")], tmp_path / "corpus")


def test_a_missing_file_among_many_stops_before_any_work(tmp_path: Path, inputs: list[Path]) -> None:
    with pytest.raises(InputError, match=r"gone\.txt does not exist"):
        build_corpus([*inputs, tmp_path / "gone.txt"], tmp_path / "corpus")
    with pytest.raises(InputError, match="no input"):
        build_corpus([], tmp_path / "corpus")
    (tmp_path / "in" / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        build_corpus([tmp_path / "in" / "empty"], tmp_path / "corpus")
    assert _left_behind(tmp_path) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_archive_damaged_far_in_leaves_nothing(tmp_path: Path, workers: int) -> None:
    noise = "\n\n".join(f"{number * 7919 % 100_003} 나그네 {number}" for number in range(120_000))
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(noise.encode())[:-100])
    with pytest.raises(InputError, match=r"a\.txt\.gz is truncated"):
        build_corpus([path], tmp_path / "corpus", rejects=tmp_path / "rejects.jsonl", workers=workers)
    assert _left_behind(tmp_path) == []


def test_what_exists_is_replaced_only_by_force(tmp_path: Path, inputs: list[Path]) -> None:
    out, rejects = tmp_path / "corpus", tmp_path / "rejects.jsonl"
    build_corpus(inputs[:1], out, rejects=rejects)
    before = _files(out)
    with pytest.raises(OutputError, match="exists already"):
        build_corpus(inputs, out)
    with pytest.raises(OutputError, match=r"rejects\.jsonl exists already"):
        build_corpus(inputs, tmp_path / "other", rejects=rejects)
    assert _files(out) == before
    assert build_corpus(inputs, out, rejects=rejects, force=True).n_files == 2


@pytest.mark.parametrize("name", [".", "corpus/rejects.jsonl", "none/rejects.jsonl"])
def test_rejects_that_cannot_be_written_stop_before_any_work(tmp_path: Path, inputs: list[Path], name: str) -> None:
    with pytest.raises(OutputError, match=r"rejects|is a directory"):
        build_corpus(inputs, tmp_path / "corpus", rejects=tmp_path / name)
    assert _left_behind(tmp_path) == []


@pytest.mark.parametrize("options", [{"min_chars": -1}, {"min_hangul": 25}, {"max_repeated": -0.1}, {"format": "csv"}])
def test_options_that_cannot_work(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=r"expected"):
        CorpusOptions(**options)  # type: ignore[arg-type]


@pytest.mark.data
def test_a_wikipedia_file_comes_out_as_prose(tmp_path: Path, data_dir: Path) -> None:
    report = build_corpus([data_dir / "kowiki" / "AA0.txt.xz"], tmp_path / "corpus")
    assert report.broken == {}
    assert report.formats == {"wikiextractor": 1}
    text = "\n".join(document.text for document in iter_corpus(tmp_path / "corpus"))
    assert len(text) > 4_000_000  # little is lost: the file has 4.6 million characters, titles and tags included
    for left_over in ("[[", "&lt;", "&amp;", "<br", "<ref", "colspan", "(,", ", ,", "\u200e"):
        assert left_over not in text, left_over
