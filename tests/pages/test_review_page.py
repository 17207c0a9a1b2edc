"""The Review page in every state and both languages: list, one proposal, two side by side, the form, who may what."""

from __future__ import annotations

from functools import partial

import pytest

from pages._ui import frame
from pages._ui.words import plain
from studio.records import Actor
from studio.selection.recipe import Recipe
from studio.store import labels, proposals, selections
from studio.words import t
from studio.workflows import annotate, select
from studio.workflows import proposals as acts
from tests.pages.app import open_app
from tests.pages.test_every_page import BARE_KEY, FIELD, said
from tests.workflows import small_corpus
from tests.workflows.test_select import TARGETS, w

LANGUAGES = ("en", "zh")
ANN, BEN = Actor("Ann", "analyst"), Actor("Ben", "reviewer")
EVIL = "<script>alert(1)</script> **b** [x](javascript:alert(1)) 🙂 中文 \x00"
open_page = partial(open_app, "review")


def buttons(app) -> list[str]:
    return [button.label for button in app.main.button]


def boxes(app) -> list[str]:
    return [box.value for kind in ("info", "warning", "success", "error") for box in app.get(kind)]


def check(app, lang):
    texts = said(app)
    assert not [text for text in texts if BARE_KEY.search(text) or FIELD.search(text)]
    assert not [text for text in texts if "<script>" in text and "\\<script" not in text
                and text not in [e.value for e in app.text]]  # fmt: skip


def name_is(app, name: str) -> None:
    """Type a name into the sidebar; AppTest draws only the page itself after its first run."""
    app.session_state["who"] = name
    app.run()


def act_as(monkeypatch, name: str, role: str = "admin") -> None:
    monkeypatch.setattr(frame, "current_user", lambda: Actor(name, role))


@pytest.fixture
def made(studio, scored_snapshot):
    return scored_snapshot


def freeze(studio, made, selection_id="sel", budget=30) -> str:
    recipe = Recipe(weights=w(40, 30, 0, 30), budget=budget)
    return select.freeze(studio, ANN, snapshot_id=made, name=f"batch {EVIL}", recipe=recipe, targets=TARGETS,
                         selection_id=selection_id)  # fmt: skip


@pytest.fixture
def proposed(studio, made):
    freeze(studio, made)
    acts.propose(studio, ANN, selection_id="sel", proposal_id="p1", name=f"first {EVIL}", purpose=EVIL,
                 known_limits=EVIL)  # fmt: skip
    return made


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_proposal_it_says_what_comes_next(studio, made, lang):
    app = open_page(lang, s=made)
    assert t("review.go_select", lang=lang) in buttons(app)
    freeze(studio, made)
    app = open_page(lang, s=made)
    check(app, lang)
    assert t("review.propose.new", lang=lang) in buttons(app)
    app.main.button(key="review.new").click().run()
    check(app, lang)
    assert app.header[0].value == t("review.propose.title", lang=lang)
    assert t("review.propose.needs_name", lang=lang) in boxes(app)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_form_makes_a_proposal_and_opens_it(studio, made, lang):
    freeze(studio, made)
    app = open_page(lang, s=made, propose="sel")
    fields = {box.label: box for box in (*app.main.text_input, *app.main.text_area)}
    fields[t("review.propose.name", lang=lang)].set_value(EVIL)
    send = next(b for b in app.main.button if b.label == t("review.propose.button", lang=lang))
    send.click()
    app.run()
    said = {
        "en": "A proposal and a decision on one carry a name",
        "zh": "提案和对提案的决定都要署名，但还没有填写姓名",
    }[lang]
    assert [box.value.startswith(said) for box in app.error] == [True], "no name in the browser: a clear error"
    assert proposals.of_selection(studio.store, "sel") == []
    name_is(app, "Ann")
    fields = {box.label: box for box in (*app.main.text_input, *app.main.text_area)}
    fields[t("review.propose.name", lang=lang)].set_value(EVIL)
    fields[t("review.propose.purpose", lang=lang)].set_value("why\nnot")
    next(b for b in app.main.button if b.label == t("review.propose.button", lang=lang)).click()
    app.run()
    assert not app.exception
    (found,) = proposals.of_selection(studio.store, "sel")
    assert (found.created_by, found.state, found.purpose) == ("Ann", "waiting", "why\nnot")
    assert app.query_params["proposal"] == found.proposal_id
    check(app, lang)
    assert t("review.decide.own", lang=lang) in boxes(app), "the proposer cannot decide"
    name_is(app, "Ben")
    assert t("review.decide.own", lang=lang) in boxes(app), "another name typed in the same tab is the same person"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_another_person_comments_and_decides(studio, proposed, lang):
    app = open_page(lang, s=proposed)
    assert any("\\<script\\>" in m.value for m in app.markdown)
    app.main.button(key="open_p1").click().run()
    check(app, lang)
    assert t("review.decide.needs_name", lang=lang) in boxes(app)
    name_is(app, "Ben")
    check(app, lang)
    area = next(a for a in app.main.text_area if a.label == t("review.talk.placeholder", lang=lang))
    area.set_value(EVIL)
    next(b for b in app.main.button if b.label == t("review.talk.button", lang=lang)).click()
    app.run()
    assert EVIL.replace("\x00", "").strip() in [e.value.strip() for e in app.text]
    app.main.radio[0].set_value("changes")
    next(b for b in app.main.button if b.label == t("review.decide.button", lang=lang)).click()
    app.run()
    said = {"en": "A decision against a proposal needs a reason", "zh": "不批准提案需要理由"}[lang]
    assert [box.value.startswith(said) for box in app.error] == [True]
    assert proposals.get(studio.store, "p1").state == "waiting"
    app.main.radio[0].set_value("approve")
    next(b for b in app.main.button if b.label == t("review.decide.button", lang=lang)).click()
    app.run()
    check(app, lang)
    assert proposals.get(studio.store, "p1").state == "approved"
    assert not app.main.radio and t("review.decide.new_version", lang=lang) in buttons(app)


