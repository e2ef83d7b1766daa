"""Several processes, as `torchrun` starts them, on the CPU: the same curve as one, and back after one was killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from malmoi.errors import OptionError
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
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the two have: another number adds up in another order
    try:
        pretrain(workshop / "shards", workshop / "tokenizer", tmp_path / "run", options)
    finally:
        torch.set_num_threads(n_threads)
    one, other = log_of(tmp_path / "run"), log_of(two)
    assert len(one) == len(other) == 200
    names = {"loss", "masked_lm_loss", "masked_lm_accuracy", "next_sentence_loss", "next_sentence_accuracy"}
    assert any(names <= line.keys() for line in one)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.keys() == theirs.keys()
        for name in names & mine.keys():
            assert abs(mine[name] - theirs[name]) < 1e-3, (mine["step"], name)
    assert one[-1]["tokens"] == other[-1]["tokens"]
    assert one[-1]["masked_lm_loss"] < one[0]["masked_lm_loss"] - 0.5


@pytest.mark.slow
def test_a_worker_is_killed_and_the_run_recovers(workshop: Path, two: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = torchrun(workshop, out, 200, "--resume", restarts=5)
    until = time.monotonic() + 200
    while not (out / "checkpoints" / "step-00000040").is_dir():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [pid for pid in children if b"malmoi" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(int(workers[1]), signal.SIGKILL)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert weights_hash(out) == weights_hash(two)
    assert [line["step"] for line in log_of(out)] == list(range(1, 201))


def test_one_process_goes_on_with_what_two_began(workshop: Path, two: Path, tmp_path: Path) -> None:
    """The saves are the same whoever wrote them; `accumulate` may change, and here takes the second one's place."""
    out = tmp_path / "run"
    (out / "checkpoints").mkdir(parents=True)
    for name in ("run.json", "log.jsonl"):
        (out / name).write_bytes((two / name).read_bytes())
    save = two / "checkpoints" / "step-00000180"
    (out / "checkpoints" / save.name).mkdir()
    for file in save.iterdir():
        (out / "checkpoints" / save.name / file.name).write_bytes(file.read_bytes())
    options = PretrainOptions(**VALUES, steps=200, accumulate=2)  # type: ignore[arg-type]
    assert pretrain(workshop / "shards", workshop / "tokenizer", out, options, resume=True).finished
    for mine, theirs in zip(log_of(out), log_of(two), strict=True):
        assert abs(mine["loss"] - theirs["loss"]) < 1e-3


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
