"""What a tokenizer leaves of exact match before any model: right answers, cut where its tokens begin and end.

    python benchmarks/answer_ends.py KorQuAD_v1.0_dev.json TOKENIZER...

A model that points to tokens cannot answer `서울` where `서울을` is one token. For each tokenizer directory: EM and F1
of the annotators' own spans, widened to its tokens, by the official rule; the same with particles trimmed
(`malmoi evaluate --trim-particles`); how many answers begin and end where tokens do; and tokens a context.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from malmoi.tasks.catalog import read_examples
from malmoi.tasks.particles import trimmed_end
from malmoi.tasks.qa import Qa
from malmoi.tasks.qa_files import QaExample
from malmoi.tasks.qa_metrics import exact_and_f1
from malmoi.tasks.windows import span_array, tokens_of
from malmoi.tokenizer.tokenizer import Tokenizer


def bounds(tokenizer: Tokenizer, examples: Sequence[QaExample]) -> dict[str, float]:
    """The best that can be reached, in percent, and tokens a context."""
    task = Qa.from_examples(examples)
    contexts = list(dict.fromkeys(example.context for example in examples))
    encodings = tokenizer.encode_batch(contexts, special_tokens=False)
    spans_of = {text: span_array(encoding.spans) for text, encoding in zip(contexts, encodings, strict=True)}
    points: dict[str, list[tuple[float, float]]] = {"": [], "_trimmed": []}
    n_exact = 0
    for example in examples:
        answers = [answer.text for answer in example.answers or ()]
        place = (example.answers or ())[0]
        spans = spans_of[example.context]
        found = tokens_of(spans, place.start, place.start + len(place.text))
        if found is None:
            start = end = trimmed = 0
        else:
            start, end = int(spans[found[0], 0]), int(spans[found[1], 1])
            trimmed = trimmed_end(example.context, start, end, (example.question,))
        n_exact += (start, end) == (place.start, place.start + len(place.text))
        for name, last in (("", end), ("_trimmed", trimmed)):
            points[name].append(exact_and_f1(example.context[start:last], answers, task.rule))
    scores = {
        f"{metric}{name}": round(100 * statistics.fmean(point[i] for point in values), 2)
        for name, values in points.items()
        for i, metric in enumerate(("em", "f1"))
    }
    n_tokens = statistics.fmean(len(spans) for spans in spans_of.values())
    return scores | {"same_span": round(100 * n_exact / len(examples), 2), "tokens_a_context": round(n_tokens, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, help="a file of questions: SQuAD, KorQuAD, KLUE-MRC, JSON Lines")
    parser.add_argument("tokenizers", type=Path, nargs="+", help="tokenizer directories")
    arguments = parser.parse_args()
    examples = [example for example in read_examples(Qa, arguments.questions) if example.answers]
    for directory in arguments.tokenizers:
        print(json.dumps({"tokenizer": str(directory), **bounds(Tokenizer.load(directory), examples)}), flush=True)


if __name__ == "__main__":
    main()
