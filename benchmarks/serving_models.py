"""Models with random weights for the benchmarks of running and serving, and texts as short as reviews are."""

import json
import random
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import torch

from malmoi.artifact import write_json
from malmoi.model.checkpoint import save_model
from malmoi.model.config import EncoderName
from malmoi.model.heads import TaskModel
from malmoi.model.sizes import config_for
from malmoi.tasks.classification import Classification
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import Vocabulary

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def sample_texts(n: int, seed: int = 1) -> list[str]:
    """Sentences of the text that ships, cut and joined to 3 to 90 characters, most of them short."""
    articles = (files("malmoi.sample") / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    words = [word for line in articles for word in json.loads(line)["text"].split()]
    chance, texts = random.Random(seed), []
    for _ in range(n):
        start, length = chance.randrange(len(words) - 40), min(30, max(1, round(chance.lognormvariate(1.9, 0.6))))
        texts.append(" ".join(words[start : start + length]))
    return texts


def make_small(
    folder: Path, *, size: str = "small", encoder: EncoderName | None = None, n_tokens: int = 16_000
) -> Path:
    """A classifier with two labels in a directory, as `malmoi finetune` leaves it."""
    tokenizer = Tokenizer.from_vocabulary(vocabulary_of(sample_texts(4000), n_tokens), segment="eojeol")
    torch.manual_seed(1)
    config = config_for(size, encoder=encoder, n_tokens=n_tokens)
    folder.mkdir(parents=True)
    save_model(TaskModel(config, "pooled", 2), folder, labels=["0", "1"])
    tokenizer.save(folder)
    write_json(folder / "task.json", Classification(("0", "1")).to_json() | {"max_tokens": 128})
    return folder


def vocabulary_of(texts: Sequence[str], n_tokens: int) -> Vocabulary:
    """Every character, and the commonest beginnings and ends of words, filled up to `n_tokens`."""
    counts: dict[str, int] = {}
    for word in (word for text in texts for word in text.split()):
        for length in range(1, len(word) + 1):
            for piece in {word[:length], "##" + word[-length:]}:
                counts[piece] = counts.get(piece, 0) + 1
    characters = {prefix + character for text in texts for character in text for prefix in ("", "##")} - {" ", "## "}
    common = sorted((piece for piece in counts if piece not in characters), key=lambda piece: (-counts[piece], piece))
    tokens = [*SPECIAL, *sorted(characters), *common][:n_tokens]
    return Vocabulary((*tokens, *(f"[unused{number}]" for number in range(n_tokens - len(tokens)))))
