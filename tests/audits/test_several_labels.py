"""Audits of examples with several labels: every label by itself, worked out by hand and by scipy and statsmodels."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.formula.api import ols
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import Table2x2, cochrans_q
from statsmodels.tools import add_constant

from studio.audits.association import ASSOCIATION, clustered_variance, cramers_v
from studio.audits.balance import BALANCE, cochran_q, imbalance, pairs
from studio.audits.confounds import CONFOUNDS, independence
from studio.audits.context import Context
from studio.audits.dependence import intraclass
from studio.audits.duplicates import DUPLICATES
from studio.audits.label_sets import NOTE, exclusive, labels_of
from studio.audits.lengths import LENGTHS, rank_test
from studio.audits.mention_labels import MENTION_LABELS
from studio.audits.noise import neighbour_votes
from studio.audits.parity import PARITY
from studio.audits.shortcuts import SHORTCUTS, tail, weights_of
from studio.lexicons import builtin
from studio.records import conditions_from_text
from studio.reports.advice import advice

# (group, labels) -> examples: of x 40 carry a and 30 carry b, of y 15 and 40; 25 of 200 carry both, 100 none.
CELLS = {("x", "a"): 20, ("x", "ab"): 20, ("x", "b"): 10, ("x", ""): 50,
         ("y", "a"): 10, ("y", "ab"): 5, ("y", "b"): 35, ("y", ""): 50}  # fmt: skip


def frame_of(cells=CELLS):
    rows = [(group, list(own)) for (group, own), n in cells.items() for _ in range(n)]
    return pd.DataFrame({"example_id": range(len(rows)), "text": "t", "labels": [json.dumps(row[1]) for row in rows],
                         "group_g": [row[0] for row in rows], "source": [f"s{row[0]}" for row in rows]})  # fmt: skip


def indicators(frame, name):
    return np.array([name in json.loads(value) for value in frame.labels])


def drawn(n, n_labels, seed):
    """Indicators that overlap, some rows with none, as a frame."""
    rng = np.random.default_rng(seed)
    has = rng.random((n, n_labels)) < rng.uniform(0.1, 0.6, n_labels)
    has[:, 1] |= has[:, 0] & (rng.random(n) < 0.5)
    names = np.array(list("abcdefgh")[:n_labels])
    return has, pd.DataFrame({"labels": [json.dumps(list(names[row])) for row in has]})


# --- reading ----------------------------------------------------------------------------------------------------------
def test_lists_are_read_as_entries_of_an_indicator_matrix():
    found = labels_of(pd.DataFrame({"labels": ['["b","a"]', None, "[]", ["a", "a", " "], np.nan, ("c",)]}))
    assert found.names == ["a", "b", "c"]
    assert found.known.tolist() == [True, False, True, True, False, True]
    assert found.matrix.toarray().tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert (found.n, found.counts.tolist(), found.is_exclusive, found.is_constant) == (4, [2, 1, 1], False, False)
    assert [rows.tolist() for rows in found.members] == [[0, 3], [0], [5]]
    assert {found.said[code] for code in found.sets.tolist() if code >= 0} == {"a + b", "–", "a", "c"}


def test_one_label_each_is_the_case_of_exactly_one():
    one = labels_of(pd.DataFrame({"label": ["b", None, "a", "b"]}))
    assert one.is_exclusive and one.notes == () and one.column == "label"
    assert one.together.tolist() == [[1, 0], [0, 2]]
    assert one.sets.tolist() == [1, -1, 0, 1]
    assert labels_of(pd.DataFrame({"labels": [["a"], ["b"]]})).is_exclusive
    assert labels_of(pd.DataFrame({"labels": [["a"], []]})).notes == (NOTE,)
    assert labels_of(pd.DataFrame({"labels": [["a", "b"]] * 3})).is_constant


@given(st.lists(st.one_of(st.none(), st.sets(st.sampled_from("abcd"))), min_size=1, max_size=30), st.randoms())
def test_counts_are_those_of_the_sets(sets, random):
    groups = np.array([random.randrange(-1, 3) for _ in sets])
    found = labels_of(pd.DataFrame({"labels": [None if own is None else sorted(own) for own in sets]}))
    counts, totals = found.by(groups, 3)
    for y, name in enumerate(found.names):
        for g in range(3):
            assert counts[y, g] == sum(own is not None and name in own and groups[i] == g for i, own in enumerate(sets))
    assert totals.tolist() == [sum(own is not None and groups[i] == g for i, own in enumerate(sets)) for g in range(3)]
    part = np.flatnonzero([i % 2 == 0 for i in range(len(sets))])
    assert found.of(part).matrix.toarray().tolist() == found.matrix.toarray()[part].tolist()


# --- groups -----------------------------------------------------------------------------------------------------------
def test_odds_of_each_label_by_hand():
    result = ASSOCIATION.compute(frame_of(), Context(groups=("g",)))
    rows = result.table.set_index("label")
    a, b = rows.loc["a"], rows.loc["b"]
    assert (a.value, a.n, a.group_n, a.label_n, a.total) == ("x", 40, 100, 55, 200)
    assert a.odds_ratio == pytest.approx(40 * 85 / (60 * 15))
    assert (a.low, a.high) == pytest.approx(Table2x2([[40, 60], [15, 85]]).oddsratio_confint())
    assert a.p == pytest.approx(stats.chi2_contingency([[40, 60], [15, 85]], correction=False).pvalue)
    assert (b.value, b.odds_ratio) == ("y", pytest.approx(40 * 70 / (60 * 30)))
    assert a.alarm and not b.alarm
    told = [finding for finding in result.findings if finding.alarm]
    assert [(c.column, c.op, c.value) for c in told[0].examples] == [("group_g", "eq", "x"), ("labels", "has", "a")]
    assert result.findings[-1].key == "audit_counts.association.some_several"  # no V of labels that overlap
    assert "v" not in result.findings[-1].values and result.findings[-1].unit != "cramers_v"
    assert NOTE in result.notes


def test_the_clustered_variance_of_labels_that_overlap_is_the_sum_of_squared_influences():
    rng = np.random.default_rng(0)
    has, frame = drawn(200, 3, 0)
    groups, clusters = rng.integers(0, 2, 200), rng.integers(0, 40, 200)
    counts = np.array([[(has[:, y] & (groups == g)).sum() for g in range(2)] for y in range(3)], dtype=float)
    group_n, label_n = np.bincount(groups)[None, :], has.sum(0)[:, None]
    cells = (counts, group_n - counts, label_n - counts, 200 - group_n - label_n + counts)
    found = clustered_variance(cells, labels_of(frame), groups, clusters, (3, 2))
    for y in range(3):
        for g in range(2):
            a, b, c, d = (cell[y, g] for cell in cells)
            z = np.where(groups == g, np.where(has[:, y], 1 / a, -1 / b), np.where(has[:, y], -1 / c, 1 / d))
            assert found[y, g] == pytest.approx(sum(z[clusters == f].sum() ** 2 for f in range(40)))


def test_parity_of_each_label_by_hand():
    result = PARITY.compute(frame_of(), Context(groups=("g",)))
    rows = result.table.set_index("label")
    a = rows.loc["a"]
    assert (a.highest, a.high_n, a.lowest, a.low_n) == ("x", 100, "y", 100)
    assert (a.high_share, a.low_share, a.difference, a.ratio) == pytest.approx((0.40, 0.15, 0.25, 0.375))
    assert rows.loc["b", "difference"] == pytest.approx(0.10)
    assert [f.values["label"] for f in result.findings if f.alarm] == ["a"]


def test_sources_are_crossed_with_each_label():
    result = CONFOUNDS.compute(frame_of(), Context())
    rows = result.table.set_index(["value", "place"])
    assert set(result.table.value) == {"a", "b"}
    assert (rows.loc[("a", "sx"), "n"], rows.loc[("a", "sx"), "share"]) == (40, pytest.approx(0.40))
    assert rows.loc[("a", "sx"), "all_share"] == pytest.approx(55 / 200)
    told = [finding for finding in result.findings if finding.unit == "cramers_v_interval"]
    table = np.array([[40, 15], [60, 85]])
    assert [finding.values["value"] for finding in told] == ["a"]
    assert told[0].estimate == pytest.approx(independence(table)["v"]) == pytest.approx(cramers_v(table)[1])
    assert told[0].key == "audit_counts.confounds.tied_one_source"
    calm = {key: 25 for key in CELLS}
    told = [f for f in CONFOUNDS.compute(frame_of(calm), Context()).findings if f.unit == "cramers_v_interval"]
    assert [finding.key for finding in told] == ["audit_counts.confounds.calm_one_source"]


# --- balance ----------------------------------------------------------------------------------------------------------
def test_two_labels_that_overlap_by_hand():
    """Q of two labels is McNemar's (30 - 45)² / (30 + 45) = 3; both 25, only a 30, only b 45, none 100."""
    labels = labels_of(frame_of())
    assert cochran_q(labels) == pytest.approx(3.0)
    ratio, low, high, p = imbalance(labels)
    error = np.sqrt(1 / 70 + 1 / 55 - 2 * 25 / (70 * 55))
    assert ratio == pytest.approx(70 / 55)
    assert (low, high) == pytest.approx((ratio * np.exp(-1.959964 * error), ratio * np.exp(1.959964 * error)), rel=1e-6)
    assert p == pytest.approx(stats.chi2.sf(3.0, 1))
    pair = pairs(labels).iloc[0]
    assert (pair.both, pair.expected, pair.odds_ratio) == (25, pytest.approx(55 * 70 / 200), pytest.approx(2500 / 1350))
    assert (pair.low, pair.high) == pytest.approx(Table2x2([[25, 30], [45, 100]]).oddsratio_confint())


