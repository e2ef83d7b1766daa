"""Pure functions on characters: Hangul, BERT's character classes, and composition (NFC) that keeps positions.

Nothing here reads files, cuts text into tokens or knows a vocabulary. The classes are those of BERT's
clean-up to the code point: `tokenizers` took them from Unicode 8, so they are written out as tables and do
not follow the Unicode version of the Python at hand.
"""

import re
import unicodedata

import numpy as np

_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3
_FIRST_LEAD, _FIRST_VOWEL, _FIRST_TAIL = 0x1100, 0x1161, 0x11A7  # U+11A7 stands for "no tail"
_N_LEADS, _N_VOWELS, _N_TAILS = 19, 21, 28

HANGUL = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uffa0-\uffdc"
"""Syllables, conjoining and compatibility jamo, as the inside of a regular expression's character class."""


def _character_class(ranges: str) -> re.Pattern[str]:
    """A pattern for one character of `ranges`: hexadecimal code points, single or `first-last`."""
    bounds = (item.split("-") for item in ranges.split())
    return re.compile("[" + "".join(f"{_escape(b[0])}-{_escape(b[-1])}" for b in bounds) + "]")


def _escape(code_point: str) -> str:
    return f"\\U{int(code_point, 16):08x}"


_HANGUL = re.compile(f"[{HANGUL}]")
_HANGUL_RUN = re.compile(f"[{HANGUL}]+")
_CJK = _character_class(  # without 2b820-2b91f, as the library has it
    "3400-4dbf 4e00-9fff f900-faff 20000-2a6df 2a700-2b81f 2b920-2ceaf 2f800-2fa1f"
)
_WHITESPACE = _character_class("9-d 20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000")
_CONTROL = _character_class(
    "0-8 b-c e-1f 7f-9f ad 600-605 61c 6dd 70f 180e 200b-200f 202a-202e 2060-2064 2066-206f e000-f8ff feff "
    "fff9-fffb fffd 110bd 1bca0-1bca3 1d173-1d17a e0001 e0020-e007f f0000-ffffd 100000-10fffd"
)
_UNCLEAN = re.compile(  # what either of them matches but the blank, and half surrogates
    "["
    + (_CONTROL.pattern + _WHITESPACE.pattern)[1:-1].replace("][", "").replace(f"{_escape('20')}-{_escape('20')}", "")
    + "\ud800-\udfff]"
)
_HALF_SURROGATE = re.compile("[\ud800-\udfff]")
_PUNCTUATION = _character_class(
    """
    21-2f 3a-40 5b-60 7b-7e a1 a7 ab b6-b7 bb bf 37e 387 55a-55f 589-58a 5be 5c0 5c3 5c6 5f3-5f4 609-60a
    60c-60d 61b 61e-61f 66a-66d 6d4 700-70d 7f7-7f9 830-83e 85e 964-965 970 af0 df4 e4f e5a-e5b f04-f12 f14
    f3a-f3d f85 fd0-fd4 fd9-fda 104a-104f 10fb 1360-1368 1400 166d-166e 169b-169c 16eb-16ed 1735-1736
    17d4-17d6 17d8-17da 1800-180a 1944-1945 1a1e-1a1f 1aa0-1aa6 1aa8-1aad 1b5a-1b60 1bfc-1bff 1c3b-1c3f
    1c7e-1c7f 1cc0-1cc7 1cd3 2010-2027 2030-2043 2045-2051 2053-205e 207d-207e 208d-208e 2308-230b 2329-232a
    2768-2775 27c5-27c6 27e6-27ef 2983-2998 29d8-29db 29fc-29fd 2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-2e42
    3001-3003 3008-3011 3014-301f 3030 303d 30a0 30fb a4fe-a4ff a60d-a60f a673 a67e a6f2-a6f7 a874-a877
    a8ce-a8cf a8f8-a8fa a8fc a92e-a92f a95f a9c1-a9cd a9de-a9df aa5c-aa5f aade-aadf aaf0-aaf1 abeb fd3e-fd3f
    fe10-fe19 fe30-fe52 fe54-fe61 fe63 fe68 fe6a-fe6b ff01-ff03 ff05-ff0a ff0c-ff0f ff1a-ff1b ff1f-ff20
    ff3b-ff3d ff3f ff5b ff5d ff5f-ff65 10100-10102 1039f 103d0 1056f 10857 1091f 1093f 10a50-10a58 10a7f
    10af0-10af6 10b39-10b3f 10b99-10b9c 11047-1104d 110bb-110bc 110be-110c1 11140-11143 11174-11175
    111c5-111c9 111cd 111db 111dd-111df 11238-1123d 112a9 114c6 115c1-115d7 11641-11643 1173c-1173e
    12470-12474 16a6e-16a6f 16af5 16b37-16b3b 16b44 1bc9f 1da87-1da8b
    """
)
# Letters that may join the one before them under NFC as marks do: vowel signs of Kirat Rai. (Conjoining jamo
# have rules of their own, see `_joins`.)
_JOINING_LETTERS = re.compile("[\U00016d63\U00016d67-\U00016d6a]")
_MAX_CLUSTER_CHARS = 32
"""A letter with more marks than this is one unit: telling them apart takes cubic time."""


def is_hangul(char: str) -> bool:
    """Whether `char` is a Hangul syllable, or a conjoining or compatibility jamo (half-width ones too)."""
    return _HANGUL.match(char) is not None


def hangul_share(text: str) -> float:
    """Hangul characters divided by letters (Unicode category L): 0.0 to 1.0, 0.0 without letters."""
    n_letters = sum(map(str.isalpha, text))
    if not n_letters:
        return 0.0
    return sum(map(len, _HANGUL_RUN.findall(text))) / n_letters


