"""Code blocks of the project's Markdown pages, for the tests that hold them to the code."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> list[list[str]]:
    """The arguments of every `malmoi …` in the shell blocks of a page and, where it has flags, in its prose."""
    lines = [line for block in blocks(page, "bash") for line in block.replace("\\\n", "").splitlines()]
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines += [code for code in re.findall(r"`(malmoi [a-z][^`]*)`", prose) if " --" in code]
    return [words[1:] for line in lines for words in _pipeline(line) if words[:1] == ["malmoi"]]


def _pipeline(line: str) -> list[list[str]]:
    """The words of each command of a line, without comments and the files that output goes to."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if word == "|":
            commands.append([])
        elif word == ">":
            next(words)
        else:
            commands[-1].append(word)
    return commands
