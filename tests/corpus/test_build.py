import gzip
import json
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest

from malmoi.artifact import read_manifest
from malmoi.corpus import pieces
from malmoi.corpus.build import build_corpus
from malmoi.corpus.options import CorpusOptions, Source
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
    assert (report.n_files, report.n_read, report.n_kept) == (2, 50, 40)
    assert report.n_characters == sum(map(len, SENTENCES)) == sum(report.characters.values())
    assert report.dropped == {"duplicate": 7, "low-hangul": 1, "repeated-lines": 1, "too-short": 1}
    assert (report.broken, report.unreadable, report.formats) == ({}, {}, {"text": 2})
    assert report.lengths[1:3] == [[20, 40], [50, 0]]
    assert report.frequent[:2] == [["고개를", 40], ["나그네가", 40]]
    assert [example["id"] for example in report.examples["duplicate"]] == ["a.txt-27", "b.txt-1", "b.txt-2"]
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(r["id"], r["reason"]) for r in rejects} >= {("a.txt-26", "too-short"), ("b.txt-1", "duplicate")}
    assert len(rejects) == report.n_read - report.n_kept
    assert sorted(_files(tmp_path / "corpus")) == ["manifest.json", "part-00000.jsonl", "report.html", "report.json"]
    assert json.loads((tmp_path / "corpus" / "report.json").read_text()) == json.loads(json.dumps(asdict(report)))
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
    monkeypatch.setattr(pieces, "PIECE_CHARS", 300)  # many pieces; known by this process only
    monkeypatch.setattr(pieces, "SPAN_BYTES", 1000)
    for workers in (1, 3):
        build_corpus(inputs, tmp_path / f"c{workers}", rejects=tmp_path / f"r{workers}", workers=workers)
    assert _files(tmp_path / "c1") == _files(tmp_path / "c3")
    assert (tmp_path / "r1").read_bytes() == (tmp_path / "r3").read_bytes()
    assert [document.text for document in iter_corpus(tmp_path / "c3")] == SENTENCES


def test_parts_are_numbered_without_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_DOCUMENTS", 1)
    monkeypatch.setattr(pieces, "SPAN_BYTES", 1)
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


