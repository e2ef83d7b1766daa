"""From MediaWiki's wikitext to prose, one paragraph a line. Not an expander of templates: it has no wiki to ask.

Three passes, each linear in the length of the page: elements (`elements.py`), brackets (templates, tables, links;
here, with a stack), and lines (headings, lists, what is left of tables). Broken markup is the rule rather than the
exception: what is opened and never closed costs its line, not the page.
"""

import html
import re

from malmoi.corpus.brackets import UNCLOSED, UNCLOSED_LINK, Brackets
from malmoi.corpus.elements import drop_elements, drop_tags, show_markup
from malmoi.corpus.links import NAMESPACES
from malmoi.corpus.markup import mend_brackets

_PRIVATE = re.compile("[\ue000-\ue0ff]")
_REDIRECT = re.compile(r"\s*#\s*(?:redirect|넘겨주기)\s*:?\s*\[\[", re.IGNORECASE)


def clean_wikitext(text: str, title: str = "", *, headings: bool = False) -> str:
    """The prose of a page. White space is left for `clean_text`.

    Args:
        text: wikitext, as a dump's `<text>` has it once XML's entities are undone.
        title: of the page, for the few templates that print it.
        headings: keep the headings of sections that have text, as `## 역사` lines.

    Raises:
        PageTooComplexError: its nesting costs more than a fixed multiple of its length.
    """
    if _REDIRECT.match(text):
        return ""
    text = drop_elements(_PRIVATE.sub("", text))
    text = Brackets(text, title).fold()
    text = _drop_inline(text)
    text = _read_lines(text, headings)
    if "&" in text:
        text = html.unescape(text)
    text = show_markup(text)
    return _mend(text)


_OUTER_LINK = re.compile(
    r"\[(?:(?:https?|ftps?|sftp|irc|news|gopher|mailto|tel):|//)[^\s\[\]<>]*+ *+([^\[\]\n]*+)\]", re.IGNORECASE
)
_QUOTES = re.compile("''+")
_MAGIC_WORD = re.compile(r"__[A-Z가-힣]{2,40}__")
_UNCLOSED_FILE = re.compile(rf"{UNCLOSED_LINK}\s*(?:{NAMESPACES})\s*:[^\n]*", re.IGNORECASE)
_UNCLOSED_REST = re.compile(rf"{UNCLOSED}[^\n]*")


def _drop_inline(text: str) -> str:
    if UNCLOSED in text:
        text = _UNCLOSED_REST.sub("", text)
    if UNCLOSED_LINK in text:
        text = _UNCLOSED_FILE.sub("", text).replace(UNCLOSED_LINK, "")
    if "[" in text:
        text = _OUTER_LINK.sub(r"\1", text)
    text = drop_tags(text)
    if "''" in text:
        text = _QUOTES.sub(_apostrophes, text)
    return _MAGIC_WORD.sub("", text) if "__" in text else text


def _apostrophes(match: re.Match[str]) -> str:
    """Two to five are italic and bold; of four, and above five, the first ones are themselves."""
    n = len(match[0])
    return "'" * (1 if n == 4 else max(n - 5, 0))


_HEADING = re.compile(r"(={1,6})\s*(.*?)\s*\1\s*")
_LIST = "*#:;"
# Sections that point somewhere else. Their lists go; a paragraph in one stays.
_APPARATUS_TITLES = """
    각주, 주석, 내용주, 참조주, 주, 출처, 참고 문헌, 참고문헌, 참고 자료, 참고자료, 참고 서적, 관련 문헌,
    외부 링크, 외부링크, 바깥 고리, 바깥고리, 외부 고리, 같이 보기, 같이보기, 함께 보기, 더 보기, 더 읽을거리,
    읽을거리, references, notes, notes and references, footnotes, citations, bibliography, sources,
    further reading, external links, see also, works cited, notes et références, liens externes, voir aussi,
    bibliographie, articles connexes
"""
_APPARATUS = frozenset(title.strip() for title in _APPARATUS_TITLES.split(","))


def _read_lines(text: str, headings: bool) -> str:
    lines: list[str] = []
    pending: list[tuple[int, str]] = []  # headings without text so far
    apparatus = 0
    for raw in text.split("\n"):
        line = raw.strip()
        if not line:
            continue
        char = line[0]
        if char == "=" and (heading := _HEADING.fullmatch(line)):
            level = len(heading[1])
            if not apparatus or level <= apparatus:
                apparatus = level if heading[2].lower() in _APPARATUS else 0
            pending = [*(h for h in pending if h[0] < level), (level, heading[2])]
            continue
        if char in "*#:;|!-{}" and not (line := _marked_line(line, in_apparatus=apparatus > 0)):
            continue
        if headings:
            lines += [f"{'#' * level} {words}" for level, words in pending]
            pending = []
        lines.append(line)
    return "\n".join(lines)


def _marked_line(line: str, *, in_apparatus: bool) -> str:
    """A line that begins with a sign, without it; empty if nothing of it is prose."""
    char = line[0]
    if char in _LIST:
        return "" if in_apparatus else line.lstrip(_LIST + " ")
    if char == "|" or (char == "!" and ("!!" in line or "|" in line)):
        return ""  # a row of a table that was opened or closed by a template
    if line.startswith("----"):
        return line.lstrip("-").lstrip()
    return "" if line in ("{", "}", "{|", "|}") else line


# What stood before it was a template: `{{날짜}}, 강을 건넜다`, `{{책 인용}}.`
_ORPHANED_MARK = re.compile(r"^[,;:.·](?:[ \t]+|$)", re.MULTILINE)
_SPACED_OPENING = re.compile(r"([(（])[ ,;:·、]+")


def _mend(text: str) -> str:
    """Close the gaps that dropped templates left: `베를린( , )은 .` is `베를린은.`"""
    text = text.replace("\xa0", " ")
    if "  " in text:
        text = text.replace("    ", " ").replace("  ", " ").replace("  ", " ")
    if "(" in text or "（" in text:
        text = mend_brackets(_SPACED_OPENING.sub(r"\1", text.replace(" )", ")").replace(" ）", "）")))
    for gap, closed in ((" , ", ", "), (" . ", ". "), (" ,\n", ",\n"), (" .\n", ".\n")):
        text = text.replace(gap, closed)
    text = _ORPHANED_MARK.sub("", text)
    return text[:-2] + "." if text.endswith(" .") else text
