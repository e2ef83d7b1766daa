"""Plans: the arithmetic of hours and money, the lecture's estimates, and a probe that measures."""

import json
from pathlib import Path

import pytest

from malmoi.errors import InputError, OptionError
from malmoi.pretraining.plan import PlanOptions, PlanReport, make_plan, plan_tokens
from malmoi.pretraining.probe import probe_tokens_per_second
from malmoi.pretraining.recipe import PretrainOptions

KOREAN_TOKENS = 2 * 340_000_000  # 340M eojeols
PAPER = {"size": "base", "steps": 1_000_000, "max_tokens": 512, "batch_rows": 256}


def never(options: PretrainOptions, n_vocabulary: int, seconds: float) -> float:
    raise AssertionError("a known device is not measured")


def plan(n_tokens: int = KOREAN_TOKENS, **values: object) -> PlanReport:
    return plan_tokens(n_tokens, PlanOptions(**values), never)  # type: ignore[arg-type]


def test_the_lectures_estimates() -> None:
    """Eight weeks on one V100, or two on one TPU for 4.50 dollars an hour: ours within a factor of 2.5."""
    v100, tpu = plan(**PAPER, device="v100"), plan(**PAPER, device="tpu-v2", price_per_hour=4.5)
    week = 24 * 7
    assert 1 / 2.5 < v100.hours / (8 * week) < 2.5
    assert 1 / 2.5 < tpu.hours / (2 * week) < 2.5
    assert tpu.money == pytest.approx(4.5 * tpu.hours, abs=0.01)
    assert 1 / 2.5 < tpu.money / (4.5 * 2 * week) < 2.5
    assert tpu.tokens == 1_000_000 * 256 * 512


def test_what_follows_from_what() -> None:
    one = plan(device="a100", epochs=5.0, batch_rows=64)
    assert one.steps == round(5 * KOREAN_TOKENS / (64 * 128)) and one.epochs == pytest.approx(5, rel=1e-3)
    assert one.hours == pytest.approx(one.tokens / one.tokens_per_second / 3600, rel=1e-3)
    four = plan(device="a100", epochs=5.0, batch_rows=64, n_devices=4, price_per_hour=2.0)
    assert four.hours == pytest.approx(one.hours / 4, rel=1e-3)
    assert four.money == pytest.approx(2 * 4 * four.hours, abs=0.01)
    assert plan(device="a100", budget="2h", batch_rows=64).hours == pytest.approx(2, rel=1e-2)
    assert plan(device="a100", epochs=5.0, utilization=0.2).hours == pytest.approx(
        2 * plan(device="a100", epochs=5.0).hours, rel=1e-3
    )
    small = next(size for size in one.sizes if size.size == "small")
    assert small.hours == pytest.approx(one.hours, rel=1e-3)
    assert [s.hours for s in one.sizes] == sorted(s.hours for s in one.sizes)
    assert one.sizes[0].tokens_in_the_same_time > one.tokens > one.sizes[-1].tokens_in_the_same_time


def test_memory_says_how_many_rows_fit() -> None:
    report = plan(**PAPER, device="t4")
    fitting, next_more = report.rows_that_fit, 2 * (report.rows_that_fit or 0)
    assert fitting and report.memory_gib[fitting] <= report.device_memory_gib < report.memory_gib[next_more]
    assert plan(device="t4").rows_that_fit == 64


def test_from_shards_and_from_a_corpus(workshop: Path, tmp_path: Path) -> None:
    shards = make_plan(workshop / "shards", PlanOptions(device="t4"), never)
    record = json.loads((workshop / "shards" / "shards.json").read_text(encoding="utf-8"))
    assert shards.text_tokens == record["n_tokens"]
    (tmp_path / "report.json").write_text('{"n_eojeols": 1000}')
    assert make_plan(tmp_path, PlanOptions(device="t4"), never).text_tokens == 2000
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(InputError, match=r"report\.json does not say how much text there is"):
        make_plan(tmp_path, PlanOptions(device="t4"), never)
    with pytest.raises(InputError, match=r"has no shards\.json and no report\.json"):
        make_plan(workshop, PlanOptions(device="t4"), never)


def test_here_is_measured(workshop: Path) -> None:
    asked = PlanOptions(size="tiny", probe_seconds=0.2, epochs=1.0, max_tokens=32, batch_rows=8)
    report = make_plan(workshop / "shards", asked, probe_tokens_per_second)
    assert report.tokens_per_second > 100 and report.device == "here" and "measured" in report.basis
    assert report.hours == pytest.approx(report.tokens / report.tokens_per_second / 3600, rel=0.01, abs=1e-3)
    assert "passes over" in str(report)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"device": "abacus"}, "device 'abacus': expected here, or one of t4, v100"),
        ({"n_devices": 2}, "n_devices is 2 with device here: name the device"),
        ({"steps": 3, "budget": "1h"}, "steps and budget are given: expected one"),
        ({"epochs": 0.0}, "epochs is 0.0: expected more than 0"),
        ({"utilization": 40.0}, "utilization is 40.0: expected a share"),
        ({"size": "huge", "device": "t4"}, "size 'huge'"),
        ({"budget": "soon", "device": "t4"}, "budget 'soon'"),
    ],
)
def test_impossible_options(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        plan(**values)
