"""A small vocabulary with characters of every kind."""

import pytest

from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

_CHARS = "말모이한글가각aébciİ\u0307ΩK12ㅋ\u1112\u1161\u11ab"
_PIECES = ("말모이", "##모이", "한글", "ab", "##bc", "[", "]", "漢", "字", ".", "·", "MASK", "가각")


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary((*SPECIAL_TOKENS, *_CHARS, *[f"##{char}" for char in _CHARS], *_PIECES))


@pytest.fixture(scope="session")
def tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    return Tokenizer.from_vocabulary(vocabulary, segment="eojeol")
