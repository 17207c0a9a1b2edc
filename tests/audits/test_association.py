"""Odds ratios and Cramer's V against published values, statsmodels and scipy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats.contingency import association as scipy_association
from statsmodels.stats.contingency_tables import Table2x2

from studio.audits.association import ASSOCIATION, BAND, clustered_variance, cramers_v, odds_ratio
from studio.audits.context import Context
from studio.audits.intervals import smallest_odds_ratio
from studio.audits.label_sets import exclusive


def frame_of(counts, labels="xyz", groups="abc"):
    rows = [(labels[y], groups[g]) for y, row in enumerate(counts) for g, n in enumerate(row) for _ in range(n)]
    return pd.DataFrame({"example_id": range(len(rows)), "text": "t", "label": [r[0] for r in rows],
                         "group_g": [r[1] for r in rows]})  # fmt: skip


def run(frame, **context):
    return ASSOCIATION.compute(frame, Context(groups=("g",), **context))


def test_reference_table():
    ratio, low, high, error = odds_ratio(10, 20, 30, 40)
    assert (float(ratio), float(error)) == pytest.approx((0.666667, 0.456435), abs=1e-6)
    assert (float(low), float(high)) == pytest.approx((0.272515, 1.630900), abs=1e-6)
    v, corrected, p = cramers_v([[10, 20], [30, 40]])
    assert v == pytest.approx(0.089087, abs=1e-6)
    assert corrected == 0.0
    assert p == pytest.approx(stats.chi2.sf(0.793651, 1), abs=1e-5)


@given(st.lists(st.integers(1, 500), min_size=4, max_size=4))
def test_odds_ratio_is_that_of_statsmodels(cells):
    a, b, c, d = cells
    table = Table2x2(np.array([[a, b], [c, d]]))
    ratio, low, high, _ = odds_ratio(a, b, c, d)
    assert float(ratio) == pytest.approx(table.oddsratio)
    assert (float(low), float(high)) == pytest.approx(table.oddsratio_confint())


def test_an_empty_cell_gets_half_an_example_everywhere():
    ratio, low, high, error = odds_ratio(0, 10, 5, 5)
    assert float(ratio) == pytest.approx(0.5 * 5.5 / (10.5 * 5.5))
    assert float(error) == pytest.approx(np.sqrt(1 / 0.5 + 1 / 10.5 + 1 / 5.5 + 1 / 5.5))
    assert np.isfinite([low, high]).all()


@given(st.lists(st.lists(st.integers(1, 60), min_size=3, max_size=3), min_size=2, max_size=5))
def test_plain_v_is_that_of_scipy(counts):
    v, corrected, p = cramers_v(counts)
    assert v == pytest.approx(scipy_association(np.array(counts), method="cramer", correction=False))
    assert 0 <= corrected <= v + 1e-12
    assert p == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue)


def test_every_row_is_its_own_two_by_two_table():
    counts = np.array([[40, 60, 20], [30, 10, 90], [200, 300, 150]])
    table = run(frame_of(counts)).table
    assert len(table) == 9
    for row in table.itertuples():
        y, g = "xyz".index(row.label), "abc".index(row.value)
        a, b = counts[y, g], counts[:, g].sum() - counts[y, g]
        c, d = counts[y].sum() - a, counts.sum() - counts[:, g].sum() - counts[y].sum() + a
        oracle = Table2x2(np.array([[a, b], [c, d]]))
        assert row.odds_ratio == pytest.approx(oracle.oddsratio)
        assert (row.low, row.high) == pytest.approx(oracle.oddsratio_confint())
        assert row.p == pytest.approx(stats.chi2_contingency([[a, b], [c, d]], correction=False).pvalue)
        assert not row.is_exact


def test_small_expected_counts_use_the_exact_test():
    table = run(frame_of([[3, 0, 1], [9, 12, 40]])).table
    row = table[(table.label == "x") & (table.value == "a")].iloc[0]
    assert row.is_exact
    assert row.p == pytest.approx(stats.fisher_exact([[3, 9], [1, 52]]).pvalue)


def test_a_two_valued_attribute_is_told_once_from_the_side_of_higher_odds():
    result = run(frame_of([[150, 60], [400, 500]], groups="ab"))
    assert len(result.table) == 1
    assert (result.table.odds_ratio >= 1).all()
    alarms = [finding for finding in result.findings if finding.alarm]
    assert {(f.values["label"], f.values["value"]) for f in alarms} == {("x", "a")}  # of two labels the rarer
    assert [c.column for c in alarms[0].examples] == ["group_g", "label"]


def test_an_alarm_needs_size_and_certainty():
    sure_but_small = run(frame_of(np.array([[11_000, 10_000], [39_000, 40_000]]), groups="ab"))
    assert sure_but_small.table.q.max() < 1e-6
    assert sure_but_small.table.odds_ratio.max() < BAND
    assert not any(f.alarm for f in sure_but_small.findings)
    large_but_unsure = run(frame_of(np.array([[6, 3], [30, 40]]), groups="ab"))
    assert large_but_unsure.table.odds_ratio.max() > 2
    assert not any(f.alarm for f in large_but_unsure.findings)
    smallest = large_but_unsure.findings[-1].smallest_effect
    assert smallest is None or smallest > 2


def test_copies_widen_the_interval_as_if_each_family_were_one_example():
    """Doubling every example and naming the copies must give back the interval of the single ones."""
    single = frame_of([[30, 20], [40, 90]], groups="ab")
    double = pd.concat([single, single], ignore_index=True)
    families = np.concatenate([np.arange(len(single))] * 2)
    first = run(single).table
    second = run(double, families=families).table
    assert second.family_low.tolist() == pytest.approx(first.low.tolist())
    assert second.family_high.tolist() == pytest.approx(first.high.tolist())
    assert (second.high < first.high).all()
    assert second.smallest.tolist() == pytest.approx(first.smallest.tolist())  # copies show nothing smaller either
    power = [finding for finding in run(double, families=families).findings if "power" in finding.key]
    assert [finding.values["n"] for finding in power] == [180]
    told = run(double, families=families).findings[0]
    assert told.alarm and (told.low, told.high) == (pytest.approx(first.low[0]), pytest.approx(first.high[0]))
    lone = run(single, families=np.arange(len(single))).table
    assert lone.family_low.tolist() == pytest.approx(lone.low.tolist())


def test_the_family_interval_covers_the_truth_where_the_plain_one_does_not():
    """Corpora of 200 messages each copied five times: the plain 95 % interval is far too narrow."""
    rng = np.random.default_rng(7)
    plain = clustered = 0
    for _ in range(100):
        label, group = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
        frame = pd.DataFrame({"example_id": range(1000), "text": "t", "label": np.repeat(np.where(label, "x", "y"), 5),
                              "group_g": np.repeat(np.where(group, "a", "b"), 5)})  # fmt: skip
        row = run(frame, families=np.repeat(np.arange(200), 5)).table.iloc[0]
        plain += row.low <= 1 <= row.high
        clustered += row.family_low <= 1 <= row.family_high
    assert plain < 75
    assert clustered >= 91


def test_clean_corpora_rarely_alarm_and_a_planted_odds_ratio_of_two_is_found():
    rng = np.random.default_rng(2)
    alarmed = found = 0
    for _ in range(40):
        group = rng.choice(["a", "b", "c"], 3000, p=[0.5, 0.3, 0.2])
        label = rng.integers(0, 8, 3000).astype(str)
        frame = pd.DataFrame({"example_id": range(3000), "text": "t", "label": label, "group_g": group})
        alarmed += any(f.alarm for f in run(frame).findings)
        moved = label.copy()
        share = 2 / 7 / (1 + 2 / 7)
        moved[group == "b"] = np.where(rng.random((group == "b").sum()) < share, "0",
                                       rng.integers(1, 8, (group == "b").sum()).astype(str))  # fmt: skip
        row = run(frame.assign(label=moved)).table.query("label == '0' and value == 'b'").iloc[0]
        found += row.low > 1 and row.alarm
    assert alarmed <= 5
    assert found >= 36


def test_the_clustered_variance_is_the_sum_over_clusters_of_squared_influences():
    """Worked out example by example: +1/a, -1/b, -1/c or +1/d by its cell, summed inside each cluster, squared."""
    rng = np.random.default_rng(0)
    labels, groups, clusters = rng.integers(0, 3, 200), rng.integers(0, 2, 200), rng.integers(0, 40, 200)
    counts = np.array([[((labels == y) & (groups == g)).sum() for g in range(2)] for y in range(3)], dtype=float)
    group_n, label_n = counts.sum(0, keepdims=True), counts.sum(1, keepdims=True)
    cells = (counts, group_n - counts, label_n - counts, 200 - group_n - label_n + counts)
    found = clustered_variance(cells, exclusive(labels, list("abc")), groups, clusters, (3, 2))
    for y in range(3):
        for g in range(2):
            a, b, c, d = (cell[y, g] for cell in cells)
            inside, has = groups == g, labels == y
            z = np.where(inside, np.where(has, 1 / a, -1 / b), np.where(has, -1 / c, 1 / d))
            assert found[y, g] == pytest.approx(sum(z[clusters == f].sum() ** 2 for f in range(40)))
    alone = clustered_variance(cells, exclusive(labels, list("abc")), groups, np.arange(200), (3, 2))
    assert alone == pytest.approx(sum(1 / cell for cell in cells))


def test_busy_authors_widen_the_interval_and_keep_an_alarm_back():
    """40 authors, each of one group and with one habit: 400 examples say no more than 40 do."""
    rng = np.random.default_rng(5)
    plain = clustered = 0
    for _ in range(100):
        label, group = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
        frame = pd.DataFrame({"text": "t", "label": np.repeat(np.where(label, "x", "y"), 10),
                              "group_g": np.repeat(np.where(group, "a", "b"), 10),
                              "group_author": np.repeat([f"w{i}" for i in range(40)], 10)})  # fmt: skip
        plain += any(f.alarm for f in run(frame).findings)
        result = ASSOCIATION.compute(frame, Context(groups=("g", "author")))
        clustered += any(f.alarm for f in result.findings)
        assert set(result.table.cluster) == {"author"} and set(result.table.attribute) == {"g"}
    assert plain > 40 and clustered <= 12


def test_examples_without_a_value_are_compared_with_those_that_have_one():
    frame = frame_of([[100, 110], [200, 190]], groups="ab")
    bare = frame_of([[90], [30]], groups="a").assign(group_g=None)
    result = run(pd.concat([frame, bare], ignore_index=True))
    row = result.table[result.table.value == ""].query("label == 'x'").iloc[0]
    oracle = Table2x2(np.array([[90, 30], [210, 390]]))
    assert (row.n, row.group_n, row.label_n, row.total) == (90, 120, 300, 720)
    assert row.odds_ratio == pytest.approx(oracle.oddsratio)
    assert (row.low, row.high) == pytest.approx(oracle.oddsratio_confint())
    # with three labels the side of the lower odds is told too, from the same table turned round
    three = run(pd.concat([frame, bare, frame_of([[50, 50]], labels="z", groups="ab")], ignore_index=True)).table
    turned = three[three.value == ""].query("label == 'y'").iloc[0]
    oracle = Table2x2(np.array([[30, 90], [390, 310]]))
    assert (turned.n, turned.group_n, turned.odds_ratio) == (30, 120, pytest.approx(oracle.oddsratio))
    assert (turned.low, turned.high) == pytest.approx(oracle.oddsratio_confint())
    assert (turned.share, turned.rest_share) == (0.25, pytest.approx(390 / 700))
    first = result.findings[0]
    assert first.alarm and first.key in ("audit_counts.missing.more", "audit_counts.missing.less")
    assert first.examples[0].op == "isnull"
    known = result.table[result.table.value == "b"].query("label == 'x'").iloc[0]
    assert known.total == 600  # the others are compared among those that have a value


def test_power_and_the_smallest_effect_follow_the_audits_read_together():
    frame = frame_of([[120, 100], [280, 300]], groups="ab")
    alone, together = run(frame), run(frame, n_families=14)
    needed = [result.findings[-2].estimate for result in (alone, together)]
    assert alone.findings[-2].key == "audit_counts.power.gap" and needed[0] < needed[1]
    assert alone.findings[-1].smallest_effect < together.findings[-1].smallest_effect
    row = together.table.iloc[0]
    expected = smallest_odds_ratio(row.group_n, row.total - row.group_n, row.rest_share, 0.05 / 14)
    assert row.smallest == pytest.approx(float(expected))


def test_a_label_that_never_or_always_occurs_is_told_without_an_odds_ratio():
    counts = [[0, 60, 100], [80, 0, 100], [120, 140, 0]]
    never = [f for f in run(frame_of(counts)).findings if f.key == "audit_counts.association.never"]
    assert {(f.values["label"], f.values["value"]) for f in never} == {("x", "a"), ("y", "b"), ("z", "c")}
    assert all(f.alarm and f.values["group_n"] == 200 for f in never)
    only = run(frame_of([[90, 60], [0, 100], [0, 140]], groups="ab")).findings
    always = [f for f in only if f.key == "audit_counts.association.always"]
    assert [(f.values["label"], f.values["value"], f.values["group_n"]) for f in always] == [("x", "a", 90)]


def test_missing_values_are_a_category_only_among_labelled_examples():
    """Forty examples without a value carry no label either, so nothing can be said of the labels of such examples."""
    frame = frame_of([[30, 10], [20, 40]])
    bare = pd.DataFrame({"example_id": range(40), "text": "t", "label": None, "group_g": None})
    assert "" not in set(run(pd.concat([frame, bare], ignore_index=True)).table.value)
    told = bare.assign(label="x")
    assert "" in set(run(pd.concat([frame, told], ignore_index=True)).table.value)
