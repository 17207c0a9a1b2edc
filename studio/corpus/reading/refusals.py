"""Kinds of files that are no table of texts, known by their first bytes, each with the way to mend it."""

from __future__ import annotations

from studio.errors import CorpusError

_MAGIC: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\x89PNG", 0, "a PNG image", "Upload a table of texts."),
    (b"\xff\xd8\xff", 0, "a JPEG image", "Upload a table of texts."),
    (b"GIF8", 0, "a GIF image", "Upload a table of texts."),
    (b"%PDF", 0, "a PDF document", "Copy its text into a table with one example per row."),
    (b"PK\x03\x04", 0, "a zip archive or a document that is not an Excel sheet", "Unpack it, or save it as CSV."),
    (b"PK\x05\x06", 0, "an empty zip archive", "Choose the file itself."),
    (b"\xd0\xcf\x11\xe0", 0, "an old or a locked Office file", "Open it and save the sheet as .xlsx or CSV."),
    (b"\x1f\x8b", 0, "packed twice", "Unpack it once."),
    (b"\x28\xb5\x2f\xfd", 0, "packed twice", "Unpack it once."),
    (b"BZh", 0, "a bzip2 archive", "Unpack it, or pack it with gzip or zstd."),
    (b"\xfd7zXZ", 0, "an xz archive", "Unpack it, or pack it with gzip or zstd."),
    (b"7z\xbc\xaf", 0, "a 7z archive", "Unpack it first."),
    (b"Rar!", 0, "a rar archive", "Unpack it first."),
    (b"ustar", 257, "a tar archive", "Unpack it and choose the files in it."),
    (b"SQLite format 3", 0, "an SQLite database", "Export the table as CSV."),
    (b"DUCK", 8, "a DuckDB database", "Export the table as Parquet."),
    (b"ARROW1", 0, "an Arrow file", "Save it as Parquet."),
    (b"\x93NUMPY", 0, "a NumPy array", "Save the texts as JSONL."),
    (b"\x80\x02", 0, "a Python pickle, which is never read", "Save the data as JSONL."),
    (b"\x80\x03", 0, "a Python pickle, which is never read", "Save the data as JSONL."),
    (b"\x80\x04", 0, "a Python pickle, which is never read", "Save the data as JSONL."),
    (b"\x80\x05", 0, "a Python pickle, which is never read", "Save the data as JSONL."),
    (b"\x7fELF", 0, "a program", "Upload a table of texts."),
)


def refuse_other_kinds(head: bytes, shown: str) -> None:
    """Refuse what is known not to be a table of texts.

    Raises:
        CorpusError: with what the file is and how to mend it.
    """
    for magic, offset, what, fix in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            raise CorpusError(f"The file is {what}, not a table of texts", got=shown, fix=fix)
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise CorpusError(
            "The file is a web page or XML, not a table of texts",
            got=shown,
            fix="Download the data itself as CSV, JSONL or Parquet.",
        )
