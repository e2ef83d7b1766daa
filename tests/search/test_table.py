"""The table on disk: an approximate index is made where there are many documents, and finds what exact search finds."""

from pathlib import Path

import numpy as np
import pytest

from malmoi.search import table as module
from malmoi.search.documents import SearchDocument
from malmoi.search.table import DocumentTable, Row

pytest.importorskip("lancedb")


def test_many_documents_get_an_approximate_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 1000)
    centres = np.random.default_rng(0).standard_normal((40, 16))
    vectors = centres.repeat(40, 0) + 0.2 * np.random.default_rng(1).standard_normal((1600, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    table = DocumentTable.create(tmp_path, {"n": "integer"}, 16)
    table.add([Row(SearchDocument(str(n), "글", {"n": n}), ("글",), vector) for n, vector in enumerate(vectors)])
    exact = [table.nearest(vector, 10) for vector in vectors[::160]]
    table.tidy()
    [index] = table._table.list_indices()
    assert index.columns == ["vector"]
    found = [table.nearest(vector, 10) for vector in vectors[::160]]
    shared = [len({name for name, _ in a} & {name for name, _ in b}) / 10 for a, b in zip(exact, found, strict=True)]
    assert np.mean(shared) > 0.9 and [a[0][0] for a in found] == [a[0][0] for a in exact]
    assert table.nearest(vectors[0], 1)[0][1] == pytest.approx(1, abs=1e-5)
    # What comes later is found as well, before the index is extended and after.
    odd = -vectors[0]
    table.add([Row(SearchDocument("new", "글"), ("글",), odd)])
    assert table.nearest(odd, 1)[0][0] == "new"
    table.tidy()
    assert table.nearest(odd, 1)[0][0] == "new"
    assert [name for name, _ in table.nearest(vectors[0], 3, "n >= 1500")] == [
        name
        for name, _ in sorted(
            ((str(n), float(vectors[n] @ vectors[0])) for n in range(1500, 1600)), key=lambda x: -x[1]
        )
    ][:3]
