from __future__ import annotations

import json
import re

import numpy as np
import pytest

from studio.figures.map import Points, map_figure, rows_to_draw
from studio.figures.text import escape

WORDS = {"missing": "missing", "others": "{n} others", "density": "all examples"}
HOSTILE = '<img src=x onerror=alert(1)> $\\frac{1}{2}$ <b>\u202eevil\u202c "quoted" & more ' + "long " * 100


def points(n: int, values=None, *, most: int = 20_000, text: str = "a text", is_number: bool = False) -> Points:
    rng = np.random.default_rng(0)
    values = values if values is not None else [f"c{i % 5}" for i in range(n)]
    rows = rows_to_draw(np.arange(n) % 5, most=most)
    return Points(
        np.arange(n, dtype=np.int64) * 3 + 7,
        *rng.normal(size=(2, n)).astype(np.float32),
        values,
        rows,
        [text] * len(rows),
        is_number,
    )


def ids_of(figure) -> list[int]:
    return [int(i) for trace in figure.data if trace.customdata is not None for i in np.asarray(trace.customdata)]


def test_every_point_carries_its_id_once():
    figure = map_figure(points(200), WORDS)
    assert sorted(ids_of(figure)) == [i * 3 + 7 for i in range(200)]
    assert len(figure.data) == 5


def test_hostile_text_and_names_reach_the_browser_escaped():
    made = points(50, [HOSTILE if i % 2 else "fine" for i in range(50)], text=HOSTILE)
    text = map_figure(made, WORDS, names={HOSTILE: HOSTILE}, outline=[(0, 0), (1, 0), (1, 1)]).to_json()
    cleaned = re.sub(r"<br>|<extra></extra>|\\u003cbr\\u003e|\\u003cextra\\u003e\\u003c\\u002fextra\\u003e", "", text)
    cleaned = cleaned.replace("\\u003cbr\\u003e", "").replace("\\u003cextra\\u003e\\u003c/extra\\u003e", "")
    data = json.loads(cleaned)["data"]
    shown = json.dumps([[trace.get("name"), trace.get("text")] for trace in data], ensure_ascii=False)
    assert "<" not in shown and "$" not in shown and "\u202e" not in shown
    assert max(len(t) for trace in data if trace.get("text") for t in trace["text"]) < 400


@pytest.mark.parametrize(("text", "expected"), [("<b>", "&lt;b&gt;"), ("a\x00\u202eb\n c", "ab c"), ("5$", "5＄")])
def test_escape(text, expected):
    assert escape(text) == expected


def test_sample_keeps_shares_leaves_no_category_out_and_holds_what_must_be_seen():
    codes = np.repeat([0, 1, 2], [80_000, 19_990, 10])
    always = np.array([5, 99_999, 42])
    rows = rows_to_draw(codes, most=5_000, always=always, seed=1)
    assert len(rows) <= 5_000 and len(np.unique(rows)) == len(rows)
    assert set(always.tolist()) <= set(rows.tolist())
    shares = np.bincount(codes[rows], minlength=3) / len(rows)
    assert shares[0] == pytest.approx(0.8, abs=0.01) and (codes[rows] == 2).any()
    assert np.array_equal(rows, rows_to_draw(codes, most=5_000, always=always, seed=1))
    many = np.concatenate([[99_998], np.arange(50_000, 60_000), [99_998]])
    kept = rows_to_draw(codes, most=5_000, always=many, seed=1)
    assert 99_998 in kept and {50_000, 52_498} <= set(kept.tolist()), "the first half of the room, in the order given"
    assert np.isin(np.arange(52_499, 60_000), kept).mean() < 0.5


def test_a_large_map_has_a_density_picture_and_stays_under_five_megabytes():
    n = 200_000
    rng = np.random.default_rng(0)
    rows = rows_to_draw(np.arange(n) % 30)
    made = Points(
        np.arange(n), *rng.normal(size=(2, n)).astype(np.float32), [str(i % 30) for i in range(n)], rows,
        ["漢字 and words " * 20] * len(rows),
    )  # fmt: skip
    figure = map_figure(made, WORDS)
    assert figure.data[0].type == "heatmap"
    assert sum(len(trace.x) for trace in figure.data[1:]) <= 20_000
    assert len(figure.to_json().encode()) < 5_000_000
    assert any("6 others" in (trace.name or "") for trace in figure.data)


def test_numbers_and_missing_values():
    values = np.linspace(0, 1, 100)
    values[:10] = np.nan
    figure = map_figure(points(100, values, is_number=True), WORDS)
    assert len(ids_of(figure)) == 100
    assert len(map_figure(points(10, np.full(10, np.nan), is_number=True), WORDS).data) == 1
    named = map_figure(points(9, [None, "a", "b"] * 3), WORDS)
    assert {trace.name for trace in named.data} == {"missing · 3", "a · 3", "b · 3"}


def test_empty_and_single():
    assert map_figure(points(0, []), WORDS).data == ()
    assert ids_of(map_figure(points(1, ["x"]), WORDS, chosen=7)) == [7]
