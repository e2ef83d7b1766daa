"""Reading, named entities and relations learn, tell what they learnt, and are the same models in transformers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from malmoi.errors import InputError, OptionError
from malmoi.finetune import finetune
from malmoi.model.checkpoint import save_model
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.predictor import Predictor, evaluate_file, predict_file
from malmoi.tasks.catalog import score_files, task_type
from malmoi.tasks.options import TaskOptions
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import FinetuneOptions

WAYS = [("eojeol", "modernbert"), ("syllable", "bert")]
PEOPLE = ["김하늘", "박바다", "이구름", "최노을", "정이슬", "강바람", "조새벽", "윤햇살"]
PLACES = ["남쪽 섬", "북쪽 산", "동쪽 강", "서쪽 숲"]
BASE = FinetuneOptions(device="cpu", precision="fp32", dropout=0.0, batch_size=8, max_tokens=48)
OPTIONS = {
    "qa": replace(BASE, epochs=50, lr=3e-3),
    "tagging": replace(BASE, epochs=40, lr=3e-3),
    "relation": replace(BASE, epochs=25, lr=3e-3),
}
TASK_OPTIONS = {"qa": TaskOptions(), "tagging": TaskOptions(unit="syllable"), "relation": TaskOptions()}


def records(task: str) -> list[dict[str, Any]]:
    made = []
    for i, person in enumerate(PEOPLE):
        place = PLACES[i % 4]
        text = f"{person} 님은 지난해 {place} 에서 살았다"
        at = text.index(place)
        if task == "qa":
            # The context is longer than a row, so there are windows without the answer.
            context = f"{text} . " + "비가 오고 눈이 내렸다 . " * 4
            answer = (place, at) if i % 2 else (person, 0)
            question = "어디 에서 살았나" if i % 2 else "누가 살았나"
            made.append({"id": str(i), "question": question, "context": context})
            made[-1]["answers"] = [{"text": answer[0], "start": answer[1]}]
        elif task == "tagging":
            entities = [{"start": 0, "end": 3, "label": "PS"}, {"start": at, "end": at + len(place), "label": "LC"}]
            made.append({"text": text, "entities": entities})
        else:
            ends = {"start": 0, "end": 3, "type": "PER"}, {"start": at, "end": at + len(place), "type": "LOC"}
            made.append({"text": text, "subject": ends[0], "object": ends[1]})
            made[-1]["label"] = ("거주", "no_relation")[i % 2]
    return made


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: "-".join(way))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with random weights and a tokenizer that cuts in one of two ways."""
    way, encoder = request.param
    folder = tmp_path_factory.mktemp(way)
    lines = [r.get("text", r.get("context", "")) for task in OPTIONS for r in records(task)] * 3
    lines.append("music musical musician museum mimic climax " * 5)  # to be merged where Hangul may not
    (folder / "text.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    build_vocab(folder / "text.txt", folder / "tokenizer", VocabOptions(size=118, segment=way, min_count=1))
    tokenizer = Tokenizer.load(folder / "tokenizer")
    directory = folder / "base"
    directory.mkdir()
    tokenizer.save(directory)
    torch.manual_seed(3)
    save_model(PretrainingModel(config_for("tiny", encoder=encoder, n_tokens=tokenizer.n_tokens)), directory)
    return directory


def written(path: Path, made: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in made), encoding="utf-8")
    return path


def bare(task: str) -> list[dict[str, Any]]:
    label = {"qa": "answers", "tagging": "entities", "relation": "label"}[task]
    return [{name: value for name, value in record.items() if name != label} for record in records(task)]


