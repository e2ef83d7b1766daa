"""Fine-tuning learns, says what it reached, and what it saves is the same model in transformers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from malmoi.errors import InputError, OptionError, OutputError
from malmoi.finetune import finetune
from malmoi.finetune_run import FinetuningRun
from malmoi.model.checkpoint import load_task_model, save_model
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.predictor import Predictor
from malmoi.tasks.catalog import read_examples
from malmoi.tasks.pair import Pair
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import FinetuneOptions

CPU = FinetuneOptions(device="cpu", dropout=0.0)
OPINIONS = [
    ("정말 재미있고 좋은 영화였다", "1"),
    ("최고의 음식, 또 가고 싶어요", "1"),
    ("친절하고 따뜻한 곳이네요 ㅋㅋㅋ", "1"),
    ("만족합니다. 추천해요!", "1"),
    ("지루하고 시간이 아까웠다", "0"),
    ("최악의 서비스, 다시는 안 가요", "0"),
    ("불친절하고 비싸기만 합니다", "0"),
    ("실망이 큽니다 ㅠㅠ", "0"),
]


@pytest.fixture(params=["bert", "modernbert"])
def base(request: pytest.FixtureRequest, quick_run: Path, tmp_path: Path) -> Path:
    """A directory with random weights of either encoder, and the sample's tokenizer."""
    directory = tmp_path / "base"
    directory.mkdir()
    tokenizer = Tokenizer.load(quick_run / "tokenizer")
    tokenizer.save(directory)
    torch.manual_seed(3)
    save_model(PretrainingModel(config_for("tiny", encoder=request.param, n_tokens=tokenizer.n_tokens)), directory)
    return directory


def table(path: Path, rows: list[tuple[str, ...]], header: str) -> Path:
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def test_eight_opinions_are_learnt_by_heart(base: Path, tmp_path: Path) -> None:
    train = table(tmp_path / "train.tsv", OPINIONS, "text\tlabel")
    options = replace(CPU, epochs=25, lr=2e-3, batch_size=4)
    report = finetune("classification", base, train, tmp_path / "model", options, dev=train)
    assert report.mean["accuracy"] == 100.0
    predictor = Predictor.load(tmp_path / "model", device="cpu")
    predictions = predictor.predict([{"text": text} for text, _ in OPINIONS])
    assert [prediction.label for prediction in predictions] == [label for _, label in OPINIONS]
    assert min(max(prediction.probabilities.values()) for prediction in predictions) > 0.9


def test_eight_pairs_are_learnt_by_heart(base: Path, tmp_path: Path) -> None:
    texts = [text for text, _ in OPINIONS]
    rows = [
        (a, b, "same" if i % 2 else "other") for i, (a, b) in enumerate(zip(texts, texts[1:] + texts[:1], strict=True))
    ]
    train = table(tmp_path / "train.tsv", rows, "first\tsecond\tlabel")
    options = replace(CPU, epochs=40, lr=2e-3, batch_size=4)
    finetune("pair", base, train, tmp_path / "model", options, dev=train)
    examples = read_examples(Pair, train)
    assert Predictor.load(tmp_path / "model", device="cpu").evaluate(examples).metrics["accuracy"] == 100.0


