"""The `tokenizers` pipelines behind `Tokenizer`: how ours is put together, and how foreign files are read.

Nothing here knows spans or segments; `tokenizer.py` wraps what this file makes.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from malmoi.artifact import directory_without
from malmoi.errors import InputError, VocabularyError
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

MAX_WORD_CHARS = 50
"""Longer words are cut here: BERT makes [UNK] of a word beyond 100 characters. Time grows with it."""
_BERT_MAX_WORD_CHARS = 100

_CONFIG_KEYS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""What `tokenizer_config.json` calls the settings of BERT's normalizer."""

_LOCAL_NORMALIZERS = {"BertNormalizer", "NFC", "NFD", "NFKC", "NFKD", "Lowercase"}
_LOCAL_PRE_TOKENIZERS = {"BertPreTokenizer", "WhitespaceSplit", "FixedLength"}
_LOCAL_POST_PROCESSORS = {"TemplateProcessing", "BertProcessing"}
"""Steps of a pipeline that never look across a blank (the last ones add nothing without special tokens)."""


def malmoi_normalizer(*, lowercase: bool) -> normalizers.Normalizer:
    """NFC, then BERT's clean-up; accents always stay (stripping them would take Hangul apart into jamo)."""
    clean = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=lowercase
    )
    return normalizers.Sequence([normalizers.NFC(), clean])


def malmoi_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """BERT's words (blanks, every punctuation mark by itself), those beyond `MAX_WORD_CHARS` in several."""
    return pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.FixedLength(MAX_WORD_CHARS)])


def malmoi_backend(vocabulary: Vocabulary, *, lowercase: bool, tokens: Sequence[str] = ()) -> tokenizers.Tokenizer:
    """The pipeline of our own vocabularies; `tokens` are entries that are never split, wherever they stand."""
    backend = _wordpiece(vocabulary, malmoi_normalizer(lowercase=lowercase), malmoi_pre_tokenizer(), MAX_WORD_CHARS)
    backend.add_tokens([tokenizers.AddedToken(token, normalized=True) for token in tokens])
    return backend


def analysed_backend(vocabulary: Vocabulary, *, prefix: str) -> tokenizers.Tokenizer:
    """The pipeline of ways that need an analyser: words come cut and clean, between blanks.

    `prefix` is what pieces that continue a word begin with: `##`, or nothing in KorBERT's notation.
    """
    # BERT's limit: units have fifty characters at most, but tags come behind.
    backend = _wordpiece(vocabulary, normalizers.NFC(), pre_tokenizers.WhitespaceSplit(), _BERT_MAX_WORD_CHARS)
    backend.model.continuing_subword_prefix = prefix
    return backend


def read_backend(directory: Path, *, prefix: str = "##") -> tokenizers.Tokenizer:
    """Read `tokenizer.json`; or, where there is none, `vocab.txt` the way transformers' BertTokenizer does.

    Settings that `tokenizer_config.json` names for a BERT win over those in `tokenizer.json`, as in
    transformers.

    Raises:
        InputError: no such directory, neither file in it, or one that cannot be read.
        VocabularyError: not a WordPiece vocabulary of a BERT.
    """
    config_path, path = directory / "tokenizer_config.json", directory / "tokenizer.json"
    config = _read_json(config_path) if config_path.is_file() else {}
    if path.is_file():
        return _parse(path, _read_json(path), config, prefix)
    if (directory / "vocab.txt").is_file():
        settings: dict[str, Any] = {"lowercase": True, "strip_accents": None, "handle_chinese_chars": True}
        normalizer = normalizers.BertNormalizer(clean_text=True, **(settings | _settings(config)))
        vocabulary = Vocabulary.load(directory / "vocab.txt")
        return _wordpiece(vocabulary, normalizer, pre_tokenizers.BertPreTokenizer(), _BERT_MAX_WORD_CHARS)
    raise InputError(
        f"{directory} {directory_without(directory, 'tokenizer.json and no vocab.txt')}: expected a tokenizer "
        "directory, made by `malmoi vocab`, or a model directory with its tokenizer"
    )


