"""Storage in its states and both languages: empty, with a corpus, dry run, confirm, under way, after a removal."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.records import Actor
from studio.store import snapshots
from studio.words import t
from studio.workflows import purge, purge_pending, runs
from tests.conftest import ROOT
from tests.jobs.harness import kill_workers
from tests.workflows import small_corpus

LANGUAGES = ("en", "zh")
ADMIN = Actor("tester", "admin")


@pytest.fixture
def open_page(workspace, monkeypatch):
    """Opens the Storage page through the router over the test's workspace."""
    monkeypatch.setenv("STUDIO_HOME", str(workspace.root))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()

    def open_(language: str = "en", **params: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in {"lang": language, **params}.items():
            app.query_params[name] = value
        app.switch_page("pages/admin.py").run()
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_workspace_says_where_to_begin(language, open_page):
    app = open_page(language)
    assert t("admin.empty", lang=language) in said(app, "info")
    app = open_page(language, part="remove")
    assert t("admin.purge.none", lang=language) in said(app, "info")


@pytest.mark.parametrize("language", LANGUAGES)
def test_items_are_listed_with_their_sizes(language, open_page, studio):
    small_corpus.make(studio.store, n=60)
    (studio.workspace.exports / "out.csv").write_bytes(b"e" * 30_000_000)
    app = open_page(language)
    table = app.dataframe[0].value
    assert table["title"].iloc[0] == "out.csv" and table["kind"].iloc[0] == t("admin.kind.export", lang=language)
    assert table["size"].is_monotonic_decreasing and len(app.metric) == 3
    app = open_page(language, kind="snapshot")
    assert app.dataframe[0].value["title"].tolist() == ["Small"]
    assert not app.button(key="delete_items") if any(b.key == "delete_items" for b in app.button) else True


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_removal_from_the_first_look_to_the_report(language, open_page, studio):
    snapshot_id = small_corpus.make(studio.store, n=60)
    small_corpus.freeze(studio.store, snapshot_id, [3, 7, 9])
    app = open_page(language, part="remove")
    assert app.button(key="purge_look").disabled
    app.text_input(key="purge.numbers").set_value("7, 9").run()
    app.button(key="purge_look").click().run()
    assert t("admin.purge.would", lang=language, n=2) in said(app, "markdown")
    places = app.dataframe[1].value.set_index("place")["action"]
    assert places[t("admin.place.selection_rows", lang=language)] == t("admin.action.drop", lang=language)
    assert "7" in str(app.dataframe[0].value["example_id"].tolist())
    assert app.button(key="purge_go").disabled
    app.text_input(key="purge.confirm").set_value("3").run()
    assert app.button(key="purge_go").disabled
    app.text_input(key="purge.confirm").set_value("2").run()
    app.button(key="purge_go").click().run()
    assert not app.exception
    run_id = next(view.run_id for view in runs.overview(studio, kinds=("purge",)))
    assert runs.wait(studio, run_id, 60).state == "done"
    app.run()
    assert t("admin.purge.done", lang=language, n=2) in said(app, "success")
    assert [item.n_examples for item in snapshots.list_all(studio.store)] == [58]
    app.button(key="purge_close").click().run()
    assert t("admin.purge.earlier", lang=language, n=1) in [item.label for item in app.expander]


def test_a_link_to_the_old_snapshot_leads_to_its_successor(open_page, studio):
    snapshot_id = small_corpus.make(studio.store, n=60)
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    target = purge.Target("example", corpus_id, (7,))
    run_id = purge.start(studio, ADMIN, target=target, confirm="1")
    assert runs.wait(studio, run_id, 60).state == "done"
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["s"], app.query_params["lang"] = snapshot_id, "en"
    app.switch_page("pages/explore.py").run()
    assert not app.exception and "59" in str(app.sidebar.selectbox[0].options)
    assert app.sidebar.selectbox[0].value == snapshots.successor(studio.store, snapshot_id)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_removal_that_stopped_is_offered_to_go_on_or_to_give_up(language, open_page, studio):
    snapshot_id = small_corpus.make(studio.store, n=60)
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    studio.supervisor.close()
    purge.start(studio, ADMIN, target=purge.Target("example", corpus_id, (7,)), confirm="1")
    record = purge_pending.pending(studio.workspace)
    studio.supervisor.start()
    studio.supervisor.cancel(record["run_id"])
    runs.wait(studio, record["run_id"], 60)
    if purge_pending.pending(studio.workspace) is None:
        pytest.skip("the worker was quicker than the cancel")
    app = open_page(language, part="remove")
    assert t("admin.purge.stopped", lang=language) in said(app, "warning")
    app.button(key="purge_give_up").click().run()
    assert purge_pending.pending(studio.workspace) is None
    assert snapshots.require(studio.store, snapshot_id).n_examples == 60


def test_a_wrong_number_shows_the_error_in_three_parts(open_page, studio):
    small_corpus.make(studio.store, n=60)
    app = open_page(part="remove")
    app.text_input(key="purge.numbers").set_value("99999").run()
    app.button(key="purge_look").click().run()
    assert "not in the corpus" in said(app, "error") and "99999" in said(app, "error")
