"""The Runs page: empty, at work, ended, in both languages; its buttons do what they say."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from studio.jobs import files, rundir
from studio.records import RunStatus
from studio.words import t
from tests.jobs.harness import probe, until
from tests.pages.app import open_app

LANGUAGES = ("en", "zh")


@pytest.fixture
def open_page(app_home):
    """Opens the page over the test's workspace."""
    return partial(open_app, "runs")


def _ended(workspace, state, **values):
    """A run that ended, as its directory would look."""
    run_dir = rundir.create(workspace.runs, replace(probe(), title=f"Ended *as* {state}"))
    rundir.write_status(
        run_dir, RunStatus(state, started_at=rundir.utc_now(), finished_at=rundir.utc_now(), step=3, total=4, **values)
    )
    (rundir.attempt_dir(run_dir) / "log.txt").write_text("first line\n<b>last</b> line\n")
    return run_dir


def _text(app: AppTest) -> str:
    kinds = ("title", "subheader", "caption", "markdown", "info", "warning", "error", "text", "code", "success")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("language", LANGUAGES)
def test_empty_names_the_page_that_comes_next(language, open_page):
    app = open_page(language)
    assert app.header[0].value == t("runs.title", lang=language)
    assert app.info[0].value == t("runs.empty", lang=language)
    assert [button.label for button in app.main.button] == [t("runs.to_upload", lang=language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_full_shows_what_works_waits_and_ended(language, open_page, workspace, barriers):
    _ended(workspace, "done")
    (rundir.list_runs(workspace.runs)[0] / "INDEXED").touch()
    failed = _ended(workspace, "failed", reason="disk_full", advice="runs.advice.disk_full")
    barriers.hold("step2")
    first, second = probe(steps=4), probe(steps=4)
    for spec in (first, second):
        rundir.create(workspace.runs, spec)
    app = open_page(language)
    barriers.reached("step2")
    app.run()
    shown = _text(app)
    assert t("runs.state.running", lang=language) in shown
    assert t("runs.state.queued", lang=language) in shown
    labels = [button.label for button in app.main.button]
    assert labels.count(t("runs.stop", lang=language)) == 1
    assert labels.count(t("runs.leave", lang=language)) == 1
    table = app.dataframe[0].value
    assert len(table) == 2
    assert t("runs.reason.disk_full", lang=language) in set(table[t("runs.column.reason", lang=language)])
    assert t("runs.ended_hint", lang=language) in shown

    app = open_page(language, run=failed.name)  # a link to one run survives a refresh
    shown = _text(app)
    assert t("runs.advice.disk_full", lang=language) in shown
    assert t("runs.again", lang=language) in [button.label for button in app.main.button]
    assert any("<b>last</b> line" in code.value for code in app.code)
    assert "Ended \\*as\\* failed" in shown


def test_every_ending_can_be_opened(open_page, workspace):
    runs = {state: _ended(workspace, state) for state in ("stopped", "cancelled", "crashed", "failed", "done")}
    files.write_json(rundir.attempt_dir(runs["failed"]) / "FAILED.json", {
        "reason": "data_error", "what": "No <i>text</i> column", "got": "a.csv", "fix": "Choose one.", "traceback": "T",
    })  # fmt: skip
    files.write_json(runs["done"] / "INDEX_ERROR.json", {"what": "The shelf is full", "got": "", "fix": "", "tries": 1})
    (runs["stopped"] / "checkpoints/step-3").mkdir(parents=True)
    for state, run_dir in runs.items():
        app = open_page(run=run_dir.name)
        labels = [button.label for button in app.main.button]
        assert (t("runs.resume") in labels) == (state == "stopped")
        assert (t("runs.again") in labels) == (state in ("crashed", "failed"))
        shown = _text(app)
        assert {
            "stopped": t("runs.was_stopped"),
            "cancelled": t("runs.discarded"),
            "crashed": t("runs.advice.unknown"),
            "failed": "No \\<i\\>text\\</i\\> column",
            "done": t("runs.trouble") if not rundir.is_indexed(run_dir) else t("runs.state.done"),
        }[state] in shown


def test_a_link_to_a_run_that_is_not_there_says_so(open_page, workspace):
    _ended(workspace, "stopped")
    app = open_page(run="gone")
    assert app.warning[0].value == t("runs.no_such")


def test_stop_cancel_and_resume_by_their_buttons(open_page, workspace, barriers):
    barriers.hold("step3")
    spec = probe(steps=4)
    run_dir = rundir.create(workspace.runs, spec)
    app = open_page()
    barriers.reached("step3")
    app.run()
    app.button(key=f"stop_{spec.run_id}").click().run()
    assert rundir.requested(run_dir, 1) == "stop"
    assert app.button(key=f"stop_{spec.run_id}").disabled
    barriers.release("step3")
    until(lambda: rundir.read_status(run_dir).state == "stopped", "the stop")

    barriers.hold("step4")
    app = open_page(run=spec.run_id)
    app.button(key=f"resume_{spec.run_id}").click().run()
    barriers.reached("step4")
    app = open_page()
    app.button(key=f"cancel_{spec.run_id}").click().run()
    assert rundir.requested(run_dir, 2) == "cancel"
    barriers.release("step4")
    until(lambda: rundir.read_status(run_dir).state == "cancelled", "the cancel")
    assert not (run_dir / "checkpoints").exists()
