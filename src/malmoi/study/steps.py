"""The steps of a study, each of them a stage function on a place in the study's directory; results are plain JSON."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.corpus.readers import iter_corpus
from malmoi.corpus.sentences import split_sentences
from malmoi.errors import VocabularyError
from malmoi.finetune import finetune
from malmoi.model.load import load_runtime
from malmoi.morphology.catalog import make_analyzer
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.run import PretrainingRun, masking_vocabulary, time_steps
from malmoi.pretraining.shards import build_shards, load_shards
from malmoi.progress import say
from malmoi.study.compute import StepCost, step_operations
from malmoi.study.loss import held_out_loss, windows_of
from malmoi.study.options import StudyOptions, StudyTask, Way
from malmoi.study.slices import corpus_size, write_slices
from malmoi.tokenizer.analysed import UnitCutter, count_words
from malmoi.tokenizer.build import VocabOptions, VocabReport, build_vocab
from malmoi.tokenizer.bulk import BulkEncoder
from malmoi.tokenizer.measure import measure
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import FinetuneOptions

_PROBE_CHARS = 50_000
_PLAIN_S_A_CHAR = 4e-6
"""Seconds that a way without an analyser takes a character, from text to shards; seen on one core."""
_LEAST_CHARS = 200_000
_LOSS_CHARS = 60_000
"""Held-out characters that models are judged by."""
_SPEED_CHARS = 100_000
"""Held-out characters that encoding is timed on."""
_PROBE_STEPS = 3
_SAVES = 8
"""Saves of a pre-training run: a kill loses at most the work since the last one."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where everything of a study lies."""

    out: Path

    @property
    def learnt(self) -> Path:
        """The corpus to learn from."""
        return self.out / "corpus"

    @property
    def held_out(self) -> Path:
        """The corpus to judge by."""
        return self.out / "held-out"

    def way(self, way: Way, stage: str) -> Path:
        """The output of a stage for a way."""
        return self.out / "ways" / way.name / stage

    def examples(self, task: StudyTask) -> Path:
        """The examples of a task."""
        return self.out / "tasks" / task.name

    def held_out_texts(self) -> list[str]:
        """The text to judge by."""
        return [document.text for document in iter_corpus(self.held_out)]


def take_text(corpus: Path, places: Places, options: StudyOptions, seconds: float) -> dict[str, Any]:
    """Measure the corpus and the analyser; take as much text as all ways can be given shards of in `seconds`."""
    size = corpus_size(corpus)
    seconds_a_char = sum(_seconds_a_character(corpus, options).values())
    wanted = max(_LEAST_CHARS, int(seconds / seconds_a_char))
    if options.max_characters is not None:
        wanted = min(wanted, options.max_characters)
    learnt, held_out = write_slices(corpus, size, wanted, places.learnt, places.held_out)
    say(f"{learnt.n_characters:,} characters to learn from, {held_out.n_characters:,} to judge by")
    return {"corpus": asdict(size), "learnt": asdict(learnt), "held_out": asdict(held_out)}


def _seconds_a_character(corpus: Path, options: StudyOptions) -> dict[str, float]:
    """What each way takes from text to shards: the analyser runs for the vocabulary, mostly once more for shards."""
    analysed: float | None = None
    seconds = {}
    for way in options.all_ways:
        segment = WAYS[way.segment]
        if segment.cut and analysed is None:
            analysed = _analyser_seconds_a_character(corpus, options)
        passes = (segment.cut is not None) + segment.analyzed
        seconds[way.name] = passes * (analysed or 0.0) + _PLAIN_S_A_CHAR
    return seconds


def _analyser_seconds_a_character(corpus: Path, options: StudyOptions) -> float:
    sentences, n_chars = list[str](), 0
    for document in iter_corpus(corpus):
        sentences += split_sentences(document.text)
        n_chars += len(document.text)
        if n_chars >= _PROBE_CHARS:
            break
    cutter = UnitCutter(WAYS["morpheme"], make_analyzer(options.analyzer))
    count_words(["말모이"], cutter)  # it is loaded at its first text
    started = time.monotonic()
    count_words(sentences, cutter)
    return (time.monotonic() - started) / n_chars


def learn_vocabulary(places: Places, way: Way, options: StudyOptions, workers: int) -> dict[str, Any]:
    """Learn the vocabulary of a way, smaller where the text does not give as many entries; cut held-out text by it."""
    out = places.way(way, "tokenizer")
    try:
        report = _build_vocab(places, way, way.size, out, options, workers)
    except VocabularyError as error:
        if error.possible_size is None:
            raise
        say(f"{way.name}: this text gives {error.possible_size:,} entries, so that many are learnt")
        report = _build_vocab(places, way, error.possible_size, out, options, workers)
    tokenizer = Tokenizer.load(out)
    texts = places.held_out_texts()
    measured = measure(tokenizer, texts)
    return {
        "size": report.size,
        "fertility": measured.fertility,
        "tokens_per_character": measured.pieces_per_character,
        "unk_rate": measured.unk_rate,
        "unknown": measured.unknown,
        "characters_per_second": _encoding_speed(tokenizer, texts),
    }


