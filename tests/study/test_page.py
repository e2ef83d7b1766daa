"""The page: well-formed, the same for equal reports, nothing of a corpus's text as markup."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from malmoi.study.page import study_page
from malmoi.study.plots import Series, curves, dots
from malmoi.study.report import StudyReport, TaskResult, TaskScore, WayResult, task_score


def way(number: int, score: TaskScore) -> WayResult:
    return WayResult(
        name=f"way-{number}",
        segment="eojeol",
        size=1000 * (number + 1),
        wanted_size=1000,
        about="낱말 & 조각",
        needs_analyzer=bool(number),
        fertility=2.0,
        tokens_per_character=0.5 + number / 10,
        unk_rate=0.001 * number,
        unknown={"<b>": 3},
        characters_per_second=10.0 ** (5 + number),
        examples=[["말모이", "##<는"]],
        n_parameters=10,
        n_steps=20,
        n_tokens=30,
        epochs=0.5,
        pretraining_seconds=60.0,
        masked_bits=3.0 - number,
        eojeol_bits=4.0 + number,
        curve=[(0.5, 6.0), (1.0, 5.0 - number / 2)],
        scores={"nsmc": score},
    )


@pytest.fixture
def report() -> StudyReport:
    score = task_score({"1": {"accuracy": 80.0, "f1": 70.0}, "2": {"accuracy": 82.0, "f1": 71.0}}, "accuracy", 9.0)
    return StudyReport(
        corpus="corpus",
        n_documents=100,
        n_characters=1000,
        n_corpus_characters=2000,
        n_held_out_characters=300,
        n_judged_characters=200,
        n_hidden_eojeols=50,
        operations=1e12,
        seconds=600.0,
        analyzer="kiwi",
        options={"size": "tiny", "epochs": 2, "seeds": 2},
        sentences=["말모이<는 사전이다."],
        tasks=[TaskResult(name="nsmc", task="classification", main_metric="accuracy", n_train=500, n_dev=100)],
        ways=[way(0, score), way(1, replace(score, metrics={"accuracy": 90.0, "f1": 90.0}, by_seed=[90.0, 90.0]))],
    )


def test_means_and_spread_over_seeds(report: StudyReport) -> None:
    score = report.ways[0].scores["nsmc"]
    assert score.metrics == {"accuracy": 81.0, "f1": 70.5}
    assert score.spread["accuracy"] == pytest.approx(2**0.5)
    assert score.by_seed == [80.0, 82.0]


def test_the_page_has_the_figures_and_marks_the_best(report: StudyReport) -> None:
    page = study_page(report)
    assert page == study_page(report)
    for cell in ("<td class='n best'>90.0 ± 1.4", "<td class='n'>81.0 ± 1.4", "<td class='n best'>4.000", "2,000"):
        assert cell in page, cell
    assert "##&lt;는" in page and "낱말 &amp; 조각" in page and "<b>:" not in page
    assert "http" not in page and "<script" not in page


def test_without_tasks_there_are_none_on_the_page(report: StudyReport) -> None:
    page = study_page(replace(report, tasks=[], ways=[replace(one, scores={}) for one in report.ways]))
    assert "<h2>Tasks" not in page and "The language model" in page


@pytest.mark.parametrize(
    "plot",
    [
        dots([Series(name="가&나", values=[1.0])]),
        dots([Series(name="a", values=[1.0, 2.0]), Series(name="b", values=[3.0])], from_zero=True),
        dots([Series(name="a", values=[90_000.0]), Series(name="b", values=[1e7])], logarithmic=True),
        dots([Series(name="a", values=[0.0, 0.0])]),
        curves([Series(name="a", values=[9.0, 5.0, 4.0], places=[0.1, 0.5, 1.0])]),
    ],
)
def test_plots_are_well_formed_and_inside(plot: str) -> None:
    tree = ElementTree.fromstring(plot)
    width, height = map(float, tree.attrib["viewBox"].split()[2:])
    for circle in tree.iter("circle"):
        assert 0 <= float(circle.attrib["cx"]) <= width and 0 <= float(circle.attrib["cy"]) <= height
    for line in tree.iter("polyline"):
        for x, y in re.findall(r"([\d.-]+),([\d.-]+)", line.attrib["points"]):
            assert 0 <= float(x) <= width and 0 <= float(y) <= height
