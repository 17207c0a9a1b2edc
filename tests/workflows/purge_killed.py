"""`python -m tests.workflows.purge_killed WORKSPACE N`: carries a prepared removal out and shoots itself at write N.

Writes are counted where they touch the disk for good: renames, deletions, and the database's commit.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from studio.jobs import files
from studio.settings import Settings, Workspace
from studio.store import purge
from studio.store.connection import Store
from studio.workflows import purge_apply


def main(root: str, limit: int) -> None:
    """Count the writes down, then die as under `kill -9`."""
    left = [limit]

    def counted(function):
        def run(*args, **values):
            if str(args[0] if args else "").endswith((".lock", ".tmp")):
                return function(*args, **values)
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **values)

        return run

    os.rename, os.replace = counted(os.rename), counted(os.replace)
    shutil.rmtree, Path.unlink = counted(shutil.rmtree), counted(Path.unlink)
    files.write_json, purge.apply, Store.compact = map(counted, (files.write_json, purge.apply, Store.compact))
    settings = Settings(Workspace(Path(root)), device="cpu")
    store = Store(settings.workspace)
    purge_apply.at_start(store, settings.workspace)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
