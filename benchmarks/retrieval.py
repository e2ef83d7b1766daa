"""The lecture's search experiment: the right text among thousands, by terms, by vectors, by both, each re-ranked.

Makes documents, queries with known answers and training pairs out of public data (MALMOI_DATA), none of the queries
among the pairs; then runs `malmoi sent2vec`, `finetune embedding`, `mine`, `finetune pair` and `search-eval`, printing
each command. What is made stays in --out, and a step whose output is there is not run again.

    questions   500 questions, each meaning the same as one of 13,500 (question pairs and the chatbot's questions)
    paragraphs  500 questions to the one of 964 paragraphs that answers them (KorQuAD's dev file, trained on other
                articles: malmoi split-articles)
    sentences   500 sentences, each scored 3.5 or more of 5 with one among 10,000 (KLUE-STS)

    python benchmarks/retrieval.py questions --base pretrained --out questions
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

Pairs = list[tuple[str, str]]
N_QUERIES, N_DEV = 500, 300


def write_lines(path: Path, records: Iterable[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def read_rows(path: Path, delimiter: str = ",") -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter=delimiter)


def groups_of(pairs: Pairs) -> list[Pairs]:
    """Pairs that are joined by a common text, in one group each: whoever is asked for must not be learnt from."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            text = parent[text]
        return text

    for first, second in pairs:
        parent[root(first)] = root(second)
    groups: dict[str, Pairs] = {}
    for pair in pairs:
        groups.setdefault(root(pair[0]), []).append(pair)
    return [groups[key] for key in sorted(groups)]


def from_pairs(same: Pairs, others: Iterable[str], out: Path) -> None:
    """Queries are first texts of some pairs, which then are no documents; what means the same is right for them."""
    groups = groups_of([pair for pair in dict.fromkeys(same) if pair[0] != pair[1]])
    random.Random(1).shuffle(groups)
    asked, dev, train = groups[:N_QUERIES], groups[N_QUERIES : N_QUERIES + N_DEV], groups[N_QUERIES + N_DEV :]
    texts = dict.fromkeys([*others, *(text for pair in same for text in pair)])
    for group in asked + dev:
        texts.pop(group[0][0], None)
    ids = {text: str(number) for number, text in enumerate(texts)}
    write_lines(out / "documents.jsonl", ({"id": name, "text": text} for text, name in ids.items()))
    queries = [(g[0][0], sorted({ids[text] for pair in g for text in pair if text in ids})) for g in asked]
    write_lines(out / "queries.jsonl", ({"query": query, "relevant": right} for query, right in queries if right))
    write_lines(out / "pairs.jsonl", ({"first": a, "second": b} for group in train for a, b in group))
    write_lines(out / "dev.jsonl", ({"first": g[0][0], "second": g[0][1]} for g in dev))


def questions(data: Path, out: Path) -> None:
    names = [data / "question_pair" / f"{name}.txt" for name in ("train", "validation", "test")]
    rows = [
        (r["question1"].strip(), r["question2"].strip(), r["is_duplicate"]) for p in names for r in read_rows(p, "\t")
    ]
    others = [row["Q"].strip() for row in read_rows(data / "chatbot" / "ChatbotData.csv")]
    from_pairs([(a, b) for a, b, label in rows if label == "0"], others + [t for a, b, _ in rows for t in (a, b)], out)


def sentences(data: Path, out: Path) -> None:
    rows = list(read_rows(data / "klue" / "sts" / "klue_sts_train.csv"))
    keys = [key for key in rows[0] if key.startswith("sentence")]
    pairs = [(row[keys[0]].strip(), row[keys[1]].strip(), float(row["label"])) for row in rows]
    from_pairs([(a, b) for a, b, score in pairs if score >= 3.5], [t for a, b, _ in pairs for t in (a, b)], out)


def paragraphs(data: Path, out: Path) -> None:
    split = json.loads((data / "korquad" / "split.json").read_text(encoding="utf-8"))
    articles = json.loads((data / "korquad" / "KorQuAD_v1.0_dev.json").read_text(encoding="utf-8"))["data"]
    ids: dict[str, str] = {}
    learnt: Pairs = []
    asked: Pairs = []
    for article in articles:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"].strip()
            ids.setdefault(text, str(len(ids)))
            pairs = [(question["question"].strip(), text) for question in paragraph["qas"]]
            (learnt if article["title"] in split["train"] else asked).extend(pairs)
    random.Random(1).shuffle(asked)
    random.Random(1).shuffle(learnt)
    write_lines(out / "documents.jsonl", ({"id": name, "text": text} for text, name in ids.items()))
    write_lines(out / "queries.jsonl", ({"query": q, "relevant": [ids[text]]} for q, text in asked[:N_QUERIES]))
    write_lines(out / "dev.jsonl", ({"first": q, "second": text} for q, text in learnt[:N_DEV]))
    write_lines(out / "pairs.jsonl", ({"first": q, "second": text} for q, text in learnt[N_DEV:]))


SETS = {"questions": questions, "paragraphs": paragraphs, "sentences": sentences}


def run(*arguments: str | Path, out: Path | None = None, made: Path | None = None) -> None:
    """A command of malmoi; what it prints goes to `out`. Not run where `made` is there."""
    command = ["malmoi", *map(str, arguments)]
    print("$", *command, *(["> " + str(out)] if out else []), flush=True)
    if made is not None and made.exists():
        return
    whole = [str(Path(sys.executable).with_name("malmoi")), *command[1:]]
    if out is None:
        subprocess.run(whole, check=True)
        return
    part = out.with_suffix(".part")
    with part.open("wb") as file:
        subprocess.run(whole, check=True, stdout=file)
    part.replace(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--base", type=Path, required=True, help="a pre-trained directory")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--max-tokens", default="128")
    parser.add_argument("--epochs", default="3", help="of the pair model, and of the embedder, on near misses")
    parser.add_argument("--negatives", default="2", help="near misses a pair")
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    out, cut = given.out, ("--max-tokens", given.max_tokens, "--seed", given.seed)
    out.mkdir(parents=True, exist_ok=True)
    SETS[given.set](Path(os.environ["MALMOI_DATA"]), out)
    documents, pairs, dev = out / "documents.jsonl", out / "pairs.jsonl", out / "dev.jsonl"
    vectors, embedder, mined, better = out / "sent2vec", out / "embedder", out / "hard.jsonl", out / "embedder-mined"
    labelled, pair = out / "labelled.jsonl", out / "pair"
    run("sent2vec", documents, "--epochs", "60", "--out", vectors, made=vectors)
    run("finetune", "embedding", given.base, "--train", pairs, "--dev", dev, "--out", embedder, *cut, made=embedder)
    run("index", embedder, documents, "--out", out / "index", made=out / "index")
    mine = ("mine", out / "index", pairs, "--negatives", given.negatives)
    run(*mine, out=mined, made=mined)
    again = ("--train", mined, "--dev", dev, "--out", better, *cut, "--epochs", given.epochs)
    run("finetune", "embedding", embedder, *again, made=better)
    run(*mine, "--target", "pair", out=labelled, made=labelled)
    learn = ("--train", labelled, "--out", pair, *cut, "--epochs", given.epochs)
    run("finetune", "pair", embedder, *learn, made=pair)
    models = [part for model in (given.base, vectors, embedder, better) for part in ("--models", model)]
    judges = ("--rerank", pair, "--rerank", embedder)
    run("search-eval", documents, out / "queries.jsonl", *models, *judges, out=out / "scores.jsonl")


if __name__ == "__main__":
    main()
