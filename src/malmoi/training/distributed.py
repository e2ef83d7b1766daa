"""Several processes that train one model: what `torchrun` starts finds its place here.

Not: what is trained; a model whose weights are shared out among them (`sharded.py`).

Every process makes the whole batch and works its own parts of it, so a step is the same for any number of processes,
and a run may go on with more or fewer of them. `torchrun` tells a process its place by environment variables.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from malmoi.errors import OptionError


@dataclass(frozen=True)
class Group:
    """The processes of a run; one where `torchrun` did not start it."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Among those of this machine: which of its GPUs is this process's."""

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.rank == 0

    def device_name(self, asked: str | None) -> str | None:
        """The device of this process: of several GPUs the one with its number."""
        if self.size == 1 or asked == "cpu" or not torch.cuda.is_available():
            return asked
        if asked not in (None, "auto", "cuda"):
            raise OptionError(f"device {asked!r} for {self.size} processes: expected cpu or cuda, each takes its own")
        return f"cuda:{self.local_rank}"

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()

    @contextmanager
    def first_acts(self) -> Iterator[None]:
        """What the first process does alone, while the others wait; where it fails they leave too, and it says why."""
        try:
            yield
        except BaseException:
            self._first_failed(True)
            raise
        if self._first_failed(False) and not self.is_first:
            raise SystemExit(1)

    def _first_failed(self, failed: bool) -> bool:
        if self.size == 1:
            return failed
        flags = [failed]
        dist.broadcast_object_list(flags)
        return bool(flags[0])

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; all get the same answer."""
        if self.size == 1:
            return flag
        votes = torch.tensor(int(flag), device=device)
        dist.all_reduce(votes)
        return bool(votes.item())

    def mean(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean over the processes of scalars that all have under the same names."""
        if self.size == 1:
            return dict(values)
        stacked = torch.stack([value.detach().float() for value in values.values()])
        dist.all_reduce(stacked)
        return dict(zip(values, stacked / self.size, strict=True))


ALONE = Group()


@contextmanager
def joined_group(device: str | None = None) -> Iterator[Group]:
    """The group that `torchrun` made this process a part of, or a group of one.

    Args:
        device: what the run is asked to run on; GPUs talk by NCCL, processors by gloo.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    group = Group(int(os.environ["RANK"]), size, int(os.environ["LOCAL_RANK"]))
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(group.local_rank)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield group
    finally:
        dist.destroy_process_group()


def replicated(model: nn.Module, group: Group) -> nn.Module:
    """The model as it is run: its gradients become the mean over all processes. A single process runs it as it is."""
    if group.size == 1:
        return model
    devices = [group.local_rank] if next(model.parameters()).device.type == "cuda" else None
    # A part of a batch may hold no pair of texts, and then has no gradient for that head.
    return DistributedDataParallel(model, device_ids=devices, find_unused_parameters=True)


def gradients_stay(model: nn.Module, *, until_last: bool) -> AbstractContextManager[None]:
    """The context of a part that is not its process's last: its gradients are summed here and not yet sent."""
    if until_last and isinstance(model, DistributedDataParallel):
        return cast(AbstractContextManager[None], model.no_sync())
    return nullcontext()
