"""The 15 types of named entities of TTA.KO-10.0852, and scores by type as a table for people. No arithmetic."""

from collections.abc import Mapping

TTA_TYPES: Mapping[str, str] = {
    "AF": "Artifacts",
    "AM": "Animal",
    "CV": "Civilization",
    "DT": "Date",
    "EV": "Event",
    "FD": "Study_field",
    "LC": "Location",
    "MT": "Material",
    "OG": "Organization",
    "PS": "Person",
    "PT": "Plant",
    "QT": "Quantity",
    "TI": "Time",
    "TM": "Term",
    "TR": "Theory",
}
"""Letters of each type and its name in the standard; the sub-classes of a type begin with its letters."""


def entity_table(per_label: Mapping[str, Mapping[str, float]]) -> str:
    """A line a type with precision, recall and F1 in percent and the number of gold entities.

    Args:
        per_label: as `Scores` has it.
    """
    width = max((len(label) for label in per_label), default=0)
    lines = [f"{'':<13} {'개체명':<{max(2, width - 3)}} Precision  Recall  F1 score       n"]
    for label, row in per_label.items():
        numbers = f"{row['precision']:7.2f} {row['recall']:7.2f} {row['f1']:9.2f} {row['n']:7.0f}"
        lines.append(f"{TTA_TYPES.get(label, ''):<13} {label:<{width}}   {numbers}")
    return "\n".join(lines)
