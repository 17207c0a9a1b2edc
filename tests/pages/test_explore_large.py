"""Explore with a preview, without memory, and with the map of an earlier version; no worker runs."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from studio.corpus.schema import write_snapshot
from studio.jobs import memory
from studio.store import corpora, maps, scores, snapshots, vectors
from studio.words import t
from studio.workflows import explore, explore_plan, report

LANGUAGES = ("en", "zh")


def _page():
    import streamlit

    from pages._ui import explore_run, frame
    from studio.store import snapshots
    from studio.workflows import explore

    opened = frame.studio()
    snapshot = snapshots.require(opened.store, streamlit.query_params["s"])
    state = explore.state(opened, snapshot)
    if state.map is None:
        explore_run.guard(opened, snapshot, state)
    else:
        explore_run.notices(opened, snapshot, state)
        explore_run.another(opened, snapshot, state)


@pytest.fixture
def open_page(app_home):
    """Opens what stands around the map alone, over the test's workspace."""

    def open_(snapshot_id: str, language: str = "en") -> AppTest:
        app = AppTest.from_function(_page, default_timeout=60)
        app.query_params["s"], app.query_params["lang"] = snapshot_id, language
        app.session_state["frame.routed"] = True
        app.run()
        assert not app.exception, app.exception
        return app

    return open_


def bring(studio, n: int, parent_id: str | None = None) -> str:
    rows = [{"example_id": i, "text": f"text {i}", "language": "en"} for i in range(1, n + 1)]
    manifest = write_snapshot(rows, studio.workspace.snapshots)
    if parent_id is None:
        corpora.add(studio.store, corpus_id="c", name="C", language="en", task="classification", by="t")
    name = f"*C* of {n}"  # stars: a name of the corpus stays literal
    snapshots.add(studio.store, manifest, corpus_id="c", name=name, by="t", parent_id=parent_id)
    return str(manifest["snapshot_id"])


def mapped(studio, snapshot_id: str, n: int, method: str, **facts) -> None:
    """A map and vectors as runs leave them."""
    folder = studio.workspace.vectors_dir(snapshot_id, "lexical@1")
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", np.eye(n, 8, dtype=np.float32))
    path = folder.relative_to(studio.workspace.root).as_posix()
    meta = {"encoder": "lexical", "version": 1, "dim": 8, "n": n, "k": 3, "unknown_share": 0.0, "content_hash": "h"}
    vectors.put(studio.store, snapshot_id, meta, path=path, run_id=None)
    points = pa.table(
        {
            "example_id": np.arange(1, n + 1),
            "x": np.zeros(n, np.float32),
            "y": np.zeros(n, np.float32),
            "cluster": np.zeros(n, np.int32),
        }
    )
    pq.write_table(points, folder / "points.parquet")
    found = {"map_id": f"{snapshot_id[:12]}{method[:4]}", "method": method, "trustworthiness": 0.9, "facts": facts,
             "neighbour_overlap": 0.1, "n_quality": n, "cluster_method": "m", "stability": None, "noise_share": 0.0,
             "clusters": [{"cluster": 0, "size": n, "keywords": ["a"], "name": "a"}]}  # fmt: skip
    maps.put(studio.store, snapshot_id, found, encoder_key="lexical@1", params=json.loads("{}"), seed=7,
             points_file=folder / "points.parquet", run_id=None)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_new_examples_can_be_placed_on_the_earlier_map(language, open_page, studio, monkeypatch):
    parent = bring(studio, 20)
    mapped(studio, parent, 20, "umap")
    child = bring(studio, 24, parent)
    asked = []
    monkeypatch.setattr(explore, "place_new", lambda *_, **given: asked.append(given))
    app = open_page(child, language)
    said = t("explore.place_new_help", lang=language, name="\\*C\\* of 20", shared="20", new="4")
    assert said in [line.value for line in app.markdown]
    app.button(key="place_new").click().run()
    app.button(key="fresh_map").click().run()
    assert asked == [
        {"snapshot_id": child, "keep_places": True},
        {"snapshot_id": child, "keep_places": False},
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_map_says_what_kind_it_is(language, open_page, studio, monkeypatch):
    snapshot_id = bring(studio, 20)
    mapped(studio, snapshot_id, 20, "landmark", n_landmarks=12)
    app = open_page(snapshot_id, language)
    assert t("explore.landmark_note", lang=language, n="12") in [caption.value for caption in app.caption]
    child = bring(studio, 22, snapshot_id)
    mapped(studio, child, 22, "placed", earlier_map="m", n_shared=20, n_placed=2, moved_median=0.0, moved_p90=0.0)
    app = open_page(child, language)
    note = t("explore.placed_note", lang=language, shared="20", moved="0.0 %", new="2")
    assert note in [caption.value for caption in app.caption]
    late = bring(studio, 23, snapshot_id)
    mapped(studio, late, 23, "umap", earlier_map="m", n_shared=20, moved_median=0.0312, moved_p90=0.1)
    app = open_page(late, language)
    assert t("explore.fresh_note", lang=language, shared="20", moved="3.1 %") in [c.value for c in app.caption]


def test_finishing_a_preview_makes_the_map_it_announced(studio, open_page, monkeypatch):
    snapshot_id = bring(studio, 20)
    mapped(studio, snapshot_id, 20, "preview", n_landmarks=5)
    with studio.store.write() as cursor:
        params = json.dumps({"method": "preview", "resolution": 4.0})
        cursor.execute("UPDATE map SET params = $p WHERE snapshot_id = $s", {"p": params, "s": snapshot_id})
    asked = []
    monkeypatch.setattr(explore, "start", lambda *_, **given: asked.append(given))
    monkeypatch.setattr(explore.previews, "take_over", lambda *_: None)  # no run has left files here
    open_page(snapshot_id, "en").button(key="finish_map").click().run()
    assert asked == [{"snapshot_id": snapshot_id, "encoder": "lexical@1", "seed": 7, "resolution": 4.0}]


def test_a_finished_map_stands_before_a_preview(studio, app_home):
    snapshot_id = bring(studio, 20)
    mapped(studio, snapshot_id, 20, "preview", n_landmarks=5)
    around = scores.surroundings(studio.store, snapshot_id)
    assert around.map_id is None and around.vectors_path, "no score or audit may rest on clusters that will go"
    assert report._picture(studio, snapshot_id, "en") is None
    mapped(studio, snapshot_id, 20, "umap")
    assert report._picture(studio, snapshot_id, "en").n == 20
    mapped(studio, snapshot_id, 20, "preview", n_landmarks=5)
    assert scores.surroundings(studio.store, snapshot_id).map_id == maps.newest(studio.store, snapshot_id).map_id
    assert len(maps.of_snapshot(studio.store, snapshot_id)) == 2
    assert maps.newest(studio.store, snapshot_id).params["method"] == "umap"


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_memory_the_button_waits_and_the_page_says_why(language, open_page, studio, monkeypatch):
    snapshot_id = bring(studio, 20)
    app = open_page(snapshot_id, language)
    assert not app.button(key="make").disabled
    assert any("GB" in caption.value for caption in app.caption)
    monkeypatch.setattr(explore_plan, "available_bytes", lambda: memory.GIB // 10)
    app = open_page(snapshot_id, language)
    assert app.button(key="make").disabled
    assert app.warning[0].value == t("explore.no_room", lang=language, memory="0.9", free="0.1")
