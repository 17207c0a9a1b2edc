"""The lists beside the map and the panel below it: clusters, slices, search, what sets a part apart, half held back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from pages._ui import explore_contrast as contrast_panel
from pages._ui import explore_data as data
from pages._ui import explore_lasso, frame
from studio.mapping import polygon
from studio.mapping.halves import is_held
from studio.records import Actor
from studio.store import clusters as cluster_rows
from studio.store import examples, maps, selections, snapshots, vectors
from studio.store import slices as slice_rows
from studio.words import t
from studio.workflows import explore_map, slices
from tests.browser import large_map
from tests.pages.app import open_app

ADMIN = Actor("tester", "admin")
N = 600
LANGUAGES = ("en", "zh")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace with one written map."""
    root = tmp_path_factory.mktemp("lists") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_HOME", str(root))
        patch.setenv("STUDIO_DEVICE", "cpu")
        st.cache_resource.clear()
        opened = frame._open(str(root))
        made = large_map.make(opened.store, N)
        yield opened, made, maps.newest(opened.store, made).map_id
        st.cache_resource.clear()


def text(app) -> str:
    kinds = ("header", "subheader", "caption", "markdown", "info", "warning", "error", "success", "code")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def press(app, label: str):
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_cluster_is_a_button_with_size_share_and_labels(home, lang):
    opened, made, map_id = home
    table = maps.clusters(opened.store, map_id)
    app = open_app("explore", lang, s=made, side="clusters")
    labels = [button.label for button in app.button]
    assert {f"topic {number}" for number in table["cluster"]} <= set(labels)
    first = table.sort_values(["size", "cluster"], ascending=[False, True]).iloc[0]
    line = t("map.cluster_line", lang=lang, n=f"{first['size']}", share=f"{100 * first['size'] / N:.1f} %")
    assert line in text(app) and "100 %" in text(app), "a cluster of this corpus has one label"
    size = int(table.set_index("cluster").loc[3, "size"])
    app = open_app("explore", lang, s=made, side="examples", f_cluster="3")
    assert t("map.selected", lang=lang, n=f"{size}", total=f"{N}") in text(app)


def test_clusters_are_merged_renamed_and_given_back_on_the_page(home):
    opened, made, map_id = home
    app = open_app("explore", s=made, side="clusters")
    app.multiselect(key="decide_which").set_value([1, 2])
    app.text_input(key="decide_name").set_value("<b>both</b>")
    press(app, t("map.merge", lang="en"))
    assert maps.clusters(opened.store, map_id).set_index("cluster").loc[1, "name"] == "<b>both</b>"
    assert "<b>" not in "\n".join(str(element.value) for element in app.markdown)
    assert "\\<b\\>both" in "\n".join(button.label for button in app.button), "literal characters"
    press(app, t("map.undo", lang="en"))
    assert cluster_rows.in_force(opened.store, map_id) == []
    app.multiselect(key="decide_which").set_value([1, 2])
    press(app, t("map.rename", lang="en"))
    assert app.error, "two cannot be renamed at once"


