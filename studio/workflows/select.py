"""Select: rank the pool under a recipe, compare with the last frozen selection, freeze it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import EmptyPool, SelectionError
from studio.records import VIEWS, Actor, Array, Pool, Selection
from studio.selection import reasons
from studio.selection.combine import mirrored_views, weighted_scores
from studio.selection.explain import Explanation, Flip, explain, smallest_flip
from studio.selection.limits import Limits
from studio.selection.live import Ranking, parts, rank, rejections
from studio.selection.recipe import COVERING, RANKED, Recipe, check_snapshot, recipe_from_json
from studio.selection.strategies import pick_random, too_large
from studio.selection.weights import DEFAULT_WEIGHTS, TOTAL, largest_remainder
from studio.store import examples, selections, snapshots
from studio.store.selections import FrozenSelection
from studio.workflows import select_apply, select_limits, select_matrix, select_scores, typed
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.select_apply import Asked
from studio.workflows.select_matrix import LivePool
from studio.workflows.select_scores import ScoreState, Targets
from studio.workflows.studio import Studio

MOST_ROWS = 500  # of the table beside the sliders; the whole selection is frozen and exported


@dataclass(frozen=True, eq=False)
class Choice:
    """Who gets in now. `ids`, `reasons`, `scores` in pick order; `ranking` is there for the weighted sum only.

    `weights` are those in force: views without any scores weigh 0. `n_usable` examples have what the strategy looks at.
    `asked` is there for the other strategies.
    """

    recipe: Recipe
    weights: Mapping[str, int]
    pool: LivePool
    state: ScoreState
    ids: Array
    rows: Array
    reasons: tuple[str, ...]
    scores: Array
    ranking: Ranking | None
    picked: Selection | None
    weighted: Array
    n_usable: int
    left_out: Mapping[str, int]
    asked: Asked | None = None

    @property
    def n_pool(self) -> int:
        """Size of the unlabelled pool."""
        return len(self.pool.matrix)

    @property
    def n_left_out(self) -> int:
        """Examples without a score these weights need, filters and thresholds aside."""
        return self.n_pool - self.n_usable - self.n_barred

    @property
    def n_barred(self) -> int:
        """Examples a filter or a threshold keeps out."""
        return self.pool.matrix.n_barred

    @property
    def is_short(self) -> bool:
        """True where the limits gave fewer than budget and pool allow."""
        return len(self.ids) < min(self.recipe.budget, self.n_usable)

    @property
    def usable(self) -> Array:
        """(n,) bool: who may be chosen: has what the strategy looks at and no filter or threshold against it."""
        return self.asked.usable if self.asked is not None else ~np.isnan(self.weighted)

    @property
    def limits(self) -> Limits:
        """What the choice keeps to."""
        if self.ranking is None:
            return self.asked.limits if self.asked is not None else Limits()
        matrix = self.pool.matrix
        near = matrix.near if self.recipe.rule.near else None
        return Limits(self.ranking.picked.axes, near, matrix.keys)


@dataclass(frozen=True)
class Change:
    """Against a frozen selection: who came in and who went, each with the reason now.

    `labelled` left because they have a label now or are in another split, `absent` because this snapshot lacks them.
    """

    last: FrozenSelection | None
    entered: tuple[tuple[int, str], ...] = ()
    left: tuple[tuple[int, str], ...] = ()
    kept: int = 0
    labelled: int = 0
    absent: int = 0


def weights_in_force(weights: Mapping[str, int], available: Sequence[str]) -> dict[str, int]:
    """The weights with those of views that have no scores given to the others in proportion; whole, summing to 100.

    Raises:
        SelectionError: no view has scores.
    """
    if not available:
        raise SelectionError("No view has scores yet", got=0, fix="Prepare the scores first.")
    if all(weights[view] == 0 for view in VIEWS if view not in available):
        return dict(weights)
    shared = largest_remainder([weights[view] for view in available], TOTAL)
    return dict.fromkeys(VIEWS, 0) | dict(zip(available, shared, strict=True))


def choose(studio: Studio, snapshot_id: str, recipe: Recipe, targets: Targets | None = None) -> Choice:
    """Who gets in under a recipe; a pure read, called on every slider move.

    Args:
        studio: the open workspace.
        snapshot_id: the pool.
        recipe: weights, budget, limits, strategy, seed.
        targets: relevance against these; None takes the newest relevance there is.

    Raises:
        EmptyPool: every pool example is labelled.
        SelectionError: no scores, or a recipe that cannot be used with this pool.
    """
    state = select_scores.state(studio, snapshot_id, targets)
    return choose_from(studio, snapshot_id, recipe, state)


def choose_from(studio: Studio, snapshot_id: str, recipe: Recipe, state: ScoreState) -> Choice:
    """`choose` with the score state at hand; errors as there."""
    pool = select_matrix.load(studio, snapshot_id, state, recipe)
    weights = weights_in_force(recipe.weights, state.available) if state.available else dict(DEFAULT_WEIGHTS)
    if recipe.strategy in RANKED:
        weights_in_force(recipe.weights, state.available)  # refuses a ranking without any score
        ranking = rank(pool.matrix, weights, recipe.budget, recipe.rule)
        why = reasons.entry_reasons(ranking.scores, ranking.picked)
        return Choice(recipe, weights, pool, state, ranking.ids, ranking.rows, why, ranking.scores[ranking.rows],
                      ranking, None, ranking.scores, ranking.picked.n_usable, ranking.left_out)  # fmt: skip
    matrix = pool.matrix
    if not len(matrix):
        rank(matrix, weights, recipe.budget)  # raises EmptyPool with its words
    weighted = weighted_scores(matrix.unit, weights, recipe.missing)
    asked = select_apply.asked(studio, snapshot_id, state, pool, weighted, recipe)
    n_usable = int(np.count_nonzero(asked.usable))
    if not n_usable:
        raise EmptyPool("No example meets the filters and thresholds", got=f"0 of {len(matrix):,}", fix="Loosen one.")
    picked = select_apply.pick(studio, snapshot_id, state, asked, recipe)
    rows = matrix.rows_of(picked.ids)
    return Choice(recipe, weights, pool, state, picked.ids, rows, picked.reasons, weighted[rows], None, picked,
                  weighted, n_usable, {}, asked)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Waiting:
    """A choice that has to be worked out on a press: how many candidates are compared, by a run or while one waits."""

    n: int
    by_run: bool
    run: RunView | None


def waiting(studio: Studio, snapshot_id: str, recipe: Recipe, state: ScoreState) -> Waiting | None:
    """What stands between a recipe and its choice; None where `choose_from` answers at once."""
    if recipe.strategy not in COVERING or not state.available:
        return None
    asked = _asked(studio, snapshot_id, recipe, state)
    n = select_apply.n_candidates(recipe, asked)
    if n <= select_apply.LIVE_UP_TO:
        return None
    if select_apply.kept(studio, snapshot_id, state, asked, recipe) is not None:
        return None
    key = select_apply.key_of(studio, snapshot_id, state, asked.pool, recipe)
    return Waiting(n, n > select_apply.AT_ONCE_UP_TO, select_apply.live(studio, snapshot_id, key))


def work_out(studio: Studio, snapshot_id: str, recipe: Recipe, state: ScoreState, *, actor: Actor) -> str | None:
    """Make a choice that waits for a press: now, or by a run whose id is returned.

    Raises:
        AccessError: a run needs the role analyst.
        EmptyPool: nothing may be chosen.
        SelectionError: no scores, or the strategy lacks something it needs.
    """
    asked = _asked(studio, snapshot_id, recipe, state)
    if select_apply.n_candidates(recipe, asked) <= select_apply.AT_ONCE_UP_TO:
        choose_from(studio, snapshot_id, recipe, state)
        return None
    if select_apply.kept(studio, snapshot_id, state, asked, recipe) is not None:
        return None
    title = snapshots.require(studio.store, snapshot_id).name
    given = {"snapshot_id": snapshot_id, "title": title, "state": state, "recipe": recipe}
    return select_apply.start(studio, actor, of=asked, **given)


def _asked(studio: Studio, snapshot_id: str, recipe: Recipe, state: ScoreState) -> Asked:
    pool = select_matrix.load(studio, snapshot_id, state, recipe)
    weights = weights_in_force(recipe.weights, state.available)
    weighted = weighted_scores(pool.matrix.unit, weights, recipe.missing)
    return select_apply.asked(studio, snapshot_id, state, pool, weighted, recipe)


def why_not(choice: Choice, ids: Sequence[int]) -> list[str]:
    """The reason code of ids that are not chosen; `labelled` for those no longer in the pool."""
    wanted = np.asarray(ids, dtype=np.int64)
    there = np.isin(wanted, choice.pool.matrix.ids)
    codes = np.full(len(wanted), "labelled", dtype=object)
    if choice.ranking is not None:
        rows = choice.pool.matrix.rows_of(wanted)
        codes[there] = rejections(choice.pool.matrix, choice.ranking, rows)
    elif choice.picked is not None:
        codes[there] = [choice.picked.rejected[int(i)] for i in wanted[there]]
    return codes.tolist()


def compare(studio: Studio, snapshot_id: str, choice: Choice, last: FrozenSelection | None = None) -> Change:
    """Who entered and who left against a frozen selection (by default the newest of the snapshot, controls aside)."""
    if last is None:
        last = next((s for s in selections.list_all(studio.store, snapshot_id) if s.arm == "selection"), None)
    if last is None:
        return Change(None)
    before = selections.ids(studio.store, last.selection_id)
    known = set(before.tolist())
    entered = [(int(i), code) for i, code in zip(choice.ids, choice.reasons, strict=True) if int(i) not in known]
    gone = before[~np.isin(before, choice.ids)].tolist()
    left = list(zip(gone, why_not(choice, gone), strict=True))
    out = [i for i, code in left if code == "labelled"]
    absent = 0
    if out and last.snapshot_id != snapshot_id:
        absent = int((~np.isin(out, examples.ids(studio.store, snapshot_id))).sum())
    return Change(last, tuple(entered), tuple((i, c) for i, c in left if c != "labelled"),
                  len(before) - len(gone), len(out) - absent, absent)  # fmt: skip


def table(studio: Studio, snapshot_id: str, choice: Choice, rows: int = MOST_ROWS) -> pd.DataFrame:
    """The first chosen examples: rank, example_id, text, score, one column per view with its part of it, reason."""
    ids, at = choice.ids[:rows], choice.rows[:rows]
    texts = select_matrix.texts(studio, snapshot_id, choice.pool.rows[at])
    share = parts(choice.pool.matrix, choice.weights, at, choice.recipe.missing)
    frame = pd.DataFrame({"rank": np.arange(1, len(ids) + 1), "example_id": ids, "text": texts,
                          "score": choice.scores[:rows]})  # fmt: skip
    for column, view in enumerate(VIEWS):
        if choice.weights[view]:
            frame[view] = share[:, column]
    frame["reason"] = list(choice.reasons[:rows])
    return frame


def correlations(choice: Choice) -> list[tuple[str, str, float]]:
    """Pairs of views in the pool whose rank correlation is beyond 0.7 in size, strongest first."""
    return [pair for pair in mirrored_views(choice.pool.view_rho) if choice.weights[pair[0]]
            and choice.weights[pair[1]]]  # fmt: skip


def why(choice: Choice, example_id: int) -> Explanation:
    """Everything about one example under the weighted sum.

    Raises:
        SelectionError: another strategy, or the example is not in the pool.
    """
    if choice.ranking is None:
        raise SelectionError("Only the weighted score can be explained part by part", got=choice.recipe.strategy,
                             fix="Choose the strategy by weighted score.")  # fmt: skip
    return explain(choice.pool.matrix, choice.ranking, choice.weights, example_id, choice.recipe.missing)


def flip(choice: Choice, example_id: int, locks: Sequence[str] = ()) -> tuple[Flip | None, int]:
    """The smallest move of one slider that takes an example in or out; views without scores count as locked."""
    fixed = {*locks, *(view for view in VIEWS if view not in choice.state.available)}
    most = 400 if choice.n_pool <= 50_000 else 60
    return smallest_flip(choice.pool.matrix, choice.weights, choice.recipe.budget, choice.recipe.rule, example_id,
                         locks=fixed, most_rankings=most)  # fmt: skip


# --- freezing ---------------------------------------------------------------------------------------------------------
def full_recipe(snapshot_id: str, choice: Choice) -> dict[str, Any]:
    """The recipe as it is stored: the choice's settings and everything they were applied to."""
    recipe = replace(choice.recipe, weights=dict(choice.weights))
    used = [
        item for item in choice.pool.sets if item.measure in choice.pool.inner.get(_view_of(choice, item.measure), {})
    ]
    return recipe.to_json() | {
        "snapshot": snapshot_id,
        "pool": {"n": choice.n_pool, "ids_hash": choice.pool.ids_hash},
        "inner": {view: dict(sorted(own.items())) for view, own in sorted(choice.pool.inner.items())},
        "scores": [{"measure": item.measure, "version": item.version, "context_hash": item.context_hash,
                    "context": dict(item.context)} for item in sorted(used, key=lambda item: item.measure)],
        "encoder": choice.state.around.encoder_key,
        "map": choice.state.around.map_id,
    }  # fmt: skip


