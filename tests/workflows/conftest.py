"""What most tests of acts start with: the workspace opened by this process alone."""

from __future__ import annotations

import pytest

from studio.settings import Settings
from studio.workflows.studio import open_studio
from tests.jobs.harness import Barriers


@pytest.fixture
def studio(workspace):
    """The open workspace of the test; nothing watches over runs."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_barriers(tmp_path_factory):
    """Barriers for all tests of a module, set before its studio opens: workers inherit the environment."""
    made = Barriers(tmp_path_factory.mktemp("barriers"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_TEST_BARRIERS", str(made.folder))
        yield made
