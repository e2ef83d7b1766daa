import bz2
import gzip
import json
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.artifact import write_manifest
from malmoi.corpus.document import Document, clean_text
from malmoi.corpus.readers import (
    MAX_DOCUMENT_CHARS,
    find_format,
    iter_corpus,
    open_text,
    read_documents,
    read_lines,
)
from malmoi.errors import InputError, OptionError

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
PAGE = '<doc id="{}" url="https://example.org/?curid={}" title="{}">\n{}\n\n{}\n\n</doc>\n'


def _write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def _texts(path: Path, format: str = "auto", counts: Counter[str] | None = None) -> list[str]:
    return [document.text for document in read_documents(path, format=format, counts=counts)]


# Lines


@pytest.mark.parametrize("suffix", ["", *COMPRESSORS])
def test_lines_have_numbers_and_neither_ends_nor_mark(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"글.txt{suffix}"
    data = "\ufeff하나\r\n\n셋\u2028셋\n넷".encode()
    path.write_bytes(COMPRESSORS.get(suffix, bytes)(data))
    assert list(read_lines(path)) == [(1, "하나"), (2, ""), (3, "셋\u2028셋"), (4, "넷")]
    with open_text(path) as file:
        assert file.read() == "하나\r\n\n셋\u2028셋\n넷"


def test_lines_across_blocks_are_whole(tmp_path: Path) -> None:
    lines = [f"{number} " + "가" * (number % 977) for number in range(3000)]  # some four megabytes
    path = _write(tmp_path / "a.txt", "\n".join(lines))
    assert [line for _, line in read_lines(path)] == lines


def test_a_line_with_broken_utf8_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("첫째\n".encode() + b"\xec\x9d\n" + "셋째\n넷째".encode())
    counts: Counter[str] = Counter()
    assert list(read_lines(path, counts)) == [(1, "첫째"), (3, "셋째"), (4, "넷째")]
    assert counts == {"broken-utf8": 1}


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"plain text, wrongly named"])
def test_a_damaged_archive_is_an_input_error(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(damage(COMPRESSORS[suffix]("가나다라\n".encode() * 1000)))
    with pytest.raises(InputError, match="truncated or damaged"):
        list(read_lines(path))
    with pytest.raises(InputError, match="truncated or damaged"), open_text(path) as file:
        file.read()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("첫 줄입니다\n둘째 줄\nascii\n".encode("cp949"), "looks like CP949.*iconv -f CP949"),
        ("첫 줄입니다\n".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\x00\x00", "binary"),
        (gzip.compress(b"a"), r"gzip \(\.gz\)"),
        (b"\xff\xff\xff\xff\n\xff\xff\xff\xff\xff", "not UTF-8"),
    ],
)
def test_what_is_no_utf8_text_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        list(read_lines(path))


def test_open_text_names_the_encoding_too(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"글": "값"}'.encode("cp949"))
    with pytest.raises(InputError, match="CP949"), open_text(path) as file:
        json.load(file)


def test_missing_files_and_directories_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        list(read_lines(tmp_path / "없음.txt"))
    with pytest.raises(InputError, match="is a directory"):
        list(read_lines(tmp_path))


# Formats


def test_text_ends_documents_at_blank_lines(tmp_path: Path) -> None:
    path = _write(tmp_path / "책.txt", "\n\n하나.\n둘.\n \t\n\n셋.\n")
    assert list(read_documents(path)) == [
        Document(id="책.txt-1", title="", text="하나.\n둘."),
        Document(id="책.txt-2", title="", text="셋."),
    ]


def test_text_without_blank_lines_is_cut(tmp_path: Path) -> None:
    lines = ["가" * 999] * 250
    texts = _texts(_write(tmp_path / "a.txt", "\n".join(lines)))
    assert "\n".join(texts).split("\n") == lines
    assert len(texts) == 3
    assert all(len(text) < MAX_DOCUMENT_CHARS * 1.02 for text in texts)


def test_lines_are_documents_numbered_by_line(tmp_path: Path) -> None:
    path = _write(tmp_path / "평.txt", "재밌다\n\n별로\n")
    assert [(d.id, d.text) for d in read_documents(path, format="lines")] == [
        ("평.txt-1", "재밌다"),
        ("평.txt-3", "별로"),
    ]


def test_jsonl_takes_what_has_text_and_counts_the_rest(tmp_path: Path) -> None:
    records = [
        '{"text": "하나", "id": 7, "title": "제목\\n둘째 줄"}',
        "{bad",
        "",
        "[1]",
        '{"text": null}',
        '{"text": "\\ud83d둘"}',
    ]
    records.append("[" * 100_000)  # nested too deep for the parser
    counts: Counter[str] = Counter()
    documents = list(read_documents(_write(tmp_path / "a.jsonl", "\n".join(records)), counts=counts))
    assert documents == [
        Document(id="7", title="제목 둘째 줄", text="하나"),
        Document(id="a.jsonl-6", title="", text="둘"),
    ]
    assert counts == {"bad-json": 4}


