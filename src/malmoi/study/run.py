"""The study: the same recipe for every way to cut, from text to task scores, then one page.

It decides what there is time for and keeps the journal; what is done is in `steps.py`, how it is shown in `page.py`.
"""

import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi import __version__
from malmoi.artifact import MANIFEST, file_hash, write_json, write_text
from malmoi.errors import InputError, OutputError
from malmoi.morphology.catalog import make_analyzer
from malmoi.progress import say
from malmoi.study.compute import equal_steps
from malmoi.study.examples import ExampleCost, example_cost, n_affordable, read_task, write_examples
from malmoi.study.journal import Journal
from malmoi.study.options import StudyOptions, StudyTask, Way
from malmoi.study.page import study_page
from malmoi.study.report import StudyReport, TaskResult, WayResult, task_score
from malmoi.study.steps import (
    Places,
    finetune_options,
    finetune_way,
    judge_model,
    learn_vocabulary,
    make_shards,
    pretrain_options,
    pretrain_way,
    step_cost,
    take_text,
)
from malmoi.tasks.catalog import task_type
from malmoi.tokenizer.measure import pick_sentences
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Tokenizer

_TEXT_SHARE = 0.2
"""Of the budget, for vocabularies and shards."""
_PRETRAINING_SHARE = 0.55
"""Of what is left then, with tasks; fine-tuning has the rest. Without, nearly all."""
_LEAST_PRETRAINING, _LEAST_FINETUNING = 0.5, 0.2
"""Of the budget, however long the steps before took (before the share of pre-training is taken of the former)."""
_COMPILE_FROM_S = 600.0
"""Seconds of pre-training a way that win back what compiling takes; as in `malmoi pretrain`."""
_N_SENTENCES = 3
_JOURNAL = "study.json"
_FOLDERS = ("corpus", "held-out", "ways", "tasks")
_FILES = (_JOURNAL, "report.json", "report.html")


def run_study(
    corpus: Path, out: Path, options: StudyOptions = StudyOptions(), *, workers: int = 1, force: bool = False
) -> StudyReport:
    """Compare ways to cut; the same call again goes on behind the last step that was finished.

    Args:
        corpus: a corpus directory or a file; only as much of it is used as there is time for.
        out: directory to make: `report.html`, `report.json`, and everything that was made on the way.
        options: what is compared, and for how long.
        workers: processes for vocabularies and shards.
        force: start over, dropping the study in `out`.

    Raises:
        InputError: the corpus or a file of examples cannot be read.
        OptionError: an option cannot work, or differs from those the study in `out` was begun with.
        OutputError: `out` holds something else, or cannot be written.
        AnalyzerError: the analyser is not installed, or fails on a text.
        KeyboardInterrupt: a signal stopped it; what is done is kept.
    """
    if any(WAYS[way.segment].cut for way in options.all_ways):
        make_analyzer(options.analyzer)  # first: it may not be installed
    plan = _plan(corpus, options)
    _prepare(out, force=force)
    study = _Study(corpus, out, options, plan, workers)
    report = study.run()
    write_json(out / "report.json", asdict(report))
    write_text(out / "report.html", study_page(report))
    return report


def _plan(corpus: Path, options: StudyOptions) -> dict[str, Any]:
    """What must be the same for a study to be gone on with: options, and the files by their content."""
    manifest = corpus / MANIFEST
    if not corpus.exists():
        raise InputError(f"{corpus} does not exist: expected a corpus, made by `malmoi corpus`")
    if manifest.is_file() or corpus.is_file():
        text = file_hash(manifest if manifest.is_file() else corpus)
    else:
        text = str([(path.name, path.stat().st_size) for path in sorted(corpus.iterdir())])
    files = [Path(name) for task in options.tasks for name in (task.train, task.dev)]
    if missing := [path for path in files if not path.is_file()]:
        raise InputError(f"{missing[0]} does not exist: expected a file of labelled examples")
    return {
        "version": __version__,
        **{name: value for name, value in asdict(options).items() if name != "device"},
        "corpus": text,
        "examples": [file_hash(path) for path in files],
    }


