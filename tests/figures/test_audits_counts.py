"""Pictures of the count audits: what they draw is what the tables hold, names are literal, small cells hidden."""

import numpy as np
import pandas as pd
import pytest

from studio.audits.association import ASSOCIATION, BAND
from studio.audits.confounds import CONFOUNDS
from studio.audits.context import Context
from studio.audits.dependence import DEPENDENCE
from studio.audits.intersections import INTERSECTIONS, SUPPRESS
from studio.audits.parity import PARITY
from studio.audits.trends import TRENDS
from studio.figures import audits_counts as figures
from studio.figures.audits import forest
from studio.findings import from_json, to_json

HOSTILE = "<b>x</b>"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 1500
    a, b = rng.choice([HOSTILE, "v"], n), rng.choice(["p", "q", "r"], n)
    b = np.where((a == HOSTILE) & (b == "p") & (np.arange(n) > 30), "q", b)  # a few of HOSTILE × p are left
    return pd.DataFrame(
        {
            "text": "t",
            "label": rng.choice(["l1", "l2", "l3"], n),
            "source": rng.choice(["s1", "s2", None], n),
            "time": [f"2024-{1 + i % 9:02d}-10" for i in range(n)],
            "group_a": a,
            "group_b": b,
            "group_c": rng.choice(["m", "f"], n),
            "group_w": [f"w{i % 50}" for i in range(n)],
        }
    )


def test_lines_over_time_are_the_shares(frame):
    table = TRENDS.compute(frame, Context(groups=("a",))).table
    figure = figures.over_time(table)
    assert len(figure.data) == 2 and len(figure.data[0].x) == 9
    for line in figure.data:
        own = table[table.value == (HOSTILE if "&lt;b" in line.name else "v")]
        assert list(line.y) == own.share.tolist()
    assert "<b>" not in figure.to_json().replace("<br>", "")


def test_a_crossing_hides_what_is_under_ten(frame):
    table = INTERSECTIONS.compute(frame, Context(groups=("a", "b"))).table
    cell = table[(table["first"] == HOSTILE) & (table["second"] == "p")].iloc[0]
    assert cell.is_suppressed
    heat = figures.crossing(table.reset_index(drop=True), SUPPRESS).data[0]
    at = sorted(table["first"].unique()).index(HOSTILE), sorted(table["second"].unique()).index("p")
    assert heat.text[at[0]][at[1]] == "<10" and cell.alarm
    assert heat.z[at[0]][at[1]] == pytest.approx(max(np.log2(10 / cell.expected), -2))  # the bound, not the count
    other = table[(table["first"] == "v") & (table["second"] == "q")].iloc[0]
    spot = sorted(table["first"].unique()).index("v"), sorted(table["second"].unique()).index("q")
    assert heat.text[spot[0]][spot[1]] == f"{other.n:,.0f}"
    assert heat.z[spot[0]][spot[1]] == pytest.approx(np.log2(other.ratio))


def test_three_attributes_are_a_list_without_the_hidden_ones(frame):
    table = INTERSECTIONS.compute(frame, Context(groups=("a", "b", "c"))).table
    own = table[table.attributes == "a × b × c"].reset_index(drop=True)
    marks = figures.combinations(own).data[-1]
    assert len(marks.x) == (~own.is_suppressed.astype(bool)).sum()
    assert (np.sort(marks.x) == np.sort(np.maximum(own[~own.is_suppressed.astype(bool)].ratio, 0.02))).all()


def test_dumbbells_join_the_lowest_and_the_highest_share(frame):
    table = PARITY.compute(frame, Context(groups=("b",))).table
    figure = figures.differences(table)
    lowest, highest = figure.data[-2:]
    ordered = table.sort_values(["alarm", "difference"], ascending=False)
    assert list(lowest.x) == ordered.low_share.tolist() and list(highest.x) == ordered.high_share.tolist()


def test_sources_show_shares_and_name_the_missing_one(frame):
    table = CONFOUNDS.compute(frame, Context()).table
    figure = figures.sources(table)
    heat = figure.data[0]
    assert np.nansum(heat.z, axis=0) == pytest.approx(np.ones(3))
    assert "(no value)" in figure.layout.xaxis.ticktext


def test_what_the_corpus_is_worth_stands_beside_what_was_counted(frame):
    table = DEPENDENCE.compute(frame, Context(groups=("w",), families=np.arange(1500) // 3)).table
    figure = figures.worth(table, [HOSTILE, "w"])
    assert list(figure.data[0].x) == table.worth.tolist() and list(figure.data[1].x) == [1500, 1500]
    assert "<b>" not in figure.to_json().replace("<br>", "")


def test_kept_results_are_drawn_as_fresh_ones_are(frame):
    """Undefined numbers become null in the store and come back as NaN or None."""
    context = Context(groups=("a", "b", "c", "w"), families=np.arange(1500) // 3)
    drawings = [
        (TRENDS, lambda table: figures.over_time(table[table.attribute == "a"])),
        (INTERSECTIONS, lambda table: figures.crossing(table[table.attributes == "a × b"].reset_index(drop=True), 10)),
        (
            INTERSECTIONS,
            lambda table: figures.combinations(table[table.attributes == "a × b × c"].reset_index(drop=True)),
        ),
        (PARITY, lambda table: figures.differences(table[table.attribute == "b"])),
        (CONFOUNDS, lambda table: figures.sources(table[table.factor == "label"])),
        (DEPENDENCE, lambda table: figures.worth(table, list(table.unit))),
    ]
    for audit, draw in drawings:
        result = audit.compute(frame, context)
        kept = from_json(to_json(result))
        assert draw(kept.table).to_json() == draw(result.table).to_json(), audit.name
        assert kept.findings == result.findings


def test_the_forest_names_the_examples_without_a_value():
    rng = np.random.default_rng(1)
    group = rng.choice(["a", "b", None], 900)
    frame = pd.DataFrame({"text": "t", "label": rng.choice(["x", "y", "z"], 900), "group_g": group})
    table = ASSOCIATION.compute(frame, Context(groups=("g",))).table
    figure = forest(table, BAND)
    assert sum("(no value)" in label for label in figure.layout.yaxis.ticktext) == 3
    assert (table.value == "").sum() == 3  # the table itself is left as it is
