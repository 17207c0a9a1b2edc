"""The finer controls of the Select page by link: what they ask for is what is chosen, in both languages."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from studio.records import Condition
from studio.selection.recipe import Recipe, recipe_hash
from studio.store import examples, references
from studio.words import t
from studio.workflows import select, select_apply, select_scores
from tests.pages.app import open_app

LANGUAGES = ("en", "zh")
open_page = partial(open_app, "select")


@pytest.fixture
def made(studio, scored_snapshot):
    return scored_snapshot


@pytest.fixture
def asked(monkeypatch) -> list[Recipe]:
    """The recipes the page asked for, in order."""
    recipes, real = [], select.choose_from

    def choose_from(studio, snapshot_id, recipe, state_):
        recipes.append(recipe)
        return real(studio, snapshot_id, recipe, state_)

    monkeypatch.setattr(select, "choose_from", choose_from)
    return recipes


def state(studio, made):
    return select_scores.state(studio, made)


DEFAULT = {"weights": {"relevance": 34, "diversity": 33, "difficulty": 0, "quality": 33}, "alpha": 0.5}


@pytest.mark.parametrize(
    ("link", "fields"),
    [
        ({}, {}),
        ({"scale": "z"}, {"scale": "z"}),
        ({"aim": "quality", "aim_quality": "0.6"}, {"bands": {"quality": 0.6}}),
        ({"cap": ["cluster", "group_gender"], "cap_cluster": "25", "cap_group_gender": "60"},
         {"caps": {"cluster": 10, "group_gender": 24}}),
        ({"cap_cluster": "25", "cap_column": "group_gender", "cap_group": "60"},  # a link of before
         {"caps": {"cluster": 10, "group_gender": 24}}),
        ({"share": "group_gender", "even_group_gender": "1.0"}, {"quotas": {"group_gender": 0.0}}),
        ({"only": "group_gender", "only_group_gender": "f"}, {"filters": (Condition("group_gender", "in", ["f"]),)}),
        ({"only": "characters", "only_from": "20"}, {"filters": (Condition("characters", "ge", 20),)}),
        ({"hold": "fluency", "best_fluency": "30"}, {"best": {"fluency": 30.0}}),
        ({"hold": "fluency", "way_fluency": "bound", "bound_fluency": "-2.5"}, {"bounds": {"fluency": -2.5}}),
        ({"hold": "fluency", "way_fluency": "bound"}, {}),
        ({"apart": "true", "tau": "0.8"}, {"tau": 0.8}),
        ({"scale": "nope", "aim": "x", "cap": "label", "only": "text", "hold": "y", "share": "cluster"}, {}),
    ],
)  # fmt: skip
def test_a_link_is_the_recipe_it_says(studio, made, asked, link, fields):
    app = open_page(s=made, budget="40", strategy="weighted_sum", **link)
    assert not app.exception
    wanted = Recipe(budget=40, **{**DEFAULT, **fields})
    assert asked[-1].to_json() == wanted.to_json()


def test_limits_are_there_for_every_way_of_choosing(studio, made, asked):
    """The proposed first batch spreads over clusters only when asked to; its limits are those of the link."""
    app = open_page(s=made, budget="40", cap="cluster", cap_cluster="25")
    assert asked[-1].strategy == "k_center" and asked[-1].alpha is None and asked[-1].caps == {"cluster": 10}
    choice = select.choose_from(studio, made, asked[-1], state(studio, made))
    assert choice.pool.matrix.counts("cluster", choice.rows).max() == 10 and not app.exception
    open_page(s=made, budget="40", spread="true", apart="true", tau="0.8", strategy="mmr")
    assert (asked[-1].alpha, asked[-1].tau) == (0.5, 0.8)


def test_measures_can_be_weighed_inside_a_view(studio, made, asked):
    open_page(s=made, budget="40", in_quality=["fluency", "rule_quality"], m_fluency="3", in_diversity="cluster_rarity")
    assert asked[-1].inner == {"fluency": 3.0, "rule_quality": 1.0, "cluster_rarity": 1.0}
    choice = select.choose_from(studio, made, asked[-1], state(studio, made))
    assert choice.pool.inner["quality"] == {"fluency": 3.0, "rule_quality": 1.0}
    assert choice.pool.inner["diversity"] == {"cluster_rarity": 1.0}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_limits_that_leave_too_few_say_which_and_what_helps(studio, made, lang):
    app = open_page(
        s=made, lang=lang, strategy="weighted_sum", budget="100", even="false", cap="cluster", cap_cluster="5"
    )
    (said,) = [box.value for box in app.warning if "100" in box.value]
    choice = select.choose_from(studio, made, Recipe(budget=100, caps={"cluster": 5}), state(studio, made))
    clusters = int((choice.pool.matrix.counts("cluster") > 0).sum())
    assert str(5 * clusters) in said
    assert t("choose.short.cap", lang=lang, column=t("select.groups.cluster", lang=lang)) in said


def test_a_reference_is_a_target_and_what_it_cannot_get_is_said(studio, made):
    references.set_shares(studio.store, made, "gender", {"f": 0.5, "m": 0.25, "x": 0.25}, by="me")
    app = open_page(s=made, lang="en", strategy="weighted_sum", budget="40", even="false", share="group_gender")
    assert any("10 of “x”" in box.value for box in app.info)
    targets = {"group_gender": {"f": 0.5, "m": 0.25, "x": 0.25}}
    choice = select.choose_from(studio, made, Recipe(budget=40, targets=targets), state(studio, made))
    counts = dict(
        zip(
            choice.pool.matrix.keys["group_gender"],
            choice.pool.matrix.counts("group_gender", choice.rows)[1:],
            strict=True,
        )
    )
    assert counts == {"f": 27, "m": 13}  # 2 to 1


def test_filters_keep_out_and_say_how_many(studio, made):
    app = open_page(s=made, lang="en", budget="40", only="group_gender", only_group_gender="f")
    choice = select.choose_from(
        studio, made, Recipe(budget=40, filters=(Condition("group_gender", "in", ["f"]),)), state(studio, made)
    )
    genders = examples.by_ids(studio.store, made, choice.ids, ["example_id", "group_gender"])["group_gender"]
    assert set(genders) == {"f"} and len(choice.ids) == 40
    assert any(f"{choice.n_barred:,} of {choice.n_pool:,}" in box.value for box in app.info)
    out = int(choice.pool.matrix.ids[np.flatnonzero(choice.pool.matrix.barred)[0]])
    assert select.why_not(choice, [out]) == ["filter:group_gender"]


def test_a_link_made_under_other_settings_says_so(studio, made, asked):
    assert any(
        t("choose.own.changed", lang="en") in box.value for box in open_page(s=made, lang="en", r="0" * 12).warning
    )
    open_page(s=made, lang="en")
    again = open_page(s=made, lang="en", r=recipe_hash(asked[-1], made))
    assert not any(t("choose.own.changed", lang="en") in box.value for box in again.warning)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_large_choice_waits_for_a_press(studio, made, lang, monkeypatch):
    monkeypatch.setattr(select_apply, "LIVE_UP_TO", 10)
    app = open_page(s=made, lang=lang, strategy="mmr", budget="20")
    button = next(b for b in app.button if b.label == t("choose.apply.button", lang=lang))
    assert not app.metric
    button.click().run()
    assert not app.exception and [m.value for m in app.metric][0] == "20"


def test_strategies_have_their_own_controls(studio, made):
    assert any(slider.key == "balance" for slider in open_page(s=made, strategy="mmr").slider)
    app = open_page(s=made, strategy="margin")
    assert not app.exception  # not offered without a probe: the first strategy stands in


ZERO = {"w_relevance": "0", "w_diversity": "0", "w_difficulty": "0", "w_quality": "0"}


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (ZERO, ("odd_weights",)),
        (ZERO | {"w_quality": "much"}, ("odd_weights",)),
        ({"w_relevance": "nan"}, ("odd_weights",)),
        (ZERO | {"w_quality": "100"}, ()),
        ({"w_relevance": "0"}, ()),
        ({"budget": "0"}, ("odd_budget",)),
        ({"budget": "-5"}, ("odd_budget",)),
        ({"budget": "99999999999999999999"}, ("odd_budget",)),
        ({"budget": "ten", **ZERO}, ("odd_weights", "odd_budget")),
        ({"budget": "1000000"}, ()),
    ],
)
def test_a_link_that_asks_for_what_cannot_be_says_so_until_a_person_changes_it(made, link, said):
    app = open_page(s=made, lang="en", strategy="weighted_sum", **link)
    asked_for = " / ".join(link[name] for name in ZERO if name in link)
    whole = {
        "odd_weights": t("choose.own.odd_weights", lang="en", asked=asked_for, used="100", most="1,000,000"),
        "odd_budget": t("choose.own.odd_budget", lang="en", asked=link.get("budget", ""), used="100", most="1,000,000"),
    }
    assert not app.exception
    assert {box.value.replace("\\", "") for box in app.warning} & set(whole.values()) == {whole[name] for name in said}
    app.run()
    assert len([box for box in app.warning if "The link asks" in box.value]) == len(said)
    if "odd_budget" in said:
        app.number_input(key="budget").set_value(7).run()
        assert not any("examples. Between" in box.value for box in app.warning)
