"""How a lack of memory is known, and what of a step fits. Estimates before a run are `pretraining/plan.py`."""

from collections.abc import Callable, Iterable

_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc", "could not create a")
"""What PyTorch's allocators, the C++ library and oneDNN say."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on whatever device."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)
    )


def first_that_fits(sizes: Iterable[int], attempt: Callable[[int], None]) -> int | None:
    """The first of `sizes` for which `attempt` does not run out of memory; None when all do."""
    for size in sizes:
        try:
            attempt(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        return size
    return None
