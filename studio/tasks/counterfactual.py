"""Run kind `counterfactual`: texts with a group's terms swapped, and what that changes.

params: version (of the rules), contrast (axis, group, other group), n_pairs, quality (measure -> inner weight), weight
(of quality, 0 to 1). inputs: examples (Parquet), given (folder of studio.audits.material; scores among them), model
(folder of a round's model) and chosen (Parquet: example_id, score of the newest selection), each where there is one.
result/: pairs.json: changes of each pair, each beside those of the same text with an ordinary word swapped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from studio import audits
from studio.audits import counterfactual as cf
from studio.audits import material, neutral
from studio.jobs.task import Task
from studio.lexicons.pairs import Swapped, Swapper, builtin_pairs
from studio.measures import by_name
from studio.measures.fluency import judged
from studio.measures.rules import RULE_QUALITY
from studio.records import Array, Batch, Lexicon
from studio.tasks import versions

log = logging.getLogger(__name__)
N_PAIRS = 400
SHOWN = 40
STAGES = 5


def run(task: Task) -> dict[str, Any]:
    """Make the pairs, judge both sides of each, and write what changed.

    Raises:
        MeasureError: the inputs belong to another snapshot, or the run was queued under other rules.
        ModelError: the round's model cannot be loaded.
    """
    versions.require(task, audits.VERSION)
    task.progress(0, STAGES, "audit.run_reading")
    frame, context = material.read(task.input_path("examples"), task.input_path("given"))
    texts = [text if isinstance(text, str) else "" for text in frame["text"]]
    contrast = tuple(task.spec.params["contrast"])
    chosen = _chosen(task, frame["example_id"].to_numpy(np.int64))
    task.progress(1, STAGES, "counterfactual.run_swapping")
    rows, twins, n_read = _pairs(task, texts, contrast, context.language, context.lexicon, chosen)
    before, after = [texts[i] for i in rows], [twin.text for twin in twins]
    task.check_stop()
    task.progress(2, STAGES, "counterfactual.run_scores")
    plain = _ordinary(task, texts, before, twins, context.language, context.lexicon)
    sides = [before, after, [text or "" for text in plain]]
    has_plain = np.array([text is not None for text in plain], bool)
    scores = _scores(sides, has_plain, texts, set(rows), context.language)
    task.barrier("counterfactual")
    task.progress(3, STAGES, "counterfactual.run_model")
    labels, probs = _predict(task, sides, has_plain)
    directions = [(contrast[1], contrast[2]), (contrast[2], contrast[1])]
    of = np.array([_direction(twin, directions) for twin in twins], dtype=np.int64)
    ids = frame["example_id"].to_numpy(np.int64)[rows]
    content = {
        "contrast": list(contrast),
        "n_read": n_read,
        "n_texts": len(texts),
        "n_pairs": len(rows),
        "n_both": int((of < 0).sum()),
        "labels": list(labels),
        "n_plain": int(has_plain.sum()),
        "flips": _flips(probs, of, directions),
        "flips_beyond": _flips_beyond(probs, of, directions, task.spec.seed),
        "changes": json.loads(
            cf.changes(directions, of, scores, probs, labels, np.random.default_rng(task.spec.seed)).to_json(
                orient="records"
            )
        ),
        "selection": _selection(task, context.scores, np.array(rows, np.int64), ids, scores, chosen),
        "examples": _examples(ids, before, twins, plain, labels, probs, scores),
    }
    (task.result_dir / "pairs.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    task.progress(STAGES, STAGES, "counterfactual.title")
    return {"n_pairs": len(rows), "n_read": n_read, "has_model": probs is not None}


def _chosen(task: Task, ids: Array) -> dict[int, float]:
    """Position -> score of the examples of the newest selection; empty without one."""
    if "chosen" not in task.spec.inputs:
        return {}
    table = pq.read_table(task.input_path("chosen")).to_pandas()
    at = np.searchsorted(ids, table["example_id"].to_numpy(np.int64))
    return {int(i): float(score) for i, score in zip(at, table["score"], strict=True)}


def _pairs(
    task: Task, texts: Sequence[str], contrast: tuple, language: str, lexicon: Lexicon | None, chosen: Mapping
) -> tuple[list[int], list[Swapped], int]:
    """Rows in ascending order with their twins: the chosen first, then the others in a seeded order, up to a limit."""
    swap = Swapper(builtin_pairs(language), contrast, lexicon, language)
    most = int(task.spec.params.get("n_pairs", N_PAIRS))
    order = np.random.default_rng(task.spec.seed).permutation(len(texts))
    picked = np.isin(order, np.fromiter(chosen, np.int64, len(chosen)))
    found: dict[int, Swapped] = {}
    n_read = 0
    for i in np.concatenate([order[picked], order[~picked]]).tolist():
        if n_read % 1_000 == 0:
            task.check_stop()
        n_read += 1
        twin = swap(texts[i])
        if twin is not None:
            found[i] = twin
            if len(found) >= most:
                break
    rows = sorted(found)
    return rows, [found[i] for i in rows], n_read


def _ordinary(
    task: Task, texts: list[str], before: list[str], twins: list[Swapped], language: str, lexicon: Lexicon | None
) -> list[str | None]:
    """Each text with an ordinary word swapped in place of each term; None where it has too few."""
    contrast, pairs = tuple(task.spec.params["contrast"]), builtin_pairs(language)
    swapped = {term for pair in pairs if (pair.axis, pair.group, pair.other_group) == contrast
               for term in (pair.term, pair.other)} | {term for twin in twins for term in twin.terms}  # fmt: skip
    named = {term for pair in pairs for term in (pair.term, pair.other)} | swapped
    named |= {term.term for term in lexicon.terms} if lexicon else set()
    words = neutral.Neutral(texts, named, language, swapped)
    task.check_stop()
    rng = np.random.default_rng([task.spec.seed, 1])
    return [words.swap(text, twin.terms, rng) for text, twin in zip(before, twins, strict=True)]


def _scores(
    sides: list[list[str]], has_plain: Array, texts: list[str], left_out: set[int], language: str
) -> dict[str, tuple[Array, ...]]:
    """Scores that are functions of the text alone: before, after, and with an ordinary word swapped (NaN without one).

    Fluency by one model of the texts not swapped.
    """
    known = [text for i, text in enumerate(texts) if i not in left_out]
    n, every = len(sides[0]), [text for side in sides for text in side]
    found = {
        "rule_quality": RULE_QUALITY.compute(Batch(np.arange(len(every)), every, language)),
        "fluency": judged(every, known, language),
        "length": np.array([len(text) for text in every], np.float64),
    }
    return {name: (v[:n], v[n : 2 * n], np.where(has_plain, v[2 * n :], np.nan)) for name, v in found.items()}


def _predict(
    task: Task, sides: list[list[str]], has_plain: Array
) -> tuple[tuple[str, ...], tuple[Array, Array, Array] | None]:
    """Class probabilities of each side; rows of NaN where there is no text with an ordinary word swapped."""
    if "model" not in task.spec.inputs or not sides[0]:
        return (), None
    from studio.models import classifier  # heavy: torch is loaded only where there is a model to ask

    allowed = task.settings.model_allow_list
    model = classifier.load(task.input_path("model"), device=task.device, allow_list=allowed)
    n, every = len(sides[0]), [text for side in sides for text in side]
    probs = model.predict_probs(every, lambda *_: task.check_stop())
    return model.labels, (probs[:n], probs[n : 2 * n], np.where(has_plain[:, None], probs[2 * n :], np.nan))


def _direction(twin: Swapped, directions: list[tuple[str, str]]) -> int:
    """Which of the directions; -1 for a text that spoke of both groups."""
    return next((k for k, (group, _) in enumerate(directions) if twin.groups == (group,)), -1)


def _flips_beyond(
    probs: tuple[Array, Array, Array] | None, of: Array, directions: list[tuple[str, str]], seed: int
) -> list[dict[str, Any]]:
    """Flips by the group's words against flips by an ordinary word: of all texts, then of each direction."""
    if probs is None:
        return []
    rng, found = np.random.default_rng(seed), []
    for code, (group, other) in ((None, ("", "")), *enumerate(directions)):
        own = np.ones(len(of), bool) if code is None else of == code
        found.append({"group": group, "other_group": other}
                     | asdict(cf.flips_beyond(*(side[own] for side in probs), rng)))  # fmt: skip
    return found


