"""Killed again and again at random moments, a run ends with the weights of one that nothing disturbed, bit for bit.

Makes a small corpus of its own, runs it through once, then once more while SIGKILL comes after a random time (while
starting, stepping or saving) until enough kills have hit, and compares the hashes of the final weights.

    python benchmarks/kill_and_resume.py [--kills 20] [--seed 1]
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from malmoi.artifact import file_hash
from malmoi.pretraining.opening import CHECKPOINTS
from malmoi.pretraining.shards import build_shards
from malmoi.tokenizer.build import VocabOptions, build_vocab

_WORDS = ("바다", "산길", "나무", "아침", "저녁", "편지", "노래", "의자", "이야기", "창문", "구름", "바람", "시장")
_FLAGS = (
    "--size=tiny",
    "--encoder=bert",  # with dropout, so that random states matter
    "--max-tokens=64",
    "--batch-rows=16",
    "--save-every=5",
    "--log-every=5",
    "--device=cpu",
    "--no-compile",
)


def write_corpus(path: Path, chance: random.Random) -> None:
    lines = []
    for number in range(400):
        sentences = (" ".join(chance.choices(_WORDS, k=6)) + "이다." for _ in range(chance.randint(1, 12)))
        lines.append(f'{{"id": "{number}", "title": "", "text": "{" ".join(sentences)}"}}\n')
    path.write_text("".join(lines), encoding="utf-8")


def command(root: Path, out: str, n_steps: int) -> list[str]:
    places = [str(root / "shards"), str(root / "tokenizer"), "--out", str(root / out)]
    return [sys.executable, "-m", "malmoi.cli", "pretrain", *places, *_FLAGS, f"--steps={n_steps}", "--resume"]


def last_save(root: Path) -> str:
    saves = sorted((root / "killed" / CHECKPOINTS).glob("step-*"))
    return saves[-1].name if saves else "no save"


def run_killed(root: Path, n_steps: int, n_kills: int, seconds: float, chance: random.Random) -> int:
    """Run until it ends; returns how many kills hit. Each process gets a random share of the whole run's time."""
    n_hit = 0
    while True:
        process = subprocess.Popen(command(root, "killed", n_steps), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            # Long enough to get on a little: at least the start of the program, then some steps.
            process.communicate(timeout=chance.uniform(0.5, 1.25) * seconds if n_hit < n_kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            n_hit += 1
            print(f"  kill {n_hit}: {last_save(root)}", flush=True)
            continue
        if process.returncode:
            raise SystemExit(f"the run ended with {process.returncode}")
        return n_hit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1500)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_corpus(root / "corpus.jsonl", chance)
        build_vocab(root / "corpus.jsonl", root / "tokenizer", VocabOptions(size=80))
        build_shards(root / "corpus.jsonl", root / "tokenizer", root / "shards")
        # A process that only starts and ends tells how long starting takes.
        began = time.monotonic()
        subprocess.run(command(root, "start", 1), check=True, capture_output=True)
        start_s = time.monotonic() - began
        began = time.monotonic()
        subprocess.run(command(root, "whole", arguments.steps), check=True, capture_output=True)
        print(
            f"undisturbed: {arguments.steps} steps in {time.monotonic() - began:.1f} s, {start_s:.1f} s of it to start"
        )
        n_hit = run_killed(root, arguments.steps, arguments.kills, start_s, chance)
        whole, killed = (file_hash(root / name / "model.safetensors") for name in ("whole", "killed"))
    print(f"killed {n_hit} times, resumed each time: weights {'equal' if whole == killed else 'DIFFER'}")
    print(f"  undisturbed {whole}\n  killed      {killed}")
    if whole != killed or n_hit < arguments.kills:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