@pytest.fixture(scope="module", params=list(OPTIONS))
def learnt(request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A task and its model of eight examples, trained until it knows them by heart."""
    folder = tmp_path_factory.mktemp(request.param)
    train = written(folder / "train.jsonl", records(request.param))
    finetune(
        request.param,
        base,
        train,
        folder / "model",
        OPTIONS[request.param],
        task_options=TASK_OPTIONS[request.param],
        dev=train,
    )
    return request.param, folder


def test_eight_examples_are_learnt_by_heart(learnt: tuple[str, Path]) -> None:
    task, folder = learnt
    last = json.loads((folder / "model" / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert last["loss"] < 0.05
    predictor = Predictor.load(folder / "model", device="cpu", precision="fp32")
    scores = evaluate_file(predictor, folder / "train.jsonl", errors=folder / "errors.jsonl")
    assert scores["metrics"][predictor.task.main_metric] == 100
    assert (folder / "errors.jsonl").read_text(encoding="utf-8") == ""
    lines = list(predict_file(predictor, folder / "train.jsonl"))
    assert [line["prediction"] for line in lines] == [p.to_json() for p in predictor.predict(bare(task))]
    written(folder / "predictions.jsonl", lines)
    again = score_files(task_type(task), folder / "train.jsonl", folder / "predictions.jsonl")
    assert again.metrics == pytest.approx(scores["metrics"])


def test_spans_lead_to_the_characters_of_the_text(learnt: tuple[str, Path]) -> None:
    task, folder = learnt
    predictor = Predictor.load(folder / "model", device="cpu", precision="fp32")
    for record, prediction in zip(bare(task), predictor.predict(bare(task)), strict=True):
        if task == "qa":
            for found in (prediction, *prediction.alternatives):
                assert record["context"][found.start : found.end] == found.text
        elif task == "tagging":
            assert [record["text"][e.start : e.end] for e in prediction.entities] == [
                e.text for e in prediction.entities
            ]


def test_labels_change_no_row_and_no_prediction(learnt: tuple[str, Path]) -> None:
    task, folder = learnt
    predictor = Predictor.load(folder / "model", device="cpu", precision="fp32")
    made = [[predictor.task.example_from_json(r) for r in source] for source in (records(task), bare(task))]
    assert all(map(predictor.task.is_labelled, made[0])) and not any(map(predictor.task.is_labelled, made[1]))
    rows = [predictor.task.encode_many(examples, predictor.tokenizer, 48) for examples in made]
    assert [[r.ids.tolist() for r in e] for e in rows[0]] == [[r.ids.tolist() for r in e] for e in rows[1]]
    assert all(row.target is None for example in rows[1] for row in example)
    assert predictor.predict(made[0]) == predictor.predict(made[1])


def test_transformers_opens_what_is_saved_with_the_same_logits(learnt: tuple[str, Path]) -> None:
    task, folder = learnt
    auto = {
        "qa": AutoModelForQuestionAnswering,
        "tagging": AutoModelForTokenClassification,
        "relation": AutoModelForSequenceClassification,
    }[task]
    theirs, loading = auto.from_pretrained(folder / "model", output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    predictor = Predictor.load(folder / "model", device="cpu", precision="fp32")
    if task == "tagging":
        assert theirs.config.id2label == {0: "O", 1: "B-LC", 2: "I-LC", 3: "B-PS", 4: "I-PS"}
    examples = [predictor.task.example_from_json(record) for record in bare(task)[:3]]
    for example in examples:
        rows = predictor.task.encode(example, predictor.tokenizer, 48)
        [outputs] = predictor.runtime.run_examples([rows])
        for row, ours in zip(rows, outputs, strict=True):
            inputs = {"input_ids": torch.from_numpy(row.ids.astype(np.int64))[None]}
            if theirs.config.model_type == "bert":
                inputs["token_type_ids"] = torch.from_numpy(row.segments.astype(np.int64))[None]
            with torch.inference_mode():
                answer = theirs.eval()(**inputs)
            expected = torch.stack((answer.start_logits, answer.end_logits), -1) if task == "qa" else answer.logits
            torch.testing.assert_close(torch.from_numpy(ours), expected[0], atol=2e-5, rtol=2e-5)


def test_a_text_of_any_length_is_read(learnt: tuple[str, Path]) -> None:
    task, folder = learnt
    predictor = Predictor.load(folder / "model", device="cpu", precision="fp32")
    far = "눈이 내리고 비가 왔다 . " * 300
    record = bare(task)[1]
    if task == "qa":
        context = far + record["context"] + far
        [prediction] = predictor.predict([record | {"context": context}])
        assert prediction.text and context[prediction.start : prediction.end] == prediction.text
        # More rows than fit a batch: each has the outputs that it has alone.
        rows = predictor.task.encode(
            predictor.task.example_from_json(record | {"context": context}), predictor.tokenizer, 48
        )
        [together] = predictor.runtime.run_examples([rows])
        assert sum(len(row.ids) for row in rows) > 4096
        for number in (0, len(rows) // 2, len(rows) - 1):
            [[alone]] = predictor.runtime.run_examples([[rows[number]]])
            np.testing.assert_allclose(alone, together[number], atol=1e-5)
    elif task == "tagging":
        [prediction] = predictor.predict([{"text": far + record["text"]}])
        assert {"PS", "LC"} & {entity.label for entity in prediction.entities if entity.start >= len(far)}
    else:
        moved = {
            name: record[name] | {side: record[name][side] + len(far) for side in ("start", "end")}
            for name in ("subject", "object")
        }
        [prediction] = predictor.predict([{"text": far + record["text"] + far, **moved}])
        assert set(prediction.probabilities) == {"거주", "no_relation"}


def test_bad_examples_stop_before_training(quick_run: Path, tmp_path: Path) -> None:
    base, out = quick_run / "pretrained", tmp_path / "model"
    once = replace(BASE, epochs=1)
    qa = records("qa")
    qa[3]["answers"][0]["start"] += 1
    with pytest.raises(InputError, match=r"train\.jsonl:4: answer of question '3': .*\(-1\)"):
        finetune("qa", base, written(tmp_path / "train.jsonl", qa), out, once)
    tagging = records("tagging")
    train = written(tmp_path / "train.jsonl", tagging)
    dev = written(tmp_path / "dev.jsonl", [tagging[0], bare("tagging")[1]])
    with pytest.raises(InputError, match="without a label"):
        finetune("tagging", base, train, out, once, dev=dev)
    tagging[0]["entities"][0]["label"] = "OG"
    with pytest.raises(InputError, match="type 'OG' is not known"):
        finetune("tagging", base, train, out, once, dev=written(tmp_path / "dev.jsonl", tagging))
    with pytest.raises(OptionError, match="tagging has no such option"):
        finetune("tagging", base, train, out, once, task_options=TaskOptions(n_best=3))
    assert not out.exists()
