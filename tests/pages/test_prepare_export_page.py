"""The export part of Prepare in its states and both languages: choosing, unfit formats, at work, done, deleted."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from studio.corpus.schema import write_snapshot
from studio.corpus.writing import FORMATS, ExportPlan
from studio.records import Actor
from studio.store import corpora, snapshots
from studio.words import t
from studio.workflows import corpora_export, export_files, runs
from tests.pages.app import open_app
from tests.workflows import small_corpus

ADMIN = Actor("tester", "admin")
HOSTILE = "<script>alert(1)</script> **bold** {labels}"


@pytest.fixture
def open_page(app_home):
    """Opens the export part through the router over the test's workspace."""

    def open_(language: str = "en", **params: str) -> AppTest:
        return open_app("prepare", language, **{"part": "export", **params})

    return open_


def _said(app: AppTest, *kinds: str) -> str:
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_fits_is_offered_with_the_first_records(language, open_page, studio):
    snapshot_id = small_corpus.make(studio.store, n=60)
    app = open_page(language, s=snapshot_id, to="alpaca")
    offered = app.radio(key="to.box").options
    assert t("export.format.alpaca.title", lang=language) in offered
    assert t("export.format.conll.title", lang=language) not in offered
    assert t("export.format.conll.why_not", lang=language) in _said(app, "caption")
    assert app.text_area[0].value.endswith("{labels}?")
    assert '"instruction":"Which of these labels fits the text: billing, delivery' in app.code[0].value
    assert app.button(key="export.go").label == t("export.go", lang=language)
    assert t("export.earlier_none", lang=language) in _said(app, "caption")
    app.text_area[0].set_value("Say {nothing}").run()
    assert "{nothing}" in app.error[0].value.replace("\\", "")


def test_every_fitting_format_shows_its_records(open_page, studio):
    app = open_page("en", s=small_corpus.make(studio.store, n=40))
    for form in FORMATS:
        if form.holds("classification"):
            app.radio(key="to.box").set_value(form.name).run()
            assert not app.exception
            assert not app.error, (form.name, app.error[0].value)
            assert len(app.code[0].value) > 20


def test_an_export_is_followed_to_its_end_and_deleted(open_page, studio, barriers):
    snapshot_id = small_corpus.make(studio.store, n=60)
    app = open_page("en", s=snapshot_id, to="messages")
    barriers.hold("export")
    app.button(key="export.go").click().run()
    assert not app.exception
    (view,) = runs.overview(studio, kinds=("export",))
    barriers.reached("export")
    for language in ("en", "zh"):
        app = open_page(language, s=snapshot_id, run=view.run_id)
        assert app.button(key="export.cancel").label == t("export.cancel", lang=language)
    barriers.release("export")
    assert runs.wait(studio, view.run_id, 60).state == "done"
    done = export_files.outcome(studio, view.run_id)
    for language in ("zh", "en"):
        app = open_page(language, s=snapshot_id, run=view.run_id)
        assert t("export.done", lang=language, n=60) in _said(app, "success")
    assert app.code[0].value == str(done.path)
    assert app.code[1].value == done.sha256
    app.button(key="export.another").click().run()
    app.selectbox(key="export.picked").set_value(done.name).run()
    app.button(key="export.delete").click().run()
    assert not done.path.exists()
    assert app.success


def test_examples_the_format_cannot_hold_are_counted(open_page, studio):
    snapshot_id = small_corpus.make(studio.store, n=80)
    small_corpus.freeze(studio.store, snapshot_id, list(range(1, 31)), selection_id="q1")
    app = open_page("en", s=snapshot_id, w="selection:q1", to="prompt_completion")
    assert "no label that may be seen" in _said(app, "warning", "error")


def test_a_failed_export_says_why(open_page, studio):
    snapshot_id = small_corpus.make(studio.store, n=30, with_labels=False)
    run_id = corpora_export.start(studio, ADMIN, snapshot_id=snapshot_id, plan=ExportPlan("alpaca"))
    assert runs.wait(studio, run_id, 60).state == "failed"
    app = open_page("en", s=snapshot_id, run=run_id)
    assert "No example can be written in this format" in app.error[0].value
    assert app.button(key="export.again")
    assert not [path for path in studio.workspace.exports.iterdir()]


def _chat(studio) -> str:
    talk = [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": "Hello"}]
    manifest = write_snapshot(
        [{"text": HOSTILE, "messages": json.dumps(talk)}] * 3, studio.workspace.snapshots, task="chat"
    )
    corpora.add(studio.store, corpus_id="c", name="Talk", language="en", task="chat", by="tester")
    snapshots.add(studio.store, manifest, corpus_id="c", name="Talk", by="tester")
    return str(manifest["snapshot_id"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_conversation_is_shown_under_a_template(language, open_page, studio, monkeypatch):
    from pages._ui import prepare_export_chat

    shown = []
    monkeypatch.setattr(prepare_export_chat, "pane", lambda parts, label, key: shown.append(parts))
    monkeypatch.setattr(prepare_export_chat, "is_open", lambda box: True)
    app = open_page(language, s=_chat(studio), to="sharegpt", chat="llama3")
    assert not app.error
    assert [part["text"] for part in shown[-1] if part["learnt"]] == ["Hello", "<|eot_id|>"]
    assert HOSTILE in "".join(part["text"] for part in shown[-1])
    assert HOSTILE not in _said(app, "markdown", "caption")
