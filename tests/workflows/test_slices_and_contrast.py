"""Slices, clusters people decide on, more of the same, and what sets a part apart, over a written map."""

from __future__ import annotations

import numpy as np
import pytest

from studio.errors import AccessError, CorpusError, MeasureError, StoreError
from studio.mapping.halves import is_held
from studio.records import Actor, Condition
from studio.selection.recipe import Recipe
from studio.settings import Settings, Workspace
from studio.store import clusters as cluster_rows
from studio.store import examples, maps, snapshots
from studio.store import slices as slice_rows
from studio.workflows import (
    clusters,
    contrast,
    corpora_export,
    explore_colours,
    explore_map,
    select_matrix,
    select_scores,
    slices,
)
from studio.workflows.studio import open_studio
from tests.browser import large_map

ADMIN = Actor("tester", "admin")
N = 2_400
BOX = "-999,-999;999,-999;999,999;-999,999"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("slices") / "workspace").make()
    studio = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def made(opened):
    return large_map.make(opened.store, N)


@pytest.fixture(scope="module")
def map_id(opened, made):
    return maps.newest(opened.store, made).map_id


# --- slices -----------------------------------------------------------------------------------------------------------
def test_a_slice_is_saved_renamed_put_away_and_brought_back(opened, made, map_id):
    where = (Condition("group_region", "eq", "N"),)
    made_id = slices.save(opened, ADMIN, snapshot_id=made, name=" north ", map_id=map_id, outline=BOX, conditions=where,
                          held=3)  # fmt: skip
    kept = slice_rows.require_slice(opened.store, made_id)
    north = examples.ids(opened.store, made, where)
    assert kept.name == "north" and slice_rows.ids(opened.store, made, made_id).tolist() == north.tolist()
    assert kept.definition["held"] == 3 and kept.definition["found_by"] == "lasso"
    slices.rename(opened, ADMIN, slice_id=made_id, name="up north")
    assert slice_rows.slices(opened.store, made)["name"].tolist() == ["up north"]
    slices.delete(opened, ADMIN, slice_id=made_id)
    assert slice_rows.slices(opened.store, made).empty
    assert examples.count(opened.store, made, [Condition("slice", "eq", made_id)]) == len(north)
    slices.restore(opened, ADMIN, slice_id=made_id)
    assert len(slice_rows.slices(opened.store, made)) == 1
    listed = slices.save(opened, ADMIN, snapshot_id=made, name="x", example_ids=[5, 3], held=3)
    assert "held" not in slice_rows.require_slice(opened.store, listed).definition, "a list was looked at"
    for act in (slices.rename, slices.delete):
        more = {"name": "y"} if act is slices.rename else {}
        with pytest.raises(AccessError):
            act(opened, Actor("v", "viewer"), slice_id=made_id, **more)
    with pytest.raises(StoreError, match="needs a name"):
        slices.rename(opened, ADMIN, slice_id=made_id, name=" ")


def test_more_like_a_part_is_nearest_to_its_middle_and_not_of_it(opened, made):
    found = examples.ids(opened.store, made)
    rows = np.load(next(opened.workspace.root.glob("vectors/*/lexical@1/vectors.npy")))
    part = found[10:40]
    middle = rows[10:40].mean(0)
    likeness = rows @ (middle / np.linalg.norm(middle))
    likeness[10:40] = -2
    order = np.argsort(-likeness, kind="stable")[:7]
    near = explore_map.more_like(opened, made, part, 7)
    assert [number for number, _ in near] == found[order].tolist()
    assert [score for _, score in near] == pytest.approx(likeness[order].tolist(), abs=1e-3)
    assert explore_map.more_like(opened, made, [1], 1, without=False)[0][0] == 1
    with pytest.raises(StoreError, match="None of these"):
        explore_map.more_like(opened, made, [2**52])


def test_a_slice_is_exported_with_the_labels_that_may_be_seen(opened, made):
    made_id = slices.save(opened, ADMIN, snapshot_id=made, name="four", example_ids=[9, 5, 8, 6])
    assert corpora_export.kinds(opened, made)[f"slice:{made_id}"] == (4, "four")
    table = corpora_export.choose(opened, snapshot_id=made, what=f"slice:{made_id}").decisions.to_pandas()
    assert table["example_id"].tolist() == [5, 6, 8, 9]
    assert table["split"].tolist() == ["pool", "train", "test", "pool"], (
        "ids are positions + 1, splits go round in fours"
    )
    assert table["label"].isna().tolist() == [True, False, False, True], "the pool stays blind"
    with pytest.raises(CorpusError, match="not one of this corpus"):
        corpora_export.choose(opened, snapshot_id=made, what="slice:nope")


