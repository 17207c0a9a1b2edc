"""What every page test starts with: the app pointed at the test's workspace, and no worker left behind."""

from __future__ import annotations

import pytest
import streamlit as st

from pages._ui import frame
from tests.jobs.harness import Barriers, kill_workers


@pytest.fixture
def barriers(tmp_path, monkeypatch) -> Barriers:
    """Barriers of this test; set before any worker starts, so that workers inherit them."""
    made = Barriers(tmp_path / "barriers")
    monkeypatch.setenv("STUDIO_TEST_BARRIERS", str(made.folder))
    return made


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
