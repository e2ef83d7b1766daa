"""Korean sentences by rule: where an end mark stands, and where it is no end. Not an analyser, so it is fast.

An end is a mark (`.`, `?`, `!`, `…` and their like) or, in text that does without, a polite ending (`-니다`, `-어요`
and their like), followed by white space. It is none inside quotes and brackets, before the particle of a quotation,
after initials, numbers and abbreviations.
"""

import re

# Quotes and brackets that close in the same line, the outermost; one level of brackets inside brackets.
_PAIRED = re.compile(
    r"""“[^“”]*”|‘[^‘’]*’|「[^「」]*」|『[^『』]*』|《[^《》]*》|〈[^〈〉]*〉|"[^"]*"|(?<!\w)'[^']*'"""
    r"""|\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]|（[^（）]*）|<[^<>]{1,200}>"""
)
# Laughing and crying letters, tildes, hearts and emoji stand where a full stop would, or go with it.
_FEELING = r"[ㅋㅎㅠㅜ~^♡♥☆★;\U0001f300-\U0001faff]"
_REST = rf"(?:\s+{_FEELING}+(?=\s|$))*(?:\s+|$)"
_MARK = re.compile(
    rf"""(?P<mark>[.?!…。！？]+{_FEELING}*|(?<=[다요죠까음네당용]){_FEELING}+)(?P<close>["”’'」』》〉)\]）>]*)(?:\[[^\[\]\s]{{1,6}}\])*{_REST}"""
)
_POLITE = re.compile(
    rf"(?:니다|[어아여해예에네세군나래데지죠]요|죠|[라다더][구고]요|까요|[은는던]데요|거든요|할게요){_REST}"
)
# What goes on with the sentence around something quoted, with quotes or without.
_GOES_ON = re.compile(r"이?라[고며는던면]|하[고며는면자] ")
_PARTICLE = re.compile(r"(?:[며고은는이가을를의에와과로도]|란) ")
# Words before a full stop that ends nothing: an initial, a number (`3. 1 운동`, `2. 방법`), an abbreviation.
_NO_END = re.compile(
    r"(?<![^\s(\[“‘\"'·,.&-])(?:[A-Za-z]|\d+|[가나다라마바사아자차카타파하]|[IVX]+"
    r"|Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|vs|etc|No|Vol|vol|Inc|Ltd|Co|Corp|pp|cf|ed|al|Fig|Op|op|ca)$"
)
_FINAL = re.compile(r"[다요죠까음함됨임네군걸라자지오]$")


def split_sentences(text: str) -> list[str]:
    """Cut `text` into sentences without white space around them; a line end is always an end.

    Joined, the sentences are `text` without some of its white space: no other character is lost.
    """
    return [sentence for line in text.splitlines() for sentence in _split_line(line.strip())]


def _split_line(line: str) -> list[str]:
    ends = [*_MARK.finditer(line)]
    if "니다" in line or "요" in line or "죠" in line:
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
    for begin, end in paired:
        if begin < match.start() < end:
            # Inside a quotation nothing ends, but where the mark closes it.
            return marked and end == match.end("close") and not _PARTICLE.match(line, match.end())
    if not marked:
        return True
    mark = match["mark"]
    if mark == "." and _NO_END.search(line, start, match.start()):
        return False
    if (len(mark) > 1 and not mark.strip(".")) or ("…" in mark and not mark.strip(".…")):  # a pause as often as an end
        return _FINAL.search(line, start, match.start()) is not None
    return True
