"""Every task with every way to cut: eight examples are learnt by heart, and transformers gives the same numbers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_finetune_spans import OPTIONS as OPTIONS_OF_SPANS
from transformers import AutoModelForMaskedLM, AutoModelForMultipleChoice, AutoModelForSequenceClassification

from malmoi.artifact import write_text
from malmoi.finetune import finetune
from malmoi.model.checkpoint import save_model
from malmoi.model.config import ModelConfig
from malmoi.model.heads import PretrainingModel
from malmoi.predictor import Predictor
from malmoi.tasks.catalog import TASKS, read_examples
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.batch import collate
from malmoi.training.options import FinetuneOptions

PLACES = [
    "바닷가에서",
    "산꼭대기에서",
    "시장 골목에서",
    "학교 운동장에서",
    "부엌에서",
    "도서관에서",
    "기차 안에서",
    "강가에서",
]
DEEDS = [
    "조개를 주웠다",
    "구름을 보았다",
    "떡을 샀다",
    "공을 찼다",
    "국을 끓였다",
    "책을 읽었다",
    "노래를 들었다",
    "돌을 던졌다",
]
WORDS = ["조개", "구름", "떡", "공", "국", "책", "노래", "돌"]


def records(task: str) -> list[dict[str, Any]]:
    """Eight examples with their labels."""
    made: list[dict[str, Any]] = []
    for i, (place, deed) in enumerate(zip(PLACES, DEEDS, strict=True)):
        other, right = DEEDS[(i + 3) % 8], i % 2
        pair = {"first": place, "second": deed if i % 3 else other}
        two = [other, deed] if right else [deed, other]
        words = [WORDS[(i + 3) % 8], WORDS[i]] if right else [WORDS[i], WORDS[(i + 3) % 8]]
        made.append(
            {
                "classification": {"text": f"{place} {deed}", "label": "가나다"[i % 3]},
                "pair": {**pair, "label": "맞다" if i % 3 else "다르다"},
                "regression": {**pair, "score": 5.0 if i % 3 else float(right)},
                "choice": {"context": place, "choices": two, "answer": right},
                "cloze": {"text": f"{place} {deed.replace(WORDS[i], '___', 1)}", "choices": words, "answer": right},
            }[task]
        )
    return made


def jsonl(path: Path, lines: list[dict[str, Any]]) -> Path:
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module", params=["eojeol", "syllable"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a very small model of random weights, and a vocabulary cut in one of two ways."""
    return make_base(tmp_path_factory.mktemp(request.param), request.param, "modernbert")


def make_base(folder: Path, segment: Any, encoder: Any) -> Path:
    text = folder / "text.txt"
    write_text(text, "".join(f"{place} {deed}.\n" for place in PLACES for deed in DEEDS))
    build_vocab(text, folder / "base", VocabOptions(size=130 if segment == "eojeol" else 108, segment=segment))
    config = ModelConfig(
        encoder=encoder,
        n_tokens=Tokenizer.load(folder / "base").n_tokens,
        n_layers=1,
        n_heads=2,
        width=64,
        mlp_width=96,
        dropout=0.0,
        attention_dropout=0.0,
        max_tokens=64,
    )
    torch.manual_seed(1)
    save_model(PretrainingModel(config), folder / "base")
    return folder / "base"


OPTIONS = FinetuneOptions(epochs=40, lr=4e-3, batch_size=4, dropout=0.0, device="cpu", precision="fp32")


WITHOUT_SPANS = ["classification", "pair", "regression", "choice", "cloze"]


def test_every_task_is_learnt_by_heart_here_or_among_the_spans() -> None:
    assert {*WITHOUT_SPANS, *OPTIONS_OF_SPANS} == set(TASKS)


@pytest.mark.parametrize("task", WITHOUT_SPANS)
def test_eight_examples_are_learnt_by_heart(base: Path, task: str, tmp_path: Path) -> None:
    train = jsonl(tmp_path / "train.jsonl", records(task))
    report = finetune(task, base, train, tmp_path / "model", OPTIONS, dev=train)
    assert report.mean[TASKS[task].main_metric] > 99.5
    predictor = Predictor.load(tmp_path / "model", device="cpu", precision="fp32")
    examples = read_examples(predictor.task, train)
    assert not any(predictor.task.is_wrong(p, e) for p, e in zip(predictor.predict(examples), examples, strict=True))
    log = (tmp_path / "model" / "log.jsonl").read_text().splitlines()
    assert float(json.loads(log[-1])["loss"]) < 0.05
    # Without the labels, and one by one, the answers stay the same.
    bare = [{k: v for k, v in record.items() if k not in ("label", "score", "answer")} for record in records(task)]
    assert predictor.predict(bare) == predictor.predict(examples)


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
@pytest.mark.parametrize(
    ("task", "theirs"),
    [
        ("regression", AutoModelForSequenceClassification),
        ("choice", AutoModelForMultipleChoice),
        ("cloze", AutoModelForMaskedLM),
    ],
)
def test_transformers_opens_what_is_saved_with_the_same_numbers(
    encoder: str, task: str, theirs: Any, tmp_path: Path
) -> None:
    train = jsonl(tmp_path / "train.jsonl", records(task))
    finetune(task, make_base(tmp_path, "eojeol", encoder), train, tmp_path / "model", replace(OPTIONS, epochs=1))
    model, loading = theirs.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    predictor = Predictor.load(tmp_path / "model", device="cpu", precision="fp32")
    rows = predictor.task.encode_many(read_examples(predictor.task, train), predictor.tokenizer, 64)
    for example_rows, outputs in zip(rows, predictor.runtime.run_examples(rows), strict=True):
        batch = collate(example_rows, predictor.tokenizer.pad_id)
        inputs = {
            "input_ids": torch.from_numpy(batch.ids),
            "attention_mask": torch.arange(batch.ids.shape[1]) < torch.from_numpy(batch.row_lengths)[:, None],
        }
        inputs["attention_mask"] = inputs["attention_mask"].long()
        if encoder == "bert":
            inputs["token_type_ids"] = torch.from_numpy(batch.segments)
        if task == "choice":
            inputs = {name: tensor[None] for name, tensor in inputs.items()}
        with torch.inference_mode():
            logits = model.eval()(**inputs).logits
        if task == "cloze":
            assert batch.asked is not None
            chances = logits.log_softmax(-1)
            for number, output in enumerate(outputs):
                (place,) = np.flatnonzero(batch.asked[number] >= 0)
                expected = chances[number, place, batch.asked[number, place]].item()
                assert output[place] == pytest.approx(expected, abs=1e-5)
        else:
            np.testing.assert_allclose(np.concatenate(outputs), logits.flatten().numpy(), atol=1e-5)


def test_a_model_that_is_only_pre_trained_fills_blanks(base: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(base, task="cloze", device="cpu")
    file = jsonl(tmp_path / "a.jsonl", records("cloze"))
    scores = predictor.evaluate(read_examples(predictor.task, file))
    assert scores.n_examples == 8
