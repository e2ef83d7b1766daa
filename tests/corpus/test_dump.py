"""Dumps as they really are: cut off, glued together, packed in every way, hostile. Each story has its small dump."""

import bz2
import gzip
import itertools
import lzma
import shutil
import tracemalloc
from collections import Counter
from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.corpus import dump, sevenzip
from malmoi.corpus.dump import Page, dump_blocks, is_dump, iter_block, iter_pages
from malmoi.errors import InputError

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="ko">
  <siteinfo><sitename>위키</sitename><namespaces><namespace key="0" case="first-letter" />
  <namespace key="10" case="first-letter">틀</namespace></namespaces></siteinfo>
"""
TAIL = "</mediawiki>\n"


def _page(
    number: int, text: str = "글이다.", *, title: str = "", ns: int = 0, more: str = "", tag: str = "<page>"
) -> str:
    return f"""  {tag}
    <title>{escape(title or f"제목 {number}")}</title>
    <ns>{ns}</ns>
    <id>{number}</id>{more}
    <revision>
      <id>{number + 1000}</id>
      <contributor><username>누구</username><id>5</id></contributor>
      <model>wikitext</model>
      <text bytes="{len(text.encode())}" xml:space="preserve">{escape(text)}</text>
    </revision>
  </page>
"""


def _write(path: Path, *pages: str, head: str = HEAD, tail: str = TAIL) -> Path:
    path.write_bytes((head + "".join(pages) + tail).encode())
    return path


def _read(path: Path, **options: frozenset[int] | None) -> tuple[list[Page], Counter[str]]:
    counts: Counter[str] = Counter()
    return list(iter_pages(path, counts, **options)), +counts


def _ids(pages: list[Page]) -> list[str]:
    return [page.id for page in pages]


def test_a_page_with_all_its_fields(tmp_path: Path) -> None:
    text = "'''벼루''' & \"먹\" <ref>&nbsp;</ref>\n둘째 줄"
    pages, counts = _read(_write(tmp_path / "a.xml", _page(12, text, title="벼루 & 먹")))
    assert pages == [Page(id="12", title="벼루 & 먹", namespace=0, wikitext=text)]
    assert not counts


@pytest.mark.parametrize(
    "head",
    [
        *(f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.{n}/" version="0.{n}">' for n in range(3, 12)),
        "<mediawiki>",
        '<?xml version="1.0" encoding="utf-8"?>\n<mediawiki xml:lang="ko">\n',
        "\ufeff<mediawiki>",
    ],
)
def test_every_version_with_and_without_its_name(tmp_path: Path, head: str) -> None:
    path = _write(tmp_path / "a.xml", _page(1), head=head)
    assert is_dump(path)
    assert _ids(_read(path)[0]) == ["1"]


def test_a_name_space_on_the_page_itself(tmp_path: Path) -> None:
    tag = (
        '<page xmlns="http://www.mediawiki.org/xml/export-0.10/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    )
    assert _ids(_read(_write(tmp_path / "a.xml", _page(1, tag=tag), _page(2)))[0]) == ["1", "2"]


def test_other_namespaces_and_redirects_are_counted(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "a.xml",
        _page(1),
        _page(2, title="틀:상자", ns=10),
        _page(3, "#넘겨주기 [[벼루]]", more='\n    <redirect title="벼루" />'),
        _page(4, "#REDIRECT [[벼루]]"),
        _page(5, "#넘겨주기 [[벼루]]"),
        _page(6, "# 넘겨짚은 목록"),
    )
    pages, counts = _read(path)
    assert _ids(pages) == ["1", "6"]
    assert counts == {"other-namespace": 1, "redirect": 3}
    assert _ids(_read(path, namespaces=frozenset({10}))[0]) == ["2"]
    assert _ids(_read(path, namespaces=None)[0]) == ["1", "2", "6"]


def test_without_ns_the_title_tells_the_namespace(tmp_path: Path) -> None:
    pages = [p.replace("<ns>0</ns>", "") for p in (_page(1, title="틀:상자"), _page(2, title="소설: 봄"))]
    path = _write(tmp_path / "a.xml", *pages)
    assert _ids(_read(path)[0]) == ["2"]
    assert [page.namespace for page in _read(path, namespaces=None)[0]] == [10, 0]


def test_deleted_empty_and_foreign_content(tmp_path: Path) -> None:
    text = '<text bytes="12" xml:space="preserve">글이다.</text>'
    assert text.replace("12", "10") in _page(1)
    text = text.replace("12", "10")
    path = _write(
        tmp_path / "a.xml",
        _page(1).replace(text, '<text deleted="deleted" />'),
        _page(2).replace(text, '<text bytes="0" xml:space="preserve" />'),
        _page(3).replace(text, "<text/>"),
        _page(4).replace(text, ""),
        _page(5).replace("<model>wikitext", "<model>json"),
        _page(6),
    )
    pages, counts = _read(path)
    assert [(page.id, page.wikitext) for page in pages] == [("2", ""), ("3", ""), ("6", "글이다.")]
    assert counts == {"deleted-revision": 1, "page-without-text": 1, "not-wikitext": 1}


def test_of_a_history_the_last_revision_and_of_its_contents_the_first(tmp_path: Path) -> None:
    old = "<revision><id>8</id><text>옛글</text></revision>"
    slot = "<content><role>제2</role><text>다른 칸</text></content>"
    page = _page(1).replace("    <revision>", old + "<revision>").replace("    </revision>", slot + "</revision>")
    assert [p.wikitext for p in _read(_write(tmp_path / "a.xml", page))[0]] == ["글이다."]


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("&lt;b&gt; &quot;가&quot; &apos;나&apos;", "<b> \"가\" '나'"),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;nbsp;", "&amp;nbsp;"),
        ("&#44032;&#xAC01;&#038;lt;", "가각&lt;"),
        ("&amp;#44032;", "&#44032;"),
        ("&#xFFFFFF;&#xD800;끝", "끝"),
        ("&unknown; & &", "&unknown; & &"),
        ("&lt;/page&gt;&lt;page&gt;", "</page><page>"),
    ],
)
def test_entities_are_undone_once(tmp_path: Path, xml: str, text: str) -> None:
    page = _page(1).replace(">글이다.<", f">{xml}<")
    assert [p.wikitext for p in _read(_write(tmp_path / "a.xml", page))[0]] == [text]


def test_entity_expansion_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "하하"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n' + HEAD
    with pytest.raises(InputError, match=r"declares a document type or entities.*for safety"):
        _read(_write(tmp_path / "a.xml", _page(1, "&b;"), head=bomb))


def test_a_page_cut_off_is_counted_and_those_before_stay(tmp_path: Path) -> None:
    whole = _write(tmp_path / "a.xml", *(_page(n) for n in range(3)), tail="").read_bytes()
    for end in range(whole.rindex(b"<page>") + 6, len(whole) - 9, 7):
        (tmp_path / "b.xml").write_bytes(whole[:end])
        pages, counts = _read(tmp_path / "b.xml")
        assert _ids(pages) == ["0", "1"]
        assert counts == {"truncated-page": 1}


def test_a_dump_cut_off_with_another_glued_to_it(tmp_path: Path) -> None:
    cut = _page(2)[:150]
    path = _write(tmp_path / "a.xml", _page(1), cut, HEAD, _page(3))
    pages, counts = _read(path)
    assert _ids(pages) == ["1", "3"]
    assert counts == {"truncated-page": 1}
    for start, end in itertools.pairwise(range(0, path.stat().st_size + 50, 50)):
        assert len(list(iter_block(path, start, end, Counter()))) <= 1


@pytest.mark.parametrize("garbage", [b"\0" * 5000, b"<html>404</html>", bytes(range(256)) * 9, b"<page", b"<pag"])
def test_trailing_garbage(tmp_path: Path, garbage: bytes) -> None:
    xml = _write(tmp_path / "a.xml", _page(1), _page(2)).read_bytes()
    (tmp_path / "b.xml").write_bytes(xml + garbage)
    assert _ids(_read(tmp_path / "b.xml")[0]) == ["1", "2"]
    for name, pack in PACKERS.items():
        (tmp_path / name).write_bytes(pack(xml) + garbage)
        pages, counts = _read(tmp_path / name)
        assert _ids(pages) == ["1", "2"]
        assert counts == ({"trailing-garbage": 1} if garbage.strip(b"\0") else {})


def _pack_streams(xml: bytes, n_bytes: int = 300) -> bytes:
    """As pbzip2 does: streams that know nothing of pages."""
    return b"".join(bz2.compress(xml[i : i + n_bytes]) for i in range(0, len(xml), n_bytes))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "a.gz": gzip.compress,
    "a.bz2": bz2.compress,
    "many.bz2": _pack_streams,
    "a.xz": lzma.compress,
}


@pytest.mark.parametrize("name", PACKERS)
def test_packed_dumps_by_content_not_by_name(tmp_path: Path, name: str) -> None:
    xml = _write(tmp_path / "a.xml", *(_page(n) for n in range(20))).read_bytes()
    for path in (tmp_path / name, tmp_path / "dump.xml"):
        path.write_bytes(PACKERS[name](xml))
        assert is_dump(path)
        pages, counts = _read(path)
        assert _ids(pages) == [str(n) for n in range(20)]
        assert not counts


@pytest.mark.parametrize("name", PACKERS)
def test_a_packed_dump_cut_off_keeps_what_came_before(tmp_path: Path, name: str) -> None:
    xml = _write(tmp_path / "a.xml", *(_page(n, f"{n * n * 7919 % 10007} " * 9) for n in range(20))).read_bytes()
    packed = PACKERS[name](xml)
    before = -1
    for end in (len(packed) // 3, len(packed) // 2, len(packed) - 5):
        (tmp_path / "cut").write_bytes(packed[:end])
        try:
            pages, counts = _read(tmp_path / "cut")
        except InputError as error:  # one block of bzip2 gives all or nothing
            assert name == "a.bz2" and "no MediaWiki dump" in str(error)
            continue
        assert counts["truncated-file"] == 1
        assert _ids(pages) == [str(n) for n in range(len(pages))]
        assert len(pages) >= before
        before = len(pages)
    assert name == "a.bz2" or before > 10


def test_a_damaged_stream_costs_its_pages_only(tmp_path: Path) -> None:
    streams = [HEAD, *(_page(n) for n in range(6))]
    packed = [bytearray(bz2.compress(stream.encode())) for stream in streams]
    packed[3][40] ^= 255
    (tmp_path / "a.bz2").write_bytes(b"".join(packed))
    pages, counts = _read(tmp_path / "a.bz2")
    assert _ids(pages) == ["0", "1", "3", "4", "5"]
    assert counts == {"damaged-stream": 1}


@pytest.mark.parametrize("name", ["plain", "many.bz2"])
@pytest.mark.parametrize("block_bytes", [1, 100, 777, 5000, 1 << 20])
def test_every_page_is_in_exactly_one_block(tmp_path: Path, name: str, block_bytes: int) -> None:
    xml = _write(tmp_path / "a", *(_page(n, f"{n}" * (n * 5)) for n in range(25))).read_bytes()
    path = tmp_path / name
    path.write_bytes(PACKERS[name](xml) if name in PACKERS else xml)
    blocks = dump_blocks(path, block_bytes)
    assert blocks[0][0] == 0 and blocks[-1][1] == path.stat().st_size
    assert all(a[1] == b[0] for a, b in itertools.pairwise(blocks))
    assert len(blocks) > 3 or block_bytes >= 5000
    pages = [page for start, end in blocks for page in iter_block(path, start, end, Counter())]
    assert pages == _read(path)[0]
    assert len(pages) == 25


@given(st.lists(st.integers(1, 400), max_size=12), st.data())
@settings(max_examples=40, deadline=None)
def test_streams_cut_anywhere_lose_no_page(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    xml = _write(folder / "a.xml", *(_page(n) for n in range(3))).read_bytes()
    places = sorted({0, len(xml), *(min(sum(cuts[:i]), len(xml)) for i in range(len(cuts)))})
    path = folder / "a.bz2"
    path.write_bytes(b"".join(bz2.compress(xml[a:b]) for a, b in itertools.pairwise(places)))
    blocks = dump_blocks(path, data.draw(st.integers(1, 2000)))
    assert _ids([page for start, end in blocks for page in iter_block(path, start, end, Counter())]) == ["0", "1", "2"]


def test_a_block_is_read_without_what_comes_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stream of Wikipedia's holds whole pages: the next one need not even be unpacked."""
    path = tmp_path / "a.bz2"
    path.write_bytes(b"".join(bz2.compress(part.encode()) for part in (HEAD, _page(1), _page(2), _page(3), TAIL)))
    blocks = dump_blocks(path, 1)
    assert len(blocks) == 5
    start, end = blocks[1]
    path.write_bytes(path.read_bytes()[:end] + b"BZh9" + b"\0" * 50)  # the rest would be an error
    counts: Counter[str] = Counter()
    assert _ids(list(iter_block(path, start, end, counts))) == ["1"]
    assert not +counts


