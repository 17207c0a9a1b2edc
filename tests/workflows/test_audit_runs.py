"""All audits as one run: the same findings as at once, kept through kills, stale when what they rest on changes."""

import json
import os
import shutil
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from studio import audits
from studio.errors import AccessError, JobError, MeasureError
from studio.jobs import rundir
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import findings, snapshots
from studio.workflows import audits as acts
from studio.workflows import (
    audits_copies,
    audits_inputs,
    audits_state,
    corpora,
    counterfactual,
    diversity,
    runs,
    starting,
)
from studio.workflows.studio import open_studio

ACTOR = Actor("tester", "admin", True)


@pytest.fixture(scope="module")
def opened(tmp_path_factory, shared_barriers):
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


def test_a_killed_worker_goes_on_where_it_was(opened, snapshot, shared_barriers):
    forget(opened, snapshot)
    third = acts.NAMES[2]
    hold = shared_barriers.folder / f"audit_{third}.hold"
    hold.touch()
    run_id = start(opened, snapshot)
    assert start(opened, snapshot) == run_id  # a second press joins the live run
    reached = shared_barriers.folder / f"audit_{third}.reached"
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


def test_a_stopped_run_keeps_what_it_has(opened, snapshot, shared_barriers):
    forget(opened, snapshot)
    second = acts.NAMES[1]
    hold = shared_barriers.folder / f"audit_{second}.hold"
    hold.touch()
    run_id = start(opened, snapshot)
    until((shared_barriers.folder / f"audit_{second}.reached").exists)
    runs.stop(opened, ACTOR, run_id=run_id)
    hold.unlink()
    status = runs.wait(opened, run_id, 60)
    assert status.state == "stopped"
    assert status.checkpoint in acts.NAMES[:3]
    runs.resume(opened, ACTOR, run_id=run_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    assert acts.report(opened, snapshot_id=snapshot.snapshot_id).missing == ()


def test_new_expected_shares_and_a_label_make_findings_stale(opened, snapshot):
    acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
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


# --- started once, and what it leaves ---------------------------------------------------------------------------------
@pytest.mark.parametrize("room", ["audit", "diversity", "counterfactual", "dedup"])
def test_two_tabs_at_once_start_one_run(opened, snapshot, shared_barriers, monkeypatch, room):
    """Each saw no live run, wrote its files and queued: a large corpus was audited twice."""
    begin = {
        "audit": lambda: acts.start(opened, ACTOR, snapshot_id=snapshot.snapshot_id),
        "diversity": lambda: diversity.start(opened, ACTOR, snapshot_id=snapshot.snapshot_id),
        "counterfactual": lambda: counterfactual.start(
            opened, ACTOR, snapshot_id=snapshot.snapshot_id, contrast=("gender", "men", "women")
        ),
        "dedup": lambda: audits_copies.find_copies(opened, ACTOR, snapshot_id=snapshot.snapshot_id),
    }[room]
    queue = runs.submit
    monkeypatch.setattr(runs, "submit", lambda *args, **values: time.sleep(0.3) or queue(*args, **values))
    before = set(rundir.list_runs(opened.workspace.runs))
    gate, ids = threading.Barrier(2), []

    def press():
        gate.wait()
        ids.append(begin())

    tabs = [threading.Thread(target=press) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len(ids) == 2 and ids[0] == ids[1]
    assert {path.name for path in set(rundir.list_runs(opened.workspace.runs)) - before} == {ids[0]}
    assert runs.wait(opened, ids[0], 120).state == "done"
    for folder in ("audit", "diversity"):
        place = opened.workspace.cache / folder
        assert not place.exists() or ids[0] not in os.listdir(place)


def test_a_run_that_cannot_be_queued_leaves_no_files(opened, snapshot, monkeypatch):
    def refuse(*_, **__):
        raise JobError("The run cannot be written", got="disk full", fix="Free disk space and start it again.")

    monkeypatch.setattr(runs, "submit", refuse)
    before = os.listdir(audits_inputs.folder(opened, ""))
    with pytest.raises(JobError):
        start(opened, snapshot)
    assert os.listdir(audits_inputs.folder(opened, "")) == before


def test_files_go_when_their_run_is_over_and_stay_while_it_can_go_on(opened):
    def left(name, state=None, ended="", age_s=0.0):
        place = audits_inputs.folder(opened, name)
        place.mkdir(parents=True)
        os.utime(place, (time.time() - age_s,) * 2)
        if state is not None:
            attempt = opened.workspace.run_dir(name) / "attempts" / "1"
            attempt.mkdir(parents=True)
            (attempt / "status.json").write_text(json.dumps({"state": state, "attempt": 1, "finished_at": ended}))
        return place

    long_ago = (datetime.now(UTC) - timedelta(days=starting.KEPT_DAYS, hours=1)).isoformat()
    lately = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    day = 86_400.0
    gone = [left("over-1", "done", lately), left("over-2", "cancelled", lately), left("over-3", "failed", long_ago),
            left("over-4", "crashed", "", 8 * day), left("no-run-old", None, "", day)]  # fmt: skip
    kept = [left("on-1", "failed", lately), left("on-2", "stopped", lately), left("on-3", "running", "", 9 * day),
            left("on-4", "crashed", "", day), left("no-run-yet")]  # fmt: skip
    starting.sweep(opened, audits_inputs.ROOM)
    assert [place.name for place in gone if place.exists()] == []
    assert [place.name for place in kept if not place.exists()] == []
    for place in kept:
        place.rmdir()
    for name in ("over-1", "over-2", "over-3", "over-4", "on-1", "on-2", "on-3", "on-4"):
        shutil.rmtree(opened.workspace.run_dir(name))


def test_a_run_of_older_rules_is_refused_and_says_so(opened, snapshot, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(audits, "VERSION", audits.VERSION - 1)
        run_id = start(opened, snapshot)
    assert rundir.read_spec(opened.workspace.run_dir(run_id)).params["version"] == audits.VERSION - 1
    assert runs.wait(opened, run_id, 60).state == "failed"
    failure = rundir.read_failure(opened.workspace.run_dir(run_id))
    assert failure["what"] == "The rules have changed since this run was queued"
    assert failure["got"] == f"version {audits.VERSION - 1}, now {audits.VERSION}"


def test_findings_of_older_rules_are_filed_under_them(opened, snapshot, monkeypatch):
    """A run ends, the program is replaced, then its result is taken over: it must not pass for one of the new rules."""
    forget(opened, snapshot)
    run_id = start(opened, snapshot)
    assert runs.wait(opened, run_id, 120).state == "done"
    forget(opened, snapshot)
    run_dir, now = opened.workspace.run_dir(run_id), audits.VERSION
    monkeypatch.setattr(audits, "VERSION", now + 1)
    acts.finish_audit(opened, run_dir, rundir.read_spec(run_dir))
    assert acts.report(opened, snapshot_id=snapshot.snapshot_id) is None
    found = opened.store.rows("SELECT DISTINCT version FROM finding WHERE snapshot_id = $s",
                              {"s": snapshot.snapshot_id})  # fmt: skip
    assert found == [(now,)]


def test_only_the_newest_states_are_kept(opened, snapshot, monkeypatch):
    """Every new share makes a new state; the other choice of labels keeps its own, however old."""
    forget(opened, snapshot)
    monkeypatch.setattr(findings, "KEPT_STATES", 3)
    first = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id, names=["balance"])
    visible = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id, names=["balance"], label_mode="visible")
    for number in range(1, 6):
        shares = {"Capital": number / 20, "North": 1 - number / 20}
        corpora.set_reference(opened, ACTOR, snapshot_id=snapshot.snapshot_id, group="region", shares=shares)
        acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id, names=["balance", "representation"])
    rows = dict(opened.store.rows("SELECT audit, count(*) FROM finding WHERE snapshot_id = $s GROUP BY audit",
                                  {"s": snapshot.snapshot_id}))  # fmt: skip
    assert rows == {"basis_all": 3, "basis_visible": 1, "balance": 4, "representation": 3}
    again = acts.report(opened, snapshot_id=snapshot.snapshot_id, names=["balance"], label_mode="visible")
    assert again.computed["balance"] == visible.computed["balance"] and again.older == ("balance",)
    assert first.results["balance"].findings  # what was handed out stays whole
    assert acts.is_kept(opened, snapshot_id=snapshot.snapshot_id) is False


def test_a_look_again_parses_nothing(opened, snapshot, monkeypatch):
    before = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
    before.results["balance"].table["spoilt"] = 1  # one page's change is not another's
    monkeypatch.setattr(findings, "from_json", lambda text: pytest.fail("parsed again"))
    again = acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
    assert again.results["balance"].findings is before.results["balance"].findings
    assert "spoilt" not in again.results["balance"].table
    assert again.computed_at == min(again.computed.values()) <= max(again.computed.values())


def test_who_may_not_start_a_run(opened, snapshot):
    with pytest.raises(AccessError):
        acts.start(opened, Actor("reader", "viewer", True), snapshot_id=snapshot.snapshot_id)
    with pytest.raises(MeasureError):
        start(opened, snapshot, label_mode="secret")
