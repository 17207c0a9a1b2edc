"""A scorer model as a run: scores by text, the difference between groups it shows, kept and asked again."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import numpy as np
import pytest

from studio.cli.main import main
from studio.corpus.schema import write_snapshot
from studio.errors import AccessError, ModelError
from studio.jobs import rundir
from studio.records import Actor
from studio.reports.findings import sentence
from studio.settings import Settings, Workspace, from_environment
from studio.store import corpora as corpus_rows
from studio.store import scores, snapshots
from studio.workflows import audits, explore_colours, runs, scorer, select_scores
from studio.workflows.studio import open_studio
from tests.models import tiny_scorer

ACTOR = Actor("tester", "admin", True)
N = 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_scorer.save(tmp_path_factory.mktemp("scorer") / "tiny")


@pytest.fixture(scope="module")
def opened(tmp_path_factory, shared_barriers, folder):
    place = Workspace(tmp_path_factory.mktemp("home") / "workspace").make()
    studio = open_studio(Settings(workspace=place, device="cpu", scorers=f"toxicity={folder}#toxic,bad=/gone#x"))
    yield studio
    studio.close()


def text_of(number: int) -> str:
    """Three quarters of side x are rude, none of side y; the last one is empty."""
    if number == N:
        return ""
    return f"{'she' if number % 3 else 'he'} wrote a {'stupid' if number % 8 in (1, 3, 5) else 'nice'} letter"


def add(studio, name: str, extra: tuple[str, ...] = ()) -> str:
    """A snapshot of one corpus: side x is the odd numbers; `extra` texts come on top."""
    rows = [{"example_id": i, "text": text_of(i), "group_side": "xy"[(i + 1) % 2]} for i in range(1, N + 1)]
    rows += [{"example_id": N + i, "text": text, "group_side": "y"} for i, text in enumerate(extra, 1)]
    manifest = write_snapshot(rows, studio.workspace.snapshots, groups=("side",), language="en")
    if not snapshots.list_all(studio.store):
        corpus_rows.add(studio.store, corpus_id="c1", name="Letters", language="en", task="classification", by="t")
    snapshots.add(studio.store, manifest, corpus_id="c1", name=name, by="tester")
    return str(manifest["snapshot_id"])


@pytest.fixture(scope="module")
def snapshot_id(opened):
    return add(opened, "Letters")


def standing(studio, snapshot_id):
    return {one.name: one for one in scorer.standings(studio, snapshot_id)}


def test_a_killed_run_goes_on_and_the_scores_are_those_of_the_model(opened, snapshot_id, shared_barriers, folder):
    one = standing(opened, snapshot_id)
    assert one["toxicity"].scored is None and one["toxicity"].output == "toxic" and not one["toxicity"].problem
    assert "not there" in one["bad"].problem.what
    hold, reached = shared_barriers.folder / "scoring_texts.hold", shared_barriers.folder / "scoring_texts.reached"
    hold.touch()
    run_id = scorer.start(opened, ACTOR, snapshot_id=snapshot_id, name="toxicity")
    assert scorer.start(opened, ACTOR, snapshot_id=snapshot_id, name="toxicity") == run_id
    end = time.monotonic() + 60
    while not reached.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(json.loads(reached.read_text())["pid"], signal.SIGKILL)
    hold.unlink()
    assert runs.wait(opened, run_id, 60).state in ("crashed", "failed")
    assert standing(opened, snapshot_id)["toxicity"].ended.run_id == run_id
    runs.resume(opened, ACTOR, run_id=run_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    now = standing(opened, snapshot_id)["toxicity"]
    assert now.scored.n == N and now.scored.n_undefined == 1 and not now.is_stale and now.ended is None
    assert (
        now.counts["n_empty"] == 1 and now.counts["n_failed"] == 0 and now.counts["n_asked"] == 5
    )  # the texts that differ
    ids, raw, unit = scores.values(opened.store, snapshot_id, now.scored)
    for i in (0, 1, 2, 6):
        assert raw[i] == pytest.approx(tiny_scorer.oracle(folder, text_of(int(ids[i])), 1), abs=0.01)
    assert np.isnan(raw[-1]) and np.nanmin(unit) >= 0 and np.nanmax(unit) <= 1


def test_the_audit_of_scores_sees_the_difference(opened, snapshot_id):
    """30 of the 40 texts of side x are rude, none of the 39 of side y: Cliff's delta is at least 0.75 - ties."""
    report = audits.run_audits(opened, ACTOR, snapshot_id=snapshot_id, names=("scores",))
    table = report.results["scores"].table
    row = table[table["measure"] == "scorer_toxicity"].iloc[0]
    assert (row["n"], row["rest_n"], bool(row["alarm"])) == (
        40,
        39,
        False,
    )  # four texts over and over: copies count little
    ids, raw, _ = scores.values(opened.store, snapshot_id, standing(opened, snapshot_id)["toxicity"].scored)
    x, y = raw[(ids % 2) == 1], raw[((ids % 2) == 0) & np.isfinite(raw)]
    by_hand = float(np.mean([np.sign(a - b) for a in x for b in y]))
    assert row["delta"] == pytest.approx(by_hand) and by_hand > 0.7
    assert row["difference"] == pytest.approx(x.mean() - y.mean())
    first = report.results["scores"].findings[0]
    assert "“toxicity”" in sentence(first, lang="en") and "“toxicity”" in sentence(first, lang="zh")


