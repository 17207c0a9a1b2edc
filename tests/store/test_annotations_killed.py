"""A process is killed for real while labels flow: every label it had acknowledged is there afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from studio.settings import Settings, Workspace
from studio.store import annotations
from studio.workflows.studio import open_studio
from tests.conftest import ROOT

LABELLER = """
import sys, uuid
from studio.records import AnnotationEvent
from studio.settings import Workspace
from studio.store import annotations
from studio.store.connection import Store
from pathlib import Path

store = Store(Workspace(Path(sys.argv[1])))
for number in range(100_000):
    draft = AnnotationEvent(event_id=uuid.uuid4().hex, corpus_id="c", snapshot_id="s", example_id=number, row_hash="h",
                            event="label", payload={"version": 1, "kind": "class", "value": "a"}, actor="ann",
                            role="annotator", split="train")
    (saved,) = annotations.append(store, [draft])
    print(saved.seq, saved.event_id, flush=True)
"""


def acknowledged_until_killed(workspace: Workspace, enough: int) -> dict[int, str]:
    """Start the labeller, kill it without warning after `enough` acknowledgements, give back what it had said."""
    process = subprocess.Popen(
        [sys.executable, "-c", LABELLER, str(workspace.root)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    said: dict[int, str] = {}
    for line in process.stdout:
        seq, event_id = line.split()
        said[int(seq)] = event_id
        if len(said) == enough:
            process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    return said


@pytest.mark.parametrize("wal", ["kept", "deleted", "damaged"])
def test_every_acknowledged_label_is_there_after_kill_9(workspace, wal):
    said = acknowledged_until_killed(workspace, enough=60)
    assert len(said) >= 60
    log = workspace.database.with_name("studio.duckdb.wal")
    if wal == "deleted":
        log.unlink()
    elif wal == "damaged":
        data = bytearray(log.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 64] = b"\xff" * 64
        log.write_bytes(bytes(data))
    studio = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    try:
        stored = {event.seq: event.event_id for event in annotations.events(studio.store, "c")}
        assert {seq: stored.get(seq) for seq in said} == said
        assert len(stored) - len(said) <= 1, "at most the one on its way may be there besides"
        assert bool(studio.notices) == (wal != "kept") or len(stored) > len(said)
    finally:
        studio.close()
