"""The view that compares two sets, and the diversity section: nothing to compare, a comparison made, hostile names."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from studio.records import Actor
from studio.store import slices
from studio.words import t
from studio.workflows import diversity, runs
from tests.workflows import small_corpus

ADMIN = Actor("tester", "admin")
HOSTILE = "<b>**part**</b> $x$"


def _compare():
    import streamlit

    from pages._ui import explore_compare, frame
    from studio.store import snapshots

    opened = frame.studio()
    explore_compare.render(opened, snapshots.require(opened.store, streamlit.query_params["s"]))


def _section():
    import streamlit

    from pages._ui import explore_diversity, frame
    from studio.store import snapshots

    opened = frame.studio()
    explore_diversity.render(opened, snapshots.require(opened.store, streamlit.query_params["s"]))


@pytest.fixture
def open_view(app_home):
    def open_(page, language: str = "en", **params: str) -> AppTest:
        app = AppTest.from_function(page, default_timeout=60)
        for name, value in {"lang": language, **params}.items():
            app.query_params[name] = value
        app.session_state["frame.routed"] = True
        return app.run()

    return open_


def said(app) -> str:
    return "\n".join(str(item.value) for kind in (app.markdown, app.caption, app.info, app.warning) for item in kind)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_with_one_set_the_page_says_where_to_get_another(open_view, studio, language):
    made = small_corpus.make(studio.store, n=40)
    app = open_view(_compare, language, s=made)
    assert not app.exception
    assert t("diversity.compare.nothing", lang=language) in said(app)
    assert {button.key for button in app.button} == {"compare.select", "compare.map"}


def test_a_comparison_is_read_where_it_was_made(open_view, studio):
    made = small_corpus.make(studio.store, n=120)
    part = slices.add_slice(studio.store, made, name=HOSTILE, definition={}, example_ids=range(1, 31), by="tester")
    sides = {"a": f"snapshot:{made}", "b": f"slice:{part}"}
    app = open_view(_compare, s=made, cb=sides["b"])
    assert not app.exception and not app.dataframe
    assert app.button(key="compare.start").label == "Compare"
    assert runs.wait(studio, diversity.compare(studio, ADMIN, **sides), 120).state == "done"
    app = open_view(_compare, s=made, cb=sides["b"])
    assert not app.exception
    assert "A has 120 examples, B has 30. 99 random draws of 30 from 120, seed 0." in said(app)
    assert t("diversity.compare.looked", lang="en") in said(app)  # a slice is reported as found by looking
    assert HOSTILE not in said(app)
    kept = diversity.compared(studio, **sides).table.set_index("name")
    words = app.dataframe[0].value.set_index("measure")
    row = words.loc["Different words"]
    assert row["b"] == f"{kept.loc['distinct_1', 'b']:.1%}" and row["a"].endswith("*")
    assert row["says"].startswith("B is ") and "random draws of its size" in row["says"]
    assert row["band"].startswith("data:image/svg+xml;base64,")
    chinese = open_view(_compare, "zh", s=made, cb=sides["b"])
    assert "同样大小的随机抽取" in chinese.dataframe[0].value["says"].iloc[0]
    same = open_view(_compare, s=made, ca=sides["a"], cb=sides["a"])
    assert t("diversity.compare.same", lang="en") in said(same) and not same.dataframe


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_section_shows_numbers_with_counts_and_says_what_is_missing(open_view, studio, language):
    made = small_corpus.make(studio.store, n=60)
    app = open_view(_section, language, s=made)
    assert not app.exception
    repeats = next(item for item in app.metric if item.label == t("diversity.name.repeats", lang=language))
    assert repeats.value == "0.0%"
    assert t("diversity.about.repeats", lang=language, repeats=0, n=60) in said(app)
    assert t("diversity.needs_vectors", lang=language) in said(app)
    assert t("diversity.reason.no_chats", lang=language) in said(app)


def test_a_large_corpus_waits_for_a_press(open_view, studio, monkeypatch):
    monkeypatch.setattr(diversity, "AT_ONCE_UP_TO", 10)
    made = small_corpus.make(studio.store, n=60)
    app = open_view(_section, s=made)
    assert not app.metric and "With 60 examples" in said(app)
    app.button(key="audit.diversity").click().run()
    assert not app.exception
    listed = runs.overview(studio, kinds=("diversity",), snapshot_id=made)
    assert len(listed) == 1
    assert runs.wait(studio, listed[0].run_id, 120).state == "done"
    app = open_view(_section, s=made)
    assert np.isclose(diversity.kept(studio, snapshot_id=made).set_index("name").loc["length", "value"], 8)
    assert app.metric
