"""Previews of large corpora, killed workers, and later versions on the map of an earlier one, through real workers."""

from __future__ import annotations

import random
import threading
import time
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus.schema import write_snapshot
from studio.errors import MeasureError, StoreError
from studio.jobs import files, memory, rundir
from studio.records import Actor, RunSpec
from studio.settings import Settings, Workspace
from studio.store import corpora as corpus_rows
from studio.store import maps, snapshots, vectors
from studio.tasks import map as map_task
from studio.workflows import explore, explore_plan, explore_previews, explore_results, runs, select_prepare
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill, kill_workers, until

ADMIN = Actor("tester", "admin")
N = 160
THEMES = (
    ("card", "payment declined shop terminal refused paying"),
    ("rate", "exchange euro dollar convert abroad currency"),
    ("phone", "lost stolen number changed new device"),
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory, shared_barriers):
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("large") / "workspace"), device="cpu"))
    yield opened
    opened.close()
    kill_workers(opened.workspace)


def rows_of(ids, marks: str) -> list[dict]:
    found = []
    for i in ids:
        label, words = THEMES[i % 3]
        text = f"{label} {' '.join(random.Random(i).sample(words.split(), 3))} {marks} {i}"
        found.append({"example_id": i, "text": text, "label": label, "language": "en"})
    return found


def bring(studio, corpus_id: str, rows: list[dict], parent_id: str | None = None) -> str:
    manifest = write_snapshot(rows, studio.workspace.snapshots)
    if parent_id is None:
        corpus_rows.add(studio.store, corpus_id=corpus_id, name=corpus_id, language="en", task="classification", by="t")
    name = f"{corpus_id} {len(rows)}"
    snapshots.add(studio.store, manifest, corpus_id=corpus_id, name=name, by="t", parent_id=parent_id)
    return str(manifest["snapshot_id"])


def wait(studio, run_id: str) -> None:
    status = runs.wait(studio, run_id, 240)
    assert status.state == "done", (runs.detail(studio, run_id).failure, runs.detail(studio, run_id).log[-2000:])


