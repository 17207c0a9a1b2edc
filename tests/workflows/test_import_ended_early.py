"""An import that is cancelled or shot while it reads leaves no half snapshot, and the files can be imported again."""

from __future__ import annotations

import io

import pytest

from studio.corpus.roles import Roles
from studio.records import Actor
from studio.settings import Settings
from studio.store import snapshots
from studio.workflows import corpora, runs
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill

ADMIN = Actor("tester", "admin")
ROWS = "text,label\n" + "".join(f"message number {i},{'ab'[i % 2]}\n" for i in range(12_000))


@pytest.fixture
def studio(workspace, barriers):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()


def start(studio) -> str:
    file = corpora.spool(studio, ADMIN, name="data.csv", data=io.BytesIO(ROWS.encode()))
    return corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label"))


def is_clean(studio, run_id: str) -> bool:
    left = [*studio.workspace.snapshots.iterdir(), *snapshots.list_all(studio.store)]
    return not left and not (studio.workspace.run_dir(run_id) / "result").exists()


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_nothing_half_stays_and_the_next_import_is_whole(how, studio, barriers):
    barriers.hold("reading")
    run_id = start(studio)
    pid = barriers.reached("reading")["pid"]
    if how == "cancel":
        runs.cancel(studio, ADMIN, run_id=run_id)
    else:
        kill(pid)
    barriers.release("reading")
    assert runs.wait(studio, run_id, 60).state == {"cancel": "cancelled", "kill": "crashed"}[how]
    assert is_clean(studio, run_id)
    again = start(studio)
    assert runs.wait(studio, again, 60).state == "done"
    assert corpora.outcome(studio, again).n_examples == 12_000
