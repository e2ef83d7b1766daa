"""Commands from text to token shards: corpus, vocab, tokenize, shards."""

from pathlib import Path
from typing import Annotated

from malmoi.cli.app import Flat, ModelPath, TextOrDash, app, print_record, print_report, say, stdin_lines
from malmoi.corpus.options import CorpusOptions
from malmoi.engine import Engine
from malmoi.pretraining.shards import ShardOptions
from malmoi.tokenizer.build import VocabOptions


@app.command
def corpus(
    inputs: list[Path] | None = None,
    /,
    *,
    out: Path,
    options: Annotated[CorpusOptions, Flat] = CorpusOptions(),
    mix: Path | None = None,
    rejects: Path | None = None,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> None:
    """Read, clean, filter and deduplicate text files into a corpus.

    For example: `malmoi corpus my_text --out corpus --rejects rejects.jsonl`

    Args:
        inputs: Files or folders; .gz, .bz2, .xz and .zst are read as they are.
        out: Directory to make.
        mix: File that names several sources with their weights and caps, instead of inputs (JSON Lines).
        rejects: File for the documents that were dropped, with the reason (JSON Lines).
        workers: Worker processes.
        engine: Where workers run: in processes of this machine, or on a Ray cluster.
        force: Replace what stands at --out.
    """
    from malmoi.corpus.build import build_corpus
    from malmoi.corpus.options import corpus_inputs

    chosen = corpus_inputs(inputs or [], mix)
    print_report(build_corpus(chosen, out, options, rejects=rejects, workers=workers, engine=engine, force=force))


@app.command
def vocab(
    corpus: Path,
    /,
    *,
    out: Path,
    options: Annotated[VocabOptions, Flat] = VocabOptions(),
    extend: ModelPath | None = None,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> None:
    """Learn a vocabulary from a corpus, or add to one that a model knows.

    For example: `malmoi vocab corpus --out tokenizer --size 32000`

    Args:
        corpus: Corpus directory, or any file that `malmoi corpus` reads.
        out: Directory to make.
        extend: Tokenizer directory whose entries are kept, with their ids; --size counts them too.
        workers: Worker processes.
        engine: Where workers run: in processes of this machine, or on a Ray cluster.
        force: Replace what stands at --out.
    """
    from malmoi.tokenizer.build import build_vocab
    from malmoi.tokenizer.extend import extend_vocab

    if extend is not None:
        print_report(extend_vocab(corpus, extend, out, options, workers=workers, engine=engine, force=force))
        return
    print_report(build_vocab(corpus, out, options, workers=workers, engine=engine, force=force))


@app.command(name="vocab-compare")
def vocab_compare(first: ModelPath, second: ModelPath, corpus: Path, /, *, max_documents: int = 10_000) -> None:
    """Compare two tokenizers on the same text: two lines of figures, then the eojeols they cut differently.

    Args:
        first: Tokenizer directory; any BERT's, also a vocab.txt alone.
        second: Another tokenizer directory.
        corpus: Corpus directory, or any file that `malmoi corpus` reads.
        max_documents: Documents of the corpus to look at, at most.
    """
    from malmoi.tokenizer.compare import compare

    comparison = compare(first, second, corpus, max_documents=max_documents)
    say(str(comparison))
    for record in comparison.records():
        print_record(record)


@app.command
def tokenize(tokenizer: ModelPath, text: TextOrDash = "-", /, *, special_tokens: bool = True) -> None:
    """Cut text into pieces: one JSON object per line with pieces, ids and spans in the text.

    For example: `malmoi tokenize tokenizer 말모이는 --no-special-tokens`

    Args:
        tokenizer: Tokenizer directory.
        text: The text, or - for lines from standard input.
        special_tokens: Add [CLS] and [SEP].
    """
    from malmoi.tokenizer.tokenizer import Tokenizer

    loaded = Tokenizer.load(tokenizer)
    for line in stdin_lines() if text == "-" else [text]:
        encoding = loaded.encode(line, special_tokens=special_tokens)
        print_record(
            {
                "text": line,
                "pieces": list(encoding.pieces),
                "ids": list(encoding.ids),
                "spans": [list(span) for span in encoding.spans],
            }
        )


@app.command
def shards(
    corpus: Path,
    tokenizer: ModelPath,
    /,
    *,
    out: Path,
    options: Annotated[ShardOptions, Flat] = ShardOptions(),
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> None:
    """Encode a corpus into token shards for pre-training.

    Args:
        corpus: Corpus directory, or any file that `malmoi corpus` reads.
        tokenizer: Tokenizer directory.
        out: Directory to make.
        workers: Worker processes.
        engine: Where workers run: in processes of this machine, or on a Ray cluster.
        force: Replace what stands at --out.
    """
    from malmoi.pretraining.shards import build_shards

    print_report(build_shards(corpus, tokenizer, out, options, workers=workers, engine=engine, force=force))
