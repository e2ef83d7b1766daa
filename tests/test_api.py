"""What others build on: names, signatures, commands, flags and lines of JSON. A change here is a change for users."""

import inspect
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import malmoi
from malmoi.cli.commands import app
from malmoi.tasks.choice import ChoiceExample, ChoicePrediction
from malmoi.tasks.classification import ClassificationExample
from malmoi.tasks.cloze import ClozeExample
from malmoi.tasks.labels import LabelPrediction
from malmoi.tasks.pair import PairExample
from malmoi.tasks.qa_files import QaExample
from malmoi.tasks.regression import RegressionExample, RegressionPrediction
from malmoi.tasks.relation_files import RelationExample
from malmoi.tasks.tagging_files import TaggingExample
from malmoi.tokenizer.tokenizer import Encoding

METHODS = {
    "Tokenizer": {
        "from_vocabulary": "vocabulary, *, segment, lowercase=False, tokens=(), analyzer=None",
        "load": "directory, *, analyzer=None",
        "save": "self, directory",
        "encode": "self, text, *, special_tokens=True",
        "encode_batch": "self, texts, *, special_tokens=True",
        "encode_ids": "self, texts",
        "decode": "self, ids",
        "words": "self, text",
    },
    "Predictor": {
        "load": "directory, *, task=None, device=None, precision='auto'",
        "predict": "self, examples",
        "evaluate": "self, examples",
        "with_options": "self, options",
    },
    "Embedder": {
        "load": "directory, *, device=None, precision='auto', pooling=None, n_threads=None",
        "encode": "self, texts, batch_size=None, *, normalize=None",
        "rows": "self, texts",
    },
    "Index": {
        "load": "directory, *, model=None, device=None, n_threads=None",
        "search": "self, query, top_k=5, *, where=None, by=None, vector=None",
        "rank": "self, query, top_k, where, by",
        "ranks_by": "self, by",
        "add": "self, documents",
        "update": "self, documents",
        "delete": "self, ids=None, *, where=None",
        "tidy": "self",
    },
}

FLAGS = {
    "corpus": "--out --min-chars --min-hangul --rejects --workers --force",
    "vocab": "--out --size --min-count --extend --segment --analyzer --workers --force",
    "tokenize": "--special-tokens",
    "analyze": "--analyzer --score --url --cache",
    "vocab-compare": "--max-documents",
    "shards": "--out --workers --force",
    "pretrain": "--out --size --steps --budget --save-every --seed --resume --device --held-out --from --force",
    "finetune": "--train --dev --out --format --epochs --lr --lrs --seed --seeds --baseline --device --force",
    "evaluate": "--format --task --errors --device --trim-particles --no-answer-threshold",
    "predict": "--format --task --submission --device",
    "score": "--format",
    "split-articles": "--out --force",
    "info": "",
    "plan": "--size --device --n-devices --steps --epochs --budget --price-per-hour",
    "report": "--out --scores --force",
    "export": "--out --int8 --dev --format --force",
    "graph": "--entities --relations --out --threshold --entity-threshold --device --force",
    "serve": "--host --port --workers --api-key-file --cors --max-queue --max-examples --timeout-s --device",
    "study": "--out --ways --task --budget --size --seeds --epochs --seed --workers --device --force",
    "embed": "--out --device --workers --engine",
    "sent2vec": "--out --unit --width --epochs --seed --force",
    "index": "--out --update --unit --device --workers --engine --force",
    "index-delete": "--ids --where",
    "search": "--top-k --where --by --model",
    "answer": "--rerank --read --candidates --by --threshold --positive --where",
    "mine": "--target --negatives --skip --by --positive",
    "search-eval": "--models --rerank --positive --candidates",
    "quickstart": "--corpus --out --budget --seed --force",
}


