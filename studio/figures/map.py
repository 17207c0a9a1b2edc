"""The map of a corpus: a dot per example, coloured by a column, light enough for the browser at any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape
from studio.records import Array

MAX_DRAWN = 12_000
# Of all texts to hover over: the page searches the whole figure for its theme's colours on every change, so bytes cost
# time in the browser; with the dots a map stays under 3 MB in any script.
MAX_TEXT_BYTES = 1_200_000
DENSITY_CELLS = 180
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


def map_figure(
    points: Points,
    words: Mapping[str, str],
    *,
    titles: Mapping[str, str] | None = None,
    write_names: bool = False,
    unit: str = "",
    cloud: tuple[Array, Array] | None = None,
    extent: Sequence[float] | None = None,
    outline: Sequence[Sequence[float]] | Array | None = None,
    chosen: int | None = None,
    tool: str = "lasso",
    revision: str = "",
    dark: bool = False,
) -> go.Figure:
    """The map as a figure; texts and category names are escaped here.

    Args:
        points: what to draw.
        words: translated `missing`, `others` (with {n}) and `density`.
        titles: category -> the name shown instead.
        write_names: write the names of the largest categories on the map in place of a legend.
        unit: of the numbers, beside their colour scale.
        cloud: x and y of more examples than those, to show as a grey cloud where the others lie.
        extent: left, right, bottom, top of the whole map, so that a filter does not move it.
        outline: a lasso to draw, such as the one in the URL.
        chosen: example_id to ring.
        tool: what a drag does: lasso, select (a box) or pan; only with pan does a click reach the page.
        revision: zoom and legend are kept while this stays the same.
        dark: the page is dark, so that names are written light with a dark halo.
    """
    figure = go.Figure()
    titles = titles or {}
    if cloud is not None or len(points.rows) < len(points.ids):
        _add_density(figure, *(cloud if cloud is not None else (points.x, points.y)), words)
    if points.numbers is not None:
        _add_numbers(figure, points, unit)
    else:
        _add_categories(figure, points, words, titles)
        if write_names and len(points.ids):
            _write_names(figure, points, titles, theme.INK[dark])
    _ring(figure, points, chosen)
    if outline is not None:
        _add_outline(figure, np.asarray(outline, dtype=np.float64))
    _layout(figure, extent, revision, tool, legend=points.numbers is None and not write_names)
    return figure


def _layout(figure: go.Figure, extent: Sequence[float] | None, revision: str, tool: str, *, legend: bool) -> None:
    """No axes, one scale on both of them, a tool in the hand, and the legend below."""
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    if extent is not None:
        margins = [0.04 * max(extent[i + 1] - extent[i], 1e-3) for i in (0, 2)]
        figure.update_xaxes(range=[extent[0] - margins[0], extent[1] + margins[0]])
        figure.update_yaxes(range=[extent[2] - margins[1], extent[3] + margins[1]])
    figure.update_xaxes(**hidden)
    figure.update_yaxes(**hidden, scaleanchor="x", scaleratio=1)
    figure.update_layout(
        height=HEIGHT_PX,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode=tool,
        hovermode="closest",
        hoverlabel={"align": "left"},
        uirevision=revision,
        newselection={"line": {"color": theme.OUTLINE, "width": 2}},
        showlegend=legend,
        legend={
            "itemsizing": "constant",
            "orientation": "h",
            "yanchor": "top",
            "y": -0.01,
            "x": 0,
            "font": {"size": 12},
        },
    )


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


def _trace(points: Points, where: Array, marker: dict[str, object], name: str, *, legend: bool) -> go.Scattergl:
    rows = points.rows[where]
    if points.sizes is not None:
        marker = marker | {"size": _sizes(points)[where], "sizemode": "diameter", "line": {"width": 0}}
    return go.Scattergl(
        x=points.x[rows].astype(np.float32),
        y=points.y[rows].astype(np.float32),
        mode="markers",
        name=name,
        customdata=points.ids[rows].astype(np.float64),
        text=points.hover[where],
        hovertemplate="%{text}<extra></extra>",
        marker=marker,
        showlegend=legend,
        selected={"marker": {"opacity": 1.0}},
        unselected={"marker": {"opacity": 0.25}},
    )


def _size(n: int) -> float:
    return 7.0 if n < 600 else 5.5 if n < 4_000 else 4.0 if n < 12_000 else 3.0


def _sizes(points: Points) -> Array:
    """(m,) diameters of the dots in pixels, their areas growing along the scale."""
    low, high = points.size_scale
    values = np.asarray(points.sizes, dtype=np.float64)[points.rows]
    share = np.nan_to_num(np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0))
    area = SMALLEST**2 + share * (LARGEST**2 - SMALLEST**2)
    return (_size(len(points.rows)) * np.sqrt(area)).astype(np.float32)


def _add_categories(figure: go.Figure, points: Points, words: Mapping[str, str], titles: Mapping[str, str]) -> None:
    """One trace per category in the order of their colours; beyond 24 one grey trace, and one for missing values."""
    codes = np.asarray(points.codes)
    counts = np.bincount(codes[codes >= 0], minlength=len(points.names))
    drawn = codes[points.rows]
    size = _size(len(points.rows))
    traces, n_others = [], 0
    for code in np.flatnonzero(counts):
        style = theme.category_style(int(code))
        if style is None:
            n_others += 1
            continue
        key = points.names[code]
        label = f"{escape(titles.get(key, key), LEGEND_CHARACTERS)} · {counts[code]:,}"
        marker = {"color": style[0], "symbol": style[1], "size": size, "opacity": 0.8}
        traces.append(_trace(points, np.flatnonzero(drawn == code), marker, label, legend=len(traces) < MAX_LEGEND))
    faint = {"color": theme.OTHERS, "size": size, "opacity": 0.55}
    if n_others:
        grey = np.flatnonzero(drawn >= theme.N_STYLES)
        figure.add_trace(_trace(points, grey, faint, words["others"].format(n=n_others), legend=True))
    missing = np.flatnonzero(drawn < 0)
    if len(missing):
        label = f"{words['missing']} · {int((codes < 0).sum()):,}"
        figure.add_trace(_trace(points, missing, faint, label, legend=True))
    figure.add_traces(traces)


def _write_names(figure: go.Figure, points: Points, titles: Mapping[str, str], ink: tuple[str, str]) -> None:
    """Names of large categories at the middle (median) of their points, largest first, none over another."""
    codes = np.asarray(points.codes)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(points.names) + 1))
    largest = np.argsort(-np.diff(starts), kind="stable")
    spans = [max(float(np.ptp(axis)), 1e-9) for axis in (points.x, points.y)]
    unit = max(spans[0] / NAME_FIELD_PX[0], spans[1] / NAME_FIELD_PX[1])  # the picture keeps one scale on both axes
    taken: list[tuple[float, float, float]] = []
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
        figure.add_annotation(
            x=x,
            y=y,
            text=text,
            showarrow=False,
            font={"size": 12, "weight": 600, "color": ink[0], "shadow": halo},  # a box would hide the dots
            captureevents=False,
        )


def _short(name: str) -> str:
    """As many whole words of a cluster name as fit; its first one at least."""
    parts = name.split(", ")
    while len(parts) > 1 and len(", ".join(parts)) > NAME_CHARACTERS:
        parts.pop()
    return ", ".join(parts)


def _add_numbers(figure: go.Figure, points: Points, unit: str) -> None:
    """One trace with a colour scale and its unit; missing values grey."""
    values = np.asarray(points.numbers, dtype=np.float64)[points.rows]
    is_there = np.isfinite(values)
    size = _size(len(points.rows))
    if (~is_there).any():
        faint = {"color": theme.OTHERS, "size": size, "opacity": 0.4}
        figure.add_trace(_trace(points, np.flatnonzero(~is_there), faint, "", legend=False))
    where = np.flatnonzero(is_there)
    if not len(where):
        return
    low, high = points.scale
    marker = {
        "color": values[where].astype(np.float32),
        "colorscale": theme.SEQUENTIAL,
        "cmin": float(low),
        "cmax": float(high) if high > low else float(low) + 1.0,
        "size": size,
        "opacity": 0.85,
        "colorbar": {"thickness": 12, "len": 0.6, "title": {"text": escape(unit, 40), "side": "right"}},
    }
    figure.add_trace(_trace(points, where, marker, "", legend=False))


def _add_density(figure: go.Figure, x: Array, y: Array, words: Mapping[str, str]) -> None:
    """Where all the examples lie, under those that are drawn as dots: log(1 + count) per cell."""
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=DENSITY_CELLS)
    figure.add_trace(
        go.Heatmap(
            x=((x_edges[:-1] + x_edges[1:]) / 2).astype(np.float32),
            y=((y_edges[:-1] + y_edges[1:]) / 2).astype(np.float32),
            z=np.log1p(counts.T).astype(np.float32),
            colorscale=list(theme.density_scale()),
            showscale=False,
            hoverinfo="skip",
            name=words["density"],
            zsmooth="best",
        )
    )


def _ring(figure: go.Figure, points: Points, chosen: int | None) -> None:
    row = np.flatnonzero(points.ids == (-1 if chosen is None else chosen))
    if len(row):
        figure.add_trace(
            go.Scattergl(
                x=points.x[row].astype(np.float32),
                y=points.y[row].astype(np.float32),
                mode="markers",
                marker={
                    "symbol": "circle-open",
                    "size": 18,
                    "color": theme.CHOSEN,
                    "line": {"width": 3, "color": theme.CHOSEN},
                },
                hoverinfo="skip",
                showlegend=False,
            )
        )


def _add_outline(figure: go.Figure, corners: Array) -> None:
    path = "M " + " L ".join(f"{x:.4f},{y:.4f}" for x, y in corners) + " Z"
    figure.add_shape(
        type="path", path=path, line={"color": theme.OUTLINE, "width": 2}, fillcolor="rgba(232,89,12,0.07)"
    )
