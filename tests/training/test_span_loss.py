"""The loss of reading is a cross entropy over the tokens that may answer, and over these alone."""

import math

import torch
from torch.nn.functional import cross_entropy

from malmoi.training.span_loss import span_loss


def test_equals_two_cross_entropies_when_every_token_may_answer() -> None:
    torch.manual_seed(1)
    outputs = torch.randn(3, 7, 2)
    starts, ends = torch.tensor([0, 2, 6]), torch.tensor([0, 5, 6])
    targets = torch.zeros(3, 7, dtype=torch.int64)
    targets[torch.arange(3), starts] |= 1
    targets[torch.arange(3), ends] |= 2
    expected = (cross_entropy(outputs[..., 0], starts) + cross_entropy(outputs[..., 1], ends)) / 2
    torch.testing.assert_close(span_loss(outputs, targets), expected)


def test_questions_and_padding_have_no_part_in_it() -> None:
    torch.manual_seed(2)
    outputs = torch.randn(1, 6, 2, requires_grad=True)
    targets = torch.tensor([[0, -100, -100, 1, 2, -100]])
    loss = span_loss(outputs, targets)
    alone = span_loss(outputs[:, [0, 3, 4]], targets[:, [0, 3, 4]])
    torch.testing.assert_close(loss, alone)
    loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None and outputs.grad.isfinite().all()
    assert not outputs.grad[0, [1, 2, 5]].any()


def test_an_answer_in_several_places_is_any_of_them() -> None:
    outputs = torch.zeros(1, 4, 2)
    two_places = torch.tensor([[0, 3, 0, 3]])
    torch.testing.assert_close(span_loss(outputs, two_places).item(), math.log(2))
