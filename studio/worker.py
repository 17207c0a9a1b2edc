"""`python -m studio.worker RUN_DIR`: the process of one attempt of one run; it writes its run directory only."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio import settings as studio_settings
from studio.errors import JobError, StudioError
from studio.jobs import failures, files, processes, rundir, slots
from studio.jobs.task import StopRequested, Task
from studio.jobs.watch import ALREADY_RUNNING
from studio.records import RunSpec
from studio.settings import Settings, Workspace

log = logging.getLogger("studio.worker")

# Run kind -> module with `run(task)`. Imported only when such a run starts: some load torch.
KINDS: Mapping[str, str] = {
    "import": "studio.tasks.import_corpus",
    "embed": "studio.tasks.embed",
    "map": "studio.tasks.map",
    "measure": "studio.tasks.measure",
    "choose": "studio.tasks.choose",
    "train": "studio.tasks.train",
    "serve": "studio.tasks.serve",
    "dedup": "studio.tasks.dedup",
    "clean": "studio.tasks.clean",
    "export": "studio.tasks.export",
    "encoder": "studio.tasks.encoder",
    "probe": "studio.tasks.probe",
    "purge": "studio.tasks.purge",
    "find": "studio.tasks.find",
    "hub": "studio.tasks.hub",
    "diversity": "studio.tasks.diversity",
    "audit": "studio.tasks.audit",
    "counterfactual": "studio.tasks.counterfactual",
    "choice_audit": "studio.tasks.choice_audit",
    "proof": "studio.tasks.proof",
    "proof_test": "studio.tasks.proof_test",
    "tune": "studio.tasks.tune",
    "score": "studio.tasks.score",
}
OK, UNUSABLE = 0, 4
_RESERVE_BYTES = 64 * 1024


def main(arguments: list[str] | None = None) -> int:
    """Do one attempt of the run in RUN_DIR and say by files and exit code how it ended."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        sys.stderr.write("usage: python -m studio.worker RUN_DIR\n")
        return UNUSABLE
    run_dir = Path(given[0]).resolve()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    spec = rundir.read_spec_or_none(run_dir)
    if spec is None or rundir.last_attempt(run_dir) == 0:
        log.error("no readable run in %s", run_dir.name)
        return UNUSABLE
    if (lock := rundir.try_lock(run_dir / ".worker.lock")) is None:
        log.error("run=%s has a worker already", spec.run_id)
        return ALREADY_RUNNING
    try:
        return _attempt(run_dir, spec)
    finally:
        os.close(lock)


def _attempt(run_dir: Path, spec: RunSpec) -> int:
    attempt = rundir.last_attempt(run_dir)
    launch = files.read_json(rundir.attempt_dir(run_dir, attempt) / "launch.json") or {}
    settings = read_settings(launch.get("settings"), run_dir)
    prepare_environment(settings, spec)
    task = Task(
        run_dir,
        spec,
        settings,
        attempt,
        identity=processes.identify(os.getpid()),
        device=_device(launch.get("slot") or spec.slot, settings),
    )
    signal.signal(signal.SIGTERM, lambda *_: task.terminate())
    slot_lock = None
    try:
        _reserve(task)
        task.begin()
        task.barrier("starting")
        slot_lock = _take_slot(settings.workspace, launch.get("slot") or spec.slot)
        return _work(task)
    except StopRequested as stop:
        return _ended_by_request(task, stop)
    except Exception as error:  # the top frame: whatever it is, it is written down
        return _failed(task, error)
    finally:
        if slot_lock is not None:
            os.close(slot_lock)


def _work(task: Task) -> int:
    shutil.rmtree(task.run_dir / "result.tmp", ignore_errors=True)
    shutil.rmtree(task.run_dir / "result", ignore_errors=True)
    task.check_stop()
    task.set_state("running")
    log.info("run=%s attempt=%d kind=%s started", task.spec.run_id, task.attempt, task.spec.kind)
    if task.spec.kind not in KINDS:
        raise JobError("There is no run of that kind", got=task.spec.kind, fix=f"Use one of: {', '.join(KINDS)}.")
    module = importlib.import_module(KINDS[task.spec.kind])
    result = module.run(task)
    task.barrier("before_result")
    folder = task.result_dir
    files.write_json(folder / "result.json", result or {})
    files.sync_tree(folder)
    os.rename(folder, task.run_dir / "result")
    files.sync_folder(task.run_dir)
    _release_reserve(task)
    files.write_json(
        task.attempt_dir / "DONE.json",
        {"at": rundir.utc_now(), "result": result or {}, "files": rundir.manifest(task.run_dir / "result")},
    )
    task.finish("done")
    log.info("run=%s attempt=%d done", task.spec.run_id, task.attempt)
    return OK


