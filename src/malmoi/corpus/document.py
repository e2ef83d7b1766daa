"""What a document is, and the clean-up every text goes through. Characters only: no files, no markup."""

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text of a corpus."""

    id: str
    """The source's own, or `<file name>-<number>`."""
    title: str
    """Empty where the source has none."""
    text: str
    """One paragraph a line, cleaned by `clean_text`."""


# Controls that are not white space, invisible format characters (soft hyphen, zero-width and direction marks,
# BOM, annotation marks), lone surrogates, private use, and the two that stand for "something was here".
_JUNK = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ue000-\uf8ff\ufff9-\ufffd]"
)
# Invisible "letters" that people type for a blank: Hangul fillers and the empty Braille cell.
_BLANKS = re.compile("[\u3164\uffa0\u2800]")


def clean_text(text: str) -> str:
    """NFC text without control and zero-width characters, white space folded, one paragraph a line.

    No line is empty. Cleaning twice changes nothing.
    """
    text = _BLANKS.sub(" ", _JUNK.sub("", text))
    text = unicodedata.normalize("NFC", text)
    # str.split and str.splitlines agree with each other on Unicode's white space and line ends.
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
