from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from studio.figures.cloud import cloud_image
from studio.figures.map import (
    MAX_DRAWN,
    Points,
    for_browser,
    hover_lines,
    map_description,
    map_figure,
    rows_to_draw,
)
from studio.figures.text import escape

WORDS = {"missing": "missing", "others": "{n} others"}
HOSTILE = '<img src=x onerror=alert(1)> $\\frac{1}{2}$ <b>\u202eevil\u202c "quoted" & more ' + "long " * 100


def coded(values) -> tuple[np.ndarray, list[str]]:
    """Codes into the names, the most frequent first."""
    names = sorted({v for v in values if v is not None}, key=lambda name: (-values.count(name), name))
    return np.array([names.index(v) if v is not None else -1 for v in values], dtype=np.int32), names


def points(n: int, values=None, *, most: int = MAX_DRAWN, text: str = "a text", numbers=None, **more) -> Points:
    rng = np.random.default_rng(0)
    codes, names = coded(values if values is not None else [f"c{i % 5}" for i in range(n)])
    rows = rows_to_draw(np.arange(n) % 5, most=most)
    where = np.arange(n, dtype=np.int64) * 3 + 7, *rng.normal(size=(2, n)).astype(np.float32)
    given = {"numbers": numbers} if numbers is not None else {"codes": codes, "names": names}
    return Points(*where, rows, hover_lines(where[0][rows], [text] * len(rows)), **given, **more)


def ids_of(figure) -> list[int]:
    return [int(i) for trace in figure.data if trace.customdata is not None for i in np.asarray(trace.customdata)]


def test_every_point_carries_its_id_once():
    figure = map_figure(points(200), WORDS)
    assert sorted(ids_of(figure)) == [i * 3 + 7 for i in range(200)]
    assert len(figure.data) == 5


def test_hostile_text_and_names_reach_the_browser_escaped():
    made = points(50, [HOSTILE if i % 2 else "fine" for i in range(50)], text=HOSTILE)
    text = map_figure(
        made, WORDS, titles={HOSTILE: HOSTILE}, write_names=True, outline=[(0, 0), (1, 0), (1, 1)]
    ).to_json()
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


@pytest.mark.parametrize(
    "text", ["plain words " * 20, "纯中文的文本没有空格" * 20, "<&>" * 60], ids=["en", "zh", "markup"]
)
def test_a_map_of_a_million_stays_under_five_megabytes_in_any_script(text):
    n = 1_000_000
    rng = np.random.default_rng(0)
    rows = rows_to_draw(np.arange(n) % 30)
    hover = hover_lines(rows, [text] * len(rows))
    made = Points(np.arange(n), *rng.normal(size=(2, n)).astype(np.float32), rows, hover,
                  codes=np.arange(n, dtype=np.int32) % 30, names=[f"name {i}" for i in range(30)],
                  sizes=np.arange(n), size_scale=(0.0, float(n)))  # fmt: skip
    figure = map_figure(made, WORDS, outline=[(0, 0), (1, 0), (1, 1)], chosen=5)
    assert len(figure.layout.images) == 1
    assert sum(len(trace.x) for trace in figure.data if trace.customdata is not None) == len(rows) <= MAX_DRAWN
    sent = json.dumps(for_browser(map_description(made, WORDS, outline=[(0, 0), (1, 0), (1, 1)], chosen=5)))
    assert len(sent) < 3_000_000, "5 MB are allowed"
    assert any("6 others" in (trace.name or "") for trace in figure.data)


def colours(figure) -> dict[str, str]:
    return {trace.name.partition(" ·")[0]: trace.marker.color for trace in figure.data if trace.name}


def test_colours_stay_the_same_whatever_is_filtered_out():
    whole = points(90, ["a"] * 40 + ["b"] * 30 + ["c"] * 20)
    keep = np.flatnonzero(whole.codes > 0)
    part = Points(whole.ids[keep], whole.x[keep], whole.y[keep], np.arange(len(keep)), whole.hover[keep],
                  codes=whole.codes[keep], names=whole.names)  # fmt: skip
    before, after = colours(map_figure(whole, WORDS)), colours(map_figure(part, WORDS))
    assert set(after) == {"b", "c"} and all(before[name] == after[name] for name in after)
    kept = [[trace["uid"] for trace in map_description(shown, WORDS)["data"]] for shown in (whole, part)]
    assert kept == [["c0", "c1", "c2"], ["c1", "c2"]], "what is hidden in the legend is known by its category"
    scale = (0.0, 50.0)
    for numbers in (np.arange(90.0), np.arange(90.0) / 9):
        marker = map_figure(points(90, numbers=numbers, scale=scale), WORDS, unit="nats").data[0].marker
        assert (marker.cmin, marker.cmax) == scale and marker.colorbar.title.text == "nats"


