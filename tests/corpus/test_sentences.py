import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.sentences import BoundaryScore, score_boundaries, sentence_splitter, split_sentences
from malmoi.errors import OptionError


@pytest.mark.parametrize(
    "marked",
    [
        "비가 온다.| 우산을 챙길까?| 그러자!| 좋아…요.",
        "첫 문단이다.|\n둘째 문단",
        "그는 A. B. 밀러와 J. 박을 만났다.| 둘은 웃었다.",
        "만세 운동은 3. 1 운동이라고도 한다.| 1919. 3. 1. 시작되었다.",
        "1. 물을 끓인다.| 2. 면을 넣는다.",
        "가. 목적을 적는다.| 나. 방법을 적는다.",
        "Dr. 윤은 vs. 표기를 싫어한다.| 나도 그렇다.",
        "“어서 와. 기다렸어.” 하고 말했다.| 문이 닫혔다.",
        "“어서 와. 기다렸어.”| 문이 닫혔다.",
        '"비가 온다." 라고 적었다.| 끝.',
        "그 책(초판은 절판되었다. 재판도 그렇다.)은 비싸다.| 그래도 샀다.",
        "값은 3.5배가 되었다.[12]| 아무도 몰랐다.[13]",
        "오늘 갔습니다| 사람이 많았어요| 또 가고 싶네요",
        "재밌다ㅋㅋㅋ| 또 봐야지",
        "맛있어요~ 😀| 또 올게요!! 😀😀",
        "글쎄... 잘 모르겠다.| 그런데… 정말이다…| 믿어라.",
        "이게 뭐지?? 하고 물었다.| 답은 없었다.",
        "끝났다.",
        "이미 다 봤음| 그래도 또 볼 것임| 재미있었다 ㅎㅎ| 끝",
        "책임 있는 태도로 웃음 짓는 사람",
        "끝나지 않은 문장",
    ],
)
def test_ends(marked: str) -> None:
    sentences = [sentence.strip() for sentence in marked.split("|")]
    assert split_sentences(marked.replace("|", "")) == sentences


def test_nothing_gives_nothing() -> None:
    assert split_sentences("") == split_sentences(" \n ") == []


@given(st.text() | st.text(st.sampled_from("가다요니죠ㅋ~1A.?!…“”\"'()<>[] \n")))
def test_no_character_but_white_space_is_lost(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() and "\n" not in sentence for sentence in sentences)


@pytest.mark.parametrize("piece", [".", "다ㅋ", "( 가 ", '"가. ', "가. ", "요 "])
def test_a_huge_line_does_not_take_quadratic_time(piece: str) -> None:
    start = time.process_time()
    split_sentences(piece * 50_001)
    assert time.process_time() - start < 5


def _gold(data_dir: Path, name: str) -> list[list[str]]:
    documents = (data_dir / "sentence_split" / f"{name}.txt").read_text(encoding="utf-8").split("\n\n")
    return [[line.strip() for line in document.split("\n") if line.strip()] for document in documents]


# Measured 0.989, 0.973, 0.937, 0.890. Blogs leave out the mark after nouns too, where a rule is helpless.
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "floor"), [("wikipedia", 0.98), ("nested", 0.96), ("sample", 0.92), ("blogs_ko", 0.88)]
)
def test_agreement_with_gold(data_dir: Path, name: str, floor: float) -> None:
    assert score_boundaries(split_sentences, _gold(data_dir, name)).f1 >= floor


# Measured 0.997, 0.800, 0.927, 0.820.
@pytest.mark.data
@pytest.mark.parametrize(("name", "floor"), [("wikipedia", 0.99), ("sample", 0.91)])
def test_agreement_of_kiwi_with_gold(data_dir: Path, name: str, floor: float) -> None:
    pytest.importorskip("kiwipiepy", reason="kiwipiepy is not installed")
    assert score_boundaries(sentence_splitter("kiwi"), _gold(data_dir, name)).f1 >= floor


def test_kiwi_keeps_lines_apart_and_every_character() -> None:
    pytest.importorskip("kiwipiepy", reason="kiwipiepy is not installed")
    split = sentence_splitter("kiwi")
    assert split("비가 온다. 우산을 챙기자.\n\n둘째 문단") == ["비가 온다.", "우산을 챙기자.", "둘째 문단"]
    with pytest.raises(OptionError, match="splitter is 'spacy'"):
        sentence_splitter("spacy")  # type: ignore[arg-type]


def test_boundaries_are_counted_inside_documents_and_without_blanks() -> None:
    documents = [["가나. ", "다라 마.", "바."], ["사."]]
    assert score_boundaries(lambda text: text.replace(". ", ".|").split("|"), documents) == BoundaryScore(2, 2, 2)
    cut_wrong = score_boundaries(lambda text: [text[:1], text[1:]], documents)
    assert (cut_wrong.n_right, cut_wrong.n_ours, cut_wrong.n_gold, cut_wrong.f1) == (0, 2, 2, 0.0)