def test_q_is_that_of_statsmodels_and_pearsons_of_one_label_each():
    has, frame = drawn(300, 5, 1)
    assert cochran_q(labels_of(frame)) == pytest.approx(cochrans_q(has.astype(int)).statistic)
    codes = np.random.default_rng(2).integers(0, 4, 200)
    one = exclusive(codes, list("abcd"))
    assert cochran_q(one) == pytest.approx(stats.chisquare(np.bincount(codes)).statistic)


def test_the_interval_of_the_ratio_covers_the_truth_of_labels_that_overlap():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        both, only = rng.random(400) < 0.15, rng.random(400) < 0.25  # a = both or only, b = both: 0.3625 against 0.15
        frame = pd.DataFrame({"labels": [[n for n, is_in in (("a", x or y), ("b", x)) if is_in]
                                         for x, y in zip(both, only, strict=True)]})  # fmt: skip
        _, low, high, _ = imbalance(labels_of(frame))
        covered += low <= 0.3625 / 0.15 <= high
    assert 275 <= covered <= 296


def test_balance_says_how_labels_overlap():
    frame = frame_of({("x", "ab"): 60, ("x", "a"): 20, ("x", "b"): 20, ("x", ""): 300, ("x", "c"): 100})
    result = BALANCE.compute(frame, Context())
    rows = result.table.set_index("label")
    assert (rows.loc["a", "n"], rows.loc["a", "share"]) == (80, pytest.approx(80 / 500))
    assert (rows.loc["a", "companion"], rows.loc["a", "companion_share"]) == ("b", 0.75)
    assert (rows.loc["c", "companion"], rows.loc["c", "companion_share"]) == ("", 0.0)
    several = next(f for f in result.findings if f.key == "audit_counts.balance.several")
    assert several.values["mean"] == pytest.approx((60 * 2 + 140) / 500)
    assert (several.values["more"], several.values["none"], several.estimate) == (60, 300, 0.12)
    tied = next(f for f in result.findings if f.key == "audit_counts.balance.together")
    assert (tied.values["both"], tied.values["expected"], tied.values["share"]) == (60, pytest.approx(12.8), 0.75)
    assert not tied.alarm
    assert [(c.column, c.op, c.value) for c in tied.examples] == [("labels", "has", "a"), ("labels", "has", "b")]


