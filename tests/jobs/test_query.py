"""The resident query worker: started by a question, gone after its idle time, killed without harm."""

from __future__ import annotations

import json
import shutil
import socket
import threading

import pytest

from studio.errors import JobError
from studio.jobs import query, rundir
from studio.jobs.query import ask
from studio.jobs.supervisor import Supervisor
from studio.settings import Settings, Workspace
from studio.tasks.serve import MAX_TEXTS
from tests.jobs.harness import QUICK, kill, kill_workers, until


@pytest.fixture
def serving(tmp_path):
    """A supervisor on a workspace whose path is too long for a socket address, with a short idle time."""
    workspace = Workspace(tmp_path / ("long" * 30)).make()
    with Supervisor(Settings(workspace, device="cpu", query_idle_s=60.0), timing=QUICK) as supervisor:
        yield supervisor
        for run_dir in rundir.list_runs(workspace.runs):
            supervisor.stop(run_dir.name)
            supervisor.wait(run_dir.name, 30)
    kill_workers(workspace)


def _worker(supervisor):
    (run_dir,) = rundir.list_runs(supervisor.settings.workspace.runs)
    return run_dir


def test_one_worker_answers_many_threads(serving):
    pids = []
    threads = [threading.Thread(target=lambda: pids.append(ask(serving, {"op": "ping"})["pid"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 8 and len(set(pids)) == 1
    assert rundir.read_status(_worker(serving)).state == "running"


def test_refusals_keep_their_three_parts(serving):
    with pytest.raises(JobError, match="no such operation: got dance. Use one of: ping, embed"):
        ask(serving, {"op": "dance"})
    with pytest.raises(JobError, match="list of strings"):
        ask(serving, {"op": "embed", "encoder": "lexical", "texts": "one"})
    with pytest.raises(JobError, match="outside the workspace"):
        ask(serving, {"op": "embed", "encoder": "lexical", "fitted_dir": "../..", "texts": ["a"]})
    with pytest.raises(JobError, match="too much to embed"):
        ask(serving, {"op": "embed", "encoder": "lexical", "texts": ["a"] * (MAX_TEXTS + 1)})
    assert ask(serving, {"op": "ping"})["n_answered"] == 4


def test_a_line_that_is_no_question_is_refused_and_the_connection_stays(serving):
    ask(serving, {"op": "ping"})
    with query.socket_address(_worker(serving)) as address, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        lines = connection.makefile("rwb")
        for bad in (b"{", b"[1]", b'{"op": 3}'):
            lines.write(bad + b"\n")
            lines.flush()
            assert json.loads(lines.readline())["ok"] is False


def test_a_killed_worker_is_replaced_by_the_next_question(serving):
    first = ask(serving, {"op": "ping"})["pid"]
    run_dir = _worker(serving)
    kill(first)
    assert ask(serving, {"op": "ping"})["pid"] != first
    assert serving.wait(run_dir.name, 30).state == "crashed"


def test_an_idle_worker_leaves_and_its_traces_go_with_the_next(tmp_path):
    workspace = Workspace(tmp_path / "w").make()
    with Supervisor(Settings(workspace, device="cpu", query_idle_s=0.2), timing=QUICK) as supervisor:
        ask(supervisor, {"op": "ping"})
        first = _worker(supervisor)
        status = supervisor.wait(first.name, 30)
        assert status.state == "done"
        assert not (first / query.SOCKET).exists()
        ask(supervisor, {"op": "ping"})
        assert not first.exists()
        supervisor.wait(_worker(supervisor).name, 30)
    shutil.rmtree(workspace.root)


def test_a_worker_that_cannot_start_is_said(serving, monkeypatch):
    monkeypatch.setattr("studio.jobs.query.SOCKET", "never.sock")
    thread = threading.Thread(
        target=lambda: [serving.stop(until(lambda: rundir.list_runs(serving.settings.workspace.runs), "it")[0].name)]
    )
    thread.start()
    with pytest.raises(JobError, match="could not be started"):
        ask(serving, {"op": "ping"}, timeout=30)
    thread.join()


def test_without_a_supervisor_nobody_waits(workspace):
    with pytest.raises(JobError, match="Nobody supervises"):
        ask(Supervisor(Settings(workspace)), {"op": "ping"}, timeout=30)


def test_a_killed_worker_that_still_looks_alive_is_not_asked_twice(serving, monkeypatch):
    """For some milliseconds after SIGKILL a process stands in the table as running while its socket refuses.

    Both tries went to it, and the question was lost.
    """
    first = ask(serving, {"op": "ping"})["pid"]
    kill(first)
    monkeypatch.setattr(query, "is_alive", lambda identity: True)
    assert ask(serving, {"op": "ping"})["pid"] != first
