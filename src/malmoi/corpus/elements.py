"""Elements of wikitext and of HTML: what is no prose goes with its content, of the rest only the tags. No brackets.

Linear in the length of the page, whatever stands in it: an element that is never closed is looked for once.
"""

import html
import re
from collections.abc import Callable

_QUIET = "|=[]{}'<>*#:;_-!&"
QUIET_FIRST = 0xE000
_HIDE = {ord(char): QUIET_FIRST + i for i, char in enumerate(_QUIET)}
_HIDE_SEPARATORS = {ord(char): _HIDE[ord(char)] for char in "|="}
_SHOW = {quiet: chr(char) for char, quiet in _HIDE.items()}
_IS_QUIET = re.compile(f"[{chr(QUIET_FIRST)}-{chr(QUIET_FIRST + len(_QUIET) - 1)}]")


def hide_markup(text: str) -> str:
    """Text whose characters mean nothing any more to what reads markup; `show_markup` brings them back."""
    return text.translate(_HIDE)


def hide_separators(text: str) -> str:
    """Text that is one argument of a template, whatever stands in it; `show_markup` undoes it."""
    return text.translate(_HIDE_SEPARATORS) if "|" in text or "=" in text else text


def show_markup(text: str) -> str:
    """Undo `hide_markup` and `hide_separators`."""
    return text.translate(_SHOW) if _IS_QUIET.search(text) else text


# Elements whose content is not prose, or is read by an extension of its own.
_OPAQUE_NAMES = (
    "ref|references|nowiki|pre|math|chem|ce|syntaxhighlight|source|timeline|gallery|imagemap|score|hiero|graph|chart"
    "|templatedata|templatestyles|mapframe|maplink|categorytree|inputbox|indicator|includeonly|style|script|rp|mapdata"
    "|dynamicpagelist|charinsert|phonos|section"
)
# Quoted values may hold `>`; one that is not closed ends at the next `<`.
_ATTRIBUTES = r'(?:[^<>"]++|"[^"<\n]*+"|")*+'
_OPAQUE = re.compile(rf"<(?:!--|(/?)({_OPAQUE_NAMES})(?=[\s/>])({_ATTRIBUTES})>)", re.IGNORECASE)
_OPEN_REF = re.compile(rf"<ref(?=[\s>])(?!{_ATTRIBUTES}(?<=/)>){_ATTRIBUTES}>", re.IGNORECASE)
_CLOSERS = {name: re.compile(rf"</{name}\s*+>", re.IGNORECASE) for name in _OPAQUE_NAMES.split("|")}
_LONE_SYMBOL = re.compile(r"\s*(?:[^\W\d_]|\d{1,9})\s*")


def drop_elements(text: str) -> str:
    """Wikitext without comments and without elements that are no prose; what `<nowiki>` guards is hidden.

    A formula goes unless it is a single letter or number, which the sentence around it needs.
    """
    closing = _Closing(text)
    parts: list[str] = []
    position = 0
    while match := _OPAQUE.search(text, position):
        parts.append(text[position : match.start()])
        name = match[2].lower() if match[2] else "!--"
        if name == "!--":
            position = closing.comment_end(match.end())
        elif match[1] or match[3].endswith("/"):
            position = match.end()
        else:
            content_end, position = closing.element_end(name, match.end())
            if name == "nowiki":
                parts.append(hide_markup(html.unescape(text[match.end() : content_end])))
            elif name == "math" and content_end - match.end() < 12:
                content = text[match.end() : content_end]
                parts.append(content.strip() if _LONE_SYMBOL.fullmatch(content) else "")
    parts.append(text[position:])
    return "".join(parts)


class _Closing:
    """Where elements of one text end. Remembers what it found, so that no stretch is searched twice."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, tuple[int, int]] = {}

    def comment_end(self, start: int) -> int:
        """Behind `-->`; a comment never closed ends with its line."""
        found = self._next("!--", start, self._find_comment_end)
        return found[1] if found[0] >= 0 else self._line_end(start)

    def element_end(self, name: str, start: int) -> tuple[int, int]:
        """Where the content ends, and where the end tag does. An element never closed ends with its line."""
        found = self._next(name, start, lambda place: self._find_tag(name, place))
        if name == "ref" and (inner := _OPEN_REF.search(self._text, start, max(found[0], start))):
            end = min(self._line_end(start), inner.start())
            return end, end
        if found[0] >= 0:
            return found
        end = start if name in ("nowiki", "pre", "section") else self._line_end(start)
        return end, end

    def _next(self, name: str, start: int, find: Callable[[int], tuple[int, int]]) -> tuple[int, int]:
        found = self._found.get(name, (0, 0))
        if 0 <= found[0] < start:
            found = self._found[name] = find(start)
        return found

    def _find_comment_end(self, start: int) -> tuple[int, int]:
        place = self._text.find("-->", start)
        return place, place + 3

    def _find_tag(self, name: str, start: int) -> tuple[int, int]:
        match = _CLOSERS[name].search(self._text, start)
        return match.span() if match else (-1, -1)

    def _line_end(self, start: int) -> int:
        place = self._text.find("\n", start)
        return place if place >= 0 else len(self._text)


_BREAKING = (
    "br|p|div|li|ul|ol|dl|dd|dt|tr|td|th|tbody|thead|caption|table|blockquote|center|hr|h[1-6]|poem|figure|figcaption"
)
_INLINE = (
    "a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|noinclude|onlyinclude|q|rb|rbc|rtc|ruby|s|samp|small"
    "|span|strike|strong|sub|sup|tt|u|var|time|wbr|data|img|section|nobr|noindex|poem|body|html|head|center|label|input"
)
_TAG = re.compile(
    rf"<(?:(/?(?:{_BREAKING}))|(/?rt)|/?(?:{_INLINE}|{_OPAQUE_NAMES}))(?=[\s/>]){_ATTRIBUTES}>"
    # `<ref name=…` that no `>` ends
    r"|</?(?:ref|references)\b[^\n<]*",
    re.IGNORECASE,
)


def drop_tags(text: str) -> str:
    """Text without the tags of the elements that keep their content. Titles of works in `<>` stay."""
    return _TAG.sub(_tag_text, text) if "<" in text else text


def _tag_text(match: re.Match[str]) -> str:
    if match[1]:
        return "\n"
    return {"rt": "(", "/rt": ")"}.get((match[2] or "").lower(), "")
