"""Korean answer ends: a particle (조사) at the end of a predicted span, cut where it surely is one.

A list and the batchim rule, no morphological analysis: `을` after a consonant, `를` after a vowel, and so on. Where
the end may as well belong to the noun the text decides: `강원도` loses its last syllable only where `강원` stands
without it, and `민주주의` keeps it where the text goes on with `민주주의는`.
"""

import re
from collections.abc import Sequence

from malmoi.text import is_hangul

_words = str.split
_FIRST_SYLLABLE, _LAST_SYLLABLE, _N_TAILS, _TAIL_RIEUL = 0xAC00, 0xD7A3, 28, 8

_AFTER_CONSONANT = _words(
    "이라는 이라고 이라며 이라 이란 이며 이고 이나 이다 으로부터 으로서 으로써 으로는 으로도 으로 은 을 이 과는 과의 과"
)
_AFTER_VOWEL = _words("라는 라고 라며 라 란 며 고 나 다 로부터 로서 로써 로는 로도 로 는 를 가 와는 와의 와")
_AFTER_ANY = _words(
    """에게서 에게는 에게도 에게 에서는 에서도 에서의 에서 에는 에도 에 께서는 께서 까지는 까지도 까지의 까지
    부터는 부터 처럼 보다는 보다 마저 조차 만을 만이 만 도 의"""
)
_SHOWN = frozenset(_words("고 나 다 도 라 란 로는 로도 만 며"))
"""Ends that nouns have as often (`강원도`, `청나라`, `800만`); the others are particles nine times of ten."""
_PARTICLES = sorted({*_AFTER_CONSONANT, *_AFTER_VOWEL, *_AFTER_ANY}, key=len, reverse=True)
_MIN_NOUN_CHARS = 2
"""Shorter remainders are left alone unless the text shows them: `나는` is no noun `나` to be sure of."""


def trim_particle(answer: str, texts: Sequence[str] = ()) -> str:
    """`answer` without the particle at its end; as it is, where none is sure.

    Args:
        answer: a span of a text, ending where an eojeol ends.
        texts: where the noun may be seen without its particle: the context, the question.
    """
    for particle in _PARTICLES:
        noun = answer.removesuffix(particle)
        if noun == answer or not noun or not _may_follow(noun[-1], particle):
            continue
        last_word = re.split(r"\s", noun)[-1]
        if particle not in _SHOWN and len(last_word) >= _MIN_NOUN_CHARS and not _stands_with(answer, texts):
            return noun
        if last_word and _stands_alone(noun, particle, texts) and not _stands_with(answer, texts):
            return noun
    return answer


def _may_follow(char: str, particle: str) -> bool:
    """Whether a particle has the form that it takes after `char`."""
    if particle in _AFTER_ANY:
        return True
    if not _FIRST_SYLLABLE <= ord(char) <= _LAST_SYLLABLE:
        return char.isalnum() or char in ")）]』」》〉\"'”’"  # read aloud somehow: both forms are possible
    tail = (ord(char) - _FIRST_SYLLABLE) % _N_TAILS
    if particle.startswith("로"):
        return tail in (0, _TAIL_RIEUL)
    if particle.startswith("으로"):
        return tail not in (0, _TAIL_RIEUL)
    return (tail != 0) == (particle in _AFTER_CONSONANT)


def _stands_alone(noun: str, particle: str, texts: Sequence[str]) -> bool:
    """Whether the noun stands somewhere at the end of an eojeol, or before another particle."""
    others = "|".join(p for p in _PARTICLES if p != particle and not p.startswith(particle))
    pattern = re.compile(rf"{re.escape(noun)}(?:{others})?(?![가-힣])")
    return any(pattern.search(text) for text in texts)


def _stands_with(answer: str, texts: Sequence[str]) -> bool:
    """Whether the whole answer stands somewhere before a particle, so that its end is its own."""
    pattern = re.compile(rf"{re.escape(answer)}(?:{'|'.join(_PARTICLES)})(?![가-힣])")
    return any(pattern.search(text) for text in texts)


def trimmed_end(text: str, start: int, end: int, others: Sequence[str] = ()) -> int:
    """Where the span from `start` to `end` of `text` ends without its particle.

    A span that ends within an eojeol is left as it is: whatever chose it has cut it already.
    """
    if end < len(text) and is_hangul(text[end]):
        return end
    return start + len(trim_particle(text[start:end], (text, *others)))
