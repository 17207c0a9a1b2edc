"""Datasets of the hub: ids checked, rows written as they are read, offline refused; no test reaches the network."""

from __future__ import annotations

import datetime
import json

import datasets
import pytest

from studio.corpus import hub
from studio.errors import CorpusError


@pytest.mark.parametrize("wrong", ["", "../etc", "a/b/c", "/tmp/x", "https://x.org/a", "a b", "owner/..", "-x"])
def test_what_is_no_id_is_refused(wrong):
    with pytest.raises(CorpusError, match="no dataset id"):
        hub.check_id(wrong)


def test_a_local_folder_is_not_taken_for_a_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(CorpusError, match="no dataset id"):
        hub.open_stream("mine", None, "train")


def _stream(n: int = 30):
    features = datasets.Features({
        "text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"]),
        "when": datasets.Value("timestamp[s]"), "raw": datasets.Value("binary"),
        "picture": datasets.Image(decode=False),
    })  # fmt: skip
    rows = [{"text": f"text {i} 好", "label": i % 2, "when": datetime.datetime(2026, 1, 2), "raw": b"x",
             "picture": {"bytes": b"x", "path": None}} for i in range(n)]  # fmt: skip
    return datasets.Dataset.from_list(rows, features=features).to_iterable_dataset()


def test_rows_are_written_with_label_names_and_without_bytes(tmp_path):
    n, is_cut = hub.write_rows(_stream(), tmp_path / "x", name="a/b", most_bytes=10**9)
    rows = [json.loads(line) for line in (tmp_path / "x").read_text(encoding="utf-8").splitlines()]
    assert (n, is_cut, len(rows)) == (30, False, 30)
    assert rows[1] == {"text": "text 1 好", "label": "yes", "when": "2026-01-02T00:00:00"}


def test_limits_end_it(tmp_path):
    assert hub.write_rows(_stream(), tmp_path / "x", name="a/b", most_rows=7, most_bytes=10**9) == (7, True)
    n, is_cut = hub.write_rows(_stream(), tmp_path / "x", name="a/b", most_bytes=200)
    assert is_cut
    assert (tmp_path / "x").stat().st_size < 400
    assert n < 7
