"""All audits as one run: the same findings as at once, kept through kills, stale when what they rest on changes."""

import json
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from studio import audits
from studio.errors import AccessError, MeasureError
from studio.jobs import rundir
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import snapshots
from studio.workflows import audits as acts
from studio.workflows import audits_copies, audits_inputs, audits_state, corpora, runs
from studio.workflows.studio import open_studio

ACTOR = Actor("tester", "admin", True)


@pytest.fixture(scope="module")
def barriers(tmp_path_factory):
    """Set before the studio opens: workers inherit the environment."""
    folder = tmp_path_factory.mktemp("barriers")
    os.environ["STUDIO_TEST_BARRIERS"] = str(folder)
    yield folder
    del os.environ["STUDIO_TEST_BARRIERS"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory, barriers):
    studio = open_studio(Settings(workspace=Workspace(tmp_path_factory.mktemp("home") / "workspace").make()))
    run_id = corpora.open_demo(studio, ACTOR, language="en", n=600)
    assert runs.wait(studio, run_id, 120).state == "done"
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def snapshot(opened):
    return snapshots.list_all(opened.store)[0]


def start(opened, snapshot, **values):
    return acts.start(opened, ACTOR, snapshot_id=snapshot.snapshot_id, **values)


def forget(opened, snapshot):
    with opened.store.write() as cursor:
        cursor.execute("DELETE FROM finding WHERE snapshot_id = $s", {"s": snapshot.snapshot_id})


def until(condition, limit=60.0):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_gives_the_findings_of_a_look_and_the_families_of_the_search(opened, snapshot):
    run_id = start(opened, snapshot)
    assert runs.wait(opened, run_id, 120).state == "done"
    by_run = acts.report(opened, snapshot_id=snapshot.snapshot_id)
    assert list(by_run.results) == list(acts.NAMES)
    assert (by_run.stale, by_run.older, by_run.missing) == ((), (), ())
    families = np.array(audits_copies.read(opened, snapshot.snapshot_id).families)
    meta = json.loads((audits_copies.folder(opened, snapshot.snapshot_id) / "meta.json").read_text())
    assert meta["run_id"] == run_id
    assert not audits_inputs.folder(opened, run_id).exists()  # what it read is no longer needed
    forget(opened, snapshot)
    assert acts.report(opened, snapshot_id=snapshot.snapshot_id) is None
    at_once = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
    assert np.array_equal(families, audits_copies.read(opened, snapshot.snapshot_id).families)
    assert at_once.n_labelled == by_run.n_labelled
    for name, result in by_run.results.items():
        assert at_once.results[name].findings == result.findings, name
        assert at_once.results[name].notes == result.notes
        assert at_once.results[name].table.to_json() == result.table.to_json()


def test_every_audit_is_corrected_for_the_whole_catalogue(opened, snapshot):
    """A corpus without a map has fewer audits with findings; its q-values must not be smaller for that."""
    place = opened.workspace.cache / "look"
    audits_inputs.write(opened, snapshot, "all", list(acts.NAMES), place)
    assert json.loads((place / "facts.json").read_text())["n_families"] == len(audits.AUDITS)


