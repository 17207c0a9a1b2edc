"""A file of typical texts as the goal: uploaded in the form, kept, named in the URL, offered again, or refused."""

from __future__ import annotations

from functools import partial

import pytest

from studio.words import t
from studio.workflows import select_scores, select_targets
from studio.workflows.select_scores import Targets
from tests.pages.app import open_app
from tests.workflows import select_corpus
from tests.workflows.test_select import ANALYST, TARGETS

open_page = partial(open_app, "select")


@pytest.fixture
def asked(monkeypatch):
    """Goals the page asked to be measured, instead of runs."""
    found = []
    monkeypatch.setattr(select_scores, "measure", lambda *_, targets=None, **__: found.append(targets))
    return found


def press(app, lang):
    next(b for b in app.button if b.label == t("select.goal.button", lang=lang)).click().run()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_file_becomes_the_goal(studio, asked, lang):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(lang=lang, s=made)
    app.get("file_uploader")[0].upload("goal.csv", b"id,question\n1,reset my password\n2,where is it\n3,\n")
    press(app, lang)
    assert not app.exception, app.exception
    name = app.query_params["goal_file"]
    name = name[0] if isinstance(name, list) else name
    assert asked and set(asked) == {Targets(file=name)}
    assert select_targets.texts_of(studio, asked[0]) == ["reset my password", "where is it"]
    again = open_page(lang=lang, s=made, goal_file=name)
    assert not again.exception and t("measure.goal.use_file", lang=lang) in [box.label for box in again.checkbox]


def test_a_file_nobody_kept_and_one_without_text_are_told(studio, asked):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(lang="en", s=made, goal_file="0" * 24)
    assert not app.exception and any("not there any more" in box.value for box in app.error)
    app = open_page(lang="en", s=made)
    app.get("file_uploader")[0].upload("goal.txt", b"\n \n")
    press(app, "en")
    assert not app.exception and app.error and not asked and "goal_file" not in app.query_params


def test_what_a_file_is_measured_as_is_said(studio):
    made = select_corpus.make(studio)
    kept = select_targets.keep_file(studio, ANALYST, name="a.txt", data=b"reset my password\nwhere is it\n")
    app = open_page(lang="en", s=made, goal_file=kept.name)
    assert not app.exception
