"""The Select page in every state and both languages; sliders and URL in a real browser."""

from __future__ import annotations

from functools import partial

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.records import VIEWS, Actor
from studio.selection import STRATEGIES, offered
from studio.store import labels, selections
from studio.words import t
from studio.workflows import annotate
from tests.pages.app import open_app
from tests.workflows import select_corpus, small_corpus
from tests.workflows.test_select import TARGETS

LANGUAGES = ("en", "zh")


open_page = partial(open_app, "select")


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def weights(app: AppTest) -> list[int]:
    return [app.slider(key=f"w_{view}.slider").value for view in VIEWS]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_corpus_or_scores_it_says_what_comes_next(studio, lang):
    assert t("frame.go_home", lang=lang) in buttons(open_page(lang=lang))
    made = small_corpus.make(studio.store, n=40)
    assert t("select.prepare.button", lang=lang) in buttons(open_page(lang=lang, s=made))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_loaded_it_ranks_explains_and_freezes(studio, lang):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(lang=lang, s=made, budget="12")
    assert [m.value for m in app.metric][0] == "12"
    assert weights(app) == [34, 33, 0, 33]  # difficulty has no labels to learn from
    assert app.slider(key="w_difficulty.slider").disabled
    assert t("select.lacking.labels", lang=lang) in [c.value for c in app.caption]
    name = next(box for box in app.text_input if box.label == t("select.freeze.name", lang=lang))
    name.set_value("*first* <b>batch</b>")
    next(b for b in app.button if b.label == t("select.freeze.button", lang=lang)).click()
    app.run()
    assert not app.exception
    frozen = selections.list_all(studio.store, made)
    assert [(item.name, item.n) for item in frozen] == [("*first* <b>batch</b>", 12)]
    assert t("select.freeze.next", lang=lang) in buttons(app)
    assert any("\\*first\\* \\<b\\>" in box.value for box in app.success)
    assert any(t("select.freeze.list", lang=lang) in box.label for box in app.expander), "listed in the same draw"


def test_after_a_freeze_the_page_is_not_drawn_again_and_one_press_leads_to_the_desk(studio, monkeypatch):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(lang="en", s=made, budget="12")
    reruns = []
    monkeypatch.setattr(streamlit, "rerun", lambda **how: reruns.append(how))
    next(box for box in app.text_input if box.label == t("select.freeze.name", lang="en")).set_value("first")
    next(b for b in app.button if b.label == t("select.freeze.button", lang="en")).click().run()
    assert reruns == [], "a press between two draws would be lost"
    asked = []
    monkeypatch.setattr(frame, "go", lambda page, **values: asked.append((page, values)))
    app.button(key="to_annotate").click().run()
    assert asked == [("annotate", {"sel": selections.list_all(studio.store, made)[0].selection_id})]


@pytest.mark.parametrize(("link", "alpha"), [({}, 0.5), ({"evenness": "1.0"}, 0.0), ({"even": "false"}, None)])
def test_clusters_have_quotas_until_a_person_turns_them_off(studio, link, alpha):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(s=made, strategy="weighted_sum", budget="12", **link)
    next(box for box in app.text_input if box.label == t("select.freeze.name", lang="en")).set_value("first")
    next(b for b in app.button if b.label == t("select.freeze.button", lang="en")).click().run()
    (frozen,) = selections.list_all(studio.store, made)
    assert frozen.recipe["alpha"] == alpha


def test_a_first_batch_is_proposed_as_the_evidence_supports_and_later_ones_by_the_sum(studio):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    box = next(b for b in open_page(s=made, budget="12").selectbox if b.label == t("select.strategy.label", lang="en"))
    assert box.value == "k_center"
    assert [s.name for s in offered(0)][:2] == ["k_center", "weighted_sum"]
    assert offered(1) == STRATEGIES
    assert sorted(s.name for s in offered(0)) == sorted(s.name for s in STRATEGIES)


def test_weights_of_a_link_are_read_and_mended(studio):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(s=made, w_relevance="60", w_diversity="20", w_difficulty="0", w_quality="20")
    assert weights(app) == [60, 20, 0, 20]
    assert weights(open_page(s=made, w_relevance="x", w_diversity="-5", w_quality="1e9")) == [0, 0, 0, 100]
    app = open_page(s=made, budget="-3", strategy="nope", tau="9", seed="a", slice="[[", pins="drop")
    assert weights(app) == [34, 33, 0, 33]


def test_a_pool_that_is_used_up_leads_to_training(studio):
    made = select_corpus.make(studio, n=60)
    select_corpus.score(studio, made, TARGETS)
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made), selection_id="all")
    annotate.simulate_rest(studio, Actor("ann", "analyst"), selection_id="all")
    assert t("select.go_train", lang="en") in buttons(open_page(s=made, lang="en"))


def test_after_the_first_labels_difficulty_can_be_computed(studio):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    assert t("select.prepare.more", lang="en") not in buttons(open_page(s=made, lang="en"))
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:20], selection_id="some")
    annotate.simulate_rest(studio, Actor("ann", "analyst"), selection_id="some")
    assert t("select.prepare.more", lang="en") in buttons(open_page(s=made, lang="en"))


@pytest.mark.parametrize("strategy", ["random", "stratified", "facility_location", "longest"])
def test_other_strategies_have_no_sliders_they_do_not_use(studio, strategy):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_page(s=made, strategy=strategy, lang="en")
    shown = any(slider.key == "w_quality.slider" for slider in app.slider)
    assert shown == (strategy == "facility_location")
