"""Other programs read what is written: networkx the GraphML, rdflib the Turtle, malmoi's tasks the JSON."""

import json
from io import BytesIO
from pathlib import Path

import networkx
import rdflib
from marked import sentence

from malmoi.graph.formats import NAMESPACE, to_graphml, to_json, to_turtle
from malmoi.graph.graph import Graph, merge
from malmoi.tasks.catalog import detect_format, read_examples
from malmoi.tasks.relation import Relation
from malmoi.tasks.tagging import Tagging


def test_networkx_reads_the_graphml(graph: Graph) -> None:
    read = networkx.read_graphml(BytesIO(to_graphml(graph).encode()))
    assert {data["name"]: data["type"] for _, data in read.nodes(data=True)} == {
        "한빛전자": "OG",
        "파리": "LC",
        "이슬 & b": "PS",
        "로마": "LC",
    }
    [(_, _, told)] = [edge for edge in read.edges(data=True) if edge[2]["label"] == "소속"]
    assert told["score"] == 0.8
    assert told["sentences"].split("\n") == [graph.sentences[1].text, graph.sentences[2].text]


def test_two_relations_of_the_same_two_are_two_edges() -> None:
    made = merge(
        [sentence("<봄:PS>이 <가온:OG>에.", (0, 1, "소속", 0.9)), sentence("<봄:PS>은 <가온:OG>.", (0, 1, "대표", 0.9))]
    )
    assert networkx.read_graphml(BytesIO(to_graphml(made).encode()), force_multigraph=True).number_of_edges() == 2


def test_control_characters_do_not_break_the_xml() -> None:
    made = merge([sentence("<가\x0b나:PS>\x00 <다:LC>", (0, 1, "방\x01문", 0.5))])
    read = networkx.read_graphml(BytesIO(to_graphml(made).encode()))
    assert [data["label"] for *_, data in read.edges(data=True)] == ["방문"]


def test_rdflib_reads_the_turtle(graph: Graph) -> None:
    read = rdflib.Graph().parse(data=to_turtle(graph), format="turtle")
    answer = read.query(
        """SELECT ?who ?where ?confidence ?sentence WHERE {
             ?s rdf:subject/rdfs:label ?who ; rdf:object/rdfs:label ?where ; rdf:predicate ?relation ;
                <urn:malmoi:confidence> ?confidence ; <urn:malmoi:sentence> ?sentence
             FILTER (?relation = <urn:malmoi:relation:%EC%86%8C%EC%86%8D>) }"""
    )
    rows = {tuple(str(cell) for cell in row) for row in answer}  # type: ignore[union-attr]
    assert rows == {("이슬 & b", "한빛전자", "0.8000", graph.sentences[n].text) for n in (1, 2)}
    subjects = {str(subject) for subject in read.subjects(rdflib.RDFS.label)}
    assert len(subjects) == 4 and all(subject.startswith(f"{NAMESPACE}entity:") for subject in subjects)


def test_quotes_and_line_ends_in_turtle() -> None:
    made = merge([sentence('<"빛" \\ 집:OG>은 <섬\t곳:LC>', (0, 1, "본사", 0.5))])
    read = rdflib.Graph().parse(data=to_turtle(made), format="turtle")
    assert str(next(read.objects(predicate=rdflib.URIRef(f"{NAMESPACE}sentence")))) == made.sentences[0].text


def test_the_sentences_of_the_json_are_training_examples(graph: Graph, tmp_path: Path) -> None:
    record = json.loads(to_json(graph))
    file = tmp_path / "put-right.jsonl"
    file.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in record["sentences"]), encoding="utf-8"
    )
    tagged = read_examples(Tagging, file)
    assert [[e.label for e in example.entities] for example in tagged] == [
        ["OG", "LC"],
        ["PS", "OG"],
        ["OG", "PS", "LC", "LC"],
    ]
    assert detect_format(Relation, file) == "graph"
    related = read_examples(Relation, file)
    assert len(related) == 2 + 2 + 12
    assert [example.label for example in related if example.label != "no_relation"] == ["방문", "소속", "방문", "소속"]
    for entity in record["entities"]:
        for place in entity["mentions"]:
            text = record["sentences"][place["sentence"]]["text"]
            assert text[place["start"] : place["end"]] == place["text"]
