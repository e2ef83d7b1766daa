"""The formulae against the models themselves, and against arithmetic by hand."""

import pytest

from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import SIZES, config_for
from malmoi.pretraining.costs import DEVICES, flops_per_token, memory_bytes, n_parameters
from malmoi.pretraining.examples import ExampleOptions


@pytest.mark.parametrize("size", ["tiny", "small"])
@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_parameters_are_counted_exactly(size: str, encoder: str) -> None:
    config = config_for(size, n_tokens=1000, encoder=encoder)  # type: ignore[arg-type]
    assert n_parameters(config) == sum(weight.numel() for weight in PretrainingModel(config).parameters())


def test_the_papers_sizes() -> None:
    """Devlin et al. 2019: 110M and 340M, with 30,522 entries."""
    assert n_parameters(config_for("base", n_tokens=30_522)) == pytest.approx(110e6, rel=0.01)
    assert n_parameters(config_for("large", n_tokens=30_522)) == pytest.approx(340e6, rel=0.02)


def test_arithmetic_is_about_six_times_the_matrices() -> None:
    """The rule of thumb: 6 operations a token and weight, and attention on top; the table is only looked up."""
    shape = ExampleOptions(max_tokens=128)
    config = config_for("base", n_tokens=30_000)
    matrices = 12 * (4 * 768**2 + 8 * 768**2)
    assert 0.9 < flops_per_token(config, shape) / (6 * matrices) < 1.2
    longer = flops_per_token(config, ExampleOptions(max_tokens=512)) - flops_per_token(config, shape)
    assert longer == pytest.approx(3 * 12 * 4 * (512 - 128) * 768)


def test_memory_grows_with_rows_and_falls_with_fused_attention() -> None:
    shape = ExampleOptions(max_tokens=512)
    config = config_for("base", n_tokens=32_000)
    one, two, four = (memory_bytes(config, shape, n) for n in (1, 2, 4))
    assert four - two == pytest.approx(2 * (two - one))
    assert one > 18 * n_parameters(config)
    assert memory_bytes(config, shape, 4, fused_attention=False) > four
    # The paper's base on a T4: some rows of 512 fit, the whole batch of 256 does not.
    assert memory_bytes(config, shape, 16) < DEVICES["t4"].memory_bytes < memory_bytes(config, shape, 256)


def test_all_sizes_have_a_cost() -> None:
    costs = [flops_per_token(config_for(size, n_tokens=32_000), ExampleOptions()) for size in SIZES]
    assert costs == sorted(costs)
