"""A graph for other programs: JSON, GraphML (Gephi, networkx) and Turtle (RDF). The page for people is `page.py`."""

import json
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from malmoi.graph.graph import Edge, Graph, entity_key

_DIGITS = 4
NAMESPACE = "urn:malmoi:"


def to_json(graph: Graph) -> str:
    """`to_record` as text."""
    return json.dumps(to_record(graph), ensure_ascii=False, indent=1) + "\n"


def to_record(graph: Graph) -> dict[str, list[dict[str, Any]]]:
    """Entities and relations with where they stand, and the sentences in the format `graph` of relation examples.

    So the sentences can be put right by hand and trained on, for entities and for relations.
    """
    return {
        "entities": [
            {
                "id": number,
                "name": entity.name,
                "type": entity.type,
                "mentions": [_place(graph, *m) for m in entity.mentions],
            }
            for number, entity in enumerate(graph.entities)
        ],
        "relations": [
            {
                "subject": edge.subject,
                "label": edge.label,
                "object": edge.object,
                "score": round(edge.score, _DIGITS),
                "sentences": sorted({sentence for sentence, _ in edge.evidence}),
            }
            for edge in graph.edges
        ],
        "sentences": [
            {
                "text": sentence.text,
                "start": sentence.start,
                "entities": [
                    {"start": m.start, "end": m.end, "label": m.type, "score": round(m.score, _DIGITS)}
                    for m in sentence.mentions
                ],
                "relations": [
                    {"subject": r.subject, "object": r.object, "label": r.label, "score": round(r.score, _DIGITS)}
                    for r in sentence.relations
                ],
            }
            for sentence in graph.sentences
        ],
    }


def _place(graph: Graph, sentence: int, mention: int) -> dict[str, Any]:
    found = graph.sentences[sentence].mentions[mention]
    return {"sentence": sentence, "start": found.start, "end": found.end, "text": found.text}


def _sentences_of(graph: Graph, edge: Edge) -> list[str]:
    return [graph.sentences[number].text for number in sorted({sentence for sentence, _ in edge.evidence})]


_KEYS = {
    "name": ("node", "string"),
    "type": ("node", "string"),
    "mentions": ("node", "int"),
    "label": ("edge", "string"),
    "score": ("edge", "double"),
    "sentences": ("edge", "string"),
}


def to_graphml(graph: Graph) -> str:
    """GraphML: a directed graph; several relations between two entities are several edges."""
    root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for name, (kind, value_type) in _KEYS.items():
        ElementTree.SubElement(root, "key", {"id": name, "for": kind, "attr.name": name, "attr.type": value_type})
    drawn = ElementTree.SubElement(root, "graph", id="G", edgedefault="directed")
    for number, entity in enumerate(graph.entities):
        node = ElementTree.SubElement(drawn, "node", id=f"e{number}")
        _data(node, name=entity.name, type=entity.type, mentions=len(entity.mentions))
    for number, edge in enumerate(graph.edges):
        line = ElementTree.SubElement(
            drawn, "edge", id=f"r{number}", source=f"e{edge.subject}", target=f"e{edge.object}"
        )
        sentences = "\n".join(_sentences_of(graph, edge))
        _data(line, label=edge.label, score=round(edge.score, _DIGITS), sentences=sentences)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _data(parent: ElementTree.Element, **values: object) -> None:
    for name, value in values.items():
        # XML 1.0 has no way to write control characters, not even escaped.
        text = "".join(c for c in str(value) if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))
        ElementTree.SubElement(parent, "data", key=name).text = text


_PREFIXES = f"""\
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix malmoi: <{NAMESPACE}> .
"""


def to_turtle(graph: Graph) -> str:
    """RDF as Turtle: a triple a relation, and beside it a statement with its confidence and its sentences."""
    names = _entity_iris(graph)
    blocks = [_PREFIXES]
    for iri, entity in zip(names, graph.entities, strict=True):
        blocks.append(f"{iri} a <{NAMESPACE}type:{_quoted(entity.type)}> ;\n    rdfs:label {_literal(entity.name)} .\n")
    for edge in graph.edges:
        subject, obj = names[edge.subject], names[edge.object]
        predicate = f"<{NAMESPACE}relation:{_quoted(edge.label)}>"
        sentences = ", ".join(_literal(text) for text in _sentences_of(graph, edge))
        blocks.append(
            f"{subject} {predicate} {obj} .\n"
            f"[] a rdf:Statement ;\n    rdf:subject {subject} ;\n    rdf:predicate {predicate} ;\n"
            f"    rdf:object {obj} ;\n"
            f'    malmoi:confidence "{edge.score:.{_DIGITS}f}"^^xsd:decimal ;\n    malmoi:sentence {sentences} .\n'
        )
    return "\n".join(blocks)


def _entity_iris(graph: Graph) -> list[str]:
    """A name for every entity that stays the same in another graph: its own, and no two alike."""
    return [f"<{NAMESPACE}entity:{_quoted(entity_key(entity.name))}>" for entity in graph.entities]


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _literal(text: str) -> str:
    """A string of Turtle; JSON's escapes are its own."""
    return json.dumps(text, ensure_ascii=False)
