"""The run on disk: killed anywhere it goes on bit for bit; what does not fit is said; transformers opens the result."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForPreTraining, AutoTokenizer

from malmoi.artifact import read_manifest
from malmoi.errors import CheckpointError, InputError, NotFiniteError, OptionError, OutputError
from malmoi.model.checkpoint import load_pretraining_model
from malmoi.pretraining.opening import CHECKPOINTS, LOG, RUN
from malmoi.pretraining.pretrain import PretrainReport, pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.tokenizer import Tokenizer

N_STEPS = 20
OPTIONS: dict[str, Any] = {
    "size": "tiny",
    "encoder": "bert",  # with dropout, so that random states matter
    "steps": N_STEPS,
    "max_tokens": 24,
    "batch_rows": 4,
    "save_every": 3,
    "log_every": 2,
    "device": "cpu",
    "precision": "fp32",
    "compile": False,
}


def run(workshop: Path, out: Path, *, resume: bool = False, force: bool = False, **values: object) -> PretrainReport:
    options = PretrainOptions(**{**OPTIONS, **values})
    return pretrain(workshop / "shards", workshop / "tokenizer", out, options, resume=resume, force=force)


def command(workshop: Path, out: Path) -> list[str]:
    flags = [
        f"--{'' if value is not False else 'no-'}{name.replace('_', '-')}" + ("" if value is False else f"={value}")
        for name, value in OPTIONS.items()
    ]
    stages = [str(workshop / "shards"), str(workshop / "tokenizer")]
    return [sys.executable, "-m", "malmoi.cli", "pretrain", *stages, "--out", str(out), *flags]


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def log_of(out: Path) -> list[dict[str, float]]:
    lines = (out / LOG).read_text(encoding="utf-8").splitlines() if (out / LOG).is_file() else []
    return [json.loads(line) for line in lines]


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], what: str) -> None:
    until = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, f"ended before {what}: {process.communicate()}"
        assert time.monotonic() < until, f"waited too long for {what}"
        time.sleep(0.02)


def weights_hash(out: Path) -> str:
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def without_rates(lines: list[dict[str, float]]) -> list[dict[str, float]]:
    return [
        {name: value for name, value in line.items() if "per_second" not in name and name != "peak_memory_bytes"}
        for line in lines
    ]


@pytest.fixture(scope="module")
def whole(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    report = run(workshop, out)
    assert report.finished and report.steps == N_STEPS
    return out


def test_what_a_run_leaves(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {
        "README.md",
        "checkpoints",
        "config.json",
        "log.jsonl",
        "malmoi.json",
        "manifest.json",
        "model.safetensors",
        "run.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    }
    assert sorted(path.name for path in (whole / CHECKPOINTS).iterdir()) == ["step-00000018", "step-00000020"]
    assert read_manifest(whole, "model").options["steps"] == N_STEPS


def test_log_lines(whole: Path) -> None:
    lines = log_of(whole)
    assert [line["step"] for line in lines] == list(range(2, N_STEPS + 1, 2))
    for line in lines:
        assert {
            "step",
            "loss",
            "masked_lm_loss",
            "masked_lm_accuracy",
            "next_sentence_loss",
            "next_sentence_accuracy",
            "steps_per_second",
            "examples_per_second",
            "tokens_per_second",
            "lr",
            "peak_memory_bytes",
        } <= line.keys()
        assert line["tokens_per_second"] > line["examples_per_second"] > line["steps_per_second"] > 0
        assert 0 <= line["masked_lm_accuracy"] <= 1 and 0 <= line["next_sentence_accuracy"] <= 1
    assert lines[-1]["tokens"] > lines[0]["tokens"]
    assert lines[-1]["lr"] < max(line["lr"] for line in lines)


def test_transformers_opens_the_result(workshop: Path, whole: Path) -> None:
    model, report = AutoModelForMaskedLM.from_pretrained(whole, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"]
    _, report = AutoModelForPreTraining.from_pretrained(whole, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokenizer, ours = AutoTokenizer.from_pretrained(whole), Tokenizer.load(whole)
    text = "어부는 강가에서 [MASK] 보았다."
    inputs = tokenizer(text, return_tensors="pt")
    assert inputs["input_ids"][0].tolist() == ours.encode(text).ids
    place = ours.encode(text).ids.index(ours.mask_id)
    loaded = load_pretraining_model(whole).eval()
    with torch.inference_mode():
        scores = model.eval()(**inputs).logits[0, place]
        expected = loaded(inputs["input_ids"], masked_N=torch.tensor([place])).masked_logits_NV[0]
    assert torch.allclose(scores, expected, atol=1e-5)
    assert Tokenizer.load(workshop / "tokenizer").fingerprint == ours.fingerprint


def test_transformers_opens_modernbert_too(workshop: Path, tmp_path: Path) -> None:
    run(workshop, tmp_path / "run", encoder="modernbert", steps=2)
    _, report = AutoModelForMaskedLM.from_pretrained(tmp_path / "run", output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"]


def test_killed_at_any_step_it_goes_on_bit_for_bit(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(command(workshop, out))
    wait_until(lambda: any(line["step"] >= 8 for line in log_of(out)), process, "step 8")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    saved = sorted(path.name for path in (out / CHECKPOINTS).glob("step-*"))
    assert saved and not (out / "model.safetensors").exists()
    report = run(workshop, out, resume=True)
    assert report.finished and report.steps == N_STEPS
    assert weights_hash(out) == weights_hash(whole)
    assert without_rates(log_of(out)) == without_rates(log_of(whole))
    assert report.n_tokens == log_of(whole)[-1]["tokens"]


def test_sigterm_saves_and_the_command_goes_on_with_resume(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(command(workshop, out))
    wait_until(lambda: bool(log_of(out)), process, "the first line")
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert "the same command and --resume" in stderr and "Traceback" not in stderr
    report = json.loads(stdout)
    stopped_at = report["steps"]
    assert not report["finished"] and 2 <= stopped_at < N_STEPS
    assert (out / CHECKPOINTS / f"step-{stopped_at:08d}").is_dir()
    assert log_of(out)[-1]["step"] == stopped_at
    assert run(workshop, out, resume=True).finished
    assert weights_hash(out) == weights_hash(whole)
    steps = [line["step"] for line in log_of(out)]
    assert steps == sorted(set(steps)) and steps[-1] == N_STEPS


def test_a_finished_run_is_finished(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    report = run(workshop, out, resume=True)
    assert report.finished and report.values == log_of(whole)[-1]
    assert log_of(out) == log_of(whole)
    assert (out / "README.md").read_text(encoding="utf-8") == (whole / "README.md").read_text(encoding="utf-8")
    assert weights_hash(out) == weights_hash(whole)


def test_resume_begins_where_there_is_nothing(workshop: Path, tmp_path: Path) -> None:
    report = run(workshop, tmp_path / "run", resume=True, steps=2)
    assert report.finished and report.steps == 2


@pytest.mark.parametrize(
    ("name", "value", "before"),
    [
        ("lr", 0.5, "left out"),
        ("seed", 7, "1"),
        ("size", "small", "'tiny'"),
        ("steps", 30, "20"),
        ("encoder", None, "'bert'"),
    ],
)
def test_a_changed_option_is_named(workshop: Path, whole: Path, name: str, value: object, before: str) -> None:
    shown = "left out" if value is None else repr(value)
    with pytest.raises(OptionError, match=rf"^{name} is {shown}, the run in .* was started with {before}: resume"):
        run(workshop, whole, resume=True, **{name: value})


def test_other_shards_are_named(workshop: Path, whole: Path, tmp_path: Path) -> None:
    from_elsewhere = tmp_path / "workshop"
    shutil.copytree(workshop, from_elsewhere)
    values = json.loads((from_elsewhere / "shards" / "manifest.json").read_text(encoding="utf-8"))
    (from_elsewhere / "shards" / "manifest.json").write_text(json.dumps(values | {"content_hash": "0"}))
    with pytest.raises(
        OptionError, match=r"^the hash of the shards is 0…, the run in .* was started with [0-9a-f]{12}…: resume"
    ):
        run(from_elsewhere, whole, resume=True)


def test_options_that_change_nothing_may_change(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    shutil.rmtree(out / CHECKPOINTS / "step-00000020")
    run(workshop, out, resume=True, save_every=1, keep=1, log_every=1)
    assert weights_hash(out) == weights_hash(whole)
    assert [path.name for path in (out / CHECKPOINTS).iterdir()] == ["step-00000020"]
    assert [line["step"] for line in log_of(out)] == [*range(2, 19, 2), 19, 20]


def test_an_existing_run_is_not_overwritten_unasked(workshop: Path, whole: Path, tmp_path: Path) -> None:
    before = weights_hash(whole)
    with pytest.raises(OutputError, match=r"holds a run already: pass --resume to go on with it, or --force"):
        run(workshop, whole)
    assert weights_hash(whole) == before
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputError, match="was not made by malmoi"):
        run(workshop, tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_force_starts_over(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    run(workshop, out, force=True, steps=3, seed=5)
    assert [line["step"] for line in log_of(out)] == [2, 3]
    assert [path.name for path in (out / CHECKPOINTS).iterdir()] == ["step-00000003"]
    assert weights_hash(out) != weights_hash(whole)
    assert json.loads((out / RUN).read_text(encoding="utf-8"))["steps"] == 3


def test_shards_of_another_tokenizer(workshop: Path, tmp_path: Path) -> None:
    build_vocab(workshop / "corpus.jsonl", tmp_path / "tokenizer", VocabOptions(size=150))
    with pytest.raises(InputError, match=r"shards was made with another tokenizer than .*tokenizer: make shards again"):
        pretrain(workshop / "shards", tmp_path / "tokenizer", tmp_path / "run", PretrainOptions(**OPTIONS))
    assert not (tmp_path / "run").exists()


def test_a_damaged_run_file(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    (out / RUN).write_text("{")
    with pytest.raises(CheckpointError, match=r"run\.json cannot be read .* start over with --force"):
        run(workshop, out, resume=True)


def test_a_budget_becomes_a_number_of_steps(workshop: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    report = run(workshop, out, steps=None, budget="1s", save_every=1000)
    assert report.finished and report.steps == json.loads((out / RUN).read_text(encoding="utf-8"))["steps"]
    assert report.steps >= 3
    # Timing comes first and leaves no trace: the same number of steps, asked for, gives the same model.
    run(workshop, tmp_path / "again", steps=report.steps)
    assert weights_hash(out) == weights_hash(tmp_path / "again")


def test_by_default_ten_passes(workshop: Path, tmp_path: Path) -> None:
    # Once short texts counted as whole rows: the ten passes were forty.
    report = run(workshop, tmp_path / "run", steps=None, batch_rows=64, max_tokens=64, save_every=1000)
    assert 9 <= log_of(tmp_path / "run")[-1]["epoch"] <= 11
    assert report.finished


def test_a_full_disk_leaves_the_last_save(workshop: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    shutil.rmtree(out / CHECKPOINTS / "step-00000020")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # no file may grow beyond it
    try:
        with pytest.raises(OutputError, match=r"cannot write .*free some space, then resume"):
            run(workshop, out, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (out / CHECKPOINTS).iterdir()] == ["step-00000018"]
    assert run(workshop, out, resume=True).finished
    assert weights_hash(out) == weights_hash(whole)


def test_a_damaged_last_save_costs_the_steps_since_the_one_before(
    workshop: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    newest = out / CHECKPOINTS / "step-00000020" / "optimizer.safetensors"
    newest.write_bytes(newest.read_bytes()[:-9])
    assert run(workshop, out, resume=True).finished
    assert "step-00000020 is damaged (optimizer.safetensors changed" in capsys.readouterr().err
    assert weights_hash(out) == weights_hash(whole)
    assert without_rates(log_of(out)) == without_rates(log_of(whole))


def test_a_loss_that_is_no_number_stops_and_leaves_its_batch(workshop: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(NotFiniteError, match=r"at step \d+: expected a finite number.*the batch is in .*npz") as caught:
        run(workshop, out, optimizer="adamw", lr=1e30, warmup=0.0, decay=0.0, save_every=1)
    [path] = out.glob("bad-batch-*.npz")
    assert str(path) in str(caught.value)
    with np.load(path) as arrays:
        assert arrays["ids"].shape == (4, 24) and len(arrays["masked"]) == len(arrays["targets"]) > 0
    saved = max(int(save.name[5:]) for save in (out / CHECKPOINTS).iterdir())
    assert path.name == f"bad-batch-{saved + 1:08d}.npz"  # the step that failed was not saved
    run(workshop, out, force=True, steps=1)
    assert not list(out.glob("bad-batch-*"))


_LITTLE_MEMORY = """
import resource, sys, torch
from pathlib import Path
from malmoi.errors import MalmoiError
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
torch.set_num_threads(1)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[5]) << 20),) * 2)
shards, tokenizer, out = map(Path, sys.argv[1:4])
values = dict(size="tiny", steps=1, max_tokens=256, batch_rows=64, precision="fp32", compile=False, device="cpu")
try:
    print(pretrain(shards, tokenizer, out, PretrainOptions(**values, accumulate=int(sys.argv[4])), resume=True).steps)
