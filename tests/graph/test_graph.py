"""Mentions of one name are one entity, relations told twice are one edge with both sentences."""

from marked import sentence

from malmoi.graph.graph import Graph, merge


def test_one_entity_a_name(graph: Graph) -> None:
    assert [(entity.name, entity.type) for entity in graph.entities] == [
        ("한빛전자", "OG"),
        ("파리", "LC"),
        ("이슬 & b", "PS"),
        ("로마", "LC"),
    ]
    assert graph.entities[0].mentions == ((0, 0), (1, 1), (2, 0))


def test_one_edge_for_what_is_told_twice(graph: Graph) -> None:
    told = {(e.subject, e.label, e.object): (e.evidence, e.score) for e in graph.edges}
    assert told == {(0, "방문", 1): (((0, 0), (2, 1)), 0.9), (2, "소속", 0): (((1, 0), (2, 0)), 0.8)}


def test_the_type_that_the_mentions_are_surest_of() -> None:
    made = merge([sentence("<세종:PS>"), sentence("<세종:LC>에서 <세종:LC>로")])
    assert [entity.type for entity in made.entities] == ["LC"]


def test_a_name_is_not_related_to_itself() -> None:
    assert merge([sentence("<부산:LC>에서 <부산:LC>으로", (0, 1, "도착지", 0.9))]).edges == ()


def test_nothing_found() -> None:
    assert merge([sentence("비가 온다.")]).entities == ()
