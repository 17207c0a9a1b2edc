"""The cleaning screen in all its states and both languages: no corpus, empty, previewed, applied, left out, refused."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.corpus.cleaning.recipe import Recipe, plan, recipe_to_text
from studio.corpus.schema import write_snapshot
from studio.records import Actor
from studio.store import corpora, slices, snapshots
from studio.words import t
from studio.workflows import clean, runs
from tests.jobs.harness import kill_workers
from tests.pages.app import open_app

LANGUAGES = ("en", "zh")
ADMIN = Actor("tester", "admin")
HOSTILE = "<script>alert(1)</script> **bold** $x$ [a](http://b.example)"
LIST = Recipe((plan("html"), plan("exact"), plan("gopher")))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One workspace for the module, with a corpus, a preview of LIST and the version it makes."""
    root = tmp_path_factory.mktemp("clean_pages") / "workspace"
    patch = pytest.MonkeyPatch()
    patch.setenv("STUDIO_HOME", str(root))
    patch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()
    studio = frame._open(str(root))
    texts = [f"<b>Number {i}</b> {HOSTILE}" for i in range(8)] + ["the same"] * 12 + [f"text {i}" for i in range(160)]
    rows = [
        {"text": text, "label": "ab"[i % 2], "group_region": "N" if i < 60 else "S"} for i, text in enumerate(texts)
    ]
    manifest = write_snapshot(rows, studio.workspace.snapshots, groups=("region",))
    corpora.add(studio.store, corpus_id="c1", name="C1", language="en", task="classification", by="t")
    snapshots.add(studio.store, manifest, corpus_id="c1", name="C1", by="t")
    parent = str(manifest["snapshot_id"])
    made = {}
    for preview in (True, False):
        made[preview] = clean.start(studio, ADMIN, snapshot_id=parent, recipe=LIST, preview=preview)
    for run_id in made.values():
        assert runs.wait(studio, run_id, 60).state == "done"
    yield studio, parent, clean.outcome(studio, made[False]).snapshot.snapshot_id
    st.cache_resource.clear()
    kill_workers(studio.workspace)
    patch.undo()


def open_page(language: str, **params: str) -> AppTest:
    return open_app("prepare", language, **{"part": "clean", **params})