except MalmoiError as error:
    print(error)
"""


def test_no_memory_says_which_batch_fits(workshop: Path, tmp_path: Path) -> None:
    """In processes of their own that may take only so much; what the first advises, the second does in hardly more."""
    places = [str(workshop / "shards"), str(workshop / "tokenizer"), str(tmp_path / "run")]
    # One heap for all threads: each has one of its own otherwise, and how many there are is chance.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-c", _LITTLE_MEMORY, *places]
    for limit in range(260, 340, 16):  # oneDNN does not always recover from a lack of memory; another limit, then
        said = subprocess.check_output([*command, "1", str(limit)], text=True, env=environment)
        if "not even a single row fitted: pass --accumulate 64 for" not in said:
            break
    advice = re.fullmatch(
        r"batch_rows is 64, of 256 tokens: too much for the memory of cpu; (\d+) rows at once fit: pass --accumulate "
        r"(\d+) for the same steps in parts, or --batch-rows \1 for smaller ones\n",
        said,
    )
    assert advice is not None and int(advice[1]) * int(advice[2]) == 64, said
    assert subprocess.check_output([*command, advice[2], str(limit + 40)], text=True, env=environment) == "1\n"


def test_a_run_begins_only_with_options_that_work(workshop: Path, whole: Path) -> None:
    before = set(whole.iterdir())
    for values in ({"warmup": 0.9}, {"lr": -1.0}, {"max_tokens": 3}, {"device": "gpu"}):
        with pytest.raises(OptionError, match=rf"{next(iter(values))}"):
            run(workshop, whole, force=True, **values)
    assert set(whole.iterdir()) == before
