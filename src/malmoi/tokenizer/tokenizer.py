"""Text to pieces and ids, every piece with its place in the original text.

The cutting itself is done by the `tokenizers` library (see `backend.py`) or, for ways that need an analyser, in
`analysed.py`; this file keeps spans exact where the library does not, and reads and writes tokenizer directories.
It learns nothing: see `build.py`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import tokenizers

from malmoi.artifact import write_json, write_text
from malmoi.errors import InputError, OptionError, VocabularyError
from malmoi.morphology.catalog import check_version, make_analyzer
from malmoi.morphology.morph import Analyzer
from malmoi.shipped import find_model
from malmoi.text import nfc_with_spans, replace_half_surrogates
from malmoi.tokenizer.analysed import AnalysedEncoder, Pieces, UnitCutter, join_pieces
from malmoi.tokenizer.backend import analysed_backend, cuts_at_blanks, malmoi_backend, read_backend, vocabulary_of
from malmoi.tokenizer.segment import WAYS, Segment
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary, is_korbert

_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Encoding:
    """One text in pieces; the three lists are equally long."""

    ids: list[int]
    """Ids of the pieces."""
    pieces: list[str]
    """The pieces as the vocabulary lists them."""
    spans: list[tuple[int, int]]
    """Where each piece stands in the original text: characters, end exclusive; empty for [CLS] and [SEP]."""


class Tokenizer:
    """A vocabulary with the rules that cut text by it.

    The names of special tokens are recognised in text, `[MASK]` above all, as transformers does it: whoever
    feeds text of strangers and does not want this must break them up first.
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        *,
        segment: str = "eojeol",
        analyzer: Analyzer | None = None,
        lowercase: bool = False,
    ) -> None:
        """Wrap a `tokenizers` pipeline; users call `load`.

        `analyzer` and `lowercase` are for ways that need an analyser: Kiwi by default; for others `backend`
        decides.

        Raises:
            VocabularyError: the vocabulary is not a BERT's, or `segment` is not a way to cut.
            AnalyzerError: the analyser is not installed.
        """
        way = _way(segment)
        self._backend = backend
        self.segment = segment
        self.vocabulary = vocabulary_of(backend)
        ids = self.vocabulary.id_of
        self.pad_id, self.unk_id = ids["[PAD]"], ids["[UNK]"]
        self.cls_id, self.sep_id, self.mask_id = ids["[CLS]"], ids["[SEP]"], ids["[MASK]"]
        normalizer = backend.normalizer
        # By what it does rather than by its name: NFC, NFKC, alone or in a sequence.
        self._composes = normalizer is not None and normalizer.normalize_str("\u1112\u1161\u11ab") == "\ud55c"
        self._analysed: AnalysedEncoder | None = None
        if way.analyzed:
            analyzer = analyzer or make_analyzer("kiwi")
            self._analysed = AnalysedEncoder(UnitCutter(way, analyzer, lowercase=lowercase), backend)

    @classmethod
    def from_vocabulary(
        cls,
        vocabulary: Vocabulary,
        *,
        segment: str,
        lowercase: bool = False,
        tokens: Sequence[str] = (),
        analyzer: Analyzer | None = None,
    ) -> "Tokenizer":
        """Our own pipeline around a vocabulary.

        Args:
            vocabulary: the entries.
            segment: a key of `WAYS`.
            lowercase: make letters small.
            tokens: entries that are never split; for ways without an analyser.
            analyzer: for ways that need one; by default Kiwi.
        """
        way = _way(segment)
        if way.analyzed:
            backend = analysed_backend(vocabulary, prefix=way.prefix)
            return cls(backend, segment=segment, analyzer=analyzer, lowercase=lowercase)
        return cls(malmoi_backend(vocabulary, lowercase=lowercase, tokens=tokens), segment=segment)

    @classmethod
    def load(cls, directory: str | Path, *, analyzer: Analyzer | None = None) -> "Tokenizer":
        """Read a directory: what `save` wrote, a foreign `tokenizer.json`, or a `vocab.txt` alone.

        `tokenizer_config.json` is respected as transformers does it. A `vocab.txt` alone is taken for an
        uncased BERT's, as transformers does it too: put `{"do_lower_case": false}` into
        `tokenizer_config.json` for a cased one. One in KorBERT's notation (`발견/NNG_`) is taken for KorBERT's.

        Args:
            directory: the directory.
            analyzer: takes the place of the one that the directory names; the answers should be the same.

        Raises:
            InputError: nothing there, or a file that cannot be read. VocabularyError: not a WordPiece
            vocabulary of a BERT, or a way to cut that this version does not know. AnalyzerError: its analyser
            is not installed.

        Warns:
            AnalyzerVersionWarning: its analyser is here in another version.
        """
        directory = find_model(directory)
        try:
            saved = _read_saved(directory)
            way = _way(saved.segment)
            if way.analyzed and not (directory / "tokenizer.json").is_file():
                return cls.from_vocabulary(
                    Vocabulary.load(directory / "vocab.txt"), segment=saved.segment, analyzer=analyzer
                )
            backend = read_backend(directory, prefix=way.prefix)
            if way.analyzed and analyzer is None:
                analyzer = make_analyzer(saved.analyzer)
                check_version(analyzer, saved.analyzer_version, str(directory))
            return cls(backend, segment=saved.segment, analyzer=analyzer, lowercase=saved.lowercase)
        except VocabularyError as error:
            raise VocabularyError(f"{directory}: {error}") from error

    def save(self, directory: Path) -> None:
        """Write `tokenizer.json`, `vocab.txt`, `tokenizer_config.json` and `malmoi.json` into `directory`.

        transformers' AutoTokenizer reads the same directory to the same ids; where an analyser is needed, it is
        to be given `" ".join(tokenizer.words(text))`.
        """
        write_text(directory / "tokenizer.json", self._backend.to_str(pretty=True) + "\n")
        self.vocabulary.save(directory / "vocab.txt")
        # Not BertTokenizer: that class builds a pipeline of its own, without composition (NFC).
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
            **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
        }
        write_json(directory / "tokenizer_config.json", config)
        write_json(directory / "malmoi.json", {"format_version": _FORMAT_VERSION, **self._saved()})

    def _saved(self) -> dict[str, str | bool]:
        if self._analysed is None:
            return {"segment": self.segment}
        cutter = self._analysed.cutter
        return {
            "segment": self.segment,
            "analyzer": cutter.analyzer.name,
            "analyzer_version": cutter.analyzer.version,
            "lowercase": cutter.lowercase,
        }

    @property
    def analyzer(self) -> Analyzer | None:
        """The morphological analyser that runs when text is encoded; None where none does."""
        return self._analysed.cutter.analyzer if self._analysed else None

    @property
    def n_tokens(self) -> int:
        """Entries of the vocabulary."""
        return len(self.vocabulary)

    @cached_property
    def cuts_at_blanks(self) -> bool:
        """Whether the eojeols of a text may be encoded one by one, to the same ids."""
        return self._analysed is None and cuts_at_blanks(self._backend)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of everything that decides ids: equal fingerprints, equal ids for every text."""
        spec = json.loads(self._backend.to_str())
        parts = ("added_tokens", "normalizer", "pre_tokenizer", "model", "post_processor")
        decisive = {part: spec[part] for part in parts}
        if self._analysed:
            decisive["analysed"] = self._saved()
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def encode(self, text: str, *, special_tokens: bool = True) -> Encoding:
        """Cut one text; with `special_tokens` between [CLS] and [SEP]."""
        return self.encode_batch([text], special_tokens=special_tokens)[0]

    def encode_batch(self, texts: Sequence[str], *, special_tokens: bool = True) -> list[Encoding]:
        """Cut many texts, on all cores.

        Raises:
            AnalyzerError: the analyser fails on a text, which the message quotes.
        """
        if self._analysed:
            pieces = self._analysed.encode(texts)
            return [self._enclose(text, found, special_tokens) for text, found in zip(texts, pieces, strict=True)]
        encodings = self._backend.encode_batch(_encodable(texts), add_special_tokens=special_tokens)
        return [self._finish(text, encoding) for text, encoding in zip(texts, encodings, strict=True)]

    def encode_ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids alone, fast: int32 [n_pieces] a text, without [CLS] and [SEP], the same as in `encode`."""
        if self._analysed:
            return [np.array(ids, np.int32) for ids in self._analysed.ids(texts)]
        texts = _encodable(texts)
        if len(texts) == 1:  # not worth waking the threads that share a batch out
            encodings = [self._backend.encode(texts[0], add_special_tokens=False)]
        else:
            encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, np.int32) for encoding in encodings]

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """Text of `ids` for reading, without special tokens; blanks inside may differ from the original's.

        Raises:
            OptionError: an id that the vocabulary does not have.
        """
        ids = [int(i) for i in ids]
        if wrong := [i for i in ids if not 0 <= i < self.n_tokens]:
            raise OptionError(f"id {wrong[0]} is no token: expected 0 to {self.n_tokens - 1}")
        if WAYS[self.segment].tagged:
            names = [self.vocabulary.tokens[i] for i in ids]
            return join_pieces([name for name in names if name not in SPECIAL_TOKENS], WAYS[self.segment])
        return self._backend.decode(ids, skip_special_tokens=True)

    def words(self, text: str) -> list[str]:
        """What WordPiece cuts further: for transformers and others who cannot analyse, to be joined by blanks."""
        if self._analysed:
            return self._analysed.words(text)
        normalizer, pre_tokenizer = self._backend.normalizer, self._backend.pre_tokenizer
        [text] = _encodable([text])
        text = normalizer.normalize_str(text) if normalizer else text
        return [word for word, _ in pre_tokenizer.pre_tokenize_str(text)] if pre_tokenizer else [text]

    def _enclose(self, text: str, pieces: Pieces, special_tokens: bool) -> Encoding:
        if not special_tokens:
            return Encoding(*pieces)
        return Encoding(
            [self.cls_id, *pieces.ids, self.sep_id],
            ["[CLS]", *pieces.names, "[SEP]"],
            [(0, 0), *pieces.spans, (len(text), len(text))],
        )

    def _finish(self, text: str, encoding: tokenizers.Encoding) -> Encoding:
        spans = encoding.offsets
        if self._composes:
            spans = _widen(text, spans)
        return Encoding(encoding.ids, encoding.tokens, _place_special(text, spans, encoding.special_tokens_mask))


