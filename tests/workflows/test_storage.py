"""What takes space is counted to the byte, quickly, and only what may go can be deleted."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict

import pytest

from studio.errors import AccessError, StoreError
from studio.jobs import rundir
from studio.records import Actor, RunSpec, RunStatus
from studio.settings import Settings
from studio.store import vectors
from studio.workflows import purge_pending, runs, storage
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus

ADMIN = Actor("tester", "admin")


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace, device="cpu"), supervise=False)
    yield opened
    opened.close()


def add_run(studio, run_id: str, kind: str = "measure", state: str = "failed", n_bytes: int = 100) -> None:
    spec = RunSpec(run_id, kind, f"Run {run_id}", "2026-01-01T00:00:00.000+00:00", "tester", ticket=1)
    run_dir = rundir.create(studio.workspace.runs, spec)
    rundir.write_status(run_dir, RunStatus(state, attempt=1), durable=False)
    (run_dir / "extra.bin").write_bytes(b"x" * n_bytes)


def add_vectors(studio, snapshot_id: str) -> None:
    folder = studio.workspace.vectors_dir(snapshot_id, "lexical@1")
    folder.mkdir(parents=True)
    (folder / "vectors.npy").write_bytes(b"v" * 5_000)
    meta = {"encoder": "lexical", "version": "1", "dim": 2, "n": 1, "k": 1, "unknown_share": 0, "content_hash": "h"}
    vectors.put(studio.store, snapshot_id, meta, path=f"vectors/{snapshot_id}/lexical@1", run_id=None)


def test_every_byte_of_the_workspace_belongs_to_an_item(studio):
    snapshot_id = small_corpus.make(studio.store, n=40)
    add_run(studio, "r1")
    add_vectors(studio, snapshot_id)
    (studio.workspace.exports / "out.csv").write_bytes(b"e" * 77)
    (studio.workspace.root / "inputs").mkdir()
    (studio.workspace.root / "inputs" / "rows").write_bytes(b"i" * 9)
    found = storage.usage(studio)
    files = [path for path in studio.workspace.root.rglob("*") if path.is_file()]
    on_disk = sum(path.stat().st_size for path in files if path.name not in (".supervisor.lock", ".tickets"))
    assert found.n_bytes == on_disk
    kinds = found.by_kind()
    assert kinds["export"] == (77, 1) and kinds["vectors"] == (5_000, 1) and kinds["other"] == (9, 1)
    assert [item.n_bytes for item in found.items] == sorted((item.n_bytes for item in found.items), reverse=True)
    (snapshot,) = [item for item in found.items if item.kind == "snapshot"]
    assert (snapshot.title, snapshot.by, snapshot.is_deletable) == ("Small", "tester", False)
    assert json.dumps([storage.as_dict(item) for item in found.items])


def test_only_what_may_go_is_deleted_after_a_typed_number(studio):
    snapshot_id = small_corpus.make(studio.store, n=40)
    add_run(studio, "old")
    add_run(studio, "live", state="queued")
    add_vectors(studio, snapshot_id)
    keys = [f"vectors:{snapshot_id}/lexical@1", "run:old"]
    with pytest.raises(StoreError, match="confirmation"):
        storage.delete(studio, ADMIN, keys=keys, confirm="3")
    with pytest.raises(AccessError):
        storage.delete(studio, Actor("ann", "analyst"), keys=keys, confirm="2")
    for key in (f"snapshot:{snapshot_id}", "run:live", "database:studio.duckdb"):
        with pytest.raises(StoreError, match="cannot be deleted here"):
            storage.delete(studio, ADMIN, keys=[key], confirm="1")
    for key in ("run:nope", "export:../../etc/passwd", "vectors:../snapshots"):
        with pytest.raises(StoreError, match="not in the workspace"):
            storage.delete(studio, ADMIN, keys=[key], confirm="1")
    assert storage.delete(studio, ADMIN, keys=keys, confirm="2") > 5_000
    assert vectors.newest(studio.store, snapshot_id) is None
    assert not (studio.workspace.runs / "old").exists() and not any(studio.workspace.vectors.iterdir())
    assert "old" not in {view.run_id for view in runs.overview(studio)}


def test_nothing_is_deleted_while_a_run_reads_it_or_a_removal_is_under_way(studio):
    snapshot_id = small_corpus.make(studio.store, n=40)
    add_vectors(studio, snapshot_id)
    key = f"vectors:{snapshot_id}/lexical@1"
    runs.submit(studio, ADMIN, kind="map", title="Map of it", snapshot_id=snapshot_id, run_id="m1",
                inputs={"vectors": f"vectors/{snapshot_id}/lexical@1"})  # fmt: skip
    with pytest.raises(StoreError, match="reads this"):
        storage.delete(studio, ADMIN, keys=[key], confirm="1")
    shutil.rmtree(studio.workspace.runs / "m1")
    purge_pending.claim(studio.workspace, {"purge_id": "p", "by": "x"})
    with pytest.raises(StoreError, match="under way"):
        storage.delete(studio, ADMIN, keys=[key], confirm="1")
    purge_pending.release(studio.workspace)
    assert storage.delete(studio, ADMIN, keys=[key], confirm="1") == 5_000


def test_a_thousand_runs_are_counted_within_a_second_of_processor_time(studio):
    spec = RunSpec("r0", "measure", "Run", "2026-01-01T00:00:00.000+00:00", "tester", ticket=1)
    first = rundir.create(studio.workspace.runs, spec)
    rundir.write_status(first, RunStatus("failed", attempt=1), durable=False)
    for number in range(1, 1_000):
        copy = studio.workspace.runs / f"r{number}"
        shutil.copytree(first, copy)
        (copy / "spec.json").write_text(json.dumps(asdict(spec) | {"run_id": f"r{number}"}))
    old = time.time() - 40 * 86_400
    for path in studio.workspace.runs.rglob("*"):
        os.utime(path, (old, old))
    storage.usage(studio)
    started = time.process_time()
    found = storage.usage(studio)
    assert time.process_time() - started < 1.0
    assert found.by_kind()["run"][1] == 1_000
    assert len(storage.old(found, "run")) == 1_000 and not storage.old(found, "run", days=60)


def test_a_remembered_size_follows_a_change(studio):
    add_run(studio, "r1", n_bytes=10)
    run_dir = studio.workspace.runs / "r1"
    for path in (*run_dir.rglob("*"), run_dir):
        os.utime(path, (1e9, 1e9))
    before = next(item for item in storage.usage(studio).items if item.key == "run:r1").n_bytes
    (run_dir / "more.bin").write_bytes(b"y" * 50)
    after = next(item for item in storage.usage(studio).items if item.key == "run:r1").n_bytes
    assert after == before + 50