def _flips(probs: tuple[Array, ...] | None, of: Array, directions: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Flips of all pairs, then of each direction."""
    if probs is None:
        return []
    found = [{"group": "", "other_group": ""} | asdict(cf.flips(*probs[:2]))]
    for code, (group, other) in enumerate(directions):
        own = of == code
        found.append({"group": group, "other_group": other} | asdict(cf.flips(probs[0][own], probs[1][own])))
    return found


def _selection(
    task: Task, stored: Mapping[str, Array], rows: Array, ids: Array, scores: Mapping, chosen: Mapping[int, float]
) -> dict[str, Any] | None:
    """Who of the chosen would stay: quality by the swapped text, every other view and the limits as they were."""
    inner = {name: weight for name, weight in task.spec.params.get("quality", {}).items() if name in stored}
    own = np.array([int(i) in chosen for i in rows], bool)
    if not inner or not own.any():
        return None
    units = {side: np.zeros(int(own.sum())) for side in ("before", "after")}
    everyone = np.zeros(len(next(iter(stored.values()))))
    for name, weight in inner.items():
        raw, sign = np.asarray(stored[name], np.float64), 1.0 if by_name(name).prefer == "high" else -1.0
        ordered = np.sort(sign * raw[np.isfinite(raw)])
        moved = scores[name][1] - scores[name][0]
        units["before"] += weight * _position(ordered, sign * raw[rows[own]])
        units["after"] += weight * _position(ordered, sign * (raw[rows[own]] + moved[own]))
        everyone += weight * _position(ordered, sign * raw)
    ordered = np.sort(everyone[np.isfinite(everyone)])
    change = _position(ordered, units["after"]) - _position(ordered, units["before"])
    totals = np.array(list(chosen.values()))
    bar = float(totals.min())
    mine = np.array([chosen[int(i)] for i in rows[own]])
    known = np.isfinite(change)
    stay, leave, _ = cf.still_chosen(
        np.append(mine[known], bar), np.append(float(task.spec.params["weight"]) * change[known], 0.0),
        np.ones(int(known.sum()) + 1, bool),
    )  # fmt: skip
    return {"n": int(known.sum()), "stay": stay - 1, "leave": leave, "n_selected": len(chosen)}


def _position(ordered: Array, values: Array) -> Array:
    """Where values lie among the ordered ones, in [0, 1]: mid-rank quantiles; NaN stays NaN."""
    low, high = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.where(np.isfinite(values), (low + high) / (2 * max(len(ordered), 1)), np.nan)


def _examples(
    ids: Array,
    before: list[str],
    twins: list[Swapped],
    plain: Sequence[str | None],
    labels: Sequence[str],
    probs: Any,
    scores: Mapping,
) -> list[dict[str, Any]]:
    """Pairs to look at: flips first, then the largest moves of the label's probability, else of fluency."""
    n = len(before)
    if probs is not None:
        first, second = probs[0].argmax(1), probs[1].argmax(1)
        at = np.arange(n)
        old, new = probs[0][at, first], probs[1][at, first]
        order = np.lexsort((ids, -np.abs(new - old), first == second))
    else:
        order = np.lexsort((ids, -np.nan_to_num(np.abs(scores["fluency"][1] - scores["fluency"][0]))))
    found = []
    for i in order[:SHOWN].tolist():
        row = {"example_id": int(ids[i]), "before": before[i], "after": twins[i].text, "n": twins[i].n,
               "plain": plain[i]}  # fmt: skip
        if probs is not None:
            row |= {
                "label": labels[first[i]],
                "new_label": labels[second[i]],
                "p": float(old[i]),
                "new_p": float(new[i]),
            }
        found.append(row)
    return found
