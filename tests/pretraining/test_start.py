"""Going on from a model: the same vocabulary changes nothing, new pieces begin where their old ones stood."""

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from malmoi.errors import InputError, OptionError
from malmoi.model.checkpoint import load_pretraining_model
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.shards import build_shards
from malmoi.pretraining.start import _rows_of, load_start
from malmoi.tokenizer.build import VocabOptions
from malmoi.tokenizer.extend import extend_vocab
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

TINY = {"size": "tiny", "max_tokens": 32, "batch_rows": 4, "device": "cpu", "precision": "fp32", "compile": False}


@pytest.fixture(scope="module")
def trained(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("start") / "run"
    options = PretrainOptions(**TINY, steps=3)  # type: ignore[arg-type]
    pretrain(workshop / "shards", workshop / "tokenizer", out, options)
    return out


@pytest.fixture(scope="module")
def wider(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vocabulary with entries for words of another field, and shards of its texts."""
    root = tmp_path_factory.mktemp("wider")
    text = "원고는 피고에게 손해배상을 청구했다. 법원은 원고의 청구를 기각했다. 피고는 항소하지 않았다."
    lines = [json.dumps({"id": str(n), "title": "", "text": text}, ensure_ascii=False) for n in range(30)]
    (root / "law.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = VocabOptions(size=184, held_out=5)
    report = extend_vocab(root / "law.jsonl", workshop / "tokenizer", root / "tokenizer", options)
    assert report.n_before == 160 and report.size == 184
    build_shards(root / "law.jsonl", root / "tokenizer", root / "shards")
    return root


def test_old_pieces_of_a_token() -> None:
    before = Vocabulary((*SPECIAL_TOKENS, "손", "##해", "##배상", "##배", "##상", "손해"))
    ids = before.id_of
    assert _rows_of("손해", before) == [ids["손해"]]
    assert _rows_of("손해배상", before) == [ids["손해"], ids["##배상"]]  # the longest from the left, as WordPiece cuts
    assert _rows_of("##해상", before) == [ids["##해"], ids["##상"]]
    assert _rows_of("손님", before) == [ids["손"]]
    assert _rows_of("법", before) == []


def test_the_same_vocabulary_changes_nothing(workshop: Path, trained: Path) -> None:
    tokenizer = Tokenizer.load(workshop / "tokenizer")
    start = load_start(trained, tokenizer, 32, seed=1)
    assert (start.report.n_kept, start.report.n_composed, start.report.n_unknown) == (160, 0, 0)
    expected = load_pretraining_model(trained).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in start.model.state_dict().items())


def test_new_entries_are_means(wider: Path, trained: Path) -> None:
    tokenizer = Tokenizer.load(wider / "tokenizer")
    start = load_start(trained, tokenizer, 32, seed=1)
    old = load_pretraining_model(trained)
    table, bias = old.encoder.token_embedding.weight, old.masked_head.bias
    new_table, new_bias = start.model.encoder.token_embedding.weight, start.model.masked_head.bias
    assert new_table.shape == (184, 128) and start.model.config.n_tokens == 184
    assert torch.equal(new_table[:160], table) and torch.equal(new_bias[:160], bias)
    before = Vocabulary(tokenizer.vocabulary.tokens[:160])
    n_composed = 0
    for row, token in enumerate(tokenizer.vocabulary.tokens[160:], start=160):
        rows = _rows_of(token, before) or list(range(160))
        n_composed += len(rows) < 160
        assert torch.allclose(new_table[row], table[rows].mean(0), atol=1e-6)
        assert torch.allclose(new_bias[row], bias[rows].mean(0), atol=1e-6)
    assert start.report.n_composed == n_composed > 0
    assert start.report.n_kept + n_composed + start.report.n_unknown == 184


def test_a_run_goes_on_from_a_model_and_resumes(wider: Path, trained: Path, tmp_path: Path) -> None:
    places = (wider / "shards", wider / "tokenizer", tmp_path / "run")
    options = PretrainOptions(**TINY, steps=4, save_every=2)  # type: ignore[arg-type]
    assert pretrain(*places, options, start=trained).finished
    model = load_pretraining_model(tmp_path / "run")
    assert model.config.n_tokens == 184 and model.config.encoder == "modernbert"
    assert pretrain(*places, options, start=trained, resume=True).finished
    with pytest.raises(OptionError, match=r"weights of --from is none, the run in .* was started with [0-9a-f]{12}"):
        pretrain(*places, options, resume=True)


def test_a_foreign_bert_goes_on(workshop: Path, tmp_path: Path) -> None:
    """One of transformers', with a shape that no size of ours has and without a next-sentence head."""
    torch.manual_seed(0)
    shape = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    BertForMaskedLM(BertConfig(vocab_size=160, max_position_embeddings=64, **shape)).save_pretrained(tmp_path / "bert")
    Tokenizer.load(workshop / "tokenizer").save(tmp_path / "bert")
    options = PretrainOptions(**TINY, steps=2)  # type: ignore[arg-type]
    places = (workshop / "shards", workshop / "tokenizer")
    assert pretrain(*places, tmp_path / "run", options, start=tmp_path / "bert").finished
    config = load_pretraining_model(tmp_path / "run").config
    assert (config.width, config.max_tokens, config.encoder) == (48, 64, "bert")
    longer = PretrainOptions(**{**TINY, "max_tokens": 128}, steps=2)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"max_tokens is 128: .*bert reads 64 at most"):
        pretrain(*places, tmp_path / "longer", longer, start=tmp_path / "bert")
    (tmp_path / "bert" / "vocab.txt").unlink()
    (tmp_path / "bert" / "tokenizer.json").unlink()
    with pytest.raises(InputError):
        pretrain(*places, tmp_path / "other", options, start=tmp_path / "bert")
    assert not (tmp_path / "other").exists() and not (tmp_path / "longer").exists()
