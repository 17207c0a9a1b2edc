"""A live app on a free port and a real Chromium; skipped with a reason where there is no browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
# SwiftShader draws WebGL maps without a GPU; the rest keeps Chromium from calling home on a closed network.
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class LiveApp:
    """A running server: its address, its workspace, and its process."""

    url: str
    workspace: Path
    process: subprocess.Popen

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the server with a signal and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=20)


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(workspace: Path, port: int | None = None) -> LiveApp:
    """Start the real server over a workspace and wait until it answers."""
    port = port or free_port()
    log = (workspace.parent / f"server-{port}.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(port)],
        cwd=ROOT,
        env=os.environ | {"STUDIO_HOME": str(workspace)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    app = LiveApp(f"http://127.0.0.1:{port}", workspace, process)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return app
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.1)
    app.stop()
    raise RuntimeError(f"The app did not start: {Path(log.name).read_text(errors='replace')[-2000:]}")


@pytest.fixture
def live_app(tmp_path: Path) -> Iterator[LiveApp]:
    """The app over an empty workspace of its own."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    app = start_app(workspace)
    yield app
    app.stop()


@pytest.fixture
def scored_app(workspace, scored_snapshot) -> Iterator[tuple[LiveApp, str]]:
    """The app over the scored corpus of the Select tests, and its snapshot."""
    app = start_app(workspace.root)
    yield app, scored_snapshot
    app.stop()


@pytest.fixture(scope="session")
def chromium():
    """One Chromium for the session."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian package: chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh browser window of 1440 x 900."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.set_default_timeout(30_000)
    opened = context.new_page()
    yield opened
    context.close()
