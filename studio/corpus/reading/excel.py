"""Excel workbooks: the rows of one sheet as texts, streamed, with sizes checked before anything is unpacked."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from studio.corpus.reading import opening
from studio.corpus.reading.form import Format
from studio.corpus.reading.opening import open_seekable
from studio.corpus.reading.record import Read
from studio.errors import CorpusError

MOST_COLUMNS = 2_000
_WORKBOOK = "xl/workbook.xml"


def is_workbook(handle: BinaryIO) -> bool:
    """True for a zip archive that holds an Excel workbook."""
    try:
        return _WORKBOOK in zipfile.ZipFile(handle).namelist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return False


def sheets_of(path: Path, packing: str, shown: str) -> tuple[str, ...]:
    """The names of the sheets that hold cells.

    Raises:
        CorpusError: the workbook is damaged, or unpacks to more than is allowed.
    """
    with open_seekable(path, packing, shown) as handle:
        book = _open(handle, shown)
        try:
            return tuple(sheet.title for sheet in book.worksheets)
        finally:
            book.close()


def first_rows(path: Path, packing: str, sheet: str, shown: str, n: int) -> list[list[str]]:
    """The first rows that are not empty, blank cells as empty texts."""
    return [["" if cell is None else cell for cell in row] for _, row in islice(_rows(path, packing, sheet, shown), n)]


def cells_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """One record per row that is not empty; every cell as text, blank cells as missing."""
    width, header = len(form.columns), form.header
    for number, row in _rows(path, form.packing, form.part, shown):
        if header:
            header = False
            continue
        if any(cell is not None for cell in row[width:]):
            yield Read(number, None, row, "too_many_fields")
            continue
        padded = (row + [None] * (width - len(row)))[:width]
        yield Read(number, dict(zip(form.columns, padded, strict=True)), row)


def count_rows(path: Path, form: Format, shown: str) -> int:
    """The rows the sheet says it has, for progress only; 0 where it does not say."""
    with open_seekable(path, form.packing, shown) as handle:
        book = _open(handle, shown)
        try:
            return int(book[form.part].max_row or 0) if form.part in book.sheetnames else 0
        finally:
            book.close()


def _rows(path: Path, packing: str, sheet: str, shown: str) -> Iterator[tuple[int, list[str | None]]]:
    with open_seekable(path, packing, shown) as handle:
        book = _open(handle, shown)
        try:
            if sheet not in book.sheetnames:
                raise CorpusError("The workbook has no such sheet", got=sheet,
                                  fix=f"Choose among: {', '.join(book.sheetnames[:10])}.")  # fmt: skip
            found = book[sheet]
            found.reset_dimensions()  # what the file says of its size is not to be trusted
            for number, row in enumerate(found.iter_rows(), start=1):
                cells = [cell_text(cell) for cell in row]
                while cells and cells[-1] is None:
                    cells.pop()
                if len(cells) > MOST_COLUMNS:
                    raise CorpusError("The sheet has too many columns", got=f"{shown}, row {number:,}",
                                      fix=f"Keep at most {MOST_COLUMNS:,}.")  # fmt: skip
                if cells:
                    yield number, cells
        except CorpusError:
            raise
        except _DAMAGE as error:
            raise _damaged(shown, error) from error
        finally:
            book.close()


# What openpyxl lets through when a workbook is not what it says; it has no error of its own for that.
_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, TypeError, IndexError,
           AttributeError, SyntaxError, RuntimeError, OverflowError)  # fmt: skip


def _open(handle: BinaryIO, shown: str) -> Any:
    import openpyxl  # 0.2 s to load, needed for this kind only

    try:
        archive = zipfile.ZipFile(handle)
        declared = sum(item.file_size for item in archive.infolist())  # zipfile reads no more than is declared
        packed = sum(item.compress_size for item in archive.infolist())
        if declared > opening.UNPACKED_BYTES or (
            declared > opening.RATIO_FROM_BYTES and declared > opening.UNPACKED_RATIO * max(packed, 1)
        ):
            raise CorpusError("The workbook unpacks to more than is allowed", got=f"{shown}: {declared:,} bytes",
                              fix="Save the sheet as CSV.")  # fmt: skip
        handle.seek(0)
        return openpyxl.load_workbook(handle, read_only=True, data_only=True, keep_links=False, rich_text=False)
    except CorpusError:
        raise
    except _DAMAGE as error:
        raise _damaged(shown, error) from error


def _damaged(shown: str, error: Exception) -> CorpusError:
    return CorpusError(
        "The Excel workbook is damaged and cannot be read",
        got=f"{shown}: {str(error)[:100]}",
        fix="Open it in Excel and save it again, or save the sheet as CSV.",
    )


def cell_text(cell: Any) -> str | None:
    """A cell as people see it: 7 not 7.0, 007 where the format says so, dates in ISO form, TRUE and FALSE.

    Numbers have at most 15 digits, which is what Excel itself keeps and shows.
    """
    value = cell.value
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    if isinstance(value, datetime):
        has_time = re.search(r"[hHsS]", _without_quotes(cell.number_format or ""))
        is_day = not has_time and (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _without_quotes(form: str) -> str:
    return re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", form)


def _number(value: float, form: str) -> str:
    if isinstance(value, float) and not value.is_integer():
        return format(value, ".15g")
    whole = format(int(value), "d") if abs(value) < 1e15 or isinstance(value, int) else format(value, ".15g")
    if re.fullmatch(r"0+", form) and value >= 0:
        return whole.zfill(len(form))
    return whole
