"""The Loop page: nothing yet, waiting for labels, paused, ended; both languages."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.words import plain
from studio.jobs import rundir
from studio.records import Actor
from studio.store import loops
from studio.words import errors, t
from studio.workflows import loop, runs, train
from studio.workflows.loop_config import LoopConfig
from tests.pages.app import open_app
from tests.workflows import small_corpus

LANGUAGES = ("en", "zh")
ANALYST = Actor("lee", "analyst")


open_page = partial(open_app, "loop")


def labels_of(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_starts_a_loop_that_waits_for_people_and_ends_it_by_hand(studio, lang):
    assert t("frame.go_home", lang=lang) in labels_of(open_page(lang=lang))
    snapshot_id = small_corpus.make(studio.store, n=60)
    app = open_page(lang=lang, s=snapshot_id)
    assert t("loop.annotator_simulated", lang=lang) in [option for radio in app.radio for option in radio.options]
    app.number_input(key="loop_b").set_value(12).run()
    next(b for b in app.button if b.label == t("loop.start", lang=lang)).click().run()
    (row,) = loops.of_snapshot(studio.store, snapshot_id)
    assert row.state == "labelling" and row.config["seed_labels"] == 12 and row.created_by == "local"
    app = open_page(lang=lang, s=snapshot_id, loop=row.loop_id)
    assert t("loop.labelling_human", lang=lang, open="12", n="12") in [box.value for box in app.info]
    assert t("loop.go_annotate", lang=lang) in labels_of(app)
    assert t("loop.no_rounds", lang=lang) in [caption.value for caption in app.caption]
    next(b for b in app.button if b.label == t("loop.stop_now", lang=lang)).click().run()
    assert not app.exception
    assert loops.require(studio.store, row.loop_id).stop_reason == "by_hand"
    reason = t("loop.reason.by_hand", lang=lang)
    assert t("loop.stopped", lang=lang, reason=reason) in [box.value for box in app.success]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_paused_loop_says_what_to_do(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=60)
    plan = train.default_plan("ngrams", "linear_probe", 0).to_json()
    loop_id = loop.start(
        studio, ANALYST, snapshot_id=snapshot_id, config=replace(LoopConfig(seed_labels=10), plan=plan)
    )
    row = loops.require(studio.store, loop_id)
    problem = {"what": "The data gate is closed", "got": "1 label", "fix": "Annotate **more**"}
    loops.put(studio.store, loop_id, state="paused", detail={**row.detail, "problem": problem})
    app = open_page(lang=lang, s=snapshot_id, loop=loop_id)
    assert t("loop.paused", lang=lang) in [box.value for box in app.warning]
    said = {"en": "The data gate is closed.", "zh": "数据检查未通过。"}[lang]
    assert any(said in box.value and r"Annotate \*\*more\*\*" in box.value for box in app.error)
    assert {t("loop.retry", lang=lang), t("loop.go_annotate", lang=lang)} <= set(labels_of(app))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_round_that_failed_says_why_and_offers_three_ways_on(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=60)
    plan = train.default_plan("ngrams", "linear_probe", 0).to_json()
    loop_id = loop.start(studio, ANALYST, snapshot_id=snapshot_id, config=LoopConfig(seed_labels=10, plan=plan))
    run_id = runs.submit(studio, ANALYST, kind="probe", title="round", params={"fail": "config_error", "steps": 1})
    studio.supervisor.wait(run_id, 60)
    row = loops.require(studio.store, loop_id)
    status = rundir.read_status(studio.workspace.run_dir(run_id))
    assert status.state == "failed"
    problem = {"what": "The round of turn 1 ended as failed", "got": status.reason, "fix": status.advice,
               "run_id": run_id, "state": status.state, "reason": status.reason}  # fmt: skip
    loops.put(studio.store, loop_id, state="paused", detail={**row.detail, "problem": problem})
    app = open_page(lang=lang, s=snapshot_id, loop=loop_id)
    (warning,) = [box.value for box in app.warning]
    assert t(f"runs.reason.{status.reason}", lang=lang) in warning and t(status.advice, lang=lang) in warning
    what = rundir.read_failure(studio.workspace.run_dir(run_id))["what"]
    assert any(plain(errors.said(what, lang), 200) in box.value for box in app.error)
    offered = {t(f"loop.{key}", lang=lang) for key in ("retry", "open_run", "stop_now", "train_changed")}
    assert offered <= set(labels_of(app))
    app.selectbox(key="replan_base").set_value("characters").run()
    assert not app.exception
    app.button(key="loop_stop").click().run()
    assert loops.require(studio.store, loop_id).stop_reason == "by_hand"


def test_a_corpus_without_labels_offers_no_simulated_annotator(studio):
    snapshot_id = small_corpus.make(studio.store, n=60, with_labels=False)
    app = open_page(lang="en", s=snapshot_id, loop="nonsense")
    assert t("loop.simulated_needs", lang="en") in [caption.value for caption in app.caption]
