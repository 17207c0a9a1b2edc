"""The resident query worker: answers small questions that need a model, one JSON line each, until nobody asks.

Operations: `ping`; `embed` (texts, encoder, fitted_dir relative to the workspace, optional); `match` (examples: Parquet
files relative to the workspace, description, likes, unlikes, depth).
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from studio.corpus import matching
from studio.errors import CorpusError, JobError, StudioError
from studio.jobs.query import SOCKET
from studio.jobs.task import Task
from studio.records import Array

log = logging.getLogger(__name__)
MAX_REQUEST_BYTES = 16 * 1024 * 1024
MAX_TEXTS = 10_000
MAX_DEPTH = 100_000
MAX_INDEXED = 2_000_000  # texts whose words stay in memory; ours: about 1 GB of short texts
_ACCEPT_S = 0.25


def run(task: Task) -> dict[str, Any]:
    """Listen in the run directory until a stop, or until `query_idle_s` seconds passed without a question.

    Each connection has a thread; one question is answered at a time, because the weights and the cores are shared.
    """
    server = Server(task)
    old = os.getcwd()
    os.chdir(task.run_dir)  # a relative name fits into a socket address however long the workspace's path is
    try:
        listener = _listen()
    finally:
        os.chdir(old)
    try:
        server.serve(listener)
    finally:
        (task.run_dir / "leaving").touch()  # nobody new should come to a closing door
        (task.run_dir / SOCKET).unlink(missing_ok=True)
        listener.close()
    task.check_stop()
    return {"n_answered": server.n_answered}


def _listen() -> socket.socket:
    """A listening socket that appears under its name only once it listens."""
    temporary = f".{SOCKET}"
    Path(temporary).unlink(missing_ok=True)
    Path("leaving").unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(temporary)
    os.chmod(temporary, 0o600)
    listener.listen(64)
    os.rename(temporary, SOCKET)
    listener.settimeout(_ACCEPT_S)
    return listener


class Server:
    """Questions in, answers out. Encoders stay loaded between questions."""

    def __init__(self, task: Task) -> None:
        self.n_answered = 0
        self._task = task
        self._turn = threading.Lock()
        self._n_open = 0
        self._last = time.monotonic()
        self._encoders: dict[tuple[str, str], Any] = {}
        self._indexes: dict[str, tuple[int, matching.TextIndex]] = {}
        self._ops: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "ping": self._ping,
            "embed": self._embed,
            "match": self._match,
        }

    def serve(self, listener: socket.socket) -> None:
        """Accept connections until a stop is asked or the idle time is over."""
        while self._task.stop_requested() is None and not self._is_idle():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with self._turn:
                self._n_open += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one request line: `ok` and `result`, or `error` with what, got, fix."""
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise JobError("A question must be a JSON object", got=type(request).__name__, fix="Send an object.")
            op = self._ops.get(str(request.get("op")))
            if op is None:
                raise JobError("The query worker knows no such operation", got=str(request.get("op")),
                               fix=f"Use one of: {', '.join(self._ops)}.")  # fmt: skip
            return {"ok": True, "result": op(request)}
        except StudioError as error:
            return _refusal(error.what, error.got_text(), error.fix)
        except (ValueError, TypeError, KeyError, OSError, RuntimeError, MemoryError, ImportError) as error:
            log.exception("question failed")
            return _refusal("The query worker could not answer", f"{type(error).__name__}: {error}"[:300],
                            "Look at its log on the Runs page.")  # fmt: skip

    def _is_idle(self) -> bool:
        with self._turn:
            return self._n_open == 0 and time.monotonic() - self._last > self._task.settings.query_idle_s

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while line := lines.readline(MAX_REQUEST_BYTES + 1):
                    if len(line) > MAX_REQUEST_BYTES:
                        answer = _refusal("The question is too large", f"over {MAX_REQUEST_BYTES} bytes", "Send less.")
                    else:
                        with self._turn:
                            answer = self.answer(line)
                            self.n_answered += 1
                            self._task.progress(self.n_answered, 0, "runs.message.answering")
                    connection.sendall(json.dumps(answer).encode("ascii") + b"\n")
                    if len(line) > MAX_REQUEST_BYTES:
                        return
        except OSError as error:
            log.info("a client left: %s", error)
        finally:
            with self._turn:
                self._n_open -= 1
                self._last = time.monotonic()

    # --- operations ---------------------------------------------------------------------------------------------------
    def _ping(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"pid": os.getpid(), "encoders": [name for name, _ in self._encoders], "n_answered": self.n_answered}

    def _embed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Unit vectors of typed texts: `vectors` (n lists of d numbers), `dim`, `encoder`."""
        texts = request.get("texts")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise CorpusError("The texts to embed must be a list of strings", got=type(texts).__name__, fix="Send one.")
        if len(texts) > MAX_TEXTS:
            raise CorpusError("That is too much to embed while one waits", got=f"{len(texts)} texts",
                              fix=f"Send up to {MAX_TEXTS}, or start an embedding run.")  # fmt: skip
        encoder = self._encoder(str(request.get("encoder") or ""), str(request.get("fitted_dir") or ""))
        vectors = encoder.encode(texts)
        return {
            "vectors": [[float(value) for value in row] for row in vectors],
            "dim": int(encoder.dim),
            "encoder": f"{encoder.name}@{encoder.version}",
        }

    def _match(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The texts of some snapshots that hold the words of a request best; their counts stay for the next one."""
        paths = [str(path) for path in request.get("examples") or ()]
        depth = min(MAX_DEPTH, max(1, int(request.get("depth") or 1_000)))
        given = [[str(text) for text in request.get(name) or ()] for name in ("likes", "unlikes")]
        weights = matching.query_terms(str(request.get("description") or ""), *given)
        indexes = [self._index(path) for path in paths]
        scores, idf = matching.match(indexes, weights)
        found = []
        for path, score in zip(paths, scores, strict=True):
            best = np.lexsort((np.arange(len(score)), -score))[:depth] if len(score) <= depth else _top(score, depth)
            best = best[score[best] > 0]
            found.append({"path": path, "rows": best.tolist(), "scores": [round(float(v), 4) for v in score[best]]})
        return {"found": found, "terms": {term: round(weights[term] * value, 4) for term, value in idf.items()}}

    def _index(self, path: str) -> matching.TextIndex:
        full = self._inside(path)
        changed = full.stat().st_mtime_ns
        if path in self._indexes and self._indexes[path][0] == changed:
            self._indexes[path] = self._indexes.pop(path)  # the last one used goes last
            return self._indexes[path][1]
        texts = pq.read_table(full, columns=["text"])["text"].to_pylist()
        made = matching.TextIndex.build([text or "" for text in texts])
        self._indexes[path] = (changed, made)
        while len(self._indexes) > 1 and sum(len(index) for _, index in self._indexes.values()) > MAX_INDEXED:
            del self._indexes[next(iter(self._indexes))]
        return made

    def _inside(self, relative: str) -> Path:
        root = self._task.workspace.root.resolve()
        path = (root / relative).resolve()
        if not path.is_relative_to(root):
            raise JobError("The file lies outside the workspace", got=relative, fix="Name a file of snapshots/.")
        return path

    def _encoder(self, name: str, fitted: str) -> Any:
        key = (name, fitted)
        if key not in self._encoders:
            from studio.models.encoders import load_encoder  # heavy: torch is loaded with the first text, not before

            self._encoders[key] = load_encoder(name, self._task.settings, fitted_dir=self._fitted_dir(fitted))
        return self._encoders[key]

    def _fitted_dir(self, fitted: str) -> Path | None:
        if not fitted:
            return None
        root = self._task.workspace.root.resolve()
        path = (root / fitted).resolve()
        if not path.is_relative_to(root):
            raise JobError("The folder lies outside the workspace", got=fitted, fix="Name a folder of vectors/.")
        return path


def _top(score: Array, depth: int) -> Array:
    """Places of the `depth` largest scores, best first, ties by place."""
    edge = np.partition(score, len(score) - depth)[len(score) - depth]
    near = np.flatnonzero(score >= edge)
    return near[np.lexsort((near, -score[near]))][:depth]


def _refusal(what: str, got: str, fix: str) -> dict[str, Any]:
    return {"ok": False, "error": {"what": what, "got": got, "fix": fix}}
