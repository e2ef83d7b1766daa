"""The vocabulary card: what was learnt and how it cuts text it was not learnt from; for programs and for people.

`report.json` holds the fields of `VocabReport`, `README.md` says the same in Markdown, which editors, forges and
model hubs show as a page.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.artifact import write_json, write_text


@dataclass(frozen=True, kw_only=True)
class VocabReport:
    """What was learnt, and how the tokenizer cuts text."""

    n_documents: int
    """Documents learnt from."""
    n_characters: int
    """Characters learnt from."""
    n_eojeols: int
    """Eojeols learnt from."""
    n_words: int
    """Distinct words in them; punctuation marks and ideographs are words of their own."""
    n_forgotten: int
    """Distinct words dropped while counting, for want of room (`max_words`)."""
    size: int
    """Entries of the vocabulary."""
    n_merges: int
    """Merges done; fewer pieces stand, as merges use up pieces."""
    least_count: int
    """How often the pair of the last merge stood: below this, nothing became an entry."""
    n_kept_chars: int
    """Characters that have entries."""
    n_dropped_chars: int
    """Characters that have none; words with them are [UNK]."""
    char_coverage: float
    """Share of the characters learnt from that have entries."""
    dropped_chars: list[str]
    """The most frequent characters without entries."""
    measured_on: str
    """`held-out` documents, or `learnt` ones where there are too few to hold any out."""
    n_measured_documents: int
    """Documents measured on."""
    n_measured_eojeols: int
    """Eojeols measured on."""
    fertility: float
    """Pieces an eojeol there, on average."""
    unk_rate: float
    """Share of [UNK] among the pieces there."""
    unknown: dict[str, int]
    """What was [UNK] there most often."""
    pieces_per_character: float
    """Pieces a character there, blanks not counted."""
    piece_shares: dict[str, float]
    """Shares of `hangul`, `hanja`, `latin`, `digits` and `other` (signs, mixtures) among the entries."""
    longest_pieces: list[str]
    """The longest entries."""
    examples: list[dict[str, Any]]
    """Sentences of the measured text: `{"text", "pieces"}`."""

    def lines(self) -> list[str]:
        """The report as a person reads it."""
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.piece_shares.items())
        forgotten = [f"dropped while counting: {self.n_forgotten:,} rare words (--max-words)"] * bool(self.n_forgotten)
        return [
            f"learnt from {self.n_documents:,} documents, {self.n_characters:,} characters, "
            f"{self.n_eojeols:,} eojeols, {self.n_words:,} distinct words",
            *forgotten,
            f"vocabulary: {self.size:,} entries after {self.n_merges:,} merges ({shares})",
            f"characters: {self.n_kept_chars:,} kept ({self.char_coverage:.4%} of the text), "
            f"{self.n_dropped_chars:,} dropped " + " ".join(self.dropped_chars),
            f"on {self.n_measured_documents:,} {self.measured_on} documents: {self.fertility:.3f} pieces an eojeol, "
            f"{self.pieces_per_character:.3f} a character, {self.unk_rate:.4%} of pieces [UNK]",
            f"longest pieces: {' '.join(self.longest_pieces)}",
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def write_card(report: VocabReport, directory: Path) -> None:
    """Write `report.json` and `README.md`."""
    write_json(directory / "report.json", asdict(report))
    write_text(directory / "README.md", _markdown(report))


def _markdown(report: VocabReport) -> str:
    r = report
    measured = f"{r.n_measured_documents:,} {r.measured_on} documents ({r.n_measured_eojeols:,} eojeols)"
    rows = {
        "entries": f"{r.size:,}",
        "learnt from": f"{r.n_documents:,} documents, {r.n_eojeols:,} eojeols, {r.n_words:,} distinct words",
        "merges": f"{r.n_merges:,}; the last pair stood {r.least_count:,} times",
        "characters with entries": f"{r.n_kept_chars:,}, {r.char_coverage:.4%} of the text",
        "characters without": f"{r.n_dropped_chars:,}: {_code(r.dropped_chars)}",
        "measured on": measured,
        "pieces an eojeol": f"{r.fertility:.3f}",
        "pieces a character": f"{r.pieces_per_character:.3f}",
        "[UNK] among pieces": f"{r.unk_rate:.4%}",
    }
    if r.n_forgotten:
        rows["rare words dropped while counting"] = f"{r.n_forgotten:,}"
    shares = {name: f"{share:.1%}" for name, share in r.piece_shares.items()}
    unknown = _code([f"{text} {n}" for text, n in r.unknown.items()]) or "Nothing."
    examples = [f"- {_escaped(e['text'])}\n  {_code(e['pieces'])}" for e in r.examples]
    parts = [
        "# Vocabulary",
        "WordPiece for Korean, learnt by `malmoi vocab`. The same figures are in `report.json`.",
        _table(rows),
        "## Entries by script",
        _table(shares),
        "## What was [UNK]",
        unknown,
        "## Longest pieces",
        _code(r.longest_pieces),
        "## How sentences are cut",
        "\n".join(examples),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(rows: dict[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _code(pieces: list[str]) -> str:
    # A backtick would end the code, a bar the cell of a table.
    return " ".join(f"`{piece}`" if not set(piece) & set("`|") else _escaped(piece) for piece in pieces)


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in text)
