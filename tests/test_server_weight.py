"""The server process stays light: no page, workflow or store module pulls torch, transformers or umap in."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

_CODE = """
import pkgutil, sys
from importlib import import_module
import pages._ui, studio.workflows, studio.store
for package in (studio.workflows, studio.store, pages._ui):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        import_module(module.name)
heavy = [name for name in ("torch", "transformers", "peft", "umap", "numba", "datasets") if name in sys.modules]
print(",".join(heavy))
"""


def test_the_server_never_imports_what_only_workers_need():
    done = subprocess.run([sys.executable, "-c", _CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
