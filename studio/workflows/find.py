"""Need first: say what the task needs in words and examples, and find what fits in the corpora that are here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from studio.corpus import matching
from studio.errors import CorpusError
from studio.jobs import query
from studio.mapping.neighbours import nearest_to
from studio.models.encoders import encoder_info
from studio.records import Array, Snapshot
from studio.selection.fusion import reciprocal_ranks, rocchio
from studio.store import examples, find, snapshots, vectors
from studio.store.vectors import VectorSet
from studio.workflows.studio import Studio

MOST_CHARACTERS = 4_000  # of a description or one example
MOST_EXAMPLES = 200
MOST_BUDGET = 50_000
_LEAST_DEPTH = 2_000  # ours: rows of each ranking that are fused; more than five times the budget changes no hit
_TIMEOUT_S = 180.0  # the first question about a large corpus counts its words


@dataclass(frozen=True)
class Need:
    """What is looked for. No `snapshot_ids` means the newest version of every corpus; `by` both, meaning or words.

    Hits of embedded corpora whose cosine is below `least_cosine` are left out.
    """

    description: str = ""
    likes: tuple[str, ...] = ()
    unlikes: tuple[str, ...] = ()
    snapshot_ids: tuple[str, ...] = ()
    budget: int = 200
    by: str = "both"
    least_cosine: float = -1.0
    seed: int = 0

    def checked(self) -> Need:
        """The same with trimmed texts.

        Raises:
            CorpusError: nothing to look for, too much of it, or a budget out of range.
        """
        cut = [tuple(text.strip()[:MOST_CHARACTERS] for text in texts if text.strip())
               for texts in (self.likes, self.unlikes)]  # fmt: skip
        if not (self.description.strip() or cut[0]):
            raise CorpusError("There is nothing to look for", fix="Describe the task, or give an example of what fits.")
        if max(map(len, cut)) > MOST_EXAMPLES:
            raise CorpusError(
                "These are too many examples", got=max(map(len, cut)), fix=f"Give at most {MOST_EXAMPLES}."
            )
        if not 1 <= self.budget <= MOST_BUDGET:
            raise CorpusError(
                "The number of hits is out of range", got=self.budget, fix=f"Ask for 1 to {MOST_BUDGET:,}."
            )
        if self.by not in ("both", "meaning", "words"):
            raise CorpusError("There is no such way to search", got=self.by, fix="Use both, meaning or words.")
        return replace(self, description=self.description.strip()[:MOST_CHARACTERS], likes=cut[0], unlikes=cut[1],
                       snapshot_ids=tuple(self.snapshot_ids))  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What was found.

    `hits` has a row per hit, best first: key, snapshot_id, corpus, example_id, text, label, score, cosine (NaN without
    vectors), rank_meaning and rank_words (0 = not in that ranking), nearest (place in `likes` of the nearest wanted
    example, -1 without), terms. `n_pool` is how many examples were searched; `unembedded` names the corpora searched
    by their words only; `n_same` is how many hits were left out because an earlier one has the same text.
    """

    need: Need
    hits: pd.DataFrame
    n_pool: int
    n_found: int
    n_same: int
    encoders: tuple[str, ...]
    unembedded: tuple[str, ...]
    terms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wanted:
    """The query in the space of one snapshot: its vectors, what is wanted (d,), and the examples of it (p, d)."""

    rows: Array
    wanted: Array
    likes: Array


_Key = tuple[str, int]  # snapshot, row


def newest_of_each(studio: Studio) -> list[Snapshot]:
    """The newest snapshot of every corpus, newest first."""
    found: dict[str, Snapshot] = {}
    for snapshot in snapshots.list_all(studio.store):
        found.setdefault(snapshot.corpus_id, snapshot)
    return list(found.values())


def searched(studio: Studio, need: Need) -> list[Snapshot]:
    """The snapshots a need looks into: the chosen ones, else all that are not themselves copies made by a search.

    Raises:
        CorpusError: an unknown snapshot.
    """
    if need.snapshot_ids:
        return [snapshots.require(studio.store, i) for i in dict.fromkeys(need.snapshot_ids)]
    listed = newest_of_each(studio)
    return [s for s in listed if (s.manifest.get("lineage") or {}).get("method") != "find"] or listed


