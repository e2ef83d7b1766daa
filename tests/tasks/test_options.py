"""Options of single tasks: what cannot work is refused, and so is what a task does not have."""

import pytest

from malmoi.errors import OptionError
from malmoi.tasks.options import TaskOptions
from malmoi.tasks.qa import Qa
from malmoi.tasks.relation import Relation
from malmoi.tasks.tagging import Tagging


def test_options_reach_the_task_and_come_back_from_its_json() -> None:
    qa = Qa().with_options(TaskOptions(stride=50, n_best=3, no_answer_threshold=1.5, trim_particles=True, rule="squad"))
    assert (qa.stride, qa.n_best, qa.no_answer_threshold, qa.trim_particles, qa.rule) == (50, 3, 1.5, True, "squad")
    tagging = Tagging(("LC", "PS")).with_options(TaskOptions(unit="syllable", decoding="greedy"))
    relation = Relation(("NA", "부모")).with_options(TaskOptions(entity_markers="plain", no_relation="NA"))
    for task in (qa, tagging, relation):
        assert type(task).from_json(task.to_json()) == task


def test_what_is_not_set_stays() -> None:
    task = Tagging(("LC",), unit="syllable")
    assert task.with_options(TaskOptions()) == task


def test_what_cannot_work() -> None:
    with pytest.raises(OptionError, match="stride is 0"):
        TaskOptions(stride=0)
    with pytest.raises(OptionError, match=r"max_negatives is -1"):
        TaskOptions(max_negatives=-1)
    with pytest.raises(OptionError, match=r"n_best is set to 3: tagging has no such option"):
        Tagging(("LC",)).with_options(TaskOptions(n_best=3))
    with pytest.raises(OptionError, match="no_relation is '없음'"):
        Relation(("NA", "부모")).with_options(TaskOptions(no_relation="없음"))
