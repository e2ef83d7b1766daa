"""The numbers of a log for TensorBoard. The `tensorboard` package is only needed where somebody asks for this."""

import numbers
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from malmoi.errors import OptionError


class TensorBoard:
    """Event files below a directory; what a killed process wrote after `after_step` is hidden from view."""

    def __init__(self, directory: Path, *, after_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise OptionError(
                f'tensorboard is asked for, but {error.name} is not installed: pip install "malmoi[tensorboard]"'
            ) from error
        self._writer: Any = SummaryWriter(str(directory), purge_step=after_step + 1)

    def add(self, kind: str, record: Mapping[str, Any]) -> None:
        """Write the numbers of a line, all under `kind`; its `step` says where."""
        for name, value in record.items():
            if name != "step" and isinstance(value, numbers.Real):
                self._writer.add_scalar(f"{kind}/{name}", value, int(record["step"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
