"""Which points lie inside a lasso or a box: the even-odd rule, edges inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.errors import MeasureError
from studio.records import Array

MAX_VERTICES = 2_000
EDGE = 1e-9  # a point closer to an edge than this share of the outline's extent is on it


def bounding_box(polygon: Sequence[Sequence[float]] | Array) -> tuple[float, float, float, float]:
    """(x_min, y_min, x_max, y_max) of the corners, widened by the edge tolerance."""
    corners = as_polygon(polygon)
    low, high = corners.min(axis=0), corners.max(axis=0)
    slack = EDGE * max(float((high - low).max()), 1e-12)
    return (
        float(low[0]) - slack,
        float(low[1]) - slack,
        float(high[0]) + slack,
        float(high[1]) + slack,
    )


def as_polygon(polygon: Sequence[Sequence[float]] | Array) -> Array:
    """(v, 2) float64 corners, v >= 3.

    Raises:
        MeasureError: fewer than three corners, more than 2,000, or a corner that is not two finite numbers.
    """
    try:
        corners = np.asarray(polygon, dtype=np.float64)
    except (TypeError, ValueError):
        corners = np.empty(0)
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MAX_VERTICES:
        raise MeasureError(
            f"A selection needs 3 to {MAX_VERTICES:,} corners of two numbers each",
            got=f"shape {corners.shape}",
            fix="Draw it again on the map.",
        )
    if not np.isfinite(corners).all():
        raise MeasureError("A corner of the selection is not a number", got="NaN or infinity", fix="Draw it again.")
    return corners


def points_in_polygon(x: Array, y: Array, polygon: Sequence[Sequence[float]] | Array) -> Array:
    """(n,) bool: True for points inside the polygon or on its edge.

    Even-odd rule: inside where a ray to the right crosses the outline an odd number of times, so the overlap of a
    self-crossing lasso is outside, as it is drawn. Points are sorted by y once, and each edge looks only at the points
    of its own height: O(n log n + the points beside each edge).

    Args:
        x: (n,) numbers; NaN is outside.
        y: (n,) numbers; NaN is outside.
        polygon: corners in order, open or closed.

    Raises:
        MeasureError: not a polygon (see `as_polygon`).

    Example:
        >>> points_in_polygon(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]), [(0, 0), (2, 0), (2, 2), (0, 2)])
        array([ True,  True, False])
    """
    corners = as_polygon(polygon)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    left, bottom, right, top = bounding_box(corners)
    near = np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    near = near[np.argsort(y[near], kind="stable")]
    px, py = x[near], y[near]
    inside = np.zeros(len(near), dtype=bool)
    on_edge = np.zeros(len(near), dtype=bool)
    tolerance = EDGE * max(right - left, top - bottom)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        low, high = (ay, by) if ay <= by else (by, ay)
        # half-open in y, so that a corner shared by two edges is counted once
        first, last = np.searchsorted(py, (low, high), side="left")
        if ay != by:
            crossing = ax + (py[first:last] - ay) * ((bx - ax) / (by - ay))
            inside[first:last] ^= px[first:last] < crossing
        first = int(np.searchsorted(py, low - tolerance, side="left"))
        last = int(np.searchsorted(py, high + tolerance, side="right"))
        on_edge[first:last] |= _near_edge(px[first:last], py[first:last], ax, ay, bx, by, tolerance)
    result = np.zeros(len(x), dtype=bool)
    result[near[inside | on_edge]] = True
    return result


def _near_edge(px: Array, py: Array, ax: float, ay: float, bx: float, by: float, tolerance: float) -> Array:
    """True where a point lies within `tolerance` of the segment from a to b."""
    dx, dy = bx - ax, by - ay
    length = float(np.hypot(dx, dy))
    if length == 0:
        return np.hypot(px - ax, py - ay) <= tolerance
    along = ((px - ax) * dx + (py - ay) * dy) / length
    across = np.abs((px - ax) * dy - (py - ay) * dx) / length
    return (across <= tolerance) & (along >= -tolerance) & (along <= length + tolerance)


def points_in_box(x: Array, y: Array, box: Sequence[float]) -> Array:
    """(n,) bool: inside x0, y0, x1, y1 (any two opposite corners), edges inside.

    Raises:
        MeasureError: not four finite numbers.
    """
    sides = np.asarray(box, dtype=np.float64)
    if sides.shape != (4,) or not np.isfinite(sides).all():
        raise MeasureError("A box needs four numbers", got=str(box)[:80], fix="Draw it again on the map.")
    x0, y0, x1, y1 = sides
    return (x >= min(x0, x1)) & (x <= max(x0, x1)) & (y >= min(y0, y1)) & (y <= max(y0, y1))


# --- a lasso as text --------------------------------------------------------------------------------------------------
TEXT_VERTICES = 160
DECIMALS = 3


def simplify(polygon: Sequence[Sequence[float]] | Array, most: int = TEXT_VERTICES) -> Array:
    """(v, 2) corners, v <= most: those that change the outline least are left out, as little as that needs.

    A freehand lasso has hundreds of corners a pixel apart; corners nearer to the line between their neighbours than a
    tolerance go, and the tolerance grows from 0.01 % of the extent until few enough are left.
    """
    corners = as_polygon(polygon)
    extent = max(float(np.ptp(corners, axis=0).max()), 1e-12)
    tolerance = 1e-4 * extent
    while len(corners) > most:
        kept = _line_simplified(corners, tolerance)
        corners = kept if len(kept) >= 3 else corners[:: len(corners) // most + 1]
        tolerance *= 1.6
    return corners


def _line_simplified(corners: Array, tolerance: float) -> Array:
    """Corners kept by the rule of Ramer, Douglas and Peucker, the first and last always."""
    keep = np.zeros(len(corners), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(corners) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        a, b = corners[first], corners[last]
        inner = corners[first + 1 : last]
        length = float(np.hypot(*(b - a)))
        if length == 0:
            away = np.hypot(*(inner - a).T)
        else:
            away = np.abs((inner[:, 0] - a[0]) * (b - a)[1] - (inner[:, 1] - a[1]) * (b - a)[0]) / length
        far = int(away.argmax())
        if away[far] > tolerance:
            middle = first + 1 + far
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return corners[keep]


def to_text(polygon: Sequence[Sequence[float]] | Array) -> str:
    """A polygon as short text for a URL, `x,y;x,y;...` with three decimals; what this text says is the selection."""
    return ";".join(f"{_short(x)},{_short(y)}" for x, y in simplify(polygon))


def _short(value: float) -> str:
    text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def from_text(text: str) -> Array | None:
    """The polygon of a URL; None for anything that is not one (a URL is untrusted)."""
    try:
        return as_polygon([[float(value) for value in pair.split(",")] for pair in text.split(";")][: MAX_VERTICES + 1])
    except (ValueError, MeasureError):
        return None


def box_polygon(box: Sequence[float]) -> list[tuple[float, float]]:
    """The four corners of x0, y0, x1, y1."""
    x0, y0, x1, y1 = (float(side) for side in box)
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
