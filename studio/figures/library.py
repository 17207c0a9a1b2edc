"""Where the drawing library of the browser lies: the one that came with the Python package, so that both agree."""

from __future__ import annotations

from pathlib import Path

import plotly

FOLDER = Path(plotly.__file__).parent / "package_data"
FILE = "plotly.min.js"
