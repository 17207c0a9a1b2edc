"""Run the audits over a snapshot: at once where it is small, else as one run; keep what is found, say what is stale."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from studio import audits
from studio.audits import engine, material
from studio.audits.label_sets import labels_of
from studio.errors import MeasureError
from studio.jobs import rundir
from studio.records import Actor, Audit, AuditResult, RunSpec, Snapshot
from studio.store import findings, scores, snapshots
from studio.workflows import audits_copies, audits_inputs, audits_state, runs, starting
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

LABEL_MODES: tuple[str, ...] = ("all", "visible")
AT_ONCE_UP_TO = 5_000  # examples audited while one waits; above it a run does the work (decision 0161)
FREE_UP_TO = 200_000  # examples whose run does not queue behind other work on the processor
NAMES: tuple[str, ...] = tuple(audit.name for audit in audits.AUDITS)


@dataclass(frozen=True)
class AuditReport:
    """Results by audit name, in the order of the catalogue, and what they rest on.

    computed: when each of them was; computed_at: when the oldest of them was.
    stale: what has changed since some of them were computed (labels, reference, lexicon, vectors, map, scores, rules);
    empty when all are of now. older: the audits that rest on the older state. missing: the audits not computed yet.
    """

    results: Mapping[str, AuditResult]
    label_mode: str
    n: int
    n_labelled: int
    computed: Mapping[str, datetime]
    has_copies: bool
    has_vectors: bool
    has_map: bool
    stale: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def computed_at(self) -> datetime:
        """The moment no result shown is older than."""
        return min(self.computed.values())


def is_small(snapshot: Snapshot) -> bool:
    """True when the audits are computed while one waits."""
    return snapshot.n_examples <= AT_ONCE_UP_TO


@act("audit.run", "viewer", log=False)
def run_audits(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    names: Sequence[str] = NAMES,
    label_mode: str = "all",
) -> AuditReport:
    """The findings of the named audits now; what is kept for this state is read, the rest is computed here.

    Args:
        studio: the open workspace.
        actor: who looks.
        snapshot_id: which snapshot; for a large one `start` is the better way.
        names: names from the catalogue; all by default.
        label_mode: `all` uses the labels as imported, those of the pool included, with annotations on top; `visible`
            only labels outside the pool and annotations.

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: an unknown audit or label mode.
    """
    _check(names, label_mode)
    snapshot = snapshots.require(studio.store, snapshot_id)
    state = audits_state.current(studio, snapshot, label_mode)
    there = _kept(studio, snapshot_id, names, state)
    missing = [name for name in names if name not in there]
    if missing or _basis(studio, snapshot_id, state) is None:
        made, n_labelled = _compute(studio, snapshot, label_mode, missing)
        _keep(studio, snapshot_id, state, made, n_labelled)
    found = _report(studio, snapshot, names, label_mode, state)
    if found is None:
        raise MeasureError("The findings could not be read back", got=snapshot.name, fix="Run the audits again.")
    return found


def report(
    studio: Studio, *, snapshot_id: str, names: Sequence[str] = NAMES, label_mode: str = "all"
) -> AuditReport | None:
    """What is kept of the named audits: of the present state where it is there, else of the newest older one.

    Nothing is computed. None where nothing is kept.

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: an unknown audit or label mode.
    """
    _check(names, label_mode)
    snapshot = snapshots.require(studio.store, snapshot_id)
    return _report(studio, snapshot, names, label_mode, audits_state.current(studio, snapshot, label_mode))


def _report(
    studio: Studio, snapshot: Snapshot, names: Sequence[str], label_mode: str, state: audits_state.State
) -> AuditReport | None:
    snapshot_id = snapshot.snapshot_id
    basis = _basis(studio, snapshot_id, state) or findings.newest(
        studio.store, snapshot_id, f"basis_{label_mode}", audits.VERSION
    )
    if basis is None:
        return None
    before = json.loads(basis[0].table["state"].iloc[0])
    now = _kept(studio, snapshot_id, names, state)
    old = _kept(studio, snapshot_id, [name for name in names if name not in now], before)
    found = {name: (now | old)[name] for name in NAMES if name in now or name in old}
    older = tuple(name for name in names if name in old)
    if not found:
        return None
    around = scores.surroundings(studio.store, snapshot_id)
    return AuditReport(
        results={name: result for name, (result, _) in found.items()},
        label_mode=label_mode,
        n=snapshot.n_examples,
        n_labelled=int(basis[0].table["n_labelled"].iloc[0]),
        computed={name: moment for name, (_, moment) in found.items()},
        has_copies=audits_copies.read(studio, snapshot_id) is not None,
        has_vectors=around.encoder_key is not None,
        has_map=around.map_id is not None,
        stale=audits_state.changes(before, state) if older else (),
        older=older,
        missing=tuple(name for name in names if name not in found),
    )


def is_kept(studio: Studio, *, snapshot_id: str, label_mode: str = "all") -> bool:
    """True when every audit of this state is already kept, so that looking costs nothing."""
    found = report(studio, snapshot_id=snapshot_id, label_mode=label_mode)
    return found is not None and not found.older and not found.missing


# --- as a run ---------------------------------------------------------------------------------------------------------
@act("audit.start", "analyst")
def start(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    names: Sequence[str] = NAMES,
    label_mode: str = "all",
    run_id: str | None = None,
) -> str:
    """Queue one run of the named audits that are not of the present state; returns its id (of a live one, if any).

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: an unknown audit or label mode.
        JobError: the run cannot be written.
    """
    _check(names, label_mode)
    snapshot = snapshots.require(studio.store, snapshot_id)
    return starting.once(
        studio,
        kind="audit",
        snapshot_id=snapshot_id,
        live=lambda: live(studio, snapshot_id=snapshot_id, label_mode=label_mode),
        start=lambda: _start(studio, actor, snapshot, names, label_mode, run_id or str(uuid.uuid4())),
    )


def _start(studio: Studio, actor: Actor, snapshot: Snapshot, names: Sequence[str], label_mode: str, run_id: str) -> str:
    snapshot_id, root = snapshot.snapshot_id, studio.workspace.root
    state = audits_state.current(studio, snapshot, label_mode)
    there = _kept(studio, snapshot_id, names, state)
    missing = [name for name in names if name not in there] or list(names)
    with starting.inputs(studio, audits_inputs.ROOM, run_id) as place:
        audits_inputs.write(studio, snapshot, label_mode, missing, place)
        inputs = {
            "examples": str(studio.workspace.examples_file(snapshot_id).relative_to(root)),
            "given": str(place.relative_to(root)),
            **audits_state.vectors_in_use(scores.surroundings(studio.store, snapshot_id), missing),
        }
        params = {"names": missing, "state": state, "version": audits.VERSION}
        return runs.submit(studio, actor, kind="audit", title=snapshot.name, params=params, inputs=inputs,
                           snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, seed=audits_inputs.SEED,
                           slot="free" if snapshot.n_examples <= FREE_UP_TO else None, run_id=run_id)  # fmt: skip


def live(studio: Studio, *, snapshot_id: str, label_mode: str) -> RunView | None:
    """The run of the audits that is queued or at work for this choice of labels, or None."""
    views = runs.overview(studio, limit=0, kinds=("audit",), snapshot_id=snapshot_id)
    return next((view for view in views if view.is_live and _mode(view) == label_mode), None)


def last_ended(studio: Studio, *, snapshot_id: str, label_mode: str) -> RunView | None:
    """The newest run of the audits where it did not end well; None where it did or there is none."""
    views = runs.overview(studio, limit=20, kinds=("audit",), snapshot_id=snapshot_id)
    newest = next((view for view in views if _mode(view) == label_mode), None)
    ended_well = newest is None or newest.is_live or (newest.status.state == "done" and not newest.trouble)
    return None if ended_well else newest


def _mode(view: RunView) -> str:
    return str(view.spec.params.get("state", {}).get("mode", ""))


def finish_audit(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the findings of a done run over, under the version of the rules it worked by; may be called again."""
    names = [str(name) for name in spec.params["names"]]
    files = [f"{name}.json" for name in names]
    result = rundir.check_result(run_dir, *files)
    audits_copies.take_over(studio, str(spec.snapshot_id), result, spec)
    made = [findings.from_json((result / file).read_text(encoding="utf-8")) for file in files]
    n_labelled = int(rundir.read_result(run_dir)["n_labelled"])
    version = int(spec.params.get("version", 0))
    _keep(studio, str(spec.snapshot_id), spec.params["state"], made, n_labelled, version)
    starting.drop(studio, audits_inputs.ROOM, spec.run_id)