def test_names() -> None:
    assert malmoi.__all__ == ["Embedder", "Index", "Predictor", "Tokenizer", "__version__"]
    assert set(malmoi.__all__) <= set(dir(malmoi))
    for name in malmoi.__all__:
        assert getattr(malmoi, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        malmoi.Trainer  # noqa: B018


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    public = {n: getattr(getattr(malmoi, name), n) for n in vars(getattr(malmoi, name)) if not n.startswith("_")}
    assert {n: _shape(method) for n, method in public.items() if callable(method)} == METHODS[name]


def _shape(method: Any) -> str:
    """A signature without its types, whose spelling differs between versions of Python."""
    signature = inspect.signature(method)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))[1:-1]


def test_attributes(quick_run: Path) -> None:
    tokenizer = malmoi.Tokenizer.load(quick_run / "tokenizer")
    assert tokenizer.n_tokens == len(tokenizer.vocabulary) == 2800
    assert (tokenizer.pad_id, tokenizer.unk_id) == (0, 1)
    assert (tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (2, 3, 4)
    assert (tokenizer.segment, len(tokenizer.fingerprint)) == ("eojeol", 64)
    assert [field.name for field in fields(Encoding)] == ["ids", "pieces", "spans"]
    predictor = malmoi.Predictor.load(quick_run / "model", device="cpu")
    assert (predictor.task.name, predictor.task.labels) == ("classification", ("negative", "positive"))


def test_fields_of_examples_and_predictions() -> None:
    """They are the schema of JSON Lines as well."""
    assert [field.name for field in fields(ClassificationExample)] == ["text", "label"]
    assert [field.name for field in fields(PairExample)] == ["first", "second", "label"]
    assert [field.name for field in fields(RegressionExample)] == ["first", "second", "score"]
    assert [field.name for field in fields(ChoiceExample)] == ["context", "choices", "answer"]
    assert [field.name for field in fields(ClozeExample)] == ["text", "choices", "answer"]
    assert [field.name for field in fields(RegressionPrediction)] == ["score"]
    assert [field.name for field in fields(ChoicePrediction)] == ["choice", "scores"]
    assert [field.name for field in fields(QaExample)] == ["question", "context", "id", "answers"]
    assert [field.name for field in fields(TaggingExample)] == ["text", "entities"]
    assert [field.name for field in fields(RelationExample)] == ["text", "subject", "object", "label"]
    assert [field.name for field in fields(LabelPrediction)] == ["label", "probabilities"]


def test_commands() -> None:
    assert {name for name in app if not name.startswith("-")} == {*FLAGS, "data"}


@pytest.mark.parametrize("command", FLAGS)
def test_flags(command: str) -> None:
    known = {name for argument in app[command].assemble_argument_collection() for name in argument.names}
    assert set(FLAGS[command].split()) <= known


def _lines(capsys: pytest.CaptureFixture[str], *words: str | Path) -> list[dict[str, Any]]:
    """What a command prints on standard output."""
    command, bound, _ = app.parse_args([str(word) for word in words], print_error=False, exit_on_error=False)
    command(*bound.args, **bound.kwargs)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_line_of_tokenize(quick_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = _lines(capsys, "tokenize", quick_run / "tokenizer", "바다에 산다.")
    assert list(line) == ["text", "pieces", "ids", "spans"]
    assert (line["pieces"][0], line["spans"][0], line["spans"][-1]) == ("[CLS]", [0, 0], [7, 7])


def test_lines_of_predict_evaluate_and_score(
    quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, predictions = tmp_path / "gold.tsv", tmp_path / "predictions.jsonl"
    file.write_text("text\tlabel\n정말 좋았다.\tpositive\n너무 지루했다.\tnegative\n", encoding="utf-8")
    lines = _lines(capsys, "predict", quick_run / "model", file)
    assert [list(line) for line in lines] == [["text", "label", "prediction"]] * 2
    assert list(lines[0]["prediction"]) == ["label", "probabilities"]
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    [judged] = _lines(capsys, "evaluate", quick_run / "model", file)
    assert list(judged) == ["task", "n_examples", "metrics", "per_label", "confusion"]
    assert list(judged["metrics"]) == ["accuracy", "macro_f1", "matthews"]
    assert _lines(capsys, "score", "classification", file, predictions) == [judged]


def test_nothing_loads_pytorch_before_it_computes() -> None:
    script = "import sys, malmoi, malmoi.cli.main; malmoi.Tokenizer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
