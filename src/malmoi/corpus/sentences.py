"""Korean sentences by rule: where an end mark stands, and where it is no end. Fast; Kiwi is there to compare.

An end is a mark (`.`, `?`, `!`, `…` and their like) or, in text that does without, a polite ending (`-니다`,
`-어요` and their like), followed by white space. It is none inside quotes and brackets, before the particle
of a quotation, after initials, numbers and abbreviations.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from malmoi.errors import OptionError
from malmoi.morphology.kiwi import load_kiwi

# Quotes and brackets that close in the same line, the outermost; one level of brackets inside brackets.
_PAIRED = re.compile(
    r"""“[^“”]*”|‘[^‘’]*’|「[^「」]*」|『[^『』]*』|《[^《》]*》|〈[^〈〉]*〉|"[^"]*"|(?<!\w)'[^']*'"""
    r"""|\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]|（[^（）]*）|<[^<>]{1,200}>"""
)
# Laughing and crying letters, tildes, hearts and emoji stand where a full stop would, or go with it.
_FEELING = r"[ㅋㅎㅠㅜ~^♡♥☆★;\U0001f300-\U0001faff]"
_REST = rf"(?:\s+{_FEELING}+(?=\s|$))*(?:\s+|$)"
_MARK = re.compile(
    # A run of marks is looked at from its first one only, or a page of dots would take forever.
    rf"(?P<mark>[.?!…。！？](?<![.?!…。！？][.?!…。！？])[.?!…。！？]*+{_FEELING}*"
    rf"|(?<=[다요죠까음네당용]) ?{_FEELING}+)"
    rf"""(?P<close>["”’'」』》〉)\]）>]*)(?:\[[^\[\]]{{1,6}}\])*{_REST}"""
)
# Syllables that end in ㅆ: the past, the future, `있`.
_PAST = "".join(map(chr, range(ord("갔"), ord("힣") + 1, 28)))
_POLITE = re.compile(
    rf"(?:니다|[어아여해예에네세군나래데지죠]요|죠|[라다더][구고]요|까요|[은는던]데요|거든요|할게요"
    # Notes end in a noun: bare, without a particle, these are no others.
    rf"|[{_PAST}없]음|(?:것|때문|중)임|[당랍]니당|[하시]구요){_REST}"
)
_ENDING = re.compile("니다|[요죠까음임당]")
# What goes on with the sentence around something quoted, with quotes or without.
_GOES_ON = re.compile(r"(?:이?라[고며는던]|하[고며는면자])\b")
_PARTICLE = re.compile(r"(?:[며고은는이가을를의에와과로도]|란) ")
# Words before a full stop that ends nothing: an initial, a number (`3. 1 운동`, `2. 방법`), an abbreviation.
_NO_END = re.compile(
    r"(?<![^\s(\[“‘\"'·,.&-])(?:[A-Za-z]|\d+|[가나다라마바사아자차카타파하]|[IVX]+"
    r"|Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|vs|etc|No|Vol|vol|Inc|Ltd|Co|Corp|pp|cf|ed|al|Fig|Op|op|ca)$"
)
_MAX_NO_END_CHARS = 8
_FINAL = frozenset("다요죠까음함됨임네군걸라자지오")


Splitter = Callable[[str], list[str]]


def sentence_splitter(name: Literal["rules", "kiwi"]) -> Splitter:
    """A function from a text to its sentences: the rules of this file, or the analyser Kiwi.

    Kiwi reads the grammar, so it needs no marks; it is about a hundred times slower, and on the gold texts of
    `docs/corpus.md` it is better only where the text is an encyclopedia's.

    Raises:
        OptionError: an unknown name. AnalyzerError: kiwipiepy is not installed.
    """
    if name == "rules":
        return split_sentences
    if name != "kiwi":
        raise OptionError(f"splitter is {name!r}: expected rules or kiwi")
    kiwi = load_kiwi()

    def split(text: str) -> list[str]:
        lines = (line for line in text.splitlines() if line.strip())
        return [sentence.text for line in lines for sentence in kiwi.split_into_sents(line)]

    return split


@dataclass(frozen=True)
class BoundaryScore:
    """How well cuts agree with those of people."""

    n_right: int
    n_ours: int
    n_gold: int

    @property
    def f1(self) -> float:
        """Of precision and recall, the harmonic mean: 0 to 1."""
        return 2 * self.n_right / max(1, self.n_ours + self.n_gold)


def score_boundaries(split: Splitter, documents: Iterable[Sequence[str]]) -> BoundaryScore:
    """Score the cuts inside documents whose sentences are known; they are joined by blanks and cut again.

    Args:
        split: the function to judge.
        documents: the sentences of each document.
    """
    n_right = n_ours = n_gold = 0
    for gold in documents:
        ours, theirs = _boundaries(split(" ".join(gold))), _boundaries(gold)
        n_right, n_ours, n_gold = n_right + len(ours & theirs), n_ours + len(ours), n_gold + len(theirs)
    return BoundaryScore(n_right, n_ours, n_gold)


def _boundaries(sentences: Sequence[str]) -> set[int]:
    """Where sentences end, counted in characters that are not blank; the end of the document is no boundary."""
    lengths = accumulate(len("".join(sentence.split())) for sentence in sentences)
    return set(list(lengths)[:-1])


def split_sentences(text: str) -> list[str]:
    """Cut `text` into sentences without white space around them; a line end is always an end.

    Joined, the sentences are `text` without some of its white space: no other character is lost.
    """
    return [sentence for line in text.splitlines() for sentence in _split_line(line.strip())]


def _split_line(line: str) -> list[str]:
    ends = [*_MARK.finditer(line)]
    if _ENDING.search(line):
        ends += _POLITE.finditer(line)
        ends.sort(key=re.Match.start)
    paired = [pair.span() for pair in _PAIRED.finditer(line)] if len(ends) > 1 else []
    sentences = []
    start = 0
    for match in ends:
        if start < match.end() < len(line) and _is_end(line, start, match, paired):
            sentences.append(line[start : match.end()].rstrip())
            start = match.end()
    if start < len(line):
        sentences.append(line[start:])
    return sentences


def _is_end(line: str, start: int, match: re.Match[str], paired: list[tuple[int, int]]) -> bool:
    if _GOES_ON.match(line, match.end()):
        return False
    marked = match.re is _MARK
    around = bisect_left(paired, (match.start(), 0)) - 1
    if around >= 0 and match.start() < paired[around][1]:
        # Inside a quotation nothing ends, but where the mark closes it.
        end = paired[around][1]
        return marked and end == match.end("close") and not _PARTICLE.match(line, match.end())
    if not marked:
        return True
    mark = match["mark"]
    before = match.start()
    if mark == "." and _NO_END.search(line, max(start, before - _MAX_NO_END_CHARS), before):
        return False
    if mark != "." and not mark.strip(".…"):  # a pause as often as an end
        return line[before - 1 : before] in _FINAL
    return True
