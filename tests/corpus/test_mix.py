"""Which documents make a mixture, and the file that names its sources."""

from pathlib import Path

import numpy as np
import pytest

from malmoi.corpus.mix import choose
from malmoi.corpus.options import Source, corpus_inputs, read_mix
from malmoi.errors import DataError, InputError, OptionError

RNG = np.random.default_rng(0)
HASHES = RNG.integers(0, 2**64, 1000, dtype=np.uint64)
LENGTHS = RNG.integers(50, 150, 1000)
OWNERS = np.repeat([0, 1], [800, 200])


def _shares(sources: list[Source], seed: int = 0) -> tuple[float, float]:
    is_in = choose(sources, OWNERS, LENGTHS, HASHES, seed)
    return tuple(float(LENGTHS[is_in & (number == OWNERS)].sum()) for number in (0, 1))  # type: ignore[return-value]


def _source(name: str, weight: float | None = None, max_chars: int | None = None) -> Source:
    return Source(name=name, inputs=("x",), weight=weight, max_chars=max_chars)


def test_weights_are_shares_of_characters_and_nothing_is_repeated() -> None:
    wiki, reviews = _shares([_source("wiki", 1), _source("reviews", 1)])
    assert reviews == LENGTHS[OWNERS == 1].sum()  # the scarce one whole
    assert wiki == pytest.approx(reviews, abs=150)
    wiki, reviews = _shares([_source("wiki", 6), _source("reviews", 1)])
    assert wiki == pytest.approx(LENGTHS[OWNERS == 0].sum(), abs=150)
    assert reviews == pytest.approx(wiki / 6, abs=150)


def test_a_cap_bounds_a_source_and_one_without_weight_stays_whole() -> None:
    wiki, reviews = _shares([_source("wiki", max_chars=10_000), _source("reviews")])
    assert 10_000 - 150 < wiki <= 10_000
    assert reviews == LENGTHS[OWNERS == 1].sum()


def test_the_same_seed_draws_the_same_documents_wherever_they_stand() -> None:
    sources = [_source("a", max_chars=20_000), _source("b")]
    is_in = choose(sources, OWNERS, LENGTHS, HASHES, 7)
    order = np.concatenate([RNG.permutation(800), np.arange(800, 1000)])
    again = choose(sources, OWNERS, LENGTHS[order], HASHES[order], 7)
    assert (again == is_in[order]).all()
    assert (choose(sources, OWNERS, LENGTHS, HASHES, 8) != is_in).any()


def test_a_file_of_sources(tmp_path: Path) -> None:
    path = tmp_path / "mix.jsonl"
    path.write_text(
        '{"name": "wiki", "inputs": ["a", "b"], "weight": 2}\n\n'
        '{"name": "reviews", "inputs": "c.txt", "format": "lines", "min_chars": 8, "max_chars": 100}\n'
    )
    wiki, reviews = corpus_inputs([], path)
    assert wiki == Source(name="wiki", inputs=("a", "b"), weight=2)
    assert (reviews.inputs, reviews.format, reviews.min_chars, reviews.max_chars) == (("c.txt",), "lines", 8, 100)
    with pytest.raises(InputError, match="both --mix"):
        corpus_inputs([Path("d")], path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"name": "a"}', "expected an object with name, inputs"),
        ('{"name": "a", "inputs": ["x"], "wieght": 1}', "expected an object with"),
        ('{"name": "a", "inputs": ["x"], "weight": 0}', "weight 0: expected more than 0"),
        ('{"name": "a", "inputs": ["x"], "max_chars": 0}', "max_chars 0"),
        ('{"name": "a", "inputs": []}', "expected a list of paths"),
        ("[1]", "expected an object"),
        ("{", "not a source"),
    ],
)
def test_a_line_that_is_no_source_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "mix.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=rf"mix\.jsonl:1: not a source: .*{message}|mix\.jsonl:1: {message}"):
        read_mix(path)


def test_sources_need_distinct_names(tmp_path: Path) -> None:
    path = tmp_path / "mix.jsonl"
    path.write_text('{"name": "a", "inputs": ["x"]}\n' * 2)
    with pytest.raises(InputError, match="distinct names"):
        read_mix(path)
    path.write_text("")
    with pytest.raises(InputError, match="no source"):
        read_mix(path)
    with pytest.raises(OptionError, match="weight -1"):
        Source(name="a", inputs=("x",), weight=-1)
