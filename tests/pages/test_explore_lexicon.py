"""The identity terms on Explore: seen by everyone, edited and struck by an analyst, in both languages."""

from __future__ import annotations

import io

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui import explore_lexicon
from studio import lexicons as lists
from studio.corpus.roles import Roles
from studio.records import Actor
from studio.store import snapshots
from studio.words import t
from studio.workflows import corpora, lexicons, runs

ADMIN = Actor("tester", "admin")


def _page():
    import streamlit

    from pages._ui import explore_lexicon, frame
    from studio.store import snapshots

    opened = frame.studio()
    explore_lexicon.render(opened, snapshots.require(opened.store, streamlit.query_params["s"]))


@pytest.fixture
def corpus(studio) -> str:
    rows = ["text,label"] + [f"a nun *sings* <b>{i}</b>,x" for i in range(6)] + [f"his mosque {i},y" for i in range(6)]
    file = corpora.spool(studio, ADMIN, name="c.csv", data=io.BytesIO("\n".join(rows).encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label"), name="c")
    assert runs.wait(studio, run_id, 60).state == "done"
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


@pytest.fixture
def open_page(app_home):
    def open_(snapshot_id: str, language: str = "en") -> AppTest:
        app = AppTest.from_function(_page, default_timeout=60)
        for name, value in {"lang": language, "s": snapshot_id, "lx": "religion"}.items():
            app.query_params[name] = value
        app.session_state["frame.routed"] = True
        app.run()
        assert not app.exception, app.exception
        return app

    return open_


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_list_is_shown_with_its_source(language, studio, corpus, open_page):
    app = open_page(corpus, language)
    said = " ".join(caption.value for caption in app.caption)
    assert t("audit_words.list.builtin", lang=language) in said
    assert app.expander[0].label == t("audit_words.list.title", lang=language, n=len(lists.builtin("en").terms))


def test_a_term_is_struck_and_put_back_by_its_button(studio, corpus, open_page):
    snapshot = snapshots.require(studio.store, corpus)
    app = open_page(corpus)
    app.selectbox(key="lexicon.term.religion").set_value("nun").run()
    app.button(key="lexicon.strike_term").click().run()
    assert not app.exception
    assert lexicons.standing(studio, snapshot).struck_terms == {"nun"}
    assert app.button(key="lexicon.strike_term").label == t("audit_words.list.keep_term", lang="en", term="nun")
    app.button(key="lexicon.strike_term").click().run()
    assert lexicons.standing(studio, snapshot).struck_terms == frozenset()


def test_reset_is_offered_only_after_a_change(studio, corpus, open_page):
    app = open_page(corpus)
    assert app.button(key="lexicon.reset").disabled
    lexicons.strike_term(studio, ADMIN, snapshot_id=corpus, term="nun")
    app = open_page(corpus)
    app.button(key="lexicon.reset").click().run()
    snapshot = snapshots.require(studio.store, corpus)
    assert lexicons.in_force(studio, snapshot) == lists.builtin("en")


def test_a_viewer_looks_and_cannot_decide(studio, corpus, open_page, monkeypatch):
    monkeypatch.setattr(explore_lexicon.frame, "current_user", lambda: Actor("guest", "viewer"))
    app = open_page(corpus)
    assert not [button for button in app.button if button.key in ("lexicon.strike_term", "lexicon.reset")]
    assert app.selectbox(key="lexicon.term.religion").options


def test_the_term_chosen_shows_what_stands_around_its_hits(studio, corpus, open_page):
    found = lexicons.hits(studio, snapshot_id=corpus, term="nun")
    assert found["after"].iloc[0] == " *sings* <b>0</b>"
    app = open_page(corpus)
    app.selectbox(key="lexicon.term.religion").set_value("synagogue").run()
    assert t("audit_words.list.no_hits", lang="en") in [caption.value for caption in app.caption]
