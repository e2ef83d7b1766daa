"""Two models that know six sentences by heart give the graph that people wrote down; bad input is refused early."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli import assert_refused, malmoi

from malmoi.errors import CheckpointError, InputError, OptionError, OutputError
from malmoi.graph.extract import check_graph_output, find_graph, text_or_file, write_graph
from malmoi.graph.options import GraphOptions
from malmoi.predictor import Predictor


def gold(travel_models: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (travel_models / "train.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_graph_is_the_one_that_people_wrote_down(travel_models: Path) -> None:
    entities, relations = (Predictor.load(travel_models / name, device="cpu") for name in ("entities", "relations"))
    text = "\n".join(line["text"] for line in gold(travel_models))
    graph = find_graph(text, entities, relations)
    for found, line in zip(graph.sentences, gold(travel_models), strict=True):
        assert text[found.start : found.start + len(found.text)] == found.text == line["text"]
        assert [(m.start, m.end, m.type) for m in found.mentions] == [
            (e["start"], e["end"], e["label"]) for e in line["entities"]
        ]
        assert {(r.subject, r.object, r.label) for r in found.relations} == {
            (r["subject"], r["object"], r["label"]) for r in line["relations"]
        }
    assert find_graph(text, entities, relations, GraphOptions(threshold=1)).edges == ()
    assert find_graph(text, entities, relations, GraphOptions(entity_threshold=1)).entities == ()
    with pytest.raises(CheckpointError, match="one for relation: expected one for tagging"):
        find_graph(text, relations, relations)
    with pytest.raises(CheckpointError, match="one for tagging: expected one for relation"):
        find_graph(text, entities, entities)


def test_the_command(travel_models: Path, tmp_path: Path) -> None:
    flags = ["--entities", travel_models / "entities", "--relations", travel_models / "relations"]
    text = gold(travel_models)[0]["text"]
    out = tmp_path / "그래프.json"
    result = malmoi("graph", text, *flags, "--out", out)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["n_relations"] == len(gold(travel_models)[0]["relations"])
    assert json.loads(out.read_text(encoding="utf-8"))["sentences"][0]["text"] == text
    assert_refused(malmoi("graph", text, *flags, "--out", out), "--force")
    assert_refused(malmoi("graph", text, *flags, "--out", tmp_path / "g.png"), ".html", ".ttl")
    assert_refused(malmoi("graph", "-", *flags, "--out", tmp_path / "g.html", stdin="  \n"), "empty")
    assert_refused(
        malmoi("graph", text, *flags[:2], "--relations", travel_models / "base", "--out", tmp_path / "g.html"),
        "finetune",
    )


def test_every_suffix_is_written(travel_models: Path, tmp_path: Path) -> None:
    entities, relations = (Predictor.load(travel_models / name, device="cpu") for name in ("entities", "relations"))
    graph = find_graph(gold(travel_models)[0]["text"], entities, relations)
    for name in ("g.HTML", "g.json", "g.graphml", "g.ttl"):
        report = write_graph(graph, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 500 and name in str(report)


def test_inputs_and_outputs_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"없음\.txt does not exist"):
        text_or_file("없음.txt")
    (tmp_path / "a.txt").write_bytes("가".encode("cp949"))
    with pytest.raises(InputError, match="UTF-8"):
        text_or_file(str(tmp_path / "a.txt"))
    assert text_or_file("가" * 5000) == "가" * 5000
    with pytest.raises(OutputError, match="does not exist"):
        check_graph_output(tmp_path / "nowhere" / "g.html", force=False)
    with pytest.raises(OptionError, match=r"\.graphml"):
        check_graph_output(tmp_path / "g", force=False)
