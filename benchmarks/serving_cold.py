"""P10: how soon malmoi is there. `malmoi --help`; a small int8 model loaded and its first answer; the base install.

Each time is the median of fresh processes, after one that fills the disk cache. The model is a small one with random
weights and 16,000 entries, exported as a user would. With --install the wheel and what it needs are installed without
extras into a new environment (from the package index) and weighed; the environment holds no PyTorch.

    python benchmarks/serving_cold.py [--quick] [--install]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from machine import describe
from serving_models import make_small

from malmoi.export import ExportOptions, export_model

ROOT = Path(__file__).parents[1]
FIRST_ANSWER = """
import sys
from malmoi import Predictor
Predictor.load(sys.argv[1]).predict([{"text": "오래 기다린 보람이 있었다."}])
assert "torch" not in sys.modules
"""


def seconds(command: list[str], repeats: int) -> float:
    """Median wall time of a process."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def size_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def install(folder: Path) -> Path:
    """A new environment with malmoi and its base dependencies; its Python."""
    venv.create(folder, with_pip=True)
    before = size_mb(folder)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    # pip's own files do not count; compiled copies of what was installed do.
    print(f"  base install          {size_mb(folder) - before:>8.0f} MB   (target 350)")
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--install", action="store_true", help="also install into a new environment, and time that")
    options = parser.parse_args()
    repeats = 3 if options.quick else 9
    print(describe("onnxruntime", "tokenizers"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_model(make_small(folder / "model"), folder / "int8", ExportOptions(int8=True))
        python = str(install(folder / "venv")) if options.install else sys.executable
        os.environ["PYTHONPATH"] = "" if options.install else os.environ.get("PYTHONPATH", "")
        helped = seconds([python, "-m", "malmoi.cli", "--help"], repeats)
        print(f"  malmoi --help         {helped:>8.2f} s    (target 0.5)")
        answered = seconds([python, "-c", FIRST_ANSWER, str(folder / "int8")], repeats)
        print(f"  load and first answer {answered:>8.2f} s    (target 2)")


if __name__ == "__main__":
    main()
