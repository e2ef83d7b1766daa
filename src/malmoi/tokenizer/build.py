"""The vocabulary stage: a corpus in, a tokenizer directory out, with a card that says what it does to text.

Words are counted in one pass (`count.py`); everything after works on distinct ones, so memory and time grow with
these and not with the corpus. Merging itself is in `bpe.py`, choosing what becomes an entry in `learn.py`.
"""

from dataclasses import asdict
from itertools import islice
from pathlib import Path

from malmoi.artifact import check_output, staged_directory
from malmoi.corpus.readers import iter_corpus
from malmoi.engine import Engine
from malmoi.morphology.catalog import make_analyzer
from malmoi.tokenizer.card import VocabReport as VocabReport
from malmoi.tokenizer.card import write_card
from malmoi.tokenizer.count import CorpusCounts, counted
from malmoi.tokenizer.learn import Learnt, learn
from malmoi.tokenizer.learn import VocabOptions as VocabOptions
from malmoi.tokenizer.measure import N_EXAMPLES, longest_pieces, measure, pick_sentences, script_shares
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Tokenizer

_N_SENTENCES = 8
_MAX_LEARNT_DOCUMENTS = 1000
"""Documents measured on where none were held out."""


def build_vocab(
    corpus: Path,
    out: Path,
    options: VocabOptions = VocabOptions(),  # noqa: B008  (frozen)
    *,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> VocabReport:
    """Learn a vocabulary from `corpus` and write the tokenizer directory `out`.

    Args:
        corpus: a corpus directory, or a single file of text.
        out: the directory to make: what `Tokenizer.save` writes, `report.json`, `README.md`, `manifest.json`.
        options: see `VocabOptions`.
        workers: processes that count words; the result is the same, bit for bit, for every number.
        engine: processes of this machine or of a Ray cluster.
        force: replace `out` if it exists.

    Raises:
        InputError: the corpus cannot be read or holds no text.
        VocabularyError: the corpus does not give a vocabulary of this size.
        OutputError: `out` cannot be written, or exists.
    """
    check_output(out, force=force)
    # First: it may not be installed.
    analyzer = make_analyzer(options.analyzer) if WAYS[options.segment].cut else None
    with counted(corpus, out, options, workers=workers, engine=engine) as (counts, work):
        learnt = learn(counts.words, options)
        tokenizer = Tokenizer.from_vocabulary(
            learnt.vocabulary,
            segment=options.segment,
            lowercase=options.lowercase,
            tokens=options.tokens,
            analyzer=analyzer,
        )
        report = _judge(tokenizer, corpus, counts, learnt)
        with staged_directory(
            out, kind="tokenizer", options=asdict(options), force=force, temporary=work / "out"
        ) as staged:
            tokenizer.save(staged)
            write_card(report, staged)
    return report


def _judge(tokenizer: Tokenizer, corpus: Path, counts: CorpusCounts, learnt: Learnt) -> VocabReport:
    measured_on, texts = "held-out", counts.held_out
    if not texts:
        documents = islice(iter_corpus(corpus), _MAX_LEARNT_DOCUMENTS)
        measured_on, texts = "learnt", [document.text for document in documents]
    measured = measure(tokenizer, texts)
    sentences = pick_sentences(texts, _N_SENTENCES)
    return VocabReport(
        n_documents=counts.n_documents,
        n_characters=counts.n_characters,
        n_eojeols=counts.n_eojeols,
        n_words=len(counts.words),
        n_forgotten=counts.n_forgotten,
        size=tokenizer.n_tokens,
        n_merges=learnt.n_merges,
        least_count=learnt.least_count,
        n_kept_chars=learnt.n_kept_chars,
        n_dropped_chars=len(learnt.dropped_chars),
        char_coverage=learnt.char_coverage,
        dropped_chars=learnt.dropped_chars[:N_EXAMPLES],
        measured_on=measured_on,
        n_measured_documents=len(texts),
        n_measured_eojeols=measured.n_eojeols,
        fertility=measured.fertility,
        unk_rate=measured.unk_rate,
        unknown=measured.unknown,
        pieces_per_character=measured.pieces_per_character,
        piece_shares=script_shares(tokenizer.vocabulary.tokens),
        longest_pieces=longest_pieces(tokenizer.vocabulary.tokens),
        examples=[
            {"text": sentence, "pieces": tokenizer.encode(sentence, special_tokens=False).pieces}
            for sentence in sentences
        ],
    )
