"""Bias of known size planted in clean corpora: how often the audits find it, and how often they cry wolf.

`python -m benchmarks.planted_bias` prints one JSON line per figure and writes docs/planted_bias.md and .svg from them;
`--quick` uses a twentieth of the seeds and writes nothing. `--part NAME` prints one part only, `--merge FILES` writes
the documents from printed lines, so that parts may run side by side. Everything is seeded.

Clean corpora. Per language one clean demo corpus of 12,000 messages is written and its copies found once. A corpus of a
seed is 3,000 of its rows without replacement, with every group attribute, source and time drawn anew from the reference
shares, independent of text and label. `fresh` corpora are written anew instead, as a check on that short cut.
Planted ties. In such a corpus one value of one attribute is drawn given the label, with the odds ratio wanted, the
shares of label and group as asked for; n follows from the smallest expected cell.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from studio import audits, demo, lexicons
from studio.audits.association import ASSOCIATION
from studio.audits.context import Context
from studio.corpus.dedup import find_duplicates
from studio.demo.attributes import REFERENCE, draw, shares_for_odds, times
from studio.records import Audit, AuditResult
from studio.statistics import wilson_pair

DOCS = Path(__file__).resolve().parent.parent / "docs"
GROUPS = ("gender", "age_band", "region", "channel")
BASE_N, N, CHUNK = 12_000, 3_000, 25
SEEDS, WORD_SEEDS, FRESH, DEMOS, POWER_SEEDS, FDR_SEEDS = 1_000, 100, 40, 20, 100, 60
ODDS = (1.5, 2.0, 3.0)
CELLS = (25, 50, 75, 100, 150, 200)
SHAPES: Mapping[str, tuple[float, float]] = {  # share of the label, share of the group
    "rare label, large group": (1 / 12, 0.40),
    "rare label, middling group": (1 / 12, 0.20),
    "rare label, small group": (1 / 12, 0.08),
    "common label, middling group": (1 / 4, 0.20),
}
ALLOWED = 64  # clean corpora of 1,000 that may alarm: 50 expected at 0.05, and two standard errors
# Audits that ask for vectors, a map or scores are not run here; they count among those read together all the same.
WITHOUT_VECTORS = tuple(a for a in audits.AUDITS if not {"knn", "clusters", "embeddings", "scores"} & set(a.needs))
_OF_WORDS = {"shortcuts", "mentions", "mention_labels", "npmi", "genbit", "weat"}  # these read every text: fewer seeds
COUNTS = tuple(a for a in WITHOUT_VECTORS if a.name not in _OF_WORDS)
# These read the texts and no label: what the hand-written messages say of women and men is there however labels are
# dealt, so an alarm of theirs is no false one. Their own tests hold them against texts without any tie.
TEXT_ONLY = frozenset({"genbit", "npmi", "weat"})


@dataclass(frozen=True)
class Base:
    """A clean corpus to draw from: its frame and the copies among its rows."""

    frame: pd.DataFrame
    families: np.ndarray
    exact: np.ndarray


@cache
def base(language: str, n: int = BASE_N) -> Base:
    """The clean corpus of a language."""
    made = demo.make(language, seed=20_261, n=n, effects=()).frame
    found = find_duplicates(made["text"].tolist(), np.random.default_rng(0))
    return Base(made, found.families, found.exact)


def clean(language: str, seed: int) -> tuple[pd.DataFrame, Context]:
    """One clean corpus with its context."""
    rng, whole = np.random.default_rng([seed, 1]), base(language)
    rows = np.sort(rng.choice(len(whole.frame), N, replace=False))
    frame = whole.frame.iloc[rows][["text", "label"]].reset_index(drop=True)
    for name in GROUPS:
        frame[f"group_{name}"] = draw(REFERENCE[language][name], rng.random(N))
    frame["source"] = draw(REFERENCE[language]["source"], rng.random(N))
    frame["time"] = rng.permutation(np.array(times(rng, N), dtype=object))
    return _finished(frame, language, whole.families[rows], whole.exact[rows])


def fresh(language: str, seed: int, effects: tuple[str, ...] = ()) -> tuple[pd.DataFrame, Context]:
    """One corpus written from nothing, with the demo's effects where named."""
    frame = demo.make(language, seed=seed, n=N, effects=effects).frame
    found = find_duplicates(frame["text"].tolist(), np.random.default_rng(0))
    frame = frame.rename(columns={name: f"group_{name}" for name in GROUPS})
    return _finished(frame, language, found.families, found.exact)


