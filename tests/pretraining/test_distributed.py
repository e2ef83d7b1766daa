"""Several processes, as `torchrun` starts them, on the CPU: the same curve as one, and back after one was killed."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from malmoi.errors import OptionError
from malmoi.model.checkpoint import load_pretraining_model
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.training.distributed import Group

VALUES = {
    "size": "tiny",
    "encoder": "bert",  # with dropout
    "max_tokens": 24,
    "batch_rows": 4,
    "log_every": 1,
    "save_every": 20,
    "device": "cpu",
    "precision": "fp32",
    "compile": False,
}


def torchrun(
    workshop: Path, out: Path, n_steps: int, *flags: str, restarts: int = 0, **values: object
) -> subprocess.Popen[str]:
    given = {**VALUES, "steps": n_steps, **values}
    options = [
        f"--no-{name}" if value is False else f"--{name.replace('_', '-')}={value}" for name, value in given.items()
    ]
    # A store of its own for every attempt, as docs/pretraining.md says: in one that is shared, a restarted worker may
    # read where a dead one listened, and wait for it.
    start = ["--standalone", "--nproc-per-node=2", f"--max-restarts={restarts}"]
    command = ["pretrain", str(workshop / "shards"), str(workshop / "tokenizer"), "--out", str(out), *options, *flags]
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *start,
            "-m",
            "malmoi.cli",
            *command,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"},
    )


def log_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def looks_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "evaluations.jsonl").read_text(encoding="utf-8").splitlines()]


@contextmanager
def one_thread() -> Iterator[None]:
    """As the processes have: another number adds up in another order."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def same_curve(one: list[dict[str, float]], other: list[dict[str, float]]) -> None:
    """Every logged loss and accuracy within 1e-3, of the same tokens."""
    names = {"loss", "masked_lm_loss", "masked_lm_accuracy", "next_sentence_loss", "next_sentence_accuracy"}
    assert any(names <= line.keys() for line in one)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.keys() == theirs.keys()
        assert mine["tokens"] == theirs["tokens"]
        for name in names & mine.keys():
            assert abs(mine[name] - theirs[name]) < 1e-3, (mine["step"], name)


def begun(run: Path, out: Path, save: str) -> None:
    """What a run that was killed after a save leaves, at `out`."""
    shutil.copytree(run, out, ignore=lambda *_: {"model.safetensors", "manifest.json", "checkpoints"})
    shutil.copytree(run / "checkpoints" / save, out / "checkpoints" / save)


def kill_a_worker(process: subprocess.Popen[str], after: Path) -> None:
    """SIGKILL to one of the two, once there is a save."""
    until = time.monotonic() + 200
    while not after.is_dir():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [pid for pid in children if b"malmoi" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(int(workers[1]), signal.SIGKILL)


def weights_hash(out: Path) -> str:
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def two(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 steps by two processes."""
    out = tmp_path_factory.mktemp("two") / "run"
    process = torchrun(workshop, out, 200)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    return out


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(workshop: Path, two: Path, tmp_path: Path) -> None:
    options = PretrainOptions(**VALUES, steps=200, accumulate=2)  # type: ignore[arg-type]
    with one_thread():
        pretrain(workshop / "shards", workshop / "tokenizer", tmp_path / "run", options)
    one, other = log_of(tmp_path / "run"), log_of(two)
    assert len(one) == len(other) == 200
    same_curve(one, other)
    assert one[-1]["masked_lm_loss"] < one[0]["masked_lm_loss"] - 0.5


@pytest.mark.slow
def test_a_worker_is_killed_and_the_run_recovers(workshop: Path, two: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = torchrun(workshop, out, 200, "--resume", restarts=5)
    kill_a_worker(process, out / "checkpoints" / "step-00000040")
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert weights_hash(out) == weights_hash(two)
    assert [line["step"] for line in log_of(out)] == list(range(1, 201))


def test_one_process_goes_on_with_what_two_began(workshop: Path, two: Path, tmp_path: Path) -> None:
    """The saves are the same whoever wrote them; `accumulate` may change, and here takes the second one's place."""
    out = tmp_path / "run"
    begun(two, out, "step-00000180")
    options = PretrainOptions(**VALUES, steps=200, accumulate=2)  # type: ignore[arg-type]
    assert pretrain(workshop / "shards", workshop / "tokenizer", out, options, resume=True).finished
    for mine, theirs in zip(log_of(out), log_of(two), strict=True):
        assert abs(mine["loss"] - theirs["loss"]) < 1e-3


SHARDED = {**VALUES, "save_every": 10, "held_out": 0.1, "optimizer": "muon", "lr": 1e-3, "muon_lr": 4e-3}
"""With lower rates than usual: where steps are large and rows few, sums in another order, or by another number of
threads, soon make another run."""


@pytest.mark.slow
def test_weights_shared_out_learn_what_one_process_learns_and_come_back(workshop: Path, tmp_path: Path) -> None:
    """Two processes hold half of the weights each, and one of them is killed; one alone goes on from a save."""
    out = tmp_path / "run"
    process = torchrun(workshop, out, 60, "--resume", restarts=5, parallel="fsdp", **SHARDED)
    kill_a_worker(process, out / "checkpoints" / "step-00000020")
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    names = {path.name for path in (out / "checkpoints" / "step-00000060").iterdir()}
    assert {f"shard-0000{n}-model-00001-of-00001.safetensors" for n in (1, 2)} < names

    options = PretrainOptions(**SHARDED, steps=60, accumulate=2)  # type: ignore[arg-type]
    whole, again = tmp_path / "whole", tmp_path / "again"
    with one_thread():
        pretrain(workshop / "shards", workshop / "tokenizer", whole, options)
        begun(out, again, "step-00000050")
        pretrain(workshop / "shards", workshop / "tokenizer", again, options, resume=True)
    for other in (out, again):
        same_curve(log_of(whole), log_of(other))
        for mine, theirs in zip(looks_of(whole), looks_of(other), strict=True):
            assert mine["step"] == theirs["step"]
            assert abs(mine["masked_lm_loss"] - theirs["masked_lm_loss"]) < 1e-3
        # The model is an ordinary one, whoever trained it.
        expected, found = (load_pretraining_model(run).state_dict() for run in (whole, other))
        assert all((expected[name] - found[name]).abs().max() < 0.01 for name in expected)


def test_what_several_processes_cannot_do(workshop: Path, tmp_path: Path) -> None:
    process = torchrun(workshop, tmp_path / "run", 5, batch_rows=3)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "batch_rows is 3: expected a multiple of 2, the processes times --accumulate" in stderr
    assert Group(1, 2, 1).device_name("cpu") == "cpu"
    assert Group().device_name("cuda:3") == "cuda:3"
    with pytest.raises(OptionError, match="expected cpu or cuda"):
        _device_of_gpu_process("cuda:3")


def _device_of_gpu_process(asked: str) -> str | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.is_available", lambda: True)
        assert Group(1, 2, 1).device_name(None) == "cuda:1"
        return Group(1, 2, 1).device_name(asked)