# --- clusters ---------------------------------------------------------------------------------------------------------
def test_clusters_are_merged_renamed_and_given_back_step_by_step(opened, made, map_id):
    before = maps.clusters(opened.store, map_id)
    size = dict(zip(before["cluster"], before["size"], strict=True))
    large = max((7, 4), key=size.get)
    assert size[7] != size[4] and size[2] < size[7] + size[4], "the largest one gives its number"
    assert clusters.merge(opened, ADMIN, map_id=map_id, chosen=[7, 4], name="pair") == large
    assert clusters.merge(opened, ADMIN, map_id=map_id, chosen=[large, 2]) == large
    clusters.rename(opened, ADMIN, map_id=map_id, cluster=large, name=" three ")
    now = maps.clusters(opened.store, map_id).set_index("cluster")
    assert now.loc[large, "size"] == size[2] + size[4] + size[7] and now.loc[large, "name"] == "three"
    assert len(now) == len(before) - 2
    column = explore_colours.column(opened, snapshots.require(opened.store, made), map_id, "cluster")
    assert "2" not in column.names and column.names[0] == str(large)
    for _ in range(2):
        clusters.undo(opened, ADMIN, map_id=map_id)
    now = maps.clusters(opened.store, map_id).set_index("cluster")
    assert now.loc[large, "size"] == size[4] + size[7] and now.loc[large, "name"] == "pair"
    assert now.loc[2, "size"] == size[2]
    clusters.undo(opened, ADMIN, map_id=map_id)
    assert maps.clusters(opened.store, map_id).equals(before)
    assert cluster_rows.count(opened.store, map_id) == 6
    for bad, error in (({"chosen": [1]}, "two clusters"), ({"chosen": [1, 99]}, "no such cluster"),
                       ({"chosen": [-1, 1]}, "no such cluster")):  # fmt: skip
        with pytest.raises(StoreError, match=error):
            clusters.merge(opened, ADMIN, map_id=map_id, **bad)
    with pytest.raises(StoreError, match="nothing to take back"):
        clusters.undo(opened, ADMIN, map_id=map_id)
    with pytest.raises(AccessError):
        clusters.rename(opened, Actor("a", "annotator"), map_id=map_id, cluster=1, name="x")


def test_select_limits_the_clusters_people_made(opened, made, map_id):
    clusters.merge(opened, ADMIN, map_id=map_id, chosen=[0, 5], name="joined")
    try:
        state = select_scores.state(opened, made)
        pool = select_matrix.load(opened, made, state, Recipe())
        codes, keys = pool.matrix.columns["cluster"], pool.matrix.keys["cluster"]
        assert len(keys) == large_map.N_CLUSTERS - 1 and "topic 5" not in keys
        joined = pool.matrix.ids[codes == keys.index("joined")]
        points = maps.points(opened.store, map_id, as_found=True).set_index("example_id")["cluster"]
        assert set(points.loc[joined]) == {0, 5}
        assert set(points.loc[pool.matrix.ids[codes == keys.index("topic 6")]]) == {6}
    finally:
        clusters.undo(opened, ADMIN, map_id=map_id)


# --- colours ----------------------------------------------------------------------------------------------------------
def test_columns_are_coded_by_frequency_and_the_pool_stays_blind(opened, made, map_id):
    snapshot = snapshots.require(opened.store, made)
    label = explore_colours.column(opened, snapshot, map_id, "label_now")
    assert (label.codes < 0).sum() == N // 4, "labels of the pool are hidden"
    assert np.array_equal(np.bincount(label.codes + 1)[1:], np.sort(np.bincount(label.codes + 1)[1:])[::-1])
    length = explore_colours.column(opened, snapshot, map_id, "length")
    texts = examples.frame(opened.store, made, ("text",))["text"]
    assert length.numbers.tolist() == texts.str.len().tolist()
    assert length.scale == pytest.approx(tuple(np.percentile(texts.str.len(), [2, 98])))
    state = explore_colours.column(opened, snapshot, map_id, "state")
    assert dict(zip(state.names, np.bincount(state.codes), strict=True)) == {
        "imported": N * 3 // 4,
        "unlabelled": N // 4,
    }
    mix = explore_colours.label_mix(opened, snapshot, map_id)
    assert all(len(labels) == 1 for labels in mix.values()), "a cluster of this corpus has one label"


# --- contrast ---------------------------------------------------------------------------------------------------------
def part(opened, made, map_id, *conditions, **more):
    return contrast.part_of(opened, made, map_id=map_id, conditions=conditions, **more)