def test_of_two_tabs_that_decide_one_is_told(studio, proposed, monkeypatch):
    act_as(monkeypatch, "Ben")
    first, second = (open_page("en", s=proposed, proposal="p1") for _ in range(2))
    for app, verdict in ((first, "approve"), (second, "approve")):
        app.main.radio[0].set_value(verdict)
        next(b for b in app.main.button if b.label == t("review.decide.button", lang="en")).click()
        app.run()
        assert not app.exception
    assert not first.error
    assert "has been decided already" in second.error[0].value and "Ben" in second.error[0].value
    assert len(proposals.decisions(studio.store, "p1")) == 1
    assert t("proposal.approved_unverified", lang="en") in second.main.markdown[0].value
    assert any(t("proposal.unverified_decision", lang="en") in caption.value for caption in second.main.caption)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("role", ["viewer", "annotator", "reviewer"])
def test_each_role_sees_what_it_may_do(studio, proposed, monkeypatch, lang, role):
    act_as(monkeypatch, "Vic", role)
    app = open_page(lang, s=proposed, proposal="p1")
    check(app, lang)
    assert bool([a for a in app.main.text_area if a.label == t("review.talk.placeholder", lang=lang)]) == (
        role != "viewer"
    )
    assert bool(app.main.radio) == (role == "reviewer")
    app = open_page(lang, s=proposed)
    assert t("review.propose.new", lang=lang) not in buttons(app)
    app = open_page(lang, s=proposed, propose="sel")
    assert t("review.propose.role", lang=lang) in boxes(app)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("state", ["approved", "changes", "rejected", "withdrawn", "stale"])
def test_every_state_is_shown_with_who_and_when(studio, proposed, monkeypatch, lang, state):
    verdicts = {"approved": "approve", "changes": "changes", "rejected": "reject"}
    if state in verdicts:
        acts.decide(studio, BEN, proposal_id="p1", verdict=verdicts[state], note=EVIL)
    elif state == "withdrawn":
        acts.withdraw(studio, ANN, proposal_id="p1")
    else:
        small_corpus.freeze(studio.store, proposed, labels.pool_left(studio.store, proposed)[:9], selection_id="other")
        annotate.simulate_rest(studio, ANN, selection_id="other")
        annotate.simulate_rest(studio, ANN, selection_id="sel")
    act_as(monkeypatch, "Cai")
    app = open_page(lang, s=proposed, proposal="p1")
    check(app, lang)
    if state == "stale":
        assert any(t("proposal.stale_title", lang=lang) in box for box in boxes(app))
        assert app.main.radio[0].options == [
            t("review.decide.changes", lang=lang),
            t("review.decide.reject", lang=lang),
        ]
        assert t("review.hangs.queue", lang=lang, labelled=30, n=30) in [c.value for c in app.caption]
    else:
        assert not app.main.radio
        did = {"withdrawn": "withdraw"} | verdicts
        name = "Ann" if state == "withdrawn" else "Ben"
        assert any(t(f"proposal.did.{did[state]}", lang=lang) in box and name in box for box in boxes(app))
        listed = open_page(lang, s=proposed)
        assert any(t(f"proposal.state.{state}", lang=lang) in m.value for m in listed.markdown)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_to_read_shows_everything_and_no_form(studio, proposed, lang):
    app = open_page(lang, s=proposed, proposal="p1", read="1")
    check(app, lang)
    assert not app.main.radio and not app.main.text_area
    name_is(app, "Ben")
    assert not app.main.radio and not app.main.text_area
    app.main.button(key="review.leave").click().run()
    assert app.main.radio and app.main.text_area


