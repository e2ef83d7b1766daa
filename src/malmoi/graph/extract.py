"""From a text to its graph: sentences, entities by one model, every ordered pair of them by another.

What the models do is `tasks/tagging.py` and `tasks/relation.py`; merging is `graph.py`.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations
from pathlib import Path
from typing import Any

from malmoi.artifact import write_text
from malmoi.corpus.sentences import split_sentences
from malmoi.errors import CheckpointError, InputError, OptionError, OutputError
from malmoi.graph.formats import to_graphml, to_json, to_turtle
from malmoi.graph.graph import FoundMention, FoundRelation, Graph, GraphSentence, merge
from malmoi.graph.options import GraphOptions, PageOptions
from malmoi.graph.page import to_html
from malmoi.predictor import Predictor
from malmoi.progress import progress_bar
from malmoi.tasks.catalog import AnyTask
from malmoi.tasks.relation import Relation
from malmoi.tasks.relation_files import RelationExample
from malmoi.tasks.spans import Mention
from malmoi.tasks.tagging import Tagging

_PAIRS_AT_ONCE = 512
SUFFIXES = (".html", ".json", ".graphml", ".ttl")


@dataclass(frozen=True)
class GraphReport:
    """What the graph holds."""

    n_sentences: int
    n_mentions: int
    n_pairs: int
    n_entities: int
    n_relations: int
    out: str

    def __str__(self) -> str:
        return (
            f"sentences: {self.n_sentences:,}\n"
            f"entities: {self.n_entities:,} in {self.n_mentions:,} mentions\n"
            f"relations: {self.n_relations:,}, of {self.n_pairs:,} ordered pairs of mentions\n"
            f"written: {self.out}"
        )


def text_or_file(given: str) -> str:
    """The text that is given, or that of the file it names; of standard input for `-`.

    Raises:
        InputError: nothing but white space; a file that is not UTF-8; something that looks like a file and is none.
    """
    if given == "-":
        given = sys.stdin.read()
    path = Path(given)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # too long for a name, or with NUL in it
        is_file = False
    if is_file:
        try:
            given = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 ({error.reason}): convert it, for instance with iconv") from error
    elif path.suffix in {".txt", ".md", ".text"} and len(given.split()) == 1:
        raise InputError(f"{path} does not exist: expected a text, or the path of a text file")
    if not given.strip():
        raise InputError(f"{path if is_file else 'the text'} is empty: expected sentences")
    return given


def find_graph(text: str, entities: Predictor, relations: Predictor, options: GraphOptions = GraphOptions()) -> Graph:
    """The graph of a text.

    Args:
        text: of any length; a line end is always the end of a sentence.
        entities: a model for tagging.
        relations: a model for relations.
        options: what is sure enough.

    Raises:
        CheckpointError: a model of another task, or a relation model that knows no label for no relation.
    """
    unrelated = check_tasks(entities.task, relations.task)
    placed = list(sentences_of(text))
    found = entities.predict([{"text": sentence.text} for sentence in placed])
    placed = with_mentions(placed, found, options.entity_threshold)
    return merge(_related(placed, relations, unrelated, options.threshold))


def check_tasks(entities: AnyTask, relations: AnyTask) -> str:
    """The label for no relation, the models being of the right tasks.

    Raises:
        CheckpointError: they are not, or there is no such label.
    """
    if not isinstance(entities, Tagging):
        raise CheckpointError(f"the entities' model is one for {entities.name}: expected one for tagging")
    if not isinstance(relations, Relation):
        raise CheckpointError(f"the relations' model is one for {relations.name}: expected one for relation")
    if relations.negative is None:
        raise CheckpointError(
            f"the relation model knows {', '.join(relations.labels)}: expected a label for pairs without a "
            "relation (no_relation) among them, or every pair would be an edge; train with such examples"
        )
    return relations.negative


def with_mentions(
    sentences: Sequence[GraphSentence], predictions: Sequence[Any], threshold: float
) -> list[GraphSentence]:
    """The same sentences with those entities of the predictions that are sure enough."""
    return [
        replace(
            sentence,
            mentions=tuple(
                FoundMention(e.start, e.end, e.text, e.label, e.score)
                for e in prediction.entities
                if e.score >= threshold
            ),
        )
        for sentence, prediction in zip(sentences, predictions, strict=True)
    ]


def sentences_of(text: str) -> Iterator[GraphSentence]:
    """The sentences of a text with their places."""
    position = 0
    for sentence in split_sentences(text):
        position = text.index(sentence, position)
        yield GraphSentence(sentence, position)
        position += len(sentence)


def _related(
    sentences: Sequence[GraphSentence], model: Predictor, unrelated: str, threshold: float
) -> list[GraphSentence]:
    """The same sentences with what the model says of their mentions."""
    pairs = pairs_in(sentences)
    with progress_bar("relations (pairs)", sum(map(n_pairs, sentences))) as bar:

        def predictions() -> Iterator[Any]:
            # A long list of names has many pairs: they are made as they are needed.
            while chunk := list(islice(pairs, _PAIRS_AT_ONCE)):
                yield from model.predict([pair_example(sentences[number], *pair) for number, *pair in chunk])
                bar.update(len(chunk))

        return with_relations(sentences, predictions(), unrelated, threshold)


def pairs_in(sentences: Sequence[GraphSentence]) -> Iterator[tuple[int, int, int]]:
    """Every ordered pair of mentions: the sentence's number and those of the mentions in it."""
    for number, sentence in enumerate(sentences):
        for subject, obj in permutations(range(len(sentence.mentions)), 2):
            yield number, subject, obj


