"""What the studies of kinds `proof` and `tune` read: the frozen labelled rows as the ranking takes them, and a judge.

The folder `given` holds rows.parquet (example_id, row in the snapshot, part train or held or, for `proof_test`, test,
label: none for test, else a name, or for kinds sets and tags a JSON list of names, unit_<view>, code_<n> per column of
params.columns, unit:<measure> of views that are put together anew) and, where a strategy asks for it, knn_idx.npy and
knn_dist.npy of the train rows. Views whose scores come from a model that was trained on these very labels are computed
again by heads that never saw the row they score, and so are predicted labels a filter or limit asks for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq

from studio.errors import SelectionError
from studio.jobs.task import Task
from studio.measures import by_name as measure_named
from studio.measures import ngrams
from studio.measures.probe import FOLDS
from studio.records import VIEWS, Array, Batch, Knn
from studio.selection import proxy, proxy_arms, proxy_sets
from studio.selection.combine import view_score
from studio.selection.constraints import near_pairs
from studio.selection.live import LiveMatrix
from studio.selection.proxy_arms import Candidates
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import unit_scores

log = logging.getLogger(__name__)
ROWS, HEAD, LM = "rows.parquet", "head", "lm"
SETS, TAGS = "sets", "tags"  # several labels an example; the kinds of tagged words that occur in it, judged alike
# order and bits per symbol of the n-gram model, as fluency has them
_SHAPES: Mapping[str, tuple[int, int]] = {"en": (5, 12)}
_OTHER = (4, 15)


@dataclass(frozen=True, eq=False)
class Material:
    """The rows to choose from, the judge, and the part of every held-out example; `n_names` counts all labels.

    `tell` says what a proxy makes of the test examples, whose ids are `test` and whose labels are not here.
    """

    given: Candidates
    judge: proxy.Judge
    held: Array
    kind: str
    n_classes: int
    x: Array | None = None
    y: Array | None = None
    held_x: Array | None = None
    held_y: Array | None = None
    lengths: Array | None = None
    n_names: int = 0
    names: Sequence[str] = ()
    test: Array | None = None
    tell: proxy.Teller | None = None


def read(task: Task, recipe: Recipe) -> Material:
    """Everything a study needs, checked.

    Raises:
        SelectionError: too few rows, one label, or scores that none of them has.
    """
    params = task.spec.params
    frame = pd.read_parquet(task.input_path("given") / ROWS)
    train, held, test = (frame[frame["part"] == name] for name in ("train", "held", "test"))
    texts = texts_of(task, train["row"].to_numpy())
    part, asked = proxy.held_parts(held["example_id"].to_numpy()), test["example_id"].to_numpy(np.int64)
    if params["kind"] == LM:
        proxy.check_enough(len(train), len(held), None)
        judge, lengths = _lm(task, train["row"].to_numpy(), held["row"].to_numpy())
        tell = _lm(task, train["row"].to_numpy(), test["row"].to_numpy())[0] if len(test) else None
        given = _candidates(task, recipe, train, texts, None, None)
        return Material(given, judge, part, LM, 0, lengths=lengths, test=asked, tell=tell)
    x, held_x, test_x = _vectors(task, *(rows["row"].to_numpy() for rows in (train, held, test)))
    if params["kind"] in (SETS, TAGS):
        return replace(_several(task, recipe, train, held, texts, part, x, held_x, test_x), test=asked)
    proxy.check_enough(len(train), len(held), train["label"].nunique())
    names = sorted({*train["label"], *held["label"]})
    code = {name: number for number, name in enumerate(names)}
    y, held_y = (rows["label"].map(code).to_numpy(np.int64) for rows in (train, held))
    probs = None
    if (
        params.get("again")
        or proxy_arms.asks_predicted(recipe)
        or params.get("label_quality")
        or "probs" in params.get("needs", ())
    ):
        task.progress(0, 0, "proof.run.folds")
        folds = proxy.deal(y, FOLDS, np.random.default_rng(task.spec.seed))
        probs = proxy.out_of_fold(x, y, len(names), folds)
    given = _candidates(task, recipe, train, texts, x, probs, y, names)
    x, held_x, test_x = proxy.turned(x, held_x, test_x)
    judge, tell = proxy.head_judge(x, y, held_x, held_y, len(names)), proxy.head_teller(x, y, test_x, len(names))
    return Material(given, judge, part, HEAD, len(names), x, y, held_x, held_y, _lengths(texts), len(names), names,
                    asked, tell)  # fmt: skip


def _several(
    task: Task, recipe: Recipe, train: pd.DataFrame, held: pd.DataFrame, texts: Sequence[str], part: Array, x: Array,
    held_x: Array, test_x: Array,
) -> Material:  # fmt: skip
    """The same where examples carry several labels: a head per label."""
    known, asked = (proxy_sets.read_sets(rows["label"]) for rows in (train, held))
    names, n_names = proxy_sets.common_names([*known, *asked])
    y, held_y = (proxy_sets.indicators(sets, names) for sets in (known, asked))
    proxy.check_enough(len(train), len(held), 1 + proxy_sets.telling(y))
    given = _candidates(task, recipe, train, texts, x, None)
    x, held_x, test_x = proxy.turned(x, held_x, test_x)
    judge, tell = proxy_sets.sets_judge(x, y, held_x, held_y), proxy_sets.sets_teller(x, y, test_x)
    return Material(given, judge, part, str(task.spec.params["kind"]), len(names), lengths=_lengths(texts),
                    n_names=n_names, names=names, tell=tell)  # fmt: skip


def _vectors(task: Task, *parts: Array) -> list[Array]:
    vectors = np.load(task.input_path("vectors") / "vectors.npy", mmap_mode="r", allow_pickle=False)
    if len(vectors) <= int(max(rows.max(initial=0) for rows in parts)):
        raise SelectionError("The vectors do not belong to this snapshot", got=len(vectors), fix="Embed it again.")
    return [np.asarray(vectors[rows], dtype=np.float32) for rows in parts]


def _lengths(texts: Sequence[str]) -> Array:
    return np.array([len(text) for text in texts], dtype=np.int64)


def _candidates(
    task: Task, recipe: Recipe, train: pd.DataFrame, texts: Sequence[str], x: Array | None, probs: Array | None,
    y: Array | None = None, names: Sequence[str] = (),
) -> Candidates:  # fmt: skip
    params = task.spec.params
    unit = np.array(train[[f"unit_{view}" for view in VIEWS]], dtype=np.float32, order="F")
    ids = train["example_id"].to_numpy(np.int64)
    for view, inner in params.get("again", {}).items():
        unit[:, VIEWS.index(view)] = _again(train, inner, ids, texts, x, probs, str(params["language"]))
    if params.get("label_quality") and probs is not None and y is not None:
        own = probs[np.arange(len(y)), y]
        unit[:, VIEWS.index("quality")] = unit_scores(own, "high")
    columns = {name: train[f"code_{number}"].to_numpy(np.int32) for number, name in enumerate(params["columns"])}
    keys = {name: tuple(params["keys"][name]) for name in columns}
    barred = train["barred"].to_numpy(np.int16) if "barred" in train else None
    if proxy_arms.asks_predicted(recipe) and probs is not None:
        columns[proxy_arms.PREDICTED], keys[proxy_arms.PREDICTED] = probs.argmax(axis=1).astype(np.int32), tuple(names)
        for clause in recipe.filters:
            if clause.column == proxy_arms.PREDICTED:
                meets = proxy_arms.predicted_is(clause, columns[proxy_arms.PREDICTED], names)
                barred = np.where(meets, 0 if barred is None else barred, 1).astype(np.int16)
    knn = None
    if (place := task.input_path("given") / "knn_idx.npy").exists():
        distances = np.load(place.with_name("knn_dist.npy"), allow_pickle=False)
        knn = Knn(np.load(place, allow_pickle=False), distances)
    near = near_pairs(knn, recipe.tau) if knn is not None and recipe.tau is not None else None
    weights = {view: int(params["weights"][view]) for view in VIEWS}
    matrix = LiveMatrix(ids, unit, columns, keys, near, barred=barred, barred_codes=("", "threshold"))
    return Candidates(matrix, weights, texts, x, probs, knn, params.get("options", {}))


def _again(
    train: pd.DataFrame, inner: Mapping[str, float], ids: Array, texts: Sequence[str], x: Array | None,
    probs: Array | None, language: str,
) -> Array:  # fmt: skip
    """One view put together from its measures, those that look at class probabilities by out-of-fold ones."""
    units: dict[str, Array] = {}
    for name in inner:
        if f"unit:{name}" in train:
            units[name] = train[f"unit:{name}"].to_numpy(np.float64)
        elif probs is not None:
            one = measure_named(name)
            units[name] = unit_scores(one.compute(Batch(ids, texts, language, x, probs)), one.prefer)
    return view_score(units, inner) if units else np.full(len(ids), np.nan)


def texts_of(task: Task, rows: Array) -> list[str]:
    """Texts of rows of the snapshot, empty where there is none."""
    column = pq.read_table(task.input_path("examples"), columns=["text"])["text"].take(rows)
    return [text or "" for text in column.to_pylist()]


# --- texts as targets -------------------------------------------------------------------------------------------------
def _lm(task: Task, train: Array, held: Array) -> tuple[proxy.Judge, Array]:
    """Held-out log-probability per target character of an n-gram model of the chosen rows, and the rows' lengths.

    The model reads prompt and target as one text; only the target's characters and its end are judged.
    """
    order, bits = _SHAPES.get(str(task.spec.params["language"]), _OTHER)
    columns = ["prompt", "context", "completion", "messages", "text"]
    table = pq.read_table(task.input_path("examples"), columns=columns)
    known, asked = (_pairs(table.take(rows).to_pylist()) for rows in (train, held))
    whole = [before + target for before, target in known]
    alphabet = ngrams.make_alphabet(whole, bits)  # of all candidates, so that every model predicts the same characters
    symbols, starts = ngrams.encode([before + target for before, target in asked], alphabet, order)
    sizes = np.array([len(target) + 1 for _, target in asked], dtype=np.int64)

    def judge(rows: Array) -> Array:
        model = ngrams.fit(ngrams.encode([whole[i] for i in rows], alphabet, order)[0], alphabet, order)
        logs, begins = ngrams.log_probs(model, symbols, starts)
        sums = np.append(0.0, np.cumsum(logs))
        ends = np.append(begins[1:], len(logs))
        return (sums[ends] - sums[ends - sizes]) / sizes

    return judge, np.array([len(text) for text in whole], dtype=np.int64)


def _pairs(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(what comes before, target) of each row, lower case with single blanks."""
    pairs = [tuple(_flat(part) for part in pair_of(row)) for row in rows]
    return [(f"{before}\n" if before else "", target) for before, target in pairs]


def _flat(text: str) -> str:
    return " ".join(text.split()).lower()


def pair_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """What a model is given and what it should answer: prompt and completion, the last turn, or the text itself."""
    if row.get("completion"):
        return "\n".join(part for part in (row.get("prompt"), row.get("context")) if part), str(row["completion"])
    messages = row.get("messages")
    turns = orjson.loads(messages) if isinstance(messages, str) else messages or []
    if turns:
        said = [str(turn.get("content") or "") for turn in turns]
        return "\n".join(said[:-1]), said[-1]
    return "", str(row.get("text") or "")
