"""How well particles are trimmed from answers: on a file of questions, no model needed.

    python benchmarks/particles.py KorQuAD_v1.0_dev.json

Two numbers: of the answers that Hangul follows in their eojeol, how many come back when the whole eojeol is trimmed;
and how many right answers lose something.
"""

import json
import sys
from pathlib import Path

from malmoi.tasks.catalog import read_examples
from malmoi.tasks.particles import trimmed_end
from malmoi.tasks.qa import Qa
from malmoi.text import is_hangul


def main(path: Path) -> dict[str, int]:
    n_glued = n_found = n_hurt = 0
    examples = read_examples(Qa, path)
    for example in examples:
        answer, context = example.answers[0], example.context
        end = answer.start + len(answer.text)
        eojeol_end = end
        while eojeol_end < len(context) and is_hangul(context[eojeol_end]):
            eojeol_end += 1
        n_hurt += trimmed_end(context, answer.start, end, (example.question,)) != end
        if eojeol_end > end:
            n_glued += 1
            n_found += trimmed_end(context, answer.start, eojeol_end, (example.question,)) == end
    return {"answers": len(examples), "hurt": n_hurt, "followed_by_hangul": n_glued, "found": n_found}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
