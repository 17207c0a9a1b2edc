"""What a removal would take from where: the examples it means, their children and copies, and every place they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from studio.corpus.traces import Traces
from studio.errors import CorpusError
from studio.store import corpora, purge, purge_find, snapshots, vectors
from studio.workflows import purge_files, runs
from studio.workflows.studio import Studio

KINDS: tuple[str, ...] = ("example", "value", "corpus")
MOST_SHOWN = 20


@dataclass(frozen=True)
class Target:
    """What is to be removed: `example` (numbers in a corpus), `value` (rows whose column is that value), `corpus`.

    `corpus_id` is empty for a value looked for in all corpora. `copies` takes other examples with the same text, and
    those a search copied into other corpora, along; children made by augmentation always go with their parent.
    """

    kind: str
    corpus_id: str = ""
    example_ids: tuple[int, ...] = ()
    column: str = ""
    value: str = ""
    copies: bool = True


@dataclass(frozen=True)
class Options:
    """What else goes: backups and inbox files as a whole, and the models of these rounds."""

    backups: bool = True
    inbox: bool = True
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """One line of the report: where, how many things, bytes, and what happens to them (rewrite, delete, drop, keep)."""

    place: str
    n: int
    n_bytes: int
    action: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a removal would do. `confirm` is what has to be typed; `ids` by corpus, None for the whole of it."""

    target: Target
    ids: Mapping[str, frozenset[int] | None]
    n_examples: int
    n_matched: int
    n_children: int
    n_copies: int
    n_elsewhere: int
    by_corpus: tuple[tuple[str, int, int], ...]
    snapshots: tuple[str, ...]
    places: tuple[Place, ...]
    models: tuple[Mapping[str, Any], ...]
    live: tuple[str, ...]
    confirm: str
    is_everything: bool
    n_not_looked_at: int
    texts: frozenset[str] = field(default=frozenset(), repr=False)


# --- looking ----------------------------------------------------------------------------------------------------------
def plan(studio: Studio, target: Target, options: Options | None = None) -> Plan:
    """What the removal would take from where; writes nothing.

    Raises:
        CorpusError: an unknown corpus, example, column or kind, or a value no row has.
    """
    store = studio.store
    matched = _matched(studio, target)
    ids: dict[str, set[int]] = {key: set(some) for key, some in matched.items()}
    n_matched = sum(map(len, ids.values()))
    if not n_matched:
        raise CorpusError("No example fits", got=_got(target), fix="Check the number, the column and the value.")
    n_children, n_copies, n_elsewhere = _closure(studio, target, ids)
    whole = {corpus_id for corpus_id in ids if target.kind == "corpus" and corpus_id == target.corpus_id}
    frozen = {c: None if c in whole else frozenset(some) for c, some in ids.items()}
    touched = [s for s in snapshots.list_all(store) if s.corpus_id in ids and (
        s.corpus_id in whole or purge_find.present(store, s.snapshot_id, ids[s.corpus_id]))]  # fmt: skip
    texts = _texts(studio, ids) | purge.notes_of(store, frozen)
    n_all = {c: len(_all_ids(studio, c)) for c in ids}
    names = {c: str(corpora.get(store, c)["name"]) for c in ids}
    n = sum(map(len, ids.values()))
    made = Plan(
        target=target, ids=frozen, n_examples=n, n_matched=n_matched, n_children=n_children, n_copies=n_copies,
        n_elsewhere=n_elsewhere, by_corpus=tuple((names[c], len(ids[c]), n_all[c]) for c in sorted(ids, key=names.get)),
        snapshots=tuple(s.snapshot_id for s in touched), places=(), models=(), live=(),
        confirm=names[target.corpus_id] if target.kind == "corpus" else str(n),
        is_everything=any(len(ids[c]) >= n_all[c] for c in ids), n_not_looked_at=0, texts=frozenset(texts),
    )  # fmt: skip
    return _with_places(studio, made, options or Options())


