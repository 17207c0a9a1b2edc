"""Run kind `find`: rows found in other corpora as a snapshot of a corpus of their own, each knowing where it is from.

params: sources (list of {input, corpus_id, snapshot_id, ids, splits}) in any order, order (list of [source, id] in the
order of the hits), language, task, lineage. inputs: one Parquet per source. result/: snapshots/<id>/.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from studio.corpus.schema import CONTEXT_FIELDS, GROUP_PREFIX, ROLE_FIELDS, SnapshotWriter
from studio.errors import CorpusError
from studio.jobs.task import Task

log = logging.getLogger(__name__)
_ONLY_THERE = frozenset({"split", "parent_id"})  # what belongs to the corpus a row comes from


def run(task: Task) -> dict[str, Any]:
    """Copy the rows under new ids, in the order of the hits.

    Raises:
        CorpusError: a row that is not there any more.
    """
    params = task.spec.params
    task.progress(0, len(params["order"]), "find.run.copying")
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    groups: list[str] = []
    for number, source in enumerate(params["sources"]):
        task.barrier("find_read")
        task.check_stop()
        table = pq.read_table(task.input_path(source["input"]))
        table = table.filter(pc.is_in(table["example_id"], pa.array(source["ids"], pa.int64())))
        names = [name.removeprefix(GROUP_PREFIX) for name in table.column_names if name.startswith(GROUP_PREFIX)]
        groups += [name for name in names if name not in groups]
        for row in table.to_pylist():
            rows[number, row["example_id"]] = row
    writer = SnapshotWriter(task.result_dir / "snapshots", groups=groups, task=params["task"])
    try:
        for place, (number, example_id) in enumerate(params["order"]):
            source = params["sources"][number]
            if (number, example_id) not in rows:
                raise CorpusError("An example is not there any more", got=f"{source['snapshot_id']}: {example_id}",
                                  fix="Search again.")  # fmt: skip
            writer.append(place, _copy(rows[number, example_id], source))
            if place % 1_000 == 0:
                task.check_stop()
                task.progress(place, len(params["order"]), "find.run.copying")
        manifest = writer.finish(language=params["language"], lineage=params["lineage"], sources=[], rejects={},
                                 n_rejects=0)  # fmt: skip
    except BaseException:
        writer.abandon()
        raise
    n = int(manifest["n_examples"])
    task.progress(n, n, "find.run.copying")
    log.info("find snapshot=%s n=%d sources=%d", manifest["snapshot_id"], n, len(params["sources"]))
    return {"snapshot_id": manifest["snapshot_id"], "n_examples": n, "next_example_id": n}


def _copy(row: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """The row without what belongs to its old corpus, with where it comes from in `meta`."""
    kept = {name: row[name] for name in row if name in ROLE_FIELDS or name.startswith(GROUP_PREFIX)
            or (name in CONTEXT_FIELDS and name not in _ONLY_THERE)}  # fmt: skip
    meta = json.loads(row["meta"]) if row.get("meta") else {}
    number = row["example_id"]
    meta |= {"from_corpus": source["corpus_id"], "from_snapshot": source["snapshot_id"], "from_example": number}
    meta["from_split"] = source["splits"].get(str(number), "pool")
    return kept | {"meta": json.dumps(meta, ensure_ascii=False, sort_keys=True)}
