"""Two proposals side by side: facts, weights, groups, variety, study, and who differs with the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.review_list import state_name
from pages._ui.words import choose_language, plain, t
from studio.reports import recipe
from studio.reports.proposal import verdict
from studio.reports.said import column_name, group_name, reason, strategy_title
from studio.store.proposals import Proposal
from studio.workflows import proposals_compare
from studio.workflows import proposals_proof as proofs
from studio.workflows.proposals_compare import MOST_SHOWN, Only, SideBySide


def show(one: Proposal, other: Proposal) -> None:
    """The whole comparison; A is the proposal of the page, B the one it is held against."""
    found = proposals_compare.compare(frame.studio(), one, other)
    st.subheader(t("review.compare.title"), anchor=False)
    places = st.columns(2, gap="medium")
    for place, letter, proposal in ((places[0], "first_is", one), (places[1], "second_is", other)):
        with place.container(border=True, gap="xsmall", height="stretch"):
            st.markdown(f"**{t(f'review.compare.{letter}')}** · {plain(proposal.name, 120)}")
            st.caption(plain(verdict(proposal.content, lang=choose_language()), 500))
    if not found.same_pool:
        st.info(t("review.compare.pools_differ"), icon=":material/difference:")
    _facts(one, other, found)
    _how(one, other)
    st.subheader(t("review.compare.groups"), anchor=False)
    _groups(found)
    st.subheader(t("review.compare.both", both=found.both, a=found.n_first, b=found.n_second), anchor=False)
    places = st.columns(2, gap="medium")
    for place, key, rows, n in ((places[0], "only_a", found.first, found.n_first),
                                (places[1], "only_b", found.second, found.n_second)):  # fmt: skip
        with place:
            st.caption(t(f"review.compare.{key}"))
            _only(key, rows, n)


def _facts(one: Proposal, other: Proposal, found: SideBySide) -> None:
    rows = [(t(f"review.compare.{key}"), *(_fact(key, p) for p in (one, other)))
            for key in ("state", "strategy", "n", "pool", "seed")]  # fmt: skip
    unknown = t("review.compare.unknown")
    for view, a, b in found.weights:
        name = t(f"select.view.{view}") if view in ("relevance", "diversity", "difficulty", "quality") else view
        rows.append((t("review.compare.weight", view=name), *(unknown if w is None else str(w) for w in (a, b))))
    rows += [(t(f"review.compare.{key}"), *(_fact(key, p) for p in (one, other)))
             for key in ("distance", "vendi", "proof", "characters", "minutes")]  # fmt: skip
    heads = [t(f"review.compare.{name}") for name in ("facts", "first_is", "second_is")]
    lines = [heads, ["---"] * len(heads), *([plain(cell, 200) for cell in row] for row in rows)]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))  # its cells wrap: a phone shows all of them


def _fact(key: str, proposal: Proposal) -> str:
    content = proposal.content
    if key == "state":
        return state_name(proposal)
    if key == "strategy":
        return strategy_title(content["strategy"], lang=choose_language())
    if key in ("distance", "vendi"):
        one = (content["variety"] or {}).get(key)
        digits = 3 if key == "distance" else 1
        if one is None:
            return t("review.compare.unknown")
        value, low, high = (f"{one[name]:.{digits}f}" for name in ("value", "low", "high"))
        said = t("select.variety." + one["verdict"])
        return t("review.compare.variety", value=value, said=said, low=low, high=high)
    if key == "proof":
        return _proof(content.get("proof"))
    if key == "minutes":
        pace = content["cost"]["pace"]
        return (
            f"{pace['minutes']:,.0f} ({pace['low']:,.0f} – {pace['high']:,.0f})" if pace else t("proposal.cost_unknown")
        )
    if key == "characters":
        return f"{content['cost']['characters']:,}"
    return f"{content[{'n': 'n', 'pool': 'n_pool', 'seed': 'seed'}[key]]:,}"


def _proof(proof: Mapping[str, Any] | None) -> str:
    """The verdict of the study with its difference to random draws and the interval of that."""
    if not proof:
        return t("review.compare.proof_none")
    said = t(f"review.compare.proof_{proof['verdict']}")
    if not {"difference", "low", "high"} <= proof.keys():
        return said
    difference, low, high = (proofs.gap(proof["kind"], proof[name]) for name in ("difference", "low", "high"))
    unit = t(f"review.compare.proof_unit_{proofs.unit(proof['kind'])}")
    return t("review.compare.proof_numbers", said=said, difference=difference, low=low, high=high, unit=unit)


def _how(one: Proposal, other: Proposal) -> None:
    """What the two recipes say differently, in words: limits, goals and measures are not in the table."""
    lang = choose_language()
    told = [recipe.lines(proposal.content["recipe"], lang=lang) for proposal in (one, other)]
    if told[0] == told[1]:
        return
    st.subheader(t("review.compare.how"), anchor=False)
    for place, letter, own, others in zip(st.columns(2, gap="medium"), ("first_is", "second_is"), told, told[::-1],
                                          strict=True):  # fmt: skip
        with place:
            lines = [f"- {plain(line, 600)}" for line in own if line not in others]
            st.markdown(
                "\n".join([f"**{t(f'review.compare.{letter}')}**", "", *(lines or [t("review.compare.nothing_else")])])
            )


def _groups(found: SideBySide) -> None:
    if not found.groups:
        st.caption(t("proposal.groups_none"))
        return
    lang = choose_language()
    names = ("picked", "chance", "verdict")
    rows = sorted(found.groups, key=lambda row: not any(_is_clear(band) for band in row[2:]))  # what counts comes first
    columns: dict[str, list[Any]] = {
        t("review.column.group"): [
            f"{group_name(column, key, lang=lang)} ({column_name(column, lang=lang)})" for column, key, _, _ in rows
        ]
    }
    for letter, place in (("a", 2), ("b", 3)):
        for name in names:
            columns[t(f"review.compare.{name}_{letter}")] = [_cell(name, row[place]) for row in rows]
    chance = {t(f"review.compare.chance_{letter}"): st.column_config.NumberColumn(format="%.1f") for letter in "ab"}
    st.dataframe(columns, hide_index=True, width="stretch", column_config=chance,
                 height=min(390, 35 * (len(found.groups) + 1) + 3))  # fmt: skip


def _is_clear(band: Mapping[str, Any] | None) -> bool:
    return band is not None and not band["is_small"] and band["verdict"] in ("fewer", "more")


def _cell(name: str, band: Mapping[str, Any] | None) -> Any:
    if band is None:
        return None
    if name == "picked":
        return band["picked"]
    if name == "chance":
        return band["expected"]
    return t("proposal.too_small") if band["is_small"] else t(f"select.groups.verdict_{band['verdict']}")


def _only(key: str, rows: Sequence[Only], n: int) -> None:
    if not rows:
        st.caption(t("review.compare.nothing"))
        return
    lang, unknown = choose_language(), t("review.compare.unknown")
    st.dataframe(
        {
            t("proposal.number"): [one.example_id for one in rows],
            t("proposal.text"): [one.text for one in rows],
            t("review.compare.why_in"): [reason(one.inside, lang=lang) if one.inside else unknown for one in rows],
            t("review.compare.why_out"): [reason(one.outside, lang=lang) if one.outside else unknown for one in rows],
        },
        hide_index=True, width="stretch", height=320, key=f"review_{key}",
        column_config={
            t("proposal.number"): st.column_config.NumberColumn(width=60, format="%d"),
            t("proposal.text"): st.column_config.TextColumn(width=190),
            t("review.compare.why_in"): st.column_config.TextColumn(width=120),
            t("review.compare.why_out"): st.column_config.TextColumn(width=130),
        },
    )  # fmt: skip
    if n > MOST_SHOWN:
        st.caption(t("review.compare.first", n=MOST_SHOWN))
