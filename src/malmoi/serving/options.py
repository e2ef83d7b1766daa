"""Options of the service; free of FastAPI, so that the command line knows them without loading it."""

from dataclasses import dataclass
from pathlib import Path

from malmoi.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Where and within which limits models are served."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every network this machine is in."""
    port: int = 8000
    """Port to listen on; 0 for any that is free."""
    workers: int = 1
    """Processes, each with its own copy of the models."""
    index: list[str] | None = None
    """Index to search, made by `malmoi index`, perhaps with a name: name=directory; give --index once for each."""
    api_key_file: Path | None = None
    """File with the keys that may ask, one a line, plain or as `sha256:` and the hash in hex; none: anybody may."""
    cors: list[str] | None = None
    """Origins whose pages may ask, such as https://example.org; none by default."""
    max_queue: int = 1024
    """Examples that may wait, and searches likewise; requests beyond are answered with 429."""
    max_examples: int = 256
    """Examples or texts in one request; more is answered with 422."""
    max_chars: int = 20_000
    """Characters of one text; more is answered with 422."""
    max_body_bytes: int = 4_000_000
    """Bytes of one request; more is answered with 413."""
    timeout_s: float = 30.0
    """How long a request may wait before it is answered with 429."""
    read_timeout_s: float = 30.0
    """How long the head of a request may take to arrive, and then its body; slower clients are cut off (408)."""
    batch_tokens: int = 512
    """Tokens of a batch, padding included. While one is computed the next ones are read: with few large batches
    neither would overlap. A GPU wants more, such as 8192."""
    max_wait_ms: float = 0.0
    """How long a batch that is not full waits for company; batches form anyway while the model is busy."""
    threads: int | None = None
    """Threads a model runs on; by default every core, shared by the workers."""
    device: str | None = None
    """cpu, cuda, ...; by default the best one here."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise OptionError(f"port {self.port}: expected 0 to 65535")
        for name in ("workers", "max_queue", "max_examples", "max_chars", "max_body_bytes", "batch_tokens"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}: expected 1 or more")
        for name in ("timeout_s", "read_timeout_s"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} is {getattr(self, name)}: expected a number above 0")
        if not self.max_wait_ms >= 0:
            raise OptionError(f"max_wait_ms is {self.max_wait_ms}: expected 0 or more")
        if self.max_examples > self.max_queue:
            raise OptionError(
                f"max_examples {self.max_examples} with max_queue {self.max_queue}: a request of that size would "
                "never be taken, raise max_queue"
            )
