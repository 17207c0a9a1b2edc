"""Sliders in a real browser: AppTest knows neither the URL nor what one widget does to another."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import pytest

from studio.records import VIEWS
from studio.settings import Settings, Workspace
from studio.workflows.studio import open_studio
from tests.browser.conftest import start_app
from tests.workflows import select_corpus
from tests.workflows.test_select import TARGETS

pytestmark = pytest.mark.browser


@pytest.fixture
def scored_app(tmp_path):
    workspace = Workspace(tmp_path / "workspace").make()
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    made = select_corpus.make(opened)
    select_corpus.score(opened, made, TARGETS)
    opened.close()
    app = start_app(workspace.root)
    yield app, made
    app.stop()


def in_url(page) -> list[int]:
    asked = parse_qs(urlparse(page.url).query)
    return [int(asked.get(f"w_{view}", ["-1"])[0]) for view in VIEWS]


def wait_for(page, expected: list[int]) -> None:
    """Until the URL and the four sliders say so."""
    names = [f"w_{view}={value}" for view, value in zip(VIEWS, expected, strict=True)]
    page.wait_for_function(
        """names => names.every(name => ("&" + location.search.slice(1) + "&").includes("&" + name + "&"))""",
        arg=names, timeout=60_000,
    )  # fmt: skip
    page.wait_for_function(
        """values => [...document.querySelectorAll('input[type=range]')].slice(0, 4)
                     .every((slider, i) => Number(slider.value) === values[i])""",
        arg=expected, timeout=60_000,
    )  # fmt: skip


def test_moving_one_slider_rescales_the_unlocked_and_a_link_keeps_them(scored_app, page):
    app, made = scored_app
    page.goto(f"{app.url}/select?s={made}&w_relevance=40&w_diversity=30&w_difficulty=0&w_quality=30&budget=10")
    wait_for(page, [40, 30, 0, 30])
    sliders = page.locator("input[type=range]")
    sliders.nth(0).focus()
    sliders.nth(0).press("End")
    wait_for(page, [100, 0, 0, 0])
    sliders.nth(0).focus()
    sliders.nth(0).press("Home")
    wait_for(page, [0, 50, 0, 50])
    page.get_by_test_id("stCheckbox").nth(1).click()  # the lock of diversity
    sliders.nth(3).focus()
    sliders.nth(3).press("ArrowLeft")
    wait_for(page, [1, 50, 0, 49])
    page.reload()
    wait_for(page, [1, 50, 0, 49])
    assert sum(in_url(page)) == 100
