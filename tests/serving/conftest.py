"""One service for all tests that do not end or overload it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from service import Service, serving


@pytest.fixture(scope="session")
def service(exported: Path) -> Iterator[Service]:
    """A classifier called `opinions` and a pre-trained model called `base`."""
    limits = ["--max-examples", 8, "--max-chars", 2000, "--max-body-bytes", 100_000]
    with serving(f"opinions={exported / 'model'}", f"base={exported / 'pretrained'}", *limits) as running:
        yield running