def test_a_link_takes_its_corpus_along_and_an_unknown_one_is_said(studio, proposed):
    other = small_corpus.make(studio.store, n=60, seed=5)
    app = open_page("en", s=other, proposal="p1")
    assert app.query_params["s"] == proposed and "first" in app.header[0].value
    app = open_page("en", s=proposed, proposal="<b>nope")
    assert t("review.unknown", lang="en") in boxes(app) and app.header[0].value == t("review.title", lang="en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_two_side_by_side(studio, proposed, lang):
    freeze(studio, proposed, "sel2", budget=20)
    acts.propose(studio, Actor("Dee", "analyst"), selection_id="sel2", proposal_id="p2", name="second", purpose="less")
    acts.decide(studio, BEN, proposal_id="p1", verdict="approve", note="")
    app = open_page(lang, **{"s": proposed, "proposal": "p1", "with": "p2"})
    check(app, lang)
    # the same recipe with less room: the 20 are the first of the 30
    assert t("review.compare.both", lang=lang, both=20, a=10, b=0) in [s.value for s in app.subheader]
    table = next(one.value for one in app.markdown if one.value.startswith("|"))
    facts = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.split("\n")]
    assert facts[4][1:] == ("30", "20")  # after the head and its rule: state, how, examples
    weights = {row[0]: row[1:] for row in facts}
    assert facts[2][1:] == (plain(t("proposal.approved_unverified", lang=lang)), t("proposal.state.waiting", lang=lang))
    assert all(
        "95" in cell for cell in weights[plain(t("review.compare.distance", lang=lang))]
    )  # the band of the draws
    assert weights[plain(t("review.compare.weight", lang=lang, view=t("select.view.relevance", lang=lang)))] == (
        "40",
        "40",
    )
    assert t("review.compare.how", lang=lang) in [s.value for s in app.subheader]
    told = "\n".join(one.value for one in app.markdown)
    assert (
        told.count("30") and plain(t("proposal.recipe.alpha", lang=lang, even="0.5")) not in told
    )  # only what differs
    only = app.dataframe[1].value
    assert set(only.iloc[:, 0]) == set(selections.ids(studio.store, "sel").tolist()[20:])
    assert set(only.iloc[:, 3]) == {t("select.reason.over_budget", lang=lang)}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_new_version_follows_the_one_that_was_sent_back(studio, proposed, monkeypatch, lang):
    acts.decide(studio, BEN, proposal_id="p1", verdict="changes", note="shorter")
    freeze(studio, proposed, "sel2", budget=20)
    act_as(monkeypatch, "Ann")
    app = open_page(lang, s=proposed, proposal="p1")
    app.main.button(key="review.again").click().run()
    fields = {box.label: box for box in (*app.main.text_input, *app.main.text_area)}
    fields[t("review.propose.name", lang=lang)].set_value("second")
    fields[t("review.propose.purpose", lang=lang)].set_value("shorter")
    next(b for b in app.main.button if b.label == t("review.propose.button", lang=lang)).click()
    app.run()
    check(app, lang)
    (second, first) = proposals.of_corpus(studio.store, proposals.get(studio.store, "p1").corpus_id)
    assert (second.previous_id, first.next_id, second.selection_id) == ("p1", second.proposal_id, "sel2")
    app.main.button(key="review.previous").click().run()
    assert app.query_params["proposal"] == "p1"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_proposal_outlives_its_selection(studio, proposed, lang):
    studio.store.rows("DELETE FROM selection")
    app = open_page(lang, s=proposed, proposal="p1")
    check(app, lang)
    assert any(t("proposal.stale.no_selection", lang=lang).rstrip("。.") in box.replace("\\", "") for box in boxes(app))


def test_a_link_to_a_selection_that_is_gone_says_so_before_another_is_proposed(studio, proposed):
    app = open_page("en", s=proposed, propose="gone")
    assert t("review.propose.unknown", lang="en") in boxes(app)
    assert t("review.propose.unknown", lang="en") not in boxes(open_page("en", s=proposed, propose="sel"))
