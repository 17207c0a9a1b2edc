"""Learn the weights by real rounds, on the page: the choice of a trial, what it costs, going on, what was found."""

from __future__ import annotations

import json

import pytest

from studio.jobs import rundir
from studio.records import VIEWS, RunSpec
from studio.words import t
from studio.workflows import select_learn, select_learn_rounds, select_proof_inputs
from tests.pages.app import open_app
from tests.workflows.test_learn_rounds import ROUNDS, learned
from tests.workflows.test_proof import RECIPE, labelled, state_of

W = {f"w_{view}": str(RECIPE.weights[view]) for view in VIEWS}


@pytest.fixture
def snapshot(studio):
    return labelled(studio, n_train=60)


def said(app) -> str:
    kinds = (app.info, app.success, app.warning, app.markdown, app.caption, app.text)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def page(snapshot, lang="en", **more):
    return open_app("select", lang=lang, s=snapshot.snapshot_id, view="learn", budget="30", even="false", **W, **more)


def test_the_cost_is_said_before_and_what_was_found_after(studio, snapshot, monkeypatch, lang="en"):
    app = page(snapshot, lang)
    assert t("learn.trial.head_about", lang=lang) in said(app)
    app = page(snapshot, lang, trial="round")
    app.selectbox(key="learn_base").set_value("ngrams").run()
    app.number_input(key="learn_trials").set_value(6).run()
    cost = t(
        "learn.round.cost", lang=lang, n=23, size=24, passes=t("learn.round.one_pass", lang=lang), trials=6, rest=17
    )
    assert cost in said(app)
    assert t("learn.button", lang=lang) in [one.label for one in app.button]
    learned(studio, snapshot, monkeypatch)
    app = page(snapshot, lang, trial="round")  # the plan of the last study is filled in
    text = said(app)
    n = len(select_learn.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot)).part.held)
    assert t("learn.looks.all", lang=lang, n=n, times=t("learn.looks.once", lang=lang)) in text
    assert t("learn.round.limits", lang=lang) in text and cost not in text
    assert t("learn.button", lang=lang) not in [one.label for one in app.button]  # of this very plan it is known
    charts = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    titles = {chart["layout"].get("yaxis", {}).get("title", {}).get("text"): chart["data"] for chart in charts}
    dots = titles[t("learn.round.y", lang=lang)][0]
    assert len(dots["x"]) == 6 and max(dots["y"]) <= 1
    bars = titles[t("learn.round.weight", lang=lang)]  # a colour per view that has scores, 100 % a trial
    assert [sum(one) for one in zip(*(bar["y"] for bar in bars), strict=True)] == [100] * 6
    app.number_input(key="learn_trials").set_value(7).run()
    assert t("learn.stale_plan", lang=lang) in said(app)
    assert t("learn.again", lang=lang) in [one.label for one in app.button]


def test_a_study_that_was_stopped_shows_what_it_tried_and_goes_on(studio, snapshot, monkeypatch):
    spec = RunSpec("broken-1", "tune", "x", rundir.utc_now(), "ann", snapshot_id=snapshot.snapshot_id, slot="cpu",
                   params={"trial": "round", **ROUNDS.to_json()})  # fmt: skip
    run_dir = rundir.create(studio.workspace.root / "aside", spec)
    lines = [{"attempt": 1, "step": step, "time": 0, "reward": 0.5 + step / 10, **RECIPE.weights} for step in range(2)]
    (run_dir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    status = rundir.read_status(run_dir)
    rundir.write_status(run_dir, type(status)("stopped", 1, started_at="2026-01-01T00:00:00+00:00",
                                              finished_at="2026-01-01T00:01:00+00:00"))  # fmt: skip
    run_dir.rename(studio.workspace.run_dir("broken-1"))
    assert [row["reward"] for row in select_learn_rounds.so_far(studio, "broken-1")] == [0.5, 0.6]
    app = page(snapshot, trial="round")
    assert t("learn.round.stopped", lang="en", n=2, trials=6) in said(app)
    assert t("learn.over", lang="en") in [one.label for one in app.button]
    asked = []
    monkeypatch.setattr("studio.workflows.runs.resume", lambda _studio, _actor, *, run_id: asked.append(run_id))
    app.button(key="learn_go_on").click().run()
    assert asked == ["broken-1"] and not app.exception


def test_a_corpus_of_answers_is_not_asked_about_its_labels(snapshot, monkeypatch):
    """Instructions were told that weights are tried on labels, and offered to judge labels that do not exist."""
    assert any(box.key == "judge_labels" for box in page(snapshot).checkbox)
    monkeypatch.setitem(select_proof_inputs.KINDS, snapshot.task, select_proof_inputs.LM)
    app = page(snapshot)
    assert t("learn.intro_lm", lang="en") in said(app) and t("learn.intro", lang="en") not in said(app)
    assert not any(box.key == "judge_labels" for box in app.checkbox)
