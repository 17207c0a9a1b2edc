"""The worker of a training round is killed for real in every phase; the resumed run ends as an unbroken one."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.jobs import rundir
from studio.jobs.supervisor import Supervisor
from studio.models import classifier
from studio.records import RunSpec
from studio.settings import Settings
from tests.jobs.harness import QUICK, kill, kill_workers
from tests.training.tiny import base_folder, texts

STEPS = 12


@pytest.fixture
def base(tmp_path) -> str:
    return str(base_folder(tmp_path / "tiny"))


@pytest.fixture
def supervisor(workspace, barriers, base, monkeypatch):
    monkeypatch.setenv("STUDIO_MODELS", base)
    made = Supervisor(Settings(workspace, device="cpu", model_allow_list=(base,)), timing=QUICK).start()
    yield made
    made.close()
    kill_workers(workspace)


def spec_of(workspace, base, run_id="round-1", **plan) -> RunSpec:
    """A round of 48 training, 18 validation and 20 pool rows on the tiny base."""
    made, labels, groups = texts(86)
    folder = workspace.root / "inputs" / run_id
    folder.mkdir(parents=True)
    ids = pa.array(range(1, 87), pa.int64())
    pq.write_table(pa.table({"example_id": ids, "text": made, "group_region": groups}), folder / "examples.parquet")
    parts = ["train"] * 48 + ["validation"] * 18 + ["pool"] * 20
    known = [label if part != "pool" else None for label, part in zip(labels, parts, strict=True)]
    pq.write_table(pa.table({"example_id": ids, "part": parts, "label": pa.array(known, pa.string())}),
                   folder / "rows.parquet")  # fmt: skip
    values = {
        "base": base,
        "method": "full",
        "epochs": 3,
        "lr": 5e-3,
        "batch_size": 12,
        "max_length": 48,
        "patience": 0,
    }
    return RunSpec(
        run_id, "train", "Round", rundir.utc_now(), "tester", slot="cpu",
        params={"plan": values | plan, "round_id": run_id, "arm": "selection", "groups": ["region"]},
        inputs={name: f"inputs/{run_id}/{name}.parquet" for name in ("examples", "rows")},
    )  # fmt: skip


def check_whole(workspace, base, run_id) -> dict:
    """The result of a run that is done: a model that loads, predictions of every row, a full series."""
    run_dir = workspace.run_dir(run_id)
    result = rundir.check_result(run_dir)
    report = json.loads((result / "report.json").read_text(encoding="utf-8"))
    predictions = pq.read_table(result / "predictions.parquet")
    assert predictions.num_rows == 38
    loaded = classifier.load(result / "model", allow_list=(base,))
    probs = np.asarray(predictions["probs"].to_pylist())
    np.testing.assert_allclose(probs[:18], loaded.predict_probs(texts(86)[0][48:66]), atol=1e-5)
    evaluations = [row["step"] for row in rundir.metrics(run_dir) if "val_accuracy" in row]
    assert evaluations == sorted(set(evaluations))
    assert evaluations[-1] == report["fit"]["steps"] == STEPS
    return report


@pytest.mark.parametrize(
    ("phase", "has_checkpoint"),
    [
        pytest.param("starting", False, marks=pytest.mark.slow),
        pytest.param("training", False, marks=pytest.mark.slow),
        pytest.param("evaluating", False, marks=pytest.mark.slow),
        ("checkpoint", False),
        pytest.param("scoring", True, marks=pytest.mark.slow),
    ],
)
def test_a_killed_round_is_resumed_to_a_whole_one(phase, has_checkpoint, supervisor, barriers, workspace, base):
    barriers.hold(phase)
    run_id = supervisor.submit(spec_of(workspace, base))
    kill(barriers.reached(phase)["pid"])
    assert supervisor.wait(run_id, 60).state == "crashed"
    assert rundir.has_checkpoint(workspace.run_dir(run_id)) is has_checkpoint
    barriers.release(phase)
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, 60).state == "done"
    report = check_whole(workspace, base, run_id)
    assert bool(report["fit"]["resumed_from"]) is has_checkpoint


@pytest.mark.slow
def test_killed_while_stopping_keeps_the_checkpoint_before_it(supervisor, barriers, workspace, base):
    barriers.hold("stopping")
    barriers.hold("scoring")
    run_id = supervisor.submit(spec_of(workspace, base, epochs=60))
    run_dir = workspace.run_dir(run_id)
    barriers.hold("step")
    barriers.reached("step")
    supervisor.stop(run_id)
    barriers.release("step")
    kill(barriers.reached("stopping")["pid"])
    assert supervisor.wait(run_id, 60).state == "stopped"
    barriers.release("stopping")
    barriers.release("scoring")
    assert not (run_dir / "result").exists()


@pytest.mark.slow
def test_stop_and_keep_says_what_was_kept_and_goes_on_from_there(supervisor, barriers, workspace, base):
    barriers.hold("checkpoint")
    run_id = supervisor.submit(spec_of(workspace, base))
    barriers.reached("checkpoint")
    supervisor.stop(run_id)
    barriers.release("checkpoint")
    status = supervisor.wait(run_id, 60)
    assert status.state == "stopped"
    assert status.checkpoint.startswith("checkpoint-")
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, 60).state == "done"
    report = check_whole(workspace, base, run_id)
    assert report["fit"]["resumed_from"] == status.checkpoint


@pytest.mark.slow
def test_cancel_during_an_evaluation_leaves_nothing(supervisor, barriers, workspace, base):
    barriers.hold("evaluating")
    run_id = supervisor.submit(spec_of(workspace, base))
    barriers.reached("evaluating")
    supervisor.cancel(run_id)
    barriers.release("evaluating")
    assert supervisor.wait(run_id, 60).state == "cancelled"
    assert not rundir.has_checkpoint(workspace.run_dir(run_id))


@pytest.mark.slow
def test_a_full_disk_while_a_checkpoint_is_written_is_named(supervisor, barriers, workspace, base, monkeypatch):
    """RLIMIT_FSIZE of the worker is set between the first steps: the weights no longer fit, as on a full disk."""
    import resource

    barriers.hold("training")
    run_id = supervisor.submit(spec_of(workspace, base))
    pid = barriers.reached("training")["pid"]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))
    barriers.release("training")
    status = supervisor.wait(run_id, 60)
    assert (status.state, status.reason) == ("failed", "disk_full")
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, 60).state == "done"
    check_whole(workspace, base, run_id)
