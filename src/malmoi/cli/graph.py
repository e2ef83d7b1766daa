"""The command that makes a graph of a text: graph."""

from pathlib import Path
from typing import Annotated

from malmoi.cli.app import Flat, ModelPath, TextOrDash, app, print_report
from malmoi.graph.options import GraphOptions, PageOptions


@app.command
def graph(
    text: TextOrDash,
    /,
    *,
    entities: ModelPath,
    relations: ModelPath,
    out: Path,
    options: Annotated[GraphOptions, Flat] = GraphOptions(),
    page: Annotated[PageOptions, Flat] = PageOptions(),
    device: str | None = None,
    force: bool = False,
) -> None:
    """Find entities and their relations in a text, and draw them as one graph.

    For example: `malmoi graph text.txt --entities entities --relations relations --out graph.html`

    Args:
        text: The text, or a text file, or - for standard input.
        entities: Model directory, fine-tuned for tagging.
        relations: Model directory, fine-tuned for relation.
        out: File to make: .html to look at, .json, .graphml or .ttl for other programs.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
        force: Replace what stands at --out.
    """
    from malmoi.graph.extract import check_graph_output, find_graph, text_or_file, write_graph
    from malmoi.predictor import Predictor

    check_graph_output(out, force=force)
    read = text_or_file(text)
    models = [
        Predictor.load(path, task=task, device=device)
        for path, task in ((entities, "tagging"), (relations, "relation"))
    ]
    print_report(write_graph(find_graph(read, models[0], models[1], options), out, page, force=force))
