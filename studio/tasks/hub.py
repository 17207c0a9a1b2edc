"""Run kind `hub`: a dataset of the hub into result/rows.jsonl, where the host allows the network.

params: id, config or null, split, most_rows.
"""

from __future__ import annotations

from typing import Any

from studio.corpus import hub
from studio.jobs.task import Task

ROWS = "rows.jsonl"


def run(task: Task) -> dict[str, Any]:
    """Stream the rows down.

    Raises:
        CorpusError: the network is off, or the dataset cannot be read.
    """
    params = task.spec.params
    if not task.settings.network:
        raise hub.offline(str(params["id"]))

    def on_progress(done: int, total: int) -> None:
        task.check_stop()
        task.progress(done, total, params["id"])

    stream = hub.open_stream(params["id"], params.get("config"), params["split"])
    n, is_cut = hub.write_rows(stream, task.result_dir / ROWS, name=params["id"], most_rows=int(params["most_rows"]),
                               most_bytes=task.settings.max_file_bytes, on_progress=on_progress)  # fmt: skip
    return {"n_rows": n, "is_cut": is_cut}
