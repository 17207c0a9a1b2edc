"""A proposal as one HTML file that a person without Winnow can read, print and keep; records in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from studio.reports import recipe, said, svg
from studio.reports.escape import escape
from studio.words import t

LONGEST_TEXT = 2_000  # characters of one example; more is counted
MOST_ROWS = 24
PLACES = 1_000  # of the frame in which a proposal keeps its map


@dataclass(frozen=True)
class ProposalReport:
    """Everything the file says. `content` as the store keeps it; `texts` example id -> text, for those still there.

    `decisions` rows of kind, note, by, when, stale, is_checked; `comments` rows of example_id, body, by, when;
    `rounds` rows of number, name, labels, accuracy, openings, test (what the test split showed, in words); `looks` what
    a check whether the choice helps saw of the test split, sentences per opening. Names carry their mark where no login
    stood behind them.
    """

    name: str
    purpose: str
    known_limits: str
    corpus: str
    snapshot_id: str
    selection_id: str
    content_hash: str
    content: Mapping[str, Any]
    state: str
    by: str
    at: str
    stale: Sequence[said.Part] = ()
    decisions: Sequence[Mapping[str, Any]] = ()
    comments: Sequence[Mapping[str, Any]] = ()
    rounds: Sequence[Mapping[str, Any]] = ()
    looks: Sequence[Sequence[str]] = ()
    n_labelled: int = 0
    texts: Mapping[int, str] = field(default_factory=dict)
    previous: str | None = None
    has_next: bool = False
    made_at: str = ""
    made_by: str = ""


@cache
def _style() -> str:
    folder = Path(__file__).parent
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("style.css", "proposal.css"))


def verdict(content: Mapping[str, Any], *, lang: str | None = None) -> str:
    """The one sentence of a proposal: groups, variety, and whether it helps."""
    parts = [said.sentence(one, lang=lang) for one in content["verdict"]]
    if len(parts) == 3:
        return t("verdict.sentence", lang=lang, groups=parts[0], variety=parts[1], proof=parts[2])
    return t("verdict.one", lang=lang, text=t("proposal.semicolon", lang=lang).join(parts))


def person(name: str, verified: bool, *, lang: str | None = None) -> str:
    """A name, marked where no login stood behind it."""
    return name if verified else t("proposal.unverified", lang=lang, name=name)


def to_html(report: ProposalReport, *, lang: str) -> str:
    """One HTML document in `lang`: styles and pictures inside, no script, nothing to fetch; prints on A4."""
    title = t("proposal.title", lang=lang, name=report.name)
    parts = [
        f"<h1>{escape(title)}</h1>",
        *_head(report, lang),
        *_recipe(report, lang),
        *_groups(report.content, lang),
        *_variety(report.content, lang),
        *_looks(report, lang),
        *_map(report.content, lang),
        *_cost(report.content, lang),
        *_limits(report, lang),
        *_examples(report, lang),
        *_people(report, lang),
        *_how(report, lang),
    ]
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="{escape(lang)}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title><style>{_style()}</style></head><body><main>",
            *parts,
            "</main></body></html>",
            "",
        )
    )


def _h2(key: str, lang: str) -> str:
    return f"<h2>{escape(t(f'proposal.{key}', lang=lang))}</h2>"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _paragraphs(text: str, kind: str = "text") -> str:
    """What somebody wrote, line breaks kept, nothing of it markup."""
    return f'<p class="{kind}">' + "\n".join(escape(line) for line in text.split("\n")) + "</p>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _head(report: ProposalReport, lang: str) -> list[str]:
    facts = t("proposal.facts", lang=lang, n=report.content["n"], pool=report.content["n_pool"], corpus=report.corpus,
              snapshot=report.snapshot_id, by=report.by, when=report.at)  # fmt: skip
    line = t("proposal.state_waiting_line", lang=lang)
    if report.decisions:
        last = report.decisions[-1]
        line = t("proposal.state_line", lang=lang, state=t(f"proposal.state.{report.state}", lang=lang),
                 by=last["by"], when=last["when"])  # fmt: skip
    bare = bool(report.decisions) and report.state != "withdrawn" and not report.decisions[-1].get("is_checked", True)
    found = [
        f'<p class="facts">{escape(facts)}</p>',
        f'<p><span class="state {escape(report.state)}">{escape(line)}</span></p>',
        *([_quiet(t("proposal.unverified_decision", lang=lang))] if bare else []),
        f'<p class="lead">{escape(verdict(report.content, lang=lang))}</p>',
    ]
    if report.stale:
        told = "".join(f"<p>{escape(said.sentence(one, lang=lang))}</p>" for one in report.stale)
        title = escape(t("proposal.stale_title", lang=lang))
        found.append(f'<div class="notice"><p><strong>{title}</strong></p>{told}</div>')
    if report.previous is not None:
        found.append(_quiet(t("proposal.follows", lang=lang, name=report.previous)))
    if report.has_next:
        found.append(_quiet(t("proposal.followed", lang=lang)))
    return [*found, _h2("purpose", lang), _paragraphs(report.purpose)]


def _recipe(report: ProposalReport, lang: str) -> list[str]:
    return [_h2("recipe_title", lang), _list(recipe.lines(report.content["recipe"], lang=lang))]


# --- numbers ----------------------------------------------------------------------------------------------------------
def group_rows(content: Mapping[str, Any], most: int = MOST_ROWS) -> dict[str, tuple[list[Mapping[str, Any]], int]]:
    """Column -> the groups to show, largest first, and how many more there are; columns with an alarm first.

    Clusters come after people. Of clusters, those outside the band come first: there may be hundreds.
    """
    alarmed = {str(g["column"]) for g in content["groups"] if g["verdict"] in ("fewer", "more") and not g["is_small"]}
    by_column: dict[str, list[Mapping[str, Any]]] = {}
    for group in content["groups"]:
        by_column.setdefault(str(group["column"]), []).append(group)
    found = {}
    for column in sorted(by_column, key=lambda name: (name == "cluster", name not in alarmed, name)):
        rows = sorted(by_column[column], key=lambda g: (column == "cluster" and g["verdict"] == "within", -g["pool"]))
        found[column] = (rows[:most], max(0, len(rows) - most))
    return found


def _groups(content: Mapping[str, Any], lang: str) -> list[str]:
    found = [_h2("groups_title", lang)]
    columns = group_rows(content)
    if not columns:
        return [*found, _quiet(t("proposal.groups_none", lang=lang))]
    for column, (rows, more) in columns.items():
        name = said.column_name(column, lang=lang)
        chart = svg.bands([_bar(column, row, lang) for row in rows], title=name)
        found += [f"<h3>{escape(name)}</h3><figure>{chart}</figure>", _group_table(column, rows, lang)]
        if more:
            found.append(_quiet(t("proposal.groups_cut", lang=lang, n=more)))
    return [*found, _quiet(f"{t('proposal.groups_legend', lang=lang)} {groups_about(content, lang)}")]


def groups_about(content: Mapping[str, Any], lang: str) -> str:
    """What chance means beside these groups: free draws or draws under the same limits, worked out or drawn."""
    if content["draws"]:
        return t("proposal.groups_drawn", lang=lang, draws=content["draws"])
    return t(f"proposal.groups_exact{'_limits' if content.get('is_limited') else ''}", lang=lang)


def _bar(column: str, row: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {"label": said.group_name(column, row["key"], lang=lang), "share": row["share"], "low": row["low_share"],
            "high": row["high_share"], "pool": row["pool_share"], "text": f"{row['share']:.1%} · {row['picked']:,}",
            "kind": "" if row["is_small"] else row["verdict"], "faint": row["is_small"]}  # fmt: skip


def _group_table(column: str, rows: Sequence[Mapping[str, Any]], lang: str) -> str:
    names = {"group": "", "pool": " class=n", "picked": " class=n", "expected": " class=n", "band": " class=n",
             "verdict_column": ""}  # fmt: skip
    head = "".join(f"<th{kind}>{escape(t(f'proposal.{name}', lang=lang))}</th>" for name, kind in names.items())
    lines = []
    for row in rows:
        word = t("proposal.too_small" if row["is_small"] else f"select.groups.verdict_{row['verdict']}", lang=lang)
        numbers = (f"{row['pool']:,}", f"{row['picked']:,}", f"{row['expected']:,.1f}",
                   f"{row['low']:,} – {row['high']:,}")  # fmt: skip
        cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
        label = escape(said.group_name(column, row["key"], lang=lang))
        lines.append(f"<tr><td>{label}</td>{cells}<td>{escape(word)}</td></tr>")
    return f'<table class="long"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def variety_lines(content: Mapping[str, Any], *, lang: str | None = None) -> list[str]:
    """How varied the choice is beside random draws, a sentence per number; empty where it was not compared."""
    found = []
    for name, digits in (("distance", 3), ("vendi", 1)):
        one = (content["variety"] or {}).get(name)
        if one:
            found.append(
                t(
                    "proposal.variety_line", lang=lang, title=t(f"select.variety.{name}", lang=lang),
                    value=f"{one['value']:.{digits}f}", verdict=t(f"select.variety.{one['verdict']}", lang=lang),
                    draws=one["draws"], low=f"{one['low']:.{digits}f}", high=f"{one['high']:.{digits}f}", p=one["p"],
                )
            )  # fmt: skip
    return found


def _variety(content: Mapping[str, Any], lang: str) -> list[str]:
    lines = variety_lines(content, lang=lang) or [t("proposal.limit.no_variety", lang=lang)]
    return [_h2("variety_title", lang), _list(lines), _h2("checks_title", lang), _list(check_lines(content, lang=lang)),
            _h2("proof_title", lang), _list(proof_lines(content, lang=lang))]  # fmt: skip


def _looks(report: ProposalReport, lang: str) -> list[str]:
    """What was seen of the test split since, right below the check it belongs to."""
    return [part for lines in report.looks
            for part in (f"<h3>{escape(t('proved.title', lang=lang))}</h3>", _list(lines))]  # fmt: skip


def check_lines(content: Mapping[str, Any], *, lang: str | None = None) -> list[str]:
    """What every check of the corpus said of the choice beside random draws when the proposal was made."""
    checks = content.get("checks")
    if not checks:
        return [t("proposal.checks_none", lang=lang)]
    alone = t("proposal.checks_alone", lang=lang, n=checks["alarms"])
    return [*(said.sentence(one, lang=lang) for one in checks["said"]), alone]


def proof_lines(content: Mapping[str, Any], *, lang: str | None = None) -> list[str]:
    """Whether choosing helped in the study that was stored when the proposal was made."""
    proof = content.get("proof")
    if not proof:
        return [t("proposal.proof_none", lang=lang)]
    return [said.sentence(one, lang=lang) for one in proof["said"]]


def _map(content: Mapping[str, Any], lang: str) -> list[str]:
    shown = content["map"]
    if shown is None:
        return []
    title = t("proposal.map_title", lang=lang)
    names = [(x, y, name) for x, y, name in shown["names"]]
    chart = svg.density(shown["grid"], shown["points"], names, title=title, places=PLACES)
    about = map_about(shown, lang=lang)
    return [f"<h2>{escape(title)}</h2><figure>{chart}<figcaption>{escape(about)}</figcaption></figure>"]


def map_about(shown: Mapping[str, Any], *, lang: str | None = None) -> str:
    """What the picture of the chosen shows, and what it does not."""
    about = t("proposal.map_about", lang=lang, pool=shown["n_pool"], n=shown["n_points"], drawn=len(shown["points"]))
    trust = shown.get("trustworthiness")
    return about if trust is None else f"{about} {t('report.map_trust', lang=lang, trust=trust)}"


def cost_lines(content: Mapping[str, Any], *, lang: str | None = None) -> list[str]:
    """What the choice costs, and how the time was estimated."""
    cost, pace = content["cost"], content["cost"]["pace"]
    found = [t("proposal.cost_examples", lang=lang, n=content["n"]),
             t("proposal.cost_text", lang=lang, characters=cost["characters"], words=cost["words"])]  # fmt: skip
    if pace is None:
        return [*found, t("proposal.cost_unknown", lang=lang),
                t("proposal.cost_unknown_how", lang=lang, n=cost["n_durations"])]  # fmt: skip
    found.append(t("proposal.cost_minutes", lang=lang, **{key: pace[key] for key in ("minutes", "low", "high")}))
    found.append(t("proposal.cost_how", lang=lang, **{key: pace[key] for key in ("seconds", "labels", "pauses")}))
    return found


def benefit_lines(content: Mapping[str, Any], *, lang: str | None = None) -> list[str]:
    """What it buys: variety beside random draws, and whether a model learns more from it."""
    return [*variety_lines(content, lang=lang), *proof_lines(content, lang=lang)]


def _cost(content: Mapping[str, Any], lang: str) -> list[str]:
    sides = (("cost", cost_lines(content, lang=lang)), ("benefit", benefit_lines(content, lang=lang)))
    cells = "".join(
        f"<td><h3>{escape(t(f'proposal.{name}', lang=lang))}</h3>{_list(lines)}</td>" for name, lines in sides
    )
    return [_h2("cost_title", lang), f'<table class="two"><tbody><tr>{cells}</tr></tbody></table>']


# --- words and examples -----------------------------------------------------------------------------------------------
def _limits(report: ProposalReport, lang: str) -> list[str]:
    own = _paragraphs(report.known_limits) if report.known_limits else _quiet(t("proposal.limits_nothing", lang=lang))
    return [
        _h2("limits_title", lang),
        f"<h3>{escape(t('proposal.limits_said', lang=lang, by=report.by))}</h3>{own}",
        f"<h3>{escape(t('proposal.limits_found', lang=lang))}</h3>",
        _list([said.sentence(one, lang=lang) for one in report.content["limits"]]),
    ]


def why(one: Mapping[str, Any], *, lang: str | None = None) -> str:
    """Why an example is in or out: its reason, place and score, as far as they are known."""
    told = [said.reason(one["reason"], lang=lang)] if one["reason"] else []
    if one["place"] is not None:
        told.append(t("proposal.place", lang=lang, place=one["place"]))
    if one["score"] is not None:
        told.append(t("proposal.score", lang=lang, score=one["score"]))
    return " · ".join(told)


def example_titles(shown: Mapping[str, Any], *, lang: str | None = None) -> dict[str, tuple[str, str]]:
    """Heading of the examples in and near, and how they were drawn; near is missing where nobody knows."""
    found = {"in": (t("proposal.examples_in", lang=lang, n=len(shown["in"])),
                    t("proposal.examples_about", lang=lang, seed=shown["seed"]))}  # fmt: skip
    if shown["near"]:
        key = "examples_near_random" if shown["near_by"] == "random" else "examples_near"
        found["near"] = (t(f"proposal.{key}", lang=lang, n=len(shown["near"])),
                         t(f"proposal.{key}_about", lang=lang, seed=shown["seed"], of=shown["near_of"]))  # fmt: skip
    return found


def cut(text: str, *, lang: str | None = None) -> str:
    """The beginning of a long text and how much was left out."""
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT] + t("proposal.cut", lang=lang, n=len(text) - LONGEST_TEXT)


def _examples(report: ProposalReport, lang: str) -> list[str]:
    shown, found = report.content["examples"], []
    titles = example_titles(shown, lang=lang)
    for kind, (title, about) in titles.items():
        rows = []
        for one in shown[kind]:
            text = report.texts.get(one["id"])
            cell = _quiet(t("proposal.gone", lang=lang)) if text is None else _paragraphs(cut(text, lang=lang))
            rows.append(f'<tr><td class="n">{one["id"]}</td><td>{cell}</td>'
                        f'<td class="why quiet">{escape(why(one, lang=lang))}</td></tr>')  # fmt: skip
        head = "".join(f"<th{' class=n' if name == 'number' else ''}>{escape(t(f'proposal.{name}', lang=lang))}</th>"
                       for name in ("number", "text", "why"))  # fmt: skip
        found += [f"<h2>{escape(title)}</h2>", _quiet(about)]
        found.append(f'<table class="examples"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>')
    if "near" not in titles and shown["near_by"] == "none":
        found.append(_quiet(t("proposal.examples_near_none", lang=lang)))
    return found


def _people(report: ProposalReport, lang: str) -> list[str]:
    found = [_h2("decisions_title", lang)]
    for one in report.decisions:
        did = t(f"proposal.did.{one['kind']}", lang=lang)
        head = t("proposal.colon", lang=lang, name=f"{one['by']}, {one['when']}", value=did)
        body = _paragraphs(one["note"]) if one["note"] else ""
        if one["stale"]:
            told = " ".join(said.sentence(item, lang=lang) for item in one["stale"])
            body += _quiet(t("proposal.stale_then", lang=lang, what=told))
        found.append(f'<div class="said"><p><strong>{escape(head)}</strong></p>{body}</div>')
    if not report.decisions:
        found.append(_quiet(t("proposal.decisions_none", lang=lang)))
    found.append(_h2("comments_title", lang))
    for one in report.comments:
        about = (t("proposal.on_all", lang=lang) if one["example_id"] is None
                 else t("proposal.on_example", lang=lang, id=one["example_id"]))  # fmt: skip
        head = f"{one['by']}, {one['when']} · {about}"
        found.append(f'<div class="said"><p><strong>{escape(head)}</strong></p>{_paragraphs(one["body"])}</div>')
    if not report.comments:
        found.append(_quiet(t("proposal.comments_none", lang=lang)))
    told = [t("proposal.hangs_queue", lang=lang, labelled=report.n_labelled, n=report.content["n"])]
    for one in report.rounds:
        line = t("proposal.hangs_round", lang=lang, **{key: value for key, value in one.items() if key != "test"})
        told.append(f"{line} {one['test']}" if one.get("test") else line)
    told += [] if report.rounds else [t("proposal.hangs_no_round", lang=lang)]
    return [*found, _h2("hangs_title", lang), _list(told)]


def _how(report: ProposalReport, lang: str) -> list[str]:
    content = report.content
    hashes = t("proposal.how_hashes", lang=lang, selection=report.selection_id, ids=content["ids_hash"],
               recipe=content["recipe_hash"], content=report.content_hash)  # fmt: skip
    lines = [t("proposal.how_same", lang=lang, seed=content["seed"]), t("proposal.how_association", lang=lang),
             t("proposal.how_names", lang=lang),
             t("proposal.printed", lang=lang, when=report.made_at, by=report.made_by)]  # fmt: skip
    return [_h2("how_title", lang), f'<p class="quiet"><code>{escape(hashes)}</code></p>', *map(_quiet, lines)]
