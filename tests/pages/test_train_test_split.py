"""The test split on the Train page: what lets it be opened, the way to an approval, a reason, and the mark after it."""

from __future__ import annotations

import pytest

from studio.words import t
from studio.workflows import openings
from tests.pages.app import open_app
from tests.workflows import approved_round
from tests.workflows.approved_round import ANN


def said(app) -> str:
    every = [*app.text, *app.caption, *app.info, *app.error, *app.markdown]
    return "\n".join(str(element.value) for element in every).replace("\\", "")


def keys(app) -> list[str]:
    return [button.key for button in app.button]


def primary(app, key: str) -> bool:
    return next(button for button in app.button if button.key == key).proto.type == "primary"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_an_approval_it_leads_to_review_and_takes_a_reason(studio, lang):
    snapshot_id = approved_round.make(studio)
    app = open_app("train", lang, s=snapshot_id, round="r1")
    assert t("opening.no_proposal", lang=lang, selection="sel") in said(app)
    assert primary(app, "opening.propose") and "open_test" not in keys(app)
    next(box for box in app.text_area if box.label == t("opening.why", lang=lang)).set_value("<b>alone</b> 独自 🙂")
    press = [b for b in app.button if b.label == t("round.test_open", lang=lang)]
    press[0].click().run()
    # nobody has said who they are: the words stay in the field
    assert t("opening.needs_name", lang=lang) in said(app)
    assert openings.rounds.require(studio.store, "r1").test_openings == 0
    app.session_state["who"] = "Mei"
    app.run()
    [b for b in app.button if b.label == t("round.test_open", lang=lang)][0].click().run()
    found = openings.rounds.require(studio.store, "r1")
    assert found.test_openings == 1
    shown = said(app)
    assert openings.told(studio, "r1", lang=lang) in shown and "<b>alone</b> 独自 🙂" in shown and "Mei" in shown


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_approval_lets_it_be_opened_by_one_press_and_the_next_round_is_told(studio, lang):
    snapshot_id = approved_round.make(studio)
    approved_round.propose(studio, snapshot_id, approve=False)
    app = open_app("train", lang, s=snapshot_id, round="r1")
    assert t("opening.waiting", lang=lang, selection="sel", proposal="first batch") in said(app)
    assert primary(app, "opening.proposal")
    approved_round.decide(studio, "p-sel", "approve")
    approved_round.another(studio, "r2")
    app = open_app("train", lang, s=snapshot_id, round="r1")
    app.button(key="open_test").click().run()
    assert openings.told(studio, "r1", lang=lang) in said(app)
    app = open_app("train", lang, s=snapshot_id, round="r2")
    assert t("opening.spent", lang=lang, selection="sel", number=1) in said(app)
    assert "open_test" not in keys(app) and not primary(app, "opening.proposal")
    openings.open_test(studio, ANN, round_id="r2", why="a bug")
    app = open_app("train", lang, s=snapshot_id, round="r2", ep="test")
    assert said(app).count(openings.told(studio, "r2", lang=lang)) == 2, "at the figure and at the errors by group"