def test_a_page_too_large_is_passed_over_in_flat_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "MAX_PAGE_BYTES", 1 << 20)
    path = tmp_path / "a.xml.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write((HEAD + _page(1)).encode())
        file.write(_page(2)[:-40].replace("글이다.", "").replace("</text>", "").encode())
        for _ in range(50):
            file.write("긴 글이다. ".encode() * (1 << 16))
        file.write(b"</text></revision></page>" + (_page(3) + TAIL).encode())
    tracemalloc.start()
    pages, counts = _read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert _ids(pages) == ["1", "3"]
    assert counts == {"page-too-large": 1}
    assert peak < 12 << 20


def test_a_packed_bomb_stays_small_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a.bz2").write_bytes(bz2.compress(HEAD.encode()) + bz2.compress(b" " * (60 << 20)))
    tracemalloc.start()
    assert _read(tmp_path / "a.bz2") == ([], Counter())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20


def test_broken_bytes_cost_the_page_and_another_encoding_the_file(tmp_path: Path) -> None:
    xml = _write(tmp_path / "a.xml", *(_page(n) for n in range(4))).read_bytes()
    bad = xml.replace("제목 2".encode(), b"\xff\xfe", 1)
    (tmp_path / "b.xml").write_bytes(bad)
    pages, counts = _read(tmp_path / "b.xml")
    assert _ids(pages) == ["0", "1", "3"]
    assert counts == {"broken-utf8": 1}
    text = HEAD + "".join(_page(n) for n in range(30))
    (tmp_path / "c.xml").write_bytes(text.encode("cp949"))
    with pytest.raises(InputError, match=r"c\.xml is not UTF-8"):
        _read(tmp_path / "c.xml")


