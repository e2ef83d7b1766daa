"""Options that only some tasks have: what each means, and that it can work. What a task does with them is its own."""

from dataclasses import dataclass
from typing import Literal

from malmoi.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Options of single tasks; none takes the task's default."""

    stride: int | None = None
    """qa, tagging: tokens from the beginning of a row to that of the next; by default half a row."""
    max_question_tokens: int | None = None
    """qa: longer questions keep their beginning and end; by default 64, never more than half a row."""
    max_answer_tokens: int | None = None
    """qa: the longest answer in tokens; by default 64."""
    no_answer_threshold: float | None = None
    """qa: "no answer" must score this much more than the best answer; by default 0 if the training
    examples have any."""
    n_best: int | None = None
    """qa: answers in a prediction's `alternatives`; by default 5."""
    rule: Literal["squad", "squad-v2", "korquad"] | None = None
    """qa: whose official rule scores answers; by default by the language of the examples and whether all have one."""
    trim_particles: bool | None = None
    """qa, tagging: cut a particle from the end of what is predicted."""
    unit: Literal["token", "syllable"] | None = None
    """tagging: label the tokenizer's tokens (default) or every character by itself."""
    decoding: Literal["viterbi", "greedy", "strict"] | None = None
    """tagging: the best allowed sequence (default); every token by itself, read as conlleval does; or strictly."""
    entity_markers: Literal["typed", "plain"] | None = None
    """relation: whether the marks around subject and object name their types (default)."""
    no_relation: str | None = None
    """relation: the label that means none; by default no_relation, NA or none where it occurs."""
    max_negatives: float | None = None
    """relation: train on at most this many examples without a relation for each with one; by default all."""

    def __post_init__(self) -> None:
        for name in ("stride", "max_question_tokens", "max_answer_tokens", "n_best"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise OptionError(f"{name} is {value}: expected 1 or more")
        if self.max_negatives is not None and not self.max_negatives >= 0:
            raise OptionError(f"max_negatives is {self.max_negatives}: expected 0 or more")
