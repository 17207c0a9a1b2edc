"""What a proposal would do: purpose, recipe in words, groups, variety, map, cost beside benefit, known limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.review_list import who
from pages._ui.words import choose_language, literal, plain, t
from studio.figures.proposal import chosen_map
from studio.figures.selection import MOST_KEYS, group_shares
from studio.reports import proposal as told
from studio.reports import recipe
from studio.reports.said import column_name, group_name, sentence
from studio.workflows.proposals import Seen


def show(seen: Seen) -> None:
    """All numbers, in the order in which a reviewer asks for them."""
    content, found = seen.proposal.content, seen.proposal
    st.subheader(t("proposal.purpose"), anchor=False)
    st.text(found.purpose)
    st.subheader(t("proposal.recipe_title"), anchor=False)
    _lines(recipe.lines(content["recipe"], lang=choose_language()))
    st.subheader(t("proposal.groups_title"), anchor=False)
    _groups(content)
    st.subheader(t("proposal.cost_title"), anchor=False)
    places = st.columns(2, gap="medium")
    for place, key, lines in ((places[0], "cost", told.cost_lines(content)),
                              (places[1], "benefit", told.benefit_lines(content))):  # fmt: skip
        with place.container(border=True, height="stretch", gap="small"):
            st.caption(t(f"proposal.{key}"))
            _lines(lines)
    st.subheader(t("proposal.checks_title"), anchor=False)
    _lines(told.check_lines(content))
    st.subheader(t("proposal.limits_title"), anchor=False)
    if found.known_limits:
        st.caption(t("proposal.limits_said", by=who(found.created_by, found.verified)))
        st.text(found.known_limits)
    st.caption(t("proposal.limits_found"))
    _lines([sentence(one, lang=choose_language()) for one in content["limits"]])
    if content["map"] is not None:
        st.subheader(t("proposal.map_title"), anchor=False)
        names = {"chosen": t("proposal.map_chosen"), "pool": t("proposal.map_pool")}
        figure = chosen_map(content["map"], names, dark=st.context.theme.type == "dark")
        st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key="review_map")
        st.caption(told.map_about(content["map"], lang=choose_language()))


def _lines(lines: Sequence[str]) -> None:
    """Sentences one below the other; texts of the corpus in them are characters."""
    choose_language()
    st.markdown("\n".join(f"- {plain(line, 600)}" for line in lines))


def _groups(content: Mapping[str, Any]) -> None:
    columns = told.group_rows(content)
    if not columns:
        st.caption(t("proposal.groups_none"))
        return
    shown = {name: column_name(name, lang=choose_language()) for name in columns}
    column = frame.url_select(
        st, t("review.who_groups"), list(columns), "by", format_func=lambda name: literal(shown[name]),
        label_visibility="collapsed",
    )  # fmt: skip
    rows, more = columns[column]
    names = {key: t(f"select.groups.{key}") for key in ("pool_share", "chosen_share", "band_name", "share_axis")}
    named = [{**row, "name": group_name(column, row["key"], lang=choose_language())} for row in rows]
    st.plotly_chart(group_shares(named, names), width="stretch", config={"displayModeBar": False}, key="review_groups")
    if len(rows) > MOST_KEYS:
        st.caption(t("select.groups.most_keys", n=MOST_KEYS, all=len(rows) + more))
    with st.expander(t("select.groups.table"), icon=":material/table_rows:"):
        st.dataframe(
            {
                t("proposal.group"): [row["name"] for row in named],
                t("proposal.verdict_column"): [_word(row) for row in rows],
                t("proposal.picked"): [row["picked"] for row in rows],
                t("proposal.expected"): [round(row["expected"], 1) for row in rows],
                t("proposal.band"): [f"{row['low']:,} – {row['high']:,}" for row in rows],
                t("proposal.pool"): [row["pool"] for row in rows],
            },
            hide_index=True, width="stretch",
        )  # fmt: skip
    if more:
        st.caption(t("proposal.groups_cut", n=more))
    st.caption(f"{t('proposal.groups_legend')} {told.groups_about(content, choose_language())}")


def _word(row: Mapping[str, Any]) -> str:
    return t("proposal.too_small") if row["is_small"] else t(f"select.groups.verdict_{row['verdict']}")