@pytest.mark.parametrize(
    "content", [b"", b"<html><body>", b"\x00\x01\x02", "글".encode(), bz2.compress(b"no"), b"BZh9", b"\x1f\x8b"]
)
def test_what_is_no_dump_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    assert not is_dump(path)
    for read in (_read, dump_blocks):
        with pytest.raises(InputError, match=r"a\.xml is no MediaWiki dump: expected XML that begins with <mediawiki"):
            read(path)


def test_a_file_that_is_missing_or_a_directory(tmp_path: Path) -> None:
    for read in (is_dump, dump_blocks):
        with pytest.raises(InputError, match="does not exist"):
            read(tmp_path / "없음.xml")
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path)


def _write_7z(path: Path, source: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.write(source, "dump.xml")


def test_7z_through_py7zr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sevenzip, "_PROGRAMS", ())
    _write_7z(tmp_path / "a.7z", _write(tmp_path / "a.xml", *(_page(n) for n in range(9))))
    assert is_dump(tmp_path / "a.7z")
    assert len(dump_blocks(tmp_path / "a.7z", 10)) == 1
    assert len(_read(tmp_path / "a.7z")[0]) == 9
    (tmp_path / "b.7z").write_bytes((tmp_path / "a.7z").read_bytes()[:200])
    with pytest.raises(InputError, match=r"b\.7z is truncated or damaged"):
        _read(tmp_path / "b.7z")


