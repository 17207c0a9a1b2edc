"""From what is here, in its states and both languages: no corpus, the form, hits, nothing found, frozen."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.records import Actor
from studio.store import snapshots
from studio.words import t
from studio.workflows import runs
from tests.conftest import ROOT
from tests.jobs.harness import kill_workers
from tests.workflows import small_corpus

LANGUAGES = ("en", "zh")
ADMIN = Actor("tester", "admin")


@pytest.fixture
def open_page(workspace, monkeypatch):
    """Opens that way of the Upload page over the test's workspace."""
    monkeypatch.setenv("STUDIO_HOME", str(workspace.root))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_(language: str = "en", **params: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
        for name, value in {"lang": language, "way": "here", **params}.items():
            app.query_params[name] = value
        app.switch_page("pages/upload.py").run()
        assert not app.exception, app.exception
        return app

    yield open_
    st.cache_resource.clear()
    kill_workers(workspace)


@pytest.fixture
def studio(open_page, workspace):
    """The studio the page uses."""
    return frame._open(str(workspace.root))


def said(app: AppTest, *kinds: str) -> str:
    return " ".join(str(item.value) for kind in kinds for item in app.get(kind))


def search(app: AppTest, text: str, by: str = "both") -> AppTest:
    app.text_area(key="find.q").set_value(text)
    app.segmented_control(key="find.by").set_value(by)
    app.number_input(key="find.budget").set_value(20)
    next(button for button in app.main.button if button.form_id == "find.form").click()
    app.run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_corpus_there_is_nothing_to_look_through(language, open_page):
    app = open_page(language)
    assert t("find.none", lang=language) in said(app, "info")
    assert not app.text_area


@pytest.mark.parametrize("language", LANGUAGES)
def test_hits_are_shown_against_chance_and_frozen(language, open_page, studio):
    small_corpus.make(studio.store, n=200)
    app = search(open_page(language), "invoice payment charge fee", "both")
    assert t("find.no_vectors", lang=language) in said(app, "warning")  # words alone, and it says why
    assert t("find.found", lang=language, n=20, all=200, both=0, meaning=0, words=20) in said(app, "markdown")
    assert "billing" in said(app, "success")
    app.text_input(key=next(box.key for box in app.main.text_input if box.key.startswith("find.name"))).set_value(
        "Bills"
    )
    app.run()
    app.button(key="find.freeze").click().run()
    run_id = next(v.run_id for v in runs.overview(studio, kinds=("find",)))
    assert runs.wait(studio, run_id, 60).state == "done"
    app.run()
    assert t("find.frozen", lang=language, name="Bills", n=20) in said(app, "success")
    assert {item.name: item.n_examples for item in snapshots.list_all(studio.store)} == {"Small": 200, "Bills": 20}
    app.button(key="find.again").click().run()
    assert app.text_area(key="find.q").value is not None


def test_nothing_found_and_nothing_asked(open_page, studio):
    small_corpus.make(studio.store, n=60)
    app = search(open_page(), "zzzunknown", "words")
    assert t("find.nothing", lang="en") in said(app, "info")
    app = search(open_page(), "   ")
    assert "nothing to look for" in said(app, "error")


def test_a_bad_link_is_forgotten(open_page, studio):
    small_corpus.make(studio.store, n=60)
    app = open_page(frozen="../../etc")
    assert app.text_area(key="find.q").value == ""
