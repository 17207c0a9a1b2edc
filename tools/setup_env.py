"""Make .venv and install the pinned packages once; says the size first when a GPU build would come without a GPU.

Runs on the system's Python with the standard library alone. The usual pip variables (PIP_INDEX_URL,
PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, proxies) are pip's own and are honoured as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def main(requirements: str) -> int:
    """Install one requirements file; returns the exit code."""
    if sys.version_info[:2] != (3, 11) and not PYTHON.exists():
        say(f"Winnow needs Python 3.11; this is {sys.version.split()[0]}. Set PYTHON=/path/to/python3.11.")
        return 1
    marker = VENV / f".installed-{fingerprint(ROOT / requirements)}"
    if marker.exists() and PYTHON.exists():
        return 0
    if not PYTHON.exists():
        say("Making .venv ...")
        venv.EnvBuilder(with_pip=True, clear=VENV.exists()).create(VENV)
    warn_of_a_gpu_build(requirements)
    say(f"Installing {requirements} (once; a few minutes) ...")
    # torch first and alone: with it in place, no other package can pull another build of it.
    for wanted in ([torch_line(requirements)], ["-r", str(ROOT / requirements)]):
        code = subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *wanted], check=False).returncode
        if code:
            say("pip could not install the packages; its message is above. Nothing else was changed.")
            return code
    marker.write_text("ok\n", encoding="utf-8")
    return 0


def fingerprint(path: Path) -> str:
    """A short hash of a requirements file and of the files it includes."""
    digest = hashlib.sha256()
    for file in included(path):
        digest.update(file.read_bytes())
    return f"{path.stem}-{digest.hexdigest()[:12]}"


def included(path: Path) -> list[Path]:
    """The file and those it names with -r."""
    files = [path]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            files += included(path.parent / line[3:].strip())
    return files


def torch_line(requirements: str) -> str:
    """The pinned torch requirement."""
    lines = [line for file in included(ROOT / requirements) for line in file.read_text(encoding="utf-8").splitlines()]
    return next(line.strip() for line in lines if line.startswith("torch=="))


def has_gpu() -> bool:
    """True where an NVIDIA device node exists."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def warn_of_a_gpu_build(requirements: str) -> None:
    """Say what would be downloaded when torch's GPU build is about to come to a machine without a GPU."""
    if has_gpu() or installed("torch"):
        return
    command = [PYTHON, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", torch_line(requirements)]
    plan = subprocess.run(command, capture_output=True, text=True, check=False)
    if plan.returncode:
        return  # the install itself will say what is wrong
    start = plan.stdout.find("{")
    packages = json.loads(plan.stdout[start:])["install"] if start >= 0 else []
    gpu = [p for p in packages if p["metadata"]["name"].startswith(("nvidia", "triton", "cuda"))]
    if not gpu:
        return
    sizes = [size_of(p["download_info"]["url"]) for p in packages]
    total = f"about {sum(sizes) / 1e9:.1f} GB" if all(sizes) else "several GB"
    say(
        f"No GPU was found here, but the package index offers torch's GPU build: {total} to download, "
        f"{len(gpu)} packages of it useless on this machine. To get the CPU build instead, stop now (Ctrl-C), point "
        "PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS at PyTorch's CPU wheels, and run the command again."
    )
    if sys.stdin.isatty():
        input("Press Enter to download it all the same: ")


def installed(name: str) -> bool:
    """True when the environment already has the package."""
    check = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([PYTHON, "-c", check], check=False).returncode == 0


def size_of(url: str) -> int:
    """Bytes behind a download address; 0 when they cannot be told."""
    if url.startswith("file:"):
        path = Path(url.removeprefix("file://"))
        return path.stat().st_size if path.exists() else 0
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=20) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except (urllib.error.URLError, OSError, ValueError):
        return 0


def say(text: str) -> None:
    """One line to the person at the terminal."""
    sys.stderr.write(text + os.linesep)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "requirements.txt"))