def _got(target: Target) -> str:
    if target.kind == "value":
        return f"{target.column} = {target.value}"[:120]
    return ", ".join(map(str, target.example_ids[:5])) or target.corpus_id


def _matched(studio: Studio, target: Target) -> dict[str, set[int]]:
    store = studio.store
    if target.kind not in KINDS:
        raise CorpusError("There is nothing of that kind to remove", got=target.kind, fix=f"Use {', '.join(KINDS)}.")
    if target.corpus_id:
        corpora.get(store, target.corpus_id)
    elif target.kind != "value":
        raise CorpusError("A corpus must be named", fix="Choose the corpus first.")
    if target.kind == "corpus":
        return {target.corpus_id: _all_ids(studio, target.corpus_id)}
    found: dict[str, set[int]] = {}
    listed = [s for s in snapshots.list_all(store) if target.corpus_id in ("", s.corpus_id)]
    for snapshot in listed:
        some = (
            purge_find.matching(store, snapshot.snapshot_id, target.column, target.value)
            if target.kind == "value"
            else purge_find.present(store, snapshot.snapshot_id, target.example_ids)
        )
        if some:
            found.setdefault(snapshot.corpus_id, set()).update(some)
    if target.kind == "example":
        unknown = set(target.example_ids) - found.get(target.corpus_id, set())
        if unknown or not target.example_ids:
            raise CorpusError("This example is not in the corpus", got=", ".join(map(str, sorted(unknown)[:5])) or None,
                              fix="Use the number shown in the tables of this corpus.")  # fmt: skip
    return found


def _all_ids(studio: Studio, corpus_id: str) -> set[int]:
    listed = snapshots.of_corpus(studio.store, corpus_id)
    return set().union(*(purge_find.all_ids(studio.store, s.snapshot_id) for s in listed))


def _closure(studio: Studio, target: Target, ids: dict[str, set[int]]) -> tuple[int, int, int]:
    """Add children, exact copies and what searches copied into other corpora; returns how many of each."""
    store, listed = studio.store, snapshots.list_all(studio.store)
    counted: Counter[str] = Counter()

    def add(corpus_id: str, some: set[int], what: str) -> bool:
        fresh = some - ids.get(corpus_id, set())
        if fresh:
            ids.setdefault(corpus_id, set()).update(fresh)
            counted[what] += len(fresh)
        return bool(fresh)

    if target.copies and target.kind == "example":
        texts = set().union(*(purge_find.plain_texts(store, s.snapshot_id, ids[s.corpus_id]) for s in listed
                              if s.corpus_id in ids))  # fmt: skip
        for snapshot in listed:
            add(snapshot.corpus_id, purge_find.same_text(store, snapshot.snapshot_id, texts), "copies")
    grew = True
    while grew:
        grew = False
        for snapshot in listed:
            if snapshot.corpus_id in ids:
                some = purge_find.children(store, snapshot.snapshot_id, ids[snapshot.corpus_id])
                grew |= add(snapshot.corpus_id, some, "children")
            for corpus_id in list(ids) if target.copies else ():
                whole = target.kind == "corpus" and corpus_id == target.corpus_id
                some = purge_find.derived(store, snapshot.snapshot_id, corpus_id, ids[corpus_id], whole=whole)
                grew |= add(snapshot.corpus_id, some, "elsewhere")
    return counted["children"], counted["copies"], counted["elsewhere"]


def _texts(studio: Studio, ids: Mapping[str, set[int]]) -> set[str]:
    """The texts that must be found nowhere afterwards: those of removed rows that no remaining row has too."""
    store, listed = studio.store, snapshots.list_all(studio.store)
    found: set[str] = set()
    for snapshot in listed:
        if snapshot.corpus_id in ids:
            found |= purge_find.texts(store, snapshot.snapshot_id, ids[snapshot.corpus_id])
    for snapshot in listed:
        found -= purge_find.still_standing(store, snapshot.snapshot_id, ids.get(snapshot.corpus_id, ()), found)
    return found


