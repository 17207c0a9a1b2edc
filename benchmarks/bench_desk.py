"""Key press to next text with the label durable, in Chromium, alone on the desk: the goal is 400 ms at p95.

Also the polygon test of a lasso on a million points.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from studio.mapping.polygon import points_in_polygon
from studio.settings import Workspace
from studio.store.connection import Store
from tests.browser import conftest, test_annotate_browser

N_KEYS = 35


def desk() -> dict[str, float] | None:
    """Milliseconds from key to next ready text; None where there is no Chromium."""
    if conftest.CHROMIUM is None:
        return None
    workspace = Workspace(Path(tempfile.mkdtemp(prefix="winnow-desk-")) / "workspace").make()
    store = Store(workspace)
    found = {"c4": test_annotate_browser.make(store, "c4", 8, 1)}
    store.close()
    app = conftest.start_app(workspace.root)
    times = []
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=conftest.CHROMIUM, args=conftest.FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            test_annotate_browser.open_desk((app, workspace, found), page, "c4")
            for number in range(1, N_KEYS + 1):
                started = time.perf_counter()
                page.keyboard.press("1")
                test_annotate_browser.wait_for(page, test_annotate_browser.text_of(number + 1))
                times.append(1000 * (time.perf_counter() - started))
            browser.close()
    finally:
        app.stop()
    return {"p50_ms": statistics.median(times), "p95_ms": sorted(times)[int(0.95 * len(times))], "keys": N_KEYS}


def lasso() -> dict[str, float]:
    """Seconds for one lasso of 300 corners over a million points."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 1_000_000)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    corners = np.column_stack([1.5 * np.cos(angle), 1.5 * np.sin(angle)])
    started = time.perf_counter()
    inside = int(points_in_polygon(x, y, corners).sum())
    return {"seconds": time.perf_counter() - started, "inside": inside, "points": 1_000_000}


def main() -> int:
    """Print both as JSON lines."""
    sys.stdout.write(json.dumps({"benchmark": "lasso_1m", "goal_s": 1.0, **lasso()}) + "\n")
    measured = desk()
    line = {"skipped": "no Chromium"} if measured is None else {"goal_p95_ms": 400, **measured}
    sys.stdout.write(json.dumps({"benchmark": "desk_key_to_next", **line}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
