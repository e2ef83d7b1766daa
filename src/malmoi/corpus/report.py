"""The report of the corpus stage: what was read, kept and dropped, and what the corpus looks like."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from malmoi.corpus.clean import MAX_EXAMPLES, Example, Outcome
from malmoi.corpus.parts import Part
from malmoi.corpus.pieces import InputFile
from malmoi.corpus.profile import CLASSES, LENGTHS, N_TOP, Profile, top

MAX_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class CorpusReport:
    """What the corpus stage read, kept and dropped, and what is in the corpus."""

    n_files: int
    """Files read."""
    n_read: int
    """Documents read."""
    n_kept: int
    """Documents written."""
    n_characters: int
    """Characters of their texts, line ends included."""
    dropped: dict[str, int]
    """Documents left out, by reason."""
    broken: dict[str, int]
    """What could not be read, by reason: lines, pages or files."""
    formats: dict[str, int]
    """Files by the format they were read as."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, or not to their end, and why: the first twenty."""
    sources: dict[str, dict[str, int]] = field(default_factory=dict)
    """Documents and characters of every source of a mixture."""
    n_eojeols: int = 0
    """Words between white space."""
    lengths: list[list[int]] = field(default_factory=list)
    """The histogram of lengths: where a bin begins in characters, and its documents."""
    characters: dict[str, int] = field(default_factory=dict)
    """Characters by class."""
    frequent: list[list[str | int]] = field(default_factory=list)
    """The most frequent eojeols and how often they stand."""
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Of every reason the first three documents: id, title and the beginning of the text."""

    def lines(self) -> list[str]:
        """The report as a person reads it."""
        formats = ", ".join(f"{n:,} as {name}" for name, n in self.formats.items())
        kept = f"{self.n_kept:,} of {self.n_read:,} ({self.n_kept / self.n_read:.1%})"
        return [
            f"files read: {self.n_files:,} ({formats})",
            f"documents kept: {kept}, {self.n_characters:,} characters",
            *(
                f"from {n}: {s['n_kept']:,} documents, {s['n_characters']:,} characters"
                for n, s in self.sources.items()
            ),
            *(f"dropped, {reason}: {n:,}" for reason, n in self.dropped.items()),
            *(f"could not be read, {reason}: {n:,}" for reason, n in self.broken.items()),
            *(f"could not be read: {message}" for message in self.unreadable.values()),
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(kw_only=True)
class Tally:
    """Adds up what became of the pieces, which come in order."""

    n_kept: int = 0
    """Documents that the filters kept."""
    dropped: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    profile: Profile = field(default_factory=Profile)
    sources: dict[int, Counter[str]] = field(default_factory=dict)

    def add_outcome(self, outcome: Outcome) -> None:
        """Add a piece after the filters."""
        self.n_kept += outcome.n_kept
        self.dropped.update(outcome.dropped)
        self.broken.update(outcome.broken)
        for path, message in outcome.unreadable.items():
            if len(self.unreadable) < MAX_NAMED:
                self.unreadable[path] = message
        self._add_examples(outcome.examples)

    def add_part(self, part: Part, source: int) -> None:
        """Add a piece after the duplicates have gone."""
        self.dropped.update(part.dropped)
        self._add_examples(part.examples)
        self.profile.merge(part.profile)
        kept = self.sources.setdefault(source, Counter())
        kept.update(n_kept=part.profile.n_documents, n_characters=part.profile.n_characters)

    def _add_examples(self, examples: dict[str, list[Example]]) -> None:
        for reason, found in examples.items():
            known = self.examples.setdefault(reason, [])
            known += found[: MAX_EXAMPLES - len(known)]

    def report(self, files: Sequence[InputFile], n_read: int, source_names: Sequence[str]) -> CorpusReport:
        """The report, everything in an order that depends on nothing but the inputs."""
        profile = self.profile
        dropped = by_count(self.dropped)
        named = enumerate(source_names) if source_names != [""] else ()
        return CorpusReport(
            n_files=len(files),
            n_read=n_read,
            n_kept=profile.n_documents,
            n_characters=profile.n_characters,
            dropped=dropped,
            broken=by_count(self.broken),
            formats=by_count(Counter(file.format for file in files if not file.error)),
            unreadable=self.unreadable,
            sources={name: _plain(self.sources.get(number, Counter())) for number, name in named},
            n_eojeols=profile.n_eojeols,
            lengths=[[start, profile.lengths[start]] for start in LENGTHS],
            characters={name: profile.characters[name] for name in (*CLASSES[1:], CLASSES[0])},
            frequent=[[word, n] for word, n in top(profile.eojeols, N_TOP).items()],
            examples={reason: [example._asdict() for example in self.examples[reason]] for reason in dropped},
        )


def _plain(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in ("n_kept", "n_characters")}


def by_count(counts: Counter[str]) -> dict[str, int]:
    """Most frequent first; equal counts by name, so that the order never depends on who counted first."""
    return dict(sorted(((k, n) for k, n in counts.items() if n), key=lambda item: (-item[1], item[0])))


def reasons(counts: Iterable[tuple[str, int]]) -> str:
    """Counts in a line."""
    return ", ".join(f"{reason}: {n:,}" for reason, n in counts)
