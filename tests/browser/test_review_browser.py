"""From choosing to signing off, in real browsers of three people; hostile words in every field stay words."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import pytest

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=alert(1)> **b** [x](https://example.org/x) 🙂 中文"
SLOW = 60_000


class Person:
    """A browser of somebody's own: no cookies shared; every dialog and every request that leaves is written down."""

    def __init__(self, chromium, name: str) -> None:
        self.name, self.dialogs, self.left = name, [], []
        self.context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US",
                                            accept_downloads=True)  # fmt: skip
        self.context.set_default_timeout(SLOW)
        self.page = self.context.new_page()
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("request", self._sent)

    def _sent(self, request) -> None:
        if urlparse(request.url).hostname not in ("127.0.0.1", "localhost", None):
            self.left.append(request.url)

    def open(self, url: str, *, named: bool = True) -> None:
        self.page.goto(url)
        if named:
            field = self.page.get_by_label("Your name", exact=True)
            field.fill(self.name)
            field.press("Enter")

    def decide(self, verdict: str, note: str = "") -> None:
        self.page.get_by_text(f"Under the name {self.name}").wait_for()
        self.page.get_by_text(verdict, exact=True).first.click()
        if note:
            self.page.get_by_label("Why (needed unless you approve)").fill(note)
        self.page.get_by_role("button", name="Put my name to it").click()


@pytest.fixture
def people(chromium):
    made = []

    def meet(name: str) -> Person:
        made.append(Person(chromium, name))
        return made[-1]

    yield meet
    for person in made:
        assert person.dialogs == [] and person.left == [], person.name
        person.context.close()


def propose(page, name: str, purpose: str) -> str:
    """Fill the form and wait for the proposal; returns its link."""
    page.get_by_label("Name of the proposal").fill(name)
    page.get_by_label("What are the examples for?").fill(purpose)
    page.get_by_role("button", name=re.compile("Propose$")).click()
    page.get_by_text("You made this proposal").wait_for()
    return page.url


# A minute and a half of two browsers: the job from the demo to the next batch already drives Select in the quick suite.
@pytest.mark.slow
def test_choose_freeze_propose_review_approve_export(scored_app, people, tmp_path):
    app, made = scored_app
    ann = people("Ann")
    ann.open(f"{app.url}/select?s={made}&w_relevance=40&w_diversity=30&w_difficulty=0&w_quality=30&budget=30")
    ann.page.get_by_label("Name", exact=True).last.fill(f"batch {EVIL}")
    ann.page.get_by_role("button", name="Freeze").click()
    ann.page.get_by_role("button", name="Propose for review").click()
    first = propose(ann.page, f"first {EVIL}", EVIL)
    assert ann.page.get_by_role("button", name="Put my name to it").count() == 0, "never by the proposer"
    assert ann.page.get_by_text(EVIL).count() > 0 and ann.page.locator("img[src='x']").count() == 0
    # another name in the same tab is the same person
    ann.page.get_by_label("Your name", exact=True).fill("Zoe")
    ann.page.get_by_label("Your name", exact=True).press("Enter")
    ann.page.wait_for_timeout(2_000)
    assert ann.page.get_by_role("button", name="Put my name to it").count() == 0

    ben = people("Ben")
    ben.open(first)
    ben.page.get_by_label("Comment on the whole proposal").fill(f"{EVIL}\nsecond line")
    ben.page.get_by_role("button", name=re.compile("Comment$")).click()
    ben.page.get_by_text("second line").first.wait_for()
    ben.decide("Request changes", "fewer long ones")
    ben.page.get_by_text("Ben (name not checked) asked for changes").first.wait_for()

    ann.open(first)  # elsewhere, later: the same state under the same address
    ann.page.get_by_text("changes requested").first.wait_for()
    ann.page.get_by_text("fewer long ones").first.wait_for()
    ann.page.get_by_role("button", name="Propose a new version").click()
    second = propose(ann.page, "second", "as asked")
    assert parse_qs(urlparse(second).query)["proposal"] != parse_qs(urlparse(first).query)["proposal"]

    cai = people("Cai")
    cai.open(second)
    ben.open(second)
    cai.page.get_by_text("Under the name Cai").wait_for()  # both see a proposal that waits
    ben.decide("Approve")
    ben.page.get_by_text("Ben (name not checked) approved it").first.wait_for()
    cai.decide("Approve")
    cai.page.get_by_text("has been decided already").wait_for()
    cai.page.get_by_text("Ben (name not checked) approved it").first.wait_for()

    reader = people("Dee")
    reader.open(f"{second}&read=1", named=False)
    reader.page.get_by_text("Nothing can be changed under this link").wait_for()
    reader.page.get_by_text("Ben (name not checked) approved it").first.wait_for()
    assert reader.page.get_by_role("button", name=re.compile("Comment$")).count() == 0

    reader.page.get_by_role("button", name=re.compile("Export")).click()
    with reader.page.expect_download() as caught:
        reader.page.get_by_role("button", name=re.compile("English")).last.click()
    file = tmp_path / "proposal.html"
    caught.value.save_as(file)
    reader.page.goto(file.as_uri())
    assert reader.page.locator("h1").inner_text() == "Proposal: second"
    assert reader.page.get_by_text("approved it").count() == 1
    assert reader.page.locator("table.examples tbody tr").count() == 40
    assert reader.page.locator("script, img, a").count() == 0
