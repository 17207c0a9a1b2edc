from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import SelectionError
from studio.records import Knn
from studio.selection.constraints import (
    Axis,
    NearPairs,
    best_first,
    equal_cap,
    greedy_keep,
    near_pairs,
    pick_best,
    proportional_quotas,
    share_out,
)
from studio.selection.reasons import walk_reasons

NAN = float("nan")


def plain_walk(scores, budget, axes, near):
    """The rule as a person would do it by hand: one row after the other."""
    order = sorted((i for i in range(len(scores)) if not np.isnan(scores[i])), key=lambda i: (-scores[i], i))
    rivals = {}
    if near is not None:
        for a, b in zip(near.first.tolist(), near.second.tolist(), strict=True):
            rivals.setdefault(a, set()).add(b)
            rivals.setdefault(b, set()).add(a)
    kept, counts, why = [], [{} for _ in axes], {}
    for row in order:
        if len(kept) == budget:
            why[row] = 1
            continue
        close = [k for k in kept if k in rivals.get(row, ())]
        full = [
            a for a, axis in enumerate(axes) if counts[a].get(axis.codes[row], 0) >= axis.limits[axis.codes[row] + 1]
        ]
        if close:
            why[row] = -(close[0] + 1)
        elif full:
            why[row] = 2 + full[0]
        else:
            kept.append(row)
            for a, axis in enumerate(axes):
                counts[a][axis.codes[row]] = counts[a].get(axis.codes[row], 0) + 1
    return kept, why


@st.composite
def problems(draw):
    n = draw(st.integers(1, 40))
    scores = np.array(draw(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, NAN]), min_size=n, max_size=n)))
    axes = []
    for name in ("cluster", "region")[: draw(st.integers(0, 2))]:
        codes = np.array(draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n)))
        keys = int(codes.max()) + 2
        limits = np.array(draw(st.lists(st.integers(0, 6), min_size=keys, max_size=keys)))
        axes.append(Axis(name, codes, limits))
    near = None
    if draw(st.booleans()):
        pairs = draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])))
        pairs = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        near = NearPairs(pairs[:, 0], pairs[:, 1], 0.9)
    return scores, draw(st.integers(0, 45)), axes, near


def _with_zero(limits):
    """Limits that know the code 0."""
    return limits if len(limits) > 1 else np.append(limits, 3)


@settings(max_examples=300, deadline=None)
@given(problems(), st.booleans())
def test_the_fast_walk_is_the_plain_walk(problem, is_long):
    scores, budget, axes, near = problem
    if is_long:  # long enough for the walk to need more than its first stretch
        scores = np.concatenate([scores + 2.0, np.full(70, 1.0), scores])
        axes = [Axis(a.name, np.concatenate([a.codes, np.zeros(70, int), a.codes]), _with_zero(a.limits)) for a in axes]
    picked = pick_best(scores, budget, axes, near)
    kept, why = plain_walk(scores, budget, axes, near)
    assert picked.rows.tolist() == kept
    assert picked.n_usable == int((~np.isnan(scores)).sum())
    for row, code in zip(picked.walked.tolist(), picked.kept_out.tolist(), strict=True):
        assert code == why.get(row, 0)
    told = walk_reasons(np.arange(len(scores)), scores, picked, lambda axis, code: str(code), lambda row: "no_score")
    for row, code in why.items():  # of rows the walk passed over too
        if code == 1:
            assert told(row) == "over_budget"
        elif code > 1:
            axis = axes[code - 2]
            assert told(row) == f"cap:{axis.name}:{axis.codes[row]}"
        else:
            assert told(row) == f"near_duplicate_of:{-code - 1}"
    for axis in axes:
        counts = np.bincount(axis.codes[picked.rows] + 1, minlength=len(axis.limits))
        assert (counts <= axis.limits).all()


def test_a_chain_of_rivals_is_ended_by_the_plain_loop():
    """0-1-2-3-...: every second row stays, and each decision hangs on the one before it."""
    n = 101
    near = NearPairs(np.arange(n - 1), np.arange(1, n), 0.9)
    keep, looped = greedy_keep(np.arange(n), n, [Axis("c", np.zeros(n, int), np.array([0, 30]))], near)
    assert looped > 0
    assert np.flatnonzero(keep).tolist() == list(range(0, 60, 2))