def test_other_rooms_read_a_scorer_as_one_more_number(opened, snapshot_id):
    snapshot = snapshots.require(opened.store, snapshot_id)
    assert explore_colours.SCORE + "scorer_toxicity" in explore_colours.names(opened, snapshot)
    state = select_scores.state(opened, snapshot_id)
    assert all(item.measure != "scorer_toxicity" for item in state.sets)  # it belongs to no view


def test_another_version_asks_only_new_texts(opened, snapshot_id):
    later = add(opened, "Letters, more", ("awful letter", "he wrote a day letter"))
    run_id = scorer.start(opened, ACTOR, snapshot_id=later, name="toxicity")
    assert runs.wait(opened, run_id, 120).state == "done"
    facts = rundir.read_result(opened.workspace.run_dir(run_id))
    assert facts["n_asked"] == 3 and facts["n_known"] == 4  # two new texts and the empty one; four are known
    old, new = (standing(opened, one)["toxicity"].scored for one in (snapshot_id, later))
    first, second = scores.values(opened.store, snapshot_id, old)[1], scores.values(opened.store, later, new)[1]
    assert second[:N] == pytest.approx(first, nan_ok=True, abs=0) and second[N] > 0.9 > 0.1 > second[N + 1]
    assert not list((opened.workspace.cache / "score").glob("*.parquet"))


def test_a_changed_model_makes_the_scores_stale_and_is_never_mixed_with_the_old(opened, snapshot_id, folder):
    kept = standing(opened, snapshot_id)["toxicity"].scored
    tiny_scorer.save(folder, seed=3, steps=40)
    assert standing(opened, snapshot_id)["toxicity"].is_stale
    run_id = scorer.start(opened, ACTOR, snapshot_id=snapshot_id, name="toxicity")
    assert runs.wait(opened, run_id, 120).state == "done"
    now = standing(opened, snapshot_id)["toxicity"]
    assert now.scored.context_hash != kept.context_hash and not now.is_stale
    assert now.counts["n_known"] == 0 and now.counts["n_asked"] == 5
    ids, raw, _ = scores.values(opened.store, snapshot_id, now.scored)
    assert raw[0] == pytest.approx(tiny_scorer.oracle(folder, text_of(1), 1), abs=0.01)


def test_who_may_and_what_cannot(opened, snapshot_id):
    with pytest.raises(AccessError):
        scorer.start(opened, Actor("reader", "viewer"), snapshot_id=snapshot_id, name="toxicity")
    with pytest.raises(ModelError, match="not there"):
        scorer.start(opened, ACTOR, snapshot_id=snapshot_id, name="bad")
    with pytest.raises(ModelError, match="no such scorer"):
        scorer.start(opened, ACTOR, snapshot_id=snapshot_id, name="other")


def test_the_setting_is_read_and_the_doctor_tells(opened, folder, capsys, monkeypatch):
    setting = f"toxicity={folder}#toxic,bad=/gone#x"
    assert from_environment({"STUDIO_SCORER": f" {setting} "}).scorers == setting
    assert from_environment({}).scorers == ""
    monkeypatch.setenv("STUDIO_SCORER", setting)
    main(["--workspace", str(opened.workspace.root), "doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["scorers"] == {"toxicity": f"{folder.resolve()}#toxic"}
    assert any(problem["what"].startswith("STUDIO_SCORER, bad: The scorer's folder is not there")
               for problem in told["problems"])  # fmt: skip


def test_the_command_scores_and_lists(opened, snapshot_id, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("scorer",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: opened)
    monkeypatch.setattr(type(opened), "close", lambda self: None)
    given = ["--workspace", str(opened.workspace.root), "scorer", "--json", "--snapshot", snapshot_id]
    assert main([*given, "toxicity"]) == 0
    told = json.loads(capsys.readouterr().out)["scorers"]["toxicity"]
    assert told["scored"] and not told["stale"] and told["n"] == N and told["n_empty"] == 1
    assert main(given) == 0
    assert set(json.loads(capsys.readouterr().out)["scorers"]) == {"toxicity", "bad"}
    assert main([*given, "nothing"]) == 1
