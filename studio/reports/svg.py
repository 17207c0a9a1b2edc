"""Small charts as SVG text: they print, need no script and no network, and follow the colours of their page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from studio.records import Array
from studio.reports.escape import escape

WIDTH = 640
ROW, BAR = 24, 12
LABEL_PX, NUMBER_PX = 190, 120
LABEL_CHARACTERS = 26
MOST_DOTS = 2_500
NAME_PX = 190


def _svg(width: int, height: int, title: str, body: Sequence[str]) -> str:
    box = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "".join(
        (f'<svg {box} role="img" aria-label="{escape(title)}">', f"<title>{escape(title)}</title>", *body, "</svg>")
    )


def _cut(text: str, most: int = LABEL_CHARACTERS) -> str:
    """The beginning of a name; a full-width character takes the room of two."""
    room, kept = most, []
    for char in str(text):
        room -= 2 if ord(char) > 0x2E7F else 1
        if room < 1 and len(kept) + 1 < len(str(text)):
            return escape("".join(kept)) + "…"
        kept.append(char)
    return escape("".join(kept))


def interval(
    estimate: float, low: float | None, high: float | None, *, null: float, threshold: float | None, is_ratio: bool,
    title: str, text: Callable[[float], str] = "{:.3g}".format,
) -> str:  # fmt: skip
    """One finding as a picture: line = no effect, dashes = what first matters, band = interval, dot = estimate.

    Args:
        estimate: the number found.
        low: lower end of its interval, None without one.
        high: upper end.
        null: where no effect lies.
        threshold: the size that first matters, None without one; for ratios its inverse is marked on the other side,
            else it is mirrored at no effect where the estimate lies on the other side.
        is_ratio: a logarithmic axis around 1.
        title: what a screen reader says.
        text: how the values of no effect and of what first matters are written below.
    """
    width, height, pad = 220, 40, 14
    scale = (lambda v: math.log(max(v, 0.02))) if is_ratio else (lambda v: v)
    marks = [] if threshold is None else [threshold, *([1 / threshold] if is_ratio and threshold > 0 else [])]
    if not is_ratio and marks and (estimate - null) * (threshold - null) < 0:
        marks = [2 * null - threshold]  # what falls is measured against the same size on its own side
    around = [scale(v) for v in (estimate, low, high, null, *marks) if v is not None and math.isfinite(v)]
    left, right = min(around), max(around)
    span = (right - left) or 1.0
    left, span = left - 0.06 * span, 1.12 * span

    def x(value: float) -> float:
        return round(pad + (width - 2 * pad) * (scale(value) - left) / span, 1)

    body = [f'<line class="null" x1="{x(null)}" x2="{x(null)}" y1="2" y2="24"/>']
    body += [f'<line class="limit" x1="{x(v)}" x2="{x(v)}" y1="4" y2="22"/>' for v in marks]
    written: list[float] = []
    for value in (null, *marks[:1]):
        if all(abs(x(value) - other) > 30 for other in written):  # two numbers in one place cannot be read
            body.append(f'<text class="tick" text-anchor="middle" x="{x(value)}" y="37">{escape(text(value))}</text>')
            written.append(x(value))
    if low is not None and high is not None and math.isfinite(high):
        body.append(
            f'<rect class="range" x="{x(low)}" y="10" width="{max(x(high) - x(low), 1.5):.1f}" height="6" rx="3"/>'
        )
    body.append(f'<circle class="dot" cx="{x(estimate)}" cy="13" r="5"/>')
    return _svg(width, height, title, body)


def bars(rows: Sequence[Mapping[str, object]], *, title: str, mark: str = "expected") -> str:
    """Shares as bars with their intervals: rows of label, share, low, high, text, and optionally a marked share.

    Args:
        rows: share, low, high and the mark in [0, 1]; `text` is printed behind the bar; `faint` draws it pale.
        title: what a screen reader says.
        mark: the key of the share drawn as a diamond, where a row has one.
    """
    height = ROW * len(rows) + 6
    ends = [float(row[name]) for row in rows for name in ("share", "high", mark) if row.get(name) is not None]
    top = max([*ends, 1e-9])
    room = WIDTH - LABEL_PX - NUMBER_PX

    def x(share: object) -> float:
        return round(LABEL_PX + room * float(share) / top, 1)

    body = []
    for place, row in enumerate(rows):
        y = ROW * place + 4
        kind = "bar faint" if row.get("faint") else "bar"
        body.append(f'<text class="label" x="{LABEL_PX - 8}" y="{y + 11}">{_cut(str(row["label"]))}</text>')
        body.append(
            f'<rect class="{kind}" x="{LABEL_PX}" y="{y}" width="{x(row["share"]) - LABEL_PX:.1f}" height="{BAR}"/>'
        )
        if row.get("low") is not None:
            body.append(f'<line class="whisker" x1="{x(row["low"])}" x2="{x(row["high"])}" y1="{y + 6}" y2="{y + 6}"/>')
        if row.get(mark) is not None:
            at = x(row[mark])
            body.append(f'<path class="mark" d="M{at} {y - 1}l5 7l-5 7l-5 -7z"/>')
        body.append(f'<text class="number" x="{WIDTH}" y="{y + 11}">{escape(str(row["text"]))}</text>')
    return _svg(WIDTH, height, title, body)


def columns(counts: Sequence[int], edges: Sequence[float], *, title: str, unit: str) -> str:
    """A histogram: one column per bin, the outer edges and the middle one written below.

    Args:
        counts: examples per bin.
        edges: one more than bins.
        title: what a screen reader says.
        unit: written after the last edge.
    """
    height, base = 150, 124
    top = max([*counts, 1])
    step = WIDTH / max(len(counts), 1)
    body = [
        f'<rect class="bar" x="{i * step + 1:.1f}" y="{base - 116 * n / top:.1f}" width="{step - 2:.1f}" '
        f'height="{116 * n / top:.1f}"/>'
        for i, n in enumerate(counts)
    ]
    body.append(f'<line class="null" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/>')
    places = ((0, "start", ""), (len(edges) // 2, "middle", ""), (len(edges) - 1, "end", f" {unit}"))
    for place, anchor, more in places:
        x = WIDTH * place / max(len(edges) - 1, 1)
        text = escape(f"{edges[place]:,.0f}{more}")
        body.append(f'<text class="tick" style="text-anchor:{anchor}" x="{x:.1f}" y="{base + 18}">{text}</text>')
    return _svg(WIDTH, height, title, body)


def dots(x: Array, y: Array, colours: Sequence[str], *, title: str, names: Sequence[tuple[float, float, str]]) -> str:
    """A picture of points (at most 2,500, evenly taken) with names written at places of the same plane.

    The frame leaves out the outermost 1 % on each side, whose points are drawn at its edge: a few far ones would push
    all others together. A name that would lie on an earlier one is left out.
    """
    height, pad = 420, 10
    step = max(1, math.ceil(len(x) / MOST_DOTS))
    body: list[str] = []
    if len(x):
        (left, right), (bottom, top) = (np.quantile(values, (0.01, 0.99)).tolist() for values in (x, y))

        def at(px: float, py: float) -> tuple[float, float]:
            across = min(max((px - left) / ((right - left) or 1.0), 0.0), 1.0)
            up = min(max((py - bottom) / ((top - bottom) or 1.0), 0.0), 1.0)
            return round(pad + (WIDTH - 2 * pad) * across, 1), round(height - pad - (height - 2 * pad) * up, 1)

        for i in range(0, len(x), step):
            px, py = at(float(x[i]), float(y[i]))
            body.append(f'<circle cx="{px}" cy="{py}" r="1.8" fill="{escape(colours[i])}" fill-opacity=".6"/>')
        body += _place_names((*at(x, y), name) for x, y, name in names)
    return _svg(WIDTH, height, title, body)


def _place_names(places: Iterable[tuple[float, float, str]]) -> list[str]:
    """Names at places in pixels, inside the picture; one that would lie on an earlier one is left out."""
    taken: list[tuple[float, float]] = []
    found = []
    for x, y, name in places:
        x = min(max(x, NAME_PX / 2), WIDTH - NAME_PX / 2)
        if any(abs(x - ox) < NAME_PX and abs(y - oy) < 16 for ox, oy in taken):
            continue
        taken.append((x, y))
        found.append(f'<text class="place" x="{x}" y="{y}">{_cut(name, 30)}</text>')
    return found


def bands(rows: Sequence[Mapping[str, object]], *, title: str) -> str:
    """Shares beside what chance would do: a pale band, a tick for the pool's share, a dot for the selection's.

    Args:
        rows: label, share, low, high, pool (shares in [0, 1]), text (printed behind), kind (fewer, more or other: the
            first two are drawn as triangles in the warning colour) and faint (too few to judge).
        title: what a screen reader says.
    """
    height = ROW * len(rows) + 6
    top = max([*(float(row[name]) for row in rows for name in ("share", "high", "pool")), 1e-9])
    room = WIDTH - LABEL_PX - NUMBER_PX - 12

    def x(share: object) -> float:
        return round(LABEL_PX + room * float(share) / top, 1)

    body = []
    for place, row in enumerate(rows):
        y = ROW * place + 10
        faint = " faint" if row.get("faint") else ""
        body.append(f'<text class="label" x="{LABEL_PX - 10}" y="{y + 4}">{_cut(str(row["label"]))}</text>')
        body.append(f'<rect class="band" x="{x(row["low"])}" y="{y - 7}" height="14" '
                    f'width="{max(x(row["high"]) - x(row["low"]), 2):.1f}"/>')  # fmt: skip
        body.append(f'<line class="whisker" x1="{x(row["pool"])}" x2="{x(row["pool"])}" y1="{y - 8}" y2="{y + 8}"/>')
        at = x(row["share"])
        shape = {"fewer": f"M{at - 7} {y}l9 -6v12z", "more": f"M{at + 7} {y}l-9 -6v12z"}.get(str(row.get("kind")))
        body.append(
            f'<path class="warn{faint}" d="{shape}"/>'
            if shape
            else f'<circle class="calm{faint}" cx="{at}" cy="{y}" r="5"/>'
        )
        body.append(f'<text class="number" x="{WIDTH}" y="{y + 4}">{escape(str(row["text"]))}</text>')
    return _svg(WIDTH, height, title, body)


def density(
    grid: Sequence[Sequence[int]], points: Sequence[Sequence[int]], names: Sequence[tuple[int, int, str]], *,
    title: str, places: int,
) -> str:  # fmt: skip
    """A picture of counts as grey cells with points on top and names of places; nothing is taken from a map's axes.

    Args:
        grid: (columns, rows) counts, left to right, bottom to top.
        points: (x, y) from 0 to `places`.
        names: x, y and what is written there; one that would lie on an earlier one is left out.
        title: what a screen reader says.
        places: of the frame's width and height.
    """
    height, pad = 420, 10
    across, up = len(grid), max((len(column) for column in grid), default=0)
    most = max((count for column in grid for count in column), default=0) or 1
    inside_w, inside_h = WIDTH - 2 * pad, height - 2 * pad

    def at(px: float, py: float) -> tuple[float, float]:
        return round(pad + inside_w * px / places, 1), round(height - pad - inside_h * py / places, 1)

    body = []
    for i, column in enumerate(grid):
        for j, count in enumerate(column):
            if count:
                left, top = pad + inside_w * i / across, height - pad - inside_h * (j + 1) / up
                shade = 0.12 + 0.55 * math.sqrt(
                    count / most
                )  # a cell of one can still be seen beside one of a thousand
                body.append(f'<rect class="cell" x="{left:.1f}" y="{top:.1f}" width="{inside_w / across:.1f}" '
                            f'height="{inside_h / up:.1f}" fill-opacity="{shade:.2f}"/>')  # fmt: skip
    for px, py in points:
        cx, cy = at(px, py)
        body.append(f'<circle class="pick" cx="{cx}" cy="{cy}" r="2.6"/>')
    body += _place_names((*at(x, y), str(name)) for x, y, name in names)
    return _svg(WIDTH, height, title, body)
