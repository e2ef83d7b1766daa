"""A PyTorch model as an ONNX graph, in fp32 or int8; running it is `onnx_runtime.py`, judging it `export.py`.

The graph is what `torch.onnx` makes of our modules, but for three places where ONNX Runtime has something faster:
attention and rotary positions become its own operators, and in int8 the token table is kept a byte a number, each
row with its own scale. Both change the modules of a copy and are held to the original's numbers by `export.py`.

Shapes: B rows, T tokens a row, D width, K numbers a head, V vocabulary, N places, C outputs of a head.
"""

import contextlib
import copy
import io
import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from malmoi.model.bert import BertLayer
from malmoi.model.config import ModelConfig
from malmoi.model.heads import TaskModel
from malmoi.model.modernbert import ModernBertLayer
from malmoi.model.onnx_runtime import FORMAT, FORMAT_KEY, KIND_KEY, POOLING_KEY
from malmoi.model.pooling import Pooling
from malmoi.model.vectors import pool, pooled_vectors

_OPSET = 20  # the first with GELU as one operator
_MASKED_SCORE = -1e30
_INPUTS = ("ids", "segments", "mask")
_OUTPUTS = ("outputs", "embeddings")


def write_graph(model: TaskModel, file: Path, *, has_head: bool = True, pooling: Pooling = "mean") -> None:
    """Write a model as an fp32 graph.

    Inputs: `ids`, `segments` int64 [B, T], `mask` bool [B, T]; with a masked head `places` int64 [N] too. Outputs:
    `outputs` float32 [B, C], [B, T, C] or log-probabilities [N, V]; `embeddings` float32 [B, D], pooled as asked for.
    """
    _export(copy.deepcopy(model), file, has_head, pooling)


