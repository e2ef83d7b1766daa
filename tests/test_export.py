"""What is exported answers like the original, without PyTorch; what would not is refused and not written."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import malmoi.export
from malmoi.artifact import read_manifest
from malmoi.errors import CheckpointError, OptionError
from malmoi.export import ExportOptions, ExportReport, export_model
from malmoi.finetune import finetune
from malmoi.info import describe
from malmoi.model.checkpoint import load_task_model
from malmoi.predictor import Predictor
from malmoi.training.options import FinetuneOptions

TEXTS = ["", "정말 재미있고 좋았다.", "지루해서 끝까지 보지 못했다.", "고래가 바다에서 숨을 쉰다. " * 30]
WITHOUT_TORCH = """
import sys
from importlib.abc import MetaPathFinder
class NoTorch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "onnx", "onnxscript", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
from malmoi.cli.main import main
sys.argv[1:] = ARGUMENTS
main()
"""


def test_an_exported_directory_is_a_model_directory(quick_run: Path, exported: Path) -> None:
    names = {path.name for path in (exported / "model").iterdir()}
    assert {"model.int8.onnx", "config.json", "task.json", "tokenizer.json", "README.md", "manifest.json"} <= names
    assert "model.safetensors" not in names
    manifest = read_manifest(exported / "model", "model")
    assert manifest.options["int8"] is True and manifest.options["model"] == str(quick_run / "model")
    assert "## Exported" in (exported / "model" / "README.md").read_text(encoding="utf-8")


def test_int8_answers_like_the_original(quick_run: Path, exported: Path) -> None:
    original, ours = Predictor.load(quick_run / "model", precision="fp32"), Predictor.load(exported / "model")
    for before, after in zip(original.predict([{"text": t} for t in TEXTS]), ours.predict([{"text": t} for t in TEXTS]), strict=True):  # fmt: skip  # noqa: E501
        assert after.probabilities == pytest.approx(before.probabilities, abs=0.02)


def without_torch(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    script = WITHOUT_TORCH.replace("ARGUMENTS", repr([str(argument) for argument in arguments]))
    return subprocess.run([sys.executable, "-c", script], input=stdin, capture_output=True, text=True, timeout=120)


def test_evaluating_and_predicting_need_no_pytorch(quick_run: Path, exported: Path) -> None:
    judged = without_torch("evaluate", exported / "model", quick_run / "dev.tsv")
    assert judged.returncode == 0, judged.stderr
    assert json.loads(judged.stdout)["n_examples"] == 40
    predicted = without_torch("predict", exported / "model", stdin="좋았다\n지루했다\n")
    assert [json.loads(line)["text"] for line in predicted.stdout.splitlines()] == ["좋았다", "지루했다"]


def test_weights_without_pytorch_are_refused_with_the_remedy(quick_run: Path) -> None:
    refused = without_torch("predict", quick_run / "model", stdin="좋았다\n")
    assert refused.returncode == 1
    assert "malmoi export" in refused.stderr and "Traceback" not in refused.stderr


def test_dev_examples_are_judged_and_reported(quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = export_model(quick_run / "model", tmp_path / "m", dev=quick_run / "dev.tsv")
    assert (report.metric, report.file) == ("accuracy", "model.onnx")
    assert report.before == report.after and report.relative_error < 1e-5
    monkeypatch.setattr(malmoi.export, "_LARGEST_LOSS", -1.0)
    with pytest.raises(CheckpointError, match="nothing was written"):
        export_model(quick_run / "model", tmp_path / "n", dev=quick_run / "dev.tsv")
    assert not (tmp_path / "n").exists()


def test_a_graph_that_differs_is_not_written(quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(malmoi.export._LARGEST_ERROR, "model.int8.onnx", 1e-9)
    with pytest.raises(CheckpointError, match="export without --int8"):
        export_model(quick_run / "model", tmp_path / "m", ExportOptions(int8=True))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported(quick_run: Path, exported: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is an exported model"):
        export_model(exported / "model", tmp_path / "m")
    with pytest.raises(OptionError, match="has no task"):
        export_model(quick_run / "pretrained", tmp_path / "m", dev=quick_run / "dev.tsv")


def test_a_masked_model_does_cloze_from_its_graph(quick_run: Path, exported: Path) -> None:
    asked = [{"text": "고래는 ___에 산다.", "choices": ["바다", "하늘", "깊은 산속"]}]
    before = Predictor.load(quick_run / "pretrained", task="cloze", device="cpu", precision="fp32").predict(asked)
    after = Predictor.load(exported / "pretrained", task="cloze").predict(asked)
    assert after[0].choice == before[0].choice
    assert after[0].scores == pytest.approx(before[0].scores, abs=1e-4)


def test_weights_as_bytes_are_small_answer_alike_and_can_be_trained(quick_run: Path, tmp_path: Path) -> None:
    report = export_model(quick_run / "pretrained", tmp_path / "small", ExportOptions(trainable=True))
    assert report.file == "model.int8.safetensors" and report.n_bytes < 0.3 * report.bytes_before
    assert 0 < report.relative_error < 0.05
    before, after = load_task_model(quick_run / "pretrained"), load_task_model(tmp_path / "small")
    for name, weight in before.state_dict().items():
        rounded = after.state_dict()[name]
        if weight.ndim == 2:
            assert ((weight - rounded).abs() <= weight.abs().amax(1, keepdim=True) / 254 + 1e-7).all()
        else:
            assert torch.equal(weight, rounded)
    options = FinetuneOptions(epochs=1)
    finetune("classification", tmp_path / "small", quick_run / "train.tsv", tmp_path / "tuned", options)
    assert (tmp_path / "tuned" / "model.safetensors").is_file()
    shape = describe(tmp_path / "small"), describe(quick_run / "pretrained")
    assert shape[0]["n_parameters"] == shape[1]["n_parameters"]


def test_int8_that_loses_too_much_is_written_carefully(
    quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = export_model(quick_run / "model", tmp_path / "plain", ExportOptions(int8=True))
    assert not plain.careful
    check, refused = malmoi.export._check, list[bool]()

    def refuses_once(*arguments: Any) -> ExportReport:
        if not refused:
            refused.append(True)
            raise malmoi.export._TooDifferentError("a model this small loses nothing: said in its place")
        return check(*arguments)

    monkeypatch.setattr(malmoi.export, "_check", refuses_once)
    careful = export_model(quick_run / "model", tmp_path / "careful", ExportOptions(int8=True))
    assert careful.careful and careful.n_bytes > plain.n_bytes
    assert careful.relative_error < 0.05
    assert "stayed in fp32" in (tmp_path / "careful" / "README.md").read_text(encoding="utf-8")
