"""Fixtures every test may use: a fresh workspace, an open store, an actor, the real corpora where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store.connection import Store

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
hypothesis_settings.register_profile("winnow", deadline=None)  # a busy machine is no failure
hypothesis_settings.load_profile("winnow")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh workspace with all its folders."""
    return Workspace(tmp_path / "workspace").make()


@pytest.fixture
def settings(workspace: Workspace) -> Settings:
    """Default settings over a fresh workspace."""
    return Settings(workspace=workspace)


@pytest.fixture
def store(workspace: Workspace):
    """An open store over a fresh workspace."""
    opened = Store(workspace)
    yield opened
    opened.close()


@pytest.fixture
def admin() -> Actor:
    """An actor who may do everything."""
    return Actor(name="tester", role="admin", verified=True)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real corpora; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real corpora are not on this machine (expected beside the repository in shared/data)")
    return SHARED_DATA
