"""Every error that malmoi raises on purpose. Nothing here prints or exits; `cli/app.py` does.

    MalmoiError                 anything a user can mend: one line, exit code 1
    ├── InputError              a file that is missing, unreadable, binary or of the wrong format
    │   └── DataError           one bad record, with its file and line
    ├── OptionError             a value that cannot work: what it is, what is expected, what to do
    ├── OutputError             a place that cannot be written, or that holds something already
    ├── AnalyzerError           a morphological analyser that is not installed, or that fails on a text
    ├── VocabularyError         a vocabulary that cannot be learnt, read or used with this model
    ├── NotFiniteError          a loss or gradients that are no numbers any more
    └── CheckpointError         a model directory or training state that does not fit

A message gives the value, the expectation and the remedy, in this order. Bugs of ours are `assert`s, never these.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class MalmoiError(Exception):
    """Base of all errors a user can mend."""


class InputError(MalmoiError):
    """A file is missing, unreadable, binary, empty, or not of the expected format."""


class DataError(InputError):
    """One record of a data file is wrong; the message starts with `file:line:`."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = Path(path), line, message

    def __reduce__(self) -> tuple[type["DataError"], tuple[Path, int, str]]:
        """Pickle the parts: an error made in a worker process must reach the user."""
        return type(self), (self.path, self.line, self.message)


class OptionError(MalmoiError):
    """An option's value cannot work."""


class OutputError(MalmoiError):
    """An output cannot be written, or exists already."""


class AnalyzerError(MalmoiError):
    """A morphological analyser is not installed, out of quota, or fails on a text."""


class VocabularyError(MalmoiError):
    """A vocabulary cannot be learnt, read, or used with this model."""

    possible_size: int | None = None
    """Where a size was asked for that the text does not give: the one it gives."""


class NotFiniteError(MalmoiError):
    """A loss or a gradient became infinite or no number; no weight was touched."""


class CheckpointError(MalmoiError):
    """A model directory or a training state cannot be read or does not fit."""


def one_of(value: str, names: Iterable[str]) -> str:
    """The end of a message about a name that is not known: what is, and which of them was probably meant."""
    names = list(names)
    near = get_close_matches(value, names, n=1)
    return f"expected one of {', '.join(names)}" + (f"; did you mean {near[0]}?" if near else "")
