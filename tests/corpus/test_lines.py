"""Lines of files, packed or not: numbers, damage, encodings."""

import bz2
import gzip
import json
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from malmoi.corpus.lines import load_library, open_text, read_lines
from malmoi.errors import InputError, OptionError

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def _write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


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
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"plain text, wrongly named"])
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
        (gzip.compress(b"a", mtime=0), r"gzip \(\.gz\)"),
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


def test_zstandard_frames_one_after_another_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.zst"
    path.write_bytes(zstandard.compress("하나\n".encode()) + zstandard.compress("둘\n".encode() * 100_000))
    lines = [line for _, line in read_lines(path)]
    assert (lines[:2], len(lines)) == (["하나", "둘"], 100_001)


def test_a_library_that_is_missing_is_named_with_its_remedy() -> None:
    with pytest.raises(OptionError, match=r"a\.x is packed oddly, and no_such_library is not installed: pip install"):
        load_library("no_such_library", "a.x is packed oddly")