def test_transformers_opens_what_is_saved_with_the_same_logits(base: Path, tmp_path: Path) -> None:
    train = table(tmp_path / "train.tsv", OPINIONS, "text\tlabel")
    finetune("classification", base, train, tmp_path / "model", replace(CPU, epochs=1))
    theirs, loading = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    assert theirs.config.id2label == {0: "0", 1: "1"}
    inputs = AutoTokenizer.from_pretrained(tmp_path / "model")(
        [text for text, _ in OPINIONS], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        expected = theirs.eval()(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
        ours = load_task_model(tmp_path / "model").eval()
        mask = inputs["attention_mask"].bool()[:, None, None, :]
        torch.testing.assert_close(ours(inputs["input_ids"], mask=mask), expected, atol=1e-5, rtol=0)
    probabilities = [
        p.probabilities["1"]
        for p in Predictor.load(tmp_path / "model", device="cpu", precision="fp32").predict(
            [{"text": t} for t, _ in OPINIONS]
        )
    ]
    assert probabilities == pytest.approx(expected.softmax(-1)[:, 1].tolist(), abs=1e-5)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(quick_run: Path, tmp_path: Path) -> None:
    hashes = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / str(number)
        finetune(
            "classification", quick_run / "pretrained", quick_run / "dev.tsv", out, replace(CPU, epochs=1, seed=seed)
        )
        hashes.append((out / "model.safetensors").read_bytes())
    assert hashes[0] == hashes[1] != hashes[2]


def test_several_seeds_report_mean_and_spread_and_keep_the_best(quick_run: Path, tmp_path: Path) -> None:
    options = replace(CPU, epochs=1, seeds=2)
    report = finetune(
        "classification",
        quick_run / "pretrained",
        quick_run / "train.tsv",
        tmp_path / "m",
        options,
        dev=quick_run / "dev.tsv",
    )
    accuracies = [metrics["accuracy"] for metrics in report.dev.values()]
    assert list(report.dev) == [1, 2]
    assert report.mean["accuracy"] == pytest.approx(sum(accuracies) / 2)
    assert report.dev[report.best_seed]["accuracy"] == max(accuracies)
    saved = json.loads((tmp_path / "m" / "report.json").read_text())
    assert saved["best_seed"] == report.best_seed
    log = [json.loads(line) for line in (tmp_path / "m" / "log.jsonl").read_text().splitlines()]
    assert {line["seed"] for line in log} == {1, 2}


def test_from_scratch_takes_the_shape_and_none_of_the_weights(quick_run: Path) -> None:
    task = read_task(quick_run)
    tokenizer = Tokenizer.load(quick_run / "pretrained")
    pretrained = FinetuningRun(task, tokenizer, quick_run / "pretrained", CPU).new_model(1)
    scratch = FinetuningRun(task, tokenizer, quick_run / "pretrained", replace(CPU, from_scratch=True)).new_model(1)
    assert scratch.config == pretrained.config
    matrices = [n for n, w in pretrained.named_parameters() if w.ndim == 2]
    other = dict(scratch.named_parameters())
    assert not any(torch.equal(w, other[n]) for n, w in pretrained.named_parameters() if n in matrices)


def read_task(quick_run: Path):  # type: ignore[no-untyped-def]
    return Predictor.load(quick_run / "model").task


def test_labels_never_change_a_prediction(quick_run: Path) -> None:
    predictor = Predictor.load(quick_run / "model")
    texts = [text for text, _ in OPINIONS]
    with_labels = predictor.predict([{"text": text, "label": "positive"} for text in texts])
    assert predictor.predict([{"text": text} for text in texts]) == with_labels


def test_predictions_do_not_depend_on_their_neighbours(quick_run: Path) -> None:
    predictor = Predictor.load(quick_run / "model", device="cpu", precision="fp32")
    texts = ["", "짧다", "아주 긴 문장이 " * 40, *(text for text, _ in OPINIONS)]
    together = predictor.predict([{"text": text} for text in texts])
    for text, prediction in zip(texts, together, strict=True):
        alone = predictor.predict([{"text": text}])[0]
        assert alone.probabilities == pytest.approx(prediction.probabilities, abs=1e-6)


def test_dev_without_labels_is_refused_before_training(quick_run: Path, tmp_path: Path) -> None:
    dev = tmp_path / "dev.jsonl"
    dev.write_text('{"text": "라벨이 없다"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="label"):
        finetune("classification", quick_run / "pretrained", quick_run / "train.tsv", tmp_path / "m", CPU, dev=dev)
    assert not (tmp_path / "m").exists()


def test_an_existing_output_and_an_unknown_task_are_refused(quick_run: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--force"):
        finetune("classification", quick_run / "pretrained", quick_run / "train.tsv", quick_run / "model", CPU)
    with pytest.raises(OptionError, match="classification"):
        finetune("clasification", quick_run / "pretrained", quick_run / "train.tsv", tmp_path / "m", CPU)
