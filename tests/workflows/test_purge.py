"""Removing an example, a person and a corpus: nothing of them is found in any byte of the workspace afterwards."""

from __future__ import annotations

import io
import json
import random
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus.roles import Roles
from studio.corpus.writing.plan import ExportPlan
from studio.errors import AccessError, CorpusError, JobError, SelectionError, StoreError
from studio.mapping.neighbours import nearest_neighbours
from studio.records import Actor, AnnotationEvent, Condition
from studio.settings import Settings, Workspace
from studio.store import (
    annotations,
    audit_log,
    examples,
    labels,
    maps,
    rounds,
    selections,
    snapshots,
    splits,
    vectors,
)  # fmt: skip
from studio.store import (
    clusters as cluster_rows,
)
from studio.store import (
    corpora as corpus_rows,
)
from studio.store import (
    purge as purge_rows,
)
from studio.store import (
    slices as slice_rows,
)
from studio.workflows import (
    clusters,
    corpora,
    corpora_export,
    explore,
    explore_map,
    purge,
    purge_pending,
    runs,
    select_targets,
    slices,
)
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers

ADMIN = Actor("tester", "admin")
MARK = "ZXQ-7781 my neighbour Ottilie Quandt broke the copper kettle"
NOTE = "annotator remarks: Ottilie Quandt is a real person, see kettle"
PERSON = "ottilie.quandt@example.org"
N = 120


def corpus_text(mark: str = MARK, person: str = PERSON) -> str:
    rng = random.Random(1)
    words = "card payment shop rate euro dollar lost phone number terminal refused abroad device".split()
    rows = ["text,label,region,author"]
    for i in range(N):
        author = f"user{i % 40}@example.org"
        text = f"{' '.join(rng.sample(words, 5))} {i}"
        if i in (17, 18):
            author, text = person, f"{mark} part {i}"
        rows.append(f"{text},{'ab'[i % 2]},{'NS'[i % 3 == 0]},{author}")
    return "\n".join([*rows, f",a,N,{mark} was rejected"]) + "\n"


def bring(studio, text: str, name: str, **more) -> str:
    given = corpora.spool(studio, ADMIN, name="data.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[given], roles=Roles("text", "label", ("region",)), name=name,
                                  language="en", **more)  # fmt: skip
    wait(studio, run_id)
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def wait(studio, run_id: str) -> None:
    status = runs.wait(studio, run_id, 240)
    assert status.state == "done", (runs.detail(studio, run_id).failure, runs.detail(studio, run_id).log[-2000:])


def note(studio, snapshot_id: str, example_id: int, text: str) -> None:
    row = examples.by_ids(studio.store, snapshot_id, [example_id]).iloc[0]
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    for event, payload in (("label", {"version": 1, "kind": "class", "value": "a"}),
                           ("note", {"version": 1, "kind": "note", "value": text})):  # fmt: skip
        annotations.append(studio.store, [AnnotationEvent(
            event_id=f"{corpus_id}-{example_id}-{event}", corpus_id=corpus_id, snapshot_id=snapshot_id,
            example_id=example_id, row_hash=row["row_hash"], event=event, actor="ann", role="annotator",
            payload=payload, selection_id=f"q{corpus_id}",
        )])  # fmt: skip


def freeze(studio, snapshot_id: str, ids) -> str:
    found = snapshots.require(studio.store, snapshot_id)
    selections.add(studio.store, selection_id=f"q{found.corpus_id}", corpus_id=found.corpus_id, snapshot_id=snapshot_id,
                   name="Queue", strategy="top_score", arm="selection", budget=len(ids), seed=0,
                   recipe={"targets": {"text": f"like {MARK} part 17"}}, ids=ids,
                   reasons=["above_threshold"] * len(ids), by="tester")  # fmt: skip
    return f"q{found.corpus_id}"


