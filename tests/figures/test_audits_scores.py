"""The picture of scores by group: which rows, in which order, hostile names escaped."""

import pandas as pd

from studio.figures import audits_scores as figures


def table(n=3):
    rows = [{"measure": "fluency", "attribute": "g", "value": f"v{i}", "delta": (-1) ** i * 0.01 * i, "low": -0.4,
             "high": 0.4, "n": 60, "is_small": False, "alarm": i == 1} for i in range(n)]  # fmt: skip
    return pd.DataFrame(rows)


def test_alarms_first_then_the_largest():
    assert figures.strongest(table(30))["value"].tolist()[:3] == ["v1", "v29", "v28"]
    assert len(figures.strongest(table(30))) == figures.FOREST_ROWS


def test_one_interval_and_one_dot_per_row_and_names_are_escaped():
    rows = table(2).assign(value=["<b>x</b>", "y"])
    figure = figures.deltas(rows, 0.147)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [list(trace.x) for trace in lines] == [[-0.4, 0.4], [-0.4, 0.4]]
    assert list(figure.data[-1].x) == [-0.01, 0.0]
    assert "<b>x" not in figure.to_json()
    assert figures.measure_name("no_such") == "no_such"