def _with_places(studio: Studio, made: Plan, options: Options) -> Plan:
    store, workspace, root = studio.store, studio.workspace, studio.workspace.root
    counted = purge.counts(store, made.ids, made.snapshots)
    listed = purge_files.everything(
        store, workspace, corpora=made.ids, snapshots=made.snapshots, whole=whole_of(made), backups=True, inbox=True,
        models=(),
    )  # fmt: skip
    holding, left = purge_files.look(root, listed, Traces(made.texts))
    models = purge_files.trained_on(store, workspace, made.snapshots, made.ids)
    kept = {s: n for s, n in ((s, _left(studio, s, made)) for s in made.snapshots)}
    places = []

    def add(place: str, n: int, n_bytes: int, action: str, names: Sequence[str] = ()) -> None:
        if n:
            places.append(Place(place, n, n_bytes, action, tuple(names[:MOST_SHOWN])))

    for action, some in (
        ("rewrite", [s for s, n in kept.items() if n]),
        ("delete", [s for s, n in kept.items() if not n]),
    ):
        add("snapshots", len(some), sum(purge_files.size_of(workspace.snapshot_dir(s)) for s in some), action,
            [snapshots.require(store, s).name for s in some])  # fmt: skip
        sets = [v for s in some for v in vectors.of_snapshot(store, s)]
        add("vectors", len(sets), sum(purge_files.size_of(root / v.path) for v in sets), action)
    for place, action in (("map_points", "drop"), ("annotations", "drop"), ("notes", "drop"), ("ratings", "drop"),
                          ("splits", "drop"), ("selection_rows", "drop"), ("slices", "rewrite"),
                          ("score_sets", "remake"), ("findings", "remake")):  # fmt: skip
        add(place, counted[place], 0, action)
    add("journal", counted["annotations"], purge_files.size_of(workspace.journal), "rewrite")
    for place, wanted in (("exports", True), ("uploads", True), ("inbox", options.inbox)):
        some = [path for path in holding if path.startswith(place)]
        add(place, len(some), sum(purge_files.size_of(root / p) for p in some), "delete" if wanted else "keep", some)
    backups = [item["path"] for item in listed if item["place"] == "backups"]
    add("backups", len(backups), sum(purge_files.size_of(root / p) for p in backups),
        "delete" if options.backups else "keep", backups)  # fmt: skip
    on_runs = [root / item["path"] for item in listed if item["place"] == "runs"]
    add("runs", len(on_runs), sum(path.stat().st_size for path in on_runs if path.exists()), "search")
    for wanted in (True, False):
        some = [m for m in models if (m["round_id"] in options.models) == wanted]
        add("models", len(some), sum(m["bytes"] for m in some), "delete" if wanted else "keep",
            [m["name"] or f"#{m['number']}" for m in some])  # fmt: skip
    add("database", 1, purge_files.size_of(workspace.database), "rewrite")
    return replace(made, places=tuple(places), models=tuple(models), live=tuple(_live(studio, made)),
                   n_not_looked_at=left)  # fmt: skip


def whole_of(made: Plan) -> set[str]:
    """The corpora that go altogether."""
    return {corpus_id for corpus_id, some in made.ids.items() if some is None}


def _left(studio: Studio, snapshot_id: str, made: Plan) -> int:
    """How many examples stay in a snapshot."""
    found = snapshots.require(studio.store, snapshot_id)
    some = made.ids[found.corpus_id]
    return 0 if some is None else found.n_examples - len(purge_find.present(studio.store, snapshot_id, some))


def _live(studio: Studio, made: Plan) -> list[str]:
    """Titles of the runs that read what would go."""
    found = []
    for view in runs.overview(studio, limit=0):
        spec = view.spec
        paths = " ".join(spec.inputs.values())
        reads = any(snapshot_id in paths for snapshot_id in made.snapshots)
        if (
            view.is_live
            and spec.kind not in ("serve", "purge")
            and (spec.corpus_id in made.ids or spec.snapshot_id in made.snapshots or reads)
        ):
            found.append(spec.title)
    return found
