"""The map in a real browser: a lasso on 100,000 points, three maps at once, the keyboard alone, Chinese, links."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from studio.settings import Settings, Workspace
from studio.store import maps, slices
from studio.workflows import explore_map
from studio.workflows.studio import open_studio
from tests.browser import large_map
from tests.browser.conftest import start_app

pytestmark = pytest.mark.browser
PLOT = ".js-plotly-plot"
WAIT_MS = 120_000


class Made:
    """A running app over written maps, and what they hold."""

    def __init__(self, folder, sizes):
        self.workspace = Workspace(folder / "workspace").make()
        self.points, self.maps, self.ids = {}, {}, {}
        opened = open_studio(Settings(workspace=self.workspace, device="cpu"), supervise=False)
        for language, n in sizes.items():
            made = large_map.make(opened.store, n, language=language)
            chart = maps.newest(opened.store, made)
            self.ids[language], self.maps[language] = made, chart.map_id
            self.points[language] = maps.points(opened.store, chart.map_id)
        opened.close()
        self.app = None
        self.start()

    def start(self) -> None:
        """Start the server unless it runs."""
        if self.app is None or self.app.process.poll() is not None:
            self.app = start_app(self.workspace.root)

    def link(self, language: str = "en", **more: str) -> str:
        rest = "".join(f"&{key}={value}" for key, value in more.items())
        return f"{self.app.url}/explore?s={self.ids[language]}&lang={language}{rest}"

    def read(self, act):
        """Stop the server and ask the workspace: one process may open it at a time."""
        self.app.stop()
        opened = open_studio(Settings(workspace=self.workspace, device="cpu"), supervise=False)
        try:
            return act(opened)
        finally:
            opened.close()


@pytest.fixture(scope="module")
def two_maps(tmp_path_factory):
    """One server over a small map of each language for all tests of this file."""
    made = Made(tmp_path_factory.mktemp("two_maps"), {"en": 600, "zh": 600})
    yield made
    made.app.stop()


@pytest.fixture
def small(two_maps):
    two_maps.start()  # a test may have stopped it to read the workspace
    return two_maps


@pytest.fixture
def errors(page):
    """Console errors of the page's own code; the icon font and the map tiles of other hosts are not asked for."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def of_our_own(errors: list[str]) -> list[str]:
    return [text for text in errors if "Failed to load resource" not in text]


def open_map(page, link: str) -> None:
    page.goto(link)
    page.locator(f"{PLOT} canvas").first.wait_for(state="attached", timeout=WAIT_MS)
    settled(page)


def settled(page) -> None:
    """Until the page has stopped running its script."""
    page.wait_for_timeout(300)
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'",
        timeout=WAIT_MS,
    )


