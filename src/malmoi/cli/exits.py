"""Errors as lines and exit codes: 0 done, 1 an error that the user can mend, 2 wrong usage, 130 stopped by Ctrl-C.

It loads nothing that the overview of the commands would wait for.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from malmoi.errors import MalmoiError

_EXTRAS = {
    "torch": "train",
    "onnx": "export",
    "onnxscript": "export",
    "fastapi": "serve",
    "uvicorn": "serve",
    "prometheus_client": "serve",
    "lancedb": "search",
    "pyarrow": "formats",
    "matplotlib": "report",
    "sklearn": "baseline",
    "ray": "ray",
}
"""Libraries that the base install lacks, and the extra of malmoi that brings each."""


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Turn what a command raises into a line on standard error and an exit code, and each warning into a line."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        yield
    except MalmoiError as error:
        say(f"error: {error}")
        raise SystemExit(1) from None
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        say(f'error: this needs {error.name}, which is not installed: pip install "malmoi[{extra}]"')
        raise SystemExit(1) from None
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; standard output must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        say(f"error: {place}{error.strerror or error}: check the path, its rights and the space left")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        say("stopped")
        raise SystemExit(130) from None


def say(message: str) -> None:
    """Print a message for people to standard error."""
    print(message, file=sys.stderr, flush=True)