def _build_vocab(places: Places, way: Way, size: int, out: Path, options: StudyOptions, workers: int) -> VocabReport:
    learning = VocabOptions(
        size=size,
        segment=way.segment,  # type: ignore[arg-type]  # checked when the options were made
        analyzer=options.analyzer,  # type: ignore[arg-type]
        held_out=None,
    )
    return build_vocab(places.learnt, out, learning, workers=workers, force=True)


def _encoding_speed(tokenizer: Tokenizer, texts: list[str]) -> float:
    """Characters a second of a bulk encoder that knows nothing yet, in this process, with the analyser's threads."""
    sentences = [sentence for text in texts for sentence in split_sentences(text)]
    chosen = sentences[:: max(1, sum(map(len, sentences)) // _SPEED_CHARS)]
    started = time.monotonic()
    BulkEncoder(tokenizer).encode(chosen)
    return sum(map(len, chosen)) / (time.monotonic() - started)


def make_shards(places: Places, way: Way, workers: int) -> dict[str, Any]:
    """The corpus as token shards."""
    tokenizer, out = places.way(way, "tokenizer"), places.way(way, "shards")
    return asdict(build_shards(places.learnt, tokenizer, out, workers=workers, force=True))


def pretrain_options(options: StudyOptions, n_steps: int, *, compile: bool) -> PretrainOptions:
    """The recipe of all ways."""
    return PretrainOptions(
        size=options.size,
        steps=n_steps,
        batch_rows=options.batch_rows,
        seed=options.seed,
        device=options.device,
        compile=compile,
        save_every=max(1, n_steps // _SAVES),
        keep=1,
        log_every=max(1, n_steps // 100),
    )


def step_cost(places: Places, way: Way, options: StudyOptions) -> StepCost:
    """What a pre-training step of a way costs, and takes here."""
    tokenizer = Tokenizer.load(places.way(way, "tokenizer"))
    run = PretrainingRun(
        load_shards(places.way(way, "shards")), tokenizer, pretrain_options(options, _PROBE_STEPS, compile=False)
    )
    return StepCost(
        operations=step_operations(run),
        seconds=min(time_steps(run, _PROBE_STEPS)),
        n_parameters=sum(weights.numel() for weights in run.model.parameters()),
        n_epoch_tokens=run.source.n_row_tokens,
    )


def pretrain_way(places: Places, way: Way, options: PretrainOptions) -> dict[str, Any]:
    """Pre-train; goes on where an earlier process was stopped.

    Raises:
        KeyboardInterrupt: a signal stopped it; the state is saved.
    """
    out = places.way(way, "pretrained")
    report = pretrain(places.way(way, "shards"), places.way(way, "tokenizer"), out, options, resume=True)
    if not report.finished:
        raise KeyboardInterrupt
    log = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [(line["step"] / report.steps, line["masked_lm_loss"]) for line in log]
    return {"n_steps": report.steps, "n_tokens": report.n_tokens, "losses": losses}


def judge_model(places: Places, way: Way, options: StudyOptions) -> dict[str, Any]:
    """Bits a character of held-out text."""
    directory = places.way(way, "pretrained")
    tokenizer = Tokenizer.load(directory)
    windows = windows_of(places.held_out_texts(), _LOSS_CHARS, options.seed)
    runtime = load_runtime(directory, device=options.device)
    return asdict(held_out_loss(runtime, tokenizer, masking_vocabulary(tokenizer), windows, seed=options.seed))


def finetune_options(options: StudyOptions) -> FinetuneOptions:
    """The recipe of all ways and tasks."""
    return FinetuneOptions(epochs=options.epochs, seed=options.seed, seeds=options.seeds, device=options.device)


def finetune_way(places: Places, way: Way, task: StudyTask, options: StudyOptions) -> dict[str, Any]:
    """Fine-tune every seed; goes on behind the last one that an earlier process finished."""
    examples, out = places.examples(task), places.way(way, task.name)
    report = finetune(
        task.task,
        places.way(way, "pretrained"),
        examples / "train.jsonl",
        out,
        finetune_options(options),
        dev=examples / "dev.jsonl",
        format="jsonl",
        force=True,
    )
    return {"by_seed": {str(seed): metrics for seed, metrics in report.dev.items()}}
