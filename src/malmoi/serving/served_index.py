"""An index as it is served: searched on a thread of its own, and reopened where its directory was replaced. No HTTP.

The query's vector is made by the models' batcher, among the work of other requests; ranking and reading documents are
the index thread's, so that a large index holds up neither the models nor the event loop.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from malmoi.errors import CheckpointError, InputError, MalmoiError
from malmoi.search.embedder import Embedder, unit
from malmoi.search.hit import Hit
from malmoi.search.index import MAX_QUERY_CHARS, Index
from malmoi.search.options import By
from malmoi.search.settings import IndexSettings, read_settings, vectorizer_of
from malmoi.search.table import DocumentTable
from malmoi.search.vectorizer import Vectorizer, fingerprint
from malmoi.serving.batcher import Lane, OverloadedError
from malmoi.serving.served import Submit, cut, sizes, version_of
from malmoi.tasks.task import Row

_TRIES = 20
_PAUSE_S = 0.05
"""While a directory is replaced there is none for a moment."""
Embedders = Callable[[], Sequence[Embedder]]


class UnavailableError(Exception):
    """The index is gone from the disk, or what lies there now cannot be opened."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A search."""

    query: str
    top_k: int
    where: str | None
    by: By | None


class LoadedIndex:
    """One version of an index, with its lanes."""

    def __init__(
        self, name: str, directory: Path, embedders: Sequence[Embedder], *, device: str | None, n_threads: int | None
    ) -> None:
        """Open an index and its model, which is one of `embedders` where it is served as well.

        Raises:
            InputError: no index, or a damaged one. CheckpointError: its model is gone, or is another one.
        """
        self.version = version_of(directory) if directory.is_dir() else ""
        settings = read_settings(directory)
        vectorizer = _vectorizer(directory, settings, embedders, device, n_threads)
        self.index = Index(settings, DocumentTable.open(directory, settings.fields, settings.width), vectorizer)
        self.n_documents = len(self.index)
        self.index.rank("말모이", 1, None, "lexical")  # the analyser and the terms are there before the first request
        self.lane = Lane(name, self._search)
        self.embed_lane = Lane(name, self._embed)

    def _search(self, asked: Sequence[tuple[Asked, np.ndarray | None]]) -> list[list[Hit]]:
        return [self.index.search(a.query, a.top_k, where=a.where, by=a.by, vector=v) for a, v in asked]

    def _embed(self, rows: Sequence[list[Row]]) -> np.ndarray:
        assert isinstance(self.index.vectorizer, Embedder), "only asked of embedders"
        return self.index.vectorizer.runtime.embed_examples(rows)

    async def search(self, asked: Asked, submit: Submit, submit_search: Submit) -> list[Hit]:
        """Documents, best first.

        Args:
            asked: what for.
            submit: into the models' queue. submit_search: into the indexes'.

        Raises:
            OptionError: see `Index.search`. OverloadedError: see `Batcher.submit`.
        """
        vector, embedder = None, self.index.vectorizer
        if self.index.ranks_by(asked.by) != "lexical" and isinstance(embedder, Embedder):
            query = asked.query[:MAX_QUERY_CHARS]
            rows = await cut(lambda: embedder.rows([query]), len(query))
            [vector] = unit(np.array(await submit(self.embed_lane, rows, sizes(rows))))
        [hits] = await submit_search(self.lane, [(asked, vector)], [(1, 1)])
        found: list[Hit] = hits
        return found


class ServedIndex:
    """A name with the newest version of its index."""

    def __init__(
        self,
        name: str,
        directory: Path,
        embedders: Embedders,
        *,
        device: str | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.name, self.directory = name, directory
        self._embedders, self._device, self._n_threads = embedders, device, n_threads
        self._opening = asyncio.Lock()
        self._refused = ""
        self.current = self._load()

    def _load(self) -> LoadedIndex:
        embedders = self._embedders()
        try:
            return LoadedIndex(self.name, self.directory, embedders, device=self._device, n_threads=self._n_threads)
        except (RuntimeError, ValueError) as error:  # LanceDB's, where files are missing
            raise InputError(f"{self.directory} cannot be read ({error}): run `malmoi index` again") from error

    def _version(self) -> str:
        """Of what lies there now; empty while nothing does."""
        try:
            return version_of(self.directory)
        except OSError:
            return ""

    async def search(self, asked: Asked, submit: Submit, submit_search: Submit) -> list[Hit]:
        """See `LoadedIndex.search`; an index whose directory was replaced is reopened first.

        Raises:
            UnavailableError: it cannot be opened any more.
        """
        for _ in range(_TRIES):
            if self._version() not in ("", self._refused, self.current.version):
                await self._reopen_quietly()
            current = self.current
            try:
                hits = await current.search(asked, submit, submit_search)
                # If it was replaced meanwhile, some of them may be of the one and some of the other.
                if self._version() in (current.version, self._refused):
                    return hits
            except (OverloadedError, asyncio.CancelledError):
                raise
            except Exception:
                # Files that vanish below a search raise whatever they like.
                if self._version() == current.version:
                    raise
            await asyncio.sleep(_PAUSE_S)
        raise UnavailableError(f"the index {self.name!r} was removed or damaged: make it again, then ask again")

    async def _reopen_quietly(self) -> None:
        seen = self._version()
        try:
            await self.reload()
        except (MalmoiError, OSError):
            # A signal tells the log why; requests do not try again, unless it was replaced while it was opened.
            if seen == self._version():
                self._refused = seen

    async def reload(self) -> bool:
        """Open what the directory holds now, if it changed; requests under way keep what they began with.

        Raises:
            MalmoiError: it cannot be opened; the old one goes on as far as its files are there.
        """
        async with self._opening:
            if self._version() == self.current.version:
                return False
            if not self.directory.is_dir():
                raise InputError(f"{self.directory} does not exist: expected an index, made by `malmoi index`")
            self.current = await asyncio.to_thread(self._load)
            return True


def _vectorizer(
    directory: Path,
    settings: IndexSettings,
    embedders: Sequence[Embedder],
    device: str | None,
    n_threads: int | None,
) -> Vectorizer | None:
    """The model that an index was made with: one that is served anyway, or from where it lay."""
    for embedder in embedders:
        if settings.model_name and fingerprint(embedder.name) == fingerprint(settings.model_name):
            return embedder
    if settings.model is not None and not Path(settings.model).is_dir():
        raise CheckpointError(
            f"{directory} was made with {settings.model_name}, and {settings.model} does not exist: serve that model "
            "as well, from where it lies now"
        )
    return vectorizer_of(directory, settings, device=device, n_threads=n_threads)
