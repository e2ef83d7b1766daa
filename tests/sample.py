"""Where the text that ships lies."""

from importlib.resources import files
from pathlib import Path

SAMPLE = Path(str(files("malmoi.sample")))
