"""The contract every registered reader keeps: records accounted for, never a crash, packed or not, cut or mutated."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus import formats, readers
from studio.corpus.importing import Choices, Source, import_files
from studio.corpus.roles import Roles
from studio.corpus.rows import REASONS
from studio.errors import CorpusError

sys.path.insert(0, str(Path(__file__).parent))
from samples import SAMPLES, TEXTS  # noqa: E402

_BYTES = {kind: make() for kind, make in SAMPLES.items()}
_COLUMN = {"squad": "question", "conll": "tokens"}


def _read(path):
    form = formats.detect(path)
    return form, list(readers.records(path, form))


def test_every_kind_has_a_reader_and_a_sample():
    assert set(formats.KINDS) == set(readers.READERS) == set(SAMPLES)


@pytest.mark.parametrize("kind", formats.KINDS)
@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_a_sample_is_known_by_its_content_and_read_whole(tmp_path, kind, packing):
    data = _BYTES[kind]
    if packing:
        data = gzip.compress(data) if packing == "gzip" else pa.compress(data, codec="zstd", asbytes=True)
    path = tmp_path / "upload.data"
    path.write_bytes(data)
    form, reads = _read(path)
    assert (form.kind, form.packing) == (kind, packing)
    assert [read.reason for read in reads] == [""] * len(TEXTS)
    column = _COLUMN.get(kind, "text")
    found = [read.values[column] for read in reads]
    assert ([" ".join(tokens) for tokens in found] if kind == "conll" else found) == TEXTS
    assert [read.line for read in reads] == sorted(read.line for read in reads)
    assert readers.count_lines(path, form) >= (1 if kind in ("json", "squad") else len(TEXTS))


@pytest.mark.parametrize("kind", [kind for kind in formats.KINDS if kind not in ("parquet", "excel")])
@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_every_text_kind_reads_every_encoding_the_same(tmp_path, kind, codec):
    path = tmp_path / "x"
    path.write_bytes(_BYTES[kind])
    _, expected = _read(path)
    path.write_bytes(_BYTES[kind].decode().encode(codec))
    form = formats.detect(path)
    if not form.guess.is_sure:
        form = formats.detect(path, choices=Choices(encoding=codec))
    found = list(readers.records(path, form))
    assert [dict(read.values) for read in found] == [dict(read.values) for read in expected]
    assert all(type(readers.raw_text(read.raw)) is str for read in found)


@pytest.mark.parametrize("kind", [kind for kind in formats.KINDS if kind not in ("parquet", "excel")])
@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_every_text_kind_reads_every_line_end(tmp_path, kind, end):
    path = tmp_path / "x"
    path.write_bytes(_BYTES[kind])
    _, expected = _read(path)
    path.write_bytes(_BYTES[kind].replace(b"\n", end.encode()))
    _, found = _read(path)
    assert [dict(read.values) for read in found] == [dict(read.values) for read in expected]


def _import(folder, data: bytes, choices: Choices | None = None):
    """The result of importing whatever this is by its first column, or the clear error."""
    path = folder / "x"
    path.write_bytes(data)
    choices = choices or Choices()
    try:
        form = formats.detect(path, choices=choices)
        if not form.guess.is_sure:
            choices = Choices(encoding=form.encoding)
            form = formats.detect(path, choices=choices)
        column = form.columns[0] if form.columns else "text"
        result = import_files([Source(path, "x", choices=choices)], Roles(column), folder / "s",
                              rejects_path=folder / "r")  # fmt: skip
    except CorpusError as error:
        assert error.what
        assert error.fix
        return None
    n_lines = len((folder / "r").read_bytes().splitlines())
    assert result.n_records == result.n_examples + result.n_rejects
    assert n_lines == result.n_rejects
    assert set(result.rejects) <= set(REASONS)
    return result


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(tmp_path_factory, data):
    _import(tmp_path_factory.mktemp("b"), data)


@pytest.mark.parametrize("kind", formats.KINDS)
@settings(max_examples=25, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 6)), min_size=1,
                      max_size=4))  # fmt: skip
def test_mutated_files_lose_nothing_in_silence(tmp_path_factory, kind, edits):
    data = bytearray(_BYTES[kind])
    for at, new, cut in edits:
        at %= len(data) + 1
        data[at : at + cut] = new
    _import(tmp_path_factory.mktemp("m"), bytes(data))


def test_a_column_name_that_is_no_text_does_not_end_the_import(tmp_path):
    """A byte that is not UTF-8 in a name once broke the manifest after everything was read."""
    data = json.dumps({"rows": [{"text": "a"}] * 30}).encode()[:-2] + b', {"te\x80xt": "b"}]}'
    assert _import(tmp_path, data, Choices(encoding="utf-8")).rejects == {"no_text": 1}
    result = _import(tmp_path, b"text,lab\xffel\n" + b"good,a\n" * 40, Choices(encoding="utf-8"))
    assert result.n_examples == 40


@pytest.mark.parametrize("kind", formats.KINDS)
@settings(max_examples=12, deadline=None)
@given(cut=st.floats(0, 1))
def test_files_that_break_off(tmp_path_factory, kind, cut):
    data = _BYTES[kind]
    _import(tmp_path_factory.mktemp("c"), data[: int(cut * len(data))])


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=15),
                      min_size=1, max_size=8),
       codec=st.sampled_from(["utf-8", "utf-16", "gb18030"]))  # fmt: skip
def test_plain_lines_survive_to_the_letter(tmp_path_factory, lines, codec):
    lines = [line.replace("\r", " ").replace("\n", " ") for line in lines]
    lines = [line for line in lines if line.strip()]
    if not lines:
        return
    path = tmp_path_factory.mktemp("l") / "x.txt"
    path.write_bytes("\n".join(lines).removeprefix("\ufeff").encode(codec))
    name = {"utf-16": "utf-16-le"}.get(codec, codec)
    form = formats.detect(path, choices=Choices(kind="text", encoding=name, unit="line"))
    found = [read.values["text"] for read in readers.records(path, form)]
    assert found == ["\n".join(lines).removeprefix("\ufeff").split("\n")[i] for i in range(len(lines))]
