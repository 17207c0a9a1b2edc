"""The look before an import: columns, first records, a guess, and problems in words keys."""

from __future__ import annotations

import io
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio import words
from studio.corpus import preview as look
from studio.corpus.importing import Source
from studio.corpus.roles import Roles
from studio.corpus.rows import REASONS
from studio.errors import CorpusError
from tests.conftest import ROOT


def _look(tmp_path, text: str, name: str = "x.csv", header=None):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return look.preview(Source(path, name, header))


def test_columns_rows_guess_and_language(tmp_path):
    seen = _look(
        tmp_path, "text,label,region\n" + "".join(f"如何重置 {i},{'ab'[i % 2]},{'NS'[i % 2]}\n" for i in range(40))
    )
    assert seen.names == ("text", "label", "region")
    assert (seen.n_sample, seen.n_unreadable, seen.is_whole) == (40, 0, True)
    assert seen.roles == Roles("text", "label", ("region",))
    assert seen.language == "zh"
    assert seen.rows[1] == {"text": "如何重置 1", "label": "b", "region": "S"}
    assert len(seen.rows) == look.SHOWN_RECORDS
    assert seen.facts("label").n_distinct == 2
    assert seen.facts("label").examples == ("a", "b")
    assert seen.problems == ()


def test_only_the_start_of_a_large_file_is_read(tmp_path):
    seen = _look(tmp_path, "text\n" + "hello there\n" * 5_000)
    assert (seen.n_sample, seen.is_whole) == (look.SAMPLE_RECORDS, False)


def test_problems_of_the_file(tmp_path):
    seen = _look(tmp_path, '{"n": 1}\n{broken\n', "x.jsonl")
    assert [key for key, _ in seen.problems] == ["unreadable", "no_text_column", "one_example"]
    assert dict(seen.problems)["unreadable"] == {"n": 1, "total": 2}
    seen = _look(tmp_path, "1,a long text\n2,another text\n")
    assert [key for key, _ in seen.problems] == ["no_header"]


def test_problems_of_a_mapping(tmp_path):
    seen = _look(tmp_path, "text,label,many\n" + "".join(f"text {i},same,{i}\n" for i in range(150)))
    keys = [key for key, _ in look.problems_of_roles(seen, Roles("text", "label", ("many",)))]
    assert keys == ["one_label", "many_group_values"]
    assert [key for key, _ in look.problems_of_roles(seen, Roles("text", "many"))] == ["many_labels"]
    assert [key for key, _ in look.problems_of_roles(seen, Roles("text"))] == ["no_label"]


def test_column_names_without_a_record_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="no record"):
        _look(tmp_path, "text,label\n")


def test_a_preview_survives_the_pipe(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "n": [1, 2], "raw": [b"x", b"y"]}), path)
    seen = look.preview(Source(path, "x.parquet"))
    assert look.from_json(look.to_json(seen)) == seen
    done = subprocess.run([sys.executable, "-m", "studio.corpus.preview", str(path), "x.parquet"], cwd=ROOT,
                          capture_output=True, check=True)  # fmt: skip
    assert look.from_json(done.stdout) == seen
    assert dict(seen.problems) == {"binary_columns": {"columns": "raw"}}


def test_the_process_hands_refusals_on(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a"]}), path)
    path.write_bytes(path.read_bytes()[:40])
    done = subprocess.run([sys.executable, "-m", "studio.corpus.preview", str(path), "x.parquet"], cwd=ROOT,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == look.REFUSED
    assert b"damaged" in done.stdout


def test_every_code_has_its_words():
    for reason in REASONS:
        assert words.has(f"corpus.reason.{reason}")
    source = io.StringIO((ROOT / "studio" / "corpus" / "preview.py").read_text(encoding="utf-8")).read()
    for key in ("unreadable", "no_header", "no_text_column", "binary_columns", "one_example", "no_label", "one_label",
                "many_labels", "many_group_values"):  # fmt: skip
        assert f'"{key}"' in source
        assert words.has(f"corpus.problem.{key}")
    for key in ("few_examples", "no_labels", "one_label", "partly_labelled", "partly_answered"):
        assert words.has(f"corpus.warning.{key}")
