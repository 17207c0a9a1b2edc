"""The map of a corpus: a dot per example, coloured by a column, light enough for the browser at any size."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.cloud import cloud_image
from studio.figures.text import escape
from studio.records import Array

MAX_DRAWN = 12_000
# Of all texts to hover over: the page searches the whole figure for its theme's colours on every change, so bytes cost
# time in the browser; with the dots a map stays under 3 MB in any script.
MAX_TEXT_BYTES = 1_200_000
HOVER_CHARACTERS = 120
HOVER_LINE = 60
SMALLEST, LARGEST = 0.5, 2.2  # diameters of sized dots, as shares of what all would have
LEGEND_CHARACTERS = 34
MAX_NAMES = 14
LEAST_NAMED = 0.01  # a category with a smaller share of what is shown is not named on the map
NAME_CHARACTERS, NAME_PX = 30, 24
NAME_FIELD_PX = (520, 560)  # about what a desktop browser gives the dots
MAX_LEGEND = 12
HEIGHT_PX = 600


@dataclass(frozen=True, eq=False)
class Points:
    """What is drawn: row i of everything is the same example.

    ids (n,) int64; x, y (n,); codes (n,) int32 into `names` (in the order of their colours), -1 = missing, or numbers
    (n,), NaN = missing; rows (m,) positions of the examples drawn as dots; hover (m,) from `hover_lines`, in the order
    of rows; sizes (n,) numbers that make dots larger, NaN = smallest; scale and size_scale the numbers at the ends of
    colours and sizes, the same whatever the filter is.
    """

    ids: Array
    x: Array
    y: Array
    rows: Array
    hover: Array
    codes: Array | None = None
    names: Sequence[str] = ()
    numbers: Array | None = None
    scale: tuple[float, float] = (0.0, 1.0)
    sizes: Array | None = None
    size_scale: tuple[float, float] = (0.0, 1.0)


def rows_to_draw(codes: Array, *, most: int = MAX_DRAWN, always: Array | None = None, seed: int = 0) -> Array:
    """Ascending positions of at most `most` rows, each category by its share and none left out.

    Args:
        codes: (n,) category of each row, any integers.
        most: dots the browser gets.
        always: positions drawn whatever happens (opened, chosen, annotated), most important first; at most `most` / 2.
        seed: of the draw.
    """
    n = len(codes)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    fixed = np.empty(0, dtype=np.int64)
    if always is not None and len(always):
        fixed = np.sort(always[np.sort(np.unique(always, return_index=True)[1])][: most // 2])
    rest = np.setdiff1d(np.arange(n), fixed, assume_unique=True)
    room = most - len(fixed)
    # a random key per row, then rank within the category: row r of m is drawn when r / m is among the smallest
    order = np.lexsort((rng.random(len(rest)), codes[rest]))
    _, starts, sizes = np.unique(codes[rest][order], return_index=True, return_counts=True)
    rank = np.arange(len(rest)) - np.repeat(starts, sizes)
    quota = np.repeat(np.maximum(1, np.floor(sizes * (room / len(rest)))), sizes)
    drawn = rest[order[rank < quota]]
    if len(drawn) > room:
        drawn = rng.choice(drawn, room, replace=False)
    return np.sort(np.concatenate([fixed, drawn]))


def for_browser(part: Any) -> Any:
    """A description with arrays of numbers as base64 and other arrays as lists, as Plotly in the browser reads it.

    Nothing is checked or copied on the way: on a map of 12,000 dots that took longer than describing it.
    """
    if isinstance(part, Mapping):
        return {key: for_browser(value) for key, value in part.items()}
    if not isinstance(part, np.ndarray):
        return [for_browser(value) for value in part] if isinstance(part, list) else part
    if part.dtype.kind not in "iuf":
        return part.tolist()
    made = {
        "dtype": f"{part.dtype.kind}{part.dtype.itemsize}",
        "bdata": base64.b64encode(np.ascontiguousarray(part)).decode(),
    }
    return made | ({"shape": ", ".join(map(str, part.shape))} if part.ndim > 1 else {})


def map_figure(points: Points, words: Mapping[str, str], **how: Any) -> go.Figure:
    """The map as a checked figure, for notebooks and tests; `how` as in `map_description`."""
    return go.Figure(map_description(points, words, **how))


def map_description(
    points: Points,
    words: Mapping[str, str],
    *,
    titles: Mapping[str, str] | None = None,
    write_names: bool = False,
    unit: str = "",
    cloud: Mapping[str, Any] | None = None,
    extent: Sequence[float] | None = None,
    outline: Sequence[Sequence[float]] | Array | None = None,
    chosen: int | None = None,
    tool: str = "lasso",
    revision: str = "",
    coloured_by: str = "",
    dark: bool = False,
) -> dict[str, Any]:
    """The map as Plotly's data and layout; texts and category names are escaped here.

    Args:
        points: what to draw.
        words: translated `missing` and `others` (with {n}).
        titles: category -> the name shown instead.
        write_names: write the names of the largest categories on the map in place of a legend.
        unit: of the numbers, beside their colour scale.
        cloud: of `cloud_image`, under the dots; by default that of the points where not each is a dot.
        extent: left, right, bottom, top of the whole map, so that a filter does not move it.
        outline: a lasso to draw, such as the one in the URL.
        chosen: example_id to ring.
        tool: what a drag does: lasso, select (a box) or pan; only with pan does a click reach the page.
        revision: the zoom is kept while this stays the same.
        coloured_by: what was hidden in the legend stays hidden while this stays the same.
        dark: the page is dark, so that names are written light with a dark halo.
    """
    titles = titles or {}
    data: list[dict[str, Any]] = []
    if cloud is None and len(points.rows) < len(points.ids):
        cloud = cloud_image(points.x, points.y)
    layout = _layout(extent, revision, tool)
    layout["showlegend"] = points.numbers is None and not write_names
    layout["legend"]["uirevision"] = f"{revision} {coloured_by}"
    if cloud is not None:
        layout["images"] = [dict(cloud)]
    if points.numbers is not None:
        data += _numbers(points, unit)
    else:
        data += _categories(points, words, titles)
        if write_names and len(points.ids):
            layout["annotations"] = _names(points, titles, theme.INK[dark])
    data += _ring(points, chosen)
    if outline is not None:
        layout["shapes"] = [_outline(np.asarray(outline, dtype=np.float64))]
    return {"data": data, "layout": layout}


def _layout(extent: Sequence[float] | None, revision: str, tool: str) -> dict[str, Any]:
    """No axes, one scale on both of them, a tool in the hand, and the legend below."""
    axes: list[dict[str, Any]] = [{"visible": False, "showgrid": False, "zeroline": False} for _ in range(2)]
    axes[1] |= {"scaleanchor": "x", "scaleratio": 1}
    if extent is not None:
        for axis, low, high in zip(axes, extent[::2], extent[1::2], strict=True):
            margin = 0.04 * max(high - low, 1e-3)
            axis["range"] = [float(low - margin), float(high + margin)]
    return {
        "template": {},
        "xaxis": axes[0],
        "yaxis": axes[1],
        "height": HEIGHT_PX,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "dragmode": tool,
        "clickmode": "event",
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "uirevision": revision,
        "newselection": {"line": {"color": theme.OUTLINE, "width": 2}},
        "legend": {
            "itemsizing": "constant",
            "orientation": "h",
            "yanchor": "top",
            "y": -0.01,
            "x": 0,
            "font": {"size": 12},
        },
    }


def hover_lines(ids: Array, texts: Sequence[str]) -> Array:
    """(m,) id and short escaped text of each dot, ready to hover over; all texts together take about 1.2 MB at most."""
    room = MAX_TEXT_BYTES // max(len(texts), 1)
    lines = np.empty(len(texts), dtype=object)
    lines[:] = [f"#{int(i)}<br>{_folded(text, room)}" for i, text in zip(ids, texts, strict=True)]
    return lines


def _folded(text: str, room: int) -> str:
    """Escaped text in lines of about sixty characters, in about `room` bytes."""
    line = " ".join(str(text)[: 4 * HOVER_CHARACTERS].split())[:HOVER_CHARACTERS]
    made = _lines(line)
    n_bytes = len(made.encode("utf-8", "replace"))
    return made if n_bytes <= room else _lines(line[: max(8, len(line) * room // n_bytes - 1)] + "…")


def _lines(line: str) -> str:
    parts = [line[i : i + HOVER_LINE] for i in range(0, len(line), HOVER_LINE)]
    return "<br>".join(escape(part, HOVER_LINE + 1) for part in parts)


def _trace(
    points: Points, where: Array, marker: dict[str, Any], name: str, uid: str, *, legend: bool = False
) -> dict[str, Any]:
    """Dots at `where` among those drawn; uid tells one category from another whatever is filtered out."""
    rows = points.rows[where]
    if points.sizes is not None:
        marker = marker | {"size": _sizes(points)[where], "sizemode": "diameter", "line": {"width": 0}}
    ids = points.ids[rows]
    return {
        "type": "scattergl",
        "x": points.x[rows].astype(np.float32),
        "y": points.y[rows].astype(np.float32),
        "mode": "markers",
        "name": name,
        "uid": uid,
        "customdata": ids.astype(np.int32 if not len(ids) or ids.max() < 2**31 else np.float64),
        "text": points.hover[where],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker,
        "showlegend": legend,
        "selected": {"marker": {"opacity": 1.0}},
        "unselected": {"marker": {"opacity": 0.25}},
    }


def _size(n: int) -> float:
    return 7.0 if n < 600 else 5.5 if n < 4_000 else 4.0 if n < 12_000 else 3.0


def _sizes(points: Points) -> Array:
    """(m,) diameters of the dots in pixels, their areas growing along the scale."""
    low, high = points.size_scale
    values = np.asarray(points.sizes, dtype=np.float64)[points.rows]
    share = np.nan_to_num(np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0))
    area = SMALLEST**2 + share * (LARGEST**2 - SMALLEST**2)
    return (_size(len(points.rows)) * np.sqrt(area)).astype(np.float32)


def _categories(points: Points, words: Mapping[str, str], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """One trace per category in the order of their colours; beyond 24 one grey trace, and one for missing values."""
    codes = np.asarray(points.codes)
    counts = np.bincount(codes[codes >= 0], minlength=len(points.names))
    drawn = codes[points.rows]
    size = _size(len(points.rows))
    traces: list[dict[str, Any]] = []
    n_others = 0
    for code in np.flatnonzero(counts):
        style = theme.category_style(int(code))
        if style is None:
            n_others += 1
            continue
        key = points.names[code]
        label = f"{escape(titles.get(key, key), LEGEND_CHARACTERS)} · {counts[code]:,}"
        marker = {"color": style[0], "symbol": style[1], "size": size, "opacity": 0.8}
        where, listed = np.flatnonzero(drawn == code), len(traces) < MAX_LEGEND
        traces.append(_trace(points, where, marker, label, f"c{code}", legend=listed))
    faint = {"color": theme.OTHERS, "size": size, "opacity": 0.55}
    below = []
    if n_others:
        grey = np.flatnonzero(drawn >= theme.N_STYLES)
        below.append(_trace(points, grey, faint, words["others"].format(n=n_others), "others", legend=True))
    missing = np.flatnonzero(drawn < 0)
    if len(missing):
        label = f"{words['missing']} · {int((codes < 0).sum()):,}"
        below.append(_trace(points, missing, faint, label, "missing", legend=True))
    return below + traces


def _names(points: Points, titles: Mapping[str, str], ink: tuple[str, str]) -> list[dict[str, Any]]:
    """Names of large categories at the middle (median) of their points, largest first, none over another."""
    codes = np.asarray(points.codes)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(points.names) + 1))
    largest = np.argsort(-np.diff(starts), kind="stable")
    spans = [max(float(np.ptp(axis)), 1e-9) for axis in (points.x, points.y)]
    unit = max(spans[0] / NAME_FIELD_PX[0], spans[1] / NAME_FIELD_PX[1])  # the picture keeps one scale on both axes
    taken: list[tuple[float, float, float]] = []
    written = []
    halo = ", ".join(f"{x}px {y}px 2px {ink[1]}" for x in (-1, 1) for y in (-1, 1)) + f", 0px 0px 4px {ink[1]}"
    for code in largest:
        rows = order[starts[code] : starts[code + 1]]
        if len(taken) == MAX_NAMES or len(rows) < max(1, LEAST_NAMED * len(codes)):
            break
        x, y = float(np.median(points.x[rows])), float(np.median(points.y[rows]))
        text = escape(_short(titles.get(points.names[code], points.names[code])), NAME_CHARACTERS)
        half = (sum(11 if ord(c) > 0x2E80 else 6 for c in text) + 8) * unit / 2
        if any(abs(x - other[0]) < half + other[2] and abs(y - other[1]) < NAME_PX * unit for other in taken):
            continue
        taken.append((x, y, half))
        # a box would hide the dots
        font = {"size": 12, "weight": 600, "color": ink[0], "shadow": halo}
        written.append({"x": x, "y": y, "text": text, "showarrow": False, "font": font, "captureevents": False})
    return written


def _short(name: str) -> str:
    """As many whole words of a cluster name as fit; its first one at least."""
    parts = name.split(", ")
    while len(parts) > 1 and len(", ".join(parts)) > NAME_CHARACTERS:
        parts.pop()
    return ", ".join(parts)


def _numbers(points: Points, unit: str) -> list[dict[str, Any]]:
    """One trace with a colour scale and its unit; missing values grey."""
    values = np.asarray(points.numbers, dtype=np.float64)[points.rows]
    is_there = np.isfinite(values)
    size = _size(len(points.rows))
    traces = []
    if (~is_there).any():
        faint = {"color": theme.OTHERS, "size": size, "opacity": 0.4}
        traces.append(_trace(points, np.flatnonzero(~is_there), faint, "", "missing"))
    where = np.flatnonzero(is_there)
    if not len(where):
        return traces
    low, high = points.scale
    title = {"text": escape(unit, 40), "side": "right", "font": {"size": 13}}
    marker = {
        "color": values[where].astype(np.float32),
        "colorscale": theme.SEQUENTIAL,
        "cmin": float(low),
        "cmax": float(high) if high > low else float(low) + 1.0,
        "size": size,
        "opacity": 0.85,
        "colorbar": {"thickness": 12, "len": 0.6, "tickfont": {"size": 12}, "title": title},
    }
    return [*traces, _trace(points, where, marker, "", "numbers")]


def _ring(points: Points, chosen: int | None) -> list[dict[str, Any]]:
    row = np.flatnonzero(points.ids == (-1 if chosen is None else chosen))
    if not len(row):
        return []
    line = {"width": 3, "color": theme.CHOSEN}
    marker = {"symbol": "circle-open", "size": 18, "color": theme.CHOSEN, "line": line}
    place = {"x": points.x[row].astype(np.float32), "y": points.y[row].astype(np.float32)}
    return [
        {"type": "scattergl", "mode": "markers", "hoverinfo": "skip", "showlegend": False, "marker": marker, **place}
    ]


def _outline(corners: Array) -> dict[str, Any]:
    path = "M " + " L ".join(f"{x:.4f},{y:.4f}" for x, y in corners) + " Z"
    line = {"color": theme.OUTLINE, "width": 2}
    return {"type": "path", "path": path, "line": line, "fillcolor": "rgba(232,89,12,0.07)"}
