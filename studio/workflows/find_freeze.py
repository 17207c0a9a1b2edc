"""What a search found against chance, and its hits as a corpus of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from studio.errors import CorpusError, StoreError
from studio.jobs import rundir
from studio.records import Actor, RunSpec
from studio.selection.bands import Band, correct_together, hypergeometric_bands
from studio.store import corpora, find, snapshots
from studio.workflows import adopt, runs
from studio.workflows.acts import act
from studio.workflows.corpora import SplitPlan
from studio.workflows.find import Found, Need, searched
from studio.workflows.studio import Studio

_MOST_VALUES = 40  # of one attribute; ours: a table is read, not scrolled
_LINEAGE_LIKES = 20


def compare(studio: Studio, found: Found, keys: Sequence[str] | None = None) -> pd.DataFrame:
    """The hits beside the corpora they come from: is the search better than a random draw of the same size?

    Args:
        studio: the open workspace.
        found: of `find.search`.
        keys: the hits that stay; all of them when None.

    Returns:
        A row per value of corpus, label (those that may be seen) and group attribute: attribute, value, n_hits, share,
        n_all, base_share, low_share, high_share (95 % of random draws), q, verdict (more, fewer, slight, within),
        is_small. Sorted by attribute, then by the distance between the shares.
    """
    hits = found.hits if keys is None else found.hits[found.hits["key"].isin(list(keys))]
    ids = {s: group["example_id"].tolist() for s, group in hits.groupby("snapshot_id")}
    chosen = searched(studio, found.need)
    counted: dict[str, tuple[Counter[str], Counter[str]]] = {}

    def add(attribute: str, value: str, n_all: int, n_some: int) -> None:
        whole, some = counted.setdefault(attribute, (Counter(), Counter()))
        whole[value] += n_all
        some[value] += n_some

    for snapshot in chosen:
        mine = ids.get(snapshot.snapshot_id, [])
        if len(chosen) > 1:
            add("corpus", snapshot.name, snapshot.n_examples, len(mine))
        for column in ("label_now", *snapshot.group_columns):
            name = "label" if column == "label_now" else column.removeprefix("group_")
            for row in find.shares(studio.store, snapshot.snapshot_id, mine, column).itertuples(index=False):
                add(name, str(row.value), int(row.n_all), int(row.n_some))
    tables = [_counts(*pair) for pair in counted.values()]
    corrected = correct_together([hypergeometric_bands(*columns) for _, *columns in tables])
    lines = [line for name, (values, *_), bands in zip(counted, tables, corrected, strict=True)
             for line in _lines(name, values, bands)]  # fmt: skip
    return pd.DataFrame(lines, columns=list(_LINE))


_LINE = ("attribute", "value", "n_hits", "share", "n_all", "base_share", "low_share", "high_share", "q", "verdict",
         "is_small")  # fmt: skip


def _counts(whole: Counter[str], some: Counter[str]) -> tuple[list[str], list[int], list[int]]:
    """The most frequent values with their counts in all and among the hits; the others together as the last."""
    values = [value for value, _ in whole.most_common(_MOST_VALUES)]
    counts, picked = [whole[v] for v in values], [some[v] for v in values]
    rest, rest_some = sum(whole.values()) - sum(counts), sum(some.values()) - sum(picked)
    if rest:
        values, counts, picked = [*values, "…"], [*counts, rest], [*picked, rest_some]
    return values, [0, *counts], [0, *picked]  # the bands' first place is that of missing values


def _lines(attribute: str, values: Sequence[str], bands: Sequence[Band]) -> list[dict[str, Any]]:
    if not sum(band.picked for band in bands):
        return []
    made = [{
        "attribute": attribute, "value": values[band.code], "n_hits": band.picked, "share": band.share,
        "n_all": band.pool, "base_share": band.pool_share, "low_share": band.low_share, "high_share": band.high_share,
        "q": band.q, "verdict": band.verdict, "is_small": band.is_small,
    } for band in bands]  # fmt: skip
    return sorted(made, key=lambda line: (-abs(line["share"] - line["base_share"]), line["value"]))


# --- freezing ---------------------------------------------------------------------------------------------------------
@act("find.freeze", "analyst")
def freeze(
    studio: Studio, actor: Actor, *, need: Need, keys: Sequence[str], name: str, run_id: str | None = None
) -> str:
    """Make hits a corpus of their own; returns the run's id. Its rows know which example of which corpus they are.

    Args:
        studio: the open workspace.
        actor: who asks.
        need: what was looked for; kept in the lineage.
        keys: `<snapshot_id>:<example_id>` of the hits that stay, best first.
        name: of the new corpus.
        run_id: a UUID made by the client.

    Raises:
        CorpusError: no hit, no name, a key that is none, or a corpus of that name.
        JobError: the run cannot be written.
    """
    title = " ".join(name.split())[:100]
    if not title:
        raise CorpusError("The new corpus needs a name", fix="Type one.")
    if run_id and (studio.workspace.run_dir(run_id) / "spec.json").exists():
        return run_id
    if corpora.named(studio.store, title):
        raise CorpusError("There is a corpus of that name already", got=title, fix="Choose another name.")
    pairs = [_pair(key) for key in dict.fromkeys(keys)]
    if not pairs:
        raise CorpusError(
            "There is no hit to freeze", got=0, fix="Keep at least one hit, or search for something else."
        )
    chosen = {snapshot_id: snapshots.require(studio.store, snapshot_id) for snapshot_id, _ in pairs}
    place = {snapshot_id: number for number, snapshot_id in enumerate(chosen)}
    sources, inputs = [], {}
    for snapshot_id, snapshot in chosen.items():
        ids = [number for key, number in pairs if key == snapshot_id]
        inputs[f"source_{place[snapshot_id]}"] = f"snapshots/{snapshot_id}/examples.parquet"
        sources.append({"input": f"source_{place[snapshot_id]}", "corpus_id": snapshot.corpus_id,
                        "snapshot_id": snapshot_id, "ids": ids,
                        "splits": find.splits_of(studio.store, snapshot_id, ids)})  # fmt: skip
    params = {
        "name": title, "sources": sources, "order": [[place[key], number] for key, number in pairs],
        "language": _most([chosen[key].language for key, _ in pairs]), "task": _task(list(chosen.values())),
        "lineage": lineage_of(need, sources), "split": SplitPlan(seed=need.seed).to_json(),
    }  # fmt: skip
    return runs.submit(studio, actor, kind="find", title=title, params=params, inputs=inputs,
                       corpus_id=corpora.new_id(), seed=need.seed, run_id=run_id)  # fmt: skip


def _pair(key: str) -> tuple[str, int]:
    snapshot_id, _, number = str(key).partition(":")
    if not (number.isascii() and number.isdigit()):
        raise CorpusError("This is no hit of a search", got=str(key)[:60], fix="Search again.")
    return snapshot_id, int(number)


def _most(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0]


def _task(chosen: Sequence[Any]) -> str:
    """The task they share; else single labels where some have them, else plain text."""
    tasks = {snapshot.task for snapshot in chosen}
    if len(tasks) == 1:
        return tasks.pop()
    return "classification" if "classification" in tasks else "masked_lm"


def lineage_of(need: Need, sources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How the corpus came about, for its manifest."""
    return {
        "method": "find",
        "query": {"description": need.description, "likes": list(need.likes[:_LINEAGE_LIKES]),
                  "unlikes": list(need.unlikes[:_LINEAGE_LIKES]), "budget": need.budget, "by": need.by,
                  "least_cosine": need.least_cosine, "seed": need.seed},
        "sources": [{"corpus_id": s["corpus_id"], "snapshot_id": s["snapshot_id"], "n": len(s["ids"])}
                    for s in sources],
    }  # fmt: skip


