"""The desk in a real browser: keys, late keys, focus in a text field, undo, refresh, hostile text, a killed server."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import dataclass

import pytest

from studio.corpus.schema import write_snapshot
from studio.settings import Workspace
from studio.store import annotations, corpora, journal_files, snapshots
from studio.store.connection import Store
from tests.browser.conftest import start_app
from tests.workflows import small_corpus

pytestmark = pytest.mark.browser
HOSTILE = "# Not a heading\n<img src=x onerror=alert(1)> **not bold** [a](javascript:alert(1)) $x^2$ :material/home:"
TEXTS = ["Card lost.", HOSTILE, "我的卡丢了，请尽快帮我冻结账户，谢谢！", "I want a refund. " * 120]
N = 40
QUICK_S = 0.5  # six presses in less are faster than two texts can change
SHOWN = """() => [...document.querySelectorAll('*')].map(
    (el) => el.shadowRoot && el.shadowRoot.querySelector('.text:not(.waiting)')?.textContent).find((text) => text)"""


@dataclass
class Desk:
    """One page on one queue of the server all tests of this file share; `before` events were there already."""

    page: object
    app: object
    workspace: Workspace
    queue: str
    url: str
    before: int

    def saved(self, number: int, limit_ms: int = 30_000) -> str:
        """Wait for "saved #n" of the n-th event of this test."""
        line = self.page.get_by_text(re.compile(rf"[Ss]aved #{self.before + number} at \d\d:\d\d:\d\d"))
        line.wait_for(timeout=limit_ms)
        return line.text_content()

    def press(self, key: str, number: int, then: str) -> str:
        """Press, wait for the label to be said saved, wait for the next text; returns the line."""
        events = len(self.events())
        self.page.keyboard.press(key)
        try:
            said = self.saved(number, 15_000)
        except Exception as error:
            if type(error).__name__ != "TimeoutError":  # Playwright's own, which is not imported where it is absent
                raise
            # On a starved machine a key can be swallowed as too early: nothing was stored, so press as a person would.
            assert len(self.events()) == events
            self.page.keyboard.press(key)
            said = self.saved(number)
        wait_for(self.page, then)
        return said

    def at_rest(self) -> list[int]:
        """Wait until the text after the stored ones is shown and stays; the examples of this test's events."""
        deadline, before = time.monotonic() + 30, None
        while time.monotonic() < deadline:
            stored = [e.example_id for e in self.events()]
            now = (stored, self.page.evaluate(SHOWN))
            if len(stored) > 1 and now == before and now[1] == text_of(len(stored) + 1):
                return stored
            before = now
            self.page.wait_for_timeout(500)
        raise AssertionError(f"the desk never came to rest: {before}")

    def events(self):
        return [e for e in journal_files.read(self.workspace) if e.selection_id == self.queue]


def text_of(example_id: int) -> str:
    return TEXTS[example_id - 1] if example_id <= len(TEXTS) else f"Request number {example_id} about something"


def make(store: Store, corpus_id: str, n_labels: int, queues: int) -> str:
    names = [f"topic {n}" for n in range(n_labels)]
    rows = [
        {
            "example_id": n,
            "text": text_of(n),
            "label": names[n % n_labels],
            "language": "zh" if n == 3 else "en",
            "group_gender": "f",
        }
        for n in range(1, N + 1)
    ]
    manifest = write_snapshot(rows, store.workspace.snapshots, groups=("gender",), language="en")
    snapshot_id = str(manifest["snapshot_id"])
    corpora.add(store, corpus_id=corpus_id, name=corpus_id, language="en", task="classification", by="tester")
    snapshots.add(store, manifest, corpus_id=corpus_id, name=corpus_id, by="tester")
    for number in range(queues):
        small_corpus.freeze(store, snapshot_id, range(1, N + 1), selection_id=f"{corpus_id}q{number}")
    return snapshot_id


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server over one corpus per test, so that no test sees another's labels."""
    workspace = Workspace(tmp_path_factory.mktemp("desk") / "workspace").make()
    store = Store(workspace)
    found = {f"c{n}": make(store, f"c{n}", 4 + n, 1) for n in range(6)} | {"many": make(store, "many", 30, 1)}
    store.close()
    app = start_app(workspace.root)
    yield app, workspace, found
    app.stop()


def open_desk(server, page, corpus_id: str) -> Desk:
    app, workspace, found = server
    url = f"{app.url}/annotate?s={found[corpus_id]}&sel={corpus_id}q0"
    before = len(list(journal_files.read(workspace)))
    page.goto(url, wait_until="domcontentloaded")
    wait_for(page, text_of(1))
    return Desk(page, app, workspace, f"{corpus_id}q0", url, before)


def wait_for(page, text: str) -> None:
    """Wait until the pane shows this text and its keys work."""
    page.wait_for_function(
        """(wanted) => [...document.querySelectorAll('*')].some(
            (el) => el.shadowRoot && el.shadowRoot.querySelector('.text:not(.waiting)')?.textContent === wanted)""",
        arg=text,
        timeout=30_000,
    )


