"""The best spans are those of an exhaustive search, over windows too."""

import numpy as np

from malmoi.tasks.qa_decode import best_spans
from malmoi.tasks.task import Row
from malmoi.tasks.windows import span_array


def row(spans: list[tuple[int, int]]) -> Row:
    return Row(np.arange(len(spans), dtype=np.int32), np.zeros(len(spans), np.uint8), spans=span_array(spans))


def exhaustive(rows: list[Row], outputs: list[np.ndarray], max_tokens: int) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for one, output in zip(rows, outputs, strict=True):
        assert one.spans is not None
        places = [i for i, (start, end) in enumerate(one.spans.tolist()) if start < end]
        for i in places:
            for j in places:
                if i <= j < i + max_tokens:
                    key = (int(one.spans[i, 0]), int(one.spans[j, 1]))
                    found[key] = max(found.get(key, -np.inf), float(output[i, 0] + output[j, 1]))
    return found


def test_equals_exhaustive_search() -> None:
    generator = np.random.default_rng(1)
    for _ in range(80):
        n = int(generator.integers(1, 12))
        words = [(3 * i, 3 * i + 2) for i in range(n)]
        cut = int(generator.integers(0, n))
        rows = [row([(0, 0), (0, 0), *words[: cut + 2], (0, 0)]), row([(0, 0), *words[cut:], (0, 0)])]
        outputs = [generator.normal(size=(len(r.ids), 2)) for r in rows]
        limit = int(generator.integers(1, 6))
        best, no_answer = best_spans(rows, outputs, limit, 4)
        expected = sorted(exhaustive(rows, outputs, limit).items(), key=lambda item: -item[1])[:4]
        assert [((c.start, c.end), c.score) for c in best] == expected
        assert no_answer == min(float(output[0].sum()) for output in outputs)


def test_the_question_and_the_special_tokens_are_never_an_answer() -> None:
    spans = [(0, 0), (0, 0), (0, 0), (0, 2), (2, 3), (0, 0)]
    output = np.full((6, 2), 50.0)
    output[3:5] = -50.0
    best, _ = best_spans([row(spans)], [output], 10, 10)
    assert {(c.start, c.end) for c in best} == {(0, 2), (0, 3), (2, 3)}


def test_pieces_of_one_character_and_an_empty_text() -> None:
    best, _ = best_spans([row([(0, 0), (0, 3), (0, 3), (3, 5)])], [np.zeros((4, 2))], 5, 5)
    assert [(c.start, c.end) for c in best] == [(0, 3), (0, 5), (3, 5)]
    assert best_spans([row([(0, 0), (0, 0)])], [np.zeros((2, 2))], 5, 5)[0] == []
