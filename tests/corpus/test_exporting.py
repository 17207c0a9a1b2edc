"""Files out: three formats, nothing half written, no formula for a spreadsheet, readable by our own import."""

from __future__ import annotations

import csv
import hashlib
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus.exporting import write_rows
from studio.corpus.importing import Choices, Source, import_files
from studio.corpus.roles import Roles
from studio.corpus.spreadsheet import escape_cell, is_marked, undo_cell
from studio.errors import CorpusError

ROWS = [
    {"example_id": 0, "text": 'a "b", c\nd', "label": "x", "tags": [1, "两"]},
    {"example_id": 5, "text": "=SUM(A1)", "label": None, "tags": None},
]
COLUMNS = ("example_id", "text", "label", "tags")


def test_jsonl_leaves_nulls_out_and_gives_the_checksum(tmp_path):
    n, digest = write_rows(ROWS, tmp_path / "x.jsonl", fmt="jsonl", columns=COLUMNS)
    data = (tmp_path / "x.jsonl").read_bytes()
    assert [json.loads(line) for line in data.splitlines()] == [ROWS[0], {"example_id": 5, "text": "=SUM(A1)"}]
    assert (n, digest) == (2, hashlib.sha256(data).hexdigest())


def test_parquet_keeps_ids_as_numbers_and_structures_as_json(tmp_path):
    write_rows(ROWS, tmp_path / "x.parquet", fmt="parquet", columns=COLUMNS)
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.to_pylist() == [
        {"example_id": 0, "text": 'a "b", c\nd', "label": "x", "tags": '[1,"两"]'},
        {"example_id": 5, "text": "=SUM(A1)", "label": None, "tags": None},
    ]


def test_csv_is_plain_unless_it_is_for_spreadsheets(tmp_path):
    write_rows(ROWS, tmp_path / "x.csv", fmt="csv", columns=COLUMNS)
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as handle:
        assert list(csv.reader(handle))[2] == ["5", "=SUM(A1)", "", ""]
    write_rows(ROWS, tmp_path / "y.csv", fmt="csv", columns=COLUMNS, for_spreadsheets=True)
    data = (tmp_path / "y.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"'=SUM(A1)" in data
    assert is_marked(data)
    assert not is_marked((tmp_path / "x.csv").read_bytes())


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM", "\t=1", "\r=1", "\0=1", "\n=1", "＝1+1", "'=1", "''+a"]
)
def test_cells_that_would_run_get_an_apostrophe(text):
    assert escape_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["-5", "+3.25", "-1,000", "-5%", "1e-7", "-1e-7", "plain", "", "a=b"])
def test_numbers_and_plain_text_stay(text):
    assert escape_cell(text) == text


def test_a_failed_export_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("old")

    def rows():
        yield ROWS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_rows(rows(), path, fmt="jsonl", columns=COLUMNS)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["x.jsonl"]
    with pytest.raises(CorpusError, match="cannot be written"):
        write_rows(ROWS, tmp_path / "gone" / "x.jsonl", fmt="jsonl", columns=COLUMNS)
    with pytest.raises(CorpusError, match="no such export format"):
        write_rows(ROWS, path, fmt="xlsx", columns=COLUMNS)


@given(st.text(st.sampled_from("'=+-@1.5e%\t\n ＝a")))
def test_the_apostrophes_can_be_undone_exactly(text):
    escaped = escape_cell(text)
    assert undo_cell(escaped) == text
    assert escaped == text or escaped == "'" + text


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({"text": _text, "label": st.sampled_from(["a", "b", None])}), min_size=1),
    fmt=st.sampled_from(["jsonl", "parquet", "csv"]),
)
def test_what_is_exported_can_be_imported_again(tmp_path_factory, rows, fmt):
    folder = tmp_path_factory.mktemp("e")
    rows = [{"text": "a first text", "label": "a"}, *rows]
    write_rows(rows, folder / "x", fmt=fmt, columns=("text", "label"))
    source = Source(folder / "x", "x", True, Choices(encoding="utf-8"))
    result = import_files([source], Roles("text", "label"), folder / "s",
                          rejects_path=folder / "r")  # fmt: skip
    table = pq.read_table(folder / "s" / result.snapshot_id / "examples.parquet")
    assert [{"text": row["text"], "label": row["label"]} for row in table.to_pylist()] == rows
