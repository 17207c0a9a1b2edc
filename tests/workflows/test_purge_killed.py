"""A removal that is really killed in the middle goes on to its end at the next start, from wherever it was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from studio.jobs import rundir
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import annotations, snapshots
from studio.store.connection import Store
from studio.workflows import purge, purge_pending, runs
from studio.workflows.studio import open_studio
from tests.conftest import ROOT
from tests.jobs.harness import Barriers, kill_workers, until
from tests.workflows.test_purge import ADMIN, MARK, PERSON, N, bring, corpus_text, freeze, note, where

TARGET = purge.Target("value", column="meta.author", value=PERSON)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A workspace whose removal is prepared (its run is done) and not yet carried out."""
    root = tmp_path_factory.mktemp("killed") / "workspace"
    studio = open_studio(Settings(Workspace(root), device="cpu"))
    snapshot_id = bring(studio, corpus_text(), "People")
    note(studio, snapshot_id, 17, "about Ottilie Quandt")
    note(studio, snapshot_id, 20, "an honest note")
    freeze(studio, snapshot_id, [17, 3, 18, 5])
    (studio.workspace.backups / "old.duckdb").write_bytes(MARK.encode())
    (studio.workspace.exports / "mine.csv").write_text(corpus_text())
    studio.supervisor._on_done = None  # nobody takes the result over: the server dies before
    purge.start(studio, ADMIN, target=TARGET, confirm="2")
    run_id = purge_pending.pending(studio.workspace)["run_id"]
    until(lambda: rundir.read_status(studio.workspace.run_dir(run_id)).state == "done", "the prepared removal")
    studio.close()
    yield studio.workspace, snapshot_id
    kill_workers(studio.workspace)


def _is_whole(workspace: Workspace) -> None:
    """Open as the app does; afterwards everything is done and nothing is found."""
    studio = open_studio(Settings(workspace, device="cpu"), supervise=False)
    try:
        assert purge_pending.pending(workspace) is None
        (found,) = snapshots.list_all(studio.store)
        assert found.n_examples == N - 2
        assert annotations.count(studio.store) == 2
        assert len(purge.reports(studio)) == 1
        assert studio.store.rows("SELECT count(*) FROM audit_log WHERE act = 'admin.purge' AND outcome = 'done'") == [
            (1,)
        ]
        studio.store.checkpoint()
    finally:
        studio.close()
    assert where(workspace, "Ottilie Quandt") == []


def _kill_at(workspace: Workspace, number: int) -> int:
    done = subprocess.run([sys.executable, "-m", "tests.workflows.purge_killed", str(workspace.root), str(number)],
                          cwd=ROOT, capture_output=True, timeout=120)  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()[-2000:]
    return done.returncode


@pytest.mark.parametrize("number", [1, 5, 14])  # all of them in the slow suite
def test_a_server_killed_at_any_write_goes_on_to_the_end(prepared, tmp_path, number):
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(prepared[0].root, workspace.root, ignore=shutil.ignore_patterns(".supervisor.lock"))
    assert _kill_at(workspace, number) == -signal.SIGKILL
    _is_whole(workspace)


@pytest.mark.slow
def test_every_write_may_be_the_last_one(prepared, tmp_path):
    for number in range(1, 60):
        workspace = Workspace(tmp_path / f"workspace{number}")
        shutil.copytree(prepared[0].root, workspace.root, ignore=shutil.ignore_patterns(".supervisor.lock"))
        code = _kill_at(workspace, number)
        _is_whole(workspace)
        shutil.rmtree(workspace.root)
        if code == 0:
            return
    raise AssertionError("the removal makes more writes than were tried")


def test_killed_twice_it_still_ends(prepared, tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(prepared[0].root, workspace.root, ignore=shutil.ignore_patterns(".supervisor.lock"))
    for number in (4, 6):
        assert _kill_at(workspace, number) == -signal.SIGKILL
    _is_whole(workspace)


def test_a_worker_killed_while_preparing_has_changed_nothing_and_is_started_again(tmp_path, monkeypatch):
    barriers = Barriers(tmp_path / "barriers")
    monkeypatch.setenv("STUDIO_TEST_BARRIERS", str(barriers.folder))
    workspace = Workspace(tmp_path / "workspace")
    studio = open_studio(Settings(workspace, device="cpu"))
    try:
        snapshot_id = bring(studio, corpus_text(), "People")
        before = workspace.examples_file(snapshot_id).read_bytes()
        barriers.hold("purge_snapshot")
        run_id = purge.start(studio, ADMIN, target=TARGET, confirm="2")
        os.kill(barriers.reached("purge_snapshot")["pid"], signal.SIGKILL)
        assert runs.wait(studio, run_id, 60).state == "crashed"
        assert workspace.examples_file(snapshot_id).read_bytes() == before
        assert snapshots.require(studio.store, snapshot_id).n_examples == N
        barriers.release("purge_snapshot")
    finally:
        studio.close()
    again = open_studio(Settings(workspace, device="cpu"))
    try:
        assert runs.wait(again, run_id, 60).state == "done"
        assert [item.n_examples for item in snapshots.list_all(again.store)] == [N - 2]
        assert purge_pending.pending(workspace) is None
    finally:
        again.close()
        kill_workers(workspace)
    assert where(workspace, "Ottilie Quandt") == []


def test_a_full_disk_while_carrying_out_loses_nothing_and_is_tried_again(prepared, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(prepared[0].root, workspace.root, ignore=shutil.ignore_patterns(".supervisor.lock"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "_copy_to", full)
        studio = open_studio(Settings(workspace, device="cpu"), supervise=False)
        assert ("admin.purge.put_off", {}) in studio.notices
        assert [item.n_examples for item in snapshots.list_all(studio.store)] == [N - 2]
        with pytest.raises(Exception, match="begun"):
            purge.give_up(studio, Actor("tester", "admin"))
        studio.close()
    _is_whole(workspace)
