"""Splitting: shares exact, nothing that belongs together parted, the same in any order of the rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus import split_families, split_methods, split_strata, split_time
from studio.corpus.split_methods import SPLIT_METHODS, Material, assign
from studio.corpus.splits import METHODS, largest_remainder
from studio.errors import CorpusError
from studio.records import SPLITS

SHARES = {"pool": 0.7, "train": 0.0, "validation": 0.1, "test": 0.2}
VALUES = np.array([SHARES[name] for name in SPLITS])
shares_given = st.lists(st.integers(0, 10), min_size=4, max_size=4).filter(any).map(
    lambda parts: {name: part / sum(parts) for name, part in zip(SPLITS, parts, strict=True)}
)  # fmt: skip


def counts(names) -> np.ndarray:
    return np.array([int((names == split).sum()) for split in SPLITS])


# --- the catalogue ----------------------------------------------------------------------------------------------------
def _material(n: int, seed: int = 0) -> Material:
    rng = np.random.default_rng(seed)
    return Material(
        np.sort(rng.choice(10 * n + 1, n, replace=False)),
        {
            "label": [("a", "b", None)[i] for i in rng.integers(0, 3, n)],
            "labels": [f'["l{i}","l{j}"]' for i, j in rng.integers(0, 4, (n, 2))],
            "source": [f"s{i}" for i in rng.integers(0, max(2, n // 3), n)],
            "time": [f"2024-01-{1 + i:02}" for i in rng.integers(0, 20, n)],
            "split": [("train", "dev", "test")[i % 3] for i in range(n)],
        },
        copies=rng.integers(0, max(2, n // 2), n),
        families=rng.integers(0, max(2, n // 4), n),
        before=np.array(SPLITS, dtype=object)[rng.integers(0, 4, n)],
    )


PLANS = {
    "random": {},
    "stratified": {"strata": ["label"]},
    "grouped": {"together": ["source", "near"], "strata": ["label"]},
    "time": {},
    "imported": {},
    "mended": {"together": ["near"]},
}


def test_the_catalogue_is_the_list_of_names():
    assert tuple(method.name for method in SPLIT_METHODS) == METHODS == tuple(PLANS)


@pytest.mark.parametrize("method", SPLIT_METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("n", [2, 57])
def test_every_method_gives_one_split_to_each_example_whatever_the_order(method, n):
    plan = {"method": method.name, "shares": SHARES, "seed": 5, **PLANS[method.name]}
    material = _material(n)
    if method.name == "grouped":
        families = np.arange(n) // (2 if n > 2 else 1)
        material = Material(material.ids, material.columns, families=families)
        plan = plan | {"together": ["near"]}
    names = assign(plan, material).names
    assert set(names) <= set(SPLITS) and len(names) == n
    assert assign(plan, material).names.tolist() == names.tolist()
    order = np.random.default_rng(1).permutation(n)
    assert assign(plan, material.take(order)).names.tolist() == names[order].tolist()


@pytest.mark.parametrize("bad", [{"method": "by mood"}, {"shares": {"pool": 0.5}}, {"train_as": "test"},
                                 {"method": "stratified"}, {"method": "grouped"},
                                 {"method": "grouped", "together": ["nothing"]}, {"method": "time", "cuts": {"a": "1"}},
                                 {"method": "grouped", "together": ["near"]}])  # fmt: skip
def test_plans_that_cannot_be_carried_out_are_refused(bad):
    material = Material(np.arange(5), {"time": ["2024-01-01", "2024-01-02", "2025", "2026", "2027"]})
    with pytest.raises(CorpusError):
        assign(bad, material)


# --- rounding and strata ----------------------------------------------------------------------------------------------
def test_remainders_are_carried_on():
    """Strata of 3 with shares 0.7 / 0.1 / 0.2: rounding each alone would leave validation empty for ever."""
    carry = np.zeros(4)
    given_ = np.array([largest_remainder(3, VALUES.tolist(), carry) for _ in range(100)])
    assert (given_.sum(axis=1) == 3).all()
    assert given_.sum(axis=0).tolist() == [210, 0, 30, 60]


@given(st.lists(st.integers(0, 5), max_size=300), shares_given, st.integers(0, 2**31))
def test_each_stratum_has_its_exact_shares_within_rounding(codes, shares, seed):
    codes = np.array(codes, dtype=np.int64)
    names = split_strata.stratified_split(codes, shares, np.random.default_rng(seed))
    for code in set(codes.tolist()):
        exact = np.array([shares[split] for split in SPLITS]) * (codes == code).sum()
        got = counts(names[codes == code])
        assert (got >= np.floor(exact - 1e-6)).all() and (got <= np.ceil(exact + 1e-6)).all()


@given(st.integers(1, 400), st.integers(1, 4), shares_given, st.integers(0, 2**31))
def test_many_tiny_strata_still_sum_to_the_shares(n, size, shares, seed):
    codes = np.arange(n) // size
    names = split_strata.stratified_split(codes, shares, np.random.default_rng(seed))
    exact = np.array([shares[split] for split in SPLITS]) * n
    assert np.abs(counts(names) - exact).max() < 3


def test_iterative_stratification_spreads_rare_labels():
    rng = np.random.default_rng(0)
    labels = [tuple(sorted({"common", *(["rare"] if i % 20 == 0 else [])})) if i % 3 else () for i in range(600)]
    names = split_strata.iterative_split(labels, SHARES, rng)
    rare = np.array(["rare" in own for own in labels])
    exact = VALUES * rare.sum()
    assert np.abs(counts(names[rare]) - exact).max() <= 1
    assert np.abs(counts(names) - VALUES * 600).max() <= 3
    assert split_strata.label_lists(['["b","a"]', None, "plain", '"one"']) == [("a", "b"), (), ("plain",), ("one",)]


# --- what belongs together --------------------------------------------------------------------------------------------
def _oracle_units(parts, n) -> list[int]:
    """Naive transitive closure."""
    unit = list(range(n))
    changed = True
    while changed:
        changed = False
        for part in parts:
            for i in range(n):
                for j in range(n):
                    if part[i] >= 0 and part[i] == part[j] and unit[i] != unit[j]:
                        unit[i] = unit[j] = min(unit[i], unit[j])
                        changed = True
    return unit


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.lists(st.integers(-1, 4), min_size=n, max_size=n), max_size=3)
                                  .map(lambda parts: (n, parts))))  # fmt: skip
def test_units_are_the_transitive_closure(drawn):
    n, parts = drawn
    found = split_families.joined_units(n, [np.array(part) for part in parts]).tolist()
    assert found == _oracle_units(parts, n)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), shares_given, st.integers(0, 2**31), st.booleans())
def test_no_unit_lies_across_splits_and_shares_hold_but_for_one_unit(units, shares, seed, with_strata):
    units = np.array(units)
    strata = np.random.default_rng(seed).integers(0, 3, len(units)) if with_strata else None
    names = split_families.grouped_split(units, shares, np.random.default_rng(seed), strata=strata)
    for unit in set(units.tolist()):
        assert len(set(names[units == unit])) == 1
    exact = np.array([shares[split] for split in SPLITS]) * len(units)
    got, largest = counts(names), max(Counter(units.tolist()).values())
    assert (got[exact == 0] == 0).all()
    if not with_strata:
        assert (got - exact).max() < largest + 1


def test_singles_of_many_strata_are_not_dealt_out_in_alphabetical_order():
    names = split_families.grouped_split(np.arange(200), SHARES, np.random.default_rng(0), strata=np.arange(200))
    assert counts(names).tolist() == [140, 0, 20, 40]
    assert counts(names[:100])[3] > 10 and counts(names[100:])[3] > 10


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3)), min_size=1, max_size=80), st.integers(0, 2**31))
def test_mending_moves_only_what_lies_across_and_nothing_out_of_a_guarded_split(rows, seed):
    units = np.array([unit for unit, _ in rows])
    before = np.array([SPLITS[split] for _, split in rows], dtype=object)
    names = split_families.mended_split(units, before, SHARES, np.random.default_rng(seed), guard=("test",))
    for unit in set(units.tolist()):
        inside = units == unit
        assert len(set(names[inside])) == 1
        assert set(names[inside]) <= set(before[inside])
        if len(set(before[inside])) == 1:
            assert names[inside].tolist() == before[inside].tolist()
    assert (names[before == "test"] == "test").all()


def test_new_examples_follow_the_family_they_join():
    units = np.array([0, 0, 2, 2, 4, 5])
    fixed = np.array(["test", None, None, "validation", None, None], dtype=object)
    names = split_families.grouped_split(units, SHARES, np.random.default_rng(0), fixed=fixed)
    assert names[:4].tolist() == ["test", "test", "validation", "validation"]


def test_one_author_for_everything_is_refused_and_a_large_one_is_named():
    one = Material(np.arange(9), {"source": ["x"] * 9})
    with pytest.raises(CorpusError, match="belong together"):
        assign({"method": "grouped", "together": ["source"]}, one)
    most = Material(np.arange(20), {"source": ["x"] * 18 + ["y", None]})
    notes = dict(assign({"method": "grouped", "together": ["source"]}, most).notes)
    assert notes["large_unit"]["n"] == 18 and notes["missing_group"] == {"n": 1, "column": "source"}
    two = Material(np.arange(20), {"source": ["x"] * 19 + ["y"]})
    assert dict(assign({"method": "grouped", "together": ["source"]}, two).notes)["empty_part"] == {
        "split": "validation"
    }


# --- time -------------------------------------------------------------------------------------------------------------
TIMES = ["2024-03-05T10:00:00+08:00", "2024/3/5 10:11", "2024", "1700000000", "2024年3月5日", "20240305", "03/04/2024",
         "yesterday", None, "2024-13-01"]  # fmt: skip


def test_only_dates_that_read_one_way_are_read():
    seconds = [None if t == split_time.NO_TIME else t // 1_000_000 for t in split_time.parse_times(TIMES)]
    assert seconds == [1709604000, 1709633460, 1704067200, 1700000000, 1709596800, 1709596800, None, None, None, None]


@given(st.lists(st.integers(0, 30), min_size=2, max_size=120).filter(lambda days: len(set(days)) > 1), shares_given)
def test_a_split_by_time_never_looks_back_nor_parts_equal_times(days, shares):
    times = np.array(days, dtype=np.int64)
    names = split_time.time_split(times, shares)
    rank = np.array([split_time.IN_TIME.index(name) for name in names])
    order = np.argsort(times, kind="stable")
    assert (np.diff(rank[order]) >= 0).all()
    assert all(len(set(names[times == day])) == 1 for day in set(days))
    assert all(shares[name] > 0 or name == "pool" for name in names)


def test_distinct_times_give_exact_counts_and_cuts_are_first_days():
    times = split_time.parse_times([f"2024-01-{day:02}" for day in range(1, 31)] + ["?"])
    names = split_time.time_split(times, SHARES)
    assert counts(names[:30]).tolist() == [21, 0, 3, 6] and names[30] == "pool"
    cut = split_time.time_split(
        times, SHARES, cuts={"validation": "2024-01-11", "test": "2024-01-21"}, train_as="train"
    )
    assert cut[:30].tolist() == ["train"] * 10 + ["validation"] * 10 + ["test"] * 10 and cut[30] == "pool"
    with pytest.raises(CorpusError, match="before test"):
        split_time.time_split(times, SHARES, cuts={"validation": "2024-02-01", "test": "2024-01-21"})
    for bad in (["?", None], ["2024-01-01"] * 3):
        with pytest.raises(CorpusError):
            split_time.time_split(split_time.parse_times(bad), SHARES)


def test_small_strata_and_unread_times_are_noted():
    material = Material(
        np.arange(12), {"label": ["a"] * 10 + ["b", "c"], "time": ["2024-01-01"] * 6 + ["2025"] * 5 + ["x"]}
    )
    assert dict(assign({"method": "stratified", "strata": ["label"]}, material).notes)["small_strata"] == {
        "n": 2,
        "all": 3,
    }
    assert dict(assign({"method": "time"}, material).notes)["no_time"] == {"n": 1}
    assert split_methods.columns_needed(split_methods.whole_plan({"method": "time"})) == ("time",)
