"""Shards: what was encoded comes back, in either width and in any number of files; damage is found and named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from malmoi.corpus.build import build_corpus
from malmoi.corpus.options import CorpusOptions, Source
from malmoi.corpus.readers import iter_corpus
from malmoi.corpus.sentences import split_sentences
from malmoi.errors import InputError, OptionError, OutputError
from malmoi.pretraining.shards import INFO, ShardOptions, Shards, build_shards, load_shards
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary


def sentences_of(shards: Shards) -> list[list[list[int]]]:
    """Documents as lists of sentences as lists of ids."""
    documents = []
    for shard in shards.shards:
        sentences = np.split(shard.tokens.astype(int), shard.sentence_ends[:-1])
        ends = shard.sentence_ends.tolist()
        last_ones = [ends.index(end) + 1 for end in shard.document_ends.tolist()]
        for first, last in zip([0, *last_ones], last_ones, strict=False):
            documents.append([sentence.tolist() for sentence in sentences[first:last]])
    return documents


def encoded(corpus: Path, tokenizer: Tokenizer) -> list[list[list[int]]]:
    return [
        [tokenizer.encode(sentence, special_tokens=False).ids for sentence in split_sentences(document.text)]
        for document in iter_corpus(corpus)
    ]


@pytest.mark.parametrize("shard_tokens", [1, 300, 50_000_000])
def test_documents_come_back(workshop: Path, tmp_path: Path, shard_tokens: int) -> None:
    options = ShardOptions(shard_tokens=shard_tokens)
    report = build_shards(workshop / "corpus.jsonl", workshop / "tokenizer", tmp_path / "shards", options)
    shards = load_shards(tmp_path / "shards")
    expected = encoded(workshop / "corpus.jsonl", Tokenizer.load(workshop / "tokenizer"))
    assert sentences_of(shards) == expected
    assert shards.report == report
    assert report.n_shards == len(shards.shards) == {1: 40, 300: report.n_shards, 50_000_000: 1}[shard_tokens]
    assert report.n_documents == len(expected) == 40
    assert report.n_sentences == sum(map(len, expected))
    assert report.n_tokens == sum(len(ids) for document in expected for ids in document)
    assert report.n_unknown == 0
    if shard_tokens == 300:
        assert report.n_shards > 3
        assert all(len(shard.tokens) >= 300 for shard in shards.shards[:-1])


def test_the_sources_of_a_mixture_are_known(workshop: Path, tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("오늘은 바람이 많이 분다.\n내일은 비가 온다고 한다.\n", encoding="utf-8")
    sources = [
        Source(name="all", inputs=(str(workshop / "corpus.jsonl"),)),
        Source(name="talk", inputs=(str(tmp_path / "talk.txt"),), format="lines"),
    ]
    kept = build_corpus(sources, tmp_path / "corpus", CorpusOptions(min_chars=5)).sources
    report = build_shards(tmp_path / "corpus", workshop / "tokenizer", tmp_path / "shards")
    assert report.sources == [kept["all"]["n_kept"], kept["talk"]["n_kept"]] == [report.n_documents - 2, 2]
    assert load_shards(tmp_path / "shards").report == report
    info = tmp_path / "shards" / INFO
    info.write_text(json.dumps(json.loads(info.read_text()) | {"sources": [5, 2]}))
    with pytest.raises(InputError, match=r"holds 7 documents of sources, shards\.json says"):
        load_shards(tmp_path / "shards")


@pytest.mark.parametrize(("n_extra", "dtype"), [(0, "<u2"), (1 << 16, "<u4")])
def test_ids_are_as_wide_as_the_vocabulary_needs(tmp_path: Path, n_extra: int, dtype: str) -> None:
    tokens = (*SPECIAL_TOKENS, *(f"w{i}" for i in range(n_extra)), "말", "글")
    (tmp_path / "tokenizer").mkdir()
    Tokenizer.from_vocabulary(Vocabulary(tokens), segment="eojeol").save(tmp_path / "tokenizer")
    (tmp_path / "corpus.jsonl").write_text('{"id": "1", "title": "", "text": "말 글 산 말"}\n', encoding="utf-8")
    report = build_shards(tmp_path / "corpus.jsonl", tmp_path / "tokenizer", tmp_path / "shards")
    (shard,) = load_shards(tmp_path / "shards").shards
    assert report.dtype == dtype and shard.tokens.dtype == np.dtype(dtype)
    assert shard.tokens.tolist() == [len(tokens) - 2, len(tokens) - 1, 1, len(tokens) - 2]
    assert report.n_unknown == 1


def test_a_document_without_a_token_is_left_out(workshop: Path, tmp_path: Path) -> None:
    texts = ["어부는 강가에서 생선을 보았다.", "\u200b", "동생이 빵을 나누었다. \n\n 이웃이 사과를 옮겼다."]
    lines = [json.dumps({"id": str(i), "title": "", "text": text}) for i, text in enumerate(texts)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = build_shards(tmp_path / "corpus.jsonl", workshop / "tokenizer", tmp_path / "shards")
    assert (report.n_documents, report.n_sentences) == (2, 3)


def test_equal_inputs_give_equal_shards(workshop: Path, tmp_path: Path) -> None:
    build_shards(workshop / "corpus.jsonl", workshop / "tokenizer", tmp_path / "shards")
    assert load_shards(tmp_path / "shards").content_hash == load_shards(workshop / "shards").content_hash


def test_the_same_shards_for_any_number_of_workers(workshop: Path, tmp_path: Path) -> None:
    lines = (workshop / "corpus.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "corpus").mkdir()
    for number in range(4):
        part = "".join(lines[10 * number : 10 * number + 10])
        (tmp_path / "corpus" / f"part-{number:05}.jsonl").write_text(part, encoding="utf-8")
    options = ShardOptions(shard_tokens=300)
    hashes = set()
    for name, corpus, workers in (
        ("file", workshop / "corpus.jsonl", 1),
        ("parts", tmp_path / "corpus", 1),
        ("processes", tmp_path / "corpus", 2),
    ):
        build_shards(corpus, workshop / "tokenizer", tmp_path / name, options, workers=workers)
        hashes.add(load_shards(tmp_path / name).content_hash)
    assert len(hashes) == 1


def _cut(name: str, n_bytes: int) -> Callable[[Path], object]:
    return lambda shards: (shards / name).write_bytes((shards / name).read_bytes()[:-n_bytes])


def _empty(name: str) -> Callable[[Path], object]:
    return lambda shards: (shards / name).write_bytes(b"")


def _swap_documents(shards: Path) -> None:
    one, other = shards / "shard-00000.documents.npy", shards / "shard-00001.documents.npy"
    ends, other_ends = np.load(one), np.load(other)
    np.save(one, other_ends)
    np.save(other, ends)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "tokens cut by a token": _cut("shard-00001.tokens", 2),
    "tokens cut inside a token": _cut("shard-00001.tokens", 1),
    "tokens empty": _empty("shard-00000.tokens"),
    "tokens missing": lambda shards: (shards / "shard-00000.tokens").unlink(),
    "sentences cut": _cut("shard-00000.sentences.npy", 8),
    "sentences empty": _empty("shard-00000.sentences.npy"),
    "documents not an array": lambda shards: (shards / "shard-00000.documents.npy").write_text("글"),
    "documents of another shard": _swap_documents,
    "counts cut": _cut(INFO, 30),
    "counts missing": lambda shards: (shards / INFO).unlink(),
    "counts of another version": lambda shards: (shards / INFO).write_text('{"n_shards": 1}'),
    "manifest cut": _cut("manifest.json", 30),
    "manifest missing": lambda shards: (shards / "manifest.json").unlink(),
}


@pytest.fixture(scope="module")
def whole(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "shards"
    build_shards(workshop / "corpus.jsonl", workshop / "tokenizer", out, ShardOptions(shard_tokens=700))
    return out


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named(whole: Path, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    damaged = tmp_path / "shards"
    shutil.copytree(whole, damaged)
    load_shards(damaged)
    damage(damaged)
    with pytest.raises(InputError, match=r"shards(?s:.*)(again|made by `malmoi shards`)") as caught:
        load_shards(damaged)
    assert str(damaged) in str(caught.value)


def test_nothing_to_encode(workshop: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"id": "1", "title": "", "text": "\u200b"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="gives no token"):
        build_shards(tmp_path / "corpus.jsonl", workshop / "tokenizer", tmp_path / "shards")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.jsonl"]


def test_shards_are_not_overwritten_unasked(workshop: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    build_shards(workshop / "corpus.jsonl", workshop / "tokenizer", out)
    with pytest.raises(OutputError, match=r"exists already.*--force"):
        build_shards(workshop / "corpus.jsonl", workshop / "tokenizer", out)
    build_shards(workshop / "corpus.jsonl", workshop / "tokenizer", out, force=True)


def test_a_shard_holds_something() -> None:
    with pytest.raises(OptionError, match="shard_tokens is 0: expected 1"):
        ShardOptions(shard_tokens=0)