def test_what_was_found_by_looking_has_no_p_value(opened, made, map_id):
    found = contrast.compare(opened, made, part(opened, made, map_id, Condition("cluster", "eq", 0)))
    assert not found.is_tested and "q" not in found.categories and "q" not in found.words
    top = found.categories.iloc[0]
    assert top.attribute == "label_now" and top["name"] == "billing" and top.low > 10
    assert found.words.iloc[0].word == "billing" and found.words.iloc[0].z > 5
    assert (found.n_in + found.n_out) == N and len(found.typical) == 5
    assert found.lengths["low"] <= found.lengths["longer"] <= found.lengths["high"]


def test_a_part_chosen_blind_is_tested_on_the_half_nobody_saw(opened, made, map_id):
    """Sources go round in threes, whatever cluster, label or region: none of them may be called different."""
    where = Condition("source", "eq", "mail")
    side = part(opened, made, map_id, where, blind=5)
    found = contrast.compare(opened, made, side, held=5)
    ids = examples.ids(opened.store, made)
    held = is_held(ids, 5)
    mail = np.isin(ids, side.ids)
    assert (found.held_in, found.held_out) == ((held & mail).sum(), (held & ~mail).sum())
    assert (found.n_in, found.n_out) == ((~held & mail).sum(), (~held & ~mail).sum())
    assert "source" not in set(found.categories["attribute"]), "it was chosen by it"
    assert found.words_tested and found.words["q"].min() > 0.05 and found.categories["q"].min() > 0.05
    label = part(opened, made, map_id, Condition("label_now", "eq", "billing"), blind=5)
    words = contrast.compare(opened, made, label, held=5).words
    assert words.iloc[0].word == "billing" and words.iloc[0].q < 1e-6


def test_the_map_is_made_of_the_texts_so_words_are_not_tested_on_it(opened, made, map_id):
    for side in (part(opened, made, map_id, Condition("cluster", "eq", 0), blind=5),
                 part(opened, made, map_id, blind=5, outline="-3,-3;3,-3;3,3;-3,3")):  # fmt: skip
        found = contrast.compare(opened, made, side, held=5)
        assert found.is_tested and not found.words_tested and "q" not in found.words
        assert found.categories["q"].min() < 1e-3, "labels follow the clusters of this corpus"


def test_a_slice_is_tested_only_under_the_half_it_was_found_without(opened, made, map_id):
    blind = slices.save(opened, ADMIN, snapshot_id=made, name="blind", map_id=map_id, outline="-3,-3;3,-3;3,3;-3,3",
                        held=5)  # fmt: skip
    seen = slices.save(opened, ADMIN, snapshot_id=made, name="seen", map_id=map_id, outline="-3,-3;3,-3;3,3;-3,3")
    for slice_id, held, is_tested in ((blind, 5, True), (blind, 6, False), (seen, 5, False), (blind, None, False)):
        side = part(opened, made, map_id, Condition("slice", "eq", slice_id), blind=held)
        assert contrast.compare(opened, made, side, held=held).is_tested is is_tested
        assert side.from_map


def test_a_slice_of_a_slice_that_was_looked_at_is_not_blind(opened, made, map_id):
    seen = slices.save(opened, ADMIN, snapshot_id=made, name="seen", map_id=map_id, outline="-3,-3;3,-3;3,3;-3,3")
    inner = (Condition("slice", "eq", seen), Condition("group_region", "eq", "N"))
    outer = slices.save(opened, ADMIN, snapshot_id=made, name="outer", map_id=map_id, conditions=inner, held=5)
    side = part(opened, made, map_id, Condition("slice", "eq", outer), blind=5)
    assert side.blind is None and side.from_map and side.columns == ("group_region",)
    with opened.store.write() as cursor:
        cursor.execute("DELETE FROM slice WHERE slice_id = $id", {"id": seen})
    assert part(opened, made, map_id, Condition("slice", "eq", outer), blind=5).blind is None, "a removal emptied it"


def test_who_filters_by_what_was_answered_filters_by_words(opened, made, map_id):
    side = contrast.Part(examples.ids(opened.store, made)[::3], columns=("completion",), blind=5)
    found = contrast.compare(opened, made, side, held=5)
    assert found.is_tested and not found.words_tested and "q" not in found.words


def test_two_parts_and_too_small_ones(opened, made, map_id):
    a, b = (part(opened, made, map_id, Condition("cluster", "eq", number)) for number in (0, 1))
    found = contrast.compare(opened, made, a, b)
    assert (found.n_in, found.n_out) == (len(a.ids), len(b.ids))
    assert {"billing", "delivery"} <= set(found.words.head(2)["word"])
    few = part(opened, made, map_id, Condition("example_id", "in", [1, 2, 3]))
    with pytest.raises(MeasureError, match="Each side needs 5"):
        contrast.compare(opened, made, few)