def where(workspace: Workspace, *needles: str) -> list[str]:
    """Every file in which one of the needles stands as bytes, packed Parquet and DuckDB columns read out too."""
    import duckdb

    found = []
    for path in sorted(workspace.root.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += repr(pq.read_table(path).to_pylist()).encode()
        if path.name == "studio.duckdb":
            copy = workspace.root.parent / "copy.duckdb"
            shutil.copyfile(path, copy)
            with duckdb.connect(str(copy)) as opened:
                for (table,) in opened.execute("SELECT table_name FROM information_schema.tables").fetchall():
                    data += repr(opened.execute(f'SELECT * FROM "{table}"').fetchall()).encode()
            copy.unlink()
        if any(needle.encode() in data for needle in needles):
            found.append(path.relative_to(workspace.root).as_posix())
    return found


def remove(studio, target: purge.Target, **more) -> dict:
    made = purge.plan(studio, target, more.get("options"))
    run_id = purge.start(studio, ADMIN, target=target, confirm=made.confirm, **more)
    wait(studio, run_id)
    assert purge_pending.pending(studio.workspace) is None
    return purge.reports(studio)[0]


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A workspace in which everything was done once with a corpus that holds the marker."""
    root = tmp_path_factory.mktemp("purge") / "workspace"
    studio = open_studio(Settings(Workspace(root), device="cpu"))
    snapshot_id = bring(studio, corpus_text(), "People")
    wait(studio, explore.embed(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical", k=10, then_map=True))
    follow = runs.live(studio, kind="map", snapshot_id=snapshot_id)
    follow = follow or runs.overview(studio, kinds=("map",), snapshot_id=snapshot_id)[0]
    wait(studio, follow.run_id)
    note(studio, snapshot_id, 17, NOTE)
    note(studio, snapshot_id, 20, "an honest note of another example")
    freeze(studio, snapshot_id, [17, 3, 18, 5])
    theirs = slices.save(studio, ADMIN, snapshot_id=snapshot_id, name="theirs",
                         conditions=(Condition("text", "contains", MARK),))  # fmt: skip
    slices.rename(studio, ADMIN, slice_id=theirs, name=f"{MARK} part 17")
    chart = maps.newest(studio.store, snapshot_id)
    clusters.rename(studio, ADMIN, map_id=chart.map_id, cluster=0, name="first")
    clusters.rename(studio, ADMIN, map_id=chart.map_id, cluster=0, name=f"{MARK} part 17"[: clusters.MAX_NAME])
    clusters.rename(studio, ADMIN, map_id=chart.map_id, cluster=0, name="people")
    preview = studio.workspace.run_dir(follow.run_id) / "preview"  # as a run leaves it that was stopped
    preview.mkdir()
    pq.write_table(pa.table({"example_id": [17, 18]}), preview / "points.parquet")
    slices.save(studio, ADMIN, snapshot_id=snapshot_id, name="some", example_ids=[3, 17, 40])
    wait(studio, corpora_export.start(studio, ADMIN, snapshot_id=snapshot_id, plan=ExportPlan("jsonl")))
    (studio.workspace.backups / "studio-old.duckdb").write_bytes(b"old " + MARK.encode())
    (studio.workspace.inbox / "raw.csv").write_text(corpus_text())
    kept = studio.workspace.cache / "measure"
    kept.mkdir(parents=True)
    for name in ("given-1", "judged-1"):  # as a measure run leaves them: ids with labels, no text
        pq.write_table(pa.table({"example_id": [17, 3], "label": ["a", "b"]}), kept / f"{name}.parquet")
    corpora.spool(studio, ADMIN, name="again.csv", data=io.BytesIO(corpus_text().encode()))
    studio.store.checkpoint()
    yield studio, snapshot_id
    studio.close()
    kill_workers(studio.workspace)


@pytest.fixture
def copy(used, tmp_path):
    """A copy of the used workspace, opened."""
    studio, snapshot_id = used
    studio.store.checkpoint()
    root = tmp_path / "workspace"
    shutil.copytree(studio.workspace.root, root, ignore=shutil.ignore_patterns(".supervisor.lock"))
    opened = open_studio(Settings(Workspace(root), device="cpu"))
    yield opened, snapshot_id
    opened.close()
    kill_workers(opened.workspace)


def person(studio, snapshot_id: str, **more) -> purge.Target:
    return purge.Target("value", column="meta.author", value=PERSON, **more)


def test_the_dry_run_says_what_goes_and_touches_nothing(used):
    studio, snapshot_id = used
    before = {path: path.stat().st_mtime_ns for path in studio.workspace.snapshots.rglob("*.parquet")}
    made = purge.plan(studio, person(studio, snapshot_id))
    assert (made.n_examples, made.n_matched, made.confirm, made.is_everything) == (2, 2, "2", False)
    places = {(place.place, place.action): place.n for place in made.places}
    assert places[("snapshots", "rewrite")] == 1 and places[("vectors", "rewrite")] == 1
    assert places[("annotations", "drop")] == 2 and places[("notes", "drop")] == 1
    assert places[("selection_rows", "drop")] == 2 and places[("map_points", "drop")] == 2
    assert places[("exports", "delete")] == 1 and places[("backups", "delete")] == 1
    assert places[("uploads", "delete")] == 1 and places[("inbox", "delete")] == 1
    assert {path: path.stat().st_mtime_ns for path in studio.workspace.snapshots.rglob("*.parquet")} == before
    assert purge_pending.pending(studio.workspace) is None
    assert where(studio.workspace, "Ottilie Quandt")


def test_a_person_is_found_nowhere_afterwards(copy):
    studio, snapshot_id = copy
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    split_before = splits.frame(studio.store, snapshot_id).set_index("example_id")["split"]
    report = remove(studio, person(studio, snapshot_id))
    assert report["still_holding"] == [] and report["n_examples"] == 2
    studio.store.checkpoint()
    assert where(studio.workspace, "Ottilie Quandt", PERSON) == []
    new_id = snapshots.successor(studio.store, snapshot_id)
    new = snapshots.require(studio.store, new_id)
    assert snapshots.get(studio.store, snapshot_id) is None
    assert (new.n_examples, new.name, new.corpus_id) == (N - 2, "People", corpus_id)
    split_now = splits.frame(studio.store, new_id).set_index("example_id")["split"]
    assert split_now.to_dict() == split_before.drop([17, 18]).to_dict()
    decision = splits.history(studio.store, new_id)[0]
    kept = splits.assignment(studio.store, new_id, decision["decision_id"])
    assert kept.tolist() == split_now.tolist()  # the decision on record still fits the rows
    frozen = selections.of_corpus(studio.store, corpus_id)[0]
    assert selections.examples(studio.store, frozen.selection_id)["rank"].tolist() == [1, 2]
    assert (selections.ids(studio.store, frozen.selection_id).tolist(), frozen.n) == ([3, 5], 2)
    assert frozen.ids_hash == selections.hash_ids([3, 5]) and frozen.snapshot_id == new_id
    assert [event.example_id for event in annotations.events(studio.store, corpus_id)] == [20, 20]
    assert len(labels.current(studio.store, new_id)) > 0
    kept = slice_rows.slices(studio.store, new_id)
    assert dict(zip(kept["name"], kept["n"], strict=True)) == {"some": 2}
    assert studio.store.one("SELECT count(*) FROM slice_decision") == (0,), "of a slice that went nothing stays"
    chart = maps.newest(studio.store, new_id)
    decided = cluster_rows.in_force(studio.store, chart.map_id)
    assert [one.name for one in decided][::2] == ["first", "people"]
    assert studio.store.rows("SELECT DISTINCT snapshot_id FROM cluster_decision") == [(new_id,)]
    assert maps.clusters(studio.store, chart.map_id).set_index("cluster").loc[0, "name"] == "people"
    assert not list(studio.workspace.root.glob("runs/*/preview/*"))
    assert not list(studio.workspace.cache.glob("measure/*")), "ids with labels"
    assert len(maps.points(studio.store, chart.map_id)) == N - 2
    assert maps.clusters(studio.store, chart.map_id)["size"].sum() == N - 2
    entry = audit_log.latest(studio.store, 500).query("act == 'admin.purge'").iloc[0]
    assert json.loads(entry["detail"])["n_examples"] == 2 and PERSON not in entry["detail"]


@pytest.mark.slow
def test_vectors_and_neighbours_are_those_of_the_rows_that_stay(copy):
    studio, snapshot_id = copy
    old = vectors.require(studio.store, snapshot_id)
    before = np.load(old.vectors_file(studio.workspace.root))
    remove(studio, person(studio, snapshot_id))
    new = vectors.require(studio.store, snapshots.successor(studio.store, snapshot_id))
    after = np.load(new.vectors_file(studio.workspace.root))
    np.testing.assert_array_equal(after, np.delete(before, [17, 18], axis=0))
    found = nearest_neighbours(after, new.k)
    folder = studio.workspace.root / new.knn_path
    np.testing.assert_array_equal(np.load(folder / "idx.npy"), found.indices)
    np.testing.assert_allclose(np.load(folder / "dist.npy"), found.distances, atol=2e-6)
    assert explore_map.neighbours_of(studio, new.snapshot_id, 3, 5)


@pytest.mark.slow
def test_a_restart_brings_nothing_back(copy):
    """The journal restores what the database lacks: it must have lost the lines too."""
    studio, snapshot_id = copy
    remove(studio, person(studio, snapshot_id))
    studio.close()
    again = open_studio(studio.settings, supervise=False)
    try:
        assert annotations.count(again.store) == 2
        assert where(again.workspace, "Ottilie Quandt") == []
    finally:
        again.close()


@pytest.mark.slow
def test_kept_files_are_named_in_the_report(copy):
    studio, snapshot_id = copy
    target, options = person(studio, snapshot_id), purge.Options(backups=False, inbox=False)
    report = remove(studio, target, options=options)
    assert report["still_holding"] == ["backups/studio-old.duckdb", "inbox/raw.csv"]


@pytest.mark.slow
def test_one_example_takes_its_copies_along(copy):
    studio, snapshot_id = copy
    text = examples.by_ids(studio.store, snapshot_id, [30]).iloc[0]["text"]
    twin = bring(studio, f"text,label,region\n{text},a,N\nsomething else entirely,b,S\n", "Twin")
    target = purge.Target("example", snapshots.require(studio.store, snapshot_id).corpus_id, (30,))
    made = purge.plan(studio, target)
    assert (made.n_examples, made.n_copies, made.n_matched) == (2, 1, 1)
    remove(studio, target)
    assert snapshots.require(studio.store, snapshots.successor(studio.store, twin)).n_examples == 1
    studio.store.checkpoint()
    assert where(studio.workspace, text) == []


def test_a_whole_corpus_leaves_nothing_but_its_line_in_the_audit_log(copy):
    studio, snapshot_id = copy
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    target = purge.Target("corpus", corpus_id)
    assert purge.plan(studio, target).confirm == "People"
    with pytest.raises(CorpusError, match="confirmation"):
        purge.start(studio, ADMIN, target=target, confirm="people")
    remove(studio, target)
    assert snapshots.list_all(studio.store) == []
    assert annotations.count(studio.store) == 0
    assert not any(studio.workspace.snapshots.iterdir()) and not any(studio.workspace.vectors.iterdir())
    with pytest.raises(CorpusError):
        corpus_rows.get(studio.store, corpus_id)
    studio.store.checkpoint()
    assert where(studio.workspace, "Ottilie Quandt", "terminal refused") == []


@pytest.mark.slow
def test_a_version_that_becomes_another_one_is_joined_with_it(copy):
    """Version 2 is version 1 without a row; when that row is removed from 1, both are the same content."""
    studio, snapshot_id = copy
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    without = "\n".join(line for line in corpus_text().splitlines() if f"{MARK} part" not in line) + "\n"
    second = bring(studio, without, "ignored", corpus_id=corpus_id)
    remove(studio, person(studio, snapshot_id))
    listed = snapshots.of_corpus(studio.store, corpus_id)
    assert [item.snapshot_id for item in listed] == [second]
    assert snapshots.successor(studio.store, snapshot_id) == second
    assert len(splits.frame(studio.store, second)) == N - 2
    assert selections.of_corpus(studio.store, corpus_id)[0].snapshot_id == second


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (purge.Target("example", "nope", (1,)), "corpus is not known"),
        (purge.Target("value", column="meta.author", value="nobody"), "No example fits"),
        (purge.Target("value", column="meta", value="x"), "cannot be found by this column"),
        (purge.Target("value", column='text" OR 1=1 --', value="x"), "cannot be found by this column"),
        (purge.Target("person", column="meta.author", value="x"), "nothing of that kind"),
        (purge.Target("corpus"), "must be named"),
    ],
)
def test_bad_targets_are_refused(used, target, error):
    with pytest.raises(CorpusError, match=error):
        purge.plan(used[0], target)


def test_an_unknown_example_a_wrong_number_and_a_low_role_are_refused(used):
    studio, snapshot_id = used
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    with pytest.raises(CorpusError, match="not in the corpus"):
        purge.plan(studio, purge.Target("example", corpus_id, (10**6,)))
    with pytest.raises(CorpusError, match="confirmation"):
        purge.start(studio, ADMIN, target=person(studio, snapshot_id), confirm="3")
    with pytest.raises(AccessError):
        purge.start(studio, Actor("ann", "analyst"), target=person(studio, snapshot_id), confirm="2")


def test_every_table_with_examples_has_an_owner(store):
    """A new table with a column example_id must say whose examples it means, or a removal would pass it over."""
    for table, columns in purge_rows.tables(store).items():
        assert purge_rows.owner_of(columns) != "", table


def test_live_runs_and_a_second_removal_are_refused(copy):
    studio, snapshot_id = copy
    target = person(studio, snapshot_id)
    studio.supervisor.close()  # what is queued now stays queued
    live = explore.embed(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical")
    assert purge.plan(studio, target).live == ("People · lexical",)
    with pytest.raises(JobError, match="at work"):
        purge.start(studio, ADMIN, target=target, confirm="2")
    runs.cancel(studio, ADMIN, run_id=live)
    studio.supervisor.start()
    runs.wait(studio, live, 60)
    studio.supervisor.close()
    purge.start(studio, ADMIN, target=target, confirm="2")
    with pytest.raises(StoreError, match="under way"):
        purge.start(studio, ADMIN, target=target, confirm="2")
    with pytest.raises(JobError, match="being removed"):
        explore.embed(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical")
    purge.give_up(studio, ADMIN)
    assert purge_pending.pending(studio.workspace) is None
    assert len(purge.plan(studio, target).snapshots) == 1


def add_round(studio, snapshot_id: str, round_id: str) -> None:
    """A round as a training run leaves it: frozen rows, predictions, a report, a file of weights."""
    found, root = snapshots.require(studio.store, snapshot_id), studio.workspace.root
    (root / "inputs" / round_id).mkdir(parents=True)
    ids = pa.array([3, 17, 20, 30], pa.int64())
    rows = pa.table({"example_id": ids, "part": ["train", "train", "train", "pool"]})
    pq.write_table(rows, root / "inputs" / round_id / "rows.parquet")
    studio.workspace.run_dir(round_id).mkdir()
    spec = {"run_id": round_id, "kind": "train", "title": "t", "created_at": "", "created_by": "x", "ticket": 5,
            "corpus_id": found.corpus_id, "snapshot_id": snapshot_id}  # fmt: skip
    (studio.workspace.run_dir(round_id) / "spec.json").write_text(json.dumps(spec))
    folder = studio.workspace.model_dir(round_id)
    folder.mkdir()
    pq.write_table(rows.rename_columns(["example_id", "predicted"]), folder / "predictions.parquet")
    pq.write_table(pa.table({"example_id": ids[:3], "gold_probs": [[0.5]] * 3}), folder / "dynamics.parquet")
    (folder / "report.json").write_text(json.dumps({"worst": f"{MARK} part 17"}))
    (folder / "model.safetensors").write_bytes(b"weights")
    rounds.add(studio.store, {
        "round_id": round_id, "corpus_id": found.corpus_id, "snapshot_id": snapshot_id, "name": "first", "arm": "x",
        "run_id": round_id, "loop_id": None, "plan": {}, "n_train": 3, "n_validation": 1, "accuracy": 0.5,
        "macro_f1": 0.5, "report": {"worst": f"{MARK} part 17"}, "path": f"models/{round_id}", "test_openings": 0,
        "created_by": "x",
    })  # fmt: skip


@pytest.mark.parametrize("gone", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_models_that_learnt_from_them_are_named_or_deleted(copy, gone):
    studio, snapshot_id = copy
    add_round(studio, snapshot_id, "round1")
    goal = f"another goal\n{MARK} part 17 目标\n".encode()
    kept = select_targets.keep_file(studio, ADMIN, name="goal.txt", data=goal)
    made = purge.plan(studio, person(studio, snapshot_id))
    assert [(m["round_id"], m["n"]) for m in made.models] == [("round1", 1)]
    report = remove(studio, made.target, options=purge.Options(models=("round1",) if gone else ()))
    studio.store.checkpoint()
    assert where(studio.workspace, "Ottilie Quandt", PERSON) == [] and report["still_holding"] == []
    with pytest.raises(SelectionError, match="not there any more"):
        select_targets.read(studio, snapshot_id, file=kept.name)
    folder = studio.workspace.model_dir("round1")
    if gone:
        assert not folder.exists() and rounds.get(studio.store, "round1") is None
        return
    assert [m["round_id"] for m in report["trained_on"]] == ["round1"]
    assert (folder / "model.safetensors").exists()
    assert pq.read_table(folder / "predictions.parquet")["example_id"].to_pylist() == [3, 20, 30]
    assert pq.read_table(folder / "dynamics.parquet")["example_id"].to_pylist() == [3, 20]
    rows = pq.read_table(studio.workspace.root / "inputs" / "round1" / "rows.parquet")
    assert rows["example_id"].to_pylist() == [3, 20, 30]
    assert rounds.require(studio.store, "round1").snapshot_id == snapshots.successor(studio.store, snapshot_id)


def test_a_worker_that_fails_has_changed_nothing(copy):
    """Such as a full disk while the successor is written: the old snapshot is whole and the removal can go on."""
    studio, snapshot_id = copy
    file = studio.workspace.examples_file(snapshot_id)
    target = person(studio, snapshot_id)
    studio.supervisor.close()
    run_id = purge.start(studio, ADMIN, target=target, confirm="2")
    whole = file.read_bytes()
    file.write_bytes(whole[:200])  # what is read breaks off
    studio.supervisor.start()
    assert runs.wait(studio, run_id, 60).state == "failed"
    assert purge_pending.pending(studio.workspace)["steps"] == []
    file.write_bytes(whole)
    assert purge.go_on(studio, ADMIN) == run_id
    wait(studio, run_id)
    assert snapshots.list_all(studio.store)[0].n_examples == N - 2