def _prepare(out: Path, *, force: bool) -> None:
    """Make the directory, or see that it is a study's; with `force` an empty one."""
    is_study = (out / _JOURNAL).is_file()
    if out.is_file():
        raise OutputError(f"{out} is a file: --out expects a directory")
    if out.is_dir() and any(out.iterdir()) and not is_study:
        raise OutputError(f"{out} holds something that is no study: choose another --out")
    try:
        if is_study and force:
            for name in _FOLDERS:
                shutil.rmtree(out / name, ignore_errors=True)
            for name in _FILES:
                (out / name).unlink(missing_ok=True)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error


@dataclass(frozen=True)
class _Done:
    """The results of all steps, as the journal has them; by way, by task, by way and task."""

    text: dict[str, Any]
    cuts: dict[str, dict[str, Any]]
    plan: dict[str, Any]
    learnt: dict[str, dict[str, Any]]
    examples: dict[str, dict[str, Any]]
    scores: dict[str, dict[str, dict[str, Any]]]


class _Study:
    """One run of all steps that are not done yet."""

    def __init__(self, corpus: Path, out: Path, options: StudyOptions, plan: dict[str, Any], workers: int) -> None:
        self.corpus, self.options, self.workers = corpus, options, workers
        self.ways, self.tasks, self.places = options.all_ways, options.tasks, Places(out=out)
        n_steps = 2 + 4 * len(self.ways) + len(self.tasks) * (1 + len(self.ways))
        self.journal = Journal(out / _JOURNAL, plan, n_steps)
        self._step = self.journal.step
        self.examples = {task.name: read_task(task, options.seed) for task in self.tasks}

    def run(self) -> StudyReport:
        """All steps; what is found."""
        text = self._step("text", "text", self._take_text)
        cuts = {way.name: self._cut(way) for way in self.ways}
        plan = self._step("pre-training", "how many steps: timing some of each way", self._plan_pretraining)
        learnt = {way.name: self._pretrain(way, plan) for way in self.ways}
        examples = {task.name: self._choose_examples(task) for task in self.tasks}
        scores = {way.name: {task.name: self._finetune(way, task) for task in self.tasks} for way in self.ways}
        return self._report(_Done(text, cuts, plan, learnt, examples, scores))

    def _take_text(self) -> dict[str, Any]:
        return take_text(self.corpus, self.places, self.options, _TEXT_SHARE * self.options.budget_s)

    def _cut(self, way: Way) -> dict[str, Any]:
        places, options, workers = self.places, self.options, self.workers
        learnt = self._step(
            f"{way.name} vocabulary",
            f"vocabulary: {way.name}",
            lambda: learn_vocabulary(places, way, options, workers),
        )
        self._step(f"{way.name} shards", f"shards: {way.name}", lambda: make_shards(places, way, workers))
        return learnt

    def _seconds_left(self, least_share: float) -> float:
        """Of the budget; or a least share of it, where what came before took too long: better late than nothing."""
        left, least = self.options.budget_s - self.journal.seconds, least_share * self.options.budget_s
        if left < least:
            say(f"{self.journal.seconds:,.0f} s of {self.options.budget_s:,.0f} are gone: this study will take longer")
        return max(left, least)

    def _plan_pretraining(self) -> dict[str, Any]:
        costs = {way.name: step_cost(self.places, way, self.options) for way in self.ways}
        seconds = self._seconds_left(_LEAST_PRETRAINING) * (_PRETRAINING_SHARE if self.tasks else 0.95)
        n_steps = equal_steps(costs, seconds)
        return {
            "n_steps": n_steps,
            "operations": max(costs[name].operations * n for name, n in n_steps.items()),
            "compile": seconds / len(self.ways) >= _COMPILE_FROM_S,
            "costs": {name: asdict(cost) for name, cost in costs.items()},
        }

    def _pretrain(self, way: Way, plan: dict[str, Any]) -> dict[str, Any]:
        options = pretrain_options(self.options, plan["n_steps"][way.name], compile=plan["compile"])
        title = f"pre-training: {way.name}, {options.steps:,} steps"
        run = self._step(f"{way.name} pre-training", title, lambda: pretrain_way(self.places, way, options))
        loss = self._step(
            f"{way.name} loss", f"held-out text: {way.name}", lambda: judge_model(self.places, way, self.options)
        )
        return run | loss

    def _choose_examples(self, task: StudyTask) -> dict[str, Any]:
        return self._step(f"{task.name} examples", f"examples: {task.name}", lambda: self._write_examples(task))

    def _finetune(self, way: Way, task: StudyTask) -> dict[str, Any]:
        return self._step(
            f"{way.name} {task.name}",
            f"fine-tuning: {way.name}, {task.name}",
            lambda: finetune_way(self.places, way, task, self.options),
        )

    def _write_examples(self, task: StudyTask) -> dict[str, Any]:
        options, examples = self.options, self.examples[task.name]
        finetuning = finetune_options(options)
        costs: dict[str, ExampleCost] = {
            way.name: example_cost(examples, task, self.places.way(way, "pretrained"), finetuning) for way in self.ways
        }
        # All tasks are decided on before the first is learnt: each gets an equal part of what is left.
        left = self._seconds_left(_LEAST_FINETUNING) / len(self.tasks)
        n_dev = min(options.max_dev, len(examples.dev))
        n_train, n_dev = n_affordable(costs, left, n_dev=n_dev, epochs=options.epochs, seeds=options.seeds)
        if options.max_train is not None:
            n_train = min(n_train, options.max_train)
        n_train, n_dev = write_examples(examples, n_train, n_dev, self.places.examples(task))
        return {"n_train": n_train, "n_dev": n_dev, "costs": {name: asdict(cost) for name, cost in costs.items()}}

    def _report(self, done: _Done) -> StudyReport:
        text, options = done.text, self.options
        sentences = pick_sentences(self.places.held_out_texts(), _N_SENTENCES)
        tasks = [
            TaskResult(
                name=task.name,
                task=task.task,
                main_metric=task_type(task.task).main_metric,
                n_train=done.examples[task.name]["n_train"],
                n_dev=done.examples[task.name]["n_dev"],
            )
            for task in self.tasks
        ]
        ways = [self._way_result(way, done, tasks, sentences) for way in self.ways]
        loss = done.learnt[self.ways[0].name]
        return StudyReport(
            corpus=str(self.corpus),
            n_documents=text["learnt"]["n_documents"],
            n_characters=text["learnt"]["n_characters"],
            n_corpus_characters=text["corpus"]["n_characters"],
            n_held_out_characters=text["held_out"]["n_characters"],
            n_judged_characters=loss["n_characters"],
            n_hidden_eojeols=loss["n_eojeols"],
            operations=done.plan["operations"],
            seconds=self.journal.seconds,
            analyzer=options.analyzer,
            options=asdict(options),
            sentences=sentences,
            tasks=tasks,
            ways=ways,
        )

    def _way_result(self, way: Way, done: _Done, tasks: list[TaskResult], sentences: list[str]) -> WayResult:
        cut, learnt, segment = done.cuts[way.name], done.learnt[way.name], WAYS[way.segment]
        cost = done.plan["costs"][way.name]
        tokenizer = Tokenizer.load(self.places.way(way, "tokenizer"))
        return WayResult(
            name=way.name,
            segment=way.segment,
            wanted_size=way.size,
            about=segment.about,
            needs_analyzer=segment.analyzed,
            **cut,
            examples=[tokenizer.encode(sentence, special_tokens=False).pieces for sentence in sentences],
            n_parameters=cost["n_parameters"],
            n_steps=learnt["n_steps"],
            n_tokens=learnt["n_tokens"],
            epochs=learnt["n_tokens"] / cost["n_epoch_tokens"],
            pretraining_seconds=self.journal.seconds_of(f"{way.name} pre-training"),
            masked_bits=learnt["masked"],
            eojeol_bits=learnt["eojeol"],
            curve=[(share, loss * cut["tokens_per_character"] / math.log(2)) for share, loss in learnt["losses"]],
            scores={
                task.name: task_score(
                    done.scores[way.name][task.name]["by_seed"],
                    task.main_metric,
                    self.journal.seconds_of(f"{way.name} {task.name}"),
                )
                for task in tasks
            },
        )