def _finished(
    frame: pd.DataFrame, language: str, families: np.ndarray, exact: np.ndarray
) -> tuple[pd.DataFrame, Context]:
    frame = frame.assign(example_id=np.arange(len(frame)), language=language)
    reference = {name: REFERENCE[language][name] for name in GROUPS}
    return frame, Context(
        language, GROUPS, reference, families, exact, lexicon=lexicons.builtin(language), n_families=audits.N_FAMILIES
    )


def alarms(frame: pd.DataFrame, context: Context, chosen: tuple[Audit, ...]) -> dict[str, int]:
    """Audit -> how many alarms."""
    found = {}
    for audit in chosen:
        result = audits.run(audit, frame, context)
        found[audit.name] = sum(finding.alarm for finding in result.findings)
    return found


def false_alarms(language: str, seeds: int, kind: str) -> Iterator[dict[str, object]]:
    """Clean corpora with any alarm, and by audit, a line per 25 corpora.

    kind: counts (drawn corpora, the audits of counts), words (drawn, those of words that look at labels too, labels
    dealt anew: what a text says goes with its label by nature, so a tie of words to labels is false only then) or
    fresh (the audits of counts on corpora written anew, a check on drawing).
    """
    chosen = tuple(a for a in WITHOUT_VECTORS if a.name not in TEXT_ONLY) if kind == "words" else COUNTS
    for first in range(0, seeds, CHUNK):
        size = min(CHUNK, seeds - first)
        by_audit = {audit.name: 0 for audit in chosen}
        any_alarm = 0
        for seed in range(first, first + size):
            frame, context = (fresh if kind == "fresh" else clean)(language, 5_000 + seed)
            if kind == "words":
                frame["label"] = np.random.default_rng([seed, 2]).permutation(frame["label"].to_numpy())
            found = alarms(frame, context, chosen)
            any_alarm += any(found.values())
            for name, n in found.items():
                by_audit[name] += n > 0
        yield {"figure": "false alarms", "language": language, "kind": kind, "corpora": size, "alarmed": any_alarm,
               "by_audit": {name: n for name, n in by_audit.items() if n}}  # fmt: skip


# --- planted ties -----------------------------------------------------------------------------------------------------
def tie(
    language: str, seed: int, odds: float, n: int, label_share: float, group_share: float
) -> tuple[pd.DataFrame, Context]:
    """A corpus of n rows in which the group `planted` of attribute `gender` has the odds ratio with label `planted`.

    The other labels and values share what is left evenly (11 labels, 3 values); three attributes stay independent.
    """
    rng = np.random.default_rng([seed, n, int(10 * odds)])
    reference = REFERENCE[language]
    has = rng.random(n) < label_share
    others = np.array([f"label {i}" for i in range(11)], dtype=object)
    labels = np.where(has, "planted", others[rng.integers(0, 11, n)])
    inside, outside = shares_for_odds(group_share, label_share, odds)
    in_group = rng.random(n) < np.where(has, inside, outside)
    rest = np.array(["value 1", "value 2", "value 3"], dtype=object)[rng.integers(0, 3, n)]
    frame = pd.DataFrame({"example_id": np.arange(n), "text": "", "label": labels})
    frame["group_gender"] = np.where(in_group, "planted", rest)
    for name in GROUPS[1:]:
        frame[f"group_{name}"] = draw(reference[name], rng.random(n))
    return frame, Context(language, GROUPS, n_families=audits.N_FAMILIES)


