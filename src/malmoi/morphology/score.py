"""Analysers judged on gold data in CoNLL-U with Sejong tags (UD Korean GSD), and speed. It reads no other treebanks.

What is compared: inside each eojeol (what stands between blanks), the gold sequence of morphemes with the analyser's.
A morpheme counts as found where it stands in the longest common subsequence of the two: by its base form alone
(segmentation), or by form and tag. Contracted forms need no rule of their own, as base forms have no places to argue
about. Counted as equal: 아 and 어 forms of one ending (았/었), which analysers spell by different rules; `MM` and its
three kinds.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.errors import DataError, InputError
from malmoi.morphology.morph import Analyzer, Morph, analyze
from malmoi.morphology.sejong import COMPATIBILITY, MECAB

_VOWELS = str.maketrans("았아", "었어")
_EOJEOL = re.compile(r"\S+")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class GoldSentence:
    """One sentence of a treebank."""

    text: str
    """As it is written."""
    eojeols: list[list[Pair] | None]
    """Form and tag of each morpheme of each eojeol; None where lemma and XPOS differ in parts, by mistake."""


@dataclass(frozen=True, kw_only=True)
class AnalyzerScore:
    """How well and how fast an analyser is; percent."""

    analyzer: str
    version: str
    n_sentences: int
    n_left_out: int
    """Eojeols that are not judged: their lemma and XPOS differ in parts."""
    n_gold: int
    """Morphemes in the gold data."""
    n_found: int
    """Morphemes the analyser gave."""
    segmentation_precision: float
    segmentation_recall: float
    segmentation_f1: float
    tag_precision: float
    tag_recall: float
    tag_f1: float
    characters_per_second: float
    """Without loading, on the machine and the threads at hand."""

    def __str__(self) -> str:
        return (
            f"{self.analyzer:<6} segmentation F1 {self.segmentation_f1:.2f} "
            f"(precision {self.segmentation_precision:.2f}, recall {self.segmentation_recall:.2f}); "
            f"with tags F1 {self.tag_f1:.2f} (precision {self.tag_precision:.2f}, recall {self.tag_recall:.2f}); "
            f"{self.characters_per_second:,.0f} characters a second"
        )


def read_gold(path: Path) -> list[GoldSentence]:
    """Read a CoNLL-U file whose lemmas and XPOS are joined by `+`.

    Raises:
        InputError: it cannot be read, or holds no sentence. DataError: a line that is none of CoNLL-U.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected a CoNLL-U file, UTF-8") from error
    sentences = list(_sentences(path, lines))
    if not sentences:
        raise InputError(f"{path} holds no sentence: expected CoNLL-U with ten columns apart by tabs")
    return sentences


def _sentences(path: Path, lines: list[str]) -> Iterator[GoldSentence]:
    text, glued = "", False
    eojeols: list[list[Pair] | None] = []
    for number, line in enumerate([*lines, ""], 1):
        if not line.strip():
            if eojeols:
                yield GoldSentence(text, eojeols)
            text, eojeols, glued = "", [], False
        elif not line.startswith("#"):
            columns = line.split("\t")
            if len(columns) != 10:
                raise DataError(path, number, f"{len(columns)} columns: expected the ten of CoNLL-U, apart by tabs")
            if not columns[0].isdigit():
                continue  # ranges and empty nodes repeat what stands in words
            morphs = _morphs(columns[1], columns[2], columns[4])
            text += columns[1] if glued or not text else f" {columns[1]}"
            if glued:
                before = eojeols.pop()
                morphs = None if before is None or morphs is None else before + morphs
            eojeols.append(morphs)
            glued = "SpaceAfter=No" in columns[9]


def _morphs(word: str, lemma: str, tags: str) -> list[Pair] | None:
    # A word with one tag is one morpheme, and a plus sign in it no list.
    names = tags.split("+")
    forms = lemma.split("+") if len(names) > 1 else [word if lemma == "_" else lemma]
    if len(forms) != len(names):
        return None
    return [(_form(form), _tag(name)) for form, name in zip(forms, names, strict=True)]


def judge(analyzer: Analyzer, sentences: Sequence[GoldSentence]) -> AnalyzerScore:
    """Judge an analyser.

    Raises:
        AnalyzerError: it is not installed, or fails on a sentence.
    """
    texts = [sentence.text for sentence in sentences]
    list(analyze(analyzer, texts[:1]))  # loads it
    started = time.perf_counter()
    answers = list(analyze(analyzer, texts))
    seconds = time.perf_counter() - started
    n_gold = n_found = n_forms = n_tags = 0
    for sentence, morphs in zip(sentences, answers, strict=True):
        for gold, found in zip(sentence.eojeols, _by_eojeol(sentence.text, morphs), strict=True):
            if gold is None:
                continue
            n_gold, n_found = n_gold + len(gold), n_found + len(found)
            n_forms += n_common([form for form, _ in gold], [form for form, _ in found])
            n_tags += n_common(gold, found)
    forms, tags = _percent(n_forms, n_gold, n_found), _percent(n_tags, n_gold, n_found)
    return AnalyzerScore(
        analyzer=analyzer.name,
        version=analyzer.version,
        n_sentences=len(sentences),
        n_left_out=sum(gold is None for sentence in sentences for gold in sentence.eojeols),
        n_gold=n_gold,
        n_found=n_found,
        segmentation_precision=forms[0],
        segmentation_recall=forms[1],
        segmentation_f1=forms[2],
        tag_precision=tags[0],
        tag_recall=tags[1],
        tag_f1=tags[2],
        characters_per_second=sum(map(len, texts)) / seconds,
    )


def _by_eojeol(text: str, morphs: Sequence[Morph]) -> list[list[Pair]]:
    """The morphemes that begin in each eojeol."""
    groups: list[list[Pair]] = []
    remaining = iter([*morphs, None])
    morph = next(remaining)
    for match in _EOJEOL.finditer(text):
        groups.append([])
        while morph is not None and morph.start < match.end():
            groups[-1].append((_form(morph.form), _tag(morph.tag)))
            morph = next(remaining)
    return groups


def _form(form: str) -> str:
    return form.translate(COMPATIBILITY).translate(_VOWELS)


def _tag(tag: str) -> str:
    return "MM" if tag.startswith("MM") else MECAB.get(tag, tag)


def n_common(left: Sequence[object], right: Sequence[object]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(right) + 1)
    for a in left:
        before = 0
        for place, b in enumerate(right, 1):
            kept, row[place] = row[place], before + 1 if a == b else max(row[place], row[place - 1])
            before = kept
    return row[-1]


def _percent(n_right: int, n_gold: int, n_found: int) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    precision, recall = n_right / max(n_found, 1), n_right / max(n_gold, 1)
    f1 = 2 * precision * recall / (precision + recall) if n_right else 0.0
    return round(100 * precision, 2), round(100 * recall, 2), round(100 * f1, 2)