def search(studio: Studio, need: Need) -> Found:
    """What fits a need best, from both rankings; writes nothing.

    Raises:
        CorpusError: nothing to look for, an unknown snapshot, or no corpus.
        JobError: the query worker cannot answer.
    """
    need = need.checked()
    chosen = searched(studio, need)
    if not chosen:
        raise CorpusError(
            "This workspace has no corpus yet", fix="Upload one, or open the built-in demo on the Home page."
        )
    depth = max(_LEAST_DEPTH, 5 * need.budget)
    rankings: dict[str, list[list[_Key]]] = {"meaning": [], "words": []}
    embedded = {s.snapshot_id: vectors.newest(studio.store, s.snapshot_id) for s in chosen}
    spaces: dict[str, _Wanted] = {}
    if need.by != "words":
        given = {i: v for i, v in embedded.items() if v is not None}
        rankings["meaning"], spaces = _by_meaning(studio, need, given, depth)
    terms: dict[str, float] = {}
    if need.by != "meaning":
        ranking, terms = _by_words(studio, need, chosen, depth)
        rankings["words"].append(ranking)
    hits, n_found, n_same = _fused(studio, need, rankings, chosen, spaces, terms)
    used = {v.encoder_key for v in embedded.values() if v is not None} if spaces else set()
    return Found(need, hits, sum(s.n_examples for s in chosen), n_found, n_same, tuple(sorted(used)),
                 tuple(s.name for s in chosen if embedded[s.snapshot_id] is None), terms)  # fmt: skip


# --- the rankings -----------------------------------------------------------------------------------------------------
def _by_meaning(
    studio: Studio, need: Need, embedded: Mapping[str, VectorSet], depth: int
) -> tuple[list[list[_Key]], dict[str, _Wanted]]:
    """One ranking per encoder: cosines of different encoders do not compare, ranks do."""
    groups: dict[tuple[str, str], list[VectorSet]] = {}
    for found in embedded.values():
        fitted = found.path if encoder_info(found.encoder).needs_fit else ""
        groups.setdefault((found.encoder, fitted), []).append(found)
    made, spaces = [], {}
    for (encoder, fitted), sets in sorted(groups.items()):
        texts = [need.description or " ", *need.likes, *need.unlikes]
        request = {"op": "embed", "texts": texts, "encoder": encoder, "fitted_dir": fitted}
        answer = np.asarray(query.ask(studio, request, timeout=_TIMEOUT_S)["vectors"], dtype=np.float32)
        likes, unlikes = np.split(answer[1:], [len(need.likes)])
        wanted = rocchio(answer[0] if need.description else None, likes, unlikes)
        scored: list[tuple[float, str, int]] = []
        for item in sets:
            rows = np.load(item.vectors_file(studio.workspace.root), mmap_mode="r", allow_pickle=False)
            spaces[item.snapshot_id] = _Wanted(rows, wanted, likes)
            for place, similarity in zip(*nearest_to(rows, wanted, depth), strict=True):
                scored.append((-float(similarity), item.snapshot_id, int(place)))
        made.append([(snapshot_id, row) for _, snapshot_id, row in sorted(scored)[:depth]])
    return made, spaces


def _by_words(
    studio: Studio, need: Need, chosen: Sequence[Snapshot], depth: int
) -> tuple[list[_Key], dict[str, float]]:
    """BM25 over all corpora as one body of text; counted by the query worker, which keeps the counts in memory."""
    root = studio.workspace.root
    path_of = {
        studio.workspace.examples_file(s.snapshot_id).relative_to(root).as_posix(): s.snapshot_id for s in chosen
    }
    answer = query.ask(
        studio,
        {"op": "match", "examples": list(path_of), "description": need.description, "likes": list(need.likes),
         "unlikes": list(need.unlikes), "depth": depth},
        timeout=_TIMEOUT_S,
    )  # fmt: skip
    scored = sorted((-score, path_of[part["path"]], int(row)) for part in answer["found"]
                    for row, score in zip(part["rows"], part["scores"], strict=True))[:depth]  # fmt: skip
    return [(snapshot_id, row) for _, snapshot_id, row in scored], dict(answer["terms"])


