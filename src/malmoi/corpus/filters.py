"""Which documents are worth learning from. A filter answers True, or False and the reason.

Rules of thumb that need no model and change no text; each is linear in the length of the text. Duplicates are not
their affair. The thresholds were set by reading what they drop and what they keep.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from malmoi.corpus.options import CorpusOptions
from malmoi.text import hangul_share

Verdict = Literal[True] | tuple[Literal[False], str]
Filter = Callable[[str], Verdict]
_FIRST_SYLLABLE = np.uint16(ord("가"))
_N_SYLLABLES = ord("힣") - ord("가") + 1


def has_text(text: str) -> Verdict:
    """Drop what is empty: redirects, pages of nothing but tables."""
    return True if text else (False, "empty")


def is_long_enough(text: str, min_chars: int) -> Verdict:
    """Drop what is shorter than `min_chars` characters."""
    return True if len(text) >= min_chars else (False, "too-short")


def is_korean(text: str, min_hangul: float) -> Verdict:
    """Drop what has too small a share of Hangul among its letters, or no letters: the filter of language."""
    # Letters are at most all characters, so syllables among these are a lower bound, and quick to count.
    if _n_syllables(text) >= min_hangul * len(text) or hangul_share(text) >= min_hangul:
        return True
    return False, "low-hangul"


def _n_syllables(text: str) -> int:
    codes = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype="<u2")
    return int(np.count_nonzero(codes - _FIRST_SYLLABLE < _N_SYLLABLES))  # wraps around below the first


_JAMO = re.compile("[\u3131-\u318e]+")


def is_written(text: str, max_jamo: float) -> Verdict:
    """Drop what is mostly lone jamo: laughter, tears, a cat on the keyboard."""
    if _n_syllables(text) >= (1 - max_jamo) * len(text):
        return True
    return True if sum(map(len, _JAMO.findall(text))) <= max_jamo * len(text) else (False, "lone-jamo")


_SIGNS = re.compile(r"[^\w\s]+")
_FORMULA = re.compile(r"formula_\d+")
_DIGITS = re.compile(r"\d+")


def has_few_symbols(text: str, max_symbols: float) -> Verdict:
    """Drop what is mostly signs; formulas that WikiExtractor left a placeholder for count as such."""
    n_symbols = sum(map(len, _SIGNS.findall(text)))
    if "formula_" in text:
        n_symbols += sum(map(len, _FORMULA.findall(text)))
    return True if n_symbols <= max_symbols * len(text) else (False, "symbols")


def has_few_digits(text: str, max_digits: float) -> Verdict:
    """Drop what is mostly numbers: results, timetables."""
    return True if sum(map(len, _DIGITS.findall(text))) <= max_digits * len(text) else (False, "digits")


def is_varied(text: str, max_repeated: float) -> Verdict:
    """Drop what says the same lines again and again: lists, logs, navigation.

    Source: "duplicate line character fraction" of Gopher's rules (Rae et al. 2021, arXiv:2112.11446, A.1).
    """
    lines = text.split("\n")
    if len(lines) < 2:
        return True
    distinct = set(lines)
    if len(distinct) == len(lines):
        return True
    n_chars = sum(map(len, lines))
    n_repeated = n_chars - sum(map(len, distinct))
    return True if n_repeated <= max_repeated * n_chars else (False, "repeated-lines")


_SHORT_CHARS = 300
_NGRAM_WORDS = 5
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd: runs of different words hardly ever meet


def says_it_once(text: str, max_repeated_ngrams: float) -> Verdict:
    """Drop what says the same words again and again within its lines.

    Source: the repeated n-grams of Gopher's rules, of which runs of five words suffice here. A short text has hardly
    any; there the distinct pairs of characters are counted, which are few in a word or letter said many times.
    """
    if len(text) <= _SHORT_CHARS:
        n_pairs = len(text) - 1
        n_repeated = n_pairs - len(set(map(str.__add__, text, text[1:])))
        # In prose of this length at most half of the pairs have been there before.
        return True if n_repeated <= (0.5 + max_repeated_ngrams / 2) * n_pairs else (False, "repeated-ngrams")
    words = text.split()
    n_runs = len(words) - _NGRAM_WORDS + 1
    distinct = set(words)
    # A run that was there before begins with a word that was there before: most texts are decided here.
    if len(words) - len(distinct) <= max_repeated_ngrams * n_runs or n_runs < 1:
        return True
    index = {word: number for number, word in enumerate(distinct)}
    numbers = np.fromiter(map(index.__getitem__, words), np.uint64, len(words))
    runs = numbers[:n_runs].copy()
    for start in range(1, _NGRAM_WORDS):
        runs = runs * _MULTIPLIER + numbers[start : start + n_runs]
    n_repeated = n_runs - len(np.unique(runs))
    return True if n_repeated <= max_repeated_ngrams * n_runs else (False, "repeated-ngrams")


# A sentence in a line: an end mark after a syllable (headings of WikiExtractor's have one too, but are short) or after
# three small letters (so not after Inc., Ltd., St.), an ideographic full stop, or a final ending at its end.
_SENTENCE = re.compile(
    r"""[가-힣ㄱ-ㆎ)\]"'”’][.?!…](?:\s|["'”’)\[]|$)|[다요죠까음함임됨]["'”’)\]]*$"""
    r"""|[a-zß-ÿ]{3}[.?!…](?:\s|["'”’)\[]|$)|。"""
)
_MIN_SENTENCE_CHARS = 15
_MIN_LIST_LINES = 4


def is_prose(text: str, max_list: float) -> Verdict:
    """Drop lists: what has hardly a line with a sentence in it. Texts of three lines or fewer are never one."""
    lines = text.split("\n")
    if len(lines) < _MIN_LIST_LINES:
        return True
    allowed = max_list * sum(map(len, lines))
    n_listed = 0
    for line in lines:
        if len(line) < _MIN_SENTENCE_CHARS or not _SENTENCE.search(line):
            n_listed += len(line)
            if n_listed > allowed:
                return False, "list"
    return True


_MEANINGS = re.compile(
    r"(?<=[은는며로서에,.] )다음(?=[과의을에 ])"
    r"(?:과 같은|의| 여러| 중에서?| 중 하나[를인]?| 가운데| 사람| 인물| 작품| 장소| 지명| 것)*\s?(?:\S+\s){0,3}?"
    r"(?:뜻|의미|가리[키킨킬]|일컫|이르는|나타[내낸]|동음이의|이름으로|이름이다|말이다|사람을|인물[이을])"
)
_MAX_MEANINGS_CHARS = 1500


def is_no_disambiguation(text: str) -> Verdict:
    """Drop pages that only say what a name may stand for: of such a page's first line, nothing is to be learnt."""
    if len(text) > _MAX_MEANINGS_CHARS or "다음" not in text[:150]:
        return True
    first, _, rest = text.partition("\n")
    if len(first) > 150 or not _MEANINGS.search(first):
        return True
    n_prose = sum(len(line) for line in rest.split("\n") if line.endswith(("다.", "요.")))
    return True if n_prose > len(first) else (False, "disambiguation")


_WRAPPING = re.compile(
    r"무단\s?(?:전재|복제|배포)|재배포\s?금지|저작권자|All rights reserved|Copyright|ⓒ|로그인|회원\s?가입|비밀번호"
    r"|개인정보\s?(?:처리|취급|보호)\s?방침|이용\s?약관|자바스크립트|JavaScript|쿠키를|장바구니|구독하기|공유하기"
    r"|댓글\s?(?:쓰기|달기)|제보는|기사\s?제보|기자\s*=?\s*[\w.]+@|고객\s?센터|사업자\s?등록\s?번호|통신판매업"
    r"|이 문서는 \S+ 토막글|페이지를 찾을 수",
    re.IGNORECASE,
)
_MAX_WRAPPING_CHARS = 100


def is_content(text: str, max_boilerplate: float) -> Verdict:
    """Drop what web pages wrap around a text: rights reserved, log in here.

    Long lines are taken for the text, and a text of one line is somebody who talks about logging in.
    """
    if "\n" not in text:
        return True
    allowed = max_boilerplate * len(text)
    short = [line for line in text.split("\n") if len(line) <= _MAX_WRAPPING_CHARS]
    if sum(map(len, short)) <= allowed:  # most texts: no need to search
        return True
    n_wrapping = sum(len(line) for line in short if _WRAPPING.search(line))
    return True if n_wrapping <= allowed else (False, "boilerplate")


def make_filters(options: CorpusOptions) -> tuple[Filter, ...]:
    """The filters in the order in which they are asked: cheap ones first; the first refusal is the reason."""
    return (
        has_text,
        partial(is_long_enough, min_chars=options.min_chars),
        partial(is_korean, min_hangul=options.min_hangul),
        partial(is_written, max_jamo=options.max_jamo),
        partial(is_varied, max_repeated=options.max_repeated),
        *(() if options.keep_disambiguation else (is_no_disambiguation,)),
        partial(is_prose, max_list=options.max_list),
        partial(has_few_symbols, max_symbols=options.max_symbols),
        partial(has_few_digits, max_digits=options.max_digits),
        partial(is_content, max_boilerplate=options.max_boilerplate),
        partial(says_it_once, max_repeated_ngrams=options.max_repeated_ngrams),
    )


def judge(text: str, filters: tuple[Filter, ...]) -> Verdict:
    """The first refusal, or True."""
    for filter_text in filters:
        verdict = filter_text(text)
        if verdict is not True:
            return verdict
    return True
