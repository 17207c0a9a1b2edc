"""What the Select page says about a choice: the sentence first, why one example, who changed, the view of effects."""

from __future__ import annotations

from functools import partial

import pytest

from studio.selection.recipe import Recipe
from studio.words import t
from studio.workflows import annotate, select
from tests.pages.app import open_app
from tests.workflows.test_select import ANALYST, w

LANGUAGES = ("en", "zh")
open_page = partial(open_app, "select")


@pytest.fixture
def made(studio, scored_snapshot):
    return scored_snapshot


def said(app) -> list[str]:
    return [one.value for kind in (app.markdown, app.caption, app.info, app.success, app.warning) for one in kind]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_sentence_stands_first(made, lang):
    app = open_page(lang=lang, s=made, budget="12")
    sentence = next(text for text in said(app) if text.startswith("##### "))
    assert t("verdict.proof.untested", lang=lang) in sentence
    for _ in range(40):  # the comparison of variety goes on in a thread
        if t("verdict.variety.pending", lang=lang) not in sentence:
            break
        app.run()
        sentence = next(text for text in said(app) if text.startswith("##### "))
    assert t("verdict.variety.pending", lang=lang) not in sentence
    assert not app.exception


def test_the_example_of_a_link_is_explained_and_its_neighbour_leads_on(made):
    app = open_page(s=made, budget="12")
    first = app.number_input(key="example").value
    leads = next(b for b in app.button if b.key == "why_neighbour")
    assert leads.label.startswith("Why number ")
    leads.click().run()
    assert not app.exception
    now = app.number_input(key="example").value
    assert now != first and leads.label == t("why.look", lang="en", id=now)
    linked = open_page(s=made, budget="12", example=str(now))
    assert linked.number_input(key="example").value == now
    out = open_page(s=made, budget="12", example="999999")
    assert any("999999" in text for text in said(out))
    assert open_page(s=made, budget="12", example="x' --").number_input(key="example").value == first


@pytest.mark.parametrize("lang", LANGUAGES)
def test_any_saved_selection_can_be_compared_with(studio, made, lang):
    for number, weights in enumerate((w(100, 0, 0, 0), w(0, 0, 0, 100))):
        select.freeze(studio, ANALYST, snapshot_id=made, name=f"batch {number}", selection_id=f"s{number}",
                      recipe=Recipe(weights=weights, budget=8))  # fmt: skip
    app = open_page(lang=lang, s=made, budget="12")
    assert any("batch 1" in box.label for box in app.expander)
    app = open_page(lang=lang, s=made, budget="12", vs="s0")
    assert any("batch 0" in box.label for box in app.expander)
    app.toggle(key="versus_say_s0").set_value(True).run()
    assert not app.exception
    assert any("batch 0" in text and t("verdict.proof.untested", lang=lang) in text for text in said(app))


@pytest.mark.parametrize("strategy", ["random", "longest"])
def test_other_ways_of_choosing_name_the_reason_and_the_neighbour(made, strategy):
    app = open_page(s=made, budget="12", strategy=strategy)
    assert t("why.other_strategy", lang="en") in said(app)
    assert any(b.key == "why_neighbour" for b in app.button)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_view_of_effects_has_the_funnel_and_the_stability_of_now(made, lang):
    app = open_page(lang=lang, s=made, strategy="weighted_sum", budget="12", view="effects")
    heads = [one.value for one in app.subheader]
    assert t("effects.funnel.title", lang=lang) in heads and t("effects.stability.title", lang=lang) in heads
    for _ in range(60):
        if any(t("effects.stability.moves", lang=lang) in text for text in said(app)):
            break
        app.run()
    assert not app.exception
    assert any(t("effects.stability.moves", lang=lang) in text for text in said(app))
    chosen = next(m for m in app.metric if m.label == t("effects.step.selected", lang=lang))
    assert chosen.value == "12"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_view_of_effects_follows_a_saved_selection_to_the_train_set(studio, made, lang):
    recipe = Recipe(weights=w(34, 33, 0, 33), budget=30)
    select.freeze(studio, ANALYST, snapshot_id=made, name="*batch*", selection_id="s0", recipe=recipe)
    annotate.simulate_rest(studio, ANALYST, selection_id="s0")
    app = open_page(lang=lang, s=made, view="effects", of="s0", fby="label")
    assert not app.exception
    assert [m.label for m in app.metric] == [t(f"effects.step.{name}", lang=lang) for name in
                                             ("pool", "filtered", "selected", "annotated", "train")]  # fmt: skip
    assert [m.value for m in app.metric][2:4] == ["30", "30"]
    assert t("effects.funnel.labels", lang=lang) in said(app)


def test_other_ways_of_choosing_have_a_funnel_and_no_map(made):
    app = open_page(s=made, budget="12", view="effects", strategy="random")
    assert t("effects.stability.only_weighted", lang="en") in said(app) and not app.exception


@pytest.mark.parametrize("lang", LANGUAGES)
def test_audits_against_draws_and_the_cost(made, lang):
    app = open_page(lang=lang, s=made, budget="12", view="effects", f="x")
    for _ in range(80):
        if any(t("effects.audits.verdict_within", lang=lang) in text for one in app.dataframe
               for text in one.value.astype(str).to_numpy().ravel()):  # fmt: skip
            break
        app.run()
    assert not app.exception
    assert any(t("effects.audits.name.length", lang=lang) in text for one in app.dataframe
               for text in one.value.astype(str).to_numpy().ravel())  # fmt: skip
    assert t("effects.cost.unknown", lang=lang, n=0) in said(app)
