"""The filters of the map: their values (never their shown names) are URL parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages._ui import explore_data as data
from pages._ui.words import plain, t
from studio.records import SPLITS, Condition, Snapshot, conditions_from_text
from studio.store.maps import MapRecord
from studio.workflows.studio import Studio

FINDING = "f"  # a filter as conditions_to_text writes it, from a finding that leads here
TEXT = "q"


def show(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> tuple[Condition, ...]:
    """Draw the filters; values of several filters are joined by AND, values of one by OR."""
    titles = {str(key): name for key, name in data.cluster_titles(opened, chart.map_id).items()}
    splits = {split: t(f"map.split.{split}") for split in SPLITS}
    choices: list[tuple[str, str, Sequence[str], Mapping[str, str]]] = [
        ("f_label", "label_now", snapshot.label_names, {}),
        ("f_cluster", "cluster", list(titles), titles),
        ("f_split", "split_now", SPLITS, splits),
    ]
    for place, name in enumerate(snapshot.group_columns):
        choices.append((f"g{place}", name, list(data.counts(opened, snapshot.snapshot_id, name)), {}))
    keys = [TEXT, FINDING, *(key for key, *_ in choices)]
    n_on = sum(bool(st.query_params.get(key)) for key in keys)
    found = list(conditions_from_text(st.query_params.get(FINDING, "")))
    with st.popover(
        t("map.filters_on", n=n_on) if n_on else t("map.filters"), icon=":material/filter_alt:", width="stretch"
    ):
        if found:
            st.caption(f"{t('map.from_finding')} {' · '.join(_said(clause) for clause in found)}")
        st.session_state[f"{TEXT}.box"] = st.query_params.get(TEXT, "")
        typed = st.text_input(t("map.contains"), key=f"{TEXT}.box", max_chars=200, on_change=_typed)
        if typed.strip():
            found.append(Condition("text", "contains", typed.strip()))
        for key, name, options, shown in choices:
            chosen = _several(data.column_title(name), key, options, shown) if options else []
            if chosen:
                found.append(Condition(name, "in", chosen))
        st.button(t("map.clear_filters"), on_click=forget, args=(keys,), disabled=not n_on, key="clear_filters")
    return tuple(found)


def _several(label: str, key: str, options: Sequence[str], shown: Mapping[str, str]) -> list[str]:
    chosen = [value for value in st.query_params.get_all(key) if value in options]
    st.session_state[f"{key}.box"] = chosen
    st.multiselect(
        label,
        options,
        format_func=lambda value: shown.get(value, value),
        key=f"{key}.box",
        on_change=_chosen,
        args=(key,),
    )
    return chosen


def _chosen(key: str) -> None:
    choose(key, st.session_state[f"{key}.box"])


def choose(key: str, values: Sequence[str]) -> None:
    """Put the values of one filter into the URL; none takes it out."""
    if values:
        st.query_params[key] = list(values)
    else:
        st.query_params.pop(key, None)


def _typed() -> None:
    choose(TEXT, [st.session_state[f"{TEXT}.box"]] if st.session_state[f"{TEXT}.box"].strip() else [])


def forget(keys: Sequence[str]) -> None:
    """Take filters out of the URL."""
    for key in keys:
        st.query_params.pop(key, None)


def _said(clause: Condition) -> str:
    """A clause of a finding as a person reads it."""
    known = {"cluster", "label_now", "split_now", "text", "label", "source", "language"}
    name = data.column_title(clause.column) if clause.column in known else clause.column.removeprefix("group_")
    mark = {"eq": "=", "ne": "≠", "in": "=", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "contains": "∋"}
    value = " / ".join(map(str, clause.value)) if isinstance(clause.value, list | tuple) else clause.value
    shown = "–" if value is None else value
    return f"{plain(name, 40)} {mark.get(clause.op, plain(clause.op, 20))} {plain(shown, 60)}"
