"""The kind of a file is decided by its content; wrong kinds and encodings are refused with the mend."""

from __future__ import annotations

import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus import formats
from studio.errors import CorpusError


def _file(tmp_path, data: bytes | str, name: str = "data.txt"):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("data", "kind", "columns"),
    [
        ("text,label\nhello,a\n", "csv", ("text", "label")),
        ("text\tlabel\nhello, you\ta\n", "tsv", ("text", "label")),
        ("text;label\nhello, you;a\nwell;b\n", "csv", ("text", "label")),
        ("\ufefftext,label\r\nhello,a\r\n", "csv", ("text", "label")),
        ("text,label\rhello,a\rbye,b\r", "csv", ("text", "label")),
        ('{"text": "a", "n": 1}\n{"text": "b", "more": 2}\n', "jsonl", ("text", "n", "more")),
        ('\ufeff{"text": "a"}\n', "jsonl", ("text",)),
        ('[{"text": "a"},\n {"text": "b", "label": 1}]', "json", ("text", "label")),
        ('{"text": broken\n{"text": "a"}\n{"text": "b"}\n', "jsonl", ("text",)),
        ("one column\nof texts, some with commas\nand some without\nmore\n", "text", ("text",)),
        ("[sic] quoted,a\n[other] text,b\nplain,a\n", "csv", None),
        ("{curly} start,a\nplain,b\nplain two,a\n", "csv", None),
    ],
)
def test_kind_and_columns_come_from_the_content(tmp_path, data, kind, columns):
    form = formats.detect(_file(tmp_path, data, "misleading.png"))
    assert form.kind == kind
    if columns is not None:
        assert form.columns == columns


def test_parquet_is_known_by_its_mark(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "x.csv")
    assert formats.detect(tmp_path / "x.csv").kind == "parquet"


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "text,label\nhello,a\n")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n\n", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"%PDF-1.7 x", "PDF"),
        (gzip.compress(gzip.compress(b"text,label\n" * 9, mtime=0), mtime=0), "packed twice"),
        (b"\x80\x04\x95\x10\x00", "pickle"),
        (b"SQLite format 3\x00" + bytes(50), "SQLite"),
        (bytes(8) + b"DUCK" + bytes(50), "DuckDB"),
        (b"<!DOCTYPE html><html><body>hello</body></html>", "web page"),
        (bytes(range(256)) * 20, "binary|not UTF-8"),
        (b"\x00" * 500, "binary"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "NumPy"),
        (b"\x80\x02]q\x00.", "pickle"),
        (json.dumps({"data": [1, 2]}, indent=1).encode(), "one JSON object"),
        (b"[1, 2]", "holds no objects"),
        (b"[]", "holds no objects"),
    ],
)
def test_what_is_not_a_table_of_texts_is_refused_with_a_mend(tmp_path, data, says):
    with pytest.raises(CorpusError, match=says) as caught:
        formats.detect(_file(tmp_path, data, "claims.csv"), name="shown.csv")
    assert caught.value.fix
    assert "shown.csv" in str(caught.value.got)


def test_a_zip_archive_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="zip") as caught:
        formats.detect(_file(tmp_path, _zip(tmp_path / "x.zip"), "sheet.csv"))
    assert "CSV" in caught.value.fix


@pytest.mark.parametrize("codec", ["gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_the_encoding_is_found(tmp_path, codec):
    data = ("text,label\n" + "如何重置我的密码,账户\n订单什么时候到,物流\n" * 20).encode(codec)
    form = formats.detect(_file(tmp_path, data))
    assert form.encoding == {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(codec, codec)
    assert form.columns == ("text", "label")
    assert form.guess.is_sure
    assert "密码" in form.guess.sample or "订单" in form.guess.sample


def test_a_few_accents_are_no_certainty(tmp_path):
    path = _file(tmp_path, "name,city\nJosé,Málaga\nZoë,Köln\n".encode("latin-1"))
    form = formats.detect(path)
    assert form.encoding == "cp1252"
    assert not form.guess.is_sure
    with pytest.raises(CorpusError, match="not certain"):
        formats.require_sure(form, formats.Choices(), "x.csv")
    formats.require_sure(form, formats.Choices(encoding="cp1252"), "x.csv")


def test_a_few_bad_bytes_do_not_refuse_the_file(tmp_path):
    lines = [b"text,label"] + [b"good line,a"] * 99 + [b"bad \xff byte,a"]
    assert formats.detect(_file(tmp_path, b"\n".join(lines))).columns == ("text", "label")


def test_a_character_cut_at_the_end_of_the_head_is_no_error(tmp_path):
    line = "这是一条很长的文本,标签\n"
    data = ("文本,标签\n" + line * (formats.HEAD_BYTES // len(line.encode()) + 5)).encode()
    for shift in range(3):
        assert formats.detect(_file(tmp_path, b"x" * shift + data)).kind == "csv"


def test_a_first_line_longer_than_the_head_is_read(tmp_path):
    line = '{"text": "' + "x" * (formats.HEAD_BYTES + 10) + '"}\n'
    assert formats.detect(_file(tmp_path, line * 2)).columns == ("text",)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('text\tlabel\n"quoted ""one"""\ta\nplain\tb\n', True),
        ('text\tlabel\n"He left\ta\nplain\tb\n', False),
        ("text\tlabel\nno quotes\ta\n", False),
    ],
)
def test_tabs_are_quoted_only_where_quotes_are_closed(tmp_path, text, quoted):
    assert formats.detect(_file(tmp_path, text)).quoted is quoted


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["text", "label"], ["hello", "a"]], True),
        ([["to category", "A", "law"], ["to category", "B", "law"]], False),
        ([["1", "2"], ["3", "4"]], False),
        ([["a", "a"], ["x", "y"]], False),
        ([["x" * 61, "a"], ["y", "b"]], False),
        ([["id", ""], ["1", "x"]], True),
    ],
)
def test_a_first_row_that_looks_like_data_is_data(rows, expected):
    assert formats.looks_like_header(rows) is expected


def test_the_header_question_can_be_answered_by_the_person(tmp_path):
    path = _file(tmp_path, "a,b\nc,d\ne,f\n")
    assert formats.detect(path, header=False).columns == ("column_1", "column_2")
    path = _file(tmp_path, "1,2\n3,4\n")
    assert formats.detect(path).columns == ("column_1", "column_2")
    assert formats.detect(path, header=True).columns == ("1", "2")


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("gb18030.csv", "gb18030"),
        ("utf16_bom.csv", "utf-16-le"),
        ("utf16le_nobom.csv", "utf-16-le"),
        ("utf8_bom_cr.csv", "utf-8"),
    ],
)
def test_real_files_in_other_encodings_are_known(shared_data, name, encoding):
    form = formats.detect(shared_data / "messy" / "derived" / f"csl_600_{name}")
    assert (form.encoding, form.columns, form.guess.is_sure) == (encoding, ("id", "text", "category"), True)


def test_real_archives_and_pages_are_refused(shared_data):
    folder = shared_data / "messy" / "tabulator"
    for name in ("table.csv.zip", "special/table.csv.html"):
        with pytest.raises(CorpusError):
            formats.detect(folder / name)
    assert formats.detect(folder / "table.csv.gz").columns == ("id", "name")