def finish_find(studio: Studio, run_dir: Any, spec: RunSpec) -> None:
    """Take the snapshot over as the first of its corpus; may be called again."""
    result, store = rundir.read_result(run_dir), studio.store
    snapshot_id = str(result["snapshot_id"])
    manifest = adopt.take_snapshot(studio, run_dir, snapshot_id)
    if snapshots.get(store, snapshot_id) is not None:
        return
    with store.write():
        corpora.add(store, corpus_id=str(spec.corpus_id), name=str(spec.params["name"]), language=manifest["language"],
                    task=manifest["task"], by=spec.created_by)  # fmt: skip
        adopt.add_snapshot(studio, manifest, corpus_id=str(spec.corpus_id), by=spec.created_by, run_id=spec.run_id)
        corpora.set_next_example_id(store, str(spec.corpus_id), int(result["next_example_id"]))
        adopt.assign_splits(studio, snapshot_id, spec.params["split"], spec.created_by, None)
    store.checkpoint()


def outcome(studio: Studio, run_id: str) -> str:
    """The snapshot a finished run made.

    Raises:
        StoreError: it could not be stored.
    """
    result = rundir.read_result(studio.workspace.run_dir(run_id))
    found = snapshots.resolve(studio.store, str(result["snapshot_id"]))
    if found is None:
        raise StoreError("The found examples could not be stored", got=run_id, fix="Freeze them again.")
    return found.snapshot_id
