"""Options of a graph: what is in it, and how its page looks."""

from dataclasses import dataclass
from typing import Literal

from malmoi.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class GraphOptions:
    """What is sure enough to be in the graph."""

    threshold: float = 0.5
    """Relations that are less probable are left out."""
    entity_threshold: float = 0.5
    """Entities that the model is less sure of are left out."""

    def __post_init__(self) -> None:
        for name in ("threshold", "entity_threshold"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise OptionError(f"{name} is {value}: expected a probability from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """How the page looks."""

    title: str = ""
    """Heading of the page."""
    language: Literal["ko", "en"] = "ko"
    """Language of the page's own words."""
    max_drawn: int = 120
    """Entities in the drawing, those with most relations; all of them are listed."""

    def __post_init__(self) -> None:
        if self.max_drawn < 2:
            raise OptionError(f"max_drawn is {self.max_drawn}: expected 2 or more")
