"""Shares over time: a published table, statsmodels, reading of times, planted and absent trends."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import Table

from studio.audits.context import Context
from studio.audits.trends import TRENDS, period_name, periods_of, read_times, trend


def run(times, groups, **context):
    frame = pd.DataFrame({"text": "t", "time": times, "group_g": groups})
    return TRENDS.compute(frame, Context(groups=("g",), **context))


def months(n, length=18, start="2023-01-15"):
    """N times spread evenly over the middles of consecutive months."""
    firsts = pd.date_range(start, periods=length, freq="MS")
    return [firsts[i % length].strftime("%Y-%m-%dT08:00:00") for i in range(n)]


def test_the_table_of_alcohol_and_malformation():
    """Agresti, Categorical Data Analysis, table 3.3: scores 0, 0.5, 1.5, 4, 7; M² = 6.57, p = 0.010."""
    hits, totals = [48, 38, 5, 1, 1], [17114, 14502, 793, 127, 38]
    chi2, *_ = trend(hits, totals, [0, 0.5, 1.5, 4, 7])
    assert chi2 == pytest.approx(6.57, abs=0.005)
    assert stats.chi2.sf(chi2, 1) == pytest.approx(0.010, abs=0.0005)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=2, max_size=8))
def test_chi_square_is_that_of_statsmodels(periods):
    """Statsmodels conditions on the margins, which divides by n - 1 where Armitage divides by n."""
    hits = np.array([min(k, n) for k, n in periods])
    totals = np.array([n for _, n in periods])
    if 0 < hits.sum() < totals.sum():
        table = np.column_stack([totals - hits, hits])
        found = Table(table, shift_zeros=False).test_ordinal_association(np.arange(len(hits)), np.array([0, 1]))
        n = totals.sum()
        assert trend(hits, totals, np.arange(len(hits)))[0] == pytest.approx(found.zscore**2 * n / (n - 1))


def test_the_change_and_its_error_by_hand():
    """Two periods of 100: 20 and 40 of them; the line goes through both shares."""
    chi2, change, error, null = trend([20, 40], [100, 100], [5, 6])
    assert change == pytest.approx(0.2)
    own = np.array([20.5, 40.5]) / 101
    assert error == pytest.approx(np.sqrt((own * (1 - own) / 100).sum()))
    assert null == pytest.approx(np.sqrt(0.3 * 0.7 * 2 / 100))
    assert chi2 == pytest.approx(stats.chi2_contingency([[20, 40], [80, 60]], correction=False).statistic)


def test_times_in_many_shapes_are_read_and_the_rest_is_not():
    read_ones = ["2024-03-05", "2024-03-05T10:11:12Z", "1709633472", "1709633472000", "2024/03/05", "2024年3月5日"]
    read_ones += ["05.03.2024", "Tue Mar 05 10:11:12 +0000 2024", "2024-03"]
    texts = pd.Series([*read_ones, "soon", "2024-13-40", None])
    read = read_times(texts)
    assert [moment.strftime("%Y-%m") for moment in read[:9]] == ["2024-03"] * 9
    assert read[9:].isna().all()


def test_milliseconds_are_read_whatever_the_other_rows_look_like_and_year_0_is_no_time():
    """1,709,633,472 s after 1970 is 2024-03-05 10:11:12 UTC; a column of whole seconds once could not take 123 ms."""
    read = read_times(pd.Series(["1709633472123", "2024-03-05", "-1", "0000", "0001-01-01"]))
    assert read[:2].tolist() == [
        pd.Timestamp("2024-03-05 10:11:12.123", tz="UTC"),
        pd.Timestamp("2024-03-05", tz="UTC"),
    ]
    assert read.isna().tolist() == [False, False, True, True, False]
    assert read_times(pd.Series(["1709633472123"])).dt.month.tolist() == [3]


def test_day_and_month_are_told_apart_only_where_a_row_shows_which_is_which():
    assert read_times(pd.Series(["3/4/2024", "5/6/2024"])).isna().all()
    assert read_times(pd.Series(["3/4/2024", "25/6/2024"])).dt.month.tolist() == [4, 6]
    assert read_times(pd.Series(["3/4/2024", "6/25/2024"])).dt.month.tolist() == [3, 6]


@pytest.mark.parametrize(
    ("first", "last", "unit"),
    [("2023-01", "2024-12", "month"), ("2020-01", "2024-12", "quarter"), ("2005-01", "2024-12", "year")],
)
def test_the_span_chooses_the_length_of_a_period(first, last, unit):
    times = pd.Series(pd.date_range(f"{first}-01", f"{last}-31", freq="D", tz="UTC"))
    codes, found = periods_of(times)
    assert found == unit and (codes >= 0).all()


def test_periods_grow_until_they_hold_enough_and_stray_times_are_left_out():
    few = pd.Series(
        pd.to_datetime([f"2024-{month:02d}-0{day}" for month in range(1, 13) for day in (1, 2, 3, 4)], utc=True)
    )
    codes, unit = periods_of(few)
    assert unit == "quarter" and [period_name(c, unit) for c in np.unique(codes)] == [f"2024-Q{q}" for q in range(1, 5)]
    stray = pd.Series(pd.to_datetime([*months(400, 10), "1970-01-01T00:00:00"], utc=True))
    codes, unit = periods_of(stray)
    assert unit == "month" and codes[-1] == -1 and (codes[:-1] >= 0).all()


def test_a_share_that_grows_is_told_with_its_change_and_its_examples():
    times = months(3600)
    rng = np.random.default_rng(0)
    groups = np.where(rng.random(3600) < np.array([0.2 + 0.2 * (i % 18) / 17 for i in range(3600)]), "a", "b")
    result = run(times, groups)
    first = result.findings[0]
    assert first.alarm and first.key == "audit_counts.trends.rises"
    assert first.values["value"] == "a" and first.low < 0.2 < first.high
    assert (first.values["first"], first.values["last"]) == (pytest.approx(0.2, abs=0.04), pytest.approx(0.4, abs=0.04))
    assert [(c.column, c.value) for c in first.examples] == [("group_g", "a")]
    rows = result.table[result.table.value == "a"]
    assert len(rows) == 18 and rows.n.sum() == (groups == "a").sum()
    assert rows.share.tolist() == pytest.approx((rows.n / rows.period_n).tolist())


def test_missing_values_are_a_category_that_can_move_too():
    groups = np.array(["a"] * 1800, dtype=object)
    groups[np.random.default_rng(1).random(1800) < np.linspace(0.02, 0.4, 1800)] = None
    times = pd.date_range("2023-01-01", "2024-06-30", periods=1800).strftime("%Y-%m-%d")
    result = run(list(times), groups)
    assert {f.key for f in result.findings if f.alarm} & {
        "audit_counts.trends.falls",
        "audit_counts.trends.missing_rises",
    }
    assert set(result.table.value) == {"a", ""}


def test_what_has_no_readable_time_is_counted():
    result = run([*months(200, 10), *["soon"] * 7, *[None] * 5], ["a", "b"] * 106)
    told = {f.key.rsplit(".")[-1]: f.values["n"] for f in result.findings if f.unit == "share"}
    assert told == {"unread": 7, "timeless": 5}
    assert run(["2024-05-01"] * 50, ["a", "b"] * 25).notes == ("audit_counts.note.one_period",)
    assert run([None] * 50, ["a", "b"] * 25).notes == ("audit_counts.note.no_time",)


def test_copies_make_a_trend_less_sure():
    rng = np.random.default_rng(2)
    times, groups = months(540), np.where(rng.random(540) < 0.3, "a", "b")
    alone = run(times, groups).table
    copied = run(times * 3, np.tile(groups, 3), families=np.tile(np.arange(540), 3)).table
    assert copied.share.tolist() == pytest.approx(alone.share.tolist())
    assert copied.low.tolist() == pytest.approx(alone.low.tolist())
    assert copied.q[0] == pytest.approx(alone.q[0])


def test_still_corpora_rarely_alarm_and_the_smallest_change_is_usually_seen():
    rng = np.random.default_rng(3)
    times = months(1800)
    still = [run(times, rng.choice(list("abc"), 1800)) for _ in range(60)]
    assert sum(any(f.alarm for f in result.findings) for result in still) <= 6
    smallest = still[0].findings[-1].smallest_effect  # at p = 1/3, three tests
    at = np.array([(i % 18) / 17 - 0.5 for i in range(1800)])
    seen = 0
    for _ in range(60):
        groups = np.where(rng.random(1800) < 1 / 3 + smallest * at, "a", rng.choice(["b", "c"], 1800))
        seen += run(times, groups).table.query("value == 'a'").q.iloc[0] < 0.05
    assert seen >= 42  # 80 % of 60 less two standard errors
