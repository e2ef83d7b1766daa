"""The official rules, against another writing of them, on made-up answers of every nasty kind."""

import re
import string

import numpy as np
import pytest

from malmoi.tasks.qa_metrics import Rule, exact_and_f1, normalize_korquad, normalize_squad, rule_of

PIECES = [
    *("the", "The", "a", "an", "A.", "theory", "cat", "U.S.", "don't", "1,000", "a-b", "", " ", "  ", "\t"),
    *(
        "서울",
        "서울특별시",
        "‘서울’",
        "“서울”",
        "《홍길동전》",
        "<홍길동전>",
        "〈춘향전〉",
        "(춘향)",
        "「별」",
        "가",
        "가가",
        "나비",
    ),
    *("!", "…", "'", '"', "_", "^", "é", "İ", "ß", "½", "\u00a0", "\u3000", "．"),
]


def words(text: str, rule: str) -> list[str]:
    """The rules once more, character by character."""
    out = ""
    for char in text:
        if rule == "korquad" and char in "'\"《》<>〈〉()‘’":
            out += " "
        else:
            out += "".join(c for c in char.lower() if c not in string.punctuation)
    if rule != "korquad":
        out = re.sub(r"(?<!\w)(?:the|an|a)(?!\w)", " ", out)
    return re.split(r"\s+", out.strip()) if out.strip() else []


def reference(prediction: str, answers: list[str], rule: str) -> tuple[float, float]:
    if rule == "squad-v2":
        answers = [answer for answer in answers if words(answer, rule)] or [""]
    points = []
    for answer in answers:
        a, b = words(prediction, rule), words(answer, rule)
        exact = float(a == b)
        if rule == "korquad":
            a, b = list("".join(a)), list("".join(b))
        rest, same = list(b), 0
        for item in a:
            if item in rest:
                rest.remove(item)
                same += 1
        f1 = 2 * (same / len(a)) * (same / len(b)) / (same / len(a) + same / len(b)) if same else 0.0
        if rule == "squad-v2" and (not a or not b):
            f1 = float(a == b)
        points.append((exact, f1))
    return max(p[0] for p in points), max(p[1] for p in points)


@pytest.mark.parametrize("rule", ["squad", "squad-v2", "korquad"])
def test_equals_another_writing_of_the_rules(rule: Rule) -> None:
    generator = np.random.default_rng(5)

    def text() -> str:
        joint = str(generator.choice(["", " "]))
        return joint.join(generator.choice(PIECES, int(generator.integers(0, 5))).tolist())

    for _ in range(4000):
        answers = [text() for _ in range(int(generator.integers(1, 4)))]
        prediction = answers[0] if generator.random() < 0.2 else text()
        expected = reference(prediction, answers, rule)
        assert exact_and_f1(prediction, answers, rule) == pytest.approx(expected), (prediction, answers)


@pytest.mark.parametrize(
    ("text", "squad", "korquad"),
    [
        ("The  Cat's meow!", "cats meow", "the cat s meow"),
        ("a-b, an U.S. a", "ab us", "ab an us a"),
        ("《별》(1992)", "《별》1992", "별 1992"),
        ("“달” 「해」", "“달” 「해」", "“달” 「해」"),
    ],
)
def test_normalisation_by_hand(text: str, squad: str, korquad: str) -> None:
    assert (normalize_squad(text), normalize_korquad(text)) == (squad, korquad)


def test_ties_and_empties() -> None:
    # Equal, and yet no word in common: the scripts of 1.1 and of KorQuAD give F1 0.
    assert exact_and_f1("", ["the"], "squad") == (1.0, 0.0)
    assert exact_and_f1("!", ["?"], "korquad") == (1.0, 0.0)
    assert exact_and_f1("", ["the"], "squad-v2") == (1.0, 1.0)
    assert exact_and_f1("cat", [], "squad-v2") == (0.0, 0.0)
    assert exact_and_f1("", [], "squad-v2") == (1.0, 1.0)
    assert exact_and_f1("가", [], "korquad") == (0.0, 0.0)
    assert exact_and_f1("가나", ["다가", "가나다"], "korquad") == (0.0, pytest.approx(0.8))


def test_whose_rule() -> None:
    def korean(text: str) -> bool:
        return text == "글"

    assert rule_of(["글", "글", "text"], all_answered=False, is_korean=korean) == "korquad"
    assert rule_of(["text", "글"], all_answered=True, is_korean=korean) == "squad"
    assert rule_of(["text"], all_answered=False, is_korean=korean) == "squad-v2"
