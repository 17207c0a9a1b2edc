"""Records out of files: quoting, broken lines, numbers as written; every record is accounted for."""

from __future__ import annotations

import csv
import datetime
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus import formats, readers
from studio.corpus.readers import Lexeme, records
from studio.corpus.reading import delimited, record
from studio.errors import CorpusError


def _read(tmp_path, data: bytes | str, **how):
    path = tmp_path / "data"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(records(path, formats.detect(path, **how)))


def _values(reads):
    return [dict(read.values) for read in reads if read.values is not None]


def _reasons(reads):
    return [(read.line, read.reason) for read in reads if read.values is None]


# --- CSV --------------------------------------------------------------------------------------------------------------
def test_quotes_newlines_and_delimiters_inside_fields(tmp_path):
    reads = _read(tmp_path, 'text,label\r\n"a ""b"", c\r\nd",x\r\n\r\nplain,y\r\n')
    assert _values(reads) == [{"text": 'a "b", c\r\nd', "label": "x"}, {"text": "plain", "label": "y"}]
    assert [read.line for read in reads] == [2, 5]


def test_values_stay_as_they_were_written(tmp_path):
    reads = _read(tmp_path, "text,label,n\n 007 ,true,1e5\nNA,null,-0\n")
    assert _values(reads) == [
        {"text": " 007 ", "label": "true", "n": "1e5"},
        {"text": "NA", "label": "null", "n": "-0"},
    ]


def test_ragged_rows_are_rejects_with_their_line(tmp_path):
    reads = _read(tmp_path, "text,label\na,b\nonly\na,b,c\na,b,,\n")
    assert _reasons(reads) == [(3, "too_few_fields"), (4, "too_many_fields")]
    assert len(_values(reads)) == 2
    assert readers.raw_text(reads[2].raw) == "a,b,c"


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path):
    reads = _read(tmp_path, 'text,label\na,x\n"open,x\nb,y\nc,z\n')
    assert _reasons(reads) == [(3, "unclosed_quote")]
    assert [value["text"] for value in _values(reads)] == ["a", "b", "c"]
    assert [read.line for read in reads] == [2, 3, 4, 5]


def test_two_stray_quotes_far_apart_do_not_swallow_what_lies_between(tmp_path):
    lines = [f"text {i},x" for i in range(100)]
    lines[10], lines[90] = '"stray,x', '"stray,x'
    reads = _read(tmp_path, "text,label\n" + "\n".join(lines) + "\n")
    assert [reason for _, reason in _reasons(reads)] == ["unclosed_quote", "unclosed_quote"]
    assert len(_values(reads)) == 98


def test_a_field_too_long_costs_one_record(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "LINE_BYTES", 1000)
    previous = csv.field_size_limit(500)
    try:
        reads = _read(tmp_path, "text,label\n" + "a" * 600 + ",x\nshort,y\n" + "b" * 3000 + ",z\nlast,y\n")
    finally:
        csv.field_size_limit(previous)
    assert _reasons(reads) == [(2, "field_too_long"), (4, "line_too_long")]
    assert [value["text"] for value in _values(reads)] == ["short", "last"]


def test_quotes_open_everywhere_are_said_instead_of_tried_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "MOST_RECOVERIES", 5)
    data = "text,label\n" + "good,x\n" * 300 + '"a" b" c,x\n"d,x\n' * 9
    monkeypatch.setattr(delimited, "LONG_RECORD_LINES", 0)
    with pytest.raises(CorpusError, match="Quotes are left open"):
        _read(tmp_path, data)


def test_bytes_that_are_not_utf8_travel_as_escapes_and_show_in_the_raw_text(tmp_path):
    reads = _read(tmp_path, b"text,label\n" + b"good,a\n" * 60 + b"bad \xff,a\n")
    assert len(reads) == 61
    assert readers.raw_text(reads[-1].raw) == "bad \\xff,a"


@pytest.mark.parametrize("name", ["comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines",
                                  "newlines_crlf", "quotes_and_newlines", "simple", "simple_crlf", "utf8"])  # fmt: skip
def test_csv_spectrum(shared_data, name):
    folder = shared_data / "messy" / "csv-spectrum"
    path = folder / "csvs" / f"{name}.csv"
    reads = list(records(path, formats.detect(path, header=True)))
    # The expected files write line ends as \n whatever the CSV has.
    found = [{key: value.replace("\r\n", "\n") for key, value in values.items()} for values in _values(reads)]
    expected = json.loads((folder / "json" / f"{name}.json").read_text(encoding="utf-8"))
    assert found == [{key: value.replace("\r\n", "\n") for key, value in row.items()} for row in expected]


_field = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.tuples(_field, _field, _field), min_size=1, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
def test_what_pythons_writer_writes_is_read_back(tmp_path_factory, rows, end):
    rows = [(first or "x", *rest) for first, *rest in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *rows])
    path = tmp_path_factory.mktemp("c") / "x.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    form = formats.Format("csv", ("one", "two", "three"), ",", True, True)
    assert [tuple(values.values()) for values in _values(records(path, form))] == rows


