"""The selection benchmark as numbers and words: paired differences, Holm, the split by seeds, page and chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.selection_arms import ARMS, BUDGETS
from benchmarks.selection_pools import CORPORA, STATES
from studio.records import Array

LEVEL = 0.95
Cells = Mapping[tuple[str, str], Mapping[str, Mapping[int, Mapping[str, Any]]]]  # pool -> arm -> seed -> cell
MEANING = {
    "default": "the Select page's default: even weights, cluster quotas at size^0.5, one sentence as the goal",
    "random": "random draw",
    "stratified": "random inside clusters, shares of the pool",
    "no_goal": "default before a goal is typed: diversity and quality",
    "as_the_pool": "default, quotas proportional to cluster size",
    "all_clusters_equal": "default, equal quotas for all clusters",
    "no_quotas": "default without cluster quotas (equal weights, highest sum)",
    "apart": "default, near-duplicates above 0.9 skipped",
    "relevance_first": "preset relevance first, quotas at size^0.5",
    "clean_typical": "preset clean and typical, quotas at size^0.5",
    "explore_widely": "preset explore widely, quotas at size^0.5",
    "sampled": "drawn by chance with more weight on high scores (temperature 1), even weights, no quotas",
    "facility_location": "facility location on the best 5 N by even weights",
    "k_center": "farthest-first on the best 5 N by even weights",
    "mmr": "score against likeness (MMR), half and half",
    "longest": "longest texts",
    "heuristic": "rules: middling length, common words",
    "only_relevance": "relevance alone, no quotas",
    "only_diversity": "diversity alone, no quotas",
    "only_quality": "quality alone, no quotas",
    "only_ngram_loss": "difficulty alone (n-gram loss), no quotas",
    "hard_cases_ngrams": "preset hard cases with n-gram loss, quotas",
    "bottom": "the bottom of the default's score, same quotas",
    "full": "the whole pool",
    "default_after_labels": "64 random labels first, then the default with all four views",
    "hard_cases_after_labels": "64 random labels first, then the preset hard cases",
    "uncertainty_after_labels": "64 random labels first, then the smallest margins",
}


# --- statistics -------------------------------------------------------------------------------------------------------
def paired(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """Mean difference a - b over paired seeds with its 95 % t-interval and two-sided p.

    Equal differences everywhere have no spread: the interval is a point, p is 0 (1 where the difference is 0).
    """
    d = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    n, mean = len(d), float(d.mean())
    error = float(d.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    if error == 0:
        return {"n": n, "difference": mean, "low": mean, "high": mean, "p": float(mean == 0)}
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * error if n > 1 else float("nan")
    p = float(2 * stats.t.sf(abs(mean) / error, n - 1)) if n > 1 else float("nan")
    return {"n": n, "difference": mean, "low": mean - half, "high": mean + half, "p": p}


def holm(p_values: Sequence[float]) -> Array:
    """Holm's step-down adjusted p: the i-th smallest of m times (m - i + 1), made monotone, at most 1."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))), 1.0)
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted


