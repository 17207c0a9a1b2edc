"""Labels that the nearest neighbours contradict."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from studio.audits.context import Context, nothing
from studio.audits.label_sets import Labels, labels_of
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import wilson

NAME = "noise"
AGREE = 0.6  # ours: three fifths of the labelled neighbours' weight on one other label
OWN = 0.1  # ours: and at most a tenth on the label given
MIN_NEIGHBOURS = 5
SHOWN = 500
COLUMNS = ("example_id", "label", "suggested", "suggested_share", "own_share", "neighbours")


def neighbour_votes(indices: Array, distances: Array, labels: Labels, families: Array | None) -> Array:
    """Share of its neighbours' weight that carries each label: (n, labels), NaN below 5 neighbours.

    Rows sum to 1 where examples carry one label. weight of neighbour j = 1 - cosine distance, cut at 0. Neighbours
    without a label, and copies of the example (same family), do not vote.
    """
    neighbours = np.asarray(indices)
    weight = np.clip(1.0 - np.asarray(distances, dtype=np.float64), 0.0, 1.0)
    valid = neighbours >= 0
    counts = valid & labels.known[np.where(valid, neighbours, 0)] & (weight > 0)
    if families is not None:
        own = np.asarray(families)
        counts &= own[np.where(valid, neighbours, 0)] != own[:, None]
    n = len(neighbours)
    rows = np.broadcast_to(np.arange(n)[:, None], neighbours.shape)
    given = sparse.csr_matrix((weight[counts], (rows[counts], neighbours[counts])), shape=(n, len(labels.known)))
    votes = np.asarray((given @ labels.matrix).todense(), np.float64)
    enough = counts.sum(1) >= MIN_NEIGHBOURS
    total = np.asarray(given.sum(1)).reshape(-1, 1)
    return np.where(enough[:, None] & (total > 0), votes / np.where(total > 0, total, 1.0), np.nan)


def suspects(votes: Array, labels: Labels) -> tuple[Array, Array, Array, Array, Array]:
    """Which examples can be judged, and which of these are suspects by the rule of `_compute`.

    Args:
        votes: (n, labels) as `neighbour_votes` gives.
        labels: of the same n examples.

    Returns:
        judged (m,) rows; and of these (m,) whether it is a suspect, the label its neighbours give, that label's share,
        and the largest share of a label of its own.
    """
    judged = np.flatnonzero(labels.known & ~np.isnan(votes[:, 0]))
    others, own = votes[judged], np.zeros(len(judged))
    mine = labels.of(judged)
    np.maximum.at(own, mine.rows, others[mine.rows, mine.codes])
    others[mine.rows, mine.codes] = -1.0
    best = others.argmax(1)
    share = others[np.arange(len(judged)), best]
    return judged, (share >= AGREE) & (own <= OWN), best, share, own


def _finding(table: pd.DataFrame, n: int) -> Finding:
    low, high = (float(x) for x in wilson(len(table), n))
    share = len(table) / n
    return Finding(
        audit=NAME,
        key="audit.noise.suspects" if len(table) else "audit.noise.none",
        values={"suspects": len(table), "n": n, "share": share},
        n=n,
        estimate=share,
        low=low,
        high=high,
        unit="share",
        example_ids=tuple(int(i) for i in table.example_id.head(SHOWN)),
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Examples whose neighbours agree on another label than the one given.

    An example is a suspect when one label it does not carry holds at least 60 % of its neighbours' similarity-weighted
    votes and none of its own more than 10 %. It is a list to look through, not a count of errors: how many suspects are
    wrong differs by corpus and is known only after looking.

    Args:
        frame: `example_id`, `label` or `labels`.
        context: knn over the same rows; families keep copies from voting for each other.

    Returns:
        One finding, never an alarm; table COLUMNS, surest suspect first.

    Paper: wilson-1972 (edited nearest neighbours); departs by asking for a clear majority and by never removing.
    Limits: follows the encoder; finds nothing where a whole neighbourhood carries the wrong label.
    """
    labels = labels_of(frame)
    if context.knn is None or not len(frame):
        return nothing(NAME, "audit.note.needs_knn" if len(frame) else "audit.note.no_examples", COLUMNS)
    if labels.is_constant:
        return nothing(NAME, "audit.note.needs_two_labels", COLUMNS)
    votes = neighbour_votes(context.knn.indices, context.knn.distances, labels, context.families)
    judged, suspect, best, share, own = suspects(votes, labels)
    if not len(judged):
        return nothing(NAME, "audit.note.too_few_neighbours", COLUMNS)
    ids = frame["example_id"].to_numpy() if "example_id" in frame else np.arange(len(frame))
    at = judged[suspect]
    name = np.array(labels.names, dtype=object)
    table = pd.DataFrame(
        {
            "example_id": ids[at].astype(np.int64),
            "label": np.array([labels.said[code] for code in labels.sets[at].tolist()], dtype=object),
            "suggested": name[best[suspect]],
            "suggested_share": share[suspect],
            "own_share": own[suspect],
            "neighbours": context.knn.indices.shape[1],
        }
    )
    table = table.sort_values(
        ["suggested_share", "own_share", "example_id"], ascending=[False, True, True], ignore_index=True
    )
    finding = _finding(table, len(judged))
    return AuditResult(audit=NAME, findings=(finding,), table=table, notes=("audit.note.suspects",))


NOISE = Audit(name=NAME, title="audit.title.noise", needs=("label", "knn"), paper="wilson-1972", compute=_compute)
