"""Commands to search one's own texts: embed, sent2vec, index, index-delete, search, answer, mine, search-eval."""

from pathlib import Path
from typing import Annotated

from malmoi.cli.app import Flat, ModelPath, TextOrDash, app, print_record, print_report, say, stdin_lines
from malmoi.engine import Engine
from malmoi.search.options import AnswerOptions, By, MineOptions, Sent2VecOptions, Unit
from malmoi.shipped import find_model


@app.command
def embed(
    model: ModelPath,
    file: TextOrDash = "-",
    /,
    *,
    out: Path | None = None,
    device: str | None = None,
    workers: int = 1,
    engine: Engine = "local",
) -> None:
    """Turn texts into vectors: every object with its "vector", one per line; or all vectors as one NumPy file.

    For example: `malmoi embed embedder texts.jsonl --out vectors.npy`

    Args:
        model: Model directory, best made by `malmoi finetune embedding`.
        file: JSON objects with a "text", or plain lines; - for standard input.
        out: File for the vectors alone (.npy, float32, one row per text); by default lines are printed.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
        workers: Worker processes.
        engine: Where workers run: in processes of this machine, or on a Ray cluster.
    """
    from malmoi.search.bulk import embed_records, write_vectors
    from malmoi.search.documents import read_texts

    records = read_texts(None if file == "-" else Path(file))
    made = embed_records(model, records, device=device, workers=workers, engine=engine)
    if out is not None:
        n_rows, width = write_vectors(out, (vector for _, vector in made))
        say(f"{out}: {n_rows:,} vectors of {width}")
        return
    for record, vector in made:
        print_record({**record, "vector": [round(float(value), 7) for value in vector]})


@app.command
def sent2vec(
    texts: Path,
    /,
    *,
    out: Path,
    options: Annotated[Sent2VecOptions, Flat] = Sent2VecOptions(),
    force: bool = False,
) -> None:
    """Learn sentence vectors (Sent2Vec) from your own texts; minutes on a CPU.

    For example: `malmoi sent2vec texts.txt --out sent2vec`

    Args:
        texts: JSON objects with a "text", or plain lines; best the texts that will be searched.
        out: Directory to make.
        force: Replace what stands at --out.
    """
    from malmoi.search.documents import read_texts
    from malmoi.search.sent2vec import texts_of, train_sent2vec

    print_report(train_sent2vec(texts_of(read_texts(texts)), out, options, force=force))


