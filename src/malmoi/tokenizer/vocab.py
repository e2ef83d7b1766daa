"""A vocabulary: tokens with their ids, as `vocab.txt` lists them. It cuts nothing: see `tokenizer.py`."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from malmoi.artifact import write_text
from malmoi.errors import InputError, VocabularyError
from malmoi.tokenizer.bpe import PREFIX

_KORBERT_ENTRY = re.compile("/[A-Z]{2,3}_$")
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""What every vocabulary of a BERT holds; ours begin with them, in this order."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids."""

    tokens: tuple[str, ...]
    """All tokens; those that continue a word begin with `##`."""

    def __post_init__(self) -> None:
        if len(self.id_of) != len(self.tokens):
            token = next(token for token, n in Counter(self.tokens).items() if n > 1)
            lines = [str(i) for i, other in enumerate(self.tokens, 1) if other == token]
            raise VocabularyError(
                f"token {token!r} stands at lines {', '.join(lines)}: expected every token once; "
                "take the vocabulary from its source again"
            )
        if missing := [token for token in SPECIAL_TOKENS if token not in self.id_of]:
            raise VocabularyError(
                f"the vocabulary ({len(self.tokens)} tokens) lacks {', '.join(missing)}: expected a BERT's, "
                f"with {' '.join(SPECIAL_TOKENS)}; learn one with `malmoi vocab`"
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def __reduce__(self) -> tuple[type["Vocabulary"], tuple[tuple[str, ...]]]:
        # What is cached does not pickle, and worker processes need vocabularies.
        return Vocabulary, (self.tokens,)

    @cached_property
    def id_of(self) -> Mapping[str, int]:
        """The id of every token."""
        return MappingProxyType({token: i for i, token in enumerate(self.tokens)})

    @cached_property
    def continuation(self) -> np.ndarray:
        """Whether a token continues a word: bool [n_tokens]."""
        flags = np.array([t.startswith(PREFIX) and len(t) > len(PREFIX) for t in self.tokens], bool)
        flags.setflags(write=False)
        return flags

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read a `vocab.txt`: one token a line, the first has id 0.

        Raises:
            InputError: the file is missing or not UTF-8.
            VocabularyError: a token stands twice, or a special token is missing.
        """
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read ({error}): expected one token a line, UTF-8") from error
        # Only "\n" ends a line: some vocabularies hold other line ends as tokens.
        lines = text.replace("\r\n", "\n").split("\n")
        try:
            return cls(tuple(lines[:-1] if lines[-1] == "" else lines))
        except VocabularyError as error:
            raise VocabularyError(f"{path}: {error}") from error

    def save(self, path: Path) -> None:
        """Write a `vocab.txt`."""
        write_text(path, "".join(f"{token}\n" for token in self.tokens))


def is_korbert(path: Path) -> bool:
    """Whether a `vocab.txt` is KorBERT's: many entries are morphemes with tag and end mark (`발견/NNG_`)."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return False  # whoever reads it in earnest says what is wrong
    return sum(_KORBERT_ENTRY.search(line) is not None for line in lines) > len(lines) / 4
