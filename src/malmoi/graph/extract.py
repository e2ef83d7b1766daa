"""From a text to its graph: sentences, entities by one model, every ordered pair of them by another.

What the models do is `tasks/tagging.py` and `tasks/relation.py`; merging is `graph.py`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations
from pathlib import Path

from malmoi.artifact import write_text
from malmoi.corpus.sentences import split_sentences
from malmoi.errors import CheckpointError, InputError, OptionError, OutputError
from malmoi.graph.formats import to_graphml, to_json, to_turtle
from malmoi.graph.graph import FoundMention, FoundRelation, Graph, GraphSentence, merge
from malmoi.graph.options import GraphOptions, PageOptions
from malmoi.graph.page import to_html
from malmoi.predictor import Predictor
from malmoi.progress import progress_bar
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
    unrelated = _check_models(entities, relations)
    placed = list(_sentences(text))
    found = entities.predict([{"text": sentence.text} for sentence in placed])
    placed = [
        replace(
            sentence,
            mentions=tuple(
                FoundMention(e.start, e.end, e.text, e.label, e.score)
                for e in prediction.entities
                if e.score >= options.entity_threshold
            ),
        )
        for sentence, prediction in zip(placed, found, strict=True)
    ]
    return merge(_related(placed, relations, unrelated, options.threshold))


def _check_models(entities: Predictor, relations: Predictor) -> str:
    """The label for no relation, the models being of the right tasks."""
    if not isinstance(entities.task, Tagging):
        raise CheckpointError(f"the entities' model is one for {entities.task.name}: expected one for tagging")
    task = relations.task
    if not isinstance(task, Relation):
        raise CheckpointError(f"the relations' model is one for {task.name}: expected one for relation")
    if task.negative is None:
        raise CheckpointError(
            f"the relation model knows {', '.join(task.labels)}: expected a label for pairs without a "
            "relation (no_relation) among them, or every pair would be an edge; train with such examples"
        )
    return task.negative


def _sentences(text: str) -> Iterator[GraphSentence]:
    position = 0
    for sentence in split_sentences(text):
        position = text.index(sentence, position)
        yield GraphSentence(sentence, position)
        position += len(sentence)


def _related(
    sentences: Sequence[GraphSentence], model: Predictor, unrelated: str, threshold: float
) -> list[GraphSentence]:
    """The same sentences with the relations of their mentions."""
    found: list[list[FoundRelation]] = [[] for _ in sentences]
    pairs = (
        (number, *pair)
        for number, sentence in enumerate(sentences)
        for pair in permutations(range(len(sentence.mentions)), 2)
    )
    # A long list of names has many pairs: they are made as they are needed.
    with progress_bar("relations (pairs)", sum(map(_n_pairs, sentences))) as bar:
        while chunk := list(islice(pairs, _PAIRS_AT_ONCE)):
            examples = [_example(sentences[number], subject, obj) for number, subject, obj in chunk]
            for (number, subject, obj), prediction in zip(chunk, model.predict(examples), strict=True):
                score = prediction.probabilities[prediction.label]
                if prediction.label != unrelated and score >= threshold:
                    found[number].append(FoundRelation(subject, obj, prediction.label, score))
            bar.update(len(chunk))
    return [replace(sentence, relations=tuple(f)) for sentence, f in zip(sentences, found, strict=True)]


def _n_pairs(sentence: GraphSentence) -> int:
    return len(sentence.mentions) * (len(sentence.mentions) - 1)


def _example(sentence: GraphSentence, subject: int, obj: int) -> RelationExample:
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
    n_pairs = sum(map(_n_pairs, graph.sentences))
    return GraphReport(len(graph.sentences), n_mentions, n_pairs, len(graph.entities), len(graph.edges), str(out))


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