@app.command
def index(
    model: str,
    documents: Path,
    /,
    *,
    out: Path,
    update: bool = False,
    unit: Unit = "morpheme",
    device: str | None = None,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> None:
    """Make documents searchable: a directory that is their index; or add more to one.

    For example: `malmoi index embedder documents.jsonl --out index`

    Args:
        model: Directory of an embedder or of sent2vec; or the word lexical, to search by words alone.
        documents: JSON Lines {"id", "text", ...}; other fields are kept, to filter by.
        out: Directory to make, or with --update the one to add to.
        update: Add documents to --out and replace those with the same ids.
        unit: What a term is: content morphemes, or what stands between spaces (eojeol).
        device: cpu, cuda, cuda:1 ...; by default the best device found.
        workers: Processes that embed.
        engine: Where workers run: in processes of this machine, or on a Ray cluster.
        force: Replace what stands at --out.
    """
    from malmoi.search.build import build_index, update_index

    model = str(find_model(model))
    if update:
        print_report(update_index(model, documents, out, device=device))
        return
    print_report(
        build_index(model, documents, out, unit=unit, device=device, workers=workers, engine=engine, force=force)
    )


@app.command(name="index-delete")
def index_delete(index: Path, /, *, ids: list[str] | None = None, where: str | None = None) -> None:
    """Delete documents from an index.

    Args:
        index: Made by `malmoi index`.
        ids: Ids of documents; give --ids once for each.
        where: Or a condition on their fields, in SQL.
    """
    from malmoi.search.build import delete_documents

    print_record({"deleted": delete_documents(index, ids=ids, where=where)})


@app.command
def search(
    index: Path,
    query: TextOrDash,
    /,
    *,
    top_k: int = 5,
    where: str | None = None,
    by: By | None = None,
    model: ModelPath | None = None,
    device: str | None = None,
) -> None:
    """Search an index: one JSON object per document, best first.

    For example: `malmoi search index '도서관은 몇 시에 여나요?' --top-k 3`

    Args:
        index: Made by `malmoi index`.
        query: What to search for; - for one query per line on standard input.
        top_k: Documents to return, at most.
        where: A condition on their fields, in SQL: "year >= 2020 AND source = '법'".
        by: Terms (lexical), vectors (vector), or both, by their scores (hybrid) or their ranks (rrf); by default hybrid
            where there are vectors.
        model: Where the model is now, if it has moved since the index was made.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
    """
    from malmoi.search.index import Index

    opened = Index.load(index, model=model, device=device)
    if query != "-":
        for hit in opened.search(query, top_k, where=where, by=by):
            print_record(hit.to_json())
        return
    for line in stdin_lines():
        hits = [hit.to_json() for hit in opened.search(line, top_k, where=where, by=by)] if line.strip() else []
        print_record({"query": line, "hits": hits})


@app.command
def answer(
    index: Path,
    question: TextOrDash,
    /,
    *,
    rerank: ModelPath | None = None,
    read: ModelPath | None = None,
    options: Annotated[AnswerOptions, Flat] = AnswerOptions(),
    where: str | None = None,
    model: ModelPath | None = None,
    device: str | None = None,
) -> None:
    """Answer a question from an index: the best document, or the span of it that answers; null for no answer.

    For example: `malmoi answer index '도서관은 몇 시에 여나요?' --rerank pairs-model`

    Args:
        index: Made by `malmoi index`.
        question: The question; - for one question per line on standard input.
        rerank: Model fine-tuned for pair or regression, embedder or Sent2Vec, to order the candidates.
        read: Model fine-tuned for qa, to find the span.
        where: A condition on the documents' fields, in SQL.
        model: Where the index's model is now, if it has moved.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
    """
    from malmoi.predictor import Predictor
    from malmoi.search.answer import Answerer, load_reranker
    from malmoi.search.index import Index

    answerer = Answerer(
        Index.load(index, model=model, device=device),
        None if rerank is None else load_reranker(rerank, options.positive, device=device),
        None if read is None else Predictor.load(read, device=device),
        options,
    )
    questions = [question] if question != "-" else (line for line in stdin_lines() if line.strip())
    for asked in questions:
        print_record(answerer.answer(asked, where).to_json())


@app.command
def mine(
    index: Path,
    pairs: Path,
    /,
    *,
    format: str = "auto",
    positive: str | None = None,
    options: Annotated[MineOptions, Flat] = MineOptions(),
    model: ModelPath | None = None,
    device: str | None = None,
) -> None:
    """Make training data of an index's near misses: one JSON object per line.

    For example: `malmoi mine index pairs.jsonl --target pair > mined.jsonl`

    Args:
        index: Made by `malmoi index` from the texts that are right for some question.
        pairs: Questions with the text that is right for them, as `malmoi finetune embedding` takes them.
        format: Format of the pairs; by default recognised by its content.
        positive: In files of labelled pairs, the label of those that mean the same.
        model: Where the index's model is now, if it has moved.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
    """
    from malmoi.search.index import Index
    from malmoi.search.mine import mine as run
    from malmoi.search.pairs import read_pairs

    for record in run(Index.load(index, model=model, device=device), read_pairs(pairs, format, positive), options):
        print_record(record)


@app.command(name="search-eval")
def search_eval(
    documents: Path,
    queries: Path,
    /,
    *,
    models: list[ModelPath] | None = None,
    rerank: list[ModelPath] | None = None,
    positive: str | None = None,
    candidates: int = 10,
    device: str | None = None,
) -> None:
    """Compare retrievers on queries with known answers: terms, models, both together, each also re-ranked.

    For example: `malmoi search-eval documents.jsonl queries.jsonl --models sent2vec --models embedder`

    Args:
        documents: JSON Lines {"id", "text"}.
        queries: JSON Lines {"query", "relevant": [ids]}.
        models: Directories of embedders and of sent2vec; give --models once for each.
        rerank: What orders the candidates anew: models fine-tuned for pair or regression, embedders, Sent2Vec; repeat
            --rerank for each.
        positive: Its label that means "this one"; by default 1 of 0 and 1.
        candidates: Documents that it puts in order.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
    """
    from malmoi.search.evaluate import HEADER, evaluate_search

    say(HEADER)
    rows = evaluate_search(
        documents, queries, models or (), rerank=rerank or (), positive=positive, candidates=candidates, device=device
    )
    for row in rows:
        say(str(row))
        print_record(row.to_json())
