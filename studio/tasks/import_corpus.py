"""Run kind `import`: files (or the built-in demo) into a snapshot folder, with limits, rejects kept."""

from __future__ import annotations

import logging
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio import demo
from studio.corpus.importing import Choices, ImportResult, Source, import_files
from studio.corpus.reading import opening
from studio.corpus.roles import Roles, split_word
from studio.corpus.schema import TooManyLabels
from studio.errors import CorpusError
from studio.jobs.task import Task

log = logging.getLogger(__name__)
REJECTS = "rejects.jsonl"
SNAPSHOTS = "snapshots"
DEMO_FILE = "demo.jsonl"
_MEMORY_BYTES = 8 * 1024**3
_CPU_SECONDS = 900
_CPU_SECONDS_PER_GIB = 900
_PACKED_TIMES = 20  # ours: text packs about 5 times, tables of few values 20 times
_TICKS = 1_000


def run(task: Task) -> dict[str, Any]:
    """Import what the parameters name and leave result/{snapshots/<id>/..., rejects.jsonl}.

    Parameters: `files` (list of {input, name, header, choices}) or `demo` ({language, seed, n}), `roles`, `language`
    or null, `split` ({method, ...}), `split_by_file`, `next_example_id`. Inputs named `earlier_<n>` are snapshots of
    the same corpus, whose rows keep their ids.

    Raises:
        CorpusError: what `import_files` raises, or a chosen split column that names no split.
    """
    params = task.spec.params
    sources = _demo(task, params["demo"]) if params.get("demo") else _sources(task, params["files"])
    _limit(sum(_bytes_to_read(source) for source in sources))

    def on_progress(done: int, total: int, name: str) -> None:
        task.barrier("reading")
        task.check_stop()
        task.progress(done, total, name)

    task.barrier("import")
    result, is_relabelled = _imported(
        sources,
        Roles.from_json(params["roles"]),
        task.result_dir / SNAPSHOTS,
        rejects_path=task.result_dir / REJECTS,
        language=params.get("language"),
        max_text_characters=task.settings.max_text_characters,
        split_by_file=bool(params.get("split_by_file")),
        next_example_id=int(params.get("next_example_id", 0)),
        earlier=[task.input_path(name) for name in sorted(task.spec.inputs) if name.startswith("earlier_")],
        on_progress=on_progress,
    )
    _check_split(params, result)
    log.info("import examples=%d rejects=%d snapshot=%s", result.n_examples, result.n_rejects, result.snapshot_id)
    task.progress(_TICKS, _TICKS)
    return {
        "snapshot_id": result.snapshot_id,
        "n_records": result.n_records,
        "n_examples": result.n_examples,
        "n_rejects": result.n_rejects,
        "n_known": result.n_known,
        "rejects": dict(result.rejects),
        "sources": [dict(source) for source in result.sources],
        "warnings": [*result.warnings, *(["too_many_labels"] if is_relabelled else [])],
        "next_example_id": result.next_example_id,
    }


def _imported(
    sources: list[Source], roles: Roles, parent: Path, *, rejects_path: Path, **how: Any
) -> tuple[ImportResult, bool]:
    """The import; a label column with too many values is read again as an ordinary column, which is then said.

    It is a column of names or ids more often than a label, and hours later is a bad time to be told so.
    """
    try:
        return import_files(sources, roles, parent, rejects_path=rejects_path, **how), False
    except TooManyLabels:
        log.warning("too many labels: the label column becomes an ordinary one")
        plain = replace(roles, label=None, labels=(), label_names=())
        return import_files(sources, plain, parent, rejects_path=rejects_path, **how), True


def _sources(task: Task, files: list[dict[str, Any]]) -> list[Source]:
    return [
        Source(task.input_path(file["input"]), file["name"], file.get("header"), Choices.from_json(file.get("choices")))
        for file in files
    ]


def _demo(task: Task, wanted: dict[str, Any]) -> list[Source]:
    """Write the built-in corpus and its truth into the result, then import it like any file."""
    corpus = demo.make(wanted["language"], seed=int(wanted["seed"]), n=int(wanted.get("n") or demo.DEFAULT_SIZE))
    path, _ = demo.write_corpus(corpus, task.result_dir / DEMO_FILE)
    return [Source(path, DEMO_FILE)]


def _check_split(params: dict[str, Any], result: ImportResult) -> None:
    if (params.get("split") or {}).get("method") != "imported":
        return
    words = result.manifest["imported_splits"]
    if not any(split_word(word) for word in words):
        seen = ", ".join(list(words)[:5]) or "no value"
        where = "file names name" if params.get("split_by_file") else "split column names"
        raise CorpusError(f"The {where} no split", got=seen,
                          fix="Use words such as train, dev and test, or choose a random split.")  # fmt: skip


def _bytes_to_read(source: Source) -> int:
    """The size of a file, or of what a packed one may hold."""
    n_bytes = source.path.stat().st_size
    packed = opening.packing_of(source.path, source.name)
    return min(_PACKED_TIMES * n_bytes, opening.UNPACKED_BYTES) if packed else n_bytes


def _limit(n_bytes: int) -> None:
    """Bound what a crafted file can cost: address space, processor time, and no core dump of somebody's texts."""
    gib = n_bytes / 1024**3
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _lower(resource.RLIMIT_AS, int(_MEMORY_BYTES + 4 * n_bytes))
    _lower(resource.RLIMIT_CPU, int(spent + _CPU_SECONDS + _CPU_SECONDS_PER_GIB * gib))
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or value < hard:
        resource.setrlimit(kind, (value, hard))


def truth_path(result: Path) -> Path:
    """Where the truth of an imported demo corpus lies in a result folder."""
    return result / f"{Path(DEMO_FILE).stem}.truth.json"
