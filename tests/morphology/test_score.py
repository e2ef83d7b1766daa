"""Scores on a small treebank written by hand, and on a real one."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from malmoi.errors import DataError, InputError
from malmoi.morphology.morph import Analyzer, Morph
from malmoi.morphology.score import judge, n_common, read_gold

_GOLD = [
    ("책을", "책+을", "NNG+JKO", "_"),
    ("보았다", "보+았+다", "VV+EP+EF", "SpaceAfter=No"),
    (".", ".", "SF", "_"),
    ("이라는", "이", "VCP+ETM", "_"),
]


def _write(path: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    lines = [f"{i}\t{w}\t{lemma}\tX\t{tags}\t_\t0\troot\t_\t{misc}" for i, (w, lemma, tags, misc) in enumerate(rows, 1)]
    path.write_text("# sent_id = 1\n" + "\n".join(lines) + "\n\n", encoding="utf-8")
    return path


class _Fixed:
    """Splits 보았다 as 보 었다, and takes 책 for a proper noun."""

    name, version = "fixed", "1"

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        found = [("책", "NNP", 0), ("을", "JKO", 1), ("보", "VV", 3), ("었다", "EF", 4), (".", "SF", 6)]
        for _ in texts:
            yield [Morph(form, tag, start, start + 1, form) for form, tag, start in found]


def test_worked_example(tmp_path: Path) -> None:
    [sentence] = read_gold(_write(tmp_path / "gold.conllu", _GOLD))
    assert sentence.text == "책을 보았다. 이라는"
    # 아 and 어 forms are one; the last eojeol's lemma and tags differ in parts.
    assert sentence.eojeols == [
        [("책", "NNG"), ("을", "JKO")],
        [("보", "VV"), ("었", "EP"), ("다", "EF"), (".", "SF")],
        None,
    ]
    score = judge(_Fixed(), [sentence])
    assert (score.n_gold, score.n_found, score.n_left_out) == (6, 5, 1)
    assert (score.segmentation_precision, score.segmentation_recall) == (80.0, 66.67)  # 책 을 보 .
    assert (score.tag_precision, score.tag_recall, score.tag_f1) == (60.0, 50.0, 54.55)


def test_common_subsequences() -> None:
    assert n_common("abcbdab", "bdcaba") == 4
    assert n_common("", "a") == n_common("a", "") == 0


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\t책\n")
    with pytest.raises(DataError, match="a:1: 2 columns: expected the ten"):
        read_gold(tmp_path / "a")
    (tmp_path / "b").write_text("\n")
    with pytest.raises(InputError, match="holds no sentence"):
        read_gold(tmp_path / "b")
    with pytest.raises(InputError, match="cannot be read"):
        read_gold(tmp_path / "c")


@pytest.mark.data
def test_analysers_on_real_text(data_dir: Path, fine_analyzer: Analyzer) -> None:
    sentences = read_gold(data_dir / "ud_gsd" / "ko_gsd-ud-test.conllu")[:200]
    score = judge(fine_analyzer, sentences)
    assert score.segmentation_f1 > 91
    assert score.tag_f1 > 86