@pytest.mark.skipif(not any(map(shutil.which, sevenzip._PROGRAMS)), reason="needs 7-Zip")
def test_7z_through_the_program(tmp_path: Path) -> None:
    _write_7z(tmp_path / "a.7z", _write(tmp_path / "a.xml", *(_page(n, "글" * 9000) for n in range(300))))
    assert is_dump(tmp_path / "a.7z")  # stops after a megabyte
    assert len(_read(tmp_path / "a.7z")[0]) == 300


def test_7z_without_anything_to_unpack_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sevenzip, "_PROGRAMS", ())
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    with pytest.raises(InputError, match=r"install 7-Zip \(`apt install 7zip`\) or py7zr"):
        is_dump(tmp_path / "a.7z")


@pytest.mark.data
def test_real_dumps(data_dir: Path) -> None:
    expected = {"enwiki": (24, {"redirect": 2, "other-namespace": 1}), "frwiki": (3, {})}
    for name, (n_pages, n_left_out) in expected.items():
        pages, counts = _read(data_dir / "wikitext" / f"{name}.xml.bz2")
        assert len(pages) == n_pages and counts == n_left_out
        assert all(page.title and page.id.isdecimal() and page.wikitext for page in pages)
    for name in ("kowiki_2019-09", "kowiki_2021-09"):  # the first has its xmlns on <page>
        assert len(_read(data_dir / "wikitext" / f"{name}.xml.bz2")[0]) == 1
