"""Upload of other tasks in both languages: verdict, examples, overruling, groups by rule, mappings, the other pages."""

from __future__ import annotations

import io
import json

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.corpus import preview as look
from studio.corpus.importing import Source
from studio.records import Actor
from studio.words import t
from studio.workflows import corpora, mappings, runs
from tests.conftest import ROOT
from tests.corpus.shapes.test_twins import TABLE, TWINS
from tests.jobs.harness import kill_workers

ADMIN = Actor("tester", "admin")
HOSTILE = "<script>alert(1)</script> **bold** $x$ [a](http://b.example) :red[x]"


@pytest.fixture
def open_page(workspace, monkeypatch):
    """Opens a page through the router over the test's workspace."""
    monkeypatch.setenv("STUDIO_HOME", str(workspace.root))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()

    def open_(page: str = "upload", language: str = "en", **params: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in {"lang": language, **params}.items():
            app.query_params[name] = value
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, app.exception
        return app

    yield open_
    st.cache_resource.clear()
    kill_workers(workspace)


def _upload(app: AppTest, data: bytes, name: str) -> AppTest:
    app.get("file_uploader")[0].upload(name, data)
    app.run()
    assert not app.exception, app.exception
    return app


def _said(app: AppTest, *kinds: str) -> str:
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def _box(app: AppTest, label: str):
    return next(box for box in app.main.selectbox if box.label == label)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["sharegpt.json", "conll.conll", "preference_chat.jsonl", "judged.jsonl"])
def test_a_file_of_another_task_goes_from_upload_to_snapshot(name, language, open_page, workspace):
    shape, task, _, n_examples = TABLE[name]
    app = _upload(open_page(language=language), (TWINS / name).read_bytes(), name)
    said = _said(app, "success")
    assert t(f"shape.task.{task}", lang=language) in said
    assert t(f"shape.name.{shape}", lang=language) in said
    fits = t("shape.fits", lang=language, fits=n_examples, total=n_examples)
    assert fits in _said(app, "caption")
    next(button for button in app.main.button if button.label == t("upload.freeze", lang=language)).click()
    app.run()
    assert not app.exception, app.exception
    studio = frame._open(str(workspace.root))
    run_id = runs.overview(studio)[0].run_id
    assert runs.wait(studio, run_id, 60).state == "done"
    snapshot = corpora.outcome(studio, run_id).snapshot
    assert (snapshot.task, snapshot.n_examples) == (task, n_examples)


def test_the_guess_can_be_overruled_and_the_examples_follow(open_page):
    rows = [{"question": f"What is {i}?", "answer": f"It is {i}."} for i in range(12)]
    app = _upload(open_page(), "\n".join(map(json.dumps, rows)).encode(), "qa.jsonl")
    task = _box(app, t("shape.pick_task"))
    assert task.value == "generative_qa"
    task.select("classification")
    app.run()
    assert not app.exception, app.exception
    assert _box(app, t("shape.role.text")).value in ("question", "answer")
    assert t("shape.no_label") in _said(app, "caption")
    _box(app, t("shape.pick_task")).select("chat")
    app.run()
    assert not app.exception, app.exception
    assert _box(app, t("shape.role_of.chat.prompt")).value == "question"
    assert "What is 0?" in _said(app, "text")


def test_hostile_examples_are_literal(open_page):
    rows = [{"messages": [{"role": "user", "content": f"{HOSTILE} {i}"}, {"role": "assistant", "content": HOSTILE}]}
            for i in range(6)]  # fmt: skip
    app = _upload(open_page(), "\n".join(map(json.dumps, rows)).encode(), "x.jsonl")
    assert HOSTILE in _said(app, "text")
    spans = [{"text": HOSTILE, "entities": [[0, 8, HOSTILE]]} for _ in range(6)]
    app = _upload(open_page(), "\n".join(map(json.dumps, spans)).encode(), "y.jsonl")
    shown = _said(app, "markdown", "caption", "success", "info")
    assert "<script>" not in shown.replace("\\<script\\>", "")
    assert ":red[" not in shown.replace("\\:red\\[", "")


def test_groups_by_rule_are_offered_counted_and_frozen(open_page, workspace):
    rows = [{"text": f"{'She' if i % 3 else 'He'} wrote number {i}", "label": "ab"[i % 2], "age": str(18 + i * 7 % 50)}
            for i in range(60)]  # fmt: skip
    app = _upload(open_page(), "\n".join(map(json.dumps, rows)).encode(), "people.jsonl")
    next(button for button in app.main.button if button.label == t("shape.groups.add_named", name="age band")).click()
    app.run()
    next(button for button in app.main.button if button.label == t("shape.groups.add")).click()
    app.run()
    assert not app.exception, app.exception
    counted = app.dataframe[-1].value
    assert list(counted[t("shape.groups.group")]) == ["age_band", "mentions_gender"]
    assert counted[t("shape.groups.values")][1] == "women 40 · men 20"
    next(button for button in app.main.button if button.label == t("upload.freeze")).click()
    app.run()
    studio = frame._open(str(workspace.root))
    run_id = runs.overview(studio)[0].run_id
    assert runs.wait(studio, run_id, 60).state == "done"
    assert corpora.outcome(studio, run_id).snapshot.groups == ("age_band", "mentions_gender")


def test_a_mapping_is_saved_and_applied_and_says_what_is_missing(open_page, workspace):
    data = "".join(f'{{"body": "text {i}", "queue": "q{i % 2}", "region": "N"}}\n' for i in range(20)).encode()
    app = _upload(open_page(), data, "tickets.jsonl")
    app.text_input(key="mapping_name").set_value("Tickets")
    app.button(key="mapping_save").click()
    app.run()
    assert not app.exception, app.exception
    studio = frame._open(str(workspace.root))
    (row,) = mappings.saved(studio)
    assert row.name == "Tickets"
    app.run()
    app.selectbox(key="mapping_recipe").select(row.recipe_id)
    app.run()
    assert not app.exception, app.exception
    assert _box(app, t("shape.role.label")).value == "queue"
    app = _upload(open_page(), b'{"text": "a b c", "kind": "x"}\n' * 5, "other.jsonl")
    app.selectbox(key="mapping_recipe").select(row.recipe_id)
    app.run()
    assert "reads columns this file does not have" in _said(app, "error")
    assert _box(app, t("shape.role.text")).value == "text"


@pytest.mark.parametrize("name", ["sharegpt.json", "conll.conll", "label_list.jsonl"])
def test_the_other_pages_say_what_they_can_do(name, open_page, workspace):
    open_page()
    studio = frame._open(str(workspace.root))
    file = corpora.spool(studio, ADMIN, name=name, data=io.BytesIO((TWINS / name).read_bytes()))
    roles = look.preview(Source(TWINS / name, name)).roles
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=roles)
    assert runs.wait(studio, run_id, 60).state == "done"
    snapshot_id = corpora.outcome(studio, run_id).snapshot.snapshot_id
    for page in ("annotate", "train", "loop"):
        app = open_page(page, s=snapshot_id)
        assert t(f"shape.require.{page}", task=t(f"shape.task.{roles.task}")) in _said(app, "info")
        turns = [t("shape.require.template")] if roles.task == "chat" else []
        assert [button.label for button in app.main.button] == [t("shape.require.explore"), *turns]
    for page, params in (
        ("explore", {}),
        ("explore", {"view": "inside"}),
        ("select", {}),
        ("prepare", {}),
        ("home", {}),
    ):
        open_page(page, s=snapshot_id, **params)
