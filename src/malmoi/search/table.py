"""The one place that knows LanceDB: documents, terms, vectors in a table on disk. A write is whole or not at all.

A write is acknowledged when a call returns; a process killed in the middle leaves the table as it was before.
"""

import datetime
import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from malmoi.errors import InputError, OptionError
from malmoi.search.documents import FieldKind, SearchDocument

TABLE = "documents"
_IDS_A_DELETE = 1000
LARGE = 200_000
"""Documents up to which every vector is compared: an approximate index saves little below."""
_PROBED, _LEAST_PROBED = 0.06, 55
"""Share of the partitions that are looked at, and how many at least: of 210,000 vectors 27 of 458 found 0.966, too few
(`benchmarks/search_index.py`)."""


@dataclass(frozen=True)
class Row:
    """A document as it is stored."""

    document: SearchDocument
    terms: Sequence[str]
    vector: np.ndarray | None
    """float32 [width], of length one"""


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise OptionError(
            f'an index needs {error.name}, which is not installed: pip install "malmoi[search]"'
        ) from error


class DocumentTable:
    """A table of documents."""

    def __init__(self, table: Any, fields: Mapping[str, FieldKind], width: int) -> None:
        self._table, self.fields, self.width = table, dict(fields), width
        self._schema = _schema(fields, width)

    @classmethod
    def create(cls, directory: Path, fields: Mapping[str, FieldKind], width: int) -> Self:
        """Make an empty one in `directory`; `width` 0 for documents without vectors."""
        connection = _library("lancedb").connect(str(directory))
        return cls(connection.create_table(TABLE, schema=_schema(fields, width)), fields, width)

    @classmethod
    def open(cls, directory: Path, fields: Mapping[str, FieldKind], width: int) -> Self:
        """Open one; what other processes write is seen at once.

        Raises:
            InputError: there is none, or it is damaged.
        """
        lancedb = _library("lancedb")
        if not (directory / f"{TABLE}.lance").is_dir():
            raise InputError(
                f"{directory} has no {TABLE}.lance: it is damaged or half copied, run `malmoi index` again"
            )
        try:
            connection = lancedb.connect(str(directory), read_consistency_interval=datetime.timedelta(0))
            return cls(connection.open_table(TABLE), fields, width)
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(f"{directory} cannot be read ({_first_line(error)}): run `malmoi index` again") from error

    @property
    def version(self) -> int:
        """Rises with every write, of whatever process."""
        return int(self._table.version)

    def __len__(self) -> int:
        """Documents."""
        return int(self._table.count_rows())

    def add(self, rows: Sequence[Row]) -> None:
        """Append; ids are the caller's care."""
        self._table.add(self._arrow(rows))

    def update(self, rows: Sequence[Row]) -> None:
        """Replace those whose ids are there, append the others."""
        merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(self._arrow(rows))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove documents; ids that are not there are passed over."""
        for start in range(0, len(ids), _IDS_A_DELETE):
            self._table.delete(_among(ids[start : start + _IDS_A_DELETE]))

    def terms(self) -> tuple[list[str], list[str], np.ndarray, np.ndarray]:
        """Of all documents: ids, different terms, numbers of terms (int64 [N]) and how many each has (int64 [n])."""
        columns = self._table.search().select(["id", "terms"]).limit(len(self)).to_arrow()
        if not columns.num_rows:
            return [], [], np.zeros(0, np.int64), np.zeros(0, np.int64)
        lists = columns["terms"].combine_chunks()
        lengths = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        coded = lists.flatten().dictionary_encode()
        numbers = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return columns["id"].to_pylist(), coded.dictionary.to_pylist(), numbers, lengths

    def ids(self, where: str) -> list[str]:
        """Ids of the documents for which a condition holds.

        Raises:
            OptionError: it cannot be understood.
        """
        try:
            query = self._table.search().where(where).select(["id"]).limit(len(self))
            return list(query.to_arrow()["id"].to_pylist())
        except (RuntimeError, ValueError, OSError) as error:
            raise self._refused(where, error) from error

    def nearest(self, vector: np.ndarray, top_k: int, where: str | None = None) -> list[tuple[str, float]]:
        """Ids and cosines of the documents whose vectors are nearest, best first.

        Raises:
            OptionError: `where` cannot be understood.
        """
        query = self._table.search(vector, vector_column_name="vector").distance_type("dot").select(["id", "_distance"])
        if where is not None:
            query = query.where(where, prefilter=True)
        n_partitions = partitions(len(self))
        query = query.nprobes(max(_LEAST_PROBED, round(_PROBED * n_partitions))).limit(top_k)
        try:
            found = query.to_arrow()
        except (RuntimeError, ValueError, OSError) as error:
            if where is None:
                raise
            raise self._refused(where, error) from error
        return [(name, 1 - d) for name, d in zip(*(found[c].to_pylist() for c in ("id", "_distance")), strict=True)]

    def fetch(self, ids: Sequence[str]) -> dict[str, SearchDocument]:
        """Documents by id."""
        if not ids:
            return {}
        names = ["id", "text", *self.fields]
        found = self._table.search().where(_among(ids)).select(names).limit(len(ids)).to_arrow().to_pylist()
        return {
            row["id"]: SearchDocument(
                row["id"], row["text"], {name: row[name] for name in self.fields if row[name] is not None}
            )
            for row in found
        }

    def tidy(self) -> None:
        """Join small files; where there are very many documents, make or extend the approximate index."""
        self._table.optimize()
        n = len(self)
        if self.width and n > LARGE and not any("vector" in index.columns for index in self._table.list_indices()):
            config = _library("lancedb.index").IvfFlat(distance_type="dot", num_partitions=partitions(n))
            self._table.create_index("vector", config=config)

    def _arrow(self, rows: Sequence[Row]) -> Any:
        pyarrow = _library("pyarrow")
        columns: dict[str, Any] = {
            "id": [row.document.id for row in rows],
            "text": [row.document.text for row in rows],
            "terms": [list(row.terms) for row in rows],
            **{name: [_value(row, name, kind) for row in rows] for name, kind in self.fields.items()},
        }
        if self.width:
            flat = np.concatenate([row.vector for row in rows if row.vector is not None]).astype(np.float32)
            columns["vector"] = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), self.width)
        return pyarrow.table(
            [pyarrow.array(columns[f.name], f.type) if f.name != "vector" else columns["vector"] for f in self._schema],
            schema=self._schema,
        )

    def _refused(self, where: str, error: Exception) -> OptionError:
        names = ", ".join(["id", "text", *self.fields])
        return OptionError(
            f"where is {where!r} ({_first_line(error)}): expected a condition such as year >= 2020 AND title = '말' "
            f"over {names}"
        )


def partitions(n: int) -> int:
    """Parts of an approximate index over so many vectors."""
    return max(1, round(math.sqrt(n)))


def _schema(fields: Mapping[str, FieldKind], width: int) -> Any:
    pyarrow = _library("pyarrow")
    types = {
        "text": pyarrow.string(),
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
    }
    columns = [("id", types["text"]), ("text", types["text"]), ("terms", pyarrow.list_(types["text"]))]
    columns += [(name, types[kind]) for name, kind in fields.items()]
    if width:
        columns.append(("vector", pyarrow.list_(pyarrow.float32(), width)))
    return pyarrow.schema(columns)


def _value(row: Row, name: str, kind: FieldKind) -> Any:
    value = row.document.fields.get(name)
    return float(value) if kind == "number" and value is not None else value


def _among(ids: Sequence[str]) -> str:
    quoted = ("'" + name.replace("'", "''") + "'" for name in ids)
    return f"id IN ({', '.join(quoted)})"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
