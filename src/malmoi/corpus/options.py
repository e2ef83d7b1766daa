"""The options of the corpus stage, and the sources of a mixture. Values are checked here, once."""

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from malmoi.corpus.lines import read_lines
from malmoi.corpus.readers import FORMATS
from malmoi.errors import DataError, InputError, OptionError


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """Options of the corpus stage. A share of 1 turns the filter it belongs to off."""

    format: str = "auto"
    """How inputs are written: `text` (blank line between documents), `lines` (every line a document),
    `jsonl`, `wikiextractor`, `parquet`, or `auto` (by content; never `lines`)."""
    min_chars: int = 20
    """Documents with fewer characters are dropped."""
    min_hangul: float = 0.25
    """Documents with a smaller share of Hangul among their letters are dropped (0 keeps every language)."""
    max_symbols: float = 0.5
    """Documents with a larger share of signs (and formula placeholders) among their characters are dropped."""
    max_digits: float = 0.4
    """Documents with a larger share of digits among their characters are dropped."""
    max_jamo: float = 0.6
    """Documents with a larger share of lone jamo (laughter, a cat on the keyboard) are dropped."""
    max_repeated: float = 0.3
    """Documents with a larger share of characters in repeated lines are dropped."""
    max_repeated_ngrams: float = 0.3
    """Documents with a larger share of words in repeated runs of five words, or short ones that
    say the same two characters again and again, are dropped."""
    max_list: float = 0.85
    """Documents with a larger share of characters in lines that are no sentences are dropped."""
    max_boilerplate: float = 0.3
    """Documents with a larger share of characters in lines that web pages wrap around a text are dropped."""
    namespaces: tuple[int, ...] = (0,)
    """Number of a namespace to keep of MediaWiki dumps (0: articles, 4: the project's own pages, 14: categories);
    may be repeated."""
    headings: bool = False
    """Keep the headings of a dump's sections, as lines such as `## 역사`."""
    keep_disambiguation: bool = False
    """Keep pages that only say what a name may stand for."""
    near_duplicates: float | None = 0.8
    """Drop a document if its similarity (Jaccard, of runs of five characters) with one before it is at least
    this; none looks for exact duplicates only."""
    compress: Literal["none", "gz", "zst"] = "none"
    """How parts are packed."""
    seed: int = 0
    """Decides which documents of a source stay when a mixture takes a part of them."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise OptionError(f"format is {self.format!r}: expected one of {', '.join(FORMATS)}")
        if self.min_chars < 0:
            raise OptionError(f"min_chars is {self.min_chars}: expected 0 or more")
        if not self.namespaces:
            raise OptionError("namespaces is empty: expected at least one number, such as 0 for articles")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, float) and value is not None and not 0 <= value <= 1:
                raise OptionError(f"{field.name} is {value}: expected a share from 0 to 1")
        if self.near_duplicates is not None and self.near_duplicates < 0.5:
            raise OptionError(f"near_duplicates is {self.near_duplicates}: expected 0.5 to 1, or none")
        if self.compress not in ("none", "gz", "zst"):
            raise OptionError(f"compress is {self.compress!r}: expected none, gz or zst")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source of a mixture: a line of the file that `--mix` names."""

    name: str
    """What the report calls it."""
    inputs: tuple[str, ...]
    """Files and directories; relative ones start where the command runs."""
    weight: float | None = None
    """Its share of the characters, in proportion to the weights of the others; none takes it whole."""
    max_chars: int | None = None
    """No more characters than this."""
    format: str | None = None
    """In place of `--format`."""
    min_chars: int | None = None
    """In place of `--min-chars`."""

    def __post_init__(self) -> None:
        if not self.inputs or not all(isinstance(path, str) for path in self.inputs):
            raise OptionError(f"source {self.name!r} has inputs {self.inputs!r}: expected a list of paths")
        if self.weight is not None and not self.weight > 0:
            raise OptionError(f"source {self.name!r} has weight {self.weight}: expected more than 0, or none")
        if self.max_chars is not None and self.max_chars < 1:
            raise OptionError(f"source {self.name!r} has max_chars {self.max_chars}: expected 1 or more, or none")

    def options(self, options: CorpusOptions) -> CorpusOptions:
        """The options of the stage with those of this source in their place."""
        own = {name: getattr(self, name) for name in ("format", "min_chars") if getattr(self, name) is not None}
        return replace(options, **own)


def read_mix(path: Path) -> list[Source]:
    """Read the sources of a mixture: one JSON object a line, with the fields of `Source`.

    Raises:
        InputError: the file cannot be read, holds no source, or names one twice.
        DataError: a line is no source.
    """
    sources = [_source(path, number, line) for number, line in read_lines(path) if line.strip()]
    names = [source.name for source in sources]
    if not sources or len(set(names)) < len(names):
        raise InputError(f"{path} names {', '.join(names) or 'no source'}: expected sources with distinct names")
    return sources


def _source(path: Path, number: int, line: str) -> Source:
    try:
        record = json.loads(line)
        known = {field.name: field for field in fields(Source)}
        needed = [name for name, field in known.items() if field.default is MISSING]
        if not isinstance(record, dict) or not set(needed) <= set(record) <= set(known):
            raise ValueError(f"expected an object with {', '.join(needed)}, and of {', '.join(known)}")
        return Source(**{**record, "inputs": _as_tuple(record["inputs"])})
    except (ValueError, TypeError, OptionError) as error:
        raise DataError(path, number, f"not a source: {error}") from error


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def corpus_inputs(inputs: Sequence[Path], mix: Path | None) -> list[Source]:
    """The sources of the file `mix`, or else the one that stands for `inputs`.

    Raises:
        InputError: both are given, or neither; see also `read_mix`.
    """
    if mix is None:
        return [plain_source(inputs)]
    if inputs:
        raise InputError(f"both --mix {mix} and inputs: put the inputs into the file")
    return read_mix(mix)


def plain_source(inputs: Sequence[Path]) -> Source:
    """The one source that stands for inputs named on the command line."""
    if not inputs:
        raise InputError("no input: expected at least one file or directory")
    return Source(name="", inputs=tuple(map(str, inputs)))
