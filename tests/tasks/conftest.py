"""A tokenizer small enough to check by hand: one character, one piece."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from malmoi.tokenizer.tokenizer import Encoding


class CharacterTokenizer:
    """Every character is a piece whose id is its code point; special tokens have ids that no text holds."""

    cls_id = -1
    sep_id = -2
    mask_id = -3
    unk_id = -4

    def encode_batch(self, texts: Sequence[str], *, special_tokens: bool = True) -> list[Encoding]:
        assert not special_tokens
        return [
            Encoding([ord(char) for char in text], list(text), [(i, i + 1) for i in range(len(text))]) for text in texts
        ]

    def encode_ids(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return [np.array([ord(char) for char in text], np.int32) for text in texts]


@pytest.fixture(scope="session")
def tokenizer() -> CharacterTokenizer:
    return CharacterTokenizer()
