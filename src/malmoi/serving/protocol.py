"""uvicorn's HTTP protocol with a limit on how long, and how large, the head of a request may be.

Without it a client that never ends its head holds its connection for ever. Bodies are `gate.py`'s.
"""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_HEAD_BYTES = 65_536


class PatientProtocol(HttpToolsProtocol):
    """Patient, but not for ever."""

    head_timeout_s = 30.0

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._until: TimerHandle | None = None
        self._n_head_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A client came: it has so long for its first request's head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It went."""
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._until is not None:
            self._n_head_bytes += len(data)
        super().data_received(data)
        # What came may have held the end of a head, and then it is no matter how much it was.
        if self._until is not None and self._n_head_bytes > _MAX_HEAD_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._until is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._head_is_there()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._n_head_bytes = 0
        self._until = self.loop.call_later(self.head_timeout_s, self.transport.close)

    def _head_is_there(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None


def protocol_with(head_timeout_s: float) -> type[PatientProtocol]:
    """The protocol with this patience; uvicorn makes one a connection, and gives it no options of ours."""
    return type("Protocol", (PatientProtocol,), {"head_timeout_s": head_timeout_s})
