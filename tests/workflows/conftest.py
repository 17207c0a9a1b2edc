"""What most tests of acts start with: the workspace opened by this process alone."""

from __future__ import annotations

import pytest

from studio.settings import Settings
from studio.workflows.studio import open_studio


@pytest.fixture
def studio(workspace):
    """The open workspace of the test; nothing watches over runs."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield opened
    opened.close()
