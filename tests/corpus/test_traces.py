"""Texts found wherever they stand, in any spelling a file may use, and taken out of stored strings."""

from __future__ import annotations

import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus import traces
from studio.corpus.traces import REMOVED, Traces

TEXT = 'Anna said "no\u00a0way"\nand left 王小明 a note about the copper kettle that broke in her kitchen on Monday'
PATTERN = Traces([TEXT, "第二条文本也要找到"])


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        json.dumps({"t": TEXT}).encode(),
        json.dumps({"t": TEXT}, ensure_ascii=False).encode(),
        ('"' + TEXT.replace('"', '""') + '",1').encode(),
        TEXT[:70].encode() + b"...",
        "前 第二条文本也要找到 后".encode(),
    ],
)
def test_every_spelling_is_found(data):
    assert PATTERN.in_bytes(b"x" * 70_000 + data + b"y" * 5_000)


@given(st.lists(st.text(min_size=4, max_size=40), min_size=1, max_size=20), st.text(max_size=200), st.integers(0, 19))
@settings(max_examples=100, deadline=None)
def test_the_same_as_looking_for_each_text_alone(texts, hay, place):
    for some in (hay, hay + texts[place % len(texts)] + hay):
        data = some.encode("utf-8", "replace")
        forms = [form for text in texts for form in traces._forms(text) if len(form) >= traces.WINDOW]
        assert Traces(texts).in_bytes(data) == any(form[: traces.EXCERPT] in data for form in forms)


def test_packed_files_are_looked_into(tmp_path):
    rows = pa.table({"a": [1, 2], "text": ["other", TEXT], "many": [["x"], [TEXT]]})
    pq.write_table(rows, tmp_path / "a.parquet", compression="zstd")
    pq.write_table(rows.select(["a"]), tmp_path / "b.parquet")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(json.dumps(TEXT).encode()))
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.parquet", "in/a.parquet")
    (tmp_path / "e.data").write_bytes((tmp_path / "a.parquet").read_bytes())
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 " + TEXT.encode())
    found = {path.name: PATTERN.in_file(path) for path in tmp_path.iterdir()}
    assert found == {"a.parquet": True, "b.parquet": False, "c.jsonl.gz": True, "d.zip": True, "e.data": True,
                     "broken.parquet": True}  # fmt: skip


def test_a_text_across_the_border_of_two_reads_is_found(tmp_path):
    data = b"a" * ((1 << 22) - 20) + TEXT.encode() + b"b" * 100
    (tmp_path / "big.txt").write_bytes(data)
    assert PATTERN.in_file(tmp_path / "big.txt")


def test_short_texts_are_found_as_whole_cells_only(tmp_path):
    short = Traces(["ok"])
    assert short.has_short and not short.in_text("ok ok ok")
    pq.write_table(pa.table({"text": ["ok"]}), tmp_path / "a.parquet")
    assert short.in_file(tmp_path / "a.parquet")


def test_stored_strings_lose_the_text_and_nothing_else():
    some = Traces([TEXT], exact=["anna@example.org"])
    stored = json.dumps({"who": "anna@example.org", "q": f"like {TEXT}!", "n": 3, "mail": "to anna@example.org now"})
    clean = json.loads(some.redacted_stored(stored))
    assert clean == {"who": REMOVED, "q": f"like {REMOVED}!", "n": 3, "mail": "to anna@example.org now"}
    untouched = '{"a":  "nothing here"}'
    assert some.redacted_stored(untouched) is untouched
    assert some.redacted_stored("{not json " + TEXT) == "{not json " + REMOVED