def _cosines(order: Sequence[_Key], spaces: Mapping[str, _Wanted]) -> dict[_Key, tuple[float, int]]:
    """Cosine to what is wanted and place of the nearest wanted example (-1 without), for rows of embedded snapshots."""
    found = {}
    for snapshot_id, space in spaces.items():
        mine = np.array(sorted(row for key, row in order if key == snapshot_id), dtype=np.int64)
        if not len(mine):
            continue
        some = np.asarray(space.rows[mine], dtype=np.float32)
        cosine = some @ space.wanted
        nearest = (some @ space.likes.T).argmax(axis=1) if len(space.likes) else np.full(len(mine), -1)
        found |= {(snapshot_id, int(row)): (float(value), int(at))
                  for row, value, at in zip(mine, cosine, nearest, strict=True)}  # fmt: skip
    return found


def _fused(
    studio: Studio, need: Need, rankings: Mapping[str, list[list[_Key]]], chosen: Sequence[Snapshot],
    spaces: Mapping[str, _Wanted], terms: Mapping[str, float],
) -> tuple[pd.DataFrame, int, int]:  # fmt: skip
    """The best rows of all rankings with their texts, each text once."""
    fused = reciprocal_ranks([keys for some in rankings.values() for keys in some])
    if need.by == "both":  # a corpus without vectors is in one ranking only: its rank there counts for both
        fused = {key: score * (1 if key[0] in spaces else 2) for key, score in fused.items()}
    order = sorted(fused, key=lambda key: (-fused[key], key))
    cosine = _cosines(order, spaces)
    order = [key for key in order if key not in cosine or cosine[key][0] >= need.least_cosine]
    rank_of = {
        kind: {key: rank for keys in some for rank, key in enumerate(keys, 1)} for kind, some in rankings.items()
    }
    ids = {s.snapshot_id: examples.ids(studio.store, s.snapshot_id) for s in chosen}
    names = {s.snapshot_id: s.name for s in chosen}
    made: list[dict[str, Any]] = []
    seen: set[str] = set()
    n_same = 0
    for start in range(0, len(order), need.budget):
        block = order[start : start + need.budget]
        text_of = find.rows(studio.store, {s: [int(numbers[row]) for key, row in block if key == s]
                                           for s, numbers in ids.items()})  # fmt: skip
        for key in block:
            number = int(ids[key[0]][key[1]])
            text, label = text_of[key[0], number]
            if text in seen:
                n_same += 1
            elif len(made) < need.budget:
                seen.add(text)
                made.append({
                    "key": f"{key[0]}:{number}", "snapshot_id": key[0], "corpus": names[key[0]], "example_id": number,
                    "text": text, "label": label, "score": fused[key], "cosine": cosine.get(key, (np.nan, -1))[0],
                    "rank_meaning": rank_of["meaning"].get(key, 0), "rank_words": rank_of["words"].get(key, 0),
                    "nearest": cosine.get(key, (np.nan, -1))[1],
                    "terms": sorted(set(matching.terms_of(text)) & set(terms), key=lambda w: (-terms[w], w))[:6],
                })  # fmt: skip
        if len(made) >= need.budget:
            break
    return pd.DataFrame(made, columns=list(_COLUMNS)), len(order), n_same


_COLUMNS = ("key", "snapshot_id", "corpus", "example_id", "text", "label", "score", "cosine", "rank_meaning",
            "rank_words", "nearest", "terms")  # fmt: skip


def random_beside(studio: Studio, found: Found) -> pd.DataFrame:
    """As many examples drawn at random from the same corpora, with the need's seed: snapshot_id, example_id, text."""
    chosen = searched(studio, found.need)
    ids: list[tuple[str, Array]] = [(s.snapshot_id, examples.ids(studio.store, s.snapshot_id)) for s in chosen]
    total = sum(len(numbers) for _, numbers in ids)
    rng = np.random.default_rng(found.need.seed)
    places = np.sort(rng.choice(total, size=min(len(found.hits), total), replace=False))
    made, start = [], 0
    for snapshot_id, numbers in ids:
        inside = places[(places >= start) & (places < start + len(numbers))] - start
        some = examples.by_ids(studio.store, snapshot_id, numbers[inside], ("example_id", "text"))
        made.append(some.assign(snapshot_id=snapshot_id))
        start += len(numbers)
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame()


def new_id() -> str:
    """An id for a search that is frozen; made by the client, so that a double click freezes once."""
    return str(uuid.uuid4())
