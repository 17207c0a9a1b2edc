"""Datasets of the hub on their way into a corpus: a run downloads the rows, then they are a file like any other."""

from __future__ import annotations

import os
from pathlib import Path

from studio.corpus import hub
from studio.errors import CorpusError
from studio.jobs import rundir
from studio.records import Actor, RunSpec
from studio.workflows import runs
from studio.workflows.acts import act
from studio.workflows.corpora_files import GivenFile, clean_name
from studio.workflows.studio import Studio


@act("upload.hub", "analyst")
def fetch(
    studio: Studio,
    actor: Actor,
    *,
    dataset_id: str,
    split: str = "train",
    config: str | None = None,
    most_rows: int = hub.MOST_ROWS,
    run_id: str | None = None,
) -> str:
    """Queue the download of one split of a dataset; returns the run's id.

    Raises:
        CorpusError: the network is off, or the id or the number of rows is impossible.
    """
    if not studio.settings.network:
        raise hub.offline(dataset_id)
    found = hub.check_id(dataset_id)
    if not 1 <= most_rows <= hub.MOST_ROWS:
        raise CorpusError("So many rows are not downloaded", got=most_rows, fix=f"Ask for 1 to {hub.MOST_ROWS:,}.")
    params = {"id": found, "config": (config or "").strip() or None, "split": split.strip() or "train",
              "most_rows": most_rows}  # fmt: skip
    return runs.submit(studio, actor, kind="hub", title=found, params=params, run_id=run_id)


def fetched(studio: Studio, run_id: str) -> GivenFile:
    """The file a finished download left, to be looked at and imported.

    Raises:
        CorpusError: it has been imported or removed already.
    """
    path = _place(studio, run_id)
    spec = rundir.read_spec_or_none(studio.workspace.run_dir(path.stem))
    if spec is None or not path.is_file():
        raise CorpusError("The file is not in the workspace any more", got=path.stem, fix="Upload it again.")
    name = clean_name(f"{spec.params['id'].replace('/', '-')}-{spec.params['split']}.jsonl")
    return GivenFile(str(path.relative_to(studio.workspace.root)), name, path.stat().st_size)


def finish_hub(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Move the rows to the spooled uploads; may be called again."""
    target = _place(studio, spec.run_id)
    if not target.exists():
        os.replace(rundir.check_result(run_dir, "rows.jsonl") / "rows.jsonl", target)


def _place(studio: Studio, run_id: str) -> Path:
    return studio.workspace.uploads / f"{Path(run_id).name}.data"
