"""The checks section of Explore: without labels, with planted flaws, hostile names, both languages, filters."""

from __future__ import annotations

import io
from datetime import UTC

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages._ui import explore_audits_counts, explore_audits_detail, explore_audits_words, frame
from pages._ui import explore_audits_findings as shown
from studio.corpus.roles import Roles
from studio.records import Actor, Condition, Finding, conditions_from_text, conditions_to_text
from studio.store import references
from studio.words import t
from studio.workflows import audits, corpora, runs

ADMIN = Actor("tester", "admin")
LANGUAGES = ("en", "zh")


def _page():
    import streamlit

    from pages._ui import explore_audits, frame
    from studio.store import snapshots

    opened = frame.studio()
    explore_audits.render(opened, snapshots.require(opened.store, streamlit.query_params["s"]))


@pytest.fixture
def open_page(app_home):
    """Opens the section alone, without the router, over the test's workspace."""

    def open_(language: str = "en", **params: str) -> AppTest:
        app = AppTest.from_function(_page, default_timeout=60)
        for name, value in {"lang": language, **params}.items():
            app.query_params[name] = value
        app.session_state["frame.routed"] = True
        app.run()
        assert not app.exception, app.exception
        return app

    return open_


def _import(studio, text: str, **roles) -> str:
    file = corpora.spool(studio, ADMIN, name="c.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", **roles), name="c")
    assert runs.wait(studio, run_id, 60).state == "done"
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def _hostile(studio) -> str:
    """Group `<b>x</b>` has `[a](b)` as its label far too often, and hardly ever occurs."""
    rng = np.random.default_rng(0)
    rows = ["text,label,side"]
    for i in range(900):
        group = "<b>x</b>" if rng.random() < 0.2 else "*y*"
        label = "[a](b)" if rng.random() < (0.8 if group == "<b>x</b>" else 0.3) else "$c$"
        rows.append(f"message number {i} about thing {i * 7},{label},{group}")
    return _import(studio, "\n".join(rows), label="label", groups=("side",))


@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_come_first_and_names_of_the_corpus_stay_literal(language, open_page, studio):
    app = open_page(language, s=_hostile(studio))
    assert app.subheader[0].value == t("audit.section", lang=language)
    assert t("audit.intro", lang=language) in [caption.value for caption in app.caption]
    said = [markdown.value for markdown in app.markdown]
    assert any("\\[a\\]\\(b\\)" in line and "\\<b\\>x\\<" in line for line in said)
    assert not any("[a](b)" in line or "<b>x" in line for line in said)
    labels = [button.label for button in app.button]
    assert labels.count(t("audit.show_examples", lang=language)) >= 2


def test_every_check_opens_from_its_link(open_page, studio):
    snapshot_id = _hostile(studio)
    for name in audits.NAMES:
        app = open_page("zh", s=snapshot_id, audit=name)
        assert t(f"audit.about.{name}", lang="zh") in [caption.value for caption in app.caption]
    app = open_page("en", s=snapshot_id, audit="balance", al="visible")
    assert any("Visible labels only" in caption.value for caption in app.caption)
    moment = audits.report(studio, snapshot_id=snapshot_id, label_mode="visible").computed["balance"]
    said = t("audit.stored", time=f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}", lang="en")
    assert said in [caption.value for caption in app.caption]


def test_pairs_of_two_axes_with_the_same_names_can_both_be_chosen(monkeypatch):
    """Young / old of texts about age and of texts about anything else were one entry of the list."""
    seen = {}

    def pick(where, label, options, key, format_func=str, **_):
        seen.update({option: format_func(option) for option in options})
        return options[-1]

    monkeypatch.setattr(explore_audits_words.frame, "url_select", pick)
    monkeypatch.setattr(explore_audits_words, "_draw", lambda *_: None)
    monkeypatch.setattr(explore_audits_words.pictures, "beside", lambda own: seen.update(drawn=own["axis"].tolist()))
    rows = [("age", "old", "young", True), ("religion", "old", "young", False)]
    explore_audits_words.npmi(pd.DataFrame(rows, columns=["axis", "value", "other", "alarm"]))
    assert seen.pop("drawn") == ["religion"]
    assert list(seen) == ["age:old:young", "religion:old:young"] and len(set(seen.values())) == 2


def test_a_corpus_without_labels_or_groups_says_what_is_missing(open_page, studio):
    snapshot_id = _import(studio, "text\n" + "\n".join(f"some words {i} and {i * 3}" for i in range(40)))
    for language, name in (("en", "representation"), ("zh", "association"), ("en", "balance"), ("zh", "noise")):
        app = open_page(language, s=snapshot_id, audit=name, al="nonsense")
        assert app.info[0].value == t("audit.basis_none", lang=language)
        assert app.success[0].value == t("audit.nothing_found", lang=language)


def test_expected_shares_are_saved_and_used(open_page, studio):
    snapshot_id = _hostile(studio)
    app = open_page(s=snapshot_id)
    assert any("No expected shares" in caption.value for caption in app.caption)
    app.button(key="audit.ref.save").click()
    app.run()
    assert not app.exception, app.exception
    saved = references.shares(studio.store, snapshot_id)
    assert saved == {"side": {"*y*": 0.5, "<b>x</b>": 0.5}}
    app = open_page(s=snapshot_id)
    assert any("where 50.0% was expected" in line.value.replace("\\", "") for line in app.markdown)


def test_without_a_map_the_examples_of_a_finding_show_in_a_table(open_page, studio):
    snapshot_id = _hostile(studio)
    f = conditions_to_text((Condition("group_side", "eq", "<b>x</b>"), Condition("label_now", "eq", "[a](b)")))
    app = open_page(s=snapshot_id, f=f)
    rows = app.dataframe[0].value
    assert set(rows["group_side"]) == {"<b>x</b>"} and set(rows["label_now"]) == {"[a](b)"}
    app = open_page(s=snapshot_id, f='[["nonsense","eq",1]]')
    assert len(app.error) == 1
    assert open_page(s=snapshot_id, f="not json").error == []


def test_examples_are_found_by_visible_labels_and_few_ids():
    finding = Finding(audit="association", key="k", values={}, n=1, estimate=1.0,
                      examples=(Condition("group_g", "eq", "a"), Condition("label", "eq", "x")))  # fmt: skip
    clauses = shown.examples_filter(finding)
    assert [(c.column, c.value) for c in clauses] == [("group_g", "a"), ("label_now", "x")]
    assert conditions_from_text(conditions_to_text(clauses)) == clauses
    many = Finding(
        audit="duplicates", key="k", values={}, n=1, estimate=1.0, example_ids=tuple(range(10**6, 10**6 + 999))
    )
    assert len(conditions_to_text(shown.examples_filter(many))) < 1_500
    assert shown.examples_filter(Finding(audit="a", key="k", values={}, n=1, estimate=1.0)) == ()


def test_select_boxes_show_names_as_they_are(monkeypatch):
    """A select box does not render Markdown: an escaped name would show its backslashes."""
    shown = []
    monkeypatch.setattr(
        frame, "url_select", lambda *given, format_func: shown.extend(map(format_func, given[2])) or "a"
    )
    for module in (explore_audits_detail, explore_audits_counts):
        monkeypatch.setattr(module, "t", str)
        module._pick(pd.DataFrame({"attribute": ["age_band", "地区"], "alarm": False}), "attribute", "ag")
    assert shown == ["age_band", "地区"] * 2
