"""The grey cloud under the dots of a map: where all examples lie, as a small picture that the browser stretches."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

from studio.figures import theme
from studio.records import Array

CELLS = 180


def cloud_image(x: Array, y: Array) -> dict[str, Any]:
    """The cloud as an image of Plotly's layout, beneath the dots.

    180 x 180 cells over the span of the points; a cell is the stronger the greater log(1 + count) is, as a share of
    that of the fullest one. A heatmap of the same cells is worked out pixel by pixel at every change of colour.
    """
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=CELLS)
    strength = np.log1p(counts.T)[::-1]  # the first row of a picture is its top
    shares, opacities = zip(*theme.CLOUD_OPACITY, strict=True)
    pixels = np.empty((CELLS, CELLS, 4), dtype=np.uint8)
    pixels[..., :3] = theme.CLOUD
    pixels[..., 3] = np.rint(255 * np.interp(strength / max(strength.max(), 1e-12), shares, opacities))
    return {
        "source": f"data:image/png;base64,{base64.b64encode(_png(pixels)).decode()}",
        "xref": "x",
        "yref": "y",
        "x": float(x_edges[0]),
        "y": float(y_edges[-1]),
        "sizex": float(x_edges[-1] - x_edges[0]),
        "sizey": float(y_edges[-1] - y_edges[0]),
        "sizing": "stretch",
        "layer": "below",
    }


def _png(pixels: Array) -> bytes:
    """(height, width, 4) uint8 as a PNG file: no filter on any row."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 4 * width), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    made = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)
