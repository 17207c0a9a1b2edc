"""What is kept so as not to be made again, when examples are removed: rows by example go, others' inputs stay."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.jobs import rundir
from studio.records import RunSpec, RunStatus
from studio.workflows import purge_files


def run_of(workspace, run_id: str, corpus_id: str, state: str, **inputs: str) -> None:
    spec = RunSpec(run_id=run_id, kind="measure", title="", created_at="", created_by="t", corpus_id=corpus_id,
                   inputs=inputs)  # fmt: skip
    rundir.write_status(rundir.create(workspace.runs, spec), RunStatus(state))


def test_rows_by_example_go_and_what_a_run_of_another_corpus_reads_stays(workspace):
    place = workspace.cache / "measure"
    mine, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    run_of(workspace, mine, "c1", "done", given="cache/measure/given-mine.parquet")
    run_of(workspace, other, "c2", "stopped", given="cache/measure/given-theirs.parquet",
           folder=f"cache/proof/{other}")  # fmt: skip
    rows = pd.DataFrame({"example_id": [1, 2], "label": ["a", "b"]})
    for folder in (place, workspace.cache / "proof" / mine, workspace.cache / "proof" / other):
        folder.mkdir(parents=True)
    for name in ("given-mine", "given-theirs", "judged-x"):
        rows.to_parquet(place / f"{name}.parquet")
    for run_id in (mine, other):
        rows.to_parquet(workspace.cache / "proof" / run_id / "rows.parquet")
        np.save(workspace.cache / "proof" / run_id / "knn_idx.npy", np.zeros((2, 1), np.int32))
    pd.DataFrame({"text": ["a goal"]}).to_parquet(place / "goal.parquet")
    found = {item["path"]: item["action"] for item in purge_files._cache(workspace, {"c1"}, {"s1"})}
    assert {path for path, action in found.items() if action == "delete"} == {
        "cache/measure/given-mine.parquet", "cache/measure/judged-x.parquet",
        f"cache/proof/{mine}/rows.parquet", f"cache/proof/{mine}/knn_idx.npy",
    }  # fmt: skip
    assert set(found.values()) == {"delete", "redact"} and len(found) == 8
