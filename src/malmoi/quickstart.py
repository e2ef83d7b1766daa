"""The whole chain in minutes: corpus, vocabulary, shards, pre-training, fine-tuning, evaluation, prediction.

It calls the same functions as the commands and prints the command that does the same, so that it can be left stage by
stage. The model is far too small to be good; the point is that every part works and can be looked at.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from malmoi.artifact import write_text
from malmoi.corpus.build import build_corpus
from malmoi.corpus.options import CorpusOptions
from malmoi.errors import OutputError
from malmoi.finetune import finetune
from malmoi.predictor import Predictor, evaluate_file, predict_file
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions, parse_duration
from malmoi.pretraining.shards import build_shards
from malmoi.tasks.catalog import read_examples
from malmoi.tasks.classification import Classification
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.training.options import FinetuneOptions

_VOCABULARY_SIZE = 4000
_EPOCHS = 8
_SENTENCES = """\
배우들의 연기가 정말 훌륭해서 또 보고 싶어요.
음식은 식었고 직원은 불친절했다. 다시는 안 가요.
기대는 안 했는데 생각보다 재미있네요 ㅋㅋㅋ
"""


def run_quickstart(
    corpus: Sequence[Path] | None, out: Path, *, budget: str = "150s", seed: int = 1, force: bool = False
) -> None:
    """Run every stage into a folder of `out` and say what happened.

    Args:
        corpus: text of the user's own; None for the articles and opinions that ship.
        out: holds `corpus/`, `tokenizer/`, `shards/`, `pretrained/`, `model/` and `sentences.txt` afterwards.
        budget: time for pre-training.
        seed: of everything random.
        force: replace what stands at `out`.

    Raises:
        MalmoiError: a stage cannot do its work.
    """
    if out.exists() and any(out.iterdir()) and not force:
        raise OutputError(f"{out} exists already: choose another --out, or pass --force to replace it")
    parse_duration(budget)  # before minutes have gone into the first stages
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with as_file(files("malmoi.sample")) as sample:
        _learn_language(corpus or _sample_texts(sample, out), out, budget, seed, force=force)
        _learn_task(sample, out, seed, force=force)
    print(f"\nDone in {time.monotonic() - began:.0f} s. Everything is in {out}/ and can be opened.\n")
    print("Try next:")
    print(f"  change {out}/sentences.txt, then: malmoi predict {out}/model {out}/sentences.txt")
    print(f"  malmoi tokenize {out}/tokenizer '말모이는 낱말을 모은다.'")
    print("  malmoi quickstart --corpus YOUR_TEXT --out mine --budget 30m")
    print("  malmoi --help")


def _sample_texts(sample: Path, out: Path) -> list[Path]:
    """The articles that ship, and the training opinions as documents of one sentence, without their labels."""
    opinions = out / "opinions.jsonl"
    examples = read_examples(Classification, sample / "opinions-train.tsv")
    lines = (json.dumps({"text": example.text}, ensure_ascii=False) for example in examples)
    write_text(opinions, "\n".join(lines) + "\n")
    return [sample / "articles.jsonl", opinions]


def _learn_language(corpus: Sequence[Path], out: Path, budget: str, seed: int, *, force: bool) -> None:
    names = " ".join(map(str, corpus))
    with _stage(
        1, "corpus: read, clean, filter, deduplicate", f"malmoi corpus {names} --out {out}/corpus --min-chars 8"
    ):
        print(build_corpus(corpus, out / "corpus", CorpusOptions(min_chars=8), force=force))
    command = f"malmoi vocab {out}/corpus --out {out}/tokenizer --size {_VOCABULARY_SIZE}"
    with _stage(2, "vocabulary: merge the most frequent pairs", command):
        options = VocabOptions(size=_VOCABULARY_SIZE)
        print(build_vocab(out / "corpus", out / "tokenizer", options, force=force))
    command = f"malmoi shards {out}/corpus {out}/tokenizer --out {out}/shards"
    with _stage(3, "shards: the corpus as numbers", command):
        print(build_shards(out / "corpus", out / "tokenizer", out / "shards", force=force))
    command = f"malmoi pretrain {out}/shards {out}/tokenizer --out {out}/pretrained --size tiny --budget {budget}"
    with _stage(4, f"pre-training: guess hidden words for {budget}", command):
        tiny = PretrainOptions(size="tiny", budget=budget, seed=seed)
        print(pretrain(out / "shards", out / "tokenizer", out / "pretrained", tiny, force=force))


def _learn_task(sample: Path, out: Path, seed: int, *, force: bool) -> None:
    train, dev = sample / "opinions-train.tsv", sample / "opinions-dev.tsv"
    options = FinetuneOptions(epochs=_EPOCHS, seed=seed)
    command = f"malmoi finetune classification {out}/pretrained --train {train} --dev {dev} --out {out}/model"
    with _stage(5, "fine-tuning: is an opinion positive or negative?", command):
        print(finetune("classification", out / "pretrained", train, out / "model", options, dev=dev, force=force))
    predictor = Predictor.load(out / "model")
    with _stage(6, "evaluation on 200 opinions it has not seen", f"malmoi evaluate {out}/model {dev}"):
        scores = evaluate_file(predictor, dev)
        print(", ".join(f"{name} {value:.1f}" for name, value in scores["metrics"].items()))
    sentences = out / "sentences.txt"
    write_text(sentences, _SENTENCES)
    with _stage(7, "prediction", f"malmoi predict {out}/model {sentences}"):
        for record in predict_file(predictor, sentences):
            prediction = record["prediction"]
            print(f"{prediction['label']:>9} {max(prediction['probabilities'].values()):4.0%}  {record['text']}")


@contextmanager
def _stage(number: int, title: str, command: str) -> Iterator[None]:
    print(f"\n[{number}/7] {title}\n      $ {command}", flush=True)
    began = time.monotonic()
    yield
    print(f"      ({time.monotonic() - began:.1f} s)", flush=True)
