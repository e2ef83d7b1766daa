"""The models that ship, as their users have them: small enough, with their cards, and good for what they are for."""

from pathlib import Path

import pytest

from malmoi.info import describe
from malmoi.predictor import Predictor, evaluate_file
from malmoi.search.embedder import Embedder
from malmoi.serving.compatible import embedding_model
from malmoi.serving.options import ServeOptions
from malmoi.serving.run import load_app, name_all
from malmoi.shipped import find_model, shipped_models

NAMES = ["malmoi-small", "malmoi-small-embedding", "malmoi-small-entities", "malmoi-small-sentiment"]


def bytes_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir() if path.suffix in (".safetensors", ".onnx"))


def test_they_are_small_and_say_what_they_are_made_of() -> None:
    assert [path.name for path in shipped_models()] == NAMES
    sizes = [bytes_of(path) for path in shipped_models()]
    assert max(sizes) <= 25e6 and sum(sizes) <= 60e6
    for path in shipped_models():
        card = (path / "README.md").read_text(encoding="utf-8")
        for word in ("license: cc-by-sa", "CC BY-SA 3.0", "CC0", "## Scores", "## Limits"):
            assert word in card, (path.name, word)
    assert describe(find_model("malmoi-small"))["n_parameters"] <= 16e6


@pytest.mark.parametrize(
    ("text", "choices", "answer"),
    [
        ("동생은 아침마다 학교___ 간다.", ["에", "를", "이"], "에"),
        ("어제 읽은 책___ 아주 재미있었다.", ["이", "에서", "으로"], "이"),
        ("이 영화 정말 ___ 강력 추천합니다", ["지루해요", "재밌어요"], "재밌어요"),
    ],
)
def test_the_base_knows_particles_and_what_goes_together(text: str, choices: list[str], answer: str) -> None:
    predictor = Predictor.load("malmoi-small", task="cloze", device="cpu")
    [prediction] = predictor.predict([{"text": text, "choices": choices}])
    assert prediction.choice == choices.index(answer)


def test_sentiment() -> None:
    opinions = {
        "처음부터 끝까지 눈을 뗄 수 없었어요. 강력 추천!": "1",
        "돈이 아깝다 진짜 ㅡㅡ": "0",
        "배우들 연기도 좋고 음악도 참 좋았습니다": "1",
        "지루하고 뻔한 이야기. 중간에 나왔다": "0",
        "ㅋㅋㅋㅋ 완전 웃겨요 또 볼래요": "1",
        "기대했는데 실망만 하고 왔네요": "0",
    }
    predictions = Predictor.load("malmoi-small-sentiment").predict([{"text": text} for text in opinions])
    assert [prediction.label for prediction in predictions] == list(opinions.values())


def test_entities() -> None:
    text = "지난달 김민수 교수는 서울대학교에서 나와 제주도에 갔다."
    [prediction] = Predictor.load("malmoi-small-entities").predict([{"text": text}])
    found = {text[entity.start : entity.end]: entity.label for entity in prediction.entities}
    assert found["김민수"] == "PS" and found["제주도"] == "LC" and found["지난달"] == "DT"


def test_vectors_bring_the_alike_together() -> None:
    texts = ["도서관은 몇 시에 문을 여나요?", "도서관 여는 시간이 언제예요?", "강아지가 사료를 먹지 않아요."]
    vectors = Embedder.load("malmoi-small-embedding").encode(texts, normalize=True)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_all_of_them_are_served_where_nothing_else_is_asked_for() -> None:
    named = name_all([], ServeOptions())
    assert list(named.models) == NAMES
    service = load_app(named, ServeOptions()).state.service
    assert embedding_model(service).name == "malmoi-small-embedding"  # not the base, which stands before it


@pytest.mark.data
def test_sentiment_on_reviews(data_dir: Path, tmp_path: Path) -> None:
    lines = (data_dir / "nsmc" / "ratings_test.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "test.txt").write_text("".join(lines[:4001]), encoding="utf-8")
    scores = evaluate_file(Predictor.load("malmoi-small-sentiment"), tmp_path / "test.txt")
    assert scores["metrics"]["accuracy"] > 85