DELETED_BLANKS = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
"""`str.split` cuts at these, BERT's clean-up deletes them; at all other blanks both cut."""


def cuts_at_blanks(backend: tokenizers.Tokenizer) -> bool:
    """Whether a text may be cut at blanks and its eojeols encoded one by one, to the same ids.

    True where no step looks across a blank: composition, BERT's clean-up, letters made small; words of
    BERT's kind; no added token that takes blanks in.
    """
    spec = json.loads(backend.to_str())
    return (
        _types(spec.get("normalizer")) <= _LOCAL_NORMALIZERS
        and bool(cutters := _types(spec.get("pre_tokenizer")))
        and cutters <= _LOCAL_PRE_TOKENIZERS
        and _types(spec.get("post_processor")) <= _LOCAL_POST_PROCESSORS
        and not any(
            token["lstrip"] or token["rstrip"] or token["content"].split() != [token["content"]]
            for token in spec["added_tokens"]
        )
    )


def _types(step: dict[str, Any] | None) -> set[str]:
    """The kinds of steps of a (nested) sequence."""
    if step is None:
        return set()
    parts = step.get("normalizers") or step.get("pretokenizers") or step.get("processors")
    return set().union(*map(_types, parts)) if parts else {step["type"]}


def vocabulary_of(backend: tokenizers.Tokenizer) -> Vocabulary:
    """All tokens of a backend.

    Raises:
        VocabularyError: ids with gaps, or a special token missing.
    """
    ids = backend.get_vocab(with_added_tokens=True)
    tokens = sorted(ids, key=ids.__getitem__)
    if tokens and ids[tokens[-1]] != len(tokens) - 1:
        raise VocabularyError(
            f"the vocabulary has {len(tokens)} tokens and ids up to {ids[tokens[-1]]}: expected ids "
            "without gaps; take tokenizer.json from its source again"
        )
    return Vocabulary(tuple(tokens))


def _wordpiece(
    vocabulary: Vocabulary,
    normalizer: normalizers.Normalizer,
    pre_tokenizer: pre_tokenizers.PreTokenizer,
    max_word_chars: int,
) -> tokenizers.Tokenizer:
    model = models.WordPiece(vocab=dict(vocabulary.id_of), unk_token="[UNK]", max_input_chars_per_word=max_word_chars)
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.WordPiece(prefix="##")
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary.id_of[token]) for token in ("[CLS]", "[SEP]")],
    )
    backend.add_special_tokens(list(SPECIAL_TOKENS))
    return backend


def _parse(path: Path, spec: dict[str, Any], config: dict[str, Any], prefix: str) -> tokenizers.Tokenizer:
    model = spec.get("model", {})
    # Older files do not name the type of their model.
    if model.get("type", "WordPiece") != "WordPiece" or model.get("continuing_subword_prefix") != prefix:
        raise VocabularyError(
            f"{path} holds a {model.get('type')} model: expected WordPiece with `##`, as BERTs have; "
            "tokenizers of other families cannot be used"
        )
    normalizer = spec.get("normalizer") or {}
    is_bert = str(config.get("tokenizer_class", "")).startswith("Bert")
    if is_bert and normalizer.get("type") == "BertNormalizer":
        normalizer |= _settings(config)
    # Cutting to a length and padding are the caller's business; a file may carry both from its training.
    spec |= {"truncation": None, "padding": None}
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(spec))
    except Exception as error:  # the library raises nothing more specific
        raise InputError(
            f"{path} cannot be read by tokenizers {tokenizers.__version__} ({error}): "
            "take it from its source again, or upgrade tokenizers"
        ) from error


def _settings(config: dict[str, Any]) -> dict[str, bool | None]:
    return {ours: config[theirs] for theirs, ours in _CONFIG_KEYS.items() if theirs in config}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected JSON") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}: expected a JSON object")
    return value
