"""What most tests of acts start with: the workspace opened by this process alone."""

from __future__ import annotations

import os

import pytest

from studio.settings import Settings
from studio.workflows.studio import open_studio


@pytest.fixture
def studio(workspace):
    """The open workspace of the test; nothing watches over runs."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_barriers(tmp_path_factory):
    """A folder of barriers for all tests of a module, set before its studio opens: workers inherit the environment."""
    folder = tmp_path_factory.mktemp("barriers")
    os.environ["STUDIO_TEST_BARRIERS"] = str(folder)
    yield folder
    del os.environ["STUDIO_TEST_BARRIERS"]
