"""The card says what the report says, and stays a table whatever the pieces are."""

import json
from pathlib import Path

from malmoi.tokenizer.card import VocabReport, write_card

REPORT = VocabReport(
    n_documents=99,
    n_characters=12345,
    n_eojeols=3000,
    n_words=1500,
    n_forgotten=7,
    size=800,
    n_merges=400,
    least_count=3,
    n_kept_chars=150,
    n_dropped_chars=3,
    char_coverage=0.9995,
    dropped_chars=["|", "`", "Ω"],
    measured_on="held-out",
    n_measured_documents=1,
    n_measured_eojeols=30,
    fertility=1.75,
    unk_rate=0.001,
    unknown={"뷁": 2},
    pieces_per_character=0.61,
    piece_shares={"hangul": 0.9, "other": 0.1},
    longest_pieces=["낱말사전"],
    examples=[{"text": "*낱말*을 모은다.", "pieces": ["*", "낱말", "*", "##을"]}],
)


def test_the_card(tmp_path: Path) -> None:
    write_card(REPORT, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == vars(REPORT)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| pieces an eojeol | 1.750 |" in page
    assert "| rare words dropped while counting | 7 |" in page
    assert "| characters without | 3: \\| \\` `Ω` |" in page
    assert "`뷁 2`" in page
    assert "- \\*낱말\\*을 모은다.\n  `*` `낱말` `*` `##을`" in page
    assert "dropped while counting: 7 rare words" in str(REPORT)
