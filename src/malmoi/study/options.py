"""What a study is told: ways to cut, tasks, time. It reads no files; PyTorch is not known here."""

import re
from dataclasses import dataclass

from malmoi.errors import OptionError
from malmoi.pretraining.recipe import RECIPES, parse_duration
from malmoi.tasks.catalog import task_type
from malmoi.tokenizer.segment import WAYS

_USUAL_SIZES = {"syllable": 8000}
"""Of a vocabulary; there are few syllables, and what a large one would add is rare foreign words."""
_USUAL_SIZE = 16_000
_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to cut with the size of its vocabulary."""

    segment: str
    """A key of `WAYS`."""
    size: int
    """Entries that are wanted; a small corpus may give fewer."""

    @property
    def name(self) -> str:
        """What its folder and its row are called."""
        return f"{self.segment}-{self.size}"


@dataclass(frozen=True, kw_only=True)
class StudyTask:
    """A task that every way is fine-tuned for."""

    name: str
    """What it is called in the report."""
    task: str
    """A key of `TASKS`."""
    train: str
    """File of labelled examples."""
    dev: str
    """File of labelled examples to judge by."""
    format: str = "auto"
    """Format of both."""


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What is compared, and for how long."""

    ways: str = "eojeol,syllable,morpheme,morpheme-tag,base-form,lemma,morpheme-learnt"
    """Ways to cut, separated by commas, each perhaps with the size of its vocabulary:
    eojeol:32000,eojeol:8000,syllable."""
    task: tuple[str, ...] = ()
    """A task to fine-tune for, NAME=TASK:TRAIN:DEV or NAME=TASK:TRAIN:DEV:FORMAT, such as
    nsmc=classification:ratings_train.txt:ratings_test.txt; may be repeated."""
    budget: str = "60m"
    """Time for everything, such as 20m or 2h: decides how much text, how many steps and how many examples."""
    size: str = "small"
    """Of the models: tiny (2x128), small (6x256), base (12x768), large (24x1024), or layers x width, such as 4x320."""
    seeds: int = 2
    """Fine-tuning runs of each way and task; means and spread are shown."""
    epochs: int = 3
    """Passes over the training examples."""
    max_train: int | None = None
    """Training examples of a task, at most; by default what the budget allows."""
    max_dev: int = 2000
    """Examples of a task to judge by, at most."""
    max_characters: int | None = None
    """Characters of the corpus to learn from, at most; by default what the budget allows."""
    batch_rows: int | None = None
    """Rows in a pre-training step; by default the size's own."""
    analyzer: str = "kiwi"
    """The morphological analyser of the ways that need one: kiwi, mecab or okt."""
    seed: int = 1
    """Seed of the models and of the choice of examples."""
    device: str | None = None
    """cpu, cuda, cuda:1 ...; by default the best device found."""

    def __post_init__(self) -> None:
        for name in ("seeds", "epochs", "max_train", "max_dev", "max_characters", "batch_rows"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise OptionError(f"{name} is {value}: expected 1 or more")
        if self.size not in RECIPES:
            raise OptionError(f"size {self.size!r}: expected one of {', '.join(RECIPES)}")
        parse_duration(self.budget)
        _ = self.all_ways, self.tasks

    @property
    def budget_s(self) -> float:
        """The budget in seconds."""
        return parse_duration(self.budget)

    @property
    def all_ways(self) -> tuple[Way, ...]:
        """The ways, in the order they were named."""
        ways = tuple(map(_way, self.ways.split(",")))
        if twice := [way for way in ways if ways.count(way) > 1]:
            raise OptionError(f"ways is {self.ways!r}: expected {twice[0].segment} with size {twice[0].size} once")
        return ways

    @property
    def tasks(self) -> tuple[StudyTask, ...]:
        """The tasks, in the order they were named."""
        tasks = tuple(map(_task, self.task))
        names = [task.name for task in tasks]
        if len(set(names)) < len(names):
            raise OptionError(f"tasks {', '.join(names)}: expected every name once")
        return tasks


def _way(text: str) -> Way:
    segment, colon, size = text.strip().partition(":")
    if segment not in WAYS:
        raise OptionError(f"way {segment!r}: expected one of {', '.join(WAYS)}, perhaps with a size as in eojeol:32000")
    if colon and not (size.isascii() and size.isdecimal() and int(size) > 0):
        raise OptionError(f"way {text.strip()!r}: expected a number of entries after the colon, as in eojeol:32000")
    return Way(segment=segment, size=int(size) if colon else _USUAL_SIZES.get(segment, _USUAL_SIZE))


def _task(text: str) -> StudyTask:
    name, equals, rest = text.partition("=")
    parts = rest.split(":")
    if not equals or not _NAME.fullmatch(name) or len(parts) not in (3, 4) or not all(parts):
        raise OptionError(
            f"task {text!r}: expected NAME=TASK:TRAIN:DEV or NAME=TASK:TRAIN:DEV:FORMAT, such as "
            "nsmc=classification:ratings_train.txt:ratings_test.txt"
        )
    task_type(parts[0])
    return StudyTask(name=name, task=parts[0], train=parts[1], dev=parts[2], format=(parts[3:] or ["auto"])[0])