def decoded(part):
    """Typed arrays of a figure's JSON as lists of numbers."""
    if isinstance(part, dict) and "bdata" in part:
        flat = np.frombuffer(base64.b64decode(part["bdata"]), dtype=part["dtype"])
        return flat.reshape([int(n) for n in part["shape"].split(",")] if "shape" in part else -1).tolist()
    if isinstance(part, dict):
        return {key: decoded(value) for key, value in part.items()}
    return [decoded(value) for value in part] if isinstance(part, list) else part


@pytest.mark.parametrize("numbers", [None, np.linspace(0, 1, 90)])
def test_what_the_browser_gets_is_what_plotly_would_have_checked(numbers):
    made = points(90, [None, "a", "中"] * 30, numbers=numbers, most=40, text=HOSTILE, sizes=np.arange(90.0))
    how = {"chosen": 7, "outline": [(0, 0), (1, 0), (1, 1)], "extent": (-1, 2, -3, 4), "titles": {"a": HOSTILE}}
    sent = decoded(json.loads(json.dumps(for_browser(map_description(made, WORDS, **how)))))
    checked = decoded(json.loads(map_figure(made, WORDS, **how).to_json()))
    for figure in (sent, checked):
        figure["layout"].pop("template", None)
        for trace in figure["data"]:
            trace.pop("uid", None)  # to_json leaves them out
            trace["marker"] = {
                k: v for k, v in trace.get("marker", {}).items() if k != "colorscale"
            }  # named or written out
    assert sent == checked


def test_the_cloud_counts_every_point_of_a_cell():
    """Three points in the cell at the bottom left, one in that at the top right: opacity 0.75, and log 2 / log 4."""
    x, y = np.array([0.0, 0.0, 0.0, 180.0]), np.array([0.0, 0.0, 0.0, 90.0])
    made = cloud_image(x, y)
    assert [made[key] for key in ("x", "y", "sizex", "sizey")] == [0.0, 90.0, 180.0, 90.0]
    opacity = np.asarray(Image.open(io.BytesIO(base64.b64decode(made["source"].partition(",")[2]))))[..., 3]
    assert opacity.shape == (180, 180) and np.count_nonzero(opacity) == 2
    half = 0.10 + (0.5 - 0.02) / 0.98 * 0.65
    assert (opacity[-1, 0], opacity[0, -1]) == (round(255 * 0.75), round(255 * half))
    for nobody in (np.empty(0), np.full(3, 2.0)):
        assert cloud_image(nobody, nobody)["sizex"] == 1.0


def test_large_ids_reach_the_browser_whole():
    far = 2**40 + 1
    made = Points(np.array([far]), np.zeros(1), np.zeros(1), np.arange(1), hover_lines(np.array([far]), ["a"]),
                  codes=np.zeros(1, np.int32), names=["a"])  # fmt: skip
    sent = decoded(for_browser(map_description(made, WORDS)))
    assert sent["data"][0]["customdata"] == [far]


def test_dots_grow_in_area_along_the_scale():
    made = points(5, numbers=np.zeros(5), sizes=np.array([0.0, 5.0, 10.0, 20.0, np.nan]), size_scale=(0.0, 10.0))
    size = np.asarray(map_figure(made, WORDS).data[0].marker.size)
    low, high = (7 * 0.5) ** 2, (7 * 2.2) ** 2  # few dots are 7 pixels wide
    assert size**2 == pytest.approx([low, (low + high) / 2, high, high, low], rel=1e-5)


def test_numbers_and_missing_values():
    values = np.linspace(0, 1, 100)
    values[:10] = np.nan
    figure = map_figure(points(100, numbers=values), WORDS)
    assert len(ids_of(figure)) == 100
    assert len(map_figure(points(10, numbers=np.full(10, np.nan)), WORDS).data) == 1
    named = map_figure(points(9, [None, "a", "b"] * 3), WORDS)
    assert {trace.name for trace in named.data} == {"missing · 3", "a · 3", "b · 3"}


def test_names_on_the_map_stand_at_the_middle_of_the_largest_and_the_tool_is_in_the_hand():
    made = points(40, ["big"] * 30 + ["small"] * 10)
    figure = map_figure(made, WORDS, titles={"big": "Big, bigger"}, write_names=True, tool="pan")
    first = figure.layout.annotations[0]
    assert first.text == "Big, bigger" and first.x == pytest.approx(float(np.median(made.x[:30])))
    assert figure.layout.dragmode == "pan" and not figure.layout.showlegend


def test_empty_and_single():
    assert map_figure(points(0, []), WORDS).data == ()
    assert ids_of(map_figure(points(1, ["x"]), WORDS, chosen=7)) == [7]
