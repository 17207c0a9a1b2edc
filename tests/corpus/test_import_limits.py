"""What a crafted file can cost is bounded before a byte of it is read."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import ROOT

CODE = """
import json, resource, sys
from studio.tasks.import_corpus import _limit
_limit(1024**3)
kinds = {name: resource.getrlimit(getattr(resource, name))[0] for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_CORE")}
try:
    bytearray(40 * 1024**3)
    kinds["refused"] = False
except MemoryError:
    kinds["refused"] = True
sys.stdout.write(json.dumps(kinds))
"""


def test_an_import_lowers_its_own_limits():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, check=True)
    limits = json.loads(done.stdout)
    assert limits["RLIMIT_AS"] == 12 * 1024**3  # 8 GiB and four bytes per byte of the file
    assert 1800 <= limits["RLIMIT_CPU"] <= 1830  # 15 minutes, and 15 more for the gibibyte
    assert limits["RLIMIT_CORE"] == 0
    assert limits["refused"]
