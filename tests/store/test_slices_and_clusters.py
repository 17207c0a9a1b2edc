"""Decisions on slices and clusters: append-only rows, and what every reader sees once they are in force."""

from __future__ import annotations

import numpy as np
import pytest

from studio.errors import CorpusError, StoreError
from studio.records import Condition
from studio.store import clusters, examples, maps, scores, slices
from studio.store.connection import Store
from tests.workflows import small_corpus


@pytest.fixture
def store(workspace):
    opened = Store(workspace)
    yield opened
    opened.close()


@pytest.fixture
def mapped(store):
    """40 examples with ids 1 to 40 on a map: clusters 0 (20), 1 (10), 2 (6), none (4)."""
    snapshot_id = small_corpus.make(store, n=40)
    codes = np.repeat([0, 1, 2, -1], [20, 10, 6, 4])
    with store.write() as cursor:
        cursor.execute(
            "INSERT INTO map (map_id, snapshot_id, encoder_key, params, seed, noise_share, created_at) "
            "VALUES ('m', $s, 'lexical@1', '{}', 0, 0.1, now())", {"s": snapshot_id})  # fmt: skip
        cursor.execute(
            "INSERT INTO map_point SELECT 'm', unnest($ids), 0, 0, unnest($codes)",
            {"ids": list(range(1, 41)), "codes": codes.tolist()},
        )
        cursor.execute("INSERT INTO cluster VALUES ('m', -1, 4, ['x'], 'x'), ('m', 0, 20, ['tea', 'cup'], 'tea'), "
                       "('m', 1, 10, ['oil', 'can'], 'oil'), ('m', 2, 6, ['tin', 'pan'], 'tin')")  # fmt: skip
    return snapshot_id


def in_cluster(store, snapshot_id: str, number: int) -> int:
    return examples.count(store, snapshot_id, [Condition("cluster", "eq", number)], map_id="m")


def test_merges_and_names_are_in_force_for_every_reader_and_can_be_taken_back(store, mapped):
    first = clusters.add(store, "m", mapped, kind="merge", clusters=[1, 2], target=1, by="a", name="hardware")
    clusters.add(store, "m", mapped, kind="merge", clusters=[0, 1, 2], target=0, by="a")
    last = clusters.add(store, "m", mapped, kind="rename", clusters=[0], target=0, by="b", name="goods")
    everything = clusters.table(store, "m")
    assert everything[["cluster", "size", "name"]].values.tolist() == [[-1, 4, "x"], [0, 36, "goods"]]
    assert everything["keywords"][1] == ["tea", "oil", "tin", "cup", "can", "pan"]
    assert in_cluster(store, mapped, 0) == 36 and in_cluster(store, mapped, 2) == 0
    assert scores.clusters(store, "m")["cluster"].value_counts().to_dict() == {0: 36, -1: 4}
    assert scores.cluster_names(store, "m") == {-1: "x", 0: "goods"}
    assert maps.points(store, "m", as_found=True)["cluster"].nunique() == 4
    merge = clusters.in_force(store, "m")[-2]
    for undone in (last, merge.decision_id):
        clusters.add(store, "m", mapped, kind="undo", undoes=undone, by="a")
    now = clusters.table(store, "m")
    assert now[["cluster", "size", "name"]].values.tolist() == [[-1, 4, "x"], [0, 20, "tea"], [1, 16, "hardware"]]
    assert maps.points(store, "m")["cluster"].value_counts().to_dict() == {0: 20, 1: 16, -1: 4}
    clusters.add(store, "m", mapped, kind="undo", undoes=first, by="a")
    assert maps.clusters(store, "m")["size"].tolist() == [4, 20, 10, 6]
    assert clusters.count(store, "m") == 6, "nothing is ever deleted"
    assert store.one("SELECT count(*) FROM cluster_decision WHERE map_id = 'm'") == (6,)


