"""What every page test starts with: the app pointed at the test's workspace, and no worker left behind."""

from __future__ import annotations

import functools
import zlib

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from pages._ui import frame
from tests.jobs.harness import kill_workers

BOTH_LANGUAGES = ("test_every_page.py", "test_words_of_pages.py")  # every page in every state, in each language


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A page test of two languages runs in one of them in the fast suite, by its name, and in the other in the slow."""
    for item in items:
        params = item.callspec.params if "pages" in item.path.parts and hasattr(item, "callspec") else {}
        name = next((name for name in ("lang", "language") if name in params), None)
        if name is None or item.path.name in BOTH_LANGUAGES:
            continue
        rest = sorted((key, str(value)) for key, value in params.items() if key != name)
        chosen = ("en", "zh")[zlib.crc32(f"{item.path.name} {item.originalname} {rest}".encode()) % 2]
        if params[name] != chosen:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="session")
def _one_look_for_components():
    """Every app under test looks through all installed packages for components: half of its time; once is enough."""
    with pytest.MonkeyPatch.context() as patch:
        look = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", look)
        yield


@pytest.fixture
def app_home(workspace, monkeypatch, barriers):
    """The environment of a server over the test's workspace, its caches empty before and after."""
    monkeypatch.setenv("STUDIO_HOME", str(workspace.root))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    _forget()
    yield workspace
    _forget()
    kill_workers(workspace)


@pytest.fixture
def studio(app_home):
    """The studio the pages of this test use."""
    return frame._open(str(app_home.root))


def _forget() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()