def test_a_slice_is_opened_renamed_deleted_and_restored_on_the_page(home):
    opened, made, _ = home
    made_id = slices.save(opened, ADMIN, snapshot_id=made, name="*first* ten", example_ids=range(1, 11))
    app = open_app("explore", s=made, side="slices")
    assert "\\*first\\* ten" in [button.label for button in app.button]
    app = open_app("explore", s=made, side="slices", slice=made_id)
    assert "Slice = \\*first\\* ten" in text(app)
    assert t("map.selected", lang="en", n="10", total=f"{N}") in text(open_app("explore", s=made, slice=made_id))
    box = next(box for box in app.text_input if box.value == "*first* ten")
    box.set_value("ten")
    press(app, t("map.rename", lang="en"))
    assert slice_rows.require_slice(opened.store, made_id).name == "ten"
    press(app, t("map.delete", lang="en"))
    assert slice_rows.slices(opened.store, made).empty
    link = open_app("explore", s=made, slice=made_id)
    assert t("map.selected", lang="en", n="10", total=f"{N}") in text(link), "a link to a deleted slice holds"
    press(app, t("map.restore", lang="en"))
    assert slice_rows.slices(opened.store, made)["name"].tolist() == ["ten"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_while_half_is_held_back_only_the_other_half_is_counted(home, lang):
    opened, made, _ = home
    shown = int((~is_held(examples.ids(opened.store, made), 0)).sum())
    app = open_app("explore", lang, s=made, held="0")
    assert t("map.all_shown", lang=lang, n=f"{shown}", total=f"{N}") in text(app)
    assert t("map.held_now", lang=lang, n=f"{N - shown}") in text(app)
    listed = app.dataframe[0].value["example_id"].to_numpy()
    assert len(listed) == min(shown, 500) and not is_held(listed, 0).any()
    assert t("map.cloud", lang=lang) not in text(app), "no cloud is drawn: nothing of the shown half is filtered out"
    ids = examples.ids(opened.store, made)
    for number, is_shown in ((ids[is_held(ids, 0)][0], False), (ids[~is_held(ids, 0)][0], True)):
        app = open_app("explore", lang, s=made, held="0", example=str(number))
        assert (t("map.example", lang=lang, id=int(number)) in text(app)) is is_shown


def test_filters_chosen_while_all_were_shown_are_lifted_when_half_is_held_back(home):
    opened, made, _ = home
    kept = slices.save(opened, ADMIN, snapshot_id=made, name="kept", example_ids=range(1, 200))
    app = open_app("explore", s=made, f_label="billing", q="question", g0="N", slice=kept)
    app.toggle(key="held.box").set_value(True).run()
    assert not {"f_label", "q", "g0"} & set(app.query_params) and app.query_params["held"] == "0"
    assert app.query_params["slice"] == kept, "a slice knows how it was found"
    app = open_app("explore", s=made, f_label="billing", held="0")
    app.toggle(key="held.box").set_value(False).run()
    assert app.query_params["f_label"] == "billing" and "held" not in app.query_params


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_sets_a_part_apart_says_whether_it_was_tested(home, lang):
    _, made, _ = home
    app = open_app("explore", lang, s=made, f_cluster="0", against="rest")
    assert t("map.found_by_looking", lang=lang) in text(app)
    tables = [frame_.value for frame_ in app.dataframe]
    assert any("log_odds" in table and "q" not in table for table in tables)
    app = open_app("explore", lang, s=made, f_label="billing", against="rest", held="0")
    assert t("map.apart_title", lang=lang) in text(app) and t("map.found_by_looking", lang=lang) not in text(app)
    words = next(frame_.value for frame_ in app.dataframe if "log_odds" in frame_.value)
    assert words.iloc[0]["word"] == "billing" and words.iloc[0]["q"] < 0.001
    everything = "-999,-999;999,-999;999,999;-999,999"
    map_id = home[2]
    app = open_app("explore", lang, s=made, held="0", g0="N", against="rest", lasso=f"{map_id[:6]}:{everything}")
    assert t("map.not_blind", lang=lang) in text(app), "the lasso was drawn while all were shown"
    app = open_app("explore", lang, s=made, held="0", g0="N", against="rest", lasso=f"{map_id[:6]}h0:{everything}")
    assert t("map.words_not_tested", lang=lang) in text(app)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_opened_example_has_its_place_its_facts_and_the_next_one(home, lang):
    opened, made, _ = home
    ids = examples.ids(opened.store, made)
    app = open_app("explore", lang, s=made, example="7")
    assert t("map.place", lang=lang, place="7", n=f"{N}") in text(app)
    assert t("map.state.unlabelled", lang=lang) in text(app) or t("map.state.imported", lang=lang) in text(app)
    if lang == "en":  # AppTest sends the shown names back, which after a press are those of no language chosen
        assert t("map.example", lang=lang, id=8) in text(press(app, t("map.next", lang=lang)))
    last = open_app("explore", lang, s=made, example=str(ids[-1]))
    assert next(button for button in last.button if button.label == t("map.next", lang=lang)).disabled


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_example_whose_vectors_are_gone_still_shows_its_card(home, lang):
    """A worker of another process may remove the vectors while somebody looks: only the nearest are missing."""
    opened, _, _ = home
    alone = large_map.make(opened.store, 40 + LANGUAGES.index(lang), seed=5)
    vectors.forget(opened.store, alone, "lexical", "1")
    app = open_app("explore", lang, s=alone, example="7")
    shown = text(app)
    assert t("map.example", lang=lang, id=7) in shown and "question number 6" in shown
    choose = {"en": "This corpus is not embedded yet", "zh": "这份语料还没有生成向量"}
    assert any(choose[lang] in str(error.value) for error in app.error), shown


def test_a_search_is_asked_once_whatever_is_redrawn(home, monkeypatch):
    _, made, _ = home
    asked = []
    monkeypatch.setattr(explore_map, "search", lambda *given: asked.append(given[2]) or [(5, 0.9), (6, 0.8)])
    for more in ({}, {"color": "length"}, {"f_cluster": "0"}):
        app = open_app("explore", s=made, side="search", search="late parcels", **more)
        found = next(frame_.value for frame_ in app.dataframe if "likeness" in frame_.value)
        assert found["example_id"].tolist() == [5, 6]
    open_app("explore", s=made, side="search", search="lost parcels")
    assert asked == ["late parcels", "lost parcels"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_more_like_an_example_like_those_inside_and_like_a_slice(home, lang):
    opened, made, _ = home
    made_id = slices.save(opened, ADMIN, snapshot_id=made, name="some", example_ids=[3, 4, 5])
    for like, more, said in (
        ("3", {}, t("map.like_example", lang=lang, found=20, id="3")),
        ("inside", {"f_cluster": "0"}, None),
        (f"slice:{made_id}", {}, t("map.like_slice", lang=lang, found=20, name="some")),
    ):
        app = open_app("explore", lang, s=made, side="search", like=like, **more)
        assert said is None or said in text(app)
        found = next(frame_.value for frame_ in app.dataframe if "likeness" in frame_.value)
        assert len(found) == 20 and found["likeness"].is_monotonic_decreasing
        assert not {3} & set(found["example_id"]) or like == "inside"


@pytest.mark.parametrize(
    "params",
    [
        {"slice": "nope"},
        {"f": '[["slice","eq","nope"]]'},
        {"held": "x"},
        {"held": "9" * 30},
        {"held": "0" * 12 + "9" * 30},
        {"f": '[["cluster","eq","' + "9" * 5_000 + '"]]'},
        {"example": "9" * 5_000},
        {"like": "slice:nope", "side": "search"},
        {"like": "9" * 16, "side": "search"},
        {"color": "score.nope", "size": "label_now", "scale": "x", "tool": "zoom", "side": "x"},
        {"against": "c999", "f_cluster": "0"},
        {"against": "snope", "f_cluster": "0"},
        {"lasso": "h0h0:1,2;3,4", "held": "0"},
        {"example": "9007199254740993", "f_cluster": "0"},
    ],
    ids=lambda params: str(params)[:60],
)
def test_bad_urls_show_the_map_or_say_what_is_wrong(home, params):
    app = open_app("explore", s=home[1], **params)
    assert app.header[0].value == t("explore.title", lang="en")


def test_what_is_kept_in_memory_follows_removals_decisions_and_selections(home):
    """A removal keeps the map's id, renames its snapshot and takes points away."""
    opened, made, map_id = home
    before = len(data.points(opened, map_id))
    assert before == N and len(data.cluster_table(opened, map_id)) == large_map.N_CLUSTERS
    with opened.store.write() as cursor:
        sql = "SELECT x, y, cluster FROM map_point WHERE map_id = $m AND example_id = 600"
        (x, y, cluster) = cursor.execute(sql, {"m": map_id}).fetchone()
        cursor.execute("UPDATE map SET snapshot_id = 'after' WHERE map_id = $m", {"m": map_id})
        cursor.execute("DELETE FROM map_point WHERE map_id = $m AND example_id = 600", {"m": map_id})
    try:
        assert len(data.points(opened, map_id)) == N - 1
    finally:
        with opened.store.write() as cursor:
            cursor.execute("UPDATE map SET snapshot_id = $s WHERE map_id = $m", {"m": map_id, "s": made})
            cursor.execute("INSERT INTO map_point VALUES ($m, 600, $x, $y, $c)",
                           {"m": map_id, "x": x, "y": y, "c": cluster})  # fmt: skip
    contrast_panel.forget()
    assert len(data.points(opened, map_id)) == N
    snapshot = snapshots.require(opened.store, made)
    before = data.must_draw(opened, snapshot, "", 500).tolist()
    left = next(number for number in range(1, N) if number not in before)
    selections.add(opened.store, selection_id="newest", corpus_id=snapshot.corpus_id, snapshot_id=made, name="n",
                   strategy="rank", arm="selection", budget=1, seed=0, recipe={}, ids=[left], reasons=["first"],
                   by="tester")  # fmt: skip
    assert left in data.must_draw(opened, snapshot, "", 500), "the newest selection is always drawn"


def test_a_map_that_went_meanwhile_is_not_drawn_from_memory(home, monkeypatch):
    """A preview goes when the whole map is there; a page that still shows it starts over."""
    opened, made, _ = home
    again, rerun = [], st.rerun

    def watched(**given) -> None:
        if given:
            again.append(given)
            st.stop()
        rerun()

    monkeypatch.setattr(st, "rerun", watched)
    gone = replace(maps.newest(opened.store, made), map_id="gone")
    monkeypatch.setattr(maps, "newest", lambda *_: gone)
    open_app("explore", s=made)
    assert again == [{"scope": "app"}]


def test_a_lasso_drawn_slowly_is_read():
    """5,000 corners on a circle of radius 2: the polygon's area is that of the circle to a hundredth."""
    turn = np.linspace(0, 2 * np.pi, 5_000, endpoint=False)
    shape = {"x": (2 * np.cos(turn)).tolist(), "y": (2 * np.sin(turn)).tolist()}
    x, y = polygon.from_text(explore_lasso._shape({"lasso": [shape]})).T
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    assert area == pytest.approx(4 * np.pi, rel=0.01)
