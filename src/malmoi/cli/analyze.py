"""The command that shows and judges morphological analysers: analyze."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from malmoi.cli.app import TextOrDash, app, print_record, print_report, say, stdin_lines


@app.command
def analyze(
    text: TextOrDash = "-",
    /,
    *,
    analyzer: str = "kiwi",
    score: Path | None = None,
    url: Annotated[str | None, Parameter(env_var="MALMOI_ANALYZER_URL")] = None,
    cache: Path = Path("analyzer-cache.sqlite"),
    requests_a_day: int = 5000,
) -> None:
    """Show what morphological analysers make of text, side by side; or judge them on gold data.

    For example: `malmoi analyze 아버지가방에들어가신다. --analyzer kiwi,mecab`

    Args:
        text: The text, or - for lines from standard input.
        analyzer: One or several of kiwi, mecab, okt and http, separated by commas.
        score: Gold data (CoNLL-U, Sejong tags in XPOS) to judge them on.
        url: Address of the analyser http; its key is taken from MALMOI_ANALYZER_KEY.
        cache: File that keeps the answers of the analyser http.
        requests_a_day: Requests to the analyser http, at most.
    """
    from malmoi.morphology.catalog import make_analyzers
    from malmoi.morphology.http import HttpOptions
    from malmoi.morphology.score import judge, read_gold
    from malmoi.morphology.table import analyze_lines, side_by_side

    key = os.environ.get("MALMOI_ANALYZER_KEY")
    http = HttpOptions(url=url, cache=cache, key=key, max_requests_a_day=requests_a_day) if url else None
    analyzers = make_analyzers(analyzer, http=http)
    if score is not None:
        sentences = read_gold(score)
        for chosen in analyzers:
            print_report(judge(chosen, sentences))
        return
    lines = stdin_lines() if text == "-" else [text]
    # For people: what they asked for by hand. A file that passes through would drown them.
    shown = text != "-" or sys.stdout.isatty()
    n_failed = 0
    for result in analyze_lines(lines, analyzers):
        n_failed += len(result.failures)
        for message in result.failures:
            say(f"line {result.line}: {message}")
        if shown:
            say(side_by_side(result.text, result.analyses))
        if not sys.stdout.isatty():
            analyses = {name: [morph._asdict() for morph in morphs] for name, morphs in result.analyses.items()}
            print_record({"text": result.text, "analyses": analyses})
    if n_failed:
        say(f"error: {n_failed} analyses failed: the lines are named above")
        raise SystemExit(1)
