"""What WikiExtractor leaves of wiki markup and HTML, taken out. Not a parser of wikitext: only left-overs.

Conservative: angle brackets also set off titles of works in Korean (`<봄의 노래>`), so a tag goes only by its
name.
"""

import html
import re

_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z]\w*);")

# Elements whose content is not prose either. Within one line and a thousand
# characters, so that a tag left open costs neither prose nor time.
_ELEMENT = re.compile(
    r"<(ref|score|timeline|gallery|math|chem|ce|hiero|imagemap|graph|mapframe|templatestyles|style|script)"
    r"\b[^<>\n]*(?:/>|>[^\n]{0,1000}?</\1 *>)|<!--[^\n]{0,1000}?-->",
    re.IGNORECASE,
)
_BREAK = re.compile(r"</?br\b[^<>\n]*>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|body|center|chem|ce|cite|code|dd|del|div|dl|dt|em|font|gallery|h[1-6]|head|hr|html|i"
    r"|imagemap|includeonly|ins|li|math|noinclude|nowiki|ol|onlyinclude|p|poem|pre|rb|ref|references|rp|rt|ruby|s"
    r"|score|section|small|source|span|strike|strong|sub|sup|syntaxhighlight|table|tbody|td|templatestyles|th|timeline"
    r"|tr|tt|u|ul|var)(?:\s+[\w:-]+\s*=[^<>\n]*)?\s*/?>|<!DOCTYPE[^<>\n]*>",
    re.IGNORECASE,
)

_INNER_LINK = re.compile(r"\[\[([^\[\]\n]*)\]\]")
_OUTER_LINK = re.compile(r"\[(?:https?|ftp)://[^\s\[\]]++ *+([^\[\]\n]*+)\]")
_NOT_PROSE = re.compile(r"\s*(?:파일|그림|분류|File|Image|Category)\s*:", re.IGNORECASE)

# A header or cell with attributes, a row of cells, a line of nothing but formula placeholders.
_TABLE_LINE = re.compile(
    r"^[ \t]*(?:[!|] *(?:colspan|rowspan|style|align|valign|bgcolor|width|class|scope|nowrap)\b"
    r"|\|[-}+]|[!|].*(?:\|\||!!)).*$"
    r"|^[ \t,.:;=]*(?:formula_\d+[ \t,.:;=]*)+$",
    re.MULTILINE,
)

# Headings of what is no text and has gone: only they are left.
_APPARATUS = re.compile(
    r"^(?:외부 ?링크|바깥 ?고리|각주|주석|출처|같이 ?보기|함께 ?보기|참고 ?(?:문헌|자료|항목)"
    r"|관련 ?(?:항목|문서|링크)|둘러보기)\.?$",
    re.MULTILINE,
)

# Templates that gave a foreign name or its sound leave `()`, `(, 1924년 …)`, `(李白, , 701년 …)`.
_LEADING_COMMAS = re.compile(r"([(（]) *[,;][ ,;]*")
_INNER_COMMAS = re.compile(r",(?: +,)+")
# `main()` keeps its own. Looking back from behind the bracket lets the search leap from bracket to bracket.
_BRACKETS = re.compile(r"[(（](?<![a-z_][(（])(?<![a-z_]\d[(（])([^()（）\n]*)[)）]")
_HOLE = "\x00"


def clean_wikiextractor(text: str, title: str) -> str:
    """The prose of one WikiExtractor page: entities unescaped, left-over markup and the repeated title gone.

    White space is left for `clean_text`.
    """
    for _ in range(2):  # `&amp;lt;` is not rare
        if "&" in text:
            text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    first, _, rest = text.partition("\n")
    if first.strip() == title.strip():
        text = rest
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", _ELEMENT.sub("", text)))
    if "[" in text:
        text = _unlink(text)
    if "|" in text or "!!" in text or "formula_" in text:
        text = _TABLE_LINE.sub("", text)
    if "(" in text or "（" in text:
        text = mend_brackets(text)
    return _APPARATUS.sub("", text)


def _unlink(text: str) -> str:
    for _ in range(3):  # captions hold links: the innermost first
        text, n_links = _INNER_LINK.subn(
            lambda match: "" if _NOT_PROSE.match(match[1]) else match[1].rpartition("|")[2], text
        )
        if not n_links:
            break
    return _OUTER_LINK.sub(r"\1", text).replace("[[", "").replace("]]", "")


def mend_brackets(text: str) -> str:
    """Brackets that templates gave a foreign name or its sound to, without the gaps these left."""
    text = _INNER_COMMAS.sub(",", _LEADING_COMMAS.sub(r"\1", text.replace("\xa0", " ").replace("\u200e", "")))
    return _BRACKETS.sub(_mend_bracket, text).replace(" " + _HOLE, "").replace(_HOLE, "")


def _mend_bracket(match: re.Match[str]) -> str:
    """The bracket without commas at its end; a hole if nothing is in it."""
    inside = match[1].rstrip(" ,;:·/、")
    if not inside:
        return _HOLE
    rest = match[1][len(inside) :]
    return f"({inside})" if "," in rest or ";" in rest else match[0]  # not of `(1924년 ~ )`
