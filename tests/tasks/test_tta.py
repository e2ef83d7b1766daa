"""The table of types reads as people know it."""

from malmoi.tasks.tta import TTA_TYPES, entity_table


def test_a_line_a_type() -> None:
    row = {"precision": 100.0, "recall": 50.0, "f1": 200 / 3, "n": 4}
    head, person, other = entity_table({"PS": row, "X": row | {"n": 0}}).split("\n")
    assert head.split() == ["개체명", "Precision", "Recall", "F1", "score", "n"]
    assert person.split() == ["Person", "PS", "100.00", "50.00", "66.67", "4"]
    assert other.split() == ["X", "100.00", "50.00", "66.67", "0"]
    assert len(TTA_TYPES) == 15
    assert entity_table({}).count("\n") == 0
