"""Directories of transformers and ours give the same numbers, both ways; broken ones say what is wrong.

transformers' own models with random weights are the reference; nothing is fetched.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.models.bert import modeling_bert as hf_bert
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.modernbert import modeling_modernbert as hf_modernbert
from transformers.models.modernbert.configuration_modernbert import ModernBertConfig

from malmoi.errors import CheckpointError, OptionError
from malmoi.model.checkpoint import (
    load_config,
    load_pretraining_model,
    load_task_model,
    new_task_model,
    save_model,
)
from malmoi.model.config import ModelConfig
from malmoi.model.heads import PretrainingModel, TaskModel
from malmoi.model.sizes import config_for

TOLERANCE = 1e-5
B, T, N_TOKENS = 3, 12, 100
LENGTHS = (12, 7, 1)


def hf_config(encoder: str, **changes: Any) -> BertConfig | ModernBertConfig:
    shape = {
        "vocab_size": N_TOKENS,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 16,
        "pad_token_id": 0,
        "initializer_range": 0.2,  # large, so that a wrong place shows
    }
    if encoder == "bert":
        return BertConfig(**(shape | {"intermediate_size": 64} | changes))
    ids = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"))
    own = {"intermediate_size": 48, "layer_types": ["full_attention"] * 3}
    return ModernBertConfig(**(shape | own | ids | changes))


def hf_model(encoder: str, architecture: str, **changes: Any) -> nn.Module:
    """A model of transformers whose every weight is random, biases and norms too."""
    module = hf_bert if encoder == "bert" else hf_modernbert
    prefix = "Bert" if encoder == "bert" else "ModernBert"
    torch.manual_seed(1)
    model: nn.Module = getattr(module, prefix + architecture)(hf_config(encoder, **changes))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.normal_(mean=float("norm" in name.lower() and "weight" in name), std=0.3)
    return model.eval()


def batch(encoder: str, padded: bool) -> tuple[dict[str, Tensor], dict[str, Any], Tensor]:
    """The same inputs as transformers and as we take them, and which positions are real [B, T]."""
    generator = torch.Generator().manual_seed(2)
    ids_BT = torch.randint(1, N_TOKENS, (B, T), generator=generator)
    segments_BT = torch.randint(0, 2, (B, T), generator=generator)
    real_BT = torch.ones(B, T, dtype=torch.bool)
    if padded:
        real_BT = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    theirs: dict[str, Tensor] = {"input_ids": ids_BT, "attention_mask": real_BT.long()}
    ours: dict[str, Any] = {"mask": real_BT[:, None, None, :] if padded else None}
    if encoder == "bert":
        theirs["token_type_ids"] = ours["segments_BT"] = segments_BT
    return theirs, {"ids_BT": ids_BT} | ours, real_BT


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=TOLERANCE)


def their_outputs(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        output = model(**inputs)
    if "start_logits" in output:
        return torch.stack((output.start_logits, output.end_logits), dim=-1)
    logits: Tensor = output.prediction_logits if "prediction_logits" in output else output.logits
    return logits


HEADS = [
    ("MaskedLM", "masked", {}),
    ("SequenceClassification", "pooled", {"num_labels": 3}),
    ("SequenceClassification", "pooled", {"num_labels": 1}),
    ("TokenClassification", "token", {"num_labels": 5}),
    ("QuestionAnswering", "token", {}),
]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("architecture", "kind", "changes"), HEADS)
@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_their_task_models_give_their_numbers(
    encoder: str, architecture: str, kind: str, changes: dict[str, Any], padded: bool, tmp_path: Path
) -> None:
    reference = hf_model(encoder, f"For{architecture}", **changes)
    reference.save_pretrained(tmp_path)  # type: ignore[operator]
    theirs, ours, real_BT = batch(encoder, padded)
    model = load_task_model(tmp_path).eval()
    assert model.kind == kind
    assert model.load_report is not None and not model.load_report.new and not model.load_report.unused
    with torch.no_grad():
        outputs = model(**ours)
    expected = their_outputs(reference, theirs)
    if kind != "pooled":
        outputs, expected = outputs[real_BT], expected[real_BT]
    assert_close(outputs, expected)


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_their_multiple_choice_is_a_pooled_head_with_one_output(encoder: str, tmp_path: Path) -> None:
    reference = hf_model(encoder, "ForMultipleChoice")
    reference.save_pretrained(tmp_path)  # type: ignore[operator]
    theirs, ours, _ = batch(encoder, padded=True)
    with torch.no_grad():
        outputs = load_task_model(tmp_path).eval()(**ours)
    expected = their_outputs(reference, {name: value[None] for name, value in theirs.items()})
    assert_close(outputs.T, expected)


@pytest.mark.parametrize("padded", [False, True])
def test_modernbert_with_mean_pooling_and_local_layers(padded: bool, tmp_path: Path) -> None:
    layer_types = ["full_attention", "sliding_attention", "sliding_attention"]
    changes = {"classifier_pooling": "mean", "layer_types": layer_types, "local_attention": 4}
    reference = hf_model("modernbert", "ForSequenceClassification", num_labels=3, **changes)
    reference.save_pretrained(tmp_path)  # type: ignore[operator]
    theirs, ours, _ = batch("modernbert", padded)
    model = load_task_model(tmp_path).eval()
    assert (model.config.local_layers, model.config.local_window_tokens) == ((1, 2), 4)
    with torch.no_grad():
        assert_close(model(**ours), their_outputs(reference, theirs))


@pytest.mark.parametrize("padded", [False, True])
def test_their_pretrained_bert_gives_their_numbers(padded: bool, tmp_path: Path) -> None:
    reference = hf_model("bert", "ForPreTraining")
    reference.save_pretrained(tmp_path)  # type: ignore[operator]
    theirs, ours, real_BT = batch("bert", padded)
    with torch.no_grad():
        expected = reference(**theirs)
        output = load_pretraining_model(tmp_path).eval()(
            **ours, masked_N=real_BT.flatten().nonzero()[:, 0], first_M=torch.arange(B) * T
        )
    assert_close(output.masked_logits_NV, expected.prediction_logits[real_BT])
    assert_close(output.next_logits_M2, expected.seq_relationship_logits)


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_our_pretrained_models_open_there(encoder: str, tmp_path: Path) -> None:
    model = randomised(PretrainingModel(tiny(encoder)))
    save_model(model, tmp_path)
    architecture = "ForPreTraining" if encoder == "bert" else "ForMaskedLM"
    reference = opened_there(encoder, architecture, tmp_path, unexpected="next_sentence")
    theirs, ours, real_BT = batch(encoder, padded=True)
    masked_N = real_BT.flatten().nonzero()[:, 0]
    with torch.no_grad():
        output = model(**ours, masked_N=masked_N, first_M=torch.arange(B) * T)
        assert_close(output.masked_logits_NV, their_outputs(reference, theirs)[real_BT])
        if encoder == "bert":
            assert_close(output.next_logits_M2, reference(**theirs).seq_relationship_logits)


@pytest.mark.parametrize(("architecture", "kind", "changes"), HEADS)
@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_our_task_models_open_there(
    encoder: str, architecture: Any, kind: Any, changes: dict[str, int], tmp_path: Path
) -> None:
    model = randomised(TaskModel(tiny(encoder), kind, changes.get("num_labels", 2)))
    save_model(model, tmp_path, architecture=architecture)
    reference = opened_there(encoder, f"For{architecture}", tmp_path)
    theirs, ours, real_BT = batch(encoder, padded=True)
    with torch.no_grad():
        outputs, expected = model(**ours), their_outputs(reference, theirs)
    if kind != "pooled":
        outputs, expected = outputs[real_BT], expected[real_BT]
    assert_close(outputs, expected)


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_files_hold_what_theirs_hold(encoder: str, tmp_path: Path) -> None:
    architecture = "ForPreTraining" if encoder == "bert" else "ForMaskedLM"
    hf_model(encoder, architecture).save_pretrained(tmp_path / "theirs")  # type: ignore[operator]
    save_model(load_pretraining_model(tmp_path / "theirs"), tmp_path / "ours")
    theirs = load_file(tmp_path / "theirs" / "model.safetensors")
    ours = load_file(tmp_path / "ours" / "model.safetensors")
    ours = {name: tensor for name, tensor in ours.items() if not name.startswith("next_sentence.")}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_saved_and_loaded_is_the_same_model(encoder: str, tmp_path: Path) -> None:
    for model, load in (
        (PretrainingModel(tiny(encoder)), load_pretraining_model),
        (TaskModel(tiny(encoder), "pooled", 3), load_task_model),
    ):
        save_model(randomised(model), tmp_path)
        again = load(tmp_path)
        assert again.config == model.config == load_config(tmp_path)
        assert again.load_report is not None and not again.load_report.new
        for name, tensor in model.state_dict().items():
            assert torch.equal(again.state_dict()[name], tensor), name


def test_labels_are_written_for_transformers(tmp_path: Path) -> None:
    save_model(TaskModel(tiny("bert"), "pooled", 2), tmp_path, labels=["부정", "긍정"])
    config = BertConfig.from_pretrained(tmp_path)
    assert config.id2label == {0: "부정", 1: "긍정"}
    assert config.label2id == {"부정": 0, "긍정": 1}
    assert config.architectures == ["BertForSequenceClassification"]


def test_labels_and_architectures_that_do_not_fit(tmp_path: Path) -> None:
    model = TaskModel(tiny("bert"), "token", 3)
    with pytest.raises(OptionError, match="expected 3 different ones"):
        save_model(model, tmp_path, labels=["인명", "지명"])
    with pytest.raises(OptionError, match="expected TokenClassification or QuestionAnswering"):
        save_model(model, tmp_path, architecture="MaskedLM")
    with pytest.raises(OptionError, match="QuestionAnswering with 3 outputs: expected a head with 2"):
        save_model(model, tmp_path, architecture="QuestionAnswering")
    with pytest.raises(OptionError, match="2 labels for PreTraining"):
        save_model(PretrainingModel(tiny("bert")), tmp_path, labels=["가", "나"])


# --- older and other directories ---


def _as_tensorflow_named(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in weights.items()
    }


def _with_tied_copies_and_buffers(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    weights = dict(weights)
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].clone()
    weights["cls.predictions.decoder.bias"] = weights.pop("cls.predictions.bias")
    weights["bert.embeddings.position_ids"] = torch.arange(16)[None]
    return weights


@pytest.mark.parametrize("change", [_as_tensorflow_named, _with_tied_copies_and_buffers])
def test_old_names(change: Callable[[dict[str, Tensor]], dict[str, Tensor]], tmp_path: Path) -> None:
    model = randomised(PretrainingModel(tiny("bert")))
    save_model(model, tmp_path)
    save_file(change(load_file(tmp_path / "model.safetensors")), tmp_path / "model.safetensors")
    again = load_pretraining_model(tmp_path)
    assert again.load_report is not None and not again.load_report.new and not again.load_report.unused
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_a_bare_encoder_takes_a_new_head(encoder: str, tmp_path: Path) -> None:
    reference = hf_model(encoder, "Model")
    reference.save_pretrained(tmp_path)  # type: ignore[operator]
    model = new_task_model(tmp_path, "token", 5).eval()
    assert model.load_report is not None
    assert all(name.startswith("head.") for name in model.load_report.new)
    theirs, ours, real_BT = batch(encoder, padded=True)
    with torch.no_grad():
        hidden = model.encoder(**ours)[real_BT]
        assert_close(hidden, reference(**theirs).last_hidden_state[real_BT])
    with pytest.raises(CheckpointError, match="expected one of"):
        load_task_model(tmp_path)
    with pytest.raises(CheckpointError, match=r"has no weight (cls.predictions|decoder|head)"):
        load_pretraining_model(tmp_path)


def test_pickled_and_sharded_weights(tmp_path: Path) -> None:
    model = randomised(PretrainingModel(tiny("bert")))
    save_model(model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    pickled = load_pretraining_model(tmp_path).state_dict()
    (tmp_path / "pytorch_model.bin").unlink()
    names = sorted(weights)
    pieces = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in pieces.items():
        save_file({name: weights[name] for name in part}, tmp_path / file)
    weight_map = {name: file for file, part in pieces.items() for name in part}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    sharded = load_pretraining_model(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(pickled[name], tensor) and torch.equal(sharded[name], tensor), name


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    model = PretrainingModel(tiny("bert")).to(torch.bfloat16)
    save_model(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    again = load_pretraining_model(tmp_path)
    assert all(parameter.dtype == torch.float32 for parameter in again.parameters())
    assert torch.equal(again.encoder.token_embedding.weight, model.encoder.token_embedding.weight.float())


# --- new heads ---


def test_a_new_bert_head_keeps_the_pooler(tmp_path: Path) -> None:
    pretrained = randomised(PretrainingModel(tiny("bert")))
    save_model(pretrained, tmp_path)
    model = new_task_model(tmp_path, "pooled", 4)
    assert model.load_report is not None
    assert model.load_report.new == ("head.out.weight", "head.out.bias")
    assert "cls.seq_relationship.weight" in model.load_report.unused
    ours, theirs = model.state_dict(), pretrained.state_dict()
    assert torch.equal(ours["head.transform.dense.weight"], theirs["next_head.transform.dense.weight"])
    assert torch.equal(ours["encoder.layers.1.qkv.weight"], theirs["encoder.layers.1.qkv.weight"])


@pytest.mark.parametrize("kind", ["pooled", "token"])
def test_a_new_modernbert_head_starts_as_transformers_starts_it(kind: Any, tmp_path: Path) -> None:
    pretrained = randomised(PretrainingModel(tiny("modernbert")))
    save_model(pretrained, tmp_path)
    model = new_task_model(tmp_path, kind, 4)
    assert model.load_report is not None
    assert model.load_report.new == ("head.out.weight", "head.out.bias")
    architecture = "SequenceClassification" if kind == "pooled" else "TokenClassification"
    reference, _ = getattr(hf_modernbert, f"ModernBertFor{architecture}").from_pretrained(
        tmp_path, num_labels=4, output_loading_info=True
    )
    assert torch.equal(model.state_dict()["head.transform.dense.weight"], reference.head.dense.weight)
    assert torch.equal(model.state_dict()["head.transform.norm.weight"], reference.head.norm.weight)


def test_a_fine_tuned_directory_never_lends_its_last_layer(tmp_path: Path) -> None:
    save_model(randomised(TaskModel(tiny("bert"), "pooled", 4)), tmp_path)
    old = load_task_model(tmp_path).state_dict()
    model = new_task_model(tmp_path, "pooled", 4)
    assert not torch.equal(model.state_dict()["head.out.weight"], old["head.out.weight"])
    assert torch.equal(model.state_dict()["head.transform.dense.weight"], old["head.transform.dense.weight"])
    assert new_task_model(tmp_path, "pooled", 7).n_outputs == 7


def test_dropout_for_fine_tuning(tmp_path: Path) -> None:
    save_model(PretrainingModel(tiny("modernbert")), tmp_path)
    model = new_task_model(tmp_path, "token", 3, dropout=0.2)
    assert model.config.dropout == model.config.attention_dropout == model.head.dropout.rate == 0.2
    assert new_task_model(tmp_path, "token", 3).config.dropout == 0.0


def test_the_masked_head_comes_whole_from_the_directory(tmp_path: Path) -> None:
    pretrained = randomised(PretrainingModel(tiny("modernbert")))
    save_model(pretrained, tmp_path)
    model = new_task_model(tmp_path, "masked", 0)
    assert model.load_report is not None and not model.load_report.new
    _, ours, _ = batch("modernbert", padded=False)
    with torch.no_grad():
        expected = pretrained(**ours, masked_N=torch.arange(B * T)).masked_logits_NV
        assert_close(model.eval()(**ours).flatten(0, 1), expected)


# --- broken directories ---


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(PretrainingModel(tiny("bert")), tmp_path)
    return tmp_path


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere does not exist: expected a model directory"):
        load_pretraining_model(tmp_path / "nowhere")


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read"), ("[]", "holds a list"), ('{"model_type": "roberta"}', "bert or modernbert")],
)
def test_bad_config(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=rf"config\.json.*{message}"):
        load_config(tmp_path)


def test_no_weights(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has no weights: expected model\.safetensors"):
        load_pretraining_model(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("size", [0, 5, 1000, -1])
def test_weights_cut_short(saved: Path, name: str, size: int) -> None:
    weights = load_file(saved / "model.safetensors")
    (saved / "model.safetensors").unlink()
    (save_file if name.endswith("safetensors") else torch.save)(weights, saved / name)  # type: ignore[operator]
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[:size])
    with pytest.raises(CheckpointError, match=f"{name} cannot be read"):
        load_pretraining_model(saved)


def test_a_pickle_that_would_run_code_is_refused(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    torch.save({"weight": Path("x")}, saved / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin cannot be read"):
        load_pretraining_model(saved)


def test_a_weight_of_another_shape_is_named(saved: Path) -> None:
    weights = load_file(saved / "model.safetensors")
    weights["bert.encoder.layer.1.attention.self.key.weight"] = torch.zeros(32, 16)
    save_file(weights, saved / "model.safetensors")
    message = r"layer\.1\.attention\.self\.key\.weight has shape \(32, 16\), config\.json asks for \(32, 32\)"
    with pytest.raises(CheckpointError, match=message):
        load_pretraining_model(saved)


@pytest.mark.parametrize(
    "name",
    [
        "bert.encoder.layer.0.attention.self.value.bias",
        "cls.predictions.bias",
        "bert.embeddings.LayerNorm.weight",
    ],
)
def test_a_missing_weight_is_named(saved: Path, name: str) -> None:
    weights = load_file(saved / "model.safetensors")
    del weights[name]
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(CheckpointError, match=f"has no weight {name}"):
        load_pretraining_model(saved)


def test_a_missing_classifier_is_named(tmp_path: Path) -> None:
    save_model(TaskModel(tiny("bert"), "pooled", 2), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"has no weight classifier\.weight"):
        load_task_model(tmp_path)


def test_an_untied_masked_head_is_refused_where_it_is_needed(saved: Path) -> None:
    weights = load_file(saved / "model.safetensors")
    weights["cls.predictions.decoder.weight"] = torch.zeros(N_TOKENS, 32)
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(CheckpointError, match="expected a masked head that shares the token table"):
        load_pretraining_model(saved)
    assert new_task_model(saved, "pooled", 2).load_report is not None


def test_a_masked_model_without_next_sentence_head_gets_a_new_one(tmp_path: Path) -> None:
    hf_model("bert", "ForMaskedLM").save_pretrained(tmp_path)  # type: ignore[operator]
    model = load_pretraining_model(tmp_path)
    assert model.load_report is not None
    assert {name.split(".")[0] for name in model.load_report.new} == {"next_head"}


# --- fixtures' makers ---


def tiny(encoder: Any) -> ModelConfig:
    big = config_for("tiny", n_tokens=N_TOKENS, encoder=encoder, max_tokens=16)
    return ModelConfig(**(vars(big) | {"width": 32, "mlp_width": 64}))


def randomised(model: Any) -> Any:
    """Every weight random, biases and norms too, so that none can be mistaken for another."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def opened_there(encoder: str, architecture: str, directory: Path, unexpected: str = "-") -> nn.Module:
    module = hf_bert if encoder == "bert" else hf_modernbert
    prefix = "Bert" if encoder == "bert" else "ModernBert"
    assert json.loads((directory / "config.json").read_text())["architectures"] == [prefix + architecture]
    model, info = getattr(module, prefix + architecture).from_pretrained(directory, output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"]
    assert all(key.startswith(unexpected) for key in info["unexpected_keys"])
    result: nn.Module = model.eval()
    return result