# --- texts ------------------------------------------------------------------------------------------------------------
def test_the_rank_test_is_the_regression_of_ranks_on_the_indicators():
    has, frame = drawn(250, 4, 4)
    lengths = np.random.default_rng(5).integers(1, 60, 250) + 8 * has[:, 2]
    h, df, p = rank_test(lengths, labels_of(frame))
    fit = OLS(stats.rankdata(lengths), add_constant(has.astype(float))).fit()
    assert h == pytest.approx(249 * fit.rsquared)
    assert (df, p) == (4, pytest.approx(stats.chi2.sf(h, 4)))


def test_the_rank_test_of_one_label_each_is_kruskal_and_wallis():
    rng = np.random.default_rng(6)
    codes, lengths = rng.integers(0, 5, 200), rng.integers(1, 30, 200)
    h, df, p = rank_test(lengths, exclusive(codes, list("abcde")))
    oracle = stats.kruskal(*[lengths[codes == code] for code in range(5)])
    assert (h, df, p) == (pytest.approx(oracle.statistic), 4, pytest.approx(oracle.pvalue))


def test_a_label_that_follows_from_others_costs_no_degree_of_freedom():
    frame = pd.DataFrame({"labels": [["a", "c"], ["b"], ["a", "c"], [], ["b"]] * 20})  # c is a
    assert rank_test(np.arange(100), labels_of(frame))[1] == 2


