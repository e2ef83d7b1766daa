"""Fixtures shared by all tests. Real data is read through MALMOI_DATA and never needed."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, or a skip that says why."""
    value = os.environ.get("MALMOI_DATA")
    if not value:
        pytest.skip("MALMOI_DATA is not set: it names the folder of real data sets")
    path = Path(value)
    if not path.is_dir():
        pytest.skip(f"MALMOI_DATA={value} is not a directory")
    return path