def _ended_by_request(task: Task, stop: StopRequested) -> int:
    keep = stop.keep and task.stop_requested() != "cancel"  # a cancel that came while we were stopping wins
    task.set_state("stopping")
    task.barrier("stopping")
    shutil.rmtree(task.run_dir / "result.tmp", ignore_errors=True)
    if not keep:
        rundir.discard(task.run_dir)
    _release_reserve(task)
    task.finish("stopped" if keep else "cancelled")
    log.info("run=%s attempt=%d %s", task.spec.run_id, task.attempt, task.status.state)
    return OK


def _failed(task: Task, error: Exception) -> int:
    _release_reserve(task)
    reason = failures.reason_of(error)
    log.error("run=%s attempt=%d failed reason=%s", task.spec.run_id, task.attempt, reason)
    text = "".join(traceback.format_exception(error))
    sys.stderr.write(text)
    parts = failures.three_parts(error)
    shutil.rmtree(task.run_dir / "result.tmp", ignore_errors=True)
    try:
        files.write_json(
            task.attempt_dir / "FAILED.json",
            {"at": rundir.utc_now(), "reason": reason, "type": type(error).__name__, "traceback": text, **parts},
        )
        task.finish("failed", reason=reason, advice=rundir.advice_key(reason), message=_line(error))
    except OSError as second:
        log.error("the end of the run could not be written: %s", second)  # the exit code still says why
    return failures.exit_code(reason)


def _line(error: Exception) -> str:
    return (error.line() if isinstance(error, StudioError) else f"{type(error).__name__}: {error}")[:300]


def read_settings(record: Any, run_dir: Path) -> Settings:
    """The settings the supervisor launched us with; without them (started by hand) those of the environment."""
    workspace = Workspace(run_dir.parent.parent)
    if not isinstance(record, Mapping):
        return studio_settings.from_environment(workspace=workspace.root)
    known = {name: record[name] for name in asdict(Settings(workspace)) if name in record and name != "workspace"}
    known["model_allow_list"] = tuple(known.get("model_allow_list", ()))
    return Settings(workspace=workspace, **known)


def prepare_environment(settings: Settings, spec: RunSpec) -> None:
    """Set what packages read when they are imported: offline unless the host allows the network, no telemetry."""
    offline = "0" if settings.network else "1"
    os.environ.update(
        HF_HUB_OFFLINE=offline,
        TRANSFORMERS_OFFLINE=offline,
        HF_DATASETS_OFFLINE=offline,
        HF_HUB_DISABLE_TELEMETRY="1",
        DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        WANDB_DISABLED="true",
        TOKENIZERS_PARALLELISM="false",
    )
    if spec.slot != slots.FREE:
        os.nice(5)  # long work yields to the server and to the query worker
    try:
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")  # let the kernel take us, not the server
    except OSError:
        log.debug("oom score not set")


def _device(slot: str, settings: Settings) -> str:
    if slot.startswith(slots.GPU) and settings.device in ("auto", "cuda"):
        return "cuda" if os.environ.get("CUDA_VISIBLE_DEVICES", "x") else "cpu"
    return settings.device if settings.device in ("cpu", "mps") else "cpu"


def _take_slot(workspace: Workspace, slot: str) -> int | None:
    """An extra guard against a second worker on the same device; the kernel frees it on any death."""
    name = "gpu0" if slot == slots.GPU else slot
    path = slots.lock_path(workspace.root, name)
    if path is None:
        return None
    handle = rundir.try_lock(path)
    if handle is None:
        raise JobError("The device is busy with another worker", got=name, fix="Wait for it to end, then resume.")
    return handle


def _reserve(task: Task) -> None:
    """Set a little disk aside, so that a full disk can still be written about."""
    try:
        (task.attempt_dir / ".reserve").write_bytes(b"\0" * _RESERVE_BYTES)
    except OSError as error:
        log.warning("no disk space in reserve: %s", error)


def _release_reserve(task: Task) -> None:
    (task.attempt_dir / ".reserve").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