def test_the_rank_test_keeps_its_level_where_labels_overlap():
    rng = np.random.default_rng(7)
    _, frame = drawn(150, 4, 8)
    labels = labels_of(frame)
    rejected = sum(rank_test(rng.integers(1, 40, 150), labels)[2] < 0.05 for _ in range(1000))
    assert 30 <= rejected <= 70


def test_lengths_compare_with_and_without_each_label():
    has, frame = drawn(400, 3, 9)
    lengths = np.random.default_rng(10).integers(20, 60, 400) + 30 * has[:, 0]
    frame = frame.assign(text=["x" * int(n) for n in lengths])
    result = LENGTHS.compute(frame, Context())
    rows = result.table.set_index("value")
    for y, name in enumerate("abc"):
        assert rows.loc[name, "n"] == has[:, y].sum()
        assert rows.loc[name, "longer"] == pytest.approx(roc_auc_score(has[:, y], lengths))
        assert rows.loc[name, "median"] == np.median(lengths[has[:, y]])
    longer = next(f for f in result.findings if f.key == "audit.lengths.longer" and f.values["value"] == "a")
    assert longer.values["rest_median"] == np.median(lengths[~has[:, 0]])
    assert longer.n == 400


def test_copies_widen_lengths_and_balance():
    """Every text four times: the intervals are twice as wide on their scale, and chi-square is a quarter."""
    rng = np.random.default_rng(11)
    codes, lengths = np.repeat(rng.integers(0, 2, 60), 4), np.repeat(rng.integers(20, 60, 60), 4)
    frame = pd.DataFrame({"text": ["x" * int(n) for n in lengths], "label": np.array(["a", "b"])[codes]})
    families = np.repeat(np.arange(60), 4)
    alone, copies = (LENGTHS.compute(frame, Context(families=own)).table.iloc[0] for own in (None, families))

    def logit(p):
        return np.log(p / (1 - p))

    assert copies.longer == alone.longer
    assert logit(copies.high) - logit(copies.longer) == pytest.approx(2 * (logit(alone.high) - logit(alone.longer)))
    assert copies.p > alone.p
    one = labels_of(frame)
    assert imbalance(one, 0.25)[3] == pytest.approx(stats.chi2.sf(cochran_q(one) / 4, 1))
    told = [BALANCE.compute(frame, Context(families=own)).findings[0] for own in (None, families)]
    assert np.log(told[1].high / told[1].estimate) == pytest.approx(2 * np.log(told[0].high / told[0].estimate))


def test_words_are_tied_to_one_label_of_several_by_hand():
    """Of 30 texts with the word 24 carry a and 6 b; of all 120, 48 carry a and 66 b: z = (0.8 - 0.4) / sqrt(.24/30)."""
    own = [["a"]] * 18 + [["a", "b"]] * 6 + [[]] * 6 + [["a", "b"]] * 20 + [["a"]] * 4 + [["b"]] * 40 + [[]] * 26
    texts = ["regards now"] * 30 + ["other words"] * 90
    frame = pd.DataFrame({"text": texts, "labels": own})
    row = SHORTCUTS.compute(frame, Context()).table.set_index("word").loc["regards"]
    assert (row.label, row.n, row.with_label, row.expected) == ("a", 30, 24, 0.4)
    assert row.z == pytest.approx((0.8 - 0.4) / np.sqrt(0.4 * 0.6 / 30))
    assert row.p == pytest.approx(stats.binom.sf(23, 30, 0.4))
    assert row.odds_ratio == pytest.approx(24 * 66 / (6 * 24))


def test_a_family_of_copies_counts_once_in_the_ties_of_words():
    """Ten texts four times each say as much as ten texts: the tail of the binomial is that of 10."""
    own = [["a"]] * 36 + [["b"]] * 4 + [["a"]] * 36 + [["b"]] * 84
    frame = pd.DataFrame({"text": ["regards now"] * 40 + ["other words"] * 120, "labels": own})
    families = np.r_[np.repeat(np.arange(10), 4), np.arange(10, 130)]
    row = SHORTCUTS.compute(frame, Context(families=families)).table
    prior = (9 + 36) / 130
    assert tail(9, 10, prior) == pytest.approx(stats.binom.sf(8, 10, prior))
    assert weights_of(families, np.arange(160), 160)[:40].sum() == pytest.approx(10)
    found = row.set_index("word").loc["regards"]
    assert (found.n, found.with_label, found.p) == (40, 36, pytest.approx(stats.binom.sf(8, 10, prior)))
    assert found.z == pytest.approx((0.9 - prior) / np.sqrt(prior * (1 - prior) / 10))


