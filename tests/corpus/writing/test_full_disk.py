"""A disk that refuses ends an export with a clear error and leaves nothing half behind."""

from __future__ import annotations

import resource
from contextlib import contextmanager

import pytest

from studio.corpus.writing import Options, by_name, files
from studio.corpus.writing.converting import Conversion, convert
from studio.errors import CorpusError


@contextmanager
def largest_file(n_bytes: int):
    """Writing more than this into one file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _rows():
    for i in range(60_000):
        yield {"example_id": i, "text": f"a text that says {i * 7919}", "label": "x"}


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "datasets"])
def test_the_error_names_the_mend(form, tmp_path):
    options = Options("classification", None, ("example_id", "text", "label"))
    with largest_file(100_000), pytest.raises(CorpusError, match="cannot be written") as caught:
        files.write_data(_rows(), tmp_path, by_name(form), options)
    assert "space" in caught.value.fix


def test_a_conversion_leaves_the_old_file(tmp_path):
    (tmp_path / "in.jsonl").write_text("\n".join(f'{{"text": "a longer text {i}"}}' for i in range(20_000)))
    (tmp_path / "out.csv").write_text("old")
    asked = Conversion(str(tmp_path / "in.jsonl"), str(tmp_path / "out.csv"), "csv", task="masked_lm")
    with largest_file(100_000), pytest.raises(CorpusError, match="cannot be written"):
        convert(asked)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.csv"]
