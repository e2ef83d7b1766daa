"""P9: an index of a million vectors of 256 numbers: approximate search beside exact, its size, writes meanwhile.

Vectors are drawn from a mixture in a space of few dimensions, as embeddings lie; queries are noisy copies of some.
Exact search is LanceDB's own over the same table, and NumPy's product over the vectors in memory.

    python benchmarks/search_index.py            # 1,000,000 x 256: several GB of memory and disk, half an hour
    python benchmarks/search_index.py --quick    # 210,000 x 64
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from machine import describe

from malmoi.search.documents import SearchDocument
from malmoi.search.lexical import best
from malmoi.search.table import DocumentTable, Row, partitions

AT_ONCE = 20_000
TOP = 10


def draw(n: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """float32 [n, width] of length one: 2,000 clusters, each spread over 24 dimensions."""
    basis = generator.standard_normal((24, width)).astype(np.float32)
    centres = generator.standard_normal((2000, 24)).astype(np.float32)
    inner = centres[generator.integers(0, len(centres), n)] + 0.6 * generator.standard_normal((n, 24), np.float32)
    vectors = inner @ basis + 0.3 * generator.standard_normal((n, width), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(table: DocumentTable, vectors: np.ndarray) -> None:
    for start in range(0, len(vectors), AT_ONCE):
        rows = [
            Row(SearchDocument(str(start + number), f"글 {start + number}"), ("글",), vector)
            for number, vector in enumerate(vectors[start : start + AT_ONCE])
        ]
        table.add(rows)


def timed(search: Callable[[np.ndarray], list[str]], queries: np.ndarray) -> tuple[list[list[str]], float]:
    """What is found, and the median milliseconds of a query."""
    search(queries[0])
    found, times = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query))
        times.append(1000 * (time.perf_counter() - started))
    return found, statistics.median(times)


def recall(found: list[list[str]], exact: list[list[str]]) -> float:
    return statistics.fmean(len(set(a) & set(b)) / TOP for a, b in zip(found, exact, strict=True))


def writes(table: DocumentTable, query: np.ndarray, width: int) -> float:
    """Median milliseconds of a query while documents are added and deleted between queries."""
    times = []
    for number in range(20):
        vector = np.ones(width, np.float32) / width**0.5
        table.add([Row(SearchDocument(f"new-{number}", "새 글"), ("새",), vector)])
        if number % 2:
            table.delete([f"new-{number - 1}"])
        started = time.perf_counter()
        table.nearest(query, TOP)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, default=None, help="where the index is made; by default a temporary one")
    options = parser.parse_args()
    n, width, n_queries = (210_000, 64, 50) if options.quick else (1_000_000, 256, 100)
    print(describe("lancedb", "numpy"))
    generator = np.random.default_rng(1)
    vectors = draw(n, width, generator)
    queries = vectors[generator.integers(0, n, n_queries)]
    queries = queries + 0.3 * generator.standard_normal(queries.shape, np.float32) / width**0.5
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)

    def in_memory(query: np.ndarray) -> list[str]:
        return [str(number) for number in best(vectors @ query, TOP)[0]]

    with TemporaryDirectory(dir=options.folder) as folder:
        table = DocumentTable.create(Path(folder), {}, width)
        started = time.perf_counter()
        fill(table, vectors)
        print(f"{n:,} x {width}: written in {time.perf_counter() - started:.0f} s")
        truth, numpy_ms = timed(in_memory, queries)
        exact, exact_ms = timed(lambda query: [name for name, _ in table.nearest(query, TOP)], queries)
        started = time.perf_counter()
        table.tidy()
        seconds = time.perf_counter() - started
        found, ms = timed(lambda query: [name for name, _ in table.nearest(query, TOP)], queries)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        while_writing = writes(table, queries[0], width)
    print(f"index: {partitions(n):,} partitions, made in {seconds:.0f} s; {size / 1e6:,.0f} MB on disk, documents too")
    print(f"exact, LanceDB:       {exact_ms:8.2f} ms a query, recall@10 {recall(exact, truth):.4f}")
    print(f"exact, NumPy product: {numpy_ms:8.2f} ms a query")
    print(f"approximate:          {ms:8.2f} ms a query, recall@10 {recall(found, truth):.4f}")
    print(f"ratio: {exact_ms / ms:.1f} x exact in LanceDB, {numpy_ms / ms:.1f} x NumPy (targets: 5 x, recall 0.99)")
    print(f"while documents are added and deleted: {while_writing:.2f} ms a query")


if __name__ == "__main__":
    main()
