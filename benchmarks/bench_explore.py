"""A change of colour and of a filter on a map of 100,000 examples in Chromium (goal 1 s), and a lasso on a million.

The browser times run from the press to the next frame after the chart has drawn the new figure. The load of the machine
is printed beside them: a browser that draws without a GPU shares the processors with everything else.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from studio.figures.map import Points, for_browser, hover_lines, map_description, rows_to_draw
from studio.settings import Settings, Workspace
from studio.store import maps, snapshots
from studio.workflows import explore_colours, explore_map
from studio.workflows.studio import Studio, open_studio
from tests.browser import conftest, large_map

IN_BROWSER, LARGE = 100_000, 1_000_000
COLOURS = ("Label", "region", "Source", "Split") * 5
TOPICS = (3, 5, 7, 9, 11, 13, 15, 17, 19, 21)
_CLOCK = """() => { window.took = null; const chart = document.querySelector('.js-plotly-plot');
    const before = chart.dataset.drawn;
    document.addEventListener('click', () => { const start = performance.now();
        const look = () => {
            if (chart.dataset.drawn === before) setTimeout(look, 5);
            else requestAnimationFrame(() => { window.took = performance.now() - start; }); };
        look(); }, {once: true, capture: true}); }"""


def _opened(n: int) -> tuple[Studio, str]:
    workspace = Workspace(Path(tempfile.mkdtemp(prefix="winnow-explore-")) / "workspace").make()
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    return opened, large_map.make(opened.store, n)


def _timed(page: Page, press) -> float:
    page.evaluate(_CLOCK)
    press()
    page.wait_for_function("() => window.took !== null", timeout=120_000)
    page.wait_for_timeout(1_500)
    return float(page.evaluate("() => window.took"))


def in_browser() -> dict[str, float] | None:
    """Milliseconds of colour and filter changes; None where there is no Chromium."""
    if conftest.CHROMIUM is None:
        return None
    opened, made = _opened(IN_BROWSER)
    opened.close()
    app = conftest.start_app(opened.workspace.root)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=conftest.CHROMIUM, args=conftest.FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{app.url}/explore?s={made}&lang=en&side=clusters")
            page.locator(".js-plotly-plot[data-drawn]").first.wait_for(state="attached", timeout=120_000)
            page.wait_for_timeout(5_000)
            colours, filters = [], []
            for name in COLOURS:
                page.get_by_label("Colour by").first.click()
                option = page.get_by_role("option", name=name, exact=True).first
                option.wait_for()
                colours.append(_timed(page, option.click))
            for number in TOPICS:
                button = page.get_by_role("button", name=f"topic {number}", exact=True)
                filters.append(_timed(page, button.click))
            browser.close()
    finally:
        app.stop()
    timed = {"colour": colours, "filter": filters}
    found = {f"{name}_p50_ms": statistics.median(times) for name, times in timed.items()}
    found |= {f"{name}_p95_ms": float(np.quantile(times, 0.95)) for name, times in timed.items()}
    found |= {f"{name}_worst_ms": max(times) for name, times in timed.items()}
    n_timed = {f"{name}_presses": len(times) for name, times in timed.items()}
    return found | n_timed | {"load_1min": os.getloadavg()[0], "examples": IN_BROWSER}


def on_a_million() -> dict[str, float]:
    """Seconds of a lasso over all rows, and bytes and seconds of the figure sent to the browser."""
    opened, made = _opened(LARGE)
    chart = maps.newest(opened.store, made)
    corners = [(6 * math.cos(a) * s, 6 * math.sin(a) * s) for a, s in
               zip(np.linspace(0, 2 * np.pi, 120, endpoint=False), (1.0, 0.5) * 60, strict=True)]  # fmt: skip
    outline = ";".join(f"{x:.3f},{y:.3f}" for x, y in corners)
    started = time.perf_counter()
    inside = explore_map.points_inside(opened, made, map_id=chart.map_id, outline=outline)
    lasso_s = time.perf_counter() - started
    points = maps.points(opened.store, chart.map_id)
    label = explore_colours.column(opened, snapshots.require(opened.store, made), chart.map_id, "label_now")
    texts = explore_colours.short_texts(opened, made)
    started = time.perf_counter()
    ids = points["example_id"].to_numpy()
    rows = rows_to_draw(points["cluster"].to_numpy(), seed=0)
    hover = hover_lines(ids[rows], texts.take(rows).to_pylist())
    words = {"missing": "none", "others": "{n} more"}
    drawn = Points(
        ids, points["x"].to_numpy(), points["y"].to_numpy(), rows, hover, codes=label.codes, names=label.names
    )
    payload = json.dumps(for_browser(map_description(drawn, words)))
    figure_s = time.perf_counter() - started
    opened.close()
    return {"lasso_s": lasso_s, "inside": len(inside), "figure_s": figure_s, "payload_mb": len(payload) / 1e6}


if __name__ == "__main__":
    if "browser" not in sys.argv:  # python -m benchmarks.bench_explore browser: this part alone
        print(json.dumps({"benchmark": "explore lasso and figure, one million", **on_a_million()}), flush=True)
    found = in_browser()
    if found is None:
        print("no Chromium: the browser part is left out", file=sys.stderr)
    else:
        print(json.dumps({"benchmark": "explore colour and filter in the browser", **found}), flush=True)