def _is_found(result: AuditResult) -> bool:
    table = result.table
    row = table[(table["attribute"] == "gender") & (table["value"] == "planted") & (table["label"] == "planted")]
    return bool(row["alarm"].iloc[0]) and bool(row["odds_ratio"].iloc[0] > 1)


def power(shape: str, odds: float, cell: int, seeds: int) -> dict[str, object]:
    """Corpora in which the planted tie raises an alarm, at a smallest expected cell."""
    label_share, group_share = SHAPES[shape]
    n = round(cell / (label_share * group_share))
    found = sum(
        _is_found(audits.run(ASSOCIATION, *tie("en", seed, odds, n, label_share, group_share))) for seed in range(seeds)
    )
    low, high = wilson_pair(found, seeds)
    return {"figure": "power", "shape": shape, "odds_ratio": odds, "cell": cell, "n": n, "corpora": seeds,
            "found": found, "share": found / seeds, "low": low, "high": high}  # fmt: skip


def discoveries(odds: float, cell: int, seeds: int) -> dict[str, object]:
    """With one tie planted: the share of false ones among all label and group alarms, mean over corpora.

    False is every alarm of an attribute in which nothing was planted. In the planted one each other label and value is
    pushed the other way a little, so its alarms count as true only where they name the planted label or value.
    """
    label_share, group_share = SHAPES["rare label, middling group"]
    n = round(cell / (label_share * group_share))
    shares = []
    for seed in range(seeds):
        frame, context = tie("en", 10_000 + seed, odds, n, label_share, group_share)
        table = audits.run(ASSOCIATION, frame, context).table
        loud = table[table["alarm"].astype(bool)]
        true = (loud["attribute"] == "gender") & ((loud["label"] == "planted") | (loud["value"] == "planted"))
        shares.append(float((~true).sum()) / max(len(loud), 1))
    return {"figure": "fdr", "odds_ratio": odds, "cell": cell, "n": n, "corpora": seeds,
            "fdr": float(np.mean(shares)),
            "high": float(np.mean(shares) + 1.96 * np.std(shares) / seeds**0.5)}  # fmt: skip


# --- the demo's own effects -------------------------------------------------------------------------------------------
_AUDIT_OF = {
    "underrepresented_group": "representation",
    "label_group_odds": "association",
    "spurious_token": "shortcuts",
    "near_duplicates": "duplicates",
    "length_label_confound": "lengths",
}


def demo_effects(language: str, seeds: int) -> Iterator[dict[str, object]]:
    """Effects of the demo corpora (sizes in studio/demo/effects.py), all planted at once: alarms that name them."""
    found = dict.fromkeys(_AUDIT_OF, 0)
    for seed in range(seeds):
        frame, context = fresh(language, 300 + seed, demo.ALL_EFFECTS)
        for effect, name in _AUDIT_OF.items():
            audit = next(a for a in audits.AUDITS if a.name == name)
            values = next(e for e in demo.EFFECTS if e.name == effect).parameters[language]
            said = audits.run(audit, frame, context).findings
            found[effect] += any(_names(finding, effect, values) for finding in said)
    for effect, k in found.items():
        low, high = wilson_pair(k, seeds)
        yield {"figure": "demo effect", "language": language, "effect": effect, "audit": _AUDIT_OF[effect],
               "corpora": seeds, "found": k, "low": low, "high": high}  # fmt: skip


def _names(finding: object, effect: str, planted: Mapping[str, object]) -> bool:
    """True when a finding is about the planted thing; copies have no name and count by their interval."""
    if effect == "near_duplicates":
        return finding.key == "audit.duplicates.near" and finding.low > planted["share"] / 4
    wanted = {"underrepresented_group": ("group",), "label_group_odds": ("group", "label"),
              "spurious_token": ("token", "label"), "length_label_confound": ("label",)}[effect]  # fmt: skip
    said = set(map(str, finding.values.values()))
    return bool(finding.alarm) and all(str(planted[name]) in said for name in wanted)


# --- writing ----------------------------------------------------------------------------------------------------------
PARTS: tuple[str, ...] = ("power", "fdr", "demo", "counts-en", "counts-zh", "words-en", "words-zh")


