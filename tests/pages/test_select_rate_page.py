"""The rating desk of the Select page, in both languages."""

from __future__ import annotations

from functools import partial

import pytest

from studio.records import Actor
from studio.store import ratings as rows
from studio.store import snapshots
from studio.words import t
from studio.workflows import rated_inputs, select_scores
from studio.workflows.ratings import ONE, TWO
from tests.pages.app import open_app
from tests.workflows import select_corpus
from tests.workflows.test_ratings import go_on
from tests.workflows.test_select_measures import put

open_page = partial(open_app, "select", view="rate")


@pytest.fixture
def made(studio, scored_snapshot):
    return scored_snapshot


def said(app) -> str:
    return "\n".join(str(box.value) for kind in ("markdown", "caption", "warning", "info", "text", "subheader",
                                                 "success") for box in getattr(app, kind))  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_press_is_a_rating_and_the_next_text_shows(studio, made, lang):
    app = open_page(lang=lang, s=made, rv="difficulty")
    assert t("rated.question.difficulty", lang=lang) in said(app)
    first = app.text[0].value
    app.button(key="rate_4").click().run()
    assert not app.exception and app.text[0].value != first
    found = rated_inputs.said(studio, made, "ratings_difficulty").usable
    assert found["value"].tolist() == [4.0]
    app.button(key="rate_undo").click().run()
    assert app.text[0].value == first, "what was taken back is on the desk again"
    assert rated_inputs.said(studio, made, "ratings_difficulty").n == 0
    app.button(key="rate_skip").click().run()
    assert app.text[0].value != first and rated_inputs.said(studio, made, "ratings_difficulty").n_skipped == 1
    assert app.button(key="rate_train").disabled


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pairs_are_compared_for_quality(studio, made, lang):
    app = open_page(lang=lang, s=made, rv="quality", rk=TWO)
    assert len(app.text) == 2 and t("rated.question.pair", lang=lang) in said(app)
    before = [box.value for box in app.text]
    for key in ("rate_first", "rate_tie", "rate_second"):
        app.button(key=key).click().run()
    assert not app.exception and [box.value for box in app.text] != before
    assert rated_inputs.said(studio, made, "pairs_quality").usable["value"].tolist() == [1.0, 0.5, 0.0]


def test_enough_ratings_start_a_run_and_agreement_is_shown(studio, made):
    snapshot = snapshots.require(studio.store, made)
    go_on(studio, snapshot, 55)
    app = open_page(lang="en", s=made, rv="quality", rk=ONE)
    assert not app.button(key="rate_train").disabled
    context = select_scores._grounds(studio, made, None)[0].context(select_scores.by_name("rated_quality"))
    agreed = {"kind": "ratings", "n": 55, "n_judged": 55, "folds": 5, "rho": 0.1, "low": -0.1, "high": 0.3, "seed": 0}
    put(studio, made, "rated_quality", select_corpus.np.linspace(1, 5, 200), context | {"agreement": agreed})
    (item,) = [one for one in select_scores.scores.sets(studio.store, made) if one.measure == "rated_quality"]
    assert item.context["agreement"]["rho"] == 0.1
    app = open_page(lang="en", s=made, rv="quality", rk=ONE)
    assert "rank correlation 0.10" in said(app) and t("rated.no_better", lang="en") in said(app)
    text = said(open_app("select", lang="en", s=made, view="measures", measure="rated_quality"))
    assert "rank correlation 0.10" in text


def test_two_people_see_how_far_they_agree_and_what_is_not_used(studio, made):
    snapshot = snapshots.require(studio.store, made)
    go_on(studio, snapshot, 12)
    for number in range(12):
        row = rated_inputs.said(studio, made, "ratings_quality").everything.iloc[number % 12]
        rows.rate(studio.store, entry_id=f"b{number}", corpus_id=snapshot.corpus_id, snapshot_id=made, view="quality",
                  example_id=int(row["example_id"]), row_hash="changed" if number == 0 else str(row["row_hash"]),
                  value=int(row["value"]), by=Actor("ben", "annotator"))  # fmt: skip
    text = said(open_page(lang="en", s=made, rv="quality", rk=ONE))
    assert "(11 times) they agree in 100%" in text and "Not used: 1 whose text has changed" in text


def test_an_odd_link_opens_the_first_view(made):
    app = open_page(lang="en", s=made, rv="<b>x</b>", rk="three")
    assert t("rated.question.relevance", lang="en") in said(app)
    assert "What the model is for: closeness to" in said(app)  # what relevance is rated against stands beside it