def with_relations(
    sentences: Sequence[GraphSentence], predictions: Iterable[Any], unrelated: str, threshold: float
) -> list[GraphSentence]:
    """The same sentences with those relations that are sure enough; predictions in the order of `pairs_in`."""
    found: list[list[FoundRelation]] = [[] for _ in sentences]
    for (number, subject, obj), prediction in zip(pairs_in(sentences), predictions, strict=True):
        score = prediction.probabilities[prediction.label]
        if prediction.label != unrelated and score >= threshold:
            found[number].append(FoundRelation(subject, obj, prediction.label, score))
    return [replace(sentence, relations=tuple(f)) for sentence, f in zip(sentences, found, strict=True)]


def n_pairs(sentence: GraphSentence) -> int:
    """Ordered pairs of mentions in a sentence."""
    return len(sentence.mentions) * (len(sentence.mentions) - 1)


def pair_example(sentence: GraphSentence, subject: int, obj: int) -> RelationExample:
    """What a relation model is asked about two mentions."""
    ends = (sentence.mentions[subject], sentence.mentions[obj])
    marks = [Mention(end.start, end.end, end.type) for end in ends]
    return RelationExample(sentence.text, marks[0], marks[1])


def write_graph(graph: Graph, out: Path, page: PageOptions = PageOptions(), *, force: bool = False) -> GraphReport:
    """Write a graph in the format that the suffix of `out` names.

    Raises:
        OptionError: another suffix.
        OutputError: the file exists and `force` is off, or its folder does not.
    """
    check_graph_output(out, force=force)
    made = {
        ".html": lambda: to_html(graph, page),
        ".json": lambda: to_json(graph),
        ".graphml": lambda: to_graphml(graph),
        ".ttl": lambda: to_turtle(graph),
    }[out.suffix.lower()]()
    write_text(out, made)
    n_mentions = sum(len(sentence.mentions) for sentence in graph.sentences)
    pairs = sum(map(n_pairs, graph.sentences))
    return GraphReport(len(graph.sentences), n_mentions, pairs, len(graph.entities), len(graph.edges), str(out))


def check_graph_output(out: Path, *, force: bool) -> None:
    """Refuse a place where no graph can be written; asked before the models run.

    Raises:
        OptionError: a suffix that names no format.
        OutputError: see `write_graph`.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise OptionError(f"--out is {out}: expected a name that ends with one of {', '.join(SUFFIXES)}")
    if out.is_dir() or (out.exists() and not force):
        raise OutputError(f"{out} exists already: choose another --out, or pass --force to replace it")
    if not out.parent.is_dir():
        raise OutputError(f"{out.parent} does not exist: make the folder first, or choose another --out")