def said(app: AppTest, *kinds: str) -> str:
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def step(recipe: Recipe) -> str:
    return recipe_to_text(recipe)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_corpus_the_way_home_is_named(language, tmp_path, monkeypatch, home):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "empty"))
    app = open_page(language)
    assert app.info[0].value == t("frame.no_corpus", lang=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_list_offers_lists_to_start_from(language, home):
    app = open_page(language, s=home[1])
    assert app.info[0].value == t("clean.empty", lang=language)
    app.button(key="clean_suggest_tidy").click().run()
    assert not app.exception
    labels = [button.label for button in app.main.button]
    assert any(t("clean.step.html", lang=language) in label for label in labels)
    assert app.button(key="clean_preview").label == t("clean.preview", lang=language)
    assert app.button(key="clean_apply").disabled
    app.button(key="clean_undo").click().run()
    assert app.info[0].value == t("clean.empty", lang=language)
    app.button(key="clean_redo").click().run()
    assert not app.button(key="clean_undo").disabled


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_previewed_list_shows_counts_groups_and_what_was_made(language, home):
    app = open_page(language, s=home[1], list=step(LIST))
    assert [metric.value for metric in app.metric] == ["169", "8", "169"]
    assert "region" in app.warning[0].value and "18.3 %" in app.warning[0].value
    assert app.success[0].value == t("clean.applied", lang=language, name="C1 v2", n="169")
    table = app.dataframe[0].value
    assert table.iloc[0, 1] == "▲ N" and table.iloc[0, 2] == "11 / 60"
    assert app.button(key="clean_open_made").label == t("clean.open_version", lang=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_step_in_full(language, home):
    app = open_page(language, s=home[1], list=step(LIST), step="1")
    assert t("clean.step.exact", lang=language) in said(app, "subheader")
    did = t("clean.drops", lang=language, n="11", share="6.1 %")
    assert t("clean.did", lang=language, n="180", did=did) in said(app, "markdown")
    app = open_page(language, s=home[1], list=step(LIST), step="2")
    assert t("clean.help.gopher", lang=language) in said(app, "caption")


def test_steps_are_moved_switched_set_and_removed(home):
    app = open_page("en", s=home[1], list=step(LIST))
    app.button(key="clean_down_0").click().run()
    assert "Exact copies" in app.button(key="clean_pick_0").label
    app.checkbox(key="clean_on_0").uncheck().run()
    assert t("clean.off") in said(app, "caption")
    app.button(key="clean_remove_2").click().run()
    assert not [button for button in app.main.button if button.key == "clean_pick_2"]
    app.selectbox(key="clean_add").select("near").run()
    app.number_input(key="clean_set_2_near_threshold_").set_value(0.8).run()
    assert not app.exception
    assert app.number_input(key="clean_set_2_near_threshold_").value == 0.8
    app.button(key="clean_undo").click().run()
    assert app.number_input(key="clean_set_2_near_threshold_").value == 0.7


def test_a_list_that_leaves_nothing_says_so(home):
    studio, parent, _ = home
    wrong = Recipe((plan("length", {"shortest": 9999}),))
    run_id = clean.start(studio, ADMIN, snapshot_id=parent, recipe=wrong, preview=True)
    assert runs.wait(studio, run_id, 60).state == "failed"
    app = open_page("en", s=parent, list=step(wrong))
    assert "leaves no example" in said(app, "error")
    assert app.button(key="clean_preview").label == t("clean.preview_again")


@pytest.mark.parametrize("language", LANGUAGES)
def test_left_out_examples_are_listed_by_reason(language, home):
    app = open_page(language, s=home[2])
    table = app.dataframe[0].value
    assert len(table) == 11 and set(table["text"]) == {"the same"}
    assert set(table["reason"]) == {t("clean.reason.copy", lang=language)}
    assert app.button(key="clean_bring").disabled
    app = open_page(language, s=home[2], why="exact:copy")
    assert app.button(key="clean_bring_reason").label == t("clean.left.bring_reason", lang=language, n="11")
    app = open_page(language, s=home[2], view="steps")
    assert app.info[0].value == t("clean.empty", lang=language)


def test_hostile_texts_are_never_markup(home):
    for place in ("0", "1"):
        app = open_page("en", s=home[1], list=step(LIST), step=place)
        assert "<script>" not in said(app, "markdown", "caption", "subheader", "warning", "info", "success")


@pytest.mark.parametrize("text", ["[[", '[["nope",{}]]', "x" * 3000, '[["near",{"threshold":"<b>"}]]'])
def test_a_bad_list_in_the_url_is_forgotten(text, home):
    app = open_page("en", s=home[1], list=text)
    assert app.info[0].value == t("clean.empty") and app.warning[0].value == t("clean.link_cut")


@pytest.mark.parametrize("place", ["²", "9" * 5000, "-1", "٣", "x"])
def test_a_bad_place_in_the_url_is_the_whole_list(place, home):
    """A superscript two passed str.isdigit, and five thousand digits were more than int() reads."""
    app = open_page("en", s=home[1], list=step(LIST), step=place)
    assert [metric.value for metric in app.metric] == ["169", "8", "169"]


def test_flags_of_one_reason_become_a_slice(home):
    studio, _, child = home
    flags = clean.flagged(studio, child)
    app = open_page("en", s=child, flag="few_words")
    app.text_input[0].set_value("Short ones")
    save = next(one for one in app.button if one.label == t("clean.left.save_slice", lang="en", n="169"))
    save.click().run()
    assert not app.exception and "Short ones" in said(app, "success")
    kept = slices.slices(studio.store, child).iloc[0]
    assert (kept["name"], kept["n"]) == ("Short ones", flags["example_id"].nunique())