def test_a_merge_holds_when_a_removal_empties_the_cluster_it_went_into(store, mapped):
    clusters.add(store, "m", mapped, kind="merge", clusters=[1, 2], target=1, by="a")
    with store.write() as cursor:
        cursor.execute("DELETE FROM cluster WHERE cluster = 1")
    assert clusters.table(store, "m")[["cluster", "size", "name"]].values.tolist()[-1] == [1, 6, "tin"]


def test_what_is_computed_from_clusters_knows_that_they_changed(store, mapped):
    assert scores.surroundings(store, mapped).map_mark == "m"
    clusters.add(store, "m", mapped, kind="rename", clusters=[0], target=0, by="b", name="goods")
    around = scores.surroundings(store, mapped)
    assert around.map_id == "m" and around.map_mark == "m+1"


def test_a_slice_is_a_filter(store, mapped):
    odd = slices.add_slice(store, mapped, name="odd", definition={}, example_ids=range(1, 41, 2), by="a")
    low = slices.add_slice(store, mapped, name="low", definition={}, example_ids=range(1, 6), by="a")

    def ids(*conditions):
        return examples.ids(store, mapped, conditions, map_id="m").tolist()

    assert ids(Condition("slice", "eq", low)) == [1, 2, 3, 4, 5]
    assert ids(Condition("slice", "in", [low, odd])) == [1, 2, 3, 4, *range(5, 41, 2)]
    assert ids(Condition("slice", "eq", odd), Condition("slice", "eq", low)) == [1, 3, 5]
    assert ids(Condition("slice", "ne", odd)) == list(range(2, 41, 2))
    assert ids(Condition("slice", "eq", odd), Condition("cluster", "eq", -1)) == [37, 39]
    for bad in (Condition("slice", "eq", "nope"), Condition("slice", "contains", odd), Condition("slice", "eq", None),
                Condition("slice", "in", [low, "' OR 1=1 --"])):  # fmt: skip
        with pytest.raises(CorpusError):
            ids(bad)
    with pytest.raises(CorpusError):
        examples.frame(store, mapped, ("slice",))


def test_a_slice_without_examples_has_no_ids(store, mapped):
    none = slices.add_slice(store, mapped, name="none", definition={}, example_ids=[], by="a")
    assert slices.ids(store, mapped, none).tolist() == [] and slices.get_slice(store, none).n == 0


def test_names_and_deletions_of_slices_are_rows_that_stay(store, mapped):
    made = slices.add_slice(store, mapped, name="first", definition={"found_by": "ids"}, example_ids=[3, 1], by="a")
    slices.decide(store, made, kind="rename", name="second", by="b")
    slices.decide(store, made, kind="rename", name="third", by="b")
    assert slices.slices(store, mapped)[["name", "n"]].values.tolist() == [["third", 2]]
    slices.decide(store, made, kind="delete", by="b")
    assert slices.slices(store, mapped).empty
    assert slices.slices(store, mapped, deleted=True)["is_deleted"].tolist() == [True]
    kept = slices.require_slice(store, made)
    assert kept.is_deleted and kept.name == "third" and kept.n == 2, "a link to it keeps its meaning"
    assert slices.ids(store, mapped, made).tolist() == [3, 1] and slices.is_of(store, mapped, made)
    assert slices.ids(store, mapped, "x") is None and not slices.is_of(store, "other", made)
    assert examples.count(store, mapped, [Condition("slice", "eq", made)]) == 2
    slices.decide(store, made, kind="restore", by="b")
    assert slices.slices(store, mapped)["slice_id"].tolist() == [made]
    assert store.rows("SELECT name FROM slice") == [("first",)]
    assert store.rows("SELECT kind FROM slice_decision ORDER BY number") == [
        (k,) for k in ("rename", "rename", "delete", "restore")
    ]
    with pytest.raises(StoreError, match="not known"):
        slices.decide(store, "nope", kind="delete", by="b")
