"""Machine reading: a question and a text in, the span of the text that answers it out; or that nothing does.

Texts of any length are read in windows. An answer is always cut from the original text by its characters, never put
together from tokens. Files are read in `qa_files.py`, scored by the rules in `qa_metrics.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import CheckpointError, InputError, OptionError
from malmoi.tasks.gold import check_as_many, gold_labels
from malmoi.tasks.particles import trimmed_end
from malmoi.tasks.qa_decode import Candidate, best_spans
from malmoi.tasks.qa_files import QaExample, make_example, read_jsonl, read_squad, read_texts_by_id
from malmoi.tasks.qa_metrics import RULES, Rule, exact_and_f1, rule_of
from malmoi.tasks.spans import check_span, text_field
from malmoi.tasks.task import Head, Reader, Row, Scores, Task, TaskTokenizer, check_finite, check_room
from malmoi.tasks.windows import Spans, Window, tokens_of, tokens_of_texts, windows
from malmoi.text import hangul_share

_N_SPECIAL = 3
_START, _END = 1, 2


@dataclass(frozen=True)
class QaPrediction:
    """An answer, how sure the model is of it, and what else it may be."""

    text: str | None
    """The answer as it stands in the context; `None`: there is none."""
    start: int | None = None
    end: int | None = None
    score: float = 1.0
    """Probability among the answers that were weighed, "no answer" one of them."""
    alternatives: tuple[Candidate, ...] = ()
    """The best answers, best first; this one is among them unless it is none."""
    no_answer_score: float | None = None
    """How much more "no answer" scores than the best answer; `None` when the model has not learnt to say so."""

    def to_json(self) -> dict[str, Any]:
        """`{"text", "start", "end", "score", "alternatives"}`, and `no_answer_score` where there is one."""
        record = {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "score": self.score,
            "alternatives": [candidate.to_json() for candidate in self.alternatives],
        }
        return record if self.no_answer_score is None else record | {"no_answer_score": self.no_answer_score}


@dataclass(frozen=True)
class Qa(Task[QaExample, QaPrediction]):
    """Finds the span of a text that answers a question."""

    name: ClassVar[str] = "qa"
    Example: ClassVar[type] = QaExample
    READERS: ClassVar[Mapping[str, Reader]] = {
        "jsonl": read_jsonl,
        "squad": read_squad,
        "squad-v2": read_squad,
        "korquad": read_squad,
        "klue-mrc": read_squad,
    }
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r'\s*\{[^\[\{]{0,4000}?"data"\s*:\s*\[': "squad",
    }
    main_metric: ClassVar[str] = "f1"
    max_tokens: ClassVar[int] = 384

    labels: tuple[str, ...] = ()
    rule: Rule = "korquad"
    stride: int | None = None
    max_question_tokens: int = 64
    max_answer_tokens: int = 64
    n_best: int = 5
    no_answer_threshold: float | None = None
    """`None`: every question has an answer."""
    trim_particles: bool = False

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise OptionError(f"rule {self.rule!r}: expected one of {', '.join(RULES)}")

    @classmethod
    def from_examples(cls, examples: Iterable[QaExample]) -> Self:
        """See `Task.from_examples`: whose rule scores, and whether a question may have no answer."""
        answered = [bool(answers) for answers in _gold_answers(examples)]
        if not any(answered):
            raise InputError(f"none of {len(answered)} examples has an answer: expected answers to learn from")
        rule = rule_of((example.context for example in examples), all_answered=all(answered), is_korean=_is_korean)
        return cls(rule=rule, no_answer_threshold=None if all(answered) else 0.0)

    @classmethod
    def from_answers(cls, examples: Sequence[QaExample], predictions: Sequence[QaPrediction]) -> Self:
        """See `Task.from_answers`."""
        answered = [bool(answers) for answers in _gold_answers(examples)]
        contexts = (example.context for example in examples)
        return cls(rule=rule_of(contexts, all_answered=all(answered), is_korean=_is_korean))

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> QaExample:
        """See `Task.example_from_json`; answers as `{"text", "start"}` or with SQuAD's `answer_start`."""
        return make_example(record)

    @classmethod
    def prediction_from_json(cls, record: Mapping[str, Any]) -> QaPrediction:
        """See `Task.prediction_from_json`; only `text` is needed, `null` or "" for no answer."""
        text = record.get("text", record.get("label"))  # a bare string comes as a label
        if text is None and "text" not in record:
            raise InputError(f'found the keys {", ".join(record) or "none"}: expected a prediction {{"text": …}}')
        start, end = record.get("start"), record.get("end")
        text = text_field({"text": text}, "text") if text is not None else None
        whole = isinstance(start, int) and isinstance(end, int)
        return QaPrediction(text or None, start if whole else None, end if whole else None)

    @classmethod
    def predictions_by_id(cls, path: Path, examples: Sequence[QaExample]) -> list[QaPrediction] | None:
        """SQuAD's `{id: text}`. A question without a prediction gets none, which is 0 points if it has an answer.

        Raises:
            InputError: none of the ids is a question's, or one is missing among questions without answers.
        """
        texts = read_texts_by_id(path)
        if texts is None:
            return None
        missing = [example.id for example in examples if example.id not in texts]
        if len(missing) == len(examples) or (missing and not all(example.answers for example in examples)):
            raise InputError(
                f"{path} has no prediction for {len(missing)} of {len(examples)} questions, such as {missing[0]!r}: "
                'expected {id: text} for each, "" for no answer'
            )
        return [QaPrediction(texts.get(example.id or "") or None) for example in examples]

    def check(self, example: QaExample) -> None:
        """See `Task.check`: readers have looked at the answers already; an example made in Python has not been."""
        for answer in example.answers or ():
            check_span(example.context, answer.start, answer.start + len(answer.text), answer.text)

    @property
    def head(self) -> Head:
        """Two numbers a token: start and end."""
        return Head("token", 2, "span")

    @property
    def output_names(self) -> tuple[str, ...]:
        """None: a start and an end are no labels."""
        return ()

    def encode_many(self, examples: Sequence[QaExample], tokenizer: TaskTokenizer, max_tokens: int) -> list[list[Row]]:
        """`[CLS] question [SEP] window [SEP]`, segments 0 and 1, a row a window. See `Task.encode_many`."""
        check_room(max_tokens, _N_SPECIAL + 1)
        contexts = list(dict.fromkeys(example.context for example in examples))
        read = dict(zip(contexts, tokens_of_texts(contexts, tokenizer), strict=True))
        questions = tokenizer.encode_ids([example.question for example in examples])
        rows = []
        for example, question in zip(examples, questions, strict=True):
            ids, spans = read[example.context]
            question = self._cut(question, max_tokens)
            golds = None if example.answers is None else _gold_tokens(example, spans)
            room = max_tokens - _N_SPECIAL - len(question)
            found = windows(len(ids), room, self.stride)
            rows.append([_row(question, ids, spans, window, golds, tokenizer) for window in found])
        return rows

    def _cut(self, question: NDArray[np.int32], max_tokens: int) -> NDArray[np.int32]:
        """A question that is too long keeps its beginning and, where Korean asks, its end."""
        n_kept = min(self.max_question_tokens, (max_tokens - _N_SPECIAL) // 2)
        if len(question) <= n_kept:
            return question
        n_last = n_kept // 2
        return np.concatenate((question[: n_kept - n_last], question[len(question) - n_last :]))

    def decode(
        self, example: QaExample, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> QaPrediction:
        """See `Task.decode`. Only tokens of the context are weighed, and [CLS], which means no answer."""
        check_finite(outputs)
        best, no_answer = best_spans(rows, outputs, self.max_answer_tokens, self.n_best)
        candidates = self._answers(example, best, no_answer)
        if not candidates:
            return QaPrediction(None)
        lead = None
        if self.no_answer_threshold is not None:
            lead = no_answer - best[0].score
            if lead > self.no_answer_threshold:
                return QaPrediction(None, None, None, 1 - sum(c.score for c in candidates), candidates, lead)
        first = candidates[0]
        return QaPrediction(first.text, first.start, first.end, first.score, candidates, lead)

    def _answers(self, example: QaExample, best: Sequence[Candidate], no_answer: float) -> tuple[Candidate, ...]:
        """The best spans with their texts, and probabilities in place of scores."""
        if not best:
            return ()
        scores = [candidate.score for candidate in best]
        if self.no_answer_threshold is not None:
            scores.append(no_answer)
        powers = np.exp(np.array(scores) - max(scores))
        shares = powers / powers.sum()
        answers: dict[tuple[int, int], Candidate] = {}
        for candidate, share in zip(best, shares.tolist(), strict=False):
            end = candidate.end
            if self.trim_particles:
                end = trimmed_end(example.context, candidate.start, end, (example.question,))
            text = example.context[candidate.start : end]
            answers.setdefault((candidate.start, end), Candidate(candidate.start, end, share, text))
        return tuple(answers.values())

    def score(self, predictions: Sequence[QaPrediction], examples: Sequence[QaExample]) -> Scores:
        """See `Task.score`; the official `em` and `f1`, and for Korean also without the answers' particles."""
        check_as_many(predictions, examples)
        golds = _gold_answers(examples)
        points = np.array([self._points(p.text, gold) for p, gold in zip(predictions, golds, strict=True)])
        metrics = {"em": 100 * points[:, 0].mean(), "f1": 100 * points[:, 1].mean()}
        if self.rule == "korquad":
            trimmed = np.array(
                [self._points(_trimmed(p, e), g) for p, e, g in zip(predictions, examples, golds, strict=True)]
            )
            metrics |= {"em_trimmed": 100 * trimmed[:, 0].mean(), "f1_trimmed": 100 * trimmed[:, 1].mean()}
        answered = np.array([bool(gold) for gold in golds])
        if not answered.all():
            for name, chosen in (("has_ans", answered), ("no_ans", ~answered)):
                if chosen.any():
                    metrics |= {f"{name}_em": 100 * points[chosen, 0].mean()}
                    metrics |= {f"{name}_f1": 100 * points[chosen, 1].mean()}
        return Scores(len(examples), {name: float(value) for name, value in metrics.items()}, {})

    def _points(self, predicted: str | None, answers: Sequence[str]) -> tuple[float, float]:
        """Exact match and F1. Questions without answers have SQuAD 2.0's rule under KorQuAD's too, which has none."""
        if not answers and self.rule == "korquad":
            return (float(predicted is None),) * 2
        if predicted is None and self.rule != "squad-v2":
            return 0.0, 0.0
        return exact_and_f1(predicted or "", answers, self.rule)

    def to_json(self) -> dict[str, Any]:
        """See `Task.to_json`: the options."""
        options = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}
        return {"task": self.name, "labels": [], **options}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """See `Task.from_json`."""
        if record.get("task") != cls.name:
            raise CheckpointError(f"task {record.get('task')!r}: expected {cls.name!r}; fine-tune the model again")
        names = {field.name for field in fields(cls)} - {"labels"}
        return cls(**{name: value for name, value in record.items() if name in names})


def _row(
    question: NDArray[np.int32],
    ids: NDArray[np.int32],
    spans: Spans,
    window: Window,
    golds: Sequence[tuple[int, int]] | None,
    tokenizer: TaskTokenizer,
) -> Row:
    first = len(question) + 2
    n = first + window.end - window.start + 1
    row_ids, segments, row_spans = np.empty(n, np.int32), np.zeros(n, np.uint8), np.zeros((n, 2), np.int32)
    row_ids[0], row_ids[first - 1], row_ids[-1] = tokenizer.cls_id, tokenizer.sep_id, tokenizer.sep_id
    row_ids[1 : first - 1], row_ids[first:-1] = question, ids[window.start : window.end]
    segments[first:] = 1
    row_spans[first:-1] = spans[window.start : window.end]
    if golds is None:
        return Row(row_ids, segments, spans=row_spans)
    target = np.full(n, -100, np.int64)
    target[0] = 0
    target[first:-1][row_spans[first:-1, 1] > row_spans[first:-1, 0]] = 0
    inside = [(s, e) for s, e in golds if window.start <= s and e < window.end]
    for start, end in inside:
        target[first + start - window.start] |= _START
        target[first + end - window.start] |= _END
    if not inside:
        target[0] = _START | _END
    return Row(row_ids, segments, target, spans=row_spans)


def _gold_tokens(example: QaExample, spans: Spans) -> list[tuple[int, int]]:
    """First and last token of each place of the first answer: others are said in other words, or longer."""
    answers = example.answers or ()
    same = [answer for answer in answers if answer.text == answers[0].text]
    places = (tokens_of(spans, answer.start, answer.start + len(answer.text)) for answer in same)
    return [place for place in dict.fromkeys(places) if place is not None]


def _gold_answers(examples: Iterable[QaExample]) -> list[list[str]]:
    """Texts of the answers of every example, there being one or more.

    Raises:
        InputError: no examples, or one without `answers`.
    """
    expected = "a list in every example, empty where nothing in the context answers; add them"
    found = gold_labels(examples, lambda example: example.answers, "answers", expected)
    return [[answer.text for answer in answers] for answers in found]


def _trimmed(prediction: QaPrediction, example: QaExample) -> str | None:
    if prediction.text is None:
        return None
    start, end = prediction.start, prediction.end
    if start is None or end is None or example.context[start:end] != prediction.text:
        start = example.context.find(prediction.text)
        end = start + len(prediction.text)
    if start < 0:
        return prediction.text
    return example.context[start : trimmed_end(example.context, start, end, (example.question,))]


def _is_korean(text: str) -> bool:
    return hangul_share(text) > 0.5
