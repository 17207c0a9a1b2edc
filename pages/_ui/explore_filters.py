"""The filters of the map: their values (never their shown names) are URL parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages._ui import explore_data as data
from pages._ui.words import plain, t
from studio.mapping.halves import MAX_SEED
from studio.records import SPLITS, Condition, Snapshot, conditions_from_text
from studio.store import slices
from studio.store.maps import MapRecord
from studio.workflows import explore_colours
from studio.workflows.studio import Studio

FINDING = "f"  # a filter as conditions_to_text writes it, from a finding that leads here
TEXT, SLICE, HELD = "q", "slice", "held"
_BY_VALUE = (("f_label", "label_now"), ("f_source", "source"), ("f_language", "language"))


def show(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> tuple[Condition, ...]:
    """Draw the filters; values of several filters are joined by AND, values of one by OR."""
    choices = _choices(opened, snapshot, chart)
    keys = [TEXT, FINDING, *(key for key, *_ in choices)]
    n_on = sum(bool(st.query_params.get(key)) for key in keys)
    found = list(conditions_from_text(st.query_params.get(FINDING, "")))
    label = t("map.filters_on", n=n_on) if n_on else t("map.filters")
    with st.popover(label, icon=":material/filter_alt:", width="stretch"):
        if found:
            said = " · ".join(said_of(opened, chart, clause) for clause in found)
            st.caption(f"{t('map.from_finding')} {said}")
        st.session_state[f"{TEXT}.box"] = st.query_params.get(TEXT, "")
        typed = st.text_input(t("map.contains"), key=f"{TEXT}.box", max_chars=200, on_change=_typed)
        if typed.strip():
            found.append(Condition("text", "contains", typed.strip()))
        for key, name, options, shown in choices:
            chosen = _several(data.column_title(name), key, options, shown) if options else []
            if chosen:
                several = name == "label_now" and snapshot.task == explore_colours.SEVERAL
                found.append(Condition("labels", "has", chosen) if several else Condition(name, "in", chosen))
        st.button(t("map.clear_filters"), on_click=forget, args=(keys,), disabled=not n_on, key="clear_filters")
    return tuple(found)


def summary(opened: Studio, chart: MapRecord, conditions: Sequence[Condition]) -> None:
    """One line that says which filters are in force, and one press that lifts them."""
    if not conditions:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/filter_alt: {' · '.join(said_of(opened, chart, clause) for clause in conditions)}")
        st.button(t("map.clear_filters"), on_click=forget, args=([SLICE, *_chosen_now()],), key="clear_shown",
                  type="tertiary", icon=":material/filter_alt_off:")  # fmt: skip


def held_back() -> int | None:
    """The switch that holds half of the examples back for testing; its seed is in the URL."""
    st.session_state["held.box"] = seed_of_url() is not None
    st.toggle(t("map.held"), key="held.box", help=t("map.held_help"), on_change=_held)
    return seed_of_url()


def seed_of_url() -> int | None:
    """The seed of the half held back; None for none or what is no seed."""
    asked = st.query_params.get(HELD, "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 12 and int(asked) <= MAX_SEED else None


def _held() -> None:
    """Filters chosen while everything was shown were not chosen blind and go; slices know how they were found."""
    if st.session_state["held.box"]:
        forget(_chosen_now())
    choose(HELD, ["0"] if st.session_state["held.box"] else [])


def _chosen_now() -> list[str]:
    """URL keys of the filters in force, slices aside."""
    return [key for key in st.query_params if key in (TEXT, FINDING) or key.startswith(("f_", "g"))]


def _choices(
    opened: Studio, snapshot: Snapshot, chart: MapRecord
) -> list[tuple[str, str, Sequence[str], Mapping[str, str]]]:
    """URL key, column, values and their names of every filter by value."""
    splits = {split: t(f"map.split.{split}") for split in SPLITS}
    titles = {str(key): name for key, name in data.cluster_titles(opened, chart.map_id).items()}
    named = data.slice_names(opened, snapshot.snapshot_id)
    for asked in st.query_params.get_all(SLICE):  # a deleted slice is off the list, but a link to it holds
        other = slices.get_slice(opened.store, asked) if asked not in named else None
        if other is not None and other.snapshot_id == snapshot.snapshot_id:
            named[asked] = other.name
    listed: list[tuple[str, str, Sequence[str], Mapping[str, str]]] = [
        (SLICE, "slice", list(named), named),
        ("f_cluster", "cluster", list(titles), titles),
        ("f_split", "split_now", SPLITS, splits),
    ]
    groups = [(f"g{place}", name) for place, name in enumerate(snapshot.group_columns)]
    for key, name in (*_BY_VALUE, *groups):
        if name not in ("label_now", *snapshot.columns):
            continue
        column = data.column(opened, snapshot, chart.map_id, name)
        own = snapshot.label_names if name == "label_now" else ()
        options = list(dict.fromkeys([*own, *column.names[: data.LISTED]]))
        if len(options) > 1 or key in st.query_params:
            listed.append((key, name, options, data.value_titles(opened, chart.map_id, name, column)))
    return listed


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
        placeholder=t("map.any"),
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


def toggle(key: str, value: str) -> None:
    """Filter by one value alone; the same value again lifts the filter."""
    choose(key, [] if st.query_params.get_all(key) == [value] else [value])


def _typed() -> None:
    choose(TEXT, [st.session_state[f"{TEXT}.box"]] if st.session_state[f"{TEXT}.box"].strip() else [])


def forget(keys: Sequence[str]) -> None:
    """Take filters out of the URL."""
    for key in keys:
        st.query_params.pop(key, None)


def said_of(opened: Studio, chart: MapRecord, clause: Condition) -> str:
    """A clause as a person reads it, escaped for Markdown."""
    known = {
        "cluster",
        "label_now",
        "split_now",
        "text",
        "label",
        "labels",
        "source",
        "language",
        "slice",
        "example_id",
    }
    name = data.column_title(clause.column) if clause.column in known else clause.column.removeprefix("group_")
    mark = {"eq": "=", "ne": "≠", "in": "=", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "contains": "∋", "has": "∋"}
    given = clause.value if isinstance(clause.value, list | tuple) else [clause.value]
    shown = [_value(opened, chart, clause.column, value) for value in given[:6]] + (["…"] if len(given) > 6 else [])
    return f"{plain(name, 40)} {mark.get(clause.op, plain(clause.op, 20))} {' / '.join(shown)}"


def _value(opened: Studio, chart: MapRecord, column: str, value: object) -> str:
    if value is None:
        return "–"
    if column == "slice":
        return data.slice_title(opened, str(value))
    if column == "cluster" and len(str(value)) <= 16 and str(value).removeprefix("-").isdecimal():
        return plain(data.cluster_titles(opened, chart.map_id).get(int(str(value)), value), 60)
    if column == "split_now" and value in SPLITS:
        return t(f"map.split.{value}")
    return plain(value, 60)
