"""The rows of `tasks.py`: which data sets, how each is divided, how each is judged, and what others reached.

A row names its files below the folder of data sets. Where a data set has one file with labels, it is divided here, by
a rule that anybody can follow. What others reached stands with its conditions: they are hardly ever the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Parts = tuple[list[Any], list[Any]]


@dataclass(frozen=True, kw_only=True)
class Division:
    """How the examples of one file become those to learn from and those to judge by."""

    rule: str
    """In words."""
    divide: Callable[[Sequence[Any]], Parts]


def last(n: int) -> Division:
    """The last `n` examples judge."""
    return Division(rule=f"the last {n:,} judge", divide=lambda all: (list(all[:-n]), list(all[-n:])))


def every(n: int) -> Division:
    """Every `n`th example judges."""

    def divide(all: Sequence[Any]) -> Parts:
        return [e for i, e in enumerate(all, start=1) if i % n], list(all[n - 1 :: n])

    return Division(rule=f"every {n}th judges", divide=divide)


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """A line of the table."""

    title: str
    task: str
    train: str | None
    """None: nothing is trained."""
    judged: str | None = None
    """None: a part of `train`; see `division`."""
    division: Division | None = None
    split: str | None = None
    """A file for `malmoi split-articles`, which makes `train` and `judged` of one file of questions."""
    n_train: int | None = None
    """Learn from so many, taken evenly; None: from all."""
    options: tuple[str, ...] = ()
    """Of `malmoi finetune`, beside what is the same in all rows."""
    metrics: tuple[str, ...]
    """The official ones, the first first."""
    elsewhere: str
    """What the lecture or a paper has, and its conditions."""


_LECTURE = "lecture: BERT-base 110M, English, GLUE's test set"
_KLUE = "KLUE-BERT-base 110M, 62 GB of text, KLUE's hidden test set"
_SMALL = "KoELECTRA-small-v2 14M, 14 GB of text"

ROWS: dict[str, TaskRow] = {
    "nsmc": TaskRow(
        title="NSMC",
        task="classification",
        train="nsmc/ratings_train.txt",
        judged="nsmc/ratings_test.txt",
        metrics=("accuracy",),
        elsewhere=f"88.3 (lecture: multilingual BERT 178M); 88.64 ({_SMALL})",
    ),
    "klue-nli": TaskRow(
        title="KLUE-NLI",
        task="pair",
        train="klue/nli/klue-nli-v1.1_train.json",
        judged="klue/nli/klue-nli-v1.1_dev.json",
        metrics=("accuracy",),
        elsewhere=f"81.63 ({_KLUE})",
    ),
    "klue-sts": TaskRow(
        title="KLUE-STS, 1,000 split off",
        task="regression",
        train="klue/sts/klue_sts_train.csv",
        division=last(1_000),
        metrics=("pearson", "spearman"),
        elsewhere=f"90.85 Pearson ({_KLUE})",
    ),
    "korsts": TaskRow(
        title="KorSTS",
        task="regression",
        train="korsts/sts-train.tsv",
        judged="korsts/sts-test.tsv",
        metrics=("spearman", "pearson"),
        elsewhere=f"78.28 Spearman ({_SMALL}, the same files)",
    ),
    "ynat": TaskRow(
        title="YNAT",
        task="classification",
        train="klue/ynat/train_data.csv",
        division=last(5_000),
        metrics=("macro_f1", "accuracy"),
        elsewhere=f"85.49 macro-F1 ({_KLUE})",
    ),
    "question-pairs": TaskRow(
        title="Question pairs",
        task="pair",
        train="question_pair/train.txt",
        judged="question_pair/test.txt",
        metrics=("accuracy",),
        elsewhere=f"93.66 ({_SMALL}, the same files); the lecture's 98.3 is of other questions",
    ),
    "paws-x": TaskRow(
        title="PAWS-X ko, learnt from question pairs",
        task="pair",
        train="question_pair/train.txt",
        judged="pawsx/test_2k.tsv",
        metrics=("accuracy",),
        elsewhere=f"74.50 ({_SMALL}, learnt from 49,401 pairs of PAWS); the more frequent label alone: about 55",
    ),
    "korquad": TaskRow(
        title="KorQuAD 1.0, 110 and 30 articles of dev",
        task="qa",
        train="korquad/KorQuAD_v1.0_dev.json",
        split="korquad/split.json",
        metrics=("em", "f1", "em_trimmed", "f1_trimmed"),
        elsewhere="81.78 / 90.75 (lecture: KorBERT-like base, syllables, 60,407 questions to learn from); "
        f"81.43 / 90.37 ({_SMALL}, the same 60,407)",
    ),
    "konec": TaskRow(
        title="KONEC, 15 types, by syllable",
        task="tagging",
        train="konec/konec-dev.tsv",
        division=last(1_000),
        options=("--unit", "syllable"),
        metrics=("f1", "precision", "recall"),
        elsewhere="none known on this part; KLUE-NER, 6 types, 84.77 entity F1 (KLUE-BERT-base)",
    ),
    "klue-re": TaskRow(
        title="KLUE-RE, a tenth of train",
        task="relation",
        train="klue/re/klue_re_train_subset.tsv",
        division=every(5),
        metrics=("micro_f1", "auprc"),
        elsewhere=f"66.44 / 66.17 ({_KLUE}, ten times the examples); the lecture's 85.7 is accuracy on KAIST's data",
    ),
    "sst-2": TaskRow(
        title="SST-2 (English)",
        task="classification",
        train="en/glue/SST-2/train.tsv",
        judged="en/glue/SST-2/dev.tsv",
        metrics=("accuracy",),
        elsewhere=f"93.5 ({_LECTURE})",
    ),
    "cola": TaskRow(
        title="CoLA (English)",
        task="classification",
        train="en/glue/CoLA/train.tsv",
        judged="en/glue/CoLA/dev.tsv",
        metrics=("matthews",),
        elsewhere=f"52.1 ({_LECTURE})",
    ),
    "rte": TaskRow(
        title="RTE (English)",
        task="pair",
        train="en/glue/RTE/train.tsv",
        judged="en/glue/RTE/dev.tsv",
        metrics=("accuracy",),
        elsewhere=f"66.4 ({_LECTURE})",
    ),
    "sts-b": TaskRow(
        title="STS-B (English)",
        task="regression",
        train="en/glue/STS-B/train.tsv",
        judged="en/glue/STS-B/dev.tsv",
        metrics=("pearson", "spearman"),
        elsewhere=f"85.8 Spearman ({_LECTURE})",
    ),
    "wnli": TaskRow(
        title="WNLI (English)",
        task="pair",
        train="en/glue/WNLI/train.tsv",
        judged="en/glue/WNLI/dev.tsv",
        metrics=("accuracy",),
        elsewhere="left out by the BERT paper: dev contradicts train, the more frequent label alone has 56.3",
    ),
    "qnli": TaskRow(
        title="QNLI (English), a slice of 9,000",
        task="pair",
        train="en/glue/QNLI/train_slice_9k.jsonl",
        judged="en/glue/QNLI/dev.tsv",
        metrics=("accuracy",),
        elsewhere=f"90.1 ({_LECTURE}, 104,743 to learn from)",
    ),
    "mnli": TaskRow(
        title="MNLI matched (English), a slice of 9,000",
        task="pair",
        train="en/glue/MNLI/train_slice_9k.jsonl",
        judged="en/glue/MNLI/dev_matched.jsonl",
        metrics=("accuracy",),
        elsewhere=f"84.6 ({_LECTURE}, 392,702 to learn from)",
    ),
    "squad": TaskRow(
        title="SQuAD 1.1 (English), 20,000 of train",
        task="qa",
        train="en/squad/train-v1.1.rebuilt.json",
        judged="en/squad/dev-v1.1.rebuilt.json",
        n_train=20_000,
        metrics=("em", "f1"),
        elsewhere="80.8 / 88.5 (lecture: BERT-base 110M, English, 87,599 to learn from)",
    ),
    "codah": TaskRow(
        title="CODAH (English)",
        task="choice",
        train="en/codah/full_data.tsv",
        division=every(5),
        metrics=("accuracy",),
        elsewhere="67.5 (Chen et al. 2019: BERT-large 340M, five folds); the lecture's 81.6 is SWAG; chance is 25",
    ),
    "toeic": TaskRow(
        title="TOEIC (English), three questions, nothing trained",
        task="cloze",
        train=None,
        judged="toeic/test.json",
        metrics=("accuracy",),
        elsewhere="76 (lecture: BERT pre-trained on English, many questions); three questions show only that it runs",
    ),
}
