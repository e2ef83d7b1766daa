"""What makes a small model learn: one thing changed at a time, on the same text and the same number of tokens.

    python benchmarks/recipe.py SHARDS TOKENIZER --out recipe --tokens 2500000
    python benchmarks/recipe.py SHARDS TOKENIZER --out recipe --ways default,bert-adamw --rates 1e-3,2e-3

Every way is a `malmoi pretrain`, printed as it can be typed; a way with several rates is run with each, and its best
counts. Judged by the masked-LM loss of documents held out, at eight places of the run. A run that is done is not done
again. The vocabulary's size is compared by giving other shards and another --out: their losses a token are not
comparable, the nats a character beside them are.
"""

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from machine import describe

from malmoi.artifact import write_text

_LOOKS = 8


@dataclass(frozen=True, kw_only=True)
class Way:
    """Options of a way, and the option whose rates are tried."""

    options: tuple[str, ...] = ()
    rate: str = "--muon-lr"
    rates: tuple[float, ...] = (0.02,)


_MODERN, _BERT = ("--encoder", "modernbert"), ("--encoder", "bert")
_ADAMW = ("--optimizer", "adamw")
WAYS = {
    "default": Way(rates=(0.01, 0.02, 0.04)),
    "modernbert-adamw": Way(options=(*_MODERN, *_ADAMW), rate="--lr", rates=(1e-3, 2e-3, 4e-3)),
    "bert-muon": Way(options=_BERT, rates=(0.01, 0.02, 0.04)),
    "bert-adamw": Way(options=(*_BERT, *_ADAMW), rate="--lr", rates=(5e-4, 1e-3, 2e-3)),
    "bert-muon-16-rows": Way(options=(*_BERT, "--batch-rows", "16")),
    "bert-adamw-16-rows": Way(options=(*_BERT, *_ADAMW, "--batch-rows", "16"), rate="--lr", rates=(1e-3,)),
    "bert-adamw-8-rows": Way(options=(*_BERT, *_ADAMW, "--batch-rows", "8"), rate="--lr", rates=(1e-3,)),
    "no-next-sentence": Way(options=("--objective", "mlm")),
    "sentence-order": Way(options=("--objective", "mlm+sop")),
    "mask-15": Way(options=("--mask-rate", "0.15")),
    "mask-30": Way(options=("--mask-rate", "0.3")),
    "mask-30-to-15": Way(options=("--mask-rate", "0.3", "--mask-rate-end", "0.15")),
    "whole-words": Way(options=("--masking", "word")),
    "half-the-rows": Way(options=("--batch-rows", "32")),
    "twice-the-rows": Way(options=("--batch-rows", "128")),
    "ramp": Way(options=("--batch-ramp", "0.3")),
    "deep": Way(options=("--size", "10x192")),
    "wide": Way(options=("--size", "3x384")),
}
_ROWS, _ROW_TOKENS = 64, 128


def command(arguments: argparse.Namespace, name: str, rate: float) -> list[str]:
    """What is typed for a way with a rate."""
    way = WAYS[name]
    options = dict(zip(way.options[::2], way.options[1::2], strict=True))
    size = options.pop("--size", arguments.size)
    rows = int(options.pop("--batch-rows", _ROWS))
    steps = max(_LOOKS, arguments.tokens // (rows * _ROW_TOKENS))
    common = {
        "--out": arguments.out / f"{name}-{rate:g}",
        "--size": size,
        "--batch-rows": rows,
        "--max-tokens": _ROW_TOKENS,
        "--steps": steps,
        "--held-out": arguments.held_out,
        "--eval-every": steps // _LOOKS,
        "--save-every": steps,
        "--seed": arguments.seed,
        way.rate: rate,
    }
    named = [str(part) for pair in (*common.items(), *options.items()) for part in pair]
    return ["malmoi", "pretrain", str(arguments.shards), str(arguments.tokenizer), *named]


def losses(run: Path) -> list[dict[str, float]]:
    """What was seen of the documents held out."""
    path = run / "evaluations.jsonl"
    looks = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    return looks[: _LOOKS - 1] + looks[-1:] if len(looks) > _LOOKS else looks  # the end is looked at in any case


def run_all(arguments: argparse.Namespace) -> dict[str, dict[float, list[dict[str, float]]]]:
    """Way → rate → what was seen."""
    seen: dict[str, dict[float, list[dict[str, float]]]] = {}
    for name in arguments.ways.split(","):
        for rate in arguments.rates or WAYS[name].rates:
            typed = command(arguments, name, rate)
            out = arguments.out / f"{name}-{rate:g}"
            if not (out / "model.safetensors").is_file():
                print("$", shlex.join(typed), file=sys.stderr, flush=True)
                subprocess.run([sys.executable, "-m", "malmoi.cli", *typed[1:], "--resume"], check=True)
            seen.setdefault(name, {})[rate] = losses(out)
            write_text(arguments.out / "table.md", table(seen))
    return seen


def table(seen: dict[str, dict[float, list[dict[str, float]]]]) -> str:
    """A line for each way, with its best rate."""
    best = {name: min(rates, key=lambda rate: rates[rate][-1]["masked_lm_loss"]) for name, rates in seen.items()}
    tokens = [look["tokens"] / 1e6 for look in seen[next(iter(seen))][best[next(iter(seen))]]]
    lines = ["| way | rate | " + " | ".join(f"{n:.1f}M" for n in tokens) + " | nats a character |"]
    lines.append("|---" * (len(tokens) + 3) + "|")
    for name, rates in seen.items():
        looks = rates[best[name]]
        cells = " | ".join(f"{look['masked_lm_loss']:.2f}" for look in looks)
        others = ", ".join(f"{rate:g}: {rates[rate][-1]['masked_lm_loss']:.2f}" for rate in rates if rate != best[name])
        rate_cell = f"{best[name]:g}" + (f" ({others})" if others else "")
        lines.append(f"| {name} | {rate_cell} | {cells} | {looks[-1]['loss_per_character']:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=2_500_000, help="of each run")
    parser.add_argument("--size", default="small")
    parser.add_argument("--held-out", type=float, default=0.001, help="share of the documents; more of a small corpus")
    parser.add_argument("--ways", default=",".join(WAYS), help="separated by commas")
    parser.add_argument(
        "--rates", type=lambda text: [float(rate) for rate in text.split(",")], help="instead of theirs"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(table(run_all(arguments)))
    print(describe())


if __name__ == "__main__":
    main()