def is_cjk(char: str) -> bool:
    """Whether BERT sets `char` apart as an ideograph (Hanja); Hangul and kana are none."""
    return _CJK.match(char) is not None


def is_punctuation(char: str) -> bool:
    """Whether BERT sets `char` apart as punctuation: all signs of ASCII, and category P of Unicode 8."""
    return _PUNCTUATION.match(char) is not None


def is_control(char: str) -> bool:
    """Whether BERT's clean-up deletes `char`: controls, formats (zero-width too), private use, U+FFFD."""
    return _CONTROL.match(char) is not None


def is_clean(text: str) -> bool:
    """Whether composition and BERT's clean-up would leave `text` as it is (only plain blanks, nothing to delete)."""
    return _UNCLEAN.search(text) is None and unicodedata.is_normalized("NFC", text)


def is_whitespace(char: str) -> bool:
    """Whether BERT cuts at `char`. Clean-up deletes what is `is_control` too (U+000B, U+000C, U+0085)."""
    return _WHITESPACE.match(char) is not None


def decompose(syllable: str) -> str:
    """The two or three conjoining jamo of a Hangul syllable (Unicode, 3.12); anything else as it is."""
    index = ord(syllable) - _FIRST_SYLLABLE
    if not 0 <= index <= _LAST_SYLLABLE - _FIRST_SYLLABLE:
        return syllable
    index, tail = divmod(index, _N_TAILS)
    lead, vowel = divmod(index, _N_VOWELS)
    return chr(_FIRST_LEAD + lead) + chr(_FIRST_VOWEL + vowel) + (chr(_FIRST_TAIL + tail) if tail else "")


def compose(jamo: str) -> str:
    """The Hangul syllable of its conjoining jamo (lead, vowel, perhaps a tail): the inverse of `decompose`.

    Raises:
        ValueError: these jamo are no syllable.
    """
    if len(jamo) not in (2, 3) or not _is_modern(jamo):
        raise ValueError(f"{jamo!r} is no syllable: expected a leading, a vowel and at most one trailing jamo")
    lead, vowel = ord(jamo[0]) - _FIRST_LEAD, ord(jamo[1]) - _FIRST_VOWEL
    tail = ord(jamo[2]) - _FIRST_TAIL if len(jamo) == 3 else 0
    return chr(_FIRST_SYLLABLE + (lead * _N_VOWELS + vowel) * _N_TAILS + tail)


def _is_modern(jamo: str) -> bool:
    return (
        0 <= ord(jamo[0]) - _FIRST_LEAD < _N_LEADS
        and 0 <= ord(jamo[1]) - _FIRST_VOWEL < _N_VOWELS
        and (len(jamo) < 3 or 0 < ord(jamo[2]) - _FIRST_TAIL < _N_TAILS)
    )


def replace_half_surrogates(text: str) -> str:
    """`text` with U+FFFD, which clean-up deletes, for half surrogates: JSON lets these in, but they cannot be UTF-8."""
    return text if text.isascii() else _HALF_SURROGATE.sub("\ufffd", text)


def nfc_with_spans(text: str) -> tuple[str, np.ndarray | None]:
    """Compose `text` (NFC) and say where every composed character comes from.

    Returns:
        The composed text, and its spans in `text`: int32 [n_composed_chars, 2], start and end (exclusive), in
        order. Characters composed or reordered together share a span. None when `text` was composed already.
    """
    if unicodedata.is_normalized("NFC", text):
        return text, None
    composed: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        while start < end:
            n_chars, piece = _first_unit(text[start:end])
            composed.append(piece)
            spans.extend([(start, start + n_chars)] * len(piece))
            start += n_chars
    return "".join(composed), np.array(spans, np.int32).reshape(-1, 2)


def _first_unit(cluster: str) -> tuple[int, str]:
    """The shortest beginning of a cluster that composes by itself: its length, and what it becomes."""
    whole = unicodedata.normalize("NFC", cluster)
    if len(cluster) > _MAX_CLUSTER_CHARS:
        return len(cluster), whole
    for n_chars in range(1, len(cluster)):
        head = unicodedata.normalize("NFC", cluster[:n_chars])
        if whole.startswith(head) and head + unicodedata.normalize("NFC", cluster[n_chars:]) == whole:
            return n_chars, head
    return len(cluster), whole


def _clusters(text: str) -> list[tuple[int, int]]:
    """Cut `text` where NFC never reaches across: before every character that joins nothing to its left."""
    starts = [i for i, char in enumerate(text) if i == 0 or not _joins(text, i, char)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _joins(text: str, position: int, char: str) -> bool:
    """Whether `char`, at `position` > 0 of `text`, may compose or trade places with what stands before it."""
    if char < "\u0300":
        return False
    before = text[position - 1]
    if "\u1161" <= char <= "\u1175":
        return "\u1100" <= before <= "\u1112"
    if "\u11a8" <= char <= "\u11c2":
        return _takes_tail(before) or (
            "\u1161" <= before <= "\u1175" and "\u1100" <= text[position - 2 : position - 1] <= "\u1112"
        )
    return unicodedata.category(char)[0] == "M" or _JOINING_LETTERS.match(char) is not None


def _takes_tail(char: str) -> bool:
    """Whether `char` is a Hangul syllable without a tail."""
    index = ord(char) - _FIRST_SYLLABLE
    return 0 <= index <= _LAST_SYLLABLE - _FIRST_SYLLABLE and index % _N_TAILS == 0
