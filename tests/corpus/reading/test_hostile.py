"""Files made to harm: bombs, forged sizes, odd places, objects that are code, damaged archives; the reader survives."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile

import numpy as np
import openpyxl
import pyarrow as pa
import pytest

from studio.corpus import formats, readers
from studio.corpus.formats import Choices
from studio.corpus.reading import opening
from studio.errors import CorpusError


def _read(path):
    return list(readers.records(path, formats.detect(path)))


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_bomb_is_stopped_by_its_ratio(tmp_path, monkeypatch, packing):
    monkeypatch.setattr(opening, "RATIO_FROM_BYTES", 1024 * 1024)
    zeros = b"text\n" + b"0" * (8 * 1024 * 1024)
    packed = gzip.compress(zeros) if packing == "gzip" else pa.compress(zeros, codec="zstd", asbytes=True)
    path = tmp_path / "x.csv.gz"
    path.write_bytes(packed)
    with pytest.raises(CorpusError, match="far more than its size"):
        _read(path)


def test_an_archive_is_stopped_at_the_most_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "UNPACKED_BYTES", 100_000)
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\n" + b"".join(b"row %d,a\n" % i for i in range(20_000))))
    with pytest.raises(CorpusError, match="more than is allowed"):
        _read(path)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_an_archive_that_breaks_off_or_is_changed_is_refused(tmp_path, packing):
    data = b"text,label\n" + os.urandom(30_000).hex().encode() + b",a\n"
    packed = gzip.compress(data) if packing == "gzip" else pa.compress(data, codec="zstd", asbytes=True)
    path = tmp_path / "x.csv"
    changed = packed[: len(packed) // 2] + b"XX" + packed[len(packed) // 2 + 2 :]
    for broken in (packed[:-100], *([changed] if packing == "gzip" else [])):  # zstd need not carry a checksum
        path.write_bytes(broken)
        with pytest.raises(CorpusError, match="damaged or breaks off"):
            _read(path)


def _workbook() -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["text", "label"])
    book.active.append(["a", "b"])
    book.save(data)
    return data.getvalue()


def _rezip(change) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook())) as old, zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item.filename, change(item.filename, old.read(item)))
    return data.getvalue()


def test_a_workbook_bomb_is_refused_by_its_declared_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "RATIO_FROM_BYTES", 1024 * 1024)
    path = tmp_path / "x.xlsx"
    path.write_bytes(_rezip(lambda name, data: data + b" " * 20_000_000 if "sheet1" in name else data))
    with pytest.raises(CorpusError, match="more than is allowed"):
        _read(path)


def test_a_workbook_that_forges_its_sizes_is_damaged(tmp_path):
    data = bytearray(_rezip(lambda name, data: data + b" " * 100_000 if "sheet1" in name else data))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        real = next(item for item in archive.infolist() if "sheet1" in item.filename).file_size
    while (at := data.find(struct.pack("<I", real))) >= 0:
        data[at : at + 4] = struct.pack("<I", 200)
    path = tmp_path / "x.xlsx"
    path.write_bytes(bytes(data))
    with pytest.raises(CorpusError, match="damaged"):
        _read(path)


def test_a_workbook_that_lies_about_its_size_gives_its_rows(tmp_path):
    def lie(name, data):
        if "sheet1" not in name:
            return data
        return data.replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:XFD1048576"')

    path = tmp_path / "x.xlsx"
    path.write_bytes(_rezip(lie))
    assert [dict(read.values) for read in _read(path)] == [{"text": "a", "label": "b"}]


def test_entities_in_a_workbook_do_not_grow(tmp_path):
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12)
    )

    def plant(name, data):
        if "sheet1" not in name:
            return data
        head, rest = data.split(b"<worksheet", 1) if b"<worksheet" in data else (b"", data)
        return head + laughs + b"]><worksheet" + rest.replace(b"<t>", b"<t>&m;", 1)

    path = tmp_path / "x.xlsx"
    path.write_bytes(_rezip(plant))
    with pytest.raises(CorpusError):
        _read(path)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_are_never_read(tmp_path, protocol):
    path = tmp_path / "x.csv"
    path.write_bytes(pickle.dumps([{"text": "a"}] * 20, protocol=protocol))
    with pytest.raises(CorpusError, match="pickle"):
        _read(path)


def test_numpy_objects_are_never_read(tmp_path):
    data = io.BytesIO()
    np.save(data, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path = tmp_path / "x.csv"
    path.write_bytes(data.getvalue())
    with pytest.raises(CorpusError, match="NumPy"):
        _read(path)
    data = io.BytesIO()
    np.savez(data, a=np.arange(3))
    path.write_bytes(data.getvalue())
    with pytest.raises(CorpusError, match="zip"):
        _read(path)


def test_folders_pipes_devices_and_links_are_refused_at_once(tmp_path):
    (tmp_path / "real.csv").write_text("text,label\na,b\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "real.csv")
    (tmp_path / "folder").mkdir()
    for name, says in (("pipe", "a pipe or a device"), ("link", "a link"), ("folder", "a folder"), ("no", "not there")):
        with pytest.raises(CorpusError, match=says):
            formats.detect(tmp_path / name)
    with pytest.raises(CorpusError, match="a pipe or a device"):
        formats.detect(opening.Path("/dev/zero"))


def test_parquet_inside_gzip_and_a_zip_inside_gzip(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(b"PAR1 and nothing more"))
    with pytest.raises(CorpusError, match="damaged"):
        _read(path)
    path.write_bytes(gzip.compress(gzip.compress(b"text,label\na,b\n")))
    with pytest.raises(CorpusError, match="packed twice"):
        _read(path)


def test_deep_json_is_a_reject_or_an_error(tmp_path):
    path = tmp_path / "x"
    deep = "[" * 100_000 + "]" * 100_000
    path.write_text('{"t": 1}\n' * 3 + '{"t": ' + deep + "}\n")
    assert [read.reason for read in _read(path)][-1] == "broken_json"
    path.write_text('{"rows": [{"t": 1}, ' + deep + "]}")
    with pytest.raises(CorpusError):
        list(readers.records(path, formats.detect(path, choices=Choices(kind="json_object"))))


def test_a_key_that_repeats_and_numbers_that_are_huge(tmp_path):
    path = tmp_path / "x"
    path.write_text(json.dumps({"t": "a"}) + '\n{"t": "b", "t": "c", "n": ' + "9" * 5000 + "}\n")
    reads = _read(path)
    assert reads[0].values == {"t": "a"}
    assert reads[1].values is None or reads[1].values["t"] == "c"
