"""The catalogue names what malmoi reads, and says what to do where it cannot fetch."""

import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from test_download import CONTENT, SHA256, Server, address, server  # noqa: F401

from malmoi.data_sets import DATA_SETS, DataSet, RemoteFile, find_data_set, get_data_set
from malmoi.errors import InputError, OptionError

MINE = DataSet(about="a test", task="pair", licence="CC0 1.0", page="https://example.org/page")


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_entry_is_whole(name: str) -> None:
    data_set = find_data_set(name)
    assert data_set.about and data_set.licence and data_set.page.startswith("https://")
    names = [file.name for file in data_set.files]
    assert len(set(names)) == len(names) and all(names)
    for file in data_set.files:
        assert file.address.startswith("https://")
        assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32


def test_a_name_that_is_none() -> None:
    with pytest.raises(OptionError, match=r"'nsmcc'.*nsmc, klue-ynat"):
        find_data_set("nsmcc")


def test_files_go_into_a_folder_of_their_name(server: Server, tmp_path: Path) -> None:  # noqa: F811
    mine = replace(MINE, files=(RemoteFile(address(server), SHA256),))
    (file,) = get_data_set("mine", mine, tmp_path)
    assert (file.path, file.n_bytes) == (tmp_path / "mine" / "file.txt", len(CONTENT))


def test_archives_are_unpacked(server: Server, tmp_path: Path) -> None:  # noqa: F811
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("RTE/train.tsv", "비가 온다")
        archive.writestr("../../outside.txt", "no")
    server.content = packed.getvalue()
    mine = replace(MINE, files=(RemoteFile(address(server).replace("file.txt", "RTE.zip")),))
    get_data_set("mine", mine, tmp_path / "data")
    assert (tmp_path / "data" / "mine" / "RTE" / "train.tsv").read_text(encoding="utf-8") == "비가 온다"
    assert not list(tmp_path.glob("outside.txt")) and not list((tmp_path / "data").glob("outside.txt"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("x-final/ko/dev.tsv")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    server.content = packed.getvalue()
    other = replace(MINE, files=(RemoteFile(address(server).replace("file.txt", "x-final.tar.gz")),))
    (file,) = get_data_set("other", other, tmp_path)
    assert file.path == tmp_path / "other" / "x-final" / "ko" / "dev.tsv"
    server.content = b"no archive"
    with pytest.raises(InputError, match="not a whole archive"):
        get_data_set("third", other, tmp_path)


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    mine = replace(MINE, files=(RemoteFile("http://127.0.0.1:9/train.tsv"),))
    with pytest.raises(InputError) as caught:
        get_data_set("mine", mine, tmp_path)
    for part in ("http://127.0.0.1:9/train.tsv", "by hand", str(tmp_path / "mine" / "train.tsv"), MINE.page):
        assert part in str(caught.value)
    with pytest.raises(InputError, match=r"by hand: see https://example\.org/page"):
        get_data_set("mine", MINE, tmp_path)
