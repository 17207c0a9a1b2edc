"""Workers under test without the seconds of a fresh interpreter: forked from a process with their modules loaded.

A worker of the app is `python -m studio.worker RUN_DIR`; importing torch or umap costs it 2 to 10 seconds of processor.
Here the same `studio.worker.main` runs in a process of its own too, with its own session, the same short environment,
log, working folder, identity and exit code, and is a child of the test process; only its modules are there already.
tests/jobs, the browser jobs and tests marked `own_process` start workers as the app does.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from studio.jobs import launch, rundir

ROOT = Path(__file__).resolve().parent.parent
SUBREAPER = 36  # prctl: orphans below us become our children
# What a module may read once, when it is imported: another value needs another process.
READ_ONCE = ("OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "TORCH_", "PYTORCH_", "HF_", "MALLOC_", "PYTHON", "STUDIO_NETWORK")
TORCH = ("studio.training.fit", "studio.models.classifier", "studio.models.scorer", "studio.models.language", "torch",
         "transformers", "transformers.models.auto.modeling_auto", "peft")  # fmt: skip
ALSO = {
    "map": ("umap",),
    "train": (*TORCH, "sklearn.linear_model", "sklearn.feature_extraction.text"),
    "embed": ("sklearn.feature_extraction.text",),
    "measure": ("sklearn.linear_model",),
}


def importable(run_dir: str) -> tuple[str, ...]:
    """The modules a run will want: its task's, and those the task loads on its way."""
    from studio.worker import KINDS

    spec = rundir.read_spec_or_none(Path(run_dir))
    return () if spec is None or spec.kind not in KINDS else (KINDS[spec.kind], *ALSO.get(spec.kind, ()))


class Nursery:
    """The process workers are forked from, started with the first of them and ended with this one."""

    def __init__(self, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self.socket, self.lock = ours, threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_workers", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], cwd=ROOT, stdin=subprocess.DEVNULL,
            env=environment | {"NUMBA_THREADING_LAYER": "workqueue"},  # the one that may be forked
        )  # fmt: skip
        theirs.close()

    def fork(self, run_dir: str, environment: dict[str, str], log: int) -> int:
        """A worker of this run; its pid, which is a child of this process."""
        with self.lock:
            libc = ctypes.CDLL(None)
            libc.prctl(SUBREAPER, 1, 0, 0, 0)  # only while the worker is handed up: other orphans go where they went
            try:
                message = json.dumps({"run_dir": run_dir, "env": environment}).encode()
                socket.send_fds(self.socket, [len(message).to_bytes(4, "big") + message], [log])
                return int(_exactly(self.socket, 10))
            finally:
                libc.prctl(SUBREAPER, 0, 0, 0, 0)


def _exactly(sock: socket.socket, n: int) -> bytes:
    got = b""
    while len(got) < n:
        part = sock.recv(n - len(got))
        if not part:
            raise OSError("the process that forks workers is gone")
        got += part
    return got


_nurseries: dict[frozenset, Nursery] = {}
_lock = threading.Lock()


def popen(arguments: list[str], **options: Any) -> subprocess.Popen:
    """What `launch` calls in place of subprocess.Popen."""
    env = options["env"]
    if env.get("STUDIO_NETWORK") == "1" or arguments[1:3] != ["-m", "studio.worker"]:
        return subprocess.Popen(arguments, **options)
    once = frozenset((name, value) for name, value in env.items() if name.startswith(READ_ONCE))
    with _lock:
        if once not in _nurseries:
            if _nurseries:  # a test with an environment of its own
                return subprocess.Popen(arguments, **options)
            _nurseries[once] = Nursery(env)
    pid = _nurseries[once].fork(arguments[3], env, options["stdout"])
    process = object.__new__(subprocess.Popen)
    vars(process).update(
        pid=pid, args=arguments, returncode=None, stdin=None, stdout=None, stderr=None, _child_created=True,
        _waitpid_lock=threading.Lock(), encoding=None, errors=None, text_mode=None, pipesize=-1, _input=None,
        _communication_started=False, _sigint_wait_secs=0.25,
    )  # fmt: skip
    return process


FORKED = SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL)


def use(is_forked: bool) -> None:
    """Let `launch` fork workers, or start them as the app does."""
    launch.subprocess = FORKED if is_forked and sys.platform == "linux" else subprocess


# --- the process workers are forked from --------------------------------------------------------------------------
def serve(sock: socket.socket) -> None:
    """Fork a worker for every message until the other end closes."""
    while True:
        head, handles, *_ = socket.recv_fds(sock, 4, 1)
        if not head:
            return
        request = json.loads(_exactly(sock, int.from_bytes(head + _exactly(sock, 4 - len(head)), "big")))
        _prepare(request["run_dir"])
        reading, writing = os.pipe()
        middle = os.fork()
        if middle == 0:
            if os.fork() == 0:
                os.setsid()
                os.write(writing, f"{os.getpid():010d}".encode())
                _work(request, handles[0])
            os._exit(0)
        os.close(writing)
        os.close(handles[0])
        os.waitpid(middle, 0)  # from here on the worker is a child of the test process
        pid = os.read(reading, 10)
        os.close(reading)
        sock.sendall(pid)


def _prepare(run_dir: str) -> None:
    """Import what the run will want, and have umap compiled before the first map."""
    for name in importable(run_dir):
        if name in sys.modules:
            continue
        try:
            importlib.import_module(name)
            if name == "umap":
                _draw_one_map()
        except Exception:  # the worker meets it too and writes it down
            traceback.print_exc()


def _draw_one_map() -> None:
    import numpy as np

    from studio.mapping.project import MapParams, project
    from studio.records import Knn

    turns = np.linspace(0, 6, 60)
    rows = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)
    far = 1 - rows @ rows.T
    near = np.argsort(far, axis=1, kind="stable")[:, 1:16].astype(np.int32)
    graph = Knn(near, np.take_along_axis(far, near, axis=1).astype(np.float32))
    project(rows, graph, MapParams(), seed=0)


def _work(request: dict[str, Any], log: int) -> None:
    """Be a worker: never returns."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(request["env"])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        sys.argv = ["studio.worker", request["run_dir"]]
        from studio import worker

        code = worker.main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false"
    )
    serve(socket.socket(fileno=int(sys.argv[1])))
