"""What every task asks of examples it learns from or is judged by: there are some, and none lacks its label."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from malmoi.errors import InputError

ExampleT = TypeVar("ExampleT")
LabelT = TypeVar("LabelT")


def gold_labels(
    examples: Iterable[ExampleT], label_of: Callable[[ExampleT], LabelT | None], what: str, expected: str
) -> list[LabelT]:
    """The label of every example, there being one or more.

    Args:
        examples: of one task.
        label_of: the label of one of them; None where it is not known.
        what: what the task calls it, with its article if it has one: `a label`, `entities`.
        expected: what a message says to be expected, and to be done.

    Raises:
        InputError: no examples, or one without a label.
    """
    found = []
    for number, example in enumerate(examples, start=1):
        label = label_of(example)
        if label is None:
            raise InputError(f"example {number} has no {what.split()[-1]}: expected {expected}")
        found.append(label)
    if not found:
        raise InputError(f"there are no examples: expected one or more with {what}; look at the input file")
    return found


def check_as_many(predictions: Sequence[Any], examples: Sequence[Any]) -> None:
    """Refuse predictions that cannot be those of `examples`.

    Raises:
        InputError: there are more of the ones than of the others.
    """
    if len(predictions) != len(examples):
        raise InputError(f"{len(predictions)} predictions for {len(examples)} examples: expected one for each")