def test_naming_a_group_goes_with_each_label_by_hand():
    """Of 80 texts that name women 60 carry a, of 120 others 40; of each half carry b."""
    own = [["a", "b"]] * 40 + [["a"]] * 20 + [[]] * 20 + [["a", "b"]] * 40 + [["b"]] * 20 + [[]] * 60
    texts = ["the woman spoke"] * 80 + ["it rained"] * 120
    frame = pd.DataFrame({"example_id": range(200), "text": texts, "labels": own})
    result = MENTION_LABELS.compute(frame, Context(lexicon=builtin("en")))
    rows = result.table[result.table.axis == "gender"].set_index("label")
    assert (rows.loc["a", "n"], rows.loc["a", "group_n"], rows.loc["a", "label_n"]) == (60, 80, 100)
    assert rows.loc["a", "odds_ratio"] == pytest.approx(60 * 80 / (20 * 40))
    assert rows.loc["b", "odds_ratio"] == pytest.approx(1.0)
    told = [finding for finding in result.findings if finding.alarm]
    assert [finding.values["label"] for finding in told] == ["a"]
    assert told[0].examples[1].op == "has"


def test_a_group_that_few_texts_name_is_counted_and_not_told():
    labels = ["a"] * 40 + ["b"] * 160
    texts = ["the woman spoke"] * 40 + ["it rained"] * 160
    frame = pd.DataFrame({"example_id": range(200), "text": texts, "label": labels})
    result = MENTION_LABELS.compute(frame, Context(lexicon=builtin("en")))
    assert not any(finding.alarm for finding in result.findings)
    assert result.findings[-1].key.endswith("_few") and result.findings[-1].values["few"] == 1
    assert result.table.is_small.all() and result.table.q.min() < 1e-6


# --- trust ------------------------------------------------------------------------------------------------------------
def test_likeness_inside_clusters_sums_over_the_indicators():
    has, frame = drawn(240, 3, 12)
    clusters = np.repeat(np.arange(40), 6)
    between = within = 0.0
    for y in range(3):
        table = anova_lm(ols("y ~ C(f)", pd.DataFrame({"y": has[:, y].astype(float), "f": clusters})).fit())
        between, within = between + table.loc["C(f)", "mean_sq"], within + table.loc["Residual", "mean_sq"]
    expected = max((between - within) / (between + 5 * within), 0.0)
    assert intraclass(labels_of(frame), clusters)[0] == pytest.approx(expected)


def test_copies_disagree_where_their_sets_of_labels_differ():
    frame = pd.DataFrame({"example_id": range(6), "text": list("ppqqrr"),
                          "labels": [["a", "b"], ["b", "a"], ["a"], ["a", "b"], [], None]})  # fmt: skip
    table = DUPLICATES.compute(frame, Context(families=np.array([0, 0, 1, 1, 2, 2]))).table.set_index("family")
    assert table.is_conflicting.to_dict() == {0: False, 1: True, 2: False}
    assert table.loc[1, "labels"] == ["a", "a + b"]


def test_neighbours_vote_for_every_label_they_carry():
    """Weights 0.9 to 0.5; a is carried by the first two, b by the second and the last, nothing by the third."""
    labels = labels_of(pd.DataFrame({"labels": [["c"], ["a"], ["a", "b"], [], ["c"], ["b"], None]}))
    indices, distances = np.array([[1, 2, 3, 4, 5, 6]]), np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.0]])
    votes = neighbour_votes(indices, distances, labels, None)
    assert votes[0] == pytest.approx(np.array([0.9 + 0.8, 0.8 + 0.5, 0.6]) / 3.5)


# --- what to do about it ----------------------------------------------------------------------------------------------
def test_advice_names_the_column_of_several_labels():
    """A split keeps the mix of `labels`; the texts with a word are those with the label among theirs."""
    told = next(f for f in ASSOCIATION.compute(frame_of(), Context(groups=("g",))).findings if f.alarm)
    assert advice(told).params["strata"] == "labels,group_g"
    own = [["a"]] * 18 + [["a", "b"]] * 6 + [[]] * 6 + [["b"]] * 40 + [[]] * 30
    frame = pd.DataFrame({"text": ["thanks now"] * 30 + ["other words"] * 70, "labels": own})
    told = SHORTCUTS.compute(frame, Context()).findings[0]
    clauses = conditions_from_text(advice(told).params["f"])
    assert [(c.column, c.op, c.value) for c in clauses] == [("text", "contains", told.values["word"]),
                                                            ("labels", "has", "a")]  # fmt: skip
