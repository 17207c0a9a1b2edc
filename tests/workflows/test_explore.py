"""From a corpus to vectors, a map, a lasso, a slice and a search, through real workers (lexical: no weights)."""

from __future__ import annotations

import io
import json
import random

import numpy as np
import pytest

from studio.corpus.roles import Roles
from studio.errors import AccessError, MeasureError, ModelError, StoreError
from studio.jobs import rundir
from studio.mapping import polygon
from studio.mapping.neighbours import nearest_neighbours
from studio.records import Actor, Condition
from studio.settings import Settings, Workspace
from studio.store import examples, maps, snapshots, vectors
from studio.store import slices as slice_rows
from studio.workflows import corpora, explore, explore_map, explore_results, runs, slices
from studio.workflows.studio import open_studio

ADMIN = Actor("tester", "admin")
N = 240
THEMES = (
    ("card", "payment declined shop terminal refused paying"),
    ("rate", "exchange euro dollar convert abroad currency"),
    ("phone", "lost stolen number changed new device"),
)


def corpus_text() -> str:
    rng = random.Random(0)
    rows = ["text,label,region"]
    for i in range(N):
        label, words = THEMES[i % 3]
        rows.append(f"{label} {' '.join(rng.sample(words.split(), 3))} {i},{label},{'NS'[i % 2]}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("explore") / "workspace"), device="cpu"))
    yield opened
    opened.close()


def bring(studio, text: str, name: str) -> str:
    given = corpora.spool(studio, ADMIN, name="data.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(
        studio, ADMIN, files=[given], roles=Roles("text", "label", ("region",)), name=name, language="en"
    )
    assert runs.wait(studio, run_id, 60).state == "done", runs.detail(studio, run_id).failure
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def wait(studio, run_id: str) -> None:
    status = runs.wait(studio, run_id, 240)
    assert status.state == "done", (runs.detail(studio, run_id).failure, runs.detail(studio, run_id).log[-2000:])


@pytest.fixture(scope="module")
def mapped(studio) -> str:
    """A snapshot with lexical vectors and a map, made by one press of the button."""
    snapshot_id = bring(studio, corpus_text(), "Themes")
    first = explore.start(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical", seed=3)
    assert explore.start(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical") == first  # a double click
    wait(studio, first)
    follow = (
        runs.live(studio, kind="map", snapshot_id=snapshot_id)
        or runs.overview(studio, kinds=("map",), snapshot_id=snapshot_id)[0]
    )
    wait(studio, follow.run_id)
    return snapshot_id


def test_vectors_lie_where_workers_look_with_their_neighbours(studio, mapped):
    found = vectors.require(studio.store, mapped)
    assert (found.encoder_key, found.n, found.k, found.unknown_share) == ("lexical@1", N, 30, 0.0)
    folder = studio.workspace.vectors_dir(mapped, "lexical@1")
    assert folder == studio.workspace.root / found.path
    rows = np.load(folder / "vectors.npy")
    assert rows.shape == (N, found.dim) and rows.dtype == np.float32
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5
    index, distance = (np.load(folder / "knn_30" / f"{name}.npy") for name in ("idx", "dist"))
    expected = nearest_neighbours(rows, 30)
    assert np.array_equal(index, expected.indices)
    # distances are rounded to steps of 1e-6: another number of threads may fall on the other side of a step
    assert np.abs(distance - expected.distances).max() < 2e-6
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["content_hash"] == found.content_hash and meta["seed"] == 3


def test_the_map_has_every_example_and_its_themes(studio, mapped):
    chart = maps.newest(studio.store, mapped)
    points = maps.points(studio.store, chart.map_id)
    assert points["example_id"].tolist() == examples.ids(studio.store, mapped).tolist()
    labels = examples.frame(studio.store, mapped, ("label",), reveal=True)["label"]
    kept = points["cluster"] >= 0
    assert kept.mean() > 0.8
    # every cluster is of one theme
    assert (labels[kept].groupby(points["cluster"][kept]).nunique() == 1).all()
    table = maps.clusters(studio.store, chart.map_id)
    assert table["size"].sum() == N and (table["name"].str.len() > 0).all()
    assert 0.5 < chart.trustworthiness <= 1 and chart.seed == 3 and chart.n_quality == N


def test_the_same_inputs_give_the_same_map(studio, mapped):
    before = maps.newest(studio.store, mapped)
    points = maps.points(studio.store, before.map_id)
    wait(studio, explore.make_map(studio, ADMIN, snapshot_id=mapped, seed=3))
    assert [chart.map_id for chart in maps.of_snapshot(studio.store, mapped)] == [before.map_id]
    assert maps.points(studio.store, before.map_id).equals(points)


def test_embedding_again_gives_the_same_vectors_and_one_row(studio, mapped):
    before = vectors.of_snapshot(studio.store, mapped)
    run_id = explore.embed(studio, ADMIN, snapshot_id=mapped, encoder="lexical", seed=3)
    wait(studio, run_id)
    after = vectors.of_snapshot(studio.store, mapped)
    assert [item.content_hash for item in after] == [item.content_hash for item in before]
    # a finisher that is called again after everything was moved changes nothing
    run_dir = studio.workspace.run_dir(run_id)
    explore_results.finish_embed(studio, run_dir, rundir.read_spec(run_dir))
    assert len(vectors.of_snapshot(studio.store, mapped)) == 1


def test_a_lasso_holds_all_examples_inside_under_the_filters(studio, mapped):
    chart = maps.newest(studio.store, mapped)
    points = maps.points(studio.store, chart.map_id)
    cluster = points[points["cluster"] == 0]
    outline = polygon.to_text(
        polygon.box_polygon(
            (cluster["x"].min() - 0.01, cluster["y"].min() - 0.01, cluster["x"].max() + 0.01, cluster["y"].max() + 0.01)
        )
    )
    corners = polygon.from_text(outline)
    mask = [
        corners[:, 0].min() <= x <= corners[:, 0].max() and corners[:, 1].min() <= y <= corners[:, 1].max()
        for x, y in zip(points["x"], points["y"], strict=True)
    ]
    given = {"map_id": chart.map_id, "outline": outline}
    inside = explore_map.points_inside(studio, mapped, **given)
    assert inside.tolist() == points["example_id"][mask].tolist()
    north = explore_map.points_inside(studio, mapped, **given, conditions=(Condition("group_region", "eq", "N"),))
    regions = examples.by_ids(studio.store, mapped, inside, ("group_region",))["group_region"]
    assert north.tolist() == inside[(regions == "N").to_numpy()].tolist()
    only = explore_map.points_inside(
        studio, mapped, map_id=chart.map_id, conditions=(Condition("cluster", "in", ["0"]),)
    )
    assert only.tolist() == cluster["example_id"].tolist()
    with pytest.raises(MeasureError, match="lasso"):
        explore_map.points_inside(studio, mapped, map_id=chart.map_id, outline="1,2;3")


def test_a_slice_is_kept_with_how_it_was_found(studio, mapped):
    chart = maps.newest(studio.store, mapped)
    slice_id = slices.save(
        studio, ADMIN, snapshot_id=mapped, name=" Cards ", map_id=chart.map_id,
        conditions=(Condition("text", "contains", "card"),),
    )  # fmt: skip
    kept = slice_rows.require_slice(studio.store, slice_id)
    inside = slice_rows.ids(studio.store, mapped, slice_id)
    texts = examples.by_ids(studio.store, mapped, inside, ("text",))["text"]
    assert kept.name == "Cards" and kept.n == len(inside) == N // 3 and texts.str.contains("card").all()
    assert kept.definition["found_by"] == "filter" and kept.created_by == "tester"
    assert slice_rows.slices(studio.store, mapped)["n"].tolist() == [N // 3]
    assert slice_rows.get_slice(studio.store, "' OR 1=1 --") is None
    with pytest.raises(StoreError, match="nothing inside"):
        slices.save(
            studio, ADMIN, snapshot_id=mapped, name="none", map_id=chart.map_id,
            conditions=(Condition("text", "contains", "no such words"),),
        )  # fmt: skip
    with pytest.raises(StoreError, match="needs a name"):
        slices.save(studio, ADMIN, snapshot_id=mapped, name="  ", example_ids=[1])
    with pytest.raises(AccessError):
        slices.save(studio, Actor("v", "viewer"), snapshot_id=mapped, name="x", example_ids=[1])


def test_neighbours_and_search_find_the_same_theme(studio, mapped):
    frame = examples.frame(studio.store, mapped, ("example_id", "text"))
    first = int(frame["example_id"].iloc[1])
    near = explore_map.neighbours_of(studio, mapped, first, 5)
    assert len(near) == 5 and first not in [number for number, _ in near]
    texts = examples.by_ids(studio.store, mapped, [number for number, _ in near], ("text",))["text"]
    assert texts.str.startswith("rate").all()
    found = explore_map.search(studio, mapped, "exchange currency rate", 10)
    texts = examples.by_ids(studio.store, mapped, [number for number, _ in found], ("text",))["text"]
    assert len(found) == 10 and texts.str.startswith("rate").all()
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    # a text of the corpus, typed, finds itself with likeness 1: the query worker embeds as the run did
    own = explore_map.search(studio, mapped, str(frame["text"].iloc[0]), 1)
    assert own[0][0] == int(frame["example_id"].iloc[0]) and own[0][1] == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(MeasureError, match="nothing to search"):
        explore_map.search(studio, mapped, "   ")
    with pytest.raises(StoreError, match="not in the snapshot"):
        explore_map.neighbours_of(studio, mapped, 2**52)


def test_a_single_example_has_a_map(studio):
    for n in (1,):
        snapshot_id = bring(studio, "text,label,region\n" + "".join(f"text {i},a,N\n" for i in range(n)), f"Tiny {n}")
        wait(studio, explore.embed(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical"))
        wait(studio, explore.make_map(studio, ADMIN, snapshot_id=snapshot_id))
        chart = maps.newest(studio.store, snapshot_id)
        assert len(maps.points(studio.store, chart.map_id)) == n and chart.trustworthiness is None


def test_state_names_encoder_reason_and_what_is_missing(studio, mapped):
    there = explore.state(studio, snapshots.require(studio.store, mapped))
    assert there.map is not None and there.run is None and not there.is_hard_to_read
    snapshot_id = bring(studio, corpus_text().replace("card", "bill"), "New")
    state = explore.state(studio, snapshots.require(studio.store, snapshot_id))
    assert (state.encoder, state.reason) == ("minilm", "explore.encoder_reason.english")
    assert state.vectors is None and state.map is None and state.plan.seconds > 0 and state.plan.peak_bytes > 0
    with pytest.raises(StoreError, match="not embedded"):
        explore.make_map(studio, ADMIN, snapshot_id=snapshot_id)
    with pytest.raises(ModelError):
        explore.embed(studio, ADMIN, snapshot_id=snapshot_id, encoder="word2vec")
    with pytest.raises(MeasureError):
        explore.embed(studio, ADMIN, snapshot_id=snapshot_id, k=1)
    with pytest.raises(AccessError):
        explore.start(studio, Actor("a", "annotator"), snapshot_id=snapshot_id)