def test_one_key_saves_and_shows_the_next_undo_takes_back_refresh_loses_nothing(server, page):
    desk = open_desk(server, page, "c0")
    assert "topic 1" in desk.press("2", 1, text_of(2))
    assert page.locator("img[src=x]").count() == 0 and page.get_by_role("heading", name="Not a heading").count() == 0
    desk.press("1", 2, text_of(3))
    desk.press("z", 3, text_of(2))
    page.reload(wait_until="domcontentloaded")
    wait_for(page, text_of(2))
    desk.saved(3)
    desk.press("z", 4, text_of(1))  # a second undo after the reload takes the first label back
    desk.press("y", 5, text_of(2))
    assert "Skipped" in desk.press("s", 6, text_of(3))
    kinds = [(e.event, e.example_id) for e in desk.events()]
    assert kinds == [("label", 1), ("label", 2), ("undo", 2), ("undo", 1), ("label", 1), ("skip", 2)]


def test_no_label_key_fires_while_a_note_is_typed_and_the_note_is_kept(server, page):
    desk = open_desk(server, page, "c1")
    page.keyboard.press("n")
    page.wait_for_function("document.activeElement.tagName === 'INPUT'")
    page.keyboard.type("1 2 z s odd one", delay=10)
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(rf"Note saved #{desk.before + 1}")).wait_for()
    page.wait_for_function("document.activeElement.tagName !== 'INPUT'")
    wait_for(page, text_of(1))
    desk.press("3", 2, text_of(2))
    stored = desk.events()
    assert [(e.event, e.example_id) for e in stored] == [("note", 1), ("label", 1)]
    assert stored[0].payload["value"] == "1 2 z s odd one"


def test_a_held_key_labels_once_and_fast_keys_label_only_what_they_were_shown_for(server, page):
    desk = open_desk(server, page, "c2")
    for _ in range(20):
        page.keyboard.down("1")  # a second down without an up is what a held key sends
    page.keyboard.up("1")
    wait_for(page, text_of(2))
    desk.saved(1)
    assert [(e.example_id, e.label) for e in desk.events()] == [(1, "topic 0")]
    started = time.monotonic()
    for _ in range(6):
        page.keyboard.press("2")  # far faster than texts change: too early ones are swallowed, doubles are one row
    took = time.monotonic() - started
    stored = desk.at_rest()
    assert stored == list(range(1, len(stored) + 1))
    assert 2 <= len(stored) <= (4 if took < QUICK_S else 7), "a slow machine shows a new text between two presses"


def test_two_tabs_on_one_queue_share_it_and_a_left_one_gives_back(server, page):
    desk = open_desk(server, page, "c3")
    other = page.context.new_page()
    other.goto(desk.url, wait_until="domcontentloaded")
    wait_for(other, text_of(2))
    page.keyboard.press("1")
    wait_for(page, text_of(3))
    other.keyboard.press("2")
    wait_for(other, text_of(4))
    page.goto(f"{desk.url}&example=4", wait_until="domcontentloaded")
    page.get_by_text("You have this example open in another tab.").wait_for()
    wait_for(page, text_of(3))
    assert [(e.example_id, e.label) for e in desk.events()] == [(1, "topic 0"), (2, "topic 1")]
    other.get_by_role("link", name="Explore").click()
    other.get_by_role("heading", name="Explore").wait_for()
    page.reload(wait_until="domcontentloaded")
    wait_for(page, text_of(4))  # the desk was left, and this link asks for it
    other.goto(desk.url, wait_until="domcontentloaded")
    wait_for(other, text_of(3))
    other.close()
    page.wait_for_timeout(2_000)  # the server hears of a closed tab a moment later; until then its example is taken
    page.keyboard.press("3")
    wait_for(page, text_of(3))


def test_more_than_twenty_labels_are_picked_by_typing(server, page):
    desk = open_desk(server, page, "many")
    page.keyboard.press("f")
    page.wait_for_function("document.activeElement.tagName === 'INPUT'")
    page.keyboard.type("c 17", delay=20)
    assert "topic 17" in desk.press("Enter", 1, text_of(2))
    assert "topic 17" in desk.press("1", 2, text_of(3)), "the label used last has a key"


def test_the_simulated_annotator_goes_on_where_the_person_stopped(server, page):
    """The desk draws itself alone; a button below it that counted what was open changed with the first press."""
    desk = open_desk(server, page, "c4")
    desk.press("1", 1, text_of(2))
    page.get_by_text("Simulated annotator", exact=True).click()
    page.get_by_role("button", name="Label the rest with the simulated annotator").click()
    page.get_by_text(f"{N} of {N} labelled").wait_for()
    assert sum(not e.simulated for e in desk.events()) == 1


def test_a_killed_server_loses_no_label_it_showed_as_saved(server, page):
    """Last in this file: it ends the shared server."""
    desk = open_desk(server, page, "c5")
    for number in range(1, 9):
        desk.press(str(1 + number % 4), number, text_of(number + 1))
    page.keyboard.press("1")  # on its way when the server dies
    desk.app.stop(signal.SIGKILL)
    store = Store(desk.workspace)
    stored = annotations.events(store, "c5")
    store.close()
    assert [(e.seq - desk.before, e.example_id) for e in stored][:8] == [(n, n) for n in range(1, 9)]
    again = start_app(desk.workspace.root)
    try:
        page.goto(desk.url.replace(desk.app.url, again.url), wait_until="domcontentloaded")
        # the ninth may have reached the journal and not the tables: a start reads it from there
        page.get_by_text(re.compile(rf"({len(stored)}|9) of {N} labelled")).wait_for()
    finally:
        again.stop()
