"""Exact match and F1 of answers, by the rules of the official scorers of SQuAD 1.1, SQuAD 2.0 and KorQuAD 1.0.

Written from the published rules (Rajpurkar et al. 2016 and 2018; Lim et al. 2019). Strings only: no spans, no files.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

Rule = Literal["squad", "squad-v2", "korquad"]
RULES: tuple[Rule, ...] = ("squad", "squad-v2", "korquad")

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_KORQUAD_BLANKS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
"""KorQuAD makes blanks of these before it drops ASCII punctuation, so they part words; “ and 「 stay."""


def normalize_squad(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single blanks."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split())


def normalize_korquad(text: str) -> str:
    """Quotation marks and brackets become blanks; lower case, no ASCII punctuation, single blanks."""
    return " ".join(text.translate(_KORQUAD_BLANKS).lower().translate(_ASCII_PUNCTUATION).split())


def exact_and_f1(prediction: str, answers: Sequence[str], rule: Rule) -> tuple[float, float]:
    """Exact match and F1 (0 to 1) of a predicted text, each the best over the gold answers.

    Args:
        prediction: the text; empty for no answer.
        answers: the gold answers; none for a question that has no answer.
        rule: whose. `squad` and `korquad` know no questions without answers: 0 for whatever is predicted.
    """
    if rule == "squad-v2":
        answers = [answer for answer in answers if normalize_squad(answer)] or [""]
    elif not answers:
        return 0.0, 0.0
    normalize = normalize_korquad if rule == "korquad" else normalize_squad
    f1 = {"squad": _word_f1, "squad-v2": _word_f1_or_none, "korquad": _character_f1}[rule]
    predicted = normalize(prediction)
    golds = [normalize(answer) for answer in answers]
    return float(predicted in golds), max(f1(predicted, gold) for gold in golds)


def _word_f1(predicted: str, gold: str) -> float:
    return _overlap(predicted.split(), gold.split())


def _word_f1_or_none(predicted: str, gold: str) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    return _word_f1(predicted, gold)


def _character_f1(predicted: str, gold: str) -> float:
    return _overlap(list("".join(predicted.split())), list("".join(gold.split())))


def _overlap(predicted: list[str], gold: list[str]) -> float:
    n_same = (Counter(predicted) & Counter(gold)).total()
    return 2 * n_same / (len(predicted) + len(gold)) if n_same else 0.0


def rule_of(texts: Iterable[str], *, all_answered: bool, is_korean: Callable[[str], bool]) -> Rule:
    """The rule that fits answers in these texts: KorQuAD's where most of them are Korean."""
    korean = [is_korean(text) for text in texts]
    if sum(korean) * 2 > len(korean):
        return "korquad"
    return "squad" if all_answered else "squad-v2"
