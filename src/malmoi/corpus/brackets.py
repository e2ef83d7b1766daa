"""Templates, links and tables of wikitext, folded into what they say. Elements must be gone already.

Brackets nest, and a good part of them is broken: opened and never closed, or closed twice. One pass with a stack
finds those that match; the others are marked, for the line they stand in to be mended.
"""

import re

from malmoi.corpus.elements import hide_separators
from malmoi.corpus.links import link_text
from malmoi.corpus.templates import expand_template

UNCLOSED, UNCLOSED_LINK = "\ue020", "\ue021"
"""What `fold` leaves for `{{` or `{|`, and for `[[`, that nothing closes."""


_UNCLOSED_REST = re.compile(rf"{UNCLOSED}[^\n]*")


class PageTooComplexError(ValueError):
    """A page whose brackets are nested as no honest page's are: reading it would take too long."""


# Templates, links, tables. Tables count only at the start of a line, where `|}` may be followed by the braces of a
# template around it. A heading ends whatever was left open before it.
_TOKEN = re.compile(
    r"\{\{+|\}\}+|\[\[|\]\]+|\n(?:[ \t:]*+(?:\{\||\|\}+)|==)|<(?:/table\s*+>|table(?=[\s>])[^<>]*+>)", re.IGNORECASE
)
_WORK_A_CHARACTER = 30
_LEAST_WORK = 200_000


class Brackets:
    """One pass over a text, with a stack of what is open."""

    def __init__(self, text: str, title: str) -> None:
        self._text, self._title = "\n" + text, title
        self._out: list[str] = []
        self._open: list[tuple[str, int, int]] = []
        self._n_open = {"{": 0, "[": 0, "|": 0, "<": 0}
        self._work = _LEAST_WORK + _WORK_A_CHARACTER * len(text)

    def fold(self) -> str:
        """The text with every template, link and table replaced by what it says."""
        text, out = self._text, self._out
        position = 0
        for match in _TOKEN.finditer(text):
            if match.start() > position:
                out.append(text[position : match.start()])
            position = match.end()
            self._read(match[0])
        out.append(text[position:])
        return "".join(out)

    def _read(self, token: str) -> None:
        char = token[0]
        if token == "[[":
            self._push("[", UNCLOSED_LINK)
        elif char == "]":
            self._close_links(len(token))
        elif char == "{":
            self._push("{", UNCLOSED, len(token))
        elif char == "}":
            self._close_braces(len(token))
        elif char == "<":
            if token[1] == "/":
                self._close_table("<")
            else:
                self._push("<", "\n")
        elif token == "\n==":
            self._forget_open()
            self._out.append(token)
        elif token.endswith("{|"):
            self._out.append("\n")
            self._push("|", UNCLOSED)
        else:
            self._end_table(token)

    def _push(self, kind: str, mark: str, n_braces: int = 0) -> None:
        self._open.append((kind, len(self._out), n_braces))
        self._n_open[kind] += 1
        self._out.append(mark)

    def _pop(self) -> tuple[str, int, int]:
        frame = self._open.pop()
        self._n_open[frame[0]] -= 1
        return frame

    def _forget_open(self) -> None:
        if not self._n_open["|"] and not self._n_open["<"]:
            self._open.clear()
            self._n_open = dict.fromkeys(self._n_open, 0)

    def _pop_to(self, kinds: str, through: str) -> tuple[str, int, int] | None:
        """Close the innermost of `kinds`; what is open within it stays as it is. Not through any but `through`."""
        for depth in range(len(self._open) - 1, -1, -1):
            self._work -= 1
            if self._open[depth][0] in kinds:
                while len(self._open) > depth + 1:
                    self._pop()
                return self._pop()
            if self._open[depth][0] not in through:
                return None
        return None

    def _take(self, start: int) -> str:
        """The output from a place on, taken out of it."""
        inside = self._out[start + 1 :]
        del self._out[start:]
        joined = inside[0] if len(inside) == 1 else "".join(inside)
        self._work -= len(joined) + len(inside)
        if self._work < 0:
            raise PageTooComplexError("brackets nested too deeply")
        return _UNCLOSED_REST.sub("", joined) if UNCLOSED in joined else joined

    def _close_links(self, n: int) -> None:
        while n >= 2 and self._n_open["["]:
            frame = self._pop_to("[", "[{")
            if not frame:
                return
            inside = self._take(frame[1])
            if n == 3 and inside.rfind("[") > inside.rfind("]"):  # `[[파일:…|… [http://… 글]]]`
                n, inside = 2, inside + "]"
            said = link_text(inside)
            self._out.append(hide_separators(said) if self._open else said)
            n -= 2
        if n == 1:
            self._out.append("]")

    def _close_braces(self, n: int) -> None:
        while n >= 2 and self._n_open["{"]:
            frame = self._pop_to("{", "[{|<")
            if not frame:
                return
            _, start, n_open = frame
            n_used = 3 if min(n, n_open) > 2 else 2
            inside = self._take(start)
            if n_open - n_used >= 2:
                self._push("{", UNCLOSED, n_open - n_used)
            elif n_open > n_used:
                self._out.append("{")
            if n_used == 3:  # a parameter, which only templates have: its default
                self._out.append(inside.partition("|")[2])
            else:
                self._out.append(expand_template(inside, self._title))
            n -= n_used
        if n == 1:
            self._out.append("}")

    def _end_table(self, token: str) -> None:
        n_braces = token.count("}")
        if self._n_open["{"] and (n_braces == 2 or not self._n_open["|"]) and n_braces > 1:
            self._out.append("\n|")
            self._close_braces(n_braces)
        elif self._n_open["|"]:
            self._close_table("|")
            self._close_braces(n_braces - 1)
        else:
            self._out.append("\n")

    def _close_table(self, kind: str) -> None:
        frame = self._pop_to(kind, "[{|<") if self._n_open[kind] else None
        if frame:
            del self._out[frame[1] :]
            self._out.append("\n")