def _encodable(texts: Sequence[str]) -> list[str]:
    return list(map(replace_half_surrogates, texts))


def _widen(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The library maps a composed character to the first of the characters it was made of; take them all."""
    _, origins = nfc_with_spans(text)
    if origins is None:
        return spans
    clusters = np.unique(origins, axis=0)
    n_chars = clusters[:, 1] - clusters[:, 0]
    first, last = (np.repeat(clusters[:, side], n_chars).tolist() for side in (0, 1))
    return [(first[start], last[end - 1]) if start < end else (start, end) for start, end in spans]


def _place_special(text: str, spans: list[tuple[int, int]], special: list[int]) -> list[tuple[int, int]]:
    """Added tokens before the text stand at its start, those after it at its end."""
    if not any(special):
        return spans
    in_text = [i for i, flag in enumerate(special) if not flag]
    first = in_text[0] if in_text else 1
    placed = [(0, 0) if i < first else (len(text), len(text)) for i in range(len(spans))]
    for i in in_text:
        placed[i] = spans[i]
    return placed


@dataclass(frozen=True, kw_only=True)
class _Saved:
    """What `malmoi.json` says."""

    segment: str = "eojeol"
    analyzer: str = "kiwi"
    analyzer_version: str = ""
    lowercase: bool = False


def _read_saved(directory: Path) -> _Saved:
    """Foreign directories have no `malmoi.json`; they cut eojeols, but for KorBERT's."""
    path = directory / "malmoi.json"
    if not path.is_file():
        return _Saved(segment="korbert" if is_korbert(directory / "vocab.txt") else "eojeol")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        version, segment = saved.pop("format_version"), str(saved["segment"])
        known = {field.name: saved[field.name] for field in fields(_Saved) if field.name in saved}
        if segment in WAYS and WAYS[segment].analyzed and not {"analyzer", "analyzer_version"} <= set(known):
            raise KeyError("analyzer and analyzer_version")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error!r}): make the tokenizer again") from error
    if version != _FORMAT_VERSION:
        raise VocabularyError(f"format version {version}: expected {_FORMAT_VERSION}; upgrade malmoi")
    return _Saved(**known)


def _way(segment: str) -> Segment:
    if segment not in WAYS:
        raise VocabularyError(f"this tokenizer cuts by {segment!r}: expected one of {', '.join(WAYS)}; upgrade malmoi")
    return WAYS[segment]
