"""Exports as runs: the folder is whole, says where it comes from, hides what is hidden, and can be deleted."""

from __future__ import annotations

import hashlib
import json
import zipfile

import datasets
import pytest

from studio.corpus.writing import ExportPlan
from studio.errors import AccessError, CorpusError
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import labels, splits
from studio.workflows import corpora_export, export_files, runs
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus

ADMIN = Actor("tester", "admin")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One studio for the module, with its supervisor."""
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("w") / "workspace")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def snapshot_id(studio):
    return small_corpus.make(studio.store, n=200)


def _export(studio, snapshot_id, plan):
    run_id = corpora_export.start(studio, ADMIN, snapshot_id=snapshot_id, plan=plan)
    status = runs.wait(studio, run_id, 60)
    assert status.state == "done", runs.detail(studio, run_id).failure
    return export_files.outcome(studio, run_id)


def _lines(export):
    return [json.loads(line) for line in (export.path / "data.jsonl").read_text().splitlines()]


def test_a_folder_is_whole_and_says_where_it_comes_from(studio, snapshot_id):
    done = _export(studio, snapshot_id, ExportPlan("jsonl"))
    assert {path.name for path in done.path.iterdir()} == {"data.jsonl", "README.md", "manifest.json", "SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in (done.path / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {"data.jsonl", "README.md", "manifest.json"}
    for name, digest in sums.items():
        assert hashlib.sha256((done.path / name).read_bytes()).hexdigest() == digest
    said = json.loads((done.path / "manifest.json").read_text())
    assert (said["snapshot_id"], said["n"], said["left_out"], said["code_version"]) == (snapshot_id, 200, {}, "0.1.0")
    assert said["columns"] == ["example_id", "text", "label", "split", "language", "gender"]
    assert said["split"]["method"] == "random"
    rows = _lines(done)
    assert [row["example_id"] for row in rows] == list(range(1, 201))
    assert all(row["label"] in small_corpus.WORDS for row in rows)
    assert not list((studio.workspace.cache / "export").iterdir())  # the frozen inputs of the run are gone


def test_the_same_export_twice_is_one_folder(studio, snapshot_id):
    first = _export(studio, snapshot_id, ExportPlan("jsonl"))
    assert _export(studio, snapshot_id, ExportPlan("jsonl")).name == first.name
    assert _export(studio, snapshot_id, ExportPlan("jsonl", columns=("text",))).name != first.name


def test_a_file_per_split_is_loaded_with_its_splits_by_the_datasets_package(studio, snapshot_id, tmp_path):
    done = _export(studio, snapshot_id, ExportPlan("jsonl", by_split=True, splits=("validation", "test")))
    loaded = datasets.load_dataset(str(done.path), cache_dir=str(tmp_path / "cache"))
    counts = splits.counts(studio.store, snapshot_id)
    assert {name: len(part) for name, part in loaded.items()} == {
        name: counts[name] for name in ("validation", "test")
    }  # fmt: skip
    folder = _export(studio, snapshot_id, ExportPlan("datasets", by_split=True))
    disk = datasets.load_from_disk(str(folder.path))
    assert {name: len(part) for name, part in disk.items()} == counts


def test_a_zip_holds_the_same_files(studio, snapshot_id):
    done = _export(studio, snapshot_id, ExportPlan("alpaca", what="labelled", pack="zip"))
    with zipfile.ZipFile(done.path) as archive:
        names = {name.split("/")[1] for name in archive.namelist()}
        rows = json.loads(archive.read(f"{done.path.stem}/data.json"))
    assert names == {"data.json", "README.md", "manifest.json", "SHA256SUMS"}
    assert rows[0]["instruction"] == "Which of these labels fits the text: billing, delivery, login, refund?"
    assert rows[0]["output"] in small_corpus.WORDS
    assert len(rows) == len(labels.current(studio.store, snapshot_id))


def test_labels_of_the_pool_stay_hidden_outside_a_whole_export(studio, snapshot_id):
    pool = splits.ids(studio.store, snapshot_id, "pool")[:5].tolist()
    test = splits.ids(studio.store, snapshot_id, "test")[:3].tolist()
    small_corpus.freeze(studio.store, snapshot_id, [*reversed(pool), *test], selection_id="sel-1")
    done = _export(studio, snapshot_id, ExportPlan("jsonl", what="selection:sel-1"))
    rows = _lines(done)
    assert [row["example_id"] for row in rows] == [*reversed(pool), *test]  # pick order
    assert [row["rank"] for row in rows] == list(range(1, 9))
    assert ["label" in row for row in rows] == [False] * 5 + [True] * 3
    assert done.manifest["selection"]["selection_id"] == "sel-1"
    assert len(done.manifest["selection"]["recipe_hash"]) == 64
    asked = _export(studio, snapshot_id, ExportPlan("messages", what="selection:sel-1"))
    assert asked.manifest["left_out"] == {"no_label": 5}
    named = [json.loads(line) for line in (asked.path / "left_out.jsonl").read_text().splitlines()]
    assert named == [{"example_id": key, "reason": "no_label"} for key in reversed(pool)]


def test_a_look_shows_what_will_be_written(studio, snapshot_id):
    chosen = corpora_export.choose(studio, snapshot_id=snapshot_id, what="snapshot")
    seen = export_files.look(studio, chosen=chosen, plan=ExportPlan("jsonl"))
    done = _export(studio, snapshot_id, ExportPlan("jsonl"))
    written = (done.path / "data.jsonl").read_bytes()
    assert written.startswith(seen.text.encode())
    assert seen.text.count("\n") == 3
    assert seen.n_examples == 200
    assert abs(seen.n_bytes - len(written)) < 0.1 * len(written)
    for form in ("parquet", "datasets", "csv_sheet", "alpaca"):
        assert export_files.look(studio, chosen=chosen, plan=ExportPlan(form)).text


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (ExportPlan("conll"), "cannot hold"),
        (ExportPlan("xlsx"), "no such export format"),
        (ExportPlan("jsonl", columns=("nope",)), "no such column"),
        (ExportPlan("jsonl", splits=("nope",)), "no such split"),
        (ExportPlan("jsonl", pack="tar"), "folder or a zip"),
        (ExportPlan("jsonl", what="nope"), "nothing of that kind"),
        (ExportPlan("jsonl", what="selection:nope"), "not one of this snapshot"),
        (ExportPlan("alpaca", words="{label}?"), "field that does not exist"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_a_run_starts(studio, snapshot_id, plan, says):
    with pytest.raises(CorpusError, match=says) as caught:
        corpora_export.start(studio, ADMIN, snapshot_id=snapshot_id, plan=plan)
    assert caught.value.fix


def test_a_full_disk_is_said_before(studio, snapshot_id, monkeypatch):
    monkeypatch.setattr(corpora_export, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(CorpusError, match="too little space"):
        corpora_export.start(studio, ADMIN, snapshot_id=snapshot_id, plan=ExportPlan("jsonl"))


def test_an_export_is_listed_and_deleted_and_no_name_leads_outside(studio, snapshot_id):
    done = _export(studio, snapshot_id, ExportPlan("csv_sheet"))
    assert done.name in [item.name for item in export_files.listed(studio, snapshot_id)]
    with pytest.raises(AccessError):
        export_files.delete(studio, Actor("guest", "viewer"), name=done.name)
    assert export_files.delete(studio, ADMIN, name=done.name) > 0
    assert not done.path.exists()
    for name in (done.name, "../snapshots", "..", "", f"../exports/{done.name}"):
        with pytest.raises(CorpusError, match="not in the workspace"):
            export_files.delete(studio, ADMIN, name=name)
