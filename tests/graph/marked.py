"""Sentences whose mentions and relations are written by hand."""

import re

from malmoi.graph.graph import FoundMention, FoundRelation, GraphSentence

_MARK = re.compile(r"<([^<>:]+):([A-Z]+)>")


def sentence(marked: str, *relations: tuple[int, int, str, float], start: int = 0) -> GraphSentence:
    """A sentence with its mentions as `<이름:PS>`, and relations by the numbers of these."""
    text, position, mentions = "", 0, []
    for match in _MARK.finditer(marked):
        text += marked[position : match.start()]
        mentions.append(FoundMention(len(text), len(text) + len(match[1]), match[1], match[2], 0.9))
        text += match[1]
        position = match.end()
    return GraphSentence(text + marked[position:], start, tuple(mentions), tuple(FoundRelation(*r) for r in relations))
