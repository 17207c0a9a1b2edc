"""Fixtures of real runs: barriers every worker sees, and a quick supervisor whose workers never outlive the test."""

from __future__ import annotations

import pytest

from studio.jobs.supervisor import Supervisor
from studio.settings import Settings
from tests import forked_workers
from tests.jobs.harness import IMPATIENT, QUICK, kill_workers


@pytest.fixture(autouse=True, scope="package")
def _own_processes():
    """Here workers are started as the app starts them."""
    forked_workers.use(False)
    yield
    forked_workers.use(True)


@pytest.fixture
def make_supervisor(workspace):
    """Makes supervisors of the test's workspace; all are closed and all workers ended afterwards."""
    made = []

    def make(timing=QUICK, **values) -> Supervisor:
        made.append(Supervisor(Settings(workspace, device="cpu"), timing=timing, **values))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.close()
    kill_workers(workspace)


@pytest.fixture
def supervisor(barriers, make_supervisor) -> Supervisor:
    """A running supervisor that is patient with stops."""
    return make_supervisor().start()


@pytest.fixture
def impatient(barriers, make_supervisor) -> Supervisor:
    """A running supervisor whose graces are over at once."""
    return make_supervisor(IMPATIENT).start()
