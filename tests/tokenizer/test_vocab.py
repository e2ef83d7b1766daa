"""vocab.txt in and out, and what is wrong with it."""

from pathlib import Path

import pytest

from malmoi.errors import InputError, VocabularyError
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary


def test_tokens_ids_and_continuation() -> None:
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "말", "##모", "##", "#"))
    assert len(vocabulary) == 9
    assert vocabulary.id_of["##모"] == 6
    assert vocabulary.continuation.nonzero()[0].tolist() == [6]


def test_saved_and_loaded(tmp_path: Path) -> None:
    # Some published vocabularies hold other line ends as tokens.
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "말", "\u2028", "\x85", "a b"))
    vocabulary.save(tmp_path / "vocab.txt")
    assert Vocabulary.load(tmp_path / "vocab.txt") == vocabulary


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_line_ends(tmp_path: Path, end: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(("\r\n" if "\r" in end else "\n").join([*SPECIAL_TOKENS, "말"]).encode() + end.encode())
    assert Vocabulary.load(path).tokens == (*SPECIAL_TOKENS, "말")


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*SPECIAL_TOKENS, "말", "모", "말"]), encoding="utf-8")
    with pytest.raises(VocabularyError, match=r"vocab\.txt: token '말' stands at lines 6, 8"):
        Vocabulary.load(path)
    path.write_text("[PAD]\n[UNK]\n[CLS]\n말\n", encoding="utf-8")
    with pytest.raises(VocabularyError, match=r"lacks \[SEP\], \[MASK\]"):
        Vocabulary.load(path)
    path.write_bytes("[PAD]\n말".encode("cp949"))
    with pytest.raises(InputError, match="UTF-8"):
        Vocabulary.load(path)
    with pytest.raises(InputError, match="missing"):
        Vocabulary.load(tmp_path / "missing")