def test_wikiextractor_pages(tmp_path: Path) -> None:
    pages = PAGE.format(5, 5, "떡 &amp; 차", "떡 & 차", "떡은 맛있다.\n차도 그렇다.")
    pages += PAGE.format(6, 6, 'the "big" one', 'the "big" one', "")
    path = _write(tmp_path / "wiki_00", pages)
    assert list(read_documents(path)) == [
        Document(id="5", title="떡 & 차", text="떡은 맛있다.\n차도 그렇다."),
        Document(id="6", title='the "big" one', text=""),
    ]


def test_wikiextractor_counts_what_is_out_of_place(tmp_path: Path) -> None:
    page = PAGE.format(1, 1, "가", "가", "본문.")
    path = _write(tmp_path / "wiki_00", page + "떠도는 줄\n" + page.replace("</doc>", "") + page + page[:-8])
    counts: Counter[str] = Counter()
    assert _texts(path, counts=counts) == ["본문."] * 4
    assert counts == {"outside-doc": 1, "unclosed-doc": 2}


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a", '\n<doc id="1" url="u" title="t">\n', "wikiextractor"),
        ("a", '{"text": "글"}', "jsonl"),
        ("a.jsonl", "망가진 첫 줄\n", "jsonl"),
        ("a.txt", "{중괄호}로 시작하는 글", "text"),
        ("a.txt", "", "text"),
    ],
)
def test_auto_goes_by_content(tmp_path: Path, name: str, text: str, format: str) -> None:
    assert find_format(_write(tmp_path / name, text)) == format


def test_a_dump_is_read_as_wikitext_and_cleaned(tmp_path: Path) -> None:
    text = "<text>&#039;&#039;먹&#039;&#039;은 [[벼루]]에 간다.\n\n{{토막글}}</text>"
    page = f"<page><title>먹</title><ns>0</ns><id>7</id><revision>{text}</revision></page>"
    path = _write(tmp_path / "a.xml", f"<mediawiki>{page}</mediawiki>")
    assert find_format(path) == "mediawiki"
    assert list(read_documents(path)) == [Document(id="7", title="먹", text="먹은 벼루에 간다.")]


def test_a_page_too_complex_is_counted_and_the_next_one_read(tmp_path: Path) -> None:
    pages = ("{{lang|ko|글" * 20_000 + "}}" * 20_000, "다음 쪽이다.")
    xml = "".join(f"<page><title>쪽</title><id>1</id><revision><text>{p}</text></revision></page>" for p in pages)
    counts: Counter[str] = Counter()
    documents = list(read_documents(_write(tmp_path / "a.xml", f"<mediawiki>{xml}</mediawiki>"), counts=counts))
    assert [d.text for d in documents] == ["다음 쪽이다."]
    assert counts == {"too-complex": 1}


def test_an_unknown_format_and_what_is_no_dump_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no MediaWiki dump: expected XML"):
        find_format(_write(tmp_path / "a.xml", "<html>"), "mediawiki")
    with pytest.raises(OptionError, match="'xml': expected one of auto, text"):
        find_format(tmp_path / "a.xml", "xml")


def test_a_file_without_documents_is_counted(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    assert _texts(_write(tmp_path / "a", ""), counts=counts) == []
    assert counts == {"file-without-documents": 1}


@given(st.lists(st.tuples(st.text(min_size=1), st.text(), st.text()), min_size=1))
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, str]]) -> None:
    path = tmp_path_factory.mktemp("r") / "a.jsonl"
    path.write_text("".join(json.dumps(dict(zip(("id", "title", "text"), r, strict=True))) + "\n" for r in records))
    assert [(d.title, d.text) for d in read_documents(path)] == [
        (clean_text(title).replace("\n", " "), clean_text(text)) for _, title, text in records
    ]


# Corpus directories


def test_iter_corpus_reads_parts_in_order(tmp_path: Path) -> None:
    for number in (1, 0):
        _write(
            tmp_path / f"part-{number:05d}.jsonl",
            json.dumps({"id": str(number), "title": "", "text": "글"}) + "\n",
        )
    assert [document.id for document in iter_corpus(tmp_path)] == ["0", "1"]
    write_manifest(tmp_path, "corpus", {})
    assert [document.id for document in iter_corpus(tmp_path)] == ["0", "1"]
    write_manifest(tmp_path, "shards", {})
    with pytest.raises(InputError, match="is a shards directory"):
        next(iter_corpus(tmp_path))


def test_iter_corpus_takes_a_single_file(tmp_path: Path) -> None:
    assert [d.text for d in iter_corpus(_write(tmp_path / "a.txt", "하나\n\n둘"))] == ["하나", "둘"]


def test_iter_corpus_refuses_what_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no part-\*\.jsonl"):
        next(iter_corpus(tmp_path))
    _write(tmp_path / "part-00000.jsonl", '{"id": "1", "title": "", "te')
    with pytest.raises(InputError, match=r"part-00000\.jsonl is damaged"):
        list(iter_corpus(tmp_path))
    with pytest.raises(InputError, match="does not exist"):
        next(iter_corpus(tmp_path / "없음"))
