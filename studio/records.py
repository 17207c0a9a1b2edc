"""The nouns of the studio: frozen dataclasses without I/O, shared by every package."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from studio.batches import Array as Array
from studio.batches import Batch as Batch
from studio.batches import Knn as Knn
from studio.batches import Measure as Measure

VIEWS: tuple[str, ...] = ("relevance", "diversity", "difficulty", "quality")
SPLITS: tuple[str, ...] = ("pool", "train", "validation", "test")
LANGUAGES: tuple[str, ...] = ("en", "zh")
MAX_EXAMPLE_ID = 2**53
SCORER = "scorer_"  # how the names of measures by a scorer model of the host begin


# --- people -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Actor:
    """Who acts; `verified` is False for a name a browser declared itself."""

    name: str
    role: str
    verified: bool = False


# --- corpora ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class TaskType:
    """A kind of supervised task; `roles` are the role fields a snapshot of it fills."""

    name: str
    roles: tuple[str, ...]
    label_role: str | None
    built: bool


TASK_TYPES: tuple[TaskType, ...] = (
    TaskType("classification", ("text", "label"), "label", True),
    TaskType("classification_multi", ("text", "labels"), "labels", False),
    TaskType("token_classification", ("tokens", "tags", "spans"), "spans", False),
    TaskType("seq2seq", ("prompt", "completion"), "completion", False),
    TaskType("prompt_completion", ("prompt", "completion"), "completion", False),
    TaskType("generative_qa", ("context", "prompt", "completion"), "completion", False),
    TaskType("instruction", ("prompt", "context", "completion"), "completion", False),
    TaskType("chat", ("messages",), "messages", False),
    TaskType("preference", ("prompt", "completion", "rejected", "label"), "rejected", False),
    TaskType("masked_lm", ("text",), None, False),
)


@dataclass(frozen=True)
class Snapshot:
    """A frozen version of a corpus; `snapshot_id` is the first 16 hex digits of its content hash."""

    snapshot_id: str
    corpus_id: str
    name: str
    language: str
    task: str
    n_examples: int
    n_rejects: int
    groups: tuple[str, ...]
    label_names: tuple[str, ...]
    columns: tuple[str, ...]
    created_at: str
    created_by: str
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group_columns(self) -> tuple[str, ...]:
        """Column names of the group attributes in the Parquet file."""
        return tuple(f"group_{name}" for name in self.groups)


@dataclass(frozen=True)
class Condition:
    """One clause of a filter on examples; clauses are joined by AND.

    `op` is eq, ne, in, lt, le, gt, ge, contains (case-insensitive), isnull or notnull. The store maps columns through
    an allow-list and binds every value, so a condition may come straight from a URL.
    """

    column: str
    op: str
    value: Any = None


def conditions_to_text(conditions: Sequence[Condition]) -> str:
    """A filter as compact JSON for a URL; empty text for no clause."""
    if not conditions:
        return ""
    return json.dumps([[c.column, c.op, c.value] for c in conditions], ensure_ascii=False, separators=(",", ":"))


def conditions_from_text(text: str) -> tuple[Condition, ...]:
    """The inverse of `conditions_to_text`; anything unreadable gives no clause (a URL is untrusted)."""
    try:
        rows = json.loads(text) if text else []
        return tuple(Condition(str(c), str(op), value) for c, op, value in rows)
    except (ValueError, TypeError):
        return ()


# --- identity terms ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Term:
    """One word or phrase that names whom a text speaks of.

    axis: what kind of identity (gender, religion ...); group: which one. match is `word` (stands by itself) or
    `substring` (scripts without spaces, by longest match). is_ambiguous: often means something else.
    """

    term: str
    axis: str
    group: str
    match: Literal["word", "substring"]
    is_ambiguous: bool = False
    note: str = ""


@dataclass(frozen=True)
class Lexicon:
    """The identity terms of one language with where they come from and who read them.

    struck: single hits that somebody read and found false, as (term as `studio.lexicons.key_of` writes it, example_id).
    """

    language: str
    terms: tuple[Term, ...]
    source: str
    reviewer: str
    struck: tuple[tuple[str, int], ...] = ()


# --- audits (measures and what they look at: studio.batches) ----------------------------------------------------------
@dataclass(frozen=True)
class Finding:
    """One plain sentence about a corpus with its number, its interval and the way to its examples.

    `key` and `values` make the sentence through the words catalogue: `t(key, **values)`. `estimate`, `low`, `high` are
    in `unit`; `q` is the BH-FDR corrected p-value; `alarm` is True only when q < 0.05 and the effect is above
    `threshold`; `smallest_effect` is the smallest effect these counts could have shown. `examples` is the filter that
    leads to the rows, or `example_ids` names them.
    """

    audit: str
    key: str
    values: Mapping[str, Any]
    n: int
    estimate: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    p: float | None = None
    q: float | None = None
    threshold: float | None = None
    smallest_effect: float | None = None
    alarm: bool = False
    examples: tuple[Condition, ...] = ()
    example_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class AuditResult:
    """All findings of one audit (most urgent first), the table behind them, and notes as words keys."""

    audit: str
    findings: tuple[Finding, ...]
    table: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """A finding per corpus; `compute(frame, ...)` takes a pandas frame of examples. `title` is a words key."""

    name: str
    title: str
    needs: tuple[str, ...]
    paper: str
    compute: Callable[..., AuditResult]


# --- selection --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Pool:
    """What a strategy chooses from; row i of every array is the same example, ids are strictly increasing.

    scores (n,) float64 weighted score, NaN = left out; unit (n, 4) float32 by VIEWS; clusters (n,) int;
    groups name -> (n,) int codes (-1 = missing); probs (n, c); embeddings (n, d); chosen = row mask of the examples
    already annotated.
    """

    ids: Array
    scores: Array
    unit: Array | None = None
    clusters: Array | None = None
    groups: Mapping[str, Array] = field(default_factory=dict)
    probs: Array | None = None
    embeddings: Array | None = None
    knn: Knn | None = None
    texts: Sequence[str] | None = None
    chosen: Array | None = None


@dataclass(frozen=True)
class Selection:
    """Chosen ids in pick order with a reason each, and the reason of every rejected id.

    reasons[i] belongs to ids[i]; rejected maps id -> true reason code (below_threshold, over_budget, cap:<axis>:<key>,
    near_duplicate_of:<id>, no_score:<view>). order (n,) is what the strategy walked down, the higher the earlier, NaN =
    may not be picked; None for strategies that walk no order.
    """

    ids: Array
    reasons: tuple[str, ...]
    rejected: Mapping[int, str] = field(default_factory=dict)
    order: Array | None = None


@dataclass(frozen=True)
class Strategy:
    """A rule that picks; `pick(pool, budget, rng)` gives exactly min(budget, usable pool) ids, ties by id."""

    name: str
    title: str
    needs: tuple[str, ...]
    paper: str
    pick: Callable[..., Selection]


# --- annotation -------------------------------------------------------------------------------------------------------
ANNOTATION_EVENTS: tuple[str, ...] = ("label", "skip", "note", "undo")


@dataclass(frozen=True)
class AnnotationEvent:
    """One thing a person (or the simulated annotator) said about an example; never changed once stored.

    `event_id` is a UUID made by the client, so the same press sent twice is one row. `payload` is versioned JSON:
    {"version": 1, "kind": "class", "value": ...} for a label, {"version": 1, "kind": "note", "value": ...} for a note.
    An undo names the event it takes back in `supersedes`; a redo is a new event. `split` is where a label of a pool
    example goes: train or validation. `seq` and `created_at` (UTC ISO text) are given by the store.
    """

    event_id: str
    corpus_id: str
    snapshot_id: str
    example_id: int
    row_hash: str
    event: str
    actor: str
    role: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    supersedes: str | None = None
    split: str | None = None
    selection_id: str | None = None
    suggestion: Mapping[str, Any] | None = None
    simulated: bool = False
    duration_ms: int | None = None
    seq: int = 0
    created_at: str = ""

    @property
    def label(self) -> str | None:
        """The class this event gives; None for every other event."""
        value = self.payload.get("value") if self.event == "label" else None
        return None if value is None else str(value)


# --- runs -------------------------------------------------------------------------------------------------------------
RUN_STATES: tuple[str, ...] = (
    "queued",
    "starting",
    "running",
    "stopping",
    "done",
    "stopped",
    "cancelled",
    "failed",
    "crashed",
)
FINAL_STATES: frozenset[str] = frozenset({"done", "stopped", "cancelled", "failed", "crashed"})
REASONS: tuple[str, ...] = (
    "oom_gpu",
    "oom_host",
    "disk_full",
    "data_error",
    "metric_error",
    "config_error",
    "killed",
    "unknown",
)


@dataclass(frozen=True)
class RunSpec:
    """The frozen input of a run, saved as spec.json; never changed after it is written.

    `params` is JSON; `inputs` maps a name to a path relative to the workspace; `slot` is cpu, gpu or free (serve and
    other light runs that do not queue); `ticket` orders the queue.
    """

    run_id: str
    kind: str
    title: str
    created_at: str
    created_by: str
    corpus_id: str | None = None
    snapshot_id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    slot: str = "cpu"
    ticket: int = 0
    code_version: str = ""


@dataclass(frozen=True)
class RunStatus:
    """What the newest attempt says of itself (status.json), with times as UTC ISO text and seconds as floats."""

    state: str
    attempt: int = 1
    step: int = 0
    total: int = 0
    message: str = ""
    eta_s: float | None = None
    heartbeat: float | None = None
    pid: int | None = None
    pid_started: float | None = None
    boot_id: str = ""
    started_at: str = ""
    finished_at: str = ""
    reason: str = ""
    advice: str = ""
    checkpoint: str = ""
    device: str = ""

    @property
    def is_final(self) -> bool:
        """True when no further change of this attempt is possible."""
        return self.state in FINAL_STATES