def figures_of(part: str, share: float) -> Iterator[dict[str, object]]:
    """The figures of one part; `share` of the seeds."""

    def some(n: int) -> int:
        return max(2, round(n * share))

    kind, _, language = part.partition("-")
    if kind == "power":
        for shape in SHAPES:
            for odds in ODDS:
                for cell in CELLS:
                    yield power(shape, odds, cell, some(POWER_SEEDS if odds == 2.0 else POWER_SEEDS // 2))
    elif kind == "fdr":
        for odds in ODDS:
            for cell in (75, 200):
                yield discoveries(odds, cell, some(FDR_SEEDS))
    elif kind == "demo":
        for spoken in ("en", "zh"):
            yield from demo_effects(spoken, some(DEMOS))
    elif kind == "counts":
        yield from false_alarms(language, some(SEEDS), "counts")
    else:
        yield from false_alarms(language, some(WORD_SEEDS), "words")
        yield from false_alarms(language, some(FRESH), "fresh")


def report(figures: list[dict[str, object]]) -> str:
    """The figures as Markdown."""
    table = pd.DataFrame(figures)
    out = [
        "# Planted bias: what the audits find, and how often they cry wolf",
        "",
        "Written by `python -m benchmarks.planted_bias`, whose head says how.",
        f"{audits.N_FAMILIES} audits are read together; each is corrected within itself and over all of them "
        "(decision 0162).",
        "",
        "## Power: a tie of one label to one group",
        "Share of corpora in which the planted pair raises an alarm, by odds ratio and smallest expected cell",
        "(expected count of the label in the group were there no tie). 12 labels, four attributes, some 230 tests.",
        "",
        "![Power by smallest expected cell](planted_bias.svg)",
        "",
        "| label and group | odds ratio | " + " | ".join(f"cell {cell}" for cell in CELLS) + " |",
        "|---|---|" + "---|" * len(CELLS),
    ]
    own = table[table.figure == "power"]
    for shape, odds in [(shape, odds) for shape in SHAPES for odds in ODDS]:
        rows = own[(own["shape"] == shape) & (own["odds_ratio"] == odds)]
        at = {row.cell: f"{row.share:.2f} ({row.low:.2f}–{row.high:.2f})" for row in rows.itertuples()}
        out.append(f"| {shape} | {odds:g} | " + " | ".join(at.get(cell, "not run") for cell in CELLS) + " |")
    out += ["", f"Corpora per cell: {own['corpora'].min()} to {own['corpora'].max()}."]
    out += ["", "## False discoveries with one tie planted",
            "Mean share of false ones among label and group alarms.", "",
            "| odds ratio | smallest cell | corpora | false share | upper bound |",
            "|---|---|---|---|---|"]  # fmt: skip
    for row in table[table.figure == "fdr"].itertuples():
        out.append(f"| {row.odds_ratio:g} | {row.cell:g} | {row.corpora} | {row.fdr:.3f} | {row.high:.3f} |")
    out += ["", "## Effects of the demo corpora, all at once", "",
            "| language | effect | audit | found |", "|---|---|---|---|"]  # fmt: skip
    for row in table[table.figure == "demo effect"].itertuples():
        out.append(f"| {row.language} | {row.effect} | {row.audit} | {row.found:g} of {row.corpora} |")
    out += ["", "## False alarms: clean corpora with any alarm in any audit",
            f"Goal: at most {ALLOWED} of 1,000. Audits that need vectors are not run here: "
            f"{', '.join(a.name for a in audits.AUDITS if a not in WITHOUT_VECTORS)}.", "",
            "counts: audits of counts, corpora drawn; words: those and the audits of words that look at labels,",
            "corpora drawn, labels dealt anew; fresh: audits of counts, corpora written anew. GenBit, nPMI and WEAT",
            "look at no label: dealing labels anew leaves what the texts say of women and men as it is.",
            "", "| language | corpora | which | alarmed | 95 % interval | by audit |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    clean_rows = [figure for figure in figures if figure["figure"] == "false alarms"]
    for language, kind in dict.fromkeys((row["language"], row["kind"]) for row in clean_rows):
        own = [row for row in clean_rows if (row["language"], row["kind"]) == (language, kind)]
        corpora, alarmed = (sum(row[name] for row in own) for name in ("corpora", "alarmed"))
        low, high = wilson_pair(alarmed, corpora)
        by_audit: Counter[str] = Counter()
        for row in own:
            by_audit.update(row["by_audit"])
        loud = ", ".join(f"{name} {n}" for name, n in by_audit.most_common()) or "–"
        out.append(f"| {language} | {corpora:,} | {kind} | {alarmed} | {low:.1%} to {high:.1%} | {loud} |")
    return "\n".join(out) + "\n"


def chart(figures: list[dict[str, object]]) -> str:
    """Power by cell as an SVG: one line per odds ratio, the worst and the best shape as its band."""
    width, height, left, top = 640, 320, 56, 16
    table = pd.DataFrame([f for f in figures if f["figure"] == "power"])
    span = np.log([CELLS[0], CELLS[-1]])

    def at(cell: float, share: float) -> tuple[float, float]:
        x = left + (np.log(cell) - span[0]) / (span[1] - span[0]) * (width - left - 120)
        return round(float(x), 1), round(top + (1 - share) * (height - top - 44), 1)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
             f'font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>']  # fmt: skip
    for share in (0, 0.25, 0.5, 0.75, 0.9, 1):
        (x0, y), (x1, _) = at(CELLS[0], share), at(CELLS[-1], share)
        dash = ' stroke-dasharray="4 3"' if share == 0.9 else ""
        parts.append(f'<line x1="{x0}" x2="{x1}" y1="{y}" y2="{y}" stroke="#bbb"{dash}/>'
                     f'<text x="{left - 8}" y="{y + 4}" text-anchor="end" fill="#444">{share:.0%}</text>')  # fmt: skip
    for cell in CELLS:
        x, y = at(cell, 0)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle" fill="#444">{cell}</text>')
    parts.append(f'<text x="{left}" y="{height - 6}" fill="#444">smallest expected cell (log scale); '
                 "band: from the worst to the best shape</text>")  # fmt: skip
    for odds, colour in zip(ODDS, ("#8a8f98", "#2f6f8f", "#b5532c"), strict=True):
        rows = table[table.odds_ratio == odds].groupby("cell")["share"]
        low, high, mean = rows.min(), rows.max(), rows.mean()
        seen = [cell for cell in CELLS if cell in mean.index]
        if not seen:
            continue
        band = [at(c, high[c]) for c in seen] + [at(c, low[c]) for c in reversed(seen)]
        line = [at(c, mean[c]) for c in seen]
        x, y = line[-1]
        shift = {1.5: 14, 2.0: 4, 3.0: -8}[odds]
        parts.append(f'<polygon points="{_points(band)}" fill="{colour}" opacity="0.15"/>'
                     f'<polyline points="{_points(line)}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{x + 8}" y="{y + shift}" fill="{colour}">odds ratio {odds:g}</text>')  # fmt: skip
    return "".join(parts) + "</svg>\n"


def _points(pairs: list[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in pairs)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a twentieth of the seeds; writes nothing")
    parser.add_argument("--part", choices=PARTS, help="print one part, write nothing")
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="write the documents from printed lines")
    given = parser.parse_args()
    figures: list[dict[str, object]] = []
    if given.merge:
        lines = [line for file in given.merge for line in Path(file).read_text(encoding="utf-8").splitlines()]
        figures = [json.loads(line) for line in lines]
    for part in () if given.merge else (given.part,) if given.part else PARTS:
        for figure in figures_of(part, 0.05 if given.quick else 1.0):
            figures.append(figure)
            print(json.dumps(figure, ensure_ascii=False), flush=True)
    if not given.quick and not given.part:
        (DOCS / "planted_bias.md").write_text(report(figures), encoding="utf-8")
        (DOCS / "planted_bias.svg").write_text(chart(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
