"""What limits can give at most: against every subset of small pools."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.selection.constraints import Axis, NearPairs, equal_cap, pick_best, proportional_quotas, target_quotas
from studio.selection.tightness import Gap, most_possible, target_gaps, tightness

NAN = float("nan")


def largest_subset(usable, axes, near=None):
    """By trying every subset, largest first."""
    rows = np.flatnonzero(usable).tolist()
    pairs = set() if near is None else set(zip(near.first.tolist(), near.second.tolist(), strict=True))
    for size in range(len(rows), -1, -1):
        for some in itertools.combinations(rows, size):
            fits = all(
                (np.bincount(axis.codes[list(some)] + 1, minlength=len(axis.limits)) <= axis.limits).all()
                for axis in axes
            )
            if fits and not any(pair in pairs for pair in itertools.combinations(some, 2)):
                return size
    return 0


@st.composite
def limited_pools(draw, most_axes):
    n = draw(st.integers(1, 9))
    usable = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    axes = []
    for _ in range(draw(st.integers(0, most_axes))):
        name = draw(st.sampled_from(["a", "b", "c"]))
        known = next((axis for axis in axes if axis.name == name), None)
        codes = known.codes if known else np.array(draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)))
        axes.append(Axis(name, codes, np.array(draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)))))
    return usable, axes


@settings(max_examples=150, deadline=None)
@given(limited_pools(3))
def test_the_most_is_that_of_every_subset(problem):
    usable, axes = problem
    most, is_exact = most_possible(usable, axes)
    truth = largest_subset(usable, axes)
    assert most == truth if is_exact else most >= truth
    assert is_exact == (len({axis.name for axis in axes}) <= 2)


@settings(max_examples=80, deadline=None)
@given(limited_pools(2), st.integers(0, 9), st.booleans(), st.integers(0, 10_000))
def test_what_is_said_of_a_walk_is_true(problem, budget, has_pairs, seed):
    usable, axes = problem
    rng = np.random.default_rng(seed)
    scores = np.where(usable, np.round(rng.random(len(usable)), 1), NAN)
    near = NearPairs(np.array([0]), np.array([len(usable) - 1]), 0.9) if has_pairs and len(usable) > 1 else None
    found = tightness(scores, budget, axes, near)
    assert found.found == len(pick_best(scores, budget, axes, near).rows)
    truth = min(budget, largest_subset(usable, axes, near))
    assert found.found <= truth <= found.most
    if found.is_exact:
        assert found.most == truth
    for name, limit in found.raise_to.items():
        column = name.removeprefix("cap:")
        wider = [Axis(a.name, a.codes, np.full(4, limit)) if a.name == column else a for a in axes]
        if sum(axis.name == column for axis in axes) == 1:
            assert len(pick_best(scores, budget, wider, near).rows) == min(budget, usable.sum())


def test_a_cap_that_binds_by_hand():
    """Three clusters of 10, at most 4 each: 12 of 20 fit; 7 each would do."""
    codes = np.repeat([0, 1, 2], 10)
    scores = np.linspace(1, 0, 30)
    found = tightness(scores, 20, [equal_cap("cluster", codes, 4)])
    assert (found.found, found.most, found.is_exact) == (12, 12, True)
    assert found.alone == {"cap:cluster": 12} and found.without == {"cap:cluster": 20}
    assert found.raise_to == {"cap:cluster": 7} and found.binding == ("cap:cluster",)


def test_quotas_that_contradict_each_other():
    """Two of a and two of b by one quota, only south by the other, and the pool has one of south."""
    cluster = np.array([0, 0, 0, 0, 1, 1])
    region = np.array([0, 0, 0, 0, 0, 1])
    usable = np.ones(6, dtype=bool)
    axes = [
        target_quotas("cluster", cluster, ("a", "b"), usable, 4, {"a": 1, "b": 1}),  # 2 and 2
        target_quotas("region", region, ("north", "south"), usable, 4, {"north": 0, "south": 1}),  # 0 and 1
    ]
    found = tightness(np.linspace(1, 0, 6), 4, axes)
    assert (found.found, found.most, found.is_exact) == (1, 1, True)
    assert found.binding == ("target:region",) and found.without["target:region"] == 4
    assert target_gaps("region", ("north", "south"), region, usable, 4, {"south": 1, "west": 0.0}) == (
        Gap("region", "south", 4, 1),
    )
    assert target_gaps("region", ("north", "south"), region, usable, 4, {"west": 1, "north": 1}) == (
        Gap("region", "west", 2, 0),
    )


def test_a_walk_may_miss_what_a_flow_finds():
    """The best row uses up both keys that two others need: the walk ends with one, two would fit."""
    a, b = np.array([0, 0, 1]), np.array([0, 1, 0])
    axes = [equal_cap("a", a, 1), equal_cap("b", b, 1)]
    found = tightness(np.array([0.9, 0.5, 0.4]), 2, axes)
    assert (found.found, found.most, found.is_exact) == (1, 2, True)
    assert set(found.binding) == {"cap:a", "cap:b"}


def test_two_caps_that_only_help_together():
    """Two clusters and two regions, crossed: at most 2 of each is 4 of 8; neither alone, both at 4 fill it."""
    a, b = np.repeat([0, 1], 4), np.tile([0, 1], 4)
    found = tightness(np.linspace(1, 0, 8), 8, [equal_cap("a", a, 2), equal_cap("b", b, 2)])
    assert (found.found, found.most, found.raise_to) == (4, 4, {})
    assert found.raise_all == {"cap:a": 4, "cap:b": 4} and set(found.binding) == {"cap:a", "cap:b"}


def test_cap_and_quota_of_one_column():
    codes = np.repeat([0, 1], [8, 2])
    usable = np.ones(10, dtype=bool)
    axes = [equal_cap("g", codes, 3), proportional_quotas("g", codes, usable, 6, 1.0)]  # quota 5 and 1
    found = tightness(np.linspace(1, 0, 10), 6, axes)
    assert (found.found, found.most) == (4, 4)
    assert found.without == {"cap:g": 6, "quota:g": 5} and found.raise_to == {"cap:g": 5}