def draw(page, corners) -> None:
    """Drag the tool in the hand along these shares of the plot's width and height."""
    area = page.locator(f"{PLOT} .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    steps = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*steps[0])
    page.mouse.down()
    for step in steps[1:]:
        page.mouse.move(*step, steps=6)
    page.mouse.up()


def lasso_of(page) -> str:
    return parse_qs(urlparse(page.url).query).get("lasso", [""])[0]


def inside_text(page) -> int:
    found = page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ examples inside$")).first
    found.wait_for(timeout=WAIT_MS)
    return int(found.inner_text().split(" ")[0].replace(",", ""))


STAR = [(0.25, 0.25), (0.8, 0.4), (0.3, 0.6), (0.7, 0.2), (0.75, 0.8), (0.25, 0.25)]  # crosses itself


def even_odd(x, y, corners) -> np.ndarray:
    """Crossings of a ray to the right, counted edge by edge over all points: the oracle of a self-crossing lasso."""
    inside = np.zeros(len(x), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = ax + (y - ay) / (by - ay) * (bx - ax)
        inside ^= crosses & (x < at)
    return inside


@pytest.mark.slow
def test_a_lasso_on_100000_points_holds_exactly_the_rows_inside(tmp_path, page):
    """Every row is asked, drawn or not; on the convex lasso matplotlib's path agrees too."""
    made = Made(tmp_path, {"en": 100_000})
    points = made.points["en"]
    x, y = points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64)
    found = []
    try:
        open_map(page, made.link())
        for corners in (STAR, [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]):
            before = page.url
            draw(page, corners)
            page.wait_for_function("before => location.href !== before", arg=before, timeout=WAIT_MS)
            settled(page)
            found.append((lasso_of(page), inside_text(page)))
    finally:
        made.app.stop()
    for number, (text, count) in enumerate(found):
        polygon = np.array([[float(v) for v in pair.split(",")] for pair in text.partition(":")[2].split(";")])
        expected = even_odd(x, y, polygon)
        assert count == expected.sum() > 100
        if number == 1:
            path = pytest.importorskip("matplotlib.path")
            assert count == path.Path(polygon).contains_points(np.stack([x, y], axis=1)).sum()

    def rows(opened):
        return explore_map.points_inside(opened, made.ids["en"], map_id=made.maps["en"],
                                         outline=found[0][0].partition(":")[2])  # fmt: skip

    polygon = np.array([[float(v) for v in pair.split(",")] for pair in found[0][0].partition(":")[2].split(";")])
    assert made.read(rows).tolist() == points["example_id"][even_odd(x, y, polygon)].tolist()


@pytest.mark.slow
def test_three_maps_at_once_leave_no_error_in_the_console(small, chromium):
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    for colour in ("cluster", "label_now", "length"):
        tab = context.new_page()
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        open_map(tab, small.link(color=colour))
    for tab in context.pages:
        tab.bring_to_front()
        assert tab.locator(f"{PLOT} canvas").count() >= 1
        assert tab.evaluate("() => document.querySelector('.js-plotly-plot').data.length") >= 1
    context.close()
    assert of_our_own(errors) == []


def tab_to(page, name: str, most: int = 150) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement?.innerText?.trim() || ''").endswith(name):
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_the_keyboard_alone_filters_by_a_cluster_opens_an_example_and_saves_a_slice(small, page):
    open_map(page, small.link(side="clusters"))
    tab_to(page, "topic 3")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('f_cluster=3')", timeout=WAIT_MS)
    open_map(page, small.link(f_cluster="3"))
    size = int((small.points["en"]["cluster"] == 3).sum())
    assert inside_text(page) == size
    tab_to(page, "Read one by one")
    page.keyboard.press("Enter")
    first = int(small.points["en"].query("cluster == 3")["example_id"].iloc[0])
    page.get_by_text(f"Example {first}", exact=True).wait_for(timeout=WAIT_MS)
    settled(page)
    tab_to(page, "Next")
    page.keyboard.press("Enter")
    second = int(small.points["en"].query("cluster == 3")["example_id"].iloc[1])
    page.get_by_text(f"Example {second}", exact=True).wait_for(timeout=WAIT_MS)
    settled(page)
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement?.getAttribute('aria-label')") == "Name of this slice":
            break
    page.keyboard.type("third topic")
    tab_to(page, "Save the slice")
    page.keyboard.press("Enter")
    page.get_by_text("Saved as").first.wait_for(timeout=WAIT_MS)
    kept = small.read(lambda opened: slices.slices(opened.store, small.ids["en"]))
    assert kept[["name", "n"]].values.tolist() == [["third topic", size]]


def test_chinese_labels_are_drawn_with_glyphs_of_their_own(small, page):
    """A missing glyph is a box of the same width for every character; real ones differ from it in their pixels."""
    open_map(page, small.link("zh", color="label_now"))
    labels = page.locator(f"{PLOT} .legendtext")
    labels.first.wait_for(timeout=WAIT_MS)
    shown = " ".join(labels.all_text_contents())
    assert all(name in shown for name in large_map.LABELS["zh"])
    assert all(labels.nth(i).bounding_box()["width"] > 10 for i in range(labels.count()))
    distinct = page.evaluate(
        """() => { const ink = text => { const c = document.createElement('canvas'); c.width = c.height = 40;
             const g = c.getContext('2d'); g.font = '28px sans-serif'; g.fillText(text, 4, 30);
             return Array.from(g.getImageData(0, 0, 40, 40).data).filter((v, i) => i % 4 === 3).join(','); };
             return new Set(['账', '快', '登', '退', '\\u{10ffff}'].map(ink)).size; }"""
    )
    assert distinct == 5, "four characters and the box of a missing one"


def test_a_shared_link_brings_back_lasso_colour_filters_and_the_opened_example(small, page, errors):
    open_map(page, small.link())
    draw(page, [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)])
    page.wait_for_function("() => location.search.includes('lasso=')", timeout=WAIT_MS)
    settled(page)
    shared = f"{page.url}&color=label_now&g0=N&example=12&size=length"
    alone = inside_text(page)
    page.locator(f"{PLOT} .nsewdrag").first.dblclick(position={"x": 8, "y": 8})  # lifts the lasso
    page.wait_for_function("() => !location.search.includes('lasso=')", timeout=WAIT_MS)
    page.goto("about:blank")
    open_map(page, shared)
    assert 0 < inside_text(page) < alone
    page.get_by_text("Example 12", exact=True).wait_for(timeout=WAIT_MS)
    page.get_by_text("region = N").wait_for(timeout=WAIT_MS)
    layout = page.evaluate(
        """() => { const g = document.querySelector('.js-plotly-plot');
             const size = g.data.find(t => (t.name || '').startsWith('refund')).marker.size;
             return [g.layout.shapes.length, g.data.map(t => t.name).join('|'),
                     typeof size === 'object']; }"""
    )
    assert layout[0] == 1 and "refund" in layout[1] and layout[2]
    page.get_by_role("button", name="Clear the lasso").click()
    page.wait_for_function("() => !location.search.includes('lasso=')", timeout=WAIT_MS)
    settled(page)
    assert page.evaluate("() => (document.querySelector('.js-plotly-plot').layout.shapes || []).length") == 0
    assert of_our_own(errors) == []


def test_with_the_reading_tool_a_click_opens_the_example(small, page):
    open_map(page, small.link(tool="pan"))
    page.evaluate("() => { document.querySelector('.js-plotly-plot .gl-canvas').wasHere = true; }")
    place = page.evaluate(
        """() => { const g = document.querySelector('.js-plotly-plot'), i = 5;
             const t = g._fullData.filter(t => t.customdata).at(-1);
             const xa = g._fullLayout.xaxis, ya = g._fullLayout.yaxis, box = g.getBoundingClientRect();
             return [box.x + xa._offset + xa.d2p(t.x[i]), box.y + ya._offset + ya.d2p(t.y[i]), t.customdata[i]]; }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(place[0], place[1], steps=4)
    page.wait_for_timeout(500)
    page.mouse.click(place[0], place[1])
    page.wait_for_function("() => location.search.includes('example=')", timeout=WAIT_MS)
    opened = int(parse_qs(urlparse(page.url).query)["example"][0])
    points = small.points["en"].set_index("example_id")
    wanted, got = points.loc[int(place[2])], points.loc[opened]
    assert np.hypot(wanted.x - got.x, wanted.y - got.y) < 0.3, "the dot under the pointer, or one drawn over it"
    page.wait_for_function(
        "() => document.querySelector('.js-plotly-plot').data.at(-1).hoverinfo === 'skip'"
    )  # the ring
    assert page.evaluate("() => document.querySelector('.js-plotly-plot .gl-canvas').wasHere"), "no new WebGL context"