@pytest.mark.parametrize("span_bytes", [pieces.SPAN_BYTES, 1])  # read by a worker, or by this process
def test_of_a_damaged_archive_what_came_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, span_bytes: int
) -> None:
    monkeypatch.setattr(pieces, "SPAN_BYTES", span_bytes)
    noise = [f"{number * 7919 % 100_003}번째 나그네가 {number}번째 고개를 넘는다." for number in range(60_000)]
    damaged = tmp_path / "in" / "a.txt.gz"
    damaged.parent.mkdir()
    packed = gzip.compress("\n\n".join(noise).encode())
    damaged.write_bytes(packed[: len(packed) * 2 // 3])
    whole = _write(tmp_path / "in" / "b.txt", SENTENCES[0])
    report = build_corpus([damaged, whole], tmp_path / "corpus")
    kept = [document.text for document in iter_corpus(tmp_path / "corpus")]
    assert 10_000 < len(kept) < 60_000 and kept[:-1] == noise[: len(kept) - 1] and kept[-1] == SENTENCES[0]
    assert report.broken == {"unreadable-file": 1}
    assert list(report.unreadable) == [str(damaged)] and "truncated" in report.unreadable[str(damaged)]
    assert "could not be read: " in str(report) and "a.txt.gz is truncated" in str(report)


def test_files_that_cannot_be_read_stop_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    _write(folder / "b.txt", SENTENCES[0])
    (folder / "a.bin").write_bytes(b"\0\1\2" * 99)
    (folder / "c.txt").write_bytes("\n".join(SENTENCES).encode("cp949"))
    (folder / "d.xz").write_bytes(b"no archive")
    report = build_corpus([folder], tmp_path / "corpus")
    assert (report.n_kept, report.broken) == (1, {"unreadable-file": 3})
    assert [Path(name).name for name in report.unreadable] == ["a.bin", "c.txt", "d.xz"]
    (folder / "b.txt").unlink()
    with pytest.raises(InputError, match=r"a\.bin is a binary file.*\(and 2 more files that cannot be read\)"):
        build_corpus([folder], tmp_path / "other")
    assert _left_behind(tmp_path) == ["corpus"]


def test_a_huge_document(tmp_path: Path) -> None:
    line = " ".join(f"{number}번째 낱말이다." for number in range(1000))
    path = _write(tmp_path / "a.jsonl", json.dumps({"text": line * 500}) + "\n" + json.dumps({"text": line}) + "\n")
    report = build_corpus([path], tmp_path / "corpus")
    assert (report.n_kept, report.dropped) == (1, {"repeated-ngrams": 1})


def test_near_duplicates_go_unless_turned_off(tmp_path: Path) -> None:
    text = " ".join(SENTENCES)
    path = _write(tmp_path / "a.txt", f"{text}\n\n{text} 끝이다.\n\n{SENTENCES[0]}")
    assert build_corpus([path], tmp_path / "one").dropped == {"near-duplicate": 1}
    assert build_corpus([path], tmp_path / "two", CorpusOptions(near_duplicates=None)).dropped == {}


@pytest.mark.parametrize("compress", ["gz", "zst"])
def test_packed_parts_hold_the_same_and_are_the_same_each_time(
    tmp_path: Path, inputs: list[Path], compress: Literal["gz", "zst"]
) -> None:
    build_corpus(inputs, tmp_path / "plain")
    for name in ("one", "two"):
        build_corpus(inputs, tmp_path / name, CorpusOptions(compress=compress))
    assert (tmp_path / "one" / f"part-00000.jsonl.{compress}").exists()
    assert list(iter_corpus(tmp_path / "one")) == list(iter_corpus(tmp_path / "plain"))
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


def test_a_mixture_of_sources(tmp_path: Path, inputs: list[Path]) -> None:
    """Options of their own, shares of characters, and a report by source; the same whatever the workers."""
    prose = Source(name="prose", inputs=tuple(map(str, inputs)), weight=3)
    remarks = _write(tmp_path / "in" / "remarks.txt", "\n".join(f"{chr(ord('가') + n)}배우 최고" for n in range(100)))
    short = Source(name="remarks", inputs=(str(remarks),), weight=1, format="lines", min_chars=4)
    reports = [build_corpus([prose, short], tmp_path / f"c{w}", workers=w) for w in (1, 2)]
    assert reports[0] == reports[1] and _files(tmp_path / "c1") == _files(tmp_path / "c2")
    sources = reports[0].sources
    assert sources["prose"]["n_characters"] == sum(map(len, SENTENCES))
    assert sources["remarks"]["n_characters"] == pytest.approx(sum(map(len, SENTENCES)) / 3, abs=7)
    assert reports[0].dropped["not-in-mix"] == 100 - sources["remarks"]["n_kept"]
    assert "from remarks: " in str(reports[0])
    assert read_manifest(tmp_path / "c1", "corpus").options["sources"][1]["format"] == "lines"


def test_the_page_shows_what_the_report_says(tmp_path: Path, inputs: list[Path]) -> None:
    markup = _write(tmp_path / "in" / "c.txt", "<script>alert(1)</script>")
    report = build_corpus([*inputs, markup], tmp_path / "corpus")
    page = (tmp_path / "corpus" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http" not in page and "src=" not in page  # nothing from outside
    for shown in (
        f"{report.n_kept:,}",
        "near-duplicate" if "near-duplicate" in report.dropped else "too-short",
        "고개를",
    ):
        assert shown in page
    checker = HTMLParser()
    checker.feed(page)
    checker.close()
    assert page.count("<svg") == page.count("</svg>") == 1


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


@pytest.mark.parametrize(
    "options",
    [
        {"min_chars": -1},
        {"min_hangul": 25},
        {"max_repeated": -0.1},
        {"format": "csv"},
        {"near_duplicates": 0.2},
        {"max_list": 2.0},
        {"compress": "rar"},
    ],
)
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


def test_namespaces_and_headings_of_a_dump(tmp_path: Path) -> None:
    pages = "".join(
        f"<page><title>{title}</title><ns>{ns}</ns><id>{i}</id><revision><text>머리글은 한 문장으로 되어 있다.\n"
        f"== 역사 ==\n{title} 이야기는 오래전에 처음 시작되었다.\n== 각주 ==\n</text></revision></page>"
        for i, (title, ns) in enumerate([("두루미", 0), ("틀:두루미", 10), ("위키백과:두루미", 4)])
    )
    dump = _write(tmp_path / "a.xml", f"<mediawiki>{pages}</mediawiki>")
    report = build_corpus([dump], tmp_path / "articles")
    assert (report.n_kept, report.broken) == (1, {"other-namespace": 2})
    options = CorpusOptions(namespaces=(0, 4), headings=True)
    build_corpus([dump], tmp_path / "more", options)
    assert [(d.title, d.text.split("\n")[1:]) for d in iter_corpus(tmp_path / "more")] == [
        ("두루미", ["## 역사", "두루미 이야기는 오래전에 처음 시작되었다."]),
        ("위키백과:두루미", ["## 역사", "위키백과:두루미 이야기는 오래전에 처음 시작되었다."]),
    ]
    with pytest.raises(OptionError, match="namespaces is empty"):
        CorpusOptions(namespaces=())
