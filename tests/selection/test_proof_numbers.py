"""Numbers of a proof study against hand-worked values, sklearn and brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from studio.errors import SelectionError
from studio.records import VIEWS, Condition
from studio.selection import proof, proxy, proxy_arms, proxy_sets
from studio.selection.live import LiveMatrix
from studio.selection.proxy_arms import Candidates
from studio.selection.recipe import Recipe


def test_percentile_counts_ties_half():
    draws = np.array([0.5, 0.6, 0.6, 0.7, 0.8])
    assert proof.percentile(0.6, draws) == pytest.approx(100 * (1 + 0.5 * 2) / 5)
    assert proof.percentile(0.9, draws) == 100.0 and proof.percentile(0.1, draws) == 0.0


def test_p_is_the_rank_among_draws():
    arm = np.array([[1, 1, 1, 0]], dtype=float)  # 0.75
    draws = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=float)  # 1, .75, .25, 0
    found = proof.against_draws(arm, draws, np.random.default_rng(0))
    assert found.p == pytest.approx((1 + 2) / 5) and found.p_worse == pytest.approx((1 + 3) / 5)
    assert found.n_lower == 2 and found.percentile == pytest.approx(100 * 2.5 / 4)
    assert found.difference == pytest.approx(0.75 - 0.5) and found.verdict == "same"


def test_joint_bootstrap_is_the_exhaustive_one():
    """Three examples and two draws: all 27 x 4 equally likely resamples, listed by hand of itertools."""
    arm = np.array([[1.0, 0.0, 1.0]])
    draws = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    every = [arm[0, list(rows)].mean() - draws[np.ix_(picked, rows)].mean()
             for rows in itertools.product(range(3), repeat=3)
             for picked in itertools.product(range(2), repeat=2)]  # fmt: skip
    found = proof.against_draws(arm, draws, np.random.default_rng(1), resamples=40_000)
    wanted = np.quantile(every, [0.025, 0.975], method="inverted_cdf")
    assert (found.low, found.high) == pytest.approx(tuple(wanted), abs=0.02)


def test_paired_runs_are_taken_together():
    """The same outcomes on both sides differ by nothing in every resample."""
    outcomes = np.random.default_rng(0).random((5, 40))
    found = proof.against_draws(outcomes, outcomes, np.random.default_rng(1), paired=True)
    assert (found.low, found.difference, found.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert proof.against_draws(outcomes, outcomes, np.random.default_rng(1)).high > 0.01
    with pytest.raises(SelectionError, match="cannot be compared"):
        proof.against_draws(outcomes, outcomes[:3], np.random.default_rng(1), paired=True)


def test_blocks_of_resamples_change_nothing_that_matters(monkeypatch):
    rng = np.random.default_rng(0)
    arm, draws = rng.random((1, 300)), rng.random((30, 300))
    whole = proof.against_draws(arm, draws, np.random.default_rng(2))
    monkeypatch.setattr(proof, "_CELLS", 300 * 7)
    blocks = proof.against_draws(arm, draws, np.random.default_rng(2))
    assert blocks.difference == whole.difference
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high), abs=0.01)


def test_the_verdict_needs_rank_and_interval():
    better = np.tile([1.0, 1.0, 1.0, 0.0], 50)[None]
    worse = np.tile([1.0, 0.0, 0.0, 0.0], 50)[None]
    draws = np.repeat(np.tile([1.0, 1.0, 0.0, 0.0], 50)[None], 40, axis=0)
    assert proof.against_draws(better, draws, np.random.default_rng(0)).verdict == "better"
    assert proof.against_draws(worse, draws, np.random.default_rng(0)).verdict == "worse"
    few = proof.against_draws(better, draws[:5], np.random.default_rng(0))
    assert few.p == pytest.approx(1 / 6) and few.verdict == "same"  # five draws cannot say it


def test_draws_judged_against_themselves_are_rarely_called_better():
    """A choice that is itself a random draw: at most about one in twenty may be called better."""
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(60):
        level = rng.normal(0.7, 0.03, size=41)  # every training set has its own accuracy
        outcomes = (rng.random((41, 400)) < level[:, None]).astype(float)
        called += proof.against_draws(outcomes[:1], outcomes[1:], rng, resamples=200).verdict == "better"
    assert called <= 7  # binomial(60, 0.05) exceeds 7 once in 50


def test_best_and_smallest_within_one_standard_error():
    outcomes = np.zeros((3, 100))
    outcomes[0, :70] = 1  # 0.70
    outcomes[1, :76] = 1  # 0.76
    outcomes[2, :80] = 1  # 0.80, se = sqrt(.8 * .2 * 100 / 99 / 100) = 0.0402
    assert proof.best_sizes([10, 20, 40], outcomes) == (40, 20)  # 0.76 >= 0.7598
    outcomes[1, 75] = 0
    assert proof.best_sizes([10, 20, 40], outcomes) == (40, 40)
    outcomes[1] = outcomes[2]
    assert proof.best_sizes([10, 20, 40], outcomes) == (20, 20)  # a tie goes to the smaller


@pytest.mark.parametrize(
    ("budget", "pool", "n", "expected"),
    [(30, 1000, 160, (30, False)), (112, 1000, 160, (112, False)), (500, 1000, 160, (80, True)),
     (5000, 1000, 160, (112, True)), (500, 0, 160, (112, True)), (1, 10, 160, (2, False))],
)  # fmt: skip
def test_a_budget_on_the_labelled_part(budget, pool, n, expected):
    assert proof.own_size(budget, pool, n) == expected


def test_a_budget_where_filters_leave_some_rows_is_held_to_those():
    assert proof.own_size(50, 1000, 160, 100) == (50, False)
    assert proof.own_size(80, 1000, 160, 100) == (13, True)  # 80 of 1,000 are 8 %, of 160 rows 12.8
    assert proof.own_size(900, 1000, 160, 100) == (70, True)


def test_sizes_hold_the_own_one_once():
    assert proof.sizes(1000, 100) == [10, 20, 50, 100, 200, 400, 700, 1000]
    assert proof.sizes(40, 9) == [2, 4, 8, 9, 16, 28, 40]


# --- the proxy --------------------------------------------------------------------------------------------------------
def blobs(n=300, c=4, d=12, seed=0, spread=0.6):
    rng = np.random.default_rng(seed)
    y = rng.integers(c, size=n)
    x = np.eye(c, d)[y] + rng.normal(scale=spread, size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), y


def test_the_head_is_sklearns():
    x, y = blobs()
    head = proxy.fit_head(x, y, 4)
    reference = LogisticRegression(C=proxy.C, max_iter=1000, tol=1e-6).fit(x, y)
    assert np.exp(proxy.log_likelihoods(head, x)) == pytest.approx(reference.predict_proba(x), abs=0.01)
    assert (proxy.log_likelihoods(head, x).argmax(1) == reference.predict(x)).mean() > 0.99
    gap = proxy.fit_head(x[y != 2], y[y != 2], 4)  # a class without rows changes nothing for the others
    without = LogisticRegression(C=proxy.C, max_iter=1000, tol=1e-6).fit(x[y != 2], y[y != 2])
    probs = np.exp(proxy.log_likelihoods(gap, x))
    assert probs[:, [0, 1, 3]] == pytest.approx(without.predict_proba(x), abs=0.01) and probs[:, 2].max() < 1e-6


def test_another_basis_is_the_same_head():
    """Lengths and angles stay, so the optimum does; the axes of an encoder are uneven, those of the rows are not."""
    x, y = blobs(spread=0.9)
    x = (x + np.linspace(0, 1, x.shape[1])).astype(np.float32)  # a mean far from zero, which biases take up
    other, _ = proxy.turned(x, x[:3])
    assert other @ other.T == pytest.approx(x @ x.T, abs=1e-4)
    a, b = (proxy.log_likelihoods(proxy.fit_head(rows, y, 4), rows) for rows in (x, other))
    assert np.exp(a) == pytest.approx(np.exp(b), abs=0.01)


def test_weights_of_two_are_rows_twice():
    x, y = blobs(n=60)
    weights = np.ones(60)
    weights[:20], weights[40:] = 2, 0
    twice = np.concatenate([np.arange(40), np.arange(20)])
    a = proxy.log_likelihoods(proxy.fit_head(x, y, 4, weights=weights), x)
    b = proxy.log_likelihoods(proxy.fit_head(x[twice], y[twice], 4), x)
    assert np.exp(a) == pytest.approx(np.exp(b), abs=0.02)


def test_one_class_and_no_rows():
    x, _ = blobs(n=10)
    head = proxy.fit_head(x, np.zeros(10, dtype=np.int64), 3)
    assert (proxy.log_likelihoods(head, x).argmax(1) == 0).all()
    with pytest.raises(SelectionError, match="nothing to learn"):
        proxy.fit_head(x[:0], np.zeros(0, dtype=np.int64), 3)


def test_out_of_fold_does_not_see_its_own_row():
    """Labels that mean nothing are learnt by heart in sample and not at all out of fold."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 150)).astype(np.float32)
    y = rng.integers(2, size=200)
    inside = (proxy.log_likelihoods(proxy.fit_head(x, y, 2), x).argmax(1) == y).mean()
    outside = (proxy.out_of_fold(x, y, 2, proxy.deal(y, 5, rng)).argmax(1) == y).mean()
    assert inside > 0.95 and 0.35 < outside < 0.65


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(2, 5), st.integers(0, 3))
def test_parts_are_even_over_all_and_within_classes(codes, parts, seed):
    y = np.array(codes)
    part = proxy.deal(y, parts, np.random.default_rng(seed))
    sizes = np.bincount(part, minlength=parts)
    assert sizes.max() - sizes.min() <= 1
    for code in set(codes):
        own = np.bincount(part[y == code], minlength=parts)
        assert own.max() - own.min() <= 1


