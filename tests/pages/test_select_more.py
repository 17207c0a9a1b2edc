"""Scores somebody asks for: what could be computed is listed with its meaning, one press starts the run."""

from __future__ import annotations

from functools import partial

import pytest

from studio.words import t
from studio.workflows import select_scores
from tests.pages.app import open_app

open_page = partial(open_app, "select")


@pytest.fixture
def made(studio, scored_snapshot):
    return scored_snapshot


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_could_be_computed_is_listed(made, lang):
    app = open_page(lang=lang, s=made, view="measures")
    assert not app.exception, app.exception
    # no labels, no goal in the link, no model: repeats, groups, wording
    names = ("repeat_distance", "group_rarity", "ngram_loss")
    shown = [one.rpartition(" · ")[2] for one in app.multiselect(key="select.more").options]
    assert shown == [t(f"measure.{name}.title", lang=lang) for name in names]
    assert t("measure.more.title", lang=lang, n=3) in [box.label for box in app.expander]


def test_the_chosen_are_explained_and_computed(made, monkeypatch):
    asked = []
    monkeypatch.setattr(select_scores, "measure", lambda *_, measures, **__: asked.append(list(measures)))
    app = open_page(lang="en", s=made, view="measures")
    app.multiselect(key="select.more").set_value(["repeat_distance", "ngram_loss"]).run()
    said = "\n".join(caption.value for caption in app.caption)
    assert t("measure.repeat_distance.help", lang="en") in said and t("measure.ngram_loss.help", lang="en") in said
    next(b for b in app.button if b.label == t("measure.more.button", lang="en")).click().run()
    assert asked == [["repeat_distance", "ngram_loss"]] and not app.exception
