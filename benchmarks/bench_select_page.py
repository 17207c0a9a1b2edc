"""From the mouse on a slider to the new table on the Select page, 100,000 examples, in Chromium (goal 400 ms at p95).

Times run in the browser from the press of the mouse to the frame after both have happened: the numbers above the table
changed, and the table drew text it had not drawn before (drawing is watched on its canvas: the DOM of a table changes
when data arrive, not when they are seen). First one move after the other with time to rest, then quick ones that come
while the comparison with random draws of the move before is still worked out, then the way of choosing that the page
proposes for a first batch. The server's processor time up to the table stands beside each, and the load: a browser
that draws without a GPU shares the processors with everything else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, TimeoutError, sync_playwright

from studio.measures import MEASURES
from studio.selection.unit_scores import unit_scores
from studio.settings import Settings, Workspace
from studio.store import examples, labels, scores, snapshots, splits
from studio.workflows import select_scores
from studio.workflows.select_scores import Targets
from studio.workflows.studio import Studio, open_studio
from tests.browser import conftest, large_map

EXAMPLES, BUDGET, FIRST_BATCH = 200_000, 1_000, 100  # half of the corpus is the pool; 100 is what the page proposes
RESTED, QUICK = 24, 12  # moves
TARGETS = Targets(ids=(1, 5, 9))
WEIGHTS = "w_relevance=40&w_diversity=30&w_difficulty=0&w_quality=30"
# What the table shows: texts drawn on its canvas, or on a canvas off the page that is then copied onto it.
WATCH = """() => { window.before = new Set(); window.shown = new Set(); window.fresh = false;
    const off = new WeakMap(), of = context => context.canvas.closest && context.canvas.closest('.st-key-ranked');
    const see = text => { window.shown.add(text); if (!window.before.has(text)) window.fresh = true; };
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        if (of(this)) see(text);
        else { if (!off.has(this.canvas)) off.set(this.canvas, new Set()); off.get(this.canvas).add(text); }
        return write.call(this, text, ...rest); };
    const copy = CanvasRenderingContext2D.prototype.drawImage;
    CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
        if (of(this) && off.has(image)) { off.get(image).forEach(see); off.delete(image); }
        return copy.call(this, image, ...rest); }; }"""
CLOCK = """byNumbers => { window.took = null;
    const numbers = () => [...document.querySelectorAll('.st-key-pairs_numbers [data-testid="stMetricValue"]')]
        .map(e => e.innerText).join('|');
    const before = numbers();
    document.addEventListener('pointerdown', () => { const start = performance.now();
        window.before = window.shown; window.shown = new Set(); window.fresh = false;
        const look = () => { if (window.fresh && (!byNumbers || numbers() !== before))
                requestAnimationFrame(() => { window.took = performance.now() - start; });
            else setTimeout(look, 4); };
        look(); }, {once: true, capture: true}); }"""


def make(studio: Studio) -> str:
    """A corpus whose pool has 100,000 examples, and random scores for every measure that needs no labels."""
    made = large_map.make(studio.store, EXAMPLES)
    parts = np.array(("pool", "train"))[np.arange(EXAMPLES) % 2]
    splits.decide(studio.store, made, ids=np.arange(1, EXAMPLES + 1), names=parts, method="random", seed=1, shares={},
                  by="bench")  # fmt: skip
    around, snapshot = scores.surroundings(studio.store, made), snapshots.require(studio.store, made)
    ids, rng, none = examples.ids(studio.store, made), np.random.default_rng(0), labels.current(studio.store, made)[:0]
    for one in MEASURES:
        context = select_scores.wanted_context(studio, snapshot, one, around, none, TARGETS)
        if context is None or "class_probs" in one.needs:
            continue
        raw = rng.random(len(ids))
        scores.put(studio.store, made, one, context_hash=select_scores.context_hash(context), context=context, ids=ids,
                   raw=raw, unit=unit_scores(raw, one.prefer), run_id=None)  # fmt: skip
    return made


def processor_s(pid: int) -> float:
    """Processor seconds a process has used."""
    used = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def moves(page: Page, pid: int, n: int, pause_ms: int, *, by_numbers: bool = True) -> tuple[list[float], list[float]]:
    """Presses on the track of two sliders in turn: milliseconds to the new table, processor seconds of the server.

    A move whose new table cannot be told from the one before within some seconds counts as nothing: NaN.
    """
    took, worked = [], []
    sliders = page.locator('[data-testid="stSlider"]').filter(has=page.locator("input[type=range]"))
    for number in range(n):
        slider = sliders.nth(number % 2)
        track = slider.get_by_role("group").locator("> div").first
        box, now = track.bounding_box(), int(slider.locator("input[type=range]").input_value())
        assert box is not None, "a slider without a track"
        page.evaluate(CLOCK, by_numbers)
        before = processor_s(pid)
        place = 5 + (now + 20 + (number * 13) % 50) % 90  # percent; far from where it stands
        page.mouse.click(box["x"] + box["width"] * place / 100, box["y"] + box["height"] / 2)
        with contextlib.suppress(TimeoutError):
            page.wait_for_function("() => window.took !== null", polling=20, timeout=8_000)
        worked.append(processor_s(pid) - before)
        took.append(float(page.evaluate("() => window.took === null ? NaN : window.took")))
        page.wait_for_timeout(pause_ms)
    return took, worked


def told(name: str, took: list[float], worked: list[float], **more: object) -> None:
    """One JSON line."""
    p50, p95 = (float(np.nanpercentile(took, q)) for q in (50, 95))
    print(json.dumps({"benchmark": name, "moves": len(took), "unseen": int(np.isnan(took).sum()),
                      "p50_ms": round(p50), "p95_ms": round(p95),
                      "goal_p95_ms": 400, "met": p95 <= 400,
                      "server_cpu_ms_to_the_table": round(1000 * float(np.median(worked))), **more,
                      "load_1min": round(os.getloadavg()[0], 1)}), flush=True)  # fmt: skip


def first_draw(page: Page, address: str) -> float:
    """Open an address and wait until the page rests; seconds to the first table."""
    started = time.perf_counter()
    page.goto(address)
    page.locator(".st-key-ranked canvas").first.wait_for(state="attached", timeout=180_000)
    took = time.perf_counter() - started
    page.wait_for_timeout(8_000)
    page.evaluate(WATCH)
    page.set_viewport_size({"width": 1440, "height": 901})  # draws the table again: what it shows now is no news
    page.wait_for_timeout(500)
    return took


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--workspace", type=Path, help="kept, and used again where the corpus is in it")
    home = asked.parse_args().workspace
    if conftest.CHROMIUM is None:
        print("no Chromium: left out", file=sys.stderr)
        return
    workspace = Workspace(home or Path(tempfile.mkdtemp(prefix="winnow-select-")) / "workspace").make()
    studio = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    there = snapshots.list_all(studio.store)
    made = there[0].snapshot_id if there else make(studio)
    n_pool = len(labels.pool_left(studio.store, made))
    studio.close()
    app = conftest.start_app(workspace.root)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=conftest.CHROMIUM, args=conftest.FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            start = f"{app.url}/select?s={made}&lang=en&{WEIGHTS}"
            opened = first_draw(page, f"{start}&budget={BUDGET}&strategy=weighted_sum")
            moves(page, app.process.pid, 2, 2_000)  # not counted
            same = {"pool": n_pool, "budget": BUDGET}
            told("slider to table in the browser", *moves(page, app.process.pid, RESTED, 1_800), **same,
                 first_table_s=round(opened, 1))  # fmt: skip
            told("slider to table while comparisons are worked out", *moves(page, app.process.pid, QUICK, 300), **same)
            first_draw(page, f"{start}&budget={FIRST_BATCH}")
            found = moves(page, app.process.pid, QUICK + 2, 1_000, by_numbers=False)
            told("slider to table, as the page proposes for a first batch", *(one[2:] for one in found), pool=n_pool,
                 budget=FIRST_BATCH)  # fmt: skip
            browser.close()
    finally:
        app.stop()


if __name__ == "__main__":
    main()
