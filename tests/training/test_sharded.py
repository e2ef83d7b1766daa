"""A model in parts, one for each process: the same steps bit for bit, the same saves, nothing lost where one fails."""

import os
import subprocess
import sys
from pathlib import Path


def test_two_processes_with_half_of_the_weights_each(tmp_path: Path) -> None:
    """`sharded_worker.py` says what is held to what: the mean of two equal gradients is exact, so all is equal."""
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    worker = Path(__file__).with_name("sharded_worker.py")
    result = subprocess.run(
        [sys.executable, *start, str(worker), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("all held") == 2
