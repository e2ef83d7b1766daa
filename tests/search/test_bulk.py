"""Vectors of many texts: as one at a time, with any number of workers, and as a NumPy file."""

from pathlib import Path

import numpy as np
import pytest

from malmoi.search.bulk import embed_records, encode_all, write_vectors
from malmoi.search.embedder import Embedder

TEXTS = ["고래는 바다에 산다.", "", "짧다", "바다에는 고래가 산다."] * 3
pytestmark = pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")


def test_records_keep_their_order_and_their_fields(exported: Path) -> None:
    directory = exported / "pretrained"
    expected = Embedder.load(directory).encode(TEXTS)
    records = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
    made = list(embed_records(directory, iter(records)))
    assert [record for record, _ in made] == records
    np.testing.assert_allclose(np.stack([vector for _, vector in made]), expected, atol=1e-6)
    assert list(embed_records(directory, [])) == []


@pytest.mark.filterwarnings("default")
def test_workers_give_the_same_vectors(exported: Path) -> None:
    directory = exported / "pretrained"
    alone, together = (np.concatenate(list(encode_all(directory, TEXTS, workers=n))) for n in (1, 2))
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("n_rows", [0, 1, 1000])
def test_a_numpy_file_is_streamed(n_rows: int, tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((n_rows, 7)).astype(np.float32)
    shape = write_vectors(tmp_path / "v.npy", iter(vectors))
    assert shape == (n_rows, 7 if n_rows else 0)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), vectors.reshape(shape))
    assert [path.name for path in tmp_path.iterdir()] == ["v.npy"]


def test_a_file_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield np.zeros(3)
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        write_vectors(tmp_path / "v.npy", broken())
    assert not list(tmp_path.iterdir())
