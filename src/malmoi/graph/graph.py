"""The graph itself: what was found in each sentence, and the same merged over all of them. No models, no drawing.

Mentions with one name are one entity: particles, blanks and the case of Latin letters aside. Two people of one name
are one entity too; nothing here tells them apart.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from malmoi.tasks.particles import trim_particle
from malmoi.text import nfc_with_spans


@dataclass(frozen=True, slots=True)
class FoundMention:
    """A name in a sentence."""

    start: int
    """Its first character in the sentence."""
    end: int
    """Behind its last."""
    text: str
    """The characters between."""
    type: str
    """The entity's type."""
    score: float
    """How sure the model is of it, 0 to 1."""


@dataclass(frozen=True, slots=True)
class FoundRelation:
    """How one mention of a sentence is related to another."""

    subject: int
    """Number of the mention in its sentence."""
    object: int
    """Number of the other."""
    label: str
    """The relation."""
    score: float
    """Its probability."""


@dataclass(frozen=True)
class GraphSentence:
    """A sentence and what was found in it."""

    text: str
    """The sentence."""
    start: int
    """Its first character in the whole text."""
    mentions: tuple[FoundMention, ...] = ()
    """In order, apart from each other."""
    relations: tuple[FoundRelation, ...] = ()
    """Those that are sure enough."""


@dataclass(frozen=True)
class Entity:
    """Mentions of one name."""

    name: str
    """The name as it stands most often, without particles."""
    type: str
    """The type that its mentions are surest of, taken together."""
    mentions: tuple[tuple[int, int], ...]
    """Sentence and mention, by number."""


@dataclass(frozen=True)
class Edge:
    """One relation between two entities, wherever it is told."""

    subject: int
    """Number of the entity."""
    label: str
    """The relation."""
    object: int
    """Number of the other entity."""
    evidence: tuple[tuple[int, int], ...]
    """Sentence and relation, by number."""
    score: float
    """Of the evidence that is surest."""


@dataclass(frozen=True)
class Graph:
    """Sentences, the entities in them, and how they are related."""

    sentences: tuple[GraphSentence, ...]
    entities: tuple[Entity, ...]
    """In the order in which the text names them."""
    edges: tuple[Edge, ...]
    """In the order in which the text tells them."""


@dataclass
class _Merged:
    """An entity while its mentions are gathered."""

    names: Counter[str] = field(default_factory=Counter)
    types: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    mentions: list[tuple[int, int]] = field(default_factory=list)


def merge(sentences: Sequence[GraphSentence]) -> Graph:
    """One graph of all sentences."""
    names = _plain_names(sentences)
    merged: dict[str, _Merged] = {}
    for number, sentence in enumerate(sentences):
        for place, mention in enumerate(sentence.mentions):
            name = names[mention.text]
            entity = merged.setdefault(entity_key(name), _Merged())
            entity.names[" ".join(name.split())] += 1
            entity.types[mention.type] += mention.score
            entity.mentions.append((number, place))
    entities = tuple(
        Entity(e.names.most_common(1)[0][0], max(e.types, key=lambda t: e.types[t]), tuple(e.mentions))
        for e in merged.values()
    )
    return Graph(tuple(sentences), entities, tuple(_edges(sentences, entities)))


def _plain_names(sentences: Sequence[GraphSentence]) -> dict[str, str]:
    """Every mention's text → the name without a particle; other sentences may show which it is."""
    texts = {mention.text: sentence.text for sentence in sentences for mention in sentence.mentions}
    # A name is looked for where it may be seen: in the sentences with the same two characters at its front.
    by_front: defaultdict[str, set[str]] = defaultdict(set)
    for sentence in sentences:
        for mention in sentence.mentions:
            by_front[mention.text[:2]].add(sentence.text)
    return {text: trim_particle(text, sorted(by_front[text[:2]])) for text in texts}


def entity_key(name: str) -> str:
    """What names have in common that are one: composed, without blanks, in small letters."""
    return "".join(nfc_with_spans(name)[0].casefold().split())


def _edges(sentences: Sequence[GraphSentence], entities: Sequence[Entity]) -> Iterable[Edge]:
    entity_of = {mention: number for number, entity in enumerate(entities) for mention in entity.mentions}
    evidence: defaultdict[tuple[int, str, int], list[tuple[int, int]]] = defaultdict(list)
    for number, sentence in enumerate(sentences):
        for place, relation in enumerate(sentence.relations):
            ends = entity_of[number, relation.subject], entity_of[number, relation.object]
            # A name that stands twice in a sentence may be related to itself there; that says nothing.
            if ends[0] != ends[1]:
                evidence[ends[0], relation.label, ends[1]].append((number, place))
    for (subject, label, obj), places in evidence.items():
        best = max(sentences[number].relations[place].score for number, place in places)
        yield Edge(subject, label, obj, tuple(places), best)
