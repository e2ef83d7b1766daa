"""Sentence vectors: gradients are those of the loss, alike sentences come together, runs repeat."""

from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import InputError, OptionError, OutputError
from malmoi.search.options import Sent2VecOptions
from malmoi.search.sent2vec import Sent2Vec, _Batch, _Learner, train_sent2vec

SEA = ["고래가 바다에서 헤엄친다", "바다 물고기가 헤엄친다", "고래와 물고기는 바다에 산다", "바다에서 물고기를 잡았다"]
BOOKS = ["도서관에서 책을 빌렸다", "사전은 두꺼운 책이다", "도서관에는 사전이 많다", "책과 사전을 빌려 읽었다"]
OPTIONS = Sent2VecOptions(width=16, epochs=60, pairs=50, subsample=1.0, dropout=0.1)


def test_alike_sentences_come_together(tmp_path: Path) -> None:
    report = train_sent2vec(SEA + BOOKS, tmp_path / "v", OPTIONS)
    assert report.n_texts == 8 and report.vocabulary > 8
    vectors = Sent2Vec.load(tmp_path / "v").encode(SEA + BOOKS)
    alike = vectors @ vectors.T
    assert alike[:4, :4].mean() > alike[:4, 4:].mean() + 0.3
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    train_sent2vec(SEA + BOOKS, tmp_path / "again", OPTIONS)
    np.testing.assert_array_equal(Sent2Vec.load(tmp_path / "again").encode(SEA + BOOKS), vectors)


def test_texts_without_a_known_word_are_zero(tmp_path: Path) -> None:
    train_sent2vec(SEA, tmp_path / "v", OPTIONS)
    model = Sent2Vec.load(tmp_path / "v")
    assert not model.encode(["", "자동차", "!!!"]).any()
    assert model.encode([]).shape == (0, 16)
    assert model.name.startswith("v (sent2vec, ")


def test_a_step_follows_the_gradient_of_the_loss() -> None:
    """The tables move by what the derivative of the loss says, measured by nudging single numbers."""
    learner = _Learner([[0, 1, 2], [2, 3]], np.array([3, 2, 2, 1]), Sent2VecOptions(width=3, pairs=5, epochs=1))
    rng = np.random.default_rng(0)
    learner.inputs, learner.outputs = (rng.standard_normal(t.shape) for t in (learner.inputs, learner.outputs))
    batch = _Batch(np.array([0, 2, 3]), np.array([0, 0, 1]), np.array([0, 1, 2, 6, 2, 3]), np.array([0] * 4 + [1] * 2))
    others = np.random.default_rng(5).choice(4, 128, p=learner.chances)

    def loss(inputs: np.ndarray, outputs: np.ndarray) -> float:
        total = 0.0
        for word, sentence in zip(batch.words, batch.sentence_of_word, strict=True):
            rest = [f for f, s in zip(batch.features, batch.sentence_of_feature, strict=True) if s == sentence]
            rest = [feature for feature in rest if feature != word]
            mean = inputs[rest].mean(0)
            total += np.log1p(np.exp(-mean @ outputs[word]))
            total += 10 / 128 * sum(np.log1p(np.exp(mean @ outputs[o])) for o in others if o != word)
        return total

    moves: list[tuple[int, np.ndarray, np.ndarray]] = []
    learner._climb = lambda table, rows, ascent, lr: moves.append((table, rows, ascent))  # type: ignore[method-assign]
    learner.rng = np.random.default_rng(5)
    learner._step(batch, 0.1)
    gradients = [np.zeros(learner.inputs.shape), np.zeros(learner.outputs.shape)]
    for table, rows, ascent in moves:
        np.add.at(gradients[table], rows, ascent)
    for table, row in ((0, 0), (0, 2), (0, 6), (1, 0), (1, 1), (1, 3)):
        nudged = [learner.inputs.copy(), learner.outputs.copy()]
        nudged[table][row, 1] += 1e-5
        slope = (loss(*nudged) - loss(learner.inputs, learner.outputs)) / 1e-5
        assert gradients[table][row, 1] == pytest.approx(-slope, rel=1e-3, abs=1e-4)


def test_what_cannot_be_learnt_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two different"):
        train_sent2vec(["", "고래"], tmp_path / "v", OPTIONS)
    assert not list(tmp_path.iterdir())
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "mine.txt").write_text("")
    with pytest.raises(OutputError, match="exists already"):
        train_sent2vec(SEA, tmp_path / "v", OPTIONS)
    with pytest.raises(InputError, match="malmoi sent2vec"):
        Sent2Vec.load(tmp_path / "v")
    with pytest.raises(OptionError, match="width is 0"):
        Sent2VecOptions(width=0)
