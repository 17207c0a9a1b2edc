"""Records out of Parquet: flat columns as values, nested ones as JSON, binary ones left out by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as types

from studio.corpus.reading import features
from studio.corpus.reading.opening import open_seekable
from studio.corpus.reading.record import Read
from studio.errors import CorpusError

_BATCH_ROWS = 4_096
_BUFFER_BYTES = 4 * 1024 * 1024
_MOST_COLUMNS = 2_000


def parquet_columns(path: Path, shown: str, packing: str = "") -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Readable column names, names of columns left out (binary content), and the number of rows.

    Raises:
        CorpusError: the file is damaged, has extension types, repeated names or too many columns.
    """
    with open_seekable(path, packing, shown) as handle:
        file = _open(handle, shown)
        return _columns(file.schema_arrow, file.metadata.num_rows, shown)


def _columns(schema: pa.Schema, n_rows: int, shown: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    if len(schema) > _MOST_COLUMNS:
        raise CorpusError(
            "The file has too many columns", got=f"{shown}: {len(schema):,}", fix=f"Keep at most {_MOST_COLUMNS:,}."
        )
    if len(set(schema.names)) < len(schema.names):
        raise CorpusError("Two columns of the file have the same name", got=shown, fix="Rename one of them.")
    for field in schema:
        if isinstance(field.type, pa.BaseExtensionType):
            raise CorpusError(
                "A column has a type that is not read from files",
                got=f"{field.name}: {field.type}",
                fix="Save the column as text or numbers.",
            )
    kept = tuple(name for field in schema if not _holds_bytes(field.type) for name in _names(field))
    left_out = tuple(field.name for field in schema if _holds_bytes(field.type))
    return kept, left_out, n_rows


def _names(field: pa.Field) -> list[str]:
    """The column of a field; of a translation one per language."""
    inner = {one.name: "" for one in field.type} if types.is_struct(field.type) else None
    is_text = inner and all(types.is_string(one.type) or types.is_large_string(one.type) for one in field.type)
    if field.name == features.TRANSLATION and is_text and features.is_translation(inner):
        return [f"{field.name}.{code}" for code in inner or ()]
    return [field.name]


def named_columns(path: Path, shown: str, packing: str = "") -> tuple[str, ...]:
    """The columns whose label numbers the file names itself."""
    with open_seekable(path, packing, shown) as handle:
        metadata = _open(handle, shown).schema_arrow
        naming = features.namers(features.of_metadata(metadata.metadata))
        return tuple(name for name in metadata.names if name in naming)


def parquet_records(path: Path, shown: str, packing: str = "") -> Iterator[Read]:
    """Rows as mappings; the line number is the row number, from 1. Label numbers the file names come as their names.

    Raises:
        CorpusError: the file is damaged.
    """
    number = 0
    handle = open_seekable(path, packing, shown)
    file = _open(handle, shown)
    _columns(file.schema_arrow, 0, shown)  # refuses what no column can be read from
    columns = [field.name for field in file.schema_arrow if not _holds_bytes(field.type)]
    naming = features.namers(features.of_metadata(file.schema_arrow.metadata))
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            values = [column.to_pylist() for column in batch.columns]
            plain = [_is_plain(column.type) for column in batch.columns]
            values = [
                list(map(naming[name], cells)) if name in naming else cells
                for name, cells in zip(columns, values, strict=True)
            ]
            for position in range(batch.num_rows):
                number += 1
                row = {
                    name: cells[position] if is_plain else json_value(cells[position])
                    for name, cells, is_plain in zip(columns, values, plain, strict=True)
                }
                yield Read(number, row, row)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(shown, error) from error
    finally:
        handle.close()


def _open(handle: BinaryIO, shown: str) -> pq.ParquetFile:
    try:  # a buffer instead of whole column chunks: a row group may be as large as the file
        return pq.ParquetFile(handle, memory_map=False, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(shown, error) from error


def _damaged(shown: str, error: Exception) -> CorpusError:
    return CorpusError(
        "The Parquet file is damaged and cannot be read",
        got=f"{shown}: {str(error)[:100]}",
        fix="Copy or export it again.",
    )


def _holds_bytes(kind: pa.DataType) -> bool:
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return True
    if types.is_binary_view(kind):
        return True
    return any(_holds_bytes(kind.field(i).type) for i in range(kind.num_fields))


def _is_plain(kind: pa.DataType) -> bool:
    return types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind) or types.is_boolean(kind)


def json_value(value: Any) -> Any:
    """A cell as something JSON can hold: NaN is null, times are ISO text, decimals are text.

    Example:
        >>> json_value({"a": [Decimal("1.50"), float("nan")]})
        {'a': ['1.50', None]}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return str(value)