def _view_of(choice: Choice, measure: str) -> str:
    return next((view for view in VIEWS if any(s.measure == measure for s in choice.state.views[view].sets)), "")


@act("select.freeze", "analyst")
def freeze(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    name: str,
    recipe: Recipe | Mapping[str, Any],
    targets: Targets | None = None,
    selection_id: str | None = None,
    with_control: bool = False,
) -> str:
    """Freeze who gets in now under a recipe; the same selection_id twice (a double click) is one selection.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: the pool.
        name: shown everywhere.
        recipe: a Recipe or its JSON.
        targets: what relevance is measured against.
        selection_id: made by the client.
        with_control: also freeze a random draw of the same size from the same pool, as the arm `random`, under the id
            `<selection_id>-control`.

    Returns:
        The selection_id.

    Raises:
        BudgetTooLarge: the limits leave fewer examples than the budget.
        EmptyPool: every pool example is labelled.
        SelectionError: no name, no scores, or a recipe that cannot be used.
    """
    if not isinstance(recipe, Recipe):
        check_snapshot(recipe, snapshot_id)
    chosen = recipe if isinstance(recipe, Recipe) else recipe_from_json(recipe)
    title = typed.line(name)
    if not title:
        raise SelectionError("A selection needs a name", fix="Type one, such as “first batch”.")
    snapshot = snapshots.require(studio.store, snapshot_id)
    selection_id = selection_id or uuid.uuid4().hex
    if selections.get_or_none(studio.store, selection_id) is not None:
        return selection_id
    choice = choose(studio, snapshot_id, chosen, targets)
    if choice.is_short:
        tight = select_limits.tight(choice)
        raise too_large(len(choice.ids), chosen.budget, choice.limits.axes, tight.raise_to if tight else None)
    stored = full_recipe(snapshot_id, choice)
    common = {"corpus_id": snapshot.corpus_id, "snapshot_id": snapshot_id, "budget": chosen.budget,
              "seed": chosen.seed, "by": actor.name, "round_id": choice.state.around.round_id}  # fmt: skip
    with studio.store.write():
        selections.add(studio.store, selection_id=selection_id, name=title, strategy=chosen.strategy,
                       arm="random" if chosen.strategy == "random" else "selection", recipe=stored, ids=choice.ids,
                       reasons=choice.reasons, scores=choice.scores, **common)  # fmt: skip
        if with_control and chosen.strategy != "random":
            drawn = control_draw(choice)
            control = stored | {"strategy": "random", "control_of": selection_id}
            selections.add(studio.store, selection_id=f"{selection_id}-control", name=f"{title} · random control",
                           strategy="random", arm="random", recipe=control, ids=drawn.ids, reasons=drawn.reasons,
                           **common)  # fmt: skip
    return selection_id


def control_draw(choice: Choice) -> Selection:
    """A random draw of the same size from the same pool; its own stream of the recipe's seed."""
    given = Pool(choice.pool.matrix.ids, choice.weighted)
    return pick_random(given, len(choice.ids), np.random.default_rng([choice.recipe.seed, 1]))


def list_frozen(studio: Studio, snapshot_id: str) -> list[FrozenSelection]:
    """The selections of a snapshot, newest first."""
    return selections.list_all(studio.store, snapshot_id)


def get(studio: Studio, selection_id: str) -> FrozenSelection:
    """One frozen selection.

    Raises:
        SelectionError: there is none of that id.
    """
    return selections.get(studio.store, selection_id)


def as_dict(frozen: FrozenSelection) -> dict[str, Any]:
    """A frozen selection as plain JSON."""
    return asdict(frozen)


def in_pool(choice: Choice, example_id: int) -> bool:
    """True for an example that could be chosen: in the pool and without a label."""
    return bool(len(choice.pool.matrix.rows_of(np.array([example_id], dtype=np.int64))))
