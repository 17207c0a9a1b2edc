"""Split and Versions of the Prepare page: fresh corpus, leaks, decisions, a second version, the card."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.store import rounds, snapshots, splits
from studio.words import t
from studio.workflows import versions
from tests.conftest import ROOT
from tests.workflows import small_corpus, test_splits, test_versions

LANGUAGES = ("en", "zh")


@pytest.fixture
def studio(workspace, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(workspace.root))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()
    yield frame._open(str(workspace.root))
    st.cache_resource.clear()


def open_page(lang: str = "en", **params: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in {"lang": lang, **params}.items():
        app.query_params[name] = value
    app.switch_page("pages/prepare.py")
    app.run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, key: str, lang: str, number: int = 0) -> AppTest:
    [button for button in app.button if button.label == t(key, lang=lang)][number].click().run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    kinds = ("subheader", "caption", "markdown", "info", "warning", "error", "success", "text", "code")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind)).replace("\\", "")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_leaks_are_shown_and_mended_in_two_presses(studio, lang):
    snapshot_id = test_splits._copies(studio.store)
    app = open_page(lang, s=snapshot_id, part="split", leak="near.pool.test")
    assert [metric.value for metric in app.metric] == ["20", "5", "15"]
    assert t("split.leaks_some", lang=lang, n=4) in said(app)
    assert t("split.leaks_no_vectors", lang=lang) in said(app)
    assert "please" in said(app) and t("split.label_hidden", lang=lang) in said(app)
    press(app, "split.mend", lang)
    assert t("split.would_move", lang=lang, n=2, all=40) in said(app)
    press(app, "split.put", lang)
    assert t("split.put_done", lang=lang) in said(app) and t("split.leaks_none", lang=lang) in said(app)
    assert splits.history(studio.store, snapshot_id)[0]["method"] == "mended"
    press(app, "split.restore", lang)
    press(app, "split.put", lang)
    assert t("split.leaks_some", lang=lang, n=4) in said(app)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_way_to_split_is_offered_or_says_what_it_lacks(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=60)
    for how, line in (("stratified", "split.see"), ("grouped", "split.see"), ("time", "split.why_time"),
                      ("imported", "split.why_imported"), ("random", "split.see")):  # fmt: skip
        app = open_page(lang, s=snapshot_id, part="split", how=how)
        if line == "split.see":
            press(app, "split.see", lang)
            assert t("split.would", lang=lang) in said(app)
            assert not app.error
        else:
            assert t(line, lang=lang) in said(app)
            assert t("split.see", lang=lang) not in [button.label for button in app.button]
    app.number_input(key="split.share.pool").set_value(75).run()
    assert t("split.sum_wrong", lang=lang, sum=105) in said(app)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_opened_test_split_needs_a_tick(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=100)
    test_splits._round(studio.store, snapshot_id, 2)
    assert rounds.test_openings(studio.store, snapshot_id) == 2
    app = open_page(lang, s=snapshot_id, part="split", how="stratified")
    press(app, "split.see", lang)
    assert len(app.error) == 1
    put = next(button for button in app.button if button.label == t("split.put", lang=lang))
    assert put.disabled
    app.checkbox(key="split.accept").check().run()
    press(app, "split.put", lang)
    assert splits.history(studio.store, snapshot_id)[0]["method"] == "stratified"


def test_a_snapshot_without_a_split_and_two_examples(studio):
    from studio.corpus.schema import write_snapshot
    from studio.store import corpora

    manifest = write_snapshot([{"text": "a"}, {"text": "b"}], studio.store.workspace.snapshots)
    corpora.add(studio.store, corpus_id="t", name="T", language="en", task="classification", by="t")
    snapshots.add(studio.store, manifest, corpus_id="t", name="T", by="t")
    two = manifest["snapshot_id"]
    app = open_page(s=two, part="split")
    assert t("split.now_none", lang="en") in said(app)
    press(app, "split.see", "en")
    assert t("split.would_nothing", lang="en") in said(app)
    app = open_page(s=two, part="split", how="grouped")
    press(app, "split.see", "en")
    assert t("versions.only_one", lang="en") in said(open_page(s=two, part="versions", see="changes"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_versions_are_listed_compared_and_described(studio, lang):
    first, second = test_versions.make(studio.store)
    app = open_page(lang, s=second, part="versions")
    assert t("versions.number", lang=lang, n=2) in said(app) and "nothing_known" in said(app)
    app = open_page(lang, s=second, part="versions", see="changes", rows="text")
    assert {"60", "1", "0"} >= {metric.value for metric in app.metric}
    assert len(app.warning) == 1 and "60.0%" in app.warning[0].value
    changed = [m.value for m in app.markdown if "green-background" in m.value]
    assert changed and "⏎" in changed[0] and "<b>" not in changed[0].replace("\\<", "")
    app = open_page(lang, s=first, part="versions", see="changes", base=second, rows="dropped")
    assert len(app.dataframe) >= 3
    app = open_page(lang, s=second, part="versions", see="card")
    assert app.code[0].value.startswith("---\npretty_name")
    app.text_area[0].set_value("What it is: <b>bold</b>")
    press(app, "versions.card_save", lang)
    assert t("versions.card_saved", lang=lang) in said(app)
    assert versions.card_fields(studio, second)[0].description == "What it is: <b>bold</b>"
    assert "What it is: &lt;b>bold&lt;/b>" in app.code[0].value
