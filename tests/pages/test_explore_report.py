"""The report view of Explore: before and after the checks, its order, its acts, its file, both languages."""

from __future__ import annotations

import io

import numpy as np
import pytest

from studio.corpus.roles import Roles
from studio.records import Actor, Condition, Finding, conditions_from_text
from studio.reports import findings as said
from studio.reports.advice import _ADVICE, advice
from studio.store import audit_log
from studio.words import has, t
from studio.workflows import audits, corpora, report, runs
from tests.pages.app import open_app

ADMIN = Actor("tester", "admin")
LANGUAGES = ("en", "zh")


@pytest.fixture
def corpus(studio):
    """900 messages: "<b>x</b>" makes up a tenth where half is expected, and takes the label "[a](b)" far too often."""
    rng = np.random.default_rng(0)
    rows = ["text,label,side"]
    for i in range(900):
        side = "<b>x</b>" if rng.random() < 0.1 else "*y*"
        label = "[a](b)" if rng.random() < (0.85 if side == "<b>x</b>" else 0.3) else "$c$"
        rows.append(f"message number {i} about thing {i * 7},{label},{side}")
    file = corpora.spool(studio, ADMIN, name="c.csv", data=io.BytesIO("\n".join(rows).encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", label="label", groups=("side",)),
                                  name="Half *and* half")  # fmt: skip
    assert runs.wait(studio, run_id, 60).state == "done"
    snapshot_id = corpora.outcome(studio, run_id).snapshot.snapshot_id
    corpora.set_reference(studio, ADMIN, snapshot_id=snapshot_id, group="side", shares={"<b>x</b>": 0.5, "*y*": 0.5})
    return snapshot_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_checks_it_says_where_they_are(language, corpus):
    app = open_app("explore", language, s=corpus, view="report")
    assert [info.value for info in app.info] == [t("report.nothing_yet", lang=language)]
    assert t("report.go_checks", lang=language) in [button.label for button in app.main.button]


@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_come_by_their_near_end_with_an_act_each(language, studio, corpus):
    audits.run_audits(studio, ADMIN, snapshot_id=corpus)
    found = report.compose(studio, ADMIN, snapshot_id=corpus)
    ordered = said.by_urgency(found.alarms)
    keys = {finding.key for finding in ordered}
    assert {"audit.representation.under", "audit.association.more"} <= keys
    app = open_app("explore", language, s=corpus, view="report")
    assert app.subheader[0].value.startswith(t("report.verdict.some", lang=language, n=len(ordered),
                                               checks=found.n_audits, examples=900)[:3])  # fmt: skip
    cards = [block.value for block in app.main.markdown if block.value.startswith("**")]
    assert [card.split(" ")[0] for card in cards[: len(ordered)]] == [f"**{i + 1}**" for i in range(len(ordered))]
    assert not any("<b>x</b>" in card for card in cards), "names of the corpus stay literal"
    acts = {advice(finding).page for finding in ordered}
    assert {t(f"frame.nav.{page}", lang=language) for page in acts} <= {b.label for b in app.main.button}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_holds_the_findings_and_leaves_an_entry_in_the_audit_log(language, studio, corpus):
    audits.run_audits(studio, ADMIN, snapshot_id=corpus)
    text = report.write(studio, ADMIN, snapshot_id=corpus, lang=language)
    found = report.compose(studio, ADMIN, snapshot_id=corpus, lang=language)
    assert f'<html lang="{language}">' in text and "<script" not in text and "<b>x" not in text
    assert text.count("<li>") == len(found.alarms)
    assert "message number 1 " not in text, "no texts of the corpus"
    assert audit_log.latest(studio.store)["act"].iloc[0] == "report.write"


OWN = (Condition("label", "eq", "x"),)


def finding(key, unit="share", ids=(), examples=OWN, **values):
    audit = key.split(".")[1]
    return Finding(audit, key, values, 900, 0.2, unit=unit, alarm=True, example_ids=ids, examples=examples)


def test_dropping_copies_opens_prepare_with_that_step_in_its_list(corpus):
    for kind in ("near", "exact", "conflict"):
        act = advice(finding(f"audit.duplicates.{kind}"))
        app = open_app(act.page, s=corpus, **act.params)
        shown = " ".join(str(element.value) for element in (*app.main.markdown, *app.main.subheader))
        shown += " ".join(button.label for button in app.main.button)
        assert t(f"clean.step.{kind}") in shown, kind


def test_splitting_keeps_the_mix_of_label_and_group(corpus):
    act = advice(finding("audit.association.more", attribute="side", value="*y*", label="$c$"))
    app = open_app(act.page, s=corpus, **act.params)
    assert app.multiselect(key="split.strata").value == ["label", "group_side"]


def test_a_source_that_goes_with_the_label_opens_a_split_that_holds_sources_together(corpus):
    act = advice(finding("audit_counts.confounds.tied_label_source"))
    assert act.params["together"] == "source"
    app = open_app(act.page, s=corpus, **(act.params | {"together": "group_side"}))  # this corpus has one source only
    assert app.segmented_control(key="how.box").value == "grouped"
    assert app.multiselect(key="split.together").value == ["group_side"]


def test_every_act_of_the_table_is_a_real_one():
    """Each entry answers a sentence of the catalogue, opens a page of the menu and can be said in both languages."""
    rooms = ("audit", "audit_counts", "audit_words")
    for key, (sentence, page, _) in _ADVICE.items():
        assert any(has(f"{room}.{key}") or has(f"{room}.{key}_woman") for room in rooms), key
        assert has(f"report.advice.{sentence}") and has(f"frame.nav.{page}"), key


def test_collecting_opens_the_search_of_the_workspace(corpus):
    act = advice(finding("audit.representation.under", attribute="side", value="<b>x</b>", expected=0.5))
    app = open_app(act.page, s=corpus, **act.params)
    assert app.segmented_control(key="way.box").value == "here"


def test_a_word_and_named_examples_open_as_filters():
    own = (Condition("text", "contains", "hello"), Condition("label", "eq", "$c$"))
    word = advice(finding("audit.shortcuts.filler", word="hello", label="$c$", examples=own))
    assert conditions_from_text(word.params["f"]) == (
        Condition("text", "contains", "hello"), Condition("label_now", "eq", "$c$")
    )  # fmt: skip
    named = advice(finding("audit.noise.suspects", ids=(3, 9)))
    assert conditions_from_text(named.params["f"]) == (Condition("example_id", "in", [3, 9]),)


def test_a_group_over_its_share_is_capped_at_what_was_expected():
    act = advice(finding("audit.representation.over", attribute="side", value="*y*", expected=0.3))
    assert (act.page, dict(act.params)) == ("select", {"cap_column": "group_side", "cap_group": "30"})
