"""Bits a character of held-out text: the same characters for every way, and a true chance for whole eojeols."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from malmoi.errors import InputError
from malmoi.model.runtime import Runtime
from malmoi.model.sizes import config_for
from malmoi.pretraining.run import masking_vocabulary
from malmoi.study.loss import Window, held_out_loss, windows_of
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary
from malmoi.training.batch import Batch

TEXTS = ["바다는 넓고 깊다. 물고기가 산다! 배는 abc 12 漢 떠난다.", "짧다."] * 40


class Chances(Runtime):
    """A model to which every token is as likely as another: it answers the logarithm of that."""

    kind, batch_tokens, start_tokens = "masked", 1000, 100

    def __init__(self, chance: float) -> None:
        self.config, self.chance = config_for("tiny", n_tokens=100), chance
        self.seen: list[tuple[list[int], list[int]]] = []

    def run(self, batch: Batch) -> np.ndarray:
        assert batch.asked is not None
        self.seen += list(zip(batch.ids.tolist(), batch.asked.tolist(), strict=True))
        return np.where(batch.asked >= 0, math.log(self.chance), 0.0).astype(np.float32)

    def embed(self, batch: Batch) -> np.ndarray:
        raise NotImplementedError

    def fill(self, batch: Batch, places: np.ndarray) -> np.ndarray:
        raise NotImplementedError


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    chars = sorted(set("".join(TEXTS)) - {" "})
    return Tokenizer.from_vocabulary(
        Vocabulary((*SPECIAL_TOKENS, *chars, *[f"##{char}" for char in chars], "바다", "물고기")), segment="eojeol"
    )


def test_windows_hide_hangul_eojeols_and_depend_on_no_tokenizer() -> None:
    windows = windows_of(TEXTS, 10_000, seed=1)
    assert windows == windows_of(TEXTS, 10_000, seed=1) != windows_of(TEXTS, 10_000, seed=2)
    hidden = [window.text[start:end] for window in windows for start, end in window.hidden]
    assert set(hidden) <= {"바다는", "넓고", "깊다.", "물고기가", "산다!", "배는", "떠난다.", "짧다."}
    assert 0 < len(hidden) < 400
    assert all(len(window.text.replace(" ", "")) <= 100 for window in windows)
    assert len(windows_of(TEXTS, 200, seed=1)) < len(windows) / 3


def test_bits_of_an_indifferent_model(tokenizer: Tokenizer) -> None:
    """Where every token has the chance 1/8, a token is worth three bits: bits a character are tokens times three."""
    window = Window(text="바다는 물고기가 산다", hidden=((0, 3), (4, 8)))
    found = held_out_loss(Chances(1 / 8), tokenizer, masking_vocabulary(tokenizer), [window] * 50, seed=1)
    assert found.eojeol == pytest.approx(3 * 4 / 7)  # 바다 ##는, 물고기 ##가
    assert found.masked == pytest.approx(3 * 6 / 9)
    assert (found.n_characters, found.n_eojeols) == (450, 100)


def test_pieces_are_asked_from_left_to_right(tokenizer: Tokenizer) -> None:
    window = Window(text="바다는 산다", hidden=((0, 3), (4, 6)))
    model = Chances(0.5)
    held_out_loss(model, tokenizer, masking_vocabulary(tokenizer), [window], seed=1)
    ids = tokenizer.encode(window.text).ids
    mask = tokenizer.mask_id
    assert model.seen[-2:] == [
        ([ids[0], *[mask] * 4, ids[-1]], [-1, ids[1], -1, ids[3], -1, -1]),
        ([ids[0], ids[1], mask, ids[3], mask, ids[-1]], [-1, -1, ids[2], -1, ids[4], -1]),
    ]


def test_text_with_nothing_to_hide(tokenizer: Tokenizer) -> None:
    windows: Sequence[Window] = [Window(text="abc 12", hidden=())]
    with pytest.raises(InputError, match="no eojeol to hide"):
        held_out_loss(Chances(0.5), tokenizer, masking_vocabulary(tokenizer), windows, seed=1)
