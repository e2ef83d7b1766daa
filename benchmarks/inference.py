"""P6: sentence vectors a second on the CPU, the same weights run by transformers, sentence-transformers and by us.

All read the same texts (about as long as short Korean reviews) sorted by length, as many threads each, tokenizing
included. Peers: transformers in fp32 and under bf16 autocast with mean pooling; sentence-transformers, where it is
installed, as it comes and, where the processor has bf16 units, with bf16 weights, its fastest here. Ours: PyTorch,
ONNX Runtime in fp32 and in int8, through `Embedder.encode`.

    python benchmarks/inference.py [--quick]
"""

import argparse
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from machine import describe, medians
from serving_models import make_small, sample_texts
from transformers import AutoModel, AutoTokenizer

from malmoi.export import ExportOptions, export_model
from malmoi.model.config import EncoderName
from malmoi.model.onnx_runtime import OnnxRuntime
from malmoi.search.embedder import Embedder
from malmoi.training.device import has_fast_bfloat16

Encode = Callable[[], np.ndarray]


def of_transformers(folder: Path, texts: list[str], *, bf16: bool) -> Encode:
    """Mean pooling over batches of 32, sorted by length as sentence-transformers does."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))

    @torch.inference_mode()
    def encode() -> np.ndarray:
        vectors = np.empty((len(texts), model.config.hidden_size), np.float32)
        for start in range(0, len(texts), 32):
            numbers = order[start : start + 32]
            batch = tokenizer(
                [texts[i] for i in numbers], padding=True, truncation=True, max_length=512, return_tensors="pt"
            )
            with torch.autocast("cpu", dtype=torch.bfloat16) if bf16 else nullcontext():
                hidden_BTD = model(**batch).last_hidden_state.float()
            mask_BT1 = batch["attention_mask"][..., None]
            mean_BD = (hidden_BTD * mask_BT1).sum(1) / mask_BT1.sum(1)
            vectors[numbers] = torch.nn.functional.normalize(mean_BD).numpy()
        return vectors

    return encode


def of_sentence_transformers(folder: Path, texts: list[str], *, bf16: bool) -> Encode:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.bfloat16} if bf16 else {})
    return lambda: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def of_graph(folder: Path, out: Path, texts: list[str], *, int8: bool) -> Encode:
    export_model(folder, out, ExportOptions(int8=int8), force=True)
    embedder = Embedder.load(out)
    assert isinstance(embedder.runtime, OnnxRuntime)
    return lambda: embedder.encode(texts)


def compare(size: str, encoder: EncoderName, texts: list[str], repeats: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = make_small(Path(name) / "model", size=size, encoder=encoder)
        embedder = Embedder.load(folder, device="cpu")
        ways: dict[str, Encode] = {"transformers fp32": of_transformers(folder, texts, bf16=False)}
        if has_fast_bfloat16(torch.device("cpu")):
            ways["transformers bf16 autocast"] = of_transformers(folder, texts, bf16=True)
        if find_spec("sentence_transformers"):
            ways["sentence-transformers"] = of_sentence_transformers(folder, texts, bf16=False)
            if has_fast_bfloat16(torch.device("cpu")):
                ways["sentence-transformers bf16"] = of_sentence_transformers(folder, texts, bf16=True)
        ways["malmoi PyTorch"] = lambda: embedder.encode(texts)
        ways["malmoi ONNX fp32"] = of_graph(folder, Path(name) / "fp32", texts, int8=False)
        ways["malmoi ONNX int8"] = of_graph(folder, Path(name) / "int8", texts, int8=True)
        reference = ways["transformers fp32"]()
        cosines = {name: float((encode() * reference).sum(1).min()) for name, encode in ways.items()}
        rates = [len(texts) / seconds for seconds in medians(list(ways.values()), repeats)]
    print(f"{encoder} {size}, {len(texts)} texts")
    for (name, cosine), rate in zip(cosines.items(), rates, strict=True):
        print(f"  {name:<28}{rate:>8.0f} a second  {rate / rates[0]:>6.2f}x   smallest cosine to fp32 {cosine:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts and repeats, the small shape only")
    quick = parser.parse_args().quick
    print(describe("transformers", "onnxruntime", "tokenizers"))
    compare("small", "bert", sample_texts(128 if quick else 1024), 3 if quick else 7)
    if not quick:
        compare("small", "modernbert", sample_texts(1024), 7)
        compare("base", "bert", sample_texts(256), 5)


if __name__ == "__main__":
    main()