# --- JSON -------------------------------------------------------------------------------------------------------------
def test_json_numbers_keep_their_digits(tmp_path):
    reads = _read(tmp_path, '{"a": 1e5, "b": 7, "c": 0.10, "d": true, "e": 123456789012345678901234567890}\n')
    (values,) = _values(reads)
    assert values == {"a": "1e5", "b": "7", "c": "0.10", "d": True, "e": "123456789012345678901234567890"}
    assert isinstance(values["a"], Lexeme)


def test_broken_json_lines_are_rejects_and_nan_is_missing(tmp_path):
    lines = ['{"t": 1}', "", '{"t": ', "[1, 2]", '{"t": NaN}', "7", '{"t": "\\ud800"}', '{"t": 2} trailing']
    reads = _read(tmp_path, "\n".join(lines))
    assert _reasons(reads) == [(3, "broken_json"), (4, "not_an_object"), (6, "not_an_object"), (8, "broken_json")]
    assert _values(reads)[1] == {"t": None}
    assert len(reads) == 7  # the blank line is no record


def test_a_json_line_in_another_encoding_is_a_reject(tmp_path):
    data = b'{"t": "a"}\n' * 60 + b'{"t": "caf\xe9"}\n'
    assert _reasons(_read(tmp_path, data)) == [(61, "not_utf8")]


def test_deeply_nested_json_is_a_reject_not_a_crash(tmp_path):
    reads = _read(tmp_path, '{"t": 1}\n{"t": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
    assert _reasons(reads) == [(2, "broken_json")]


def test_a_json_line_above_the_limit_is_skipped_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "LINE_BYTES", 100)
    reads = _read(tmp_path, '{"t": 1}\n{"t": "' + "x" * 500 + '"}\n{"t": 2}\n')
    assert _reasons(reads) == [(2, "line_too_long")]
    assert [values["t"] for values in _values(reads)] == [1, 2]


def test_a_json_array_is_streamed_with_line_numbers(tmp_path, monkeypatch):
    rows = [{"text": f"row {i} " + "好" * 50, "n": i} for i in range(300)]
    reads = _read(tmp_path, json.dumps([*rows, 7], indent=1, ensure_ascii=False))
    assert [values["text"] for values in _values(reads)] == [row["text"] for row in rows]
    assert [read.line for read in reads[:3]] == [2, 6, 10]
    assert reads[-1].reason == "not_an_object"


@pytest.mark.parametrize("cut", [30, 31, 60, 99])
def test_a_json_array_that_breaks_off_says_where(tmp_path, cut):
    text = json.dumps([{"text": "some words", "n": i} for i in range(9)], indent=0)
    path = tmp_path / "x.json"
    path.write_text(text[:cut])
    with pytest.raises(CorpusError, match="broken"):
        list(records(path, formats.Format("json", ("text", "n"))))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            st.recursive(
                st.none() | st.booleans() | st.integers(-(2**60), 2**60)
                | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
                lambda inner: st.lists(inner, max_size=3),
                max_leaves=5,
            ),
            max_size=4,
        ),
        min_size=1, max_size=8,
    ),
    chunk=st.integers(1, 50),
)  # fmt: skip
def test_jsonl_and_arrays_give_the_same_records(tmp_path_factory, rows, chunk):
    folder = tmp_path_factory.mktemp("j")
    (folder / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "a.json").write_text(json.dumps(rows))
    lines = _values(records(folder / "a.jsonl", formats.Format("jsonl")))
    array = _values(records(folder / "a.json", formats.Format("json")))
    assert lines == rows
    assert json.loads(json.dumps(array)) == json.loads(json.dumps(rows), parse_int=str)


# --- Parquet ----------------------------------------------------------------------------------------------------------
def test_parquet_types_become_text_and_json(tmp_path):
    table = pa.table({
        "text": pa.array(["a", None], pa.large_string()).dictionary_encode(),
        "n": pa.array([1, None], pa.int32()),
        "x": [0.5, float("nan")],
        "day": [datetime.date(2026, 1, 2), None],
        "price": [Decimal("1.50"), None],
        "tags": [["p", "q"], []],
        "raw": [b"\x00", b"\xff"],
    })  # fmt: skip
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    reads = list(records(path, formats.detect(path)))
    assert _values(reads) == [
        {"text": "a", "n": 1, "x": 0.5, "day": "2026-01-02", "price": "1.50", "tags": ["p", "q"]},
        {"text": None, "n": None, "x": None, "day": None, "price": None, "tags": []},
    ]


@pytest.mark.parametrize("cut", [4, 10, 100, -1, -9])
def test_a_damaged_parquet_file_is_refused(tmp_path, cut):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": [f"row {i}" for i in range(100)]}), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CorpusError, match="damaged"):
        list(records(path, formats.Format("parquet"), name="x.parquet"))


def test_extension_types_are_refused(tmp_path):
    path = tmp_path / "x.parquet"
    storage = pa.array([b"0123456789abcdef"], pa.binary(16))
    pq.write_table(pa.table({"id": pa.ExtensionArray.from_storage(pa.uuid(), storage), "text": ["a"]}), path)
    with pytest.raises(CorpusError, match="type that is not read"):
        list(records(path, formats.Format("parquet")))
