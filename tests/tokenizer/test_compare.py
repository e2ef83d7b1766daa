"""Two tokenizers side by side: figures that can be counted by hand, and what they cut differently."""

import json
from pathlib import Path

import pytest

from malmoi.errors import InputError, OptionError
from malmoi.tokenizer.compare import compare
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

TEXT = "말모이 말모이\n한글 말모이."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fine` cuts into characters, `coarse` knows words but not the full stop and lies there as vocab.txt alone."""
    root = tmp_path_factory.mktemp("compare")
    for name, pieces in (("fine", "말 ##모 ##이 한 ##글 ."), ("coarse", "말모이 한글 ##들")):
        (root / name).mkdir()
        vocabulary = Vocabulary((*SPECIAL_TOKENS, *pieces.split()))
        if name == "coarse":
            vocabulary.save(root / name / "vocab.txt")
            (root / name / "tokenizer_config.json").write_text('{"do_lower_case": false}', encoding="utf-8")
        else:
            Tokenizer.from_vocabulary(vocabulary, segment="eojeol").save(root / name)
    (root / "corpus.jsonl").write_text(json.dumps({"id": "1", "title": "", "text": TEXT}) + "\n", encoding="utf-8")
    return root


def test_figures(folder: Path) -> None:
    comparison = compare(folder / "fine", folder / "coarse", folder / "corpus.jsonl")
    fine, coarse = comparison.sides
    assert (fine.n_tokens, coarse.n_tokens) == (11, 8)
    assert (fine.measured.fertility, coarse.measured.fertility) == (12 / 4, 5 / 4)
    assert (fine.measured.unk_rate, coarse.measured.unk_rate) == (0, 1 / 5)
    assert coarse.measured.unknown == {".": 1}
    assert (fine.n_only_here, coarse.n_only_here) == (6, 3)
    assert coarse.only_here == ["말모이", "한글"]  # ##들 is never needed
    assert comparison.n_different == 4
    assert [(d.eojeol, d.count) for d in comparison.differences] == [("말모이", 2), ("한글", 1), ("말모이.", 1)]
    assert comparison.differences[2].pieces == (["말", "##모", "##이", "."], ["말모이", "[UNK]"])


def test_lines_and_table(folder: Path) -> None:
    comparison = compare(folder / "fine", folder / "coarse", folder / "corpus.jsonl")
    records = [json.loads(json.dumps(record)) for record in comparison.records()]
    assert [record.get("tokenizer") for record in records[:2]] == [str(folder / "fine"), str(folder / "coarse")]
    assert records[2] == {"eojeol": "말모이", "count": 2, "pieces": [["말", "##모", "##이"], ["말모이"]]}
    table = str(comparison)
    assert "cut differently: 100.0% of the eojeols" in table
    assert "말모이:  말 ##모 ##이  |  말모이" in table


def test_equal_tokenizers_do_not_differ(folder: Path) -> None:
    comparison = compare(folder / "fine", folder / "fine", folder / "corpus.jsonl")
    assert (comparison.n_different, comparison.differences) == (0, [])
    assert [side.n_only_here for side in comparison.sides] == [0, 0]


def test_nothing_to_compare(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "blank.jsonl").write_text('{"text": " "}\n', encoding="utf-8")
    with pytest.raises(InputError, match="holds no text"):
        compare(folder / "fine", folder / "fine", tmp_path / "blank.jsonl")
    with pytest.raises(InputError, match="expected a tokenizer directory"):
        compare(folder / "fine", tmp_path, folder / "corpus.jsonl")
    with pytest.raises(OptionError, match="max_documents is 0"):
        compare(folder / "fine", folder / "fine", folder / "corpus.jsonl", max_documents=0)