def embedded(studio, corpus_id: str) -> str:
    snapshot_id = bring(studio, corpus_id, rows_of(range(1, N + 1), corpus_id))
    wait(studio, explore.embed(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical"))
    return snapshot_id


def start_large(studio, snapshot_id: str) -> str:
    """A map run for which 160 examples are a large corpus."""
    found = vectors.require(studio.store, snapshot_id)
    params = {"encoder_key": found.encoder_key, "preview_above": 100, "preview_landmarks": 60}
    inputs = {
        "examples": f"snapshots/{snapshot_id}/examples.parquet",
        "vectors": found.path,
        "knn": found.knn_path,
    }
    return runs.submit(studio, ADMIN, kind="map", title="large", params=params, inputs=inputs, snapshot_id=snapshot_id)


def state(studio, snapshot_id: str):
    return explore.state(studio, snapshots.require(studio.store, snapshot_id))


def test_a_preview_is_shown_while_the_map_is_made_and_gives_way_to_it(studio, shared_barriers):
    snapshot_id = embedded(studio, "shown")
    shared_barriers.hold("preview")
    run_id = start_large(studio, snapshot_id)
    assert shared_barriers.reached("preview")["run_id"] == run_id
    assert explore_previews.has_preview(studio, run_id)
    early = state(studio, snapshot_id).map
    assert early.is_preview and early.facts["n_landmarks"] == 60 and early.n_quality == N
    places = maps.points(studio.store, early.map_id)
    assert len(places) == N and np.isfinite(places[["x", "y"]].to_numpy()).all()
    labels = np.array([i % 3 for i in range(1, N + 1)])
    inside = places["cluster"].to_numpy() >= 0
    assert inside.mean() > 0.5
    for cluster in set(places["cluster"][inside]):
        assert len(set(labels[(places["cluster"] == cluster).to_numpy()])) == 1  # already of one theme each
    assert state(studio, snapshot_id).map.map_id == early.map_id  # taken once
    shared_barriers.release("preview")
    wait(studio, run_id)
    there = state(studio, snapshot_id)
    assert not there.map.is_preview and there.run is None
    assert early.map_id[:6] != there.map.map_id[:6], "links have six characters of a map: they must not lead to another"
    assert [chart.map_id for chart in maps.of_snapshot(studio.store, snapshot_id)] == [there.map.map_id]
    assert not explore_previews.has_preview(studio, run_id)
    whole = maps.points(studio.store, there.map.map_id)
    # the layout began from the preview: themes lie where they lay, within a third of the width
    for theme in range(3):
        before, after = (frame[["x", "y"]].to_numpy()[labels == theme].mean(axis=0) for frame in (places, whole))
        assert np.abs(before - after).max() < np.ptp(places[["x", "y"]].to_numpy(), axis=0).max() / 3
    # a finisher that is called again changes nothing
    run_dir = studio.workspace.run_dir(run_id)
    explore_results.finish_map(studio, run_dir, rundir.read_spec(run_dir))
    assert maps.points(studio.store, there.map.map_id).equals(whole)


def test_snapshots_with_the_same_texts_have_maps_of_their_own(tmp_path):
    """A version with other labels has the same texts and vectors: its map must not take the place of the other's."""
    np.save(tmp_path / "vectors.npy", np.eye(5, dtype=np.float32))
    np.save(tmp_path / "idx.npy", np.zeros((5, 1), np.int32))
    np.save(tmp_path / "dist.npy", np.ones((5, 1), np.float32))
    (tmp_path / "meta.json").write_text('{"content_hash": "h"}', encoding="utf-8")
    pq.write_table(pa.table({"example_id": range(5), "text": list("abcde")}), tmp_path / "examples.parquet")
    places = {"examples": tmp_path / "examples.parquet"}

    def key(snapshot_id: str) -> str:
        spec = SimpleNamespace(params={}, seed=0, snapshot_id=snapshot_id)
        return map_task.read(SimpleNamespace(spec=spec, input_path=lambda name: places.get(name, tmp_path))).key

    assert key("one") == key("one") != key("two")


@pytest.mark.slow
def test_a_worker_killed_after_the_preview_leaves_it_and_the_next_attempt_uses_it(studio, shared_barriers):
    snapshot_id = embedded(studio, "killed")
    shared_barriers.hold("preview")
    run_id = start_large(studio, snapshot_id)
    stands = shared_barriers.reached("preview")
    kill(stands["pid"])
    until(lambda: runs.view(studio, run_id).status.is_final, "the end of the killed run")
    shared_barriers.release("preview")
    left = state(studio, snapshot_id)
    assert left.map.is_preview and left.run is None and left.ended.run_id == run_id
    points = maps.points(studio.store, left.map.map_id)
    assert len(points) == N
    drawn = (studio.workspace.run_dir(run_id) / "preview" / "points.parquet").stat().st_mtime_ns
    shared_barriers.hold("layout")
    runs.resume(studio, ADMIN, run_id=run_id)
    shared_barriers.reached("layout")
    assert (studio.workspace.run_dir(run_id) / "preview" / "points.parquet").stat().st_mtime_ns == drawn
    shared_barriers.release("layout")
    wait(studio, run_id)
    assert not state(studio, snapshot_id).map.is_preview


@pytest.mark.slow
def test_a_cancelled_run_takes_its_preview_with_it(studio, shared_barriers):
    snapshot_id = embedded(studio, "cancelled")
    shared_barriers.hold("preview")
    run_id = start_large(studio, snapshot_id)
    shared_barriers.reached("preview")
    assert state(studio, snapshot_id).map.is_preview
    runs.cancel(studio, ADMIN, run_id=run_id)
    shared_barriers.release("preview")
    until(lambda: runs.view(studio, run_id).status.is_final, "the end of the cancelled run")
    assert state(studio, snapshot_id).map is None
    assert maps.of_snapshot(studio.store, snapshot_id) == []


@pytest.fixture(scope="module")
def parent(studio) -> str:
    snapshot_id = embedded(studio, "grown")
    wait(studio, explore.make_map(studio, ADMIN, snapshot_id=snapshot_id, seed=5))
    return snapshot_id


@pytest.fixture(scope="module")
def child(studio, parent) -> str:
    """Ten examples went, one was rewritten, thirty came."""
    rows = rows_of(range(11, N + 31), "grown")
    rows[0]["text"] = "rate dollar euro exchange abroad rewritten"
    return bring(studio, "grown", rows, parent_id=parent)


def finish_all(studio, snapshot_id: str, run_id: str) -> None:
    wait(studio, run_id)
    follow = runs.live(studio, kind="map", snapshot_id=snapshot_id)
    if follow is not None:
        wait(studio, follow.run_id)


def test_new_examples_get_places_and_no_old_one_moves(studio, parent, child):
    chart = maps.newest(studio.store, parent)
    before = maps.points(studio.store, chart.map_id).set_index("example_id")
    earlier = state(studio, child).earlier
    assert (earlier.map.map_id, earlier.n_shared, earlier.n_new) == (chart.map_id, N - 10, 30)
    run_id = explore.place_new(studio, ADMIN, snapshot_id=child)
    assert explore.place_new(studio, ADMIN, snapshot_id=child) == run_id or not runs.view(studio, run_id).is_live
    finish_all(studio, child, run_id)
    # embedded with the earlier version's fitted state: same text, same vector, to the last bit
    ours, theirs = vectors.require(studio.store, child), vectors.require(studio.store, parent)
    assert explore_plan.same_state(studio, ours, theirs)
    rows, old = (np.load(found.vectors_file(studio.workspace.root)) for found in (ours, theirs))
    assert np.abs(rows[1 : N - 10] - old[11:]).max() < 1e-6
    placed = maps.newest(studio.store, child)
    now = maps.points(studio.store, placed.map_id).set_index("example_id")
    kept = [i for i in before.index if i in now.index and i != 11]
    assert np.array_equal(now.loc[kept, ["x", "y"]].to_numpy(), before.loc[kept, ["x", "y"]].to_numpy())
    assert now.loc[kept, "cluster"].tolist() == before.loc[kept, "cluster"].tolist()
    facts = placed.facts
    assert (facts["earlier_map"], facts["n_shared"], facts["n_placed"], facts["n_changed"]) == (
        chart.map_id, N - 11, 31, 1,
    )  # fmt: skip
    assert facts["moved_median"] == 0.0 and facts["moved_p90"] == 0.0
    # new rows lie among their theme: the nearest old row by place is of the same one
    for new in range(N + 1, N + 31):
        away = np.hypot(*(before.loc[kept, ["x", "y"]].to_numpy() - now.loc[new, ["x", "y"]].to_numpy()).T)
        assert kept[int(away.argmin())] % 3 == new % 3
    names = maps.clusters(studio.store, chart.map_id).set_index("cluster")["name"]
    later = maps.clusters(studio.store, placed.map_id).set_index("cluster")
    assert later["size"].sum() == N + 20
    assert all(later.loc[c, "name"] == names[c] for c in later.index if c >= 0)


@pytest.mark.slow
def test_a_fresh_map_begins_from_the_earlier_one_and_says_how_far_it_moved(studio, parent, child):
    finish_all(studio, child, explore.place_new(studio, ADMIN, snapshot_id=child, keep_places=False))
    fresh = maps.newest(studio.store, child)
    assert fresh.params["method"] == "umap" and fresh.facts["n_shared"] == N - 10 and "n_placed" not in fresh.facts
    old = maps.points(studio.store, maps.newest(studio.store, parent).map_id).set_index("example_id")
    now = maps.points(studio.store, fresh.map_id).set_index("example_id")
    shared = [i for i in old.index if i in now.index]
    a, b = (frame.loc[shared, ["x", "y"]].to_numpy(dtype=float) for frame in (now, old))
    moved = np.hypot(*(a - b).T) / np.ptp(b, axis=0).max()
    assert fresh.facts["moved_median"] == pytest.approx(np.median(moved), abs=1e-6)
    assert fresh.facts["moved_median"] > 0


@pytest.mark.slow
def test_vectors_of_another_fit_are_not_compared(studio, parent):
    other = bring(studio, "grown", rows_of(range(21, N + 60), "grown"), parent_id=parent)
    wait(studio, explore.embed(studio, ADMIN, snapshot_id=other, encoder="lexical"))
    with pytest.raises(MeasureError, match="cannot be compared"):
        explore.make_map(studio, ADMIN, snapshot_id=other, earlier=explore_plan.earlier_map(studio, other),
                         keep_places=True)  # fmt: skip


def write_map(studio, snapshot_id: str, map_id: str) -> None:
    """A finished map beside those there are, as a run's finisher writes it."""
    found = vectors.require(studio.store, snapshot_id)
    ids = [row["example_id"] for row in rows_of(range(1, N + 1), "grown")]
    file = studio.workspace.cache / f"{map_id}.parquet"
    places = pa.table({"example_id": ids, "x": [0.0] * N, "y": [1.0] * N, "cluster": pa.array([0] * N, pa.int32())})
    pq.write_table(places, file)
    content = {"map_id": map_id, "method": "test", "trustworthiness": 0.9, "neighbour_overlap": 0.5, "n_quality": N,
               "cluster_method": "test", "stability": 0.9, "noise_share": 0.0,
               "clusters": [{"cluster": 0, "size": N, "keywords": ["all"], "name": "all"}]}  # fmt: skip
    maps.put(studio.store, snapshot_id, content, encoder_key=found.encoder_key, params={}, seed=0, points_file=file,
             run_id=None)  # fmt: skip


def test_the_earlier_map_asked_for_is_given_and_no_other(studio, parent, child):
    """Vectors fitted for one map do not belong on a map that was made since."""
    first = maps.newest(studio.store, parent).map_id
    write_map(studio, parent, "made-since")
    try:
        assert explore_plan.earlier_map(studio, child).map.map_id == "made-since"  # unasked: the newest
        assert explore_plan.earlier_map(studio, child, map_id=first).map.map_id == first
        assert explore_plan.earlier_map(studio, child, map_id="gone") is None
    finally:
        maps.forget_map(studio.store, "made-since")
    assert explore_plan.earlier_map(studio, child, map_id="made-since") is None


def test_a_preview_behind_many_later_runs_is_still_found(studio):
    """Twelve runs failed after the one that drew it; the page lists ten."""
    snapshot_id = bring(studio, "behind", rows_of(range(1, 41), "behind"))
    made = snapshots.require(studio.store, snapshot_id)

    def run(ticket: int) -> str:
        run_id = f"behind-{ticket:02d}"
        spec = RunSpec(run_id=run_id, kind="map", title="behind", ticket=ticket, created_at="2026-01-01",
                       created_by="t",
                       params={"encoder_key": "lexical@1"}, inputs={}, seed=0, snapshot_id=snapshot_id,
                       corpus_id=made.corpus_id)  # fmt: skip
        rundir.create(studio.workspace.runs, spec)
        rundir.write_status(studio.workspace.run_dir(run_id), rundir.RunStatus("failed"))
        return run_id

    preview = studio.workspace.run_dir(run(1)) / "preview"
    preview.mkdir()
    pq.write_table(pa.table({"example_id": range(1, 41), "x": [0.0] * 40, "y": [0.0] * 40,
                             "cluster": pa.array([0] * 40, pa.int32())}), preview / "points.parquet")  # fmt: skip
    content = {"map_id": "early", "method": "preview", "trustworthiness": 0.9, "neighbour_overlap": 0.5,
               "n_quality": 40, "cluster_method": "test", "stability": 0.9, "noise_share": 0.0, "is_preview": True,
               "clusters": [{"cluster": 0, "size": 40, "keywords": ["all"], "name": "all"}]}  # fmt: skip
    files.write_json(preview / "map.json", content)
    for ticket in range(2, 14):
        run(ticket)
    explore_previews.take_over(studio, snapshot_id)
    assert [chart.map_id for chart in maps.of_snapshot(studio.store, snapshot_id)] == ["early"]


@pytest.mark.parametrize("ask", ["map", "prepare", "both"])
def test_two_tabs_at_once_start_one_run(studio, monkeypatch, ask):
    """Each looked for a live run, saw none and queued one."""
    snapshot_id = bring(studio, f"tabs {ask}", rows_of(range(1, 31), f"tabs {ask}"))
    begin = {"map": lambda: explore.start(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical"),
             "prepare": lambda: select_prepare.prepare(studio, ADMIN, snapshot_id=snapshot_id)}  # fmt: skip
    queue = runs.submit
    monkeypatch.setattr(runs, "submit", lambda *args, **values: time.sleep(0.3) or queue(*args, **values))
    gate, ids = threading.Barrier(2), []

    def press(what: str) -> None:
        gate.wait()
        ids.append(begin[what]())

    tabs = [
        threading.Thread(target=press, args=(what,)) for what in (("map", "prepare") if ask == "both" else (ask,) * 2)
    ]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    listed = runs.overview(studio, kinds=("embed", "map", "measure"), snapshot_id=snapshot_id)
    assert [view.run_id for view in listed] == list(set(ids)) and len(ids) == 2
    runs.cancel(studio, ADMIN, run_id=ids[0])


def test_without_an_earlier_map_there_is_nothing_to_place_on(studio):
    alone = bring(studio, "alone", rows_of(range(1, 20), "alone"))
    assert explore_plan.earlier_map(studio, alone) is None
    with pytest.raises(StoreError, match="No earlier version"):
        explore.place_new(studio, ADMIN, snapshot_id=alone)


def test_a_run_without_memory_is_refused_before_it_is_queued(studio, parent, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 100 * 1024**2)
    monkeypatch.setattr(explore_plan, "available_bytes", memory.available_bytes)
    n_runs = len(runs.overview(studio, limit=1_000))
    for ask in (explore.embed, explore.make_map, explore.start):
        with pytest.raises(MeasureError, match="not enough free memory") as refused:
            ask(studio, ADMIN, snapshot_id=parent)
        assert "0.1 GB free" in str(refused.value.got)
    assert len(runs.overview(studio, limit=1_000)) == n_runs
    cost = explore_plan.plan(studio, snapshots.require(studio.store, parent), "lexical")
    assert not cost.has_room and cost.free_bytes == 100 * 1024**2 and cost.n_preview == 0
