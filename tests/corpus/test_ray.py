"""The corpus stage on a Ray cluster of two nodes on this machine, one worker of which is killed at work."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from malmoi.corpus import pieces
from malmoi.corpus.build import build_corpus

pytest.importorskip("ray", reason="ray is not installed: pip install 'malmoi[ray]'")

# In a process of its own: Ray's warnings and threads are not ours. The cluster is one by Ray's own account.
SCRIPT = """
import sys
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from malmoi.corpus import pieces
from malmoi.corpus.build import build_corpus
pieces.PIECE_CHARS, pieces.SPAN_BYTES = 100_000, 1
if __name__ == "__main__":
    inputs, out, rejects = sys.argv[1:]
    small = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    cluster.add_node(**small)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    print("nodes", sum(node["Alive"] for node in ray.nodes()), flush=True)
    build_corpus([Path(inputs)], Path(out), rejects=Path(rejects), workers=2, engine="ray")
    ray.shutdown()
    cluster.shutdown()
"""


def _files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def _workers_at_work(script: Path) -> list[int]:
    """Ray names a worker process by the task it is at."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            # Ours only, should another cluster run here: what Ray starts inherits the marker.
            ours = os.fsencode(f"MALMOI_RAY_TEST={script}") in (process / "environ").read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::_call") and ours:
            found.append(int(process.name))
    return found


@pytest.mark.slow
def test_two_nodes_give_the_bytes_of_local_processes_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(0)
    words = ["".join(chr(rng.randrange(ord("가"), ord("힣"))) for _ in range(4)) for _ in range(3000)]
    documents = ["은 ".join(rng.choices(words, k=40)) + "이다." for _ in range(16_000)]
    inputs = tmp_path / "a.txt"
    inputs.write_text("\n\n".join([*documents, *documents[:500], "짧다"]), encoding="utf-8")
    monkeypatch.setattr(pieces, "PIECE_CHARS", 100_000)
    monkeypatch.setattr(pieces, "SPAN_BYTES", 1)
    build_corpus([inputs], tmp_path / "local", rejects=tmp_path / "local.jsonl", workers=2)

    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    arguments = [str(script), str(inputs), str(tmp_path / "ray"), str(tmp_path / "ray.jsonl")]
    environment = {**os.environ, "MALMOI_RAY_TEST": str(script), "RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, env=environment)
    killed = False
    deadline = time.monotonic() + 120
    while process.poll() is None and not killed and time.monotonic() < deadline:
        if list(tmp_path.glob(".ray.work/*/piece-000003")) and (workers := _workers_at_work(script)):
            os.kill(workers[0], signal.SIGKILL)
            killed = True
        time.sleep(0.005)
    output = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0
    assert "nodes 2" in output and killed
    assert _files(tmp_path / "ray") == _files(tmp_path / "local")
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()
