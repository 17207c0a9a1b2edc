"""Every audit of a choice against random draws, as one run: kept through a kill, for saved selections, older."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pytest

from studio.audits import AUDITS
from studio.audits.headlines import HEADLINES
from studio.errors import AccessError, MeasureError
from studio.records import Actor, Condition
from studio.reports.proposal import check_lines
from studio.selection.recipe import Recipe
from studio.settings import Settings, Workspace
from studio.store import findings, selections, snapshots
from studio.store import proposals as rows
from studio.workflows import annotate, proposals, runs, select, select_effect, select_rechecks
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus
from tests.workflows.select_corpus import TARGETS
from tests.workflows.test_select import w

ANALYST, VIEWER = Actor("ann", "analyst"), Actor("vera", "viewer")
ONLY_F = Recipe(strategy="random", weights=w(34, 33, 0, 33), budget=50, filters=(Condition("group_gender", "eq", "f"),))


@pytest.fixture(scope="module")
def opened(tmp_path_factory, shared_barriers):
    home = Workspace(tmp_path_factory.mktemp("home") / "workspace").make()
    studio = open_studio(Settings(workspace=home, device="cpu"))
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def snapshot(opened):
    made = select_corpus.make(opened)
    select_corpus.score(opened, made, TARGETS)
    return snapshots.require(opened.store, made)


def subject_of(opened, snapshot, recipe=ONLY_F, mode="visible"):
    choice = select.choose(opened, snapshot.snapshot_id, recipe)
    return select_rechecks.subject_of_choice(opened, snapshot, choice, mode)


def test_a_killed_worker_goes_on_and_the_planted_group_is_found(opened, snapshot, shared_barriers):
    subject = subject_of(opened, snapshot, mode="all")
    assert select_rechecks.kept(opened, subject) is None
    with pytest.raises(AccessError):
        select_rechecks.start(opened, VIEWER, subject=subject)
    third = AUDITS[2].name
    hold, reached = shared_barriers.folder / f"choice_{third}.hold", shared_barriers.folder / f"choice_{third}.reached"
    hold.touch()
    run_id = select_rechecks.start(opened, ANALYST, subject=subject)
    assert select_rechecks.start(opened, ANALYST, subject=subject) == run_id  # a second press joins the live run
    end = time.monotonic() + 60
    while not reached.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(json.loads(reached.read_text())["pid"], signal.SIGKILL)
    hold.unlink()
    assert runs.wait(opened, run_id, 60).state in ("crashed", "failed")
    assert select_rechecks.last_ended(opened, subject).run_id == run_id
    place = opened.workspace.run_dir(run_id) / "checkpoints"
    before = {path.name: path.stat().st_mtime_ns for path in place.glob("[!.]*_199.json")}
    assert set(before) == {f"{audit.name}_199.json" for audit in AUDITS[:2]}
    runs.resume(opened, ANALYST, run_id=run_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    assert {name: (place / name).stat().st_mtime_ns for name in before} == before
    assert select_rechecks.last_ended(opened, subject) is None
    found = select_rechecks.kept(opened, subject)
    _check(opened, snapshot, subject, found)
    _goes_along(opened, snapshot, subject, found)
    _grows_old(opened, snapshot, found)


def _check(opened, snapshot, subject, found):
    assert not found.is_older
    assert set(found.table["audit"]) == {headline.audit for headline in HEADLINES}
    assert len(found.table) == sum(len(headline.numbers) for headline in HEADLINES)
    assert [found.facts[name] for name in ("n", "n_pool", "first", "draws", "seed", "limits")] == [
        50, subject.choice.n_pool, 199, 800, 0, "none"]  # fmt: skip
    row = found.table[found.table["audit"] == "representation"].iloc[0]
    assert row.value == pytest.approx(0.5) and (row.verdict, row.draws) == ("more", 800)  # all of one of two values
    assert row.p == pytest.approx(2 / 801)
    # the draws are those the page compares everything else with: 199 of them give the same middle by hand
    gender = subject.choice.pool.matrix
    assert len(gender.keys["group_gender"]) == 2
    shares = []
    for drawn in select_effect.draws_of(subject.choice, 800):
        counts = gender.counts("group_gender", drawn)[1:]
        shares.append(abs(counts[0] / counts.sum() - 0.5))
    assert row["median"] == pytest.approx(np.median(shares), abs=1e-9)
    silent = found.table[found.table["verdict"] == "silent"]
    assert set(silent["audit"]) >= {"trends", "weat"} and "audit_draws.reason.weat" in set(silent["reason"])
    assert (found.table.loc[found.table["verdict"] != "silent", "reason"] == "").all()
    assert not list((opened.workspace.cache / select_rechecks.ROOM).iterdir())  # what it read is no longer needed


def _goes_along(opened, snapshot, subject, found):
    """Frozen afterwards, the same examples have been checked: a proposal said that nobody had."""
    select.freeze(opened, ANALYST, snapshot_id=snapshot.snapshot_id, name="checked", selection_id="s_checked",
                  recipe=subject.choice.recipe)  # fmt: skip
    frozen = next(one for one in selections.list_all(opened.store, snapshot.snapshot_id)
                  if one.selection_id == "s_checked")  # fmt: skip
    assert select_rechecks.kept(opened, select_rechecks.subject_of_frozen(opened, frozen)) is None
    of_frozen = select_rechecks.kept_of_frozen(opened, frozen, subject.label_mode)
    assert of_frozen.computed_at == found.computed_at and not of_frozen.is_older
    other = {"all": "visible", "visible": "all"}[subject.label_mode]
    assert select_rechecks.kept_of_frozen(opened, frozen, other) is None


def _grows_old(opened, snapshot, found):
    """A label given since makes the result older, never silent about it."""
    select.freeze(opened, ANALYST, snapshot_id=snapshot.snapshot_id, name="batch", selection_id="s0",
                  recipe=Recipe(strategy="random", weights=w(34, 33, 0, 33), budget=20, seed=4))  # fmt: skip
    frozen = next(one for one in selections.list_all(opened.store, snapshot.snapshot_id) if one.selection_id == "s0")
    before = select_rechecks.subject_of_frozen(opened, frozen)
    annotate.simulate_rest(opened, ANALYST, selection_id="s0")
    after = select_rechecks.subject_of_frozen(opened, frozen)
    assert before.mark == after.mark and before.key != after.key
    result, _ = findings.get(opened.store, snapshot.snapshot_id, select_rechecks.AUDIT, select_rechecks.VERSION,
                             findings.states(opened.store, snapshot.snapshot_id, select_rechecks.AUDIT,
                                             select_rechecks.VERSION, 1)[0])  # fmt: skip
    facts = json.loads(result.notes[0]) | {"mark": before.mark}
    findings.put(opened.store, snapshot.snapshot_id, select_rechecks.VERSION, before.key,
                 type(result)(result.audit, result.findings, result.table, (json.dumps(facts),)))  # fmt: skip
    assert select_rechecks.kept(opened, after).is_older
    proposal = proposals.propose(opened, ANALYST, selection_id="s0", name="batch", purpose="to see")
    checks = rows.get(opened.store, proposal).content["checks"]
    told = check_lines({"checks": checks}, lang="en")
    assert told[0].endswith(f" of {len(found.table) - len(found.of('silent'))} numbers lie clearly outside what random "
                            "draws give.")  # fmt: skip
    # as the planted group was found: half of what is expected is apart, in the words of the check
    assert any(line.startswith("Who is in it · Distance from the expected shares: 50.0%, more than chance")
               for line in told[1:4])  # fmt: skip
    assert any("199 to 800 random draws of the same size" in line for line in told)
    assert any(line.startswith("Labels, scores or the pool have changed") for line in told)


@pytest.mark.slow
def test_a_saved_selection_is_checked_with_the_labels_it_got(opened, snapshot):
    select.freeze(opened, ANALYST, snapshot_id=snapshot.snapshot_id, name="other", selection_id="s1",
                  recipe=Recipe(strategy="random", weights=w(34, 33, 0, 33), budget=20, seed=7))  # fmt: skip
    frozen = next(one for one in selections.list_all(opened.store, snapshot.snapshot_id) if one.selection_id == "s1")
    annotate.simulate_rest(opened, ANALYST, selection_id="s1")
    after = select_rechecks.subject_of_frozen(opened, frozen)
    run_id = select_rechecks.start(opened, ANALYST, subject=after)
    assert runs.wait(opened, run_id, 120).state == "done"
    now = select_rechecks.kept(opened, after)
    assert not now.is_older and now.facts["n"] == 20 and now.facts["limits"] == "lost"  # labelled: not in the pool now
    balance = now.table[now.table["audit"] == "balance"].iloc[0]
    assert np.isfinite(balance.value)  # the simulated labels are visible
    # most draws are unlabelled, so there is little to compare with, and the table says so
    assert balance.verdict == "silent" and balance.reason == "audit_draws.reason.draws" or balance.draws >= 39


def test_enough_draws_for_one_number_alone_and_fewer_for_large_choices():
    assert select_rechecks.n_draws(1_000, 4_480, False) == 40 * select_rechecks.N_NUMBERS == 800
    assert select_rechecks.n_draws(200_000, 1_000_000, False) == 250  # 5e7 / 2e5
    assert select_rechecks.n_draws(1_000_000, 2_000_000, False) == 199
    assert select_rechecks.n_draws(5_000, 1_000_000, True) == 249  # walks 200,064 rows a draw


def test_an_unknown_choice_of_labels_is_refused(opened, snapshot):
    with pytest.raises(MeasureError):
        subject_of(opened, snapshot, mode="none")
