"""Run kind `export`: a snapshot, a selection or the labelled set as the folder a trainer reads.

params: plan (ExportPlan), facts (for the manifest), labels, words (of the card), reveal, in_order, name.
inputs: snapshot (folder), decisions (Parquet: example_id, split, label ...), card (Markdown; may be missing).
result: bundle/ (data, README.md, manifest.json, SHA256SUMS), and bundle.zip where a zip was asked for.
"""

from __future__ import annotations

import logging
from typing import Any

import pyarrow.parquet as pq

from studio.corpus.schema import EXAMPLES, read_manifest
from studio.corpus.writing import bundle, rows
from studio.corpus.writing.plan import ExportPlan
from studio.jobs.task import Task

log = logging.getLogger(__name__)
BUNDLE = "bundle"


def run(task: Task) -> dict[str, Any]:
    """Write the export.

    Raises:
        CorpusError: nothing to write, a row that cannot be written (strict), or the disk refuses.
    """
    params = task.spec.params
    snapshot = task.input_path("snapshot")
    plan = ExportPlan.from_json(params["plan"])
    manifest = read_manifest(snapshot) | dict(params.get("manifest") or {})
    source = rows.Source(
        snapshot / EXAMPLES,
        manifest,
        pq.read_table(task.input_path("decisions")),
        reveal=bool(params["reveal"]),
        in_order=bool(params["in_order"]),
    )
    card = task.input_path("card").read_text(encoding="utf-8") if "card" in task.spec.inputs else ""
    folder = task.result_dir / BUNDLE
    folder.mkdir()
    task.barrier("export")

    def on_progress(done: int, total: int) -> None:
        task.check_stop()
        task.progress(done, total)

    made = bundle.write_bundle(source, plan, folder, words=params["words"], facts=params["facts"],
                               labels=tuple(params["labels"]), card=card, progress=on_progress)  # fmt: skip
    name = f"{params['name']}-{made.export_id}"
    result: dict[str, Any] = {"name": name, "n": made.n, "left_out": made.manifest["left_out"]}
    if plan.pack == "zip":
        task.check_stop()
        archive = task.result_dir / f"{name}.zip"
        result["zip_sha256"] = bundle.zip_folder(folder, archive, inside=name)
        result["zip_bytes"] = archive.stat().st_size
    log.info("export n=%d format=%s left_out=%d", made.n, plan.format, made.manifest["n_left_out"])
    return result
