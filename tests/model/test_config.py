"""Sizes, checks, and `config.json`."""

import pytest

from malmoi.errors import CheckpointError, OptionError
from malmoi.model.config import ModelConfig, from_hugging_face, to_hugging_face
from malmoi.model.sizes import config_for


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
@pytest.mark.parametrize("size", ["tiny", "small", "base", "large"])
def test_config_json_says_everything(size: str, encoder: str) -> None:
    config = config_for(size, n_tokens=1_000, encoder=encoder, max_tokens=64, pad_id=3)
    assert from_hugging_face(to_hugging_face(config)) == config


def test_local_layers_survive_config_json() -> None:
    config = _modernbert(local_layers=(1,), local_window_tokens=6, rotary_theta=5e4, pooling="mean")
    assert from_hugging_face(to_hugging_face(config)) == config


def test_modernbert_as_transformers_4_wrote_it() -> None:
    values = {
        "model_type": "modernbert",
        "vocab_size": 100,
        "num_hidden_layers": 5,
        "num_attention_heads": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 9000.0,
        "classifier_pooling": "mean",
    }
    config = from_hugging_face(values)
    assert config.local_layers == (1, 2, 4)
    assert (config.rotary_theta, config.local_rotary_theta, config.pooling) == (160_000, 9_000, "mean")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 130, "n_heads": 4}, "n_heads must divide width"),
        ({"width": 6, "n_heads": 2}, "even"),
        ({"n_layers": 0}, "n_layers 0: expected a whole number from 1"),
        ({"dropout": 1.0}, "dropout 1.0: expected a share"),
        ({"pad_id": 100}, "pad_id 100: expected an id of the vocabulary, 0 to 99"),
        ({"encoder": "electra"}, "encoder 'electra': expected one of bert, modernbert"),
        ({"encoder": "bert", "pooling": "mean"}, "belong to modernbert"),
        ({"local_layers": (2,)}, "expected layers from 0 to 1"),
        ({"pooling": "max"}, "pooling 'max': expected cls or mean"),
    ],
)
def test_values_that_cannot_work(changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _modernbert(**changes)


def test_unknown_size() -> None:
    with pytest.raises(OptionError, match="size 'huge': expected one of tiny, small, base, large"):
        config_for("huge", n_tokens=100)


@pytest.mark.parametrize("model_type", ["electra", "roberta", None])
def test_other_families_are_refused(model_type: str | None) -> None:
    with pytest.raises(CheckpointError, match=f"model_type {model_type!r}: expected bert or modernbert"):
        from_hugging_face({"model_type": model_type})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act 'relu': expected 'gelu'"),
        ({"is_decoder": True}, "is_decoder True: expected False"),
        ({"position_embedding_type": "relative_key"}, "expected 'absolute'"),
        ({"hidden_size": "wide"}, "does not fit a bert .width 'wide'"),
    ],
)
def test_settings_our_encoders_do_not_have(changes: dict[str, object], message: str) -> None:
    values = to_hugging_face(config_for("tiny", n_tokens=100, encoder="bert"))
    with pytest.raises(CheckpointError, match=message):
        from_hugging_face(values | changes)


def test_scaled_rotary_positions_are_refused() -> None:
    values = to_hugging_face(_modernbert())
    values["rope_parameters"]["full_attention"]["rope_type"] = "yarn"
    with pytest.raises(CheckpointError, match="expected rope_type 'default'"):
        from_hugging_face(values)


def test_a_missing_value_is_named() -> None:
    values = to_hugging_face(_modernbert())
    del values["vocab_size"]
    with pytest.raises(CheckpointError, match="vocab_size is missing"):
        from_hugging_face(values)


def _modernbert(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "encoder": "modernbert",
        "n_tokens": 100,
        "n_layers": 2,
        "n_heads": 2,
        "width": 16,
        "mlp_width": 32,
    }
    return ModelConfig(**(values | changes))  # type: ignore[arg-type]