def write_int8_graph(
    model: TaskModel, file: Path, *, has_head: bool = True, pooling: Pooling = "mean", careful: bool = False
) -> None:
    """Write a model as a graph whose matrices and token table are int8.

    Products are quantised dynamically: weights by output channel, activations by tensor when they are there. The
    weights use 7 bits: processors without VNNI add pairs of products in 16 bits, which 8 would overflow, and one
    file must give the same answers everywhere. What enters the feed-forward's second product is the roughest to
    quantise: a few tokens have numbers far larger than all others. `careful` leaves those products in fp32.
    """
    model = copy.deepcopy(model)
    # A masked head multiplies with the same table: it goes on reading the fp32 one, which is quantised as a matrix.
    table = model.encoder.token_embedding
    model.encoder.token_embedding = _Int8Embedding(table)  # type: ignore[assignment]
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        _export(model, plain, has_head, pooling)
        with _quiet():
            quantize_dynamic(
                plain,
                file,
                nodes_to_exclude=_second_products(plain) if careful else [],
                op_types_to_quantize=["MatMul", "Gemm"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
    _mark(file, model.kind if has_head else "none", pooling)


def _second_products(file: Path) -> list[str]:
    """Names of the nodes that are a layer's `mlp_out`."""
    nodes = onnx.load(file).graph.node
    return [node.name for node in nodes if any("mlp_out" in note.value for note in node.metadata_props)]


def _export(model: TaskModel, file: Path, has_head: bool, pooling: Pooling) -> None:
    """Write the graph of `model`, whose modules are changed for it."""
    model.float().cpu().eval()
    for index, layer in enumerate(model.encoder.layers):
        fused: nn.Module
        if isinstance(layer, BertLayer):
            fused = _BertAttention(layer)
        else:
            assert isinstance(layer, ModernBertLayer), "an encoder's layers are its own"
            fused = _ModernBertAttention(layer, model.config, index)
        layer.fused = fused
        layer.__dict__["_attend"] = fused.forward  # its method: a module would not hide the class's own
    kind = model.kind if has_head else "none"
    names = [*_INPUTS, "places"] if kind == "masked" else list(_INPUTS)
    ids_BT = torch.zeros(3, 5, dtype=torch.int64)
    # Three tensors: the same one twice would become one input.
    arguments = (ids_BT, ids_BT.clone(), torch.ones(3, 5, dtype=torch.bool), torch.arange(7))[: len(names)]
    rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens", max=model.config.max_tokens)
    axes = ({0: rows, 1: tokens},) * 3 + ({0: torch.export.Dim("places")},)
    with _quiet():
        torch.onnx.export(
            _Graph(model, kind, pooling),
            arguments,
            str(file),
            input_names=names,
            output_names=list(_OUTPUTS[kind == "none" :]),
            dynamic_shapes={"inputs": axes[: len(names)]},
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _mark(file, kind, pooling)


def _mark(file: Path, kind: str, pooling: Pooling) -> None:
    """Write into a graph what `OnnxRuntime` must know of it."""
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, {KIND_KEY: kind, FORMAT_KEY: FORMAT, POOLING_KEY: pooling})
    onnx.save(graph, file)


class _Graph(nn.Module):
    """What the graph computes: the head's outputs, and the encoder's vectors, pooled."""

    def __init__(self, model: TaskModel, kind: str, pooling: Pooling) -> None:
        super().__init__()
        self.model, self.kind, self.pooling = model, kind, pooling

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs and outputs as `write_graph` lists them."""
        ids_BT, segments_BT, mask_BT = inputs[:3]
        mask = mask_BT[:, None, None, :]
        if self.kind == "none":
            return (pooled_vectors(self.model.encoder, ids_BT, segments_BT, mask, mask_BT, self.pooling),)
        hidden_BTD = self.model.encoder(ids_BT, segments_BT=segments_BT, mask=mask)
        embeddings_BD = pool(hidden_BTD, mask_BT, "mean")
        if self.kind == "masked":
            logits_NV = self.model.head(hidden_BTD.flatten(0, 1)[inputs[3]], self.model.encoder.token_embedding.weight)
            return logits_NV.log_softmax(-1), embeddings_BD
        if self.kind == "token":
            return self.model.head(hidden_BTD), embeddings_BD
        pooled_BD = embeddings_BD if self.model.config.pooling == "mean" else hidden_BTD[:, 0]
        return self.model.head(pooled_BD), embeddings_BD


class _Int8Embedding(nn.Module):
    """A token table of a byte a number; each row has its own scale."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight
        scale_V1 = (table.weight.detach().abs().amax(1, keepdim=True) / 127).clamp(min=1e-12)
        self.register_buffer("scale_V1", scale_V1)
        self.register_buffer("bytes_VD", (table.weight.detach() / scale_V1).round().to(torch.int8))

    def forward(self, ids: Tensor) -> Tensor:
        """float [..., D]."""
        return self.bytes_VD[ids].float() * self.scale_V1[ids]  # type: ignore[index]


class _BertAttention(nn.Module):
    """`BertLayer._attend` with ONNX Runtime's operator."""

    def __init__(self, layer: BertLayer) -> None:
        super().__init__()
        self.n_heads, self.parts = layer.n_heads, _three(layer.qkv)
        self.out = copy.deepcopy(layer.attention_out)  # torch.onnx mixes up weights that go by two names

    def forward(self, x_BTD: Tensor, mask: Tensor | None) -> Tensor:
        """float [B, T, D] to the same."""
        q_BTD, k_BTD, v_BTD = (part(x_BTD) for part in self.parts)
        return self.out(_attention(q_BTD, k_BTD, v_BTD, mask, self.n_heads))  # type: ignore[no-any-return]


class _ModernBertAttention(nn.Module):
    """`ModernBertLayer._attend` with ONNX Runtime's operators for attention and rotary positions."""

    def __init__(self, layer: ModernBertLayer, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.n_heads, self.parts = layer.n_heads, _three(layer.qkv)
        self.out = copy.deepcopy(layer.attention_out)  # torch.onnx mixes up weights that go by two names
        self.window_tokens = config.local_window_tokens if index in config.local_layers else None
        theta = config.rotary_theta if self.window_tokens is None else config.local_rotary_theta
        half = config.width // config.n_heads // 2
        angles_TK = torch.arange(config.max_tokens)[:, None] * theta ** -(torch.arange(half) / half)
        self.register_buffer("cos_TK", angles_TK.cos())
        self.register_buffer("sin_TK", angles_TK.sin())

    def forward(self, x_BTD: Tensor, rotation: object, mask: Tensor | None) -> Tensor:
        """float [B, T, D] to the same; the rotation is this layer's own table."""
        q_BTD, k_BTD, v_BTD = (part(x_BTD) for part in self.parts)
        q_BTD, k_BTD = self._rotate(q_BTD), self._rotate(k_BTD)
        return self.out(_attention(q_BTD, k_BTD, v_BTD, mask, self.n_heads))  # type: ignore[no-any-return]

    def _rotate(self, x_BTD: Tensor) -> Tensor:
        B, T, _ = x_BTD.shape
        places_BT = torch.arange(T)[None].expand(B, T)
        return torch.onnx.ops.symbolic(
            "com.microsoft::RotaryEmbedding",
            (x_BTD, places_BT, self.cos_TK, self.sin_TK),  # type: ignore[arg-type]
            {"num_heads": self.n_heads},
            dtype=x_BTD.dtype,
            shape=x_BTD.shape,
            version=1,
        )


def _attention(q_BTD: Tensor, k_BTD: Tensor, v_BTD: Tensor, mask: Tensor | None, n_heads: int) -> Tensor:
    assert mask is not None, "a graph always has a mask"
    by_key_BT, by_pair = None, None
    if mask.shape[2] == 1:
        by_key_BT = mask[:, 0, 0, :].to(torch.int32)
    else:
        by_pair = torch.where(mask, 0.0, _MASKED_SCORE)
    return torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        (q_BTD, k_BTD, v_BTD, None, by_key_BT, by_pair),
        {"num_heads": n_heads, "mask_filter_value": _MASKED_SCORE},
        dtype=q_BTD.dtype,
        shape=q_BTD.shape,
        version=1,
    )


def _three(qkv: nn.Linear) -> nn.ModuleList:
    """One stacked product as three: the operators want queries, keys and values apart."""
    parts = nn.ModuleList()
    biases = [None] * 3 if qkv.bias is None else qkv.bias.detach().chunk(3)
    for weight, bias in zip(qkv.weight.detach().chunk(3), biases, strict=True):
        part = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        part.weight.data = weight.clone()
        if bias is not None:
            part.bias.data = bias.clone()
        parts.append(part)
    return parts


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """The exporters warn of their own future and print what they do; none of it is the user's concern."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