def by_pool(cells: Sequence[Mapping[str, Any]]) -> Cells:
    """The cells by pool, arm and seed."""
    found: dict[tuple[str, str], dict[str, dict[int, Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for cell in cells:
        found[cell["corpus"], cell["state"]][cell["arm"]][int(cell["seed"])] = cell
    ordered = [(name, state) for name in CORPORA for state in STATES if (name, state) in found]
    return {pool: found[pool] for pool in ordered}


def compare(cells: Cells, pool: tuple[str, str], one: str, other: str, value: str = "area") -> dict[str, float] | None:
    """`paired` of two arms in a pool over the seeds that have both; None below two seeds."""
    a, b = cells[pool].get(one, {}), cells[pool].get(other, {})
    seeds = sorted(set(a) & set(b))
    if len(seeds) < 2:
        return None
    return paired([a[s][value] for s in seeds], [b[s][value] for s in seeds])


def split(cells: Cells) -> dict[str, Any] | None:
    """The setting with the highest mean gain over random on even seeds, held against default and random on odd ones.

    A seed counts where every pool has every setting, so that each pool weighs the same; differences of a seed are means
    over the pools. None where either half has fewer than two seeds.
    """
    names = [one.name for one in ARMS if one.role in ("primary", "candidate")]
    names = [name for name in names if all(len(arms.get(name, {})) for arms in cells.values())]
    if not cells or not {"default", "random"} <= set(names):
        return None
    seeds = sorted(set.intersection(*(set(arms[name]) for arms in cells.values() for name in names)))
    even, odd = [s for s in seeds if s % 2 == 0], [s for s in seeds if s % 2]
    if min(len(even), len(odd)) < 2:
        return None

    def means(name: str, of: Sequence[int]) -> list[float]:
        return [float(np.mean([arms[name][s]["area"] for arms in cells.values()])) for s in of]

    gains = {name: float(np.mean(means(name, even)) - np.mean(means("random", even))) for name in names}
    order = sorted(gains, key=lambda name: (-gains[name], names.index(name)))
    chosen = order[0]
    pools = {f"{a} {b}": paired([arms[chosen][s]["area"] for s in odd], [arms["random"][s]["area"] for s in odd])
             for (a, b), arms in cells.items()}  # fmt: skip
    adjusted = holm([found["p"] for found in pools.values()])
    return {
        "chosen": chosen, "even_seeds": even, "odd_seeds": odd, "gains_even": {name: gains[name] for name in order},
        "odd": {name: paired(means(name, odd), means("random", odd)) for name in order if name != "random"},
        "odd_against_random": paired(means(chosen, odd), means("random", odd)),
        "odd_against_default": paired(means(chosen, odd), means("default", odd)),
        "odd_default_against_random": paired(means("default", odd), means("random", odd)),
        "odd_by_pool": {
            name: own | {"p_holm": float(p)} for (name, own), p in zip(pools.items(), adjusted, strict=True)
        },
    }  # fmt: skip


def summary(cells: Sequence[Mapping[str, Any]], skipped: Mapping[str, str]) -> dict[str, Any]:
    """Everything page and chart say, as plain JSON."""
    pools = by_pool(cells)
    primary = []
    for pool in pools:
        found = compare(pools, pool, "default", "random")
        if found is not None:
            primary.append({"corpus": pool[0], "state": pool[1]} | found)
    for row, p in zip(primary, holm([row["p"] for row in primary]), strict=True):
        row |= {"p_holm": float(p), "verdict": _verdict(row, float(p))}
    described = []
    for pool, arms in pools.items():
        for one in ARMS:
            own = list(arms.get(one.name, {}).values())
            if not own:
                continue
            described.append({
                "corpus": pool[0], "state": pool[1], "arm": one.name, "role": one.role, "seeds": len(own),
                "budgets": own[0]["budgets"], "pool": own[0]["pool"],
                **{key: np.mean([cell[key] for cell in own], axis=0).round(5).tolist()
                   for key in ("accuracy", "recall", "area", "recall_area")},
                **{key: np.mean([cell[key] for cell in own], axis=0).round(1).tolist()
                   for key in ("bought", "off_topic", "copies", "wrong", "classes")},
                "against_random": compare(pools, pool, one.name, "random"),
                "recall_against_random": compare(pools, pool, one.name, "random", "recall_area"),
            })  # fmt: skip
    return {"primary": primary, "split": split(pools), "described": described, "skipped": dict(skipped)}


def _verdict(row: Mapping[str, Any], p: float) -> str:
    if p < 1 - LEVEL and row["low"] > 0:
        return "better"
    return "worse" if p < 1 - LEVEL and row["high"] < 0 else "not told apart"


# --- words ------------------------------------------------------------------------------------------------------------
def _points(row: Mapping[str, float], digits: int = 1) -> str:
    """A difference in percentage points with its interval."""
    low, high = (_signed(row[end], digits) for end in ("low", "high"))
    return f"{_signed(row['difference'], digits)} ({low} to {high})"


def _plain(found: Mapping[str, Any]) -> list[str]:
    """What came out, in sentences."""
    rows, names = found["primary"], {"better": [], "worse": [], "not told apart": []}
    for row in rows:
        names[row["verdict"]].append(f"{row['corpus']} {row['state']} ({_signed(row['difference'])})")
    seeds = sorted({row["n"] for row in rows})
    said = " to ".join(str(n) for n in dict.fromkeys([*seeds[:1], *seeds[-1:]])) or "no"
    out = [f"In {len(rows)} pools, {said} paired seeds each, the Select page's default first batch was held against a "
           "random draw of the same size. Numbers are percentage points of mean test accuracy over the learning curve.",
           ""]  # fmt: skip
    for verdict, words in (
        ("better", "better than"),
        ("worse", "worse than"),
        ("not told apart", "not told apart from"),
    ):
        listed = ", ".join(names[verdict]) or "none"
        out.append(f"- The default was **{words} random** in {len(names[verdict])} of {len(rows)}: {listed}.")
    return [*out, *_upside_down(found["described"]), "", *_split_words(found["split"])]


def _upside_down(described: Sequence[Mapping[str, Any]]) -> list[str]:
    """How often the bottom of the default's score teaches more than its top, where it was run."""
    level = {(row["corpus"], row["state"], row["arm"]): row["against_random"] for row in described}
    both = [(level.get((*pool, "bottom")), level.get((*pool, "default"))) for pool in _pools(described)]
    both = [(low["difference"], top["difference"]) for low, top in both if low and top]
    if not both:
        return []
    n = sum(low > top for low, top in both)
    return [f"- The **bottom** of the same score, same quotas, taught more than its top in {n} of {len(both)} pools "
            "(described, fewer seeds): there the score is no better than its reverse."]  # fmt: skip


def _split_words(halves: Mapping[str, Any] | None) -> list[str]:
    if halves is None:
        return ["Too few seeds have every setting in every pool for choosing a setting on one half and confirming it."]
    chosen, n = halves["chosen"], len(halves["odd_seeds"])
    against, default = halves["odd_against_random"], halves["odd_against_default"]
    out = [f"Of {len(halves['gains_even'])} settings the page has for a first batch, `{chosen}` "
           f"({MEANING[chosen]}) was best on the {len(halves['even_seeds'])} even seeds, over all pools."]  # fmt: skip
    if chosen == "random":
        return [*out, f"No setting beat a random draw there. On the {n} odd seeds the default against random is "
                f"{_points(halves['odd_default_against_random'], 2)} points."]  # fmt: skip
    word = "is confirmed" if against["low"] > 0 else "is not confirmed"
    out.append(f"On the {n} odd seeds, which that choice did not see, its gain over random {word}: "
               f"{_points(against, 2)} points; against the default {_points(default, 2)} points.")  # fmt: skip
    pools = halves["odd_by_pool"]
    won = [name for name, row in pools.items() if row["p_holm"] < 1 - LEVEL and row["low"] > 0]
    lost = [name for name, row in pools.items() if row["p_holm"] < 1 - LEVEL and row["high"] < 0]
    out.append(f"Pool by pool on odd seeds (Holm) it beats random in {len(won)} of {len(pools)} "
               f"({', '.join(won) or 'none'}) and loses in {len(lost)} ({', '.join(lost) or 'none'}).")  # fmt: skip
    return out


def report(found: Mapping[str, Any]) -> str:
    """The page."""
    out = ["# Does choosing beat a random draw?", "", *_plain(found), "",
           "![Gain over a random draw, by pool](selection-evidence.svg)", "",
           "## Primary comparison, fixed beforehand", "",
           "Area under the learning curve, default minus random, percentage points; paired t over seeds, Holm over",
           "pools.", "", "| pool | seeds | random | default | difference (95 % interval) | p | p (Holm) | verdict |",
           "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    level = {(row["corpus"], row["state"], row["arm"]): row for row in found["described"]}
    for row in found["primary"]:
        both = [100 * level[row["corpus"], row["state"], name]["area"] for name in ("random", "default")]
        out.append(f"| {row['corpus']} {row['state']} | {row['n']} | {both[0]:.1f} | {both[1]:.1f} | {_points(row)} | "
                   f"{row['p']:.2g} | {row['p_holm']:.2g} | {row['verdict']} |")  # fmt: skip
    out += [f"\n{name}: not run, {reason}." for name, reason in found["skipped"].items()]
    out += _halves(found["split"]) + _described(found["described"]) + _curves(found["described"]) + METHOD
    return "\n".join(out) + "\n"


def _halves(halves: Mapping[str, Any] | None) -> list[str]:
    if halves is None:
        return []
    out = ["", "## Which setting: looked for on even seeds", "",
           "Mean gain over random over all pools, percentage points: on even seeds, which the choice looks at, and on",
           "odd seeds with 95 % intervals. Quote the interval of the chosen one; the others are many.", "",
           "| setting | even seeds | odd seeds |", "|---|---|---|"]  # fmt: skip
    return out + [f"| `{name}`: {MEANING[name]} | {100 * gain:+.2f} | {_points(halves['odd'][name], 2)} |"
                  for name, gain in halves["gains_even"].items() if name != "random"]  # fmt: skip


def _pools(described: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["corpus"], row["state"]) for row in described))


def _described(described: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of every arm by pool against random, and the same for mean recall."""
    pools = _pools(described)
    at = {(row["corpus"], row["state"], row["arm"]): row for row in described}
    out = []
    for key, title, text in (
        ("against_random", "Everything else, described", "Area under the accuracy curve against random"),
        ("recall_against_random", "The same by mean recall per class", "Rare classes count as much as common ones"),
    ):
        out += ["", f"## {title}", "", f"{text}; percentage points, mean over seeds (number of seeds in brackets). No",
                "correction: read as description.", "",
                "| arm | " + " | ".join(" ".join(pool) for pool in pools) + " |",
                "|---|" + "---|" * len(pools)]  # fmt: skip
        for one in ARMS:
            if one.name == "random":
                continue
            shown = []
            for pool in pools:
                row = at.get((*pool, one.name))
                found = row and row[key]
                shown.append(f"{_signed(found['difference'])} ({found['n']})" if found else "–")
            out.append(f"| `{one.name}` | " + " | ".join(shown) + " |")
    out += ["", *[f"- `{name}`: {meaning}." for name, meaning in MEANING.items()]]
    return out


def _curves(described: Sequence[Mapping[str, Any]]) -> list[str]:
    out = ["", "## Learning curves and what was bought", "",
           "Test accuracy in per cent by labels bought. At 256: how many bought rows are off topic, near-copies, carry",
           "a wrong label, and how many classes are seen.", "",
           "| pool | arm | " + " | ".join(map(str, BUDGETS)) + " | off topic | copies | wrong | classes |",
           "|---|---|" + "---|" * (len(BUDGETS) + 4)]  # fmt: skip
    shown = ("random", "default", "stratified", "facility_location", "k_center", "uncertainty_after_labels", "bottom")
    for row in described:
        if row["arm"] in shown and len(row["budgets"]) == len(BUDGETS):
            curve = " | ".join(f"{100 * value:.1f}" for value in row["accuracy"])
            rest = " | ".join(f"{row[key][2]:g}" for key in ("off_topic", "copies", "wrong", "classes"))
            out.append(f"| {row['corpus']} {row['state']} | `{row['arm']}` | {curve} | {rest} |")
    return out


METHOD = [
    "", "## How", "",
    "Written by `python -m benchmarks.selection` (`make bench-selection`), whose head states the plan; all numbers are",
    "in `selection-evidence.json`.", "",
    "- Corpora: at most 4,000 rows of banking77 (77 intents), GoEmotions (dev set and the part of the test set that is "
    "not tested on; the first label of several), CSL titles in Chinese (13 subjects), and the built-in demo in English "
    "and Chinese without planted effects. Rows near-identical to a test text are taken out. Test: 1,000 clean rows.",
    "- A seed draws the pool anew. Clean: 2,000 rows. Dirty: 2,000 rows with a long tail of classes (the rarest drawn "
    "with a tenth of the weight of the commonest), 600 rows of another corpus, 400 near-copies with one edit, 20 % of "
    "the labels wrong. Wrong labels are bought as they are; an off-topic row has no label and its place is spent.",
    "- Vectors: MiniLM for English, the lexical encoder (character n-grams) for Chinese, as Winnow chooses by itself; "
    "the lexical one was fitted once per corpus. Head: logistic regression on them, fitted on what was bought.",
    "- First batch: no labels, so the default has relevance (one sentence about the task), diversity and quality; "
    "difficulty has no scores and its share goes to the others. Each budget is one first batch. Arms after labels "
    "start from 64 labels of the random draw, which count as bought, and buy the rest in one go.",
    "- Facility location, farthest-first and MMR look at the best 5 N by score: from 512 labels on that is nearly or "
    "wholly the pool, and the score no longer holds anything back.",
    "- Pools of different seeds share rows, so the intervals speak of these corpora, not of corpora at large. A linear "
    "head on frozen vectors is no fine-tuned model. One encoder per language, one goal sentence per corpus.",
]  # fmt: skip


# --- chart ------------------------------------------------------------------------------------------------------------
def chart(found: Mapping[str, Any]) -> str:
    """Gain over random with intervals, a row per pool: the default, and by odd seeds the setting chosen on even."""
    chosen = found["split"]["chosen"] if found["split"] else ""
    names = ["default", *([chosen] if chosen not in ("", "default", "random") else [])]
    rows = [(pool, "default", row["against_random"]) for pool in _pools(found["described"])
            for row in found["described"] if (row["corpus"], row["state"], row["arm"]) == (*pool, "default")
            and row["against_random"]]  # fmt: skip
    if len(names) > 1:
        rows += [(tuple(pool.split(" ")), chosen, row) for pool, row in found["split"]["odd_by_pool"].items()]
    width, left, right, step, top = 720, 190, 90, 17, 34
    ends = [abs(row[key]) for _, _, row in rows for key in ("low", "high") if np.isfinite(row[key])]
    reach = max([*ends, 0.01]) * 1.08
    pools = list(dict.fromkeys(pool for pool, _, _ in rows))
    height = top + len(pools) * (step * len(names) + 10) + 44

    def x(value: float) -> float:
        return round(left + (value + reach) / (2 * reach) * (width - left - right), 1)

    colours = {"default": "#2f6f8f"} | {name: "#b5532c" for name in names[1:]}
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
             f'font-size="12" role="img"><title>Gain over a random draw</title>'
             f'<rect width="{width}" height="{height}" fill="#fff"/>']  # fmt: skip
    for at, name in enumerate(names):
        cx, more = left + 6 + 150 * at, ", odd seeds" if at else ""
        parts.append(f'<circle cx="{cx}" cy="14" r="5" fill="{colours[name]}"/>'
                     f'<text x="{cx + 10}" y="18" fill="#222">{name.replace("_", " ")}{more}</text>')  # fmt: skip
    parts.append(f'<line x1="{x(0)}" x2="{x(0)}" y1="26" y2="{height - 40}" stroke="#888"/>')
    for tick in _ticks(reach):
        at, text = x(tick), f"{100 * tick:+g}" if tick else "0"
        parts.append(f'<line x1="{at}" x2="{at}" y1="{height - 44}" y2="{height - 40}" stroke="#888"/>'
                     f'<text x="{at}" y="{height - 26}" text-anchor="middle" fill="#444">{text}</text>')  # fmt: skip
    parts.append(f'<text x="{x(0)}" y="{height - 8}" text-anchor="middle" fill="#444">percentage points of mean '
                 "accuracy over the curve, against random; 95 % interval over seeds</text>")  # fmt: skip
    for place, pool in enumerate(pools):
        y0 = top + place * (step * len(names) + 10)
        parts.append(f'<text x="{left - 10}" y="{y0 + step * len(names) / 2 + 4}" text-anchor="end" fill="#222">'
                     f"{' '.join(pool)}</text>")  # fmt: skip
        for of, name, row in rows:
            if of == pool:
                y = y0 + step * names.index(name) + step / 2
                parts.append(_dot(x, row, y, colours[name], width - 6))
    return "".join(parts) + "</svg>\n"


def _signed(share: float, digits: int = 1) -> str:
    """A share as percentage points with a sign; one that rounds to 0 has none."""
    text = f"{100 * share:+.{digits}f}"
    return text if float(text) else text[1:]


def _ticks(reach: float) -> list[float]:
    step = next(size for size in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 1.0) if reach / size <= 5)
    n = int(reach / step)
    return [round(step * i, 4) for i in range(-n, n + 1)]


def _dot(x: Any, row: Mapping[str, float], y: float, colour: str, end: float) -> str:
    return (f'<line x1="{x(row["low"])}" x2="{x(row["high"])}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3" '
            f'opacity="0.45"/><circle cx="{x(row["difference"])}" cy="{y}" r="4.5" fill="{colour}"/>'
            f'<text x="{end}" y="{y + 4}" text-anchor="end" fill="{colour}">{_signed(row["difference"])} '
            f"(n={row['n']})</text>")  # fmt: skip