def test_a_killed_worker_goes_on_where_it_was(opened, snapshot, barriers):
    forget(opened, snapshot)
    third = acts.NAMES[2]
    hold = barriers / f"audit_{third}.hold"
    hold.touch()
    run_id = start(opened, snapshot)
    assert start(opened, snapshot) == run_id  # a second press joins the live run
    reached = barriers / f"audit_{third}.reached"
    until(reached.exists)
    os.kill(json.loads(reached.read_text())["pid"], signal.SIGKILL)
    hold.unlink()
    assert runs.wait(opened, run_id, 60).state in ("crashed", "failed")
    assert acts.last_ended(opened, snapshot_id=snapshot.snapshot_id, label_mode="all").run_id == run_id
    assert acts.report(opened, snapshot_id=snapshot.snapshot_id) is None
    run_dir = opened.workspace.run_dir(run_id)
    kept = {path.stem: path.stat().st_mtime_ns for path in (run_dir / "checkpoints").glob("[!.]*.json")}
    assert set(kept) == set(acts.NAMES[:2])
    runs.resume(opened, ACTOR, run_id=run_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    assert {name: (run_dir / "checkpoints" / f"{name}.json").stat().st_mtime_ns for name in kept} == kept
    assert set(rundir.read_result(run_dir)["seconds"]) == set(acts.NAMES[2:])
    assert list(acts.report(opened, snapshot_id=snapshot.snapshot_id).results) == list(acts.NAMES)
    assert acts.last_ended(opened, snapshot_id=snapshot.snapshot_id, label_mode="all") is None


def test_a_stopped_run_keeps_what_it_has(opened, snapshot, barriers):
    forget(opened, snapshot)
    second = acts.NAMES[1]
    hold = barriers / f"audit_{second}.hold"
    hold.touch()
    run_id = start(opened, snapshot)
    until((barriers / f"audit_{second}.reached").exists)
    runs.stop(opened, ACTOR, run_id=run_id)
    hold.unlink()
    status = runs.wait(opened, run_id, 60)
    assert status.state == "stopped"
    assert status.checkpoint in acts.NAMES[:3]
    runs.resume(opened, ACTOR, run_id=run_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    assert acts.report(opened, snapshot_id=snapshot.snapshot_id).missing == ()


def test_new_expected_shares_and_a_label_make_findings_stale(opened, snapshot):
    corpora.set_reference(opened, ACTOR, snapshot_id=snapshot.snapshot_id, group="region",
                          shares={"Capital": 0.5, "North": 0.5})  # fmt: skip
    report = acts.report(opened, snapshot_id=snapshot.snapshot_id)
    assert report.stale == ("reference",)
    assert report.older == acts.NAMES and report.missing == ()
    assert not acts.is_kept(opened, snapshot_id=snapshot.snapshot_id)
    fresh = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
    assert fresh.stale == () and acts.is_kept(opened, snapshot_id=snapshot.snapshot_id)


def test_what_changed_is_named():
    old = {"annotation": 1, "split": "", "reference": {}, "vectors": None, "map": None, "scores": []}
    assert audits_state.changes(old, old) == ()
    assert audits_state.changes(old, old | {"annotation": 2}) == ("labels",)
    assert audits_state.changes(old, old | {"map": "m", "scores": [["novelty", 1, "x"]]}) == ("map", "scores")
    assert audits_state.changes(old, old | {"families": 9}) == ("rules",)


def test_a_map_makes_only_the_audits_that_read_it_stale():
    old = {"mode": "all", "annotation": 1, "map": None, "vectors": None, "k": None}
    new = old | {"map": "m1"}
    moved = {audit.name for audit in audits.AUDITS if audits_state.key(audit, old) != audits_state.key(audit, new)}
    assert moved == {audit.name for audit in audits.AUDITS if "clusters" in audit.needs}


def test_one_audit_that_cannot_be_computed_leaves_the_others(opened, snapshot, monkeypatch):
    def refuse(frame, context):
        raise MeasureError("The texts are too strange", got=len(frame), fix="Use others.")

    catalogue = tuple(replace(a, compute=refuse) if a.name == "balance" else a for a in audits.AUDITS)
    monkeypatch.setattr(audits, "AUDITS", catalogue)
    forget(opened, snapshot)
    report = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
    assert report.results["balance"].notes == ("audit.note.not_computed",)
    why = acts.engine.reason(report.results["balance"])
    assert (why.what, why.got, why.fix) == ("The texts are too strange", "600", "Use others.")
    assert report.results["representation"].findings
    forget(opened, snapshot)


def test_a_fault_in_the_code_is_raised_not_hidden(opened, snapshot, monkeypatch):
    def fault(frame, context):
        raise ZeroDivisionError("a bug")

    catalogue = tuple(replace(a, compute=fault) if a.name == "balance" else a for a in audits.AUDITS)
    monkeypatch.setattr(audits, "AUDITS", catalogue)
    forget(opened, snapshot)
    with pytest.raises(ZeroDivisionError):
        acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)


def test_who_may_not_start_a_run(opened, snapshot):
    with pytest.raises(AccessError):
        acts.start(opened, Actor("reader", "viewer", True), snapshot_id=snapshot.snapshot_id)
    with pytest.raises(MeasureError):
        start(opened, snapshot, label_mode="secret")