def test_ties_fall_to_the_lower_row_even_at_the_edge_of_the_prefix():
    scores = np.array([0.5] * 6 + [0.9, NAN])
    assert best_first(scores, 3)[:3].tolist() == [6, 0, 1]
    assert best_first(np.array([NAN, NAN]), 3).tolist() == []
    assert pick_best(scores, 0).rows.tolist() == []
    assert pick_best(scores, 50).rows.tolist() == [6, 0, 1, 2, 3, 4, 5]
    with pytest.raises(SelectionError):
        pick_best(scores, -1)


def test_the_prefix_grows_until_the_caps_are_filled():
    n = 5000
    codes = np.repeat([0, 1], [4990, 10])
    picked = pick_best(np.linspace(1, 0, n), 15, [equal_cap("c", codes, 8)])
    assert picked.rows.tolist() == [*range(8), *range(4990, 4997)]
    short = pick_best(np.linspace(1, 0, n), 30, [equal_cap("c", codes, 8)])
    assert len(short.rows) == 16 and short.capacity == 16


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.floats(0, 1), st.integers(0, 60))
def test_quotas_fill_the_total_within_sizes(sizes, alpha, total):
    sizes = np.array(sizes)
    total = min(total, int(sizes.sum()))
    given_ = share_out(sizes, total, alpha)
    assert given_.sum() == total and (given_ <= sizes).all() and (given_ >= 0).all()


def test_quotas_by_hand():
    assert share_out(np.array([60, 30, 10]), 10).tolist() == [6, 3, 1]
    assert share_out(np.array([60, 30, 10]), 9, 0.0).tolist() == [3, 3, 3]
    assert share_out(np.array([60, 30, 2]), 30, 0.0).tolist() == [14, 14, 2]
    codes = np.array([0] * 6 + [1] * 3 + [-1])
    axis = proportional_quotas("c", codes, np.ones(10, bool), 5, 1.0)
    assert axis.limits.tolist() == [1, 3, 1] or axis.limits.sum() == 5


def test_near_pairs_are_above_tau_in_either_direction():
    knn = Knn(np.array([[1, 2], [0, 2], [3, -1], [2, 0]]), np.array([[0.05, 0.2], [0.05, 0.3], [0.1, 9], [0.1, 0.04]]))
    pairs = near_pairs(knn, 0.9)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(0, 1), (0, 3)]
    assert len(near_pairs(knn, 0.99).first) == 0


def test_a_cap_of_zero_is_refused():
    with pytest.raises(SelectionError):
        equal_cap("c", np.array([0, 1]), 0)


def test_rows_whose_key_is_full_are_passed_over_and_still_told_why():
    """Skewed keys and tight limits: the walk needs more than its first stretch, and stays the plain one."""
    rng = np.random.default_rng(0)
    passed_over = 0
    for _ in range(150):
        n = int(rng.integers(90, 220))
        scores = np.round(rng.random(n), 1)
        names = ("a", "b")[: int(rng.integers(1, 3))]
        axes = [Axis(name, rng.choice([-1, 0, 0, 0, 0, 0, 1, 2], n), rng.integers(0, 9, 4)) for name in names]
        budget = int(rng.integers(1, 20))
        picked = pick_best(scores, budget, axes)
        kept, why = plain_walk(scores, budget, axes, None)
        assert picked.rows.tolist() == kept
        told = walk_reasons(np.arange(n), scores, picked, lambda axis, code: str(code), lambda row: "no_score")
        for row, code in why.items():
            axis = axes[code - 2]
            assert told(row) == ("over_budget" if code == 1 else f"cap:{axis.name}:{axis.codes[row]}")
        passed_over += picked.passed_over
    assert passed_over > 20


def test_a_cap_beyond_any_number_is_no_cap():
    axis = equal_cap("cluster", np.array([0, 0, 1]), 10**30)
    assert axis.limits.tolist() == [3, 3, 3]
    assert pick_best(np.array([3.0, 2.0, 1.0]), 3, [axis]).rows.tolist() == [0, 1, 2]
