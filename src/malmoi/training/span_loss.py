"""The loss of reading: where an answer starts and where it ends, each one choice among the tokens of a row."""

import torch
from torch import Tensor


def span_loss(outputs_BT2: Tensor, targets_BT: Tensor) -> Tensor:
    """Cross entropy of start and end over the tokens that may be part of an answer.

    Where several tokens are marked (an answer that stands in several places), the probability of any of them
    counts (Clark & Gardner 2018, "Simple and Effective Multi-Paragraph Reading Comprehension", section 3.3).

    Args:
        outputs_BT2: float [B, T, 2], scores of start and end.
        targets_BT: int64 [B, T], coded as `tasks.task.Row.target` says; at least one start and one end a row.

    Returns:
        Scalar, the mean over rows, and over start and end.
    """
    masked_BT2 = outputs_BT2.masked_fill((targets_BT == -100)[..., None], float("-inf"))
    log_p_BT2 = masked_BT2.log_softmax(dim=1)
    codes_BT = targets_BT.clamp(min=0)
    is_gold_BT2 = torch.stack((codes_BT & 1, codes_BT & 2), dim=-1).bool()
    return -log_p_BT2.masked_fill(~is_gold_BT2, float("-inf")).logsumexp(dim=1).mean()