def test_the_parts_of_held_out_labels_do_not_move():
    ids = np.arange(1, 3_001) * 7
    part = proxy.held_parts(ids)
    assert np.array_equal(proxy.held_parts(np.append(ids, 5)[::-1])[1:][::-1], part), "each stays when others come"
    assert np.abs(np.bincount(part, minlength=3) - 1_000).max() < 100  # four standard deviations of 3,000 thirds
    x = 7 + 0x9E3779B97F4A7C15  # the first one worked out in whole numbers
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
    assert part[0] == (x ^ (x >> 31)) % 3
    with pytest.raises(SelectionError, match="too few validation"):
        proxy.held_parts(ids[:5])


@pytest.mark.parametrize(
    ("rows", "held", "classes", "said"),
    [(39, 100, 2, "too few labelled"), (40, 29, 2, "too few validation"), (40, 30, 1, "same label"),
     (0, 0, 0, "too few labelled")],
)  # fmt: skip
def test_too_little_is_refused(rows, held, classes, said):
    with pytest.raises(SelectionError, match=said):
        proxy.check_enough(rows, held, classes)
    proxy.check_enough(40, 30, 2)


# --- several labels ---------------------------------------------------------------------------------------------------
def several(n=400, d=16, c=5, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = x @ rng.normal(size=(d, c)) * 2 + rng.logistic(size=(n, c)) * 0.3 > 1.0
    return x, y


def test_a_head_per_label_is_sklearns():
    x, y = several()
    y[:, 3], y[:, 4] = False, True  # carried by none, and by all
    head = proxy_sets.fit_heads(x, y)
    probs = 1 / (1 + np.exp(-(x @ head[:-1] + head[-1])))
    for label in range(3):
        reference = LogisticRegression(C=proxy.C, max_iter=1000, tol=1e-8).fit(x, y[:, label])
        assert probs[:, label] == pytest.approx(reference.predict_proba(x)[:, 1], abs=0.01)
    assert probs[:, 3].max() < 1e-9 and probs[:, 4].min() == 1
    with pytest.raises(SelectionError, match="nothing to learn"):
        proxy_sets.fit_heads(x[:0], y[:0])


def test_codes_count_as_sklearn_counts():
    x, y = several()
    codes = proxy_sets.sets_judge(x[:250], y[:250], x[250:], y[250:])(np.arange(0, 250, 2))
    said = (codes == proof.FOUND) | (codes == proof.EXTRA)
    assert said.sum() == round(150 * y[:250:2].sum(axis=1).mean())  # as many labels as the rows learnt from have
    assert proof.values(codes[None])[0] == pytest.approx(f1_score(y[250:], said, average="micro"))
    assert proof.macro_f1(codes) == pytest.approx(f1_score(y[250:], said, average="macro"))
    assert proof.values(codes[None])[0] > 0.6  # planted, and noisy


def test_the_surest_are_said_and_no_more():
    scores = np.array([[0.9, -1.0], [0.2, 0.2], [-3.0, 0.5]])
    assert proxy_sets.say(scores, 2).tolist() == [[True, False], [False, False], [False, True]]
    assert proxy_sets.say(scores, 0).sum() == 0 and proxy_sets.say(scores, 99).all()


def test_names_are_the_most_frequent_and_sets_may_be_empty():
    sets = proxy_sets.read_sets(['["b", "a"]', "[]", '["b", "标签"]', '["c 😀"]'])
    assert proxy_sets.common_names(sets) == (["a", "b", "c 😀", "标签"], 4)
    assert proxy_sets.common_names(sets, most=2) == (["a", "b"], 4)  # of equally frequent ones the first by name
    y = proxy_sets.indicators(sets, ["a", "b"])
    assert y.tolist() == [[True, True], [False, False], [False, True], [False, False]]
    assert proxy_sets.telling(y) == 2 and proxy_sets.telling(np.ones((3, 2), dtype=bool)) == 0


def test_joint_bootstrap_of_codes_is_the_exhaustive_one():
    """Micro F1 of two examples with two labels: all 4 x 4 resamples of examples and draws, by the formula."""
    f, e, m, n = proof.FOUND, proof.EXTRA, proof.MISSED, proof.NEITHER
    arm = np.array([[[f, n], [f, m]]], dtype=np.int8)
    draws = np.array([[[f, e], [m, n]], [[m, n], [f, f]]], dtype=np.int8)

    def f1(codes):
        found, wrong = (codes == f).sum(), ((codes == e) | (codes == m)).sum()
        return 2 * found / (2 * found + wrong)

    pairs = list(itertools.product(range(2), repeat=2))
    every = [f1(arm[0, list(rows)]) - np.mean([f1(draws[k, list(rows)]) for k in picked])
             for rows in pairs for picked in pairs]  # fmt: skip
    found = proof.against_draws(arm, draws, np.random.default_rng(1), resamples=20_000)
    assert found.value == pytest.approx(4 / 5) and found.draws_mean == pytest.approx((2 / 4 + 4 / 5) / 2)
    wanted = np.quantile(every, [0.025, 0.975], method="inverted_cdf")
    assert (found.low, found.high) == pytest.approx(tuple(wanted), abs=1e-9)
    assert found.n_lower == 1 and found.p == pytest.approx(2 / 3)  # level with the second draw


def test_codes_of_nothing_are_worth_nothing():
    empty = np.zeros((2, 5, 3), dtype=np.int8)
    assert proof.values(empty).tolist() == [0, 0] and np.isnan(proof.macro_f1(empty[0]))
    assert proof.mean_interval(empty[0], np.random.default_rng(0), resamples=50) == (0, 0)


def test_the_best_size_of_codes_goes_by_their_f1():
    """12 of 16 labels found is F1 24/28; over - F under is 2/7 twelve times and -6/7 four times.

    So the standard error is sqrt(192/49 / 15) / (28/16) / 4 = 0.073: 22/27 is within it, 20/26 is not.
    """
    f, m = proof.FOUND, proof.MISSED
    tried = np.array([[[f]] * found + [[m]] * (16 - found) for found in (10, 11, 12)], dtype=np.int8)
    assert 20 / 26 < 24 / 28 - np.sqrt(192 / 49 / 15) / 1.75 / 4 < 22 / 27
    assert proof.best_sizes([1, 2, 3], tried) == (3, 2)
    assert proof.best_sizes([1, 3], tried[[0, 2]]) == (3, 3)
    assert proof.best_sizes([1, 2, 3], tried[[2, 0, 2]]) == (1, 1)  # a tie goes to the smaller


# --- arms -------------------------------------------------------------------------------------------------------------
def candidates(n=20):
    unit = np.asfortranarray(np.stack([(np.arange(n) + 0.5) / n] * 4, axis=1).astype(np.float32))
    unit[:, 3] = unit[::-1, 3]
    columns = {"cluster": (np.arange(n) % 2).astype(np.int32)}
    matrix = LiveMatrix(np.arange(n) + 100, unit, columns, {"cluster": ("a", "b")})
    weights = dict(zip(VIEWS, (100, 0, 0, 0), strict=True))
    return Candidates(matrix, weights, ["x" * (1 + i % 7) for i in range(n)])


def test_arms_choose_what_their_names_say():
    given_ = candidates()
    recipe = Recipe(weights=given_.weights, budget=4)
    assert proxy_arms.choose(given_, recipe, 4).tolist() == [19, 18, 17, 16]
    found = proxy_arms.baselines(given_, recipe, 4)
    assert found["bottom"].tolist() == [0, 1, 2, 3] and found["quality"].tolist() == [0, 1, 2, 3]
    assert found["longest"].tolist() == [6, 13, 5, 12] and len(found["full"]) == 20
    capped = Recipe(weights=given_.weights, budget=4, caps={"cluster": 3})
    assert proxy_arms.choose(given_, capped, 4).tolist() == [19, 18, 17, 16]
    assert np.bincount(proxy_arms.choose(given_, capped, 8) % 2).max() <= 6  # the cap grows with the size


def test_filters_hold_for_every_strategy():
    given_ = candidates()
    barred = np.zeros(20, dtype=np.int16)
    barred[10:] = 1
    shut = replace(given_, matrix=replace(given_.matrix, barred=barred, barred_codes=("", "threshold")))
    for strategy in ("weighted_sum", "random", "longest", "stratified"):
        rows = proxy_arms.choose(shut, Recipe(weights=given_.weights, budget=4, strategy=strategy), 4)
        assert len(rows) == 4 and rows.max() < 10


def test_draws_and_strata_hold_filters_too():
    given_ = candidates()
    barred = np.zeros(20, dtype=np.int16)
    barred[::5] = 1
    shut = replace(given_, matrix=replace(given_.matrix, barred=barred, barred_codes=("", "threshold")))
    assert shut.allowed.tolist() == [row for row in range(20) if row % 5] and len(given_.allowed) == 20
    strata = proxy_arms.stratified(shut, 8, np.random.default_rng(0))
    assert len(strata) == 8 and not set(strata.tolist()) & {0, 5, 10, 15}
    with pytest.raises(SelectionError, match="too few labelled"):
        proxy_arms.check_allowed(39)


def test_clauses_on_predicted_labels():
    codes, keys = np.array([0, 1, 2, 1]), ("a", "b", "c")
    for op, value, wanted in (("eq", "b", [1, 3]), ("in", ["a", "c"], [0, 2]), ("ne", "b", [0, 2]), ("eq", "x", [])):
        found = proxy_arms.predicted_is(Condition("predicted", op, value), codes, keys)
        assert np.flatnonzero(found).tolist() == wanted
    with pytest.raises(SelectionError, match="cannot be asked"):
        proxy_arms.predicted_is(Condition("predicted", "contains", "b"), codes, keys)
    assert proxy_arms.asks_predicted(Recipe(caps={"predicted": 3}))
    assert proxy_arms.asks_predicted(Recipe(filters=(Condition("predicted", "eq", "a"),)))
    assert not proxy_arms.asks_predicted(Recipe(caps={"cluster": 3}))


def test_draws_are_nested_and_repeatable():
    assert set(proxy_arms.draw(50, 5, 7, 3)) <= set(proxy_arms.draw(50, 20, 7, 3))
    assert proxy_arms.draw(50, 5, 7, 3).tolist() != proxy_arms.draw(50, 5, 7, 4).tolist()
    strata = proxy_arms.stratified(candidates(), 6, np.random.default_rng(0))
    assert np.bincount(strata % 2).tolist() == [3, 3]


def test_nobody_to_choose_is_an_error():
    with pytest.raises(SelectionError, match="every score"):
        proxy_arms.check_usable(np.empty(0))