# --- keeping ----------------------------------------------------------------------------------------------------------
def _check(names: Sequence[str], label_mode: str) -> None:
    unknown = [name for name in names if name not in NAMES]
    if unknown or label_mode not in LABEL_MODES:
        raise MeasureError("There is no such audit or choice of labels", got=unknown or label_mode,
                           fix=f"Use {', '.join(NAMES)} with labels {' or '.join(LABEL_MODES)}.")  # fmt: skip


def _audit(name: str) -> Audit:
    return next(audit for audit in audits.AUDITS if audit.name == name)


def _kept(
    studio: Studio, snapshot_id: str, names: Sequence[str], state: audits_state.State
) -> dict[str, tuple[AuditResult, datetime]]:
    """The named audits' results of this very state, as far as they are kept, with their moments."""
    wanted = {(name, audits_state.key(_audit(name), state)): name for name in names}
    found = findings.get_many(studio.store, snapshot_id, audits.VERSION, list(wanted))
    return {wanted[place]: kept for place, kept in found.items()}


def _basis_name(mode: str) -> str:
    return f"basis_{mode}"


def _basis(studio: Studio, snapshot_id: str, state: audits_state.State) -> tuple[AuditResult, datetime] | None:
    key = audits_state.digest(state)
    return findings.get(studio.store, snapshot_id, _basis_name(state["mode"]), audits.VERSION, key)


