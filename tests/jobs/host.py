"""`python -m tests.jobs.host WORKSPACE READY_FILE`: a server process that does nothing but supervise, until killed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from studio.jobs.supervisor import Supervisor
from studio.settings import Settings, Workspace
from tests.jobs.harness import QUICK

if __name__ == "__main__":
    with Supervisor(Settings(Workspace(Path(sys.argv[1])), device="cpu"), timing=QUICK):
        Path(sys.argv[2]).touch()
        threading.Event().wait()