def _keep(
    studio: Studio,
    snapshot_id: str,
    state: audits_state.State,
    made: Sequence[AuditResult],
    n_labelled: int,
    version: int = audits.VERSION,
) -> None:
    """The results under their keys, then what they rest on: whoever finds the basis finds the results.

    In the same write everything goes that rests on none of the newest states: every annotation makes a new one.
    """
    with studio.store.write():
        for result in made:
            if result.audit in NAMES:  # an audit of a later version of the program may be among an old run's
                key = audits_state.key(_audit(result.audit), state)
                findings.put(studio.store, snapshot_id, version, key, result)
        table = pd.DataFrame({"n_labelled": [n_labelled], "state": [json.dumps(state, ensure_ascii=False)]})
        basis = AuditResult(_basis_name(state["mode"]), (), table)
        findings.put(studio.store, snapshot_id, version, audits_state.digest(state), basis)
        if version == audits.VERSION:
            _prune(studio, snapshot_id)


def _prune(studio: Studio, snapshot_id: str) -> None:
    """Leave what the newest states of either choice of labels rest on; a result that several share stays with them."""
    store, kept = studio.store, set[tuple[str, str]]()
    for name in map(_basis_name, LABEL_MODES):
        places = [(name, one) for one in findings.states(store, snapshot_id, name, audits.VERSION,
                                                         findings.KEPT_STATES)]  # fmt: skip
        kept.update(places)
        for basis, _ in findings.get_many(store, snapshot_id, audits.VERSION, places).values():
            state = json.loads(basis.table["state"].iloc[0])
            kept.update((audit.name, audits_state.key(audit, state)) for audit in audits.AUDITS)
    names = (*NAMES, *map(_basis_name, LABEL_MODES))
    findings.keep_only(store, snapshot_id, audits.VERSION, names, kept)


def _compute(
    studio: Studio, snapshot: Snapshot, label_mode: str, names: Sequence[str]
) -> tuple[list[AuditResult], int]:
    """The same files and the same functions a run uses, here and now."""
    audits_copies.make(studio, snapshot.snapshot_id)
    with tempfile.TemporaryDirectory(prefix=".audit-", dir=studio.workspace.cache) as name:
        place = Path(name)
        audits_inputs.write(studio, snapshot, label_mode, names, place)
        around = scores.surroundings(studio.store, snapshot.snapshot_id)
        file = studio.workspace.examples_file(snapshot.snapshot_id)
        frame, context = material.read(file, place, **audits_inputs.paths(studio, names, around))
    made = list(engine.run_each([audit for audit in audits.AUDITS if audit.name in names], frame, context))
    return made, labels_of(frame).n
