"""Beside the map: the examples inside, one example in full, search, and the list of clusters."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages._ui import explore_data as data
from pages._ui import explore_filters, frame
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.records import Condition, Snapshot
from studio.store import examples
from studio.store.maps import MapRecord
from studio.workflows import explore_map
from studio.workflows import slices as slice_acts
from studio.workflows.studio import Studio

TABLE_ROWS = 500
TABLE_PX = 420
NEAREST = 8
SEARCH_ROWS = 20


def selection(
    opened: Studio, snapshot: Snapshot, chart: MapRecord, outline: str, conditions: Sequence[Condition]
) -> None:
    """How many examples are inside lasso and filters, their table, and what to do with them."""
    given = {"map_id": chart.map_id, "outline": outline, "conditions": tuple(conditions)}
    ids = explore_map.points_inside(opened, snapshot.snapshot_id, **given)
    is_part = bool(outline or conditions)
    key = "map.selected" if is_part else "map.all_shown"
    st.subheader(t(key, n=f"{len(ids):,}", total=f"{snapshot.n_examples:,}"), anchor=False)
    if outline:
        st.button(t("map.clear"), on_click=_clear_lasso, icon=":material/lasso_select:", key="clear_lasso")
    else:
        st.caption(t("map.how"))
    if not len(ids):
        st.info(t("map.nothing_inside"), icon=":material/lasso_select:")
        return
    shown = ids[:TABLE_ROWS]
    event = _table(opened, snapshot, chart, shown, key="inside_rows", height=TABLE_PX)
    note = t("map.pick_row")
    if len(ids) > len(shown):
        note = f"{t('map.first_rows', n=len(shown))} {note}"
    st.caption(note)
    _open_row(event, [int(i) for i in shown], "inside")
    if is_part and may(frame.current_user().role, "annotator"):
        _save(opened, snapshot, given, len(ids))


def _clear_lasso() -> None:
    st.query_params.pop("lasso", None)


def _save(opened: Studio, snapshot: Snapshot, given: dict[str, object], n: int) -> None:
    """Name what is inside: keep it, or rank by likeness to it."""
    with st.form("save_slice", border=True, clear_on_submit=False, enter_to_submit=False):
        name = st.text_input(t("map.slice_name"), placeholder=t("map.slice_hint"), max_chars=120)
        places = st.container(horizontal=True)
        save = places.form_submit_button(t("map.save"), icon=":material/bookmark:")
        target = places.form_submit_button(
            t("map.as_target"), icon=":material/target:", type="primary", help=t("map.as_target_help")
        )
        st.caption(t("map.looked"))
    if not (save or target):
        return
    with frame.show_errors():
        actor = frame.current_user()
        slice_id = slice_acts.save(opened, actor, snapshot_id=snapshot.snapshot_id, name=name, **given)
        if target:
            frame.go("select", slice=slice_id)
        st.success(t("map.saved", name=plain(name), n=f"{n:,}"), icon=":material/bookmark_added:")


def _table(
    opened: Studio,
    snapshot: Snapshot,
    chart: MapRecord,
    ids: Sequence[int],
    *,
    key: str,
    height: int,
    likeness: Sequence[float] | None = None,
) -> object:
    """A table of examples one row of which can be chosen; corpus text is shown as it is, never rendered."""
    names = ("example_id", "text", "label_now", "cluster", *snapshot.group_columns)
    rows = examples.by_ids(opened.store, snapshot.snapshot_id, ids, names, map_id=chart.map_id)
    titles = data.cluster_titles(opened, chart.map_id)
    rows["cluster"] = rows["cluster"].map(lambda number: titles.get(int(number), "") if pd.notna(number) else "")
    shown = ["label_now", *snapshot.group_columns]
    rows[shown] = rows[shown].astype(object).fillna("")  # a column without any value comes as numbers
    if likeness is not None:
        rows.insert(0, "likeness", list(likeness)[: len(rows)])
    config = {name: st.column_config.Column(data.column_title(name)) for name in rows.columns}
    config["text"] = st.column_config.TextColumn(data.column_title("text"), width=235)
    config["example_id"] = st.column_config.NumberColumn(data.column_title("example_id"), format="%d", width="small")
    if likeness is not None:
        config["likeness"] = st.column_config.NumberColumn(data.column_title("likeness"), format="%.3f", width="small")
    order = [*(["likeness"] if likeness is not None else []), "text", "label_now", "cluster"]
    return st.dataframe(
        rows,
        hide_index=True,
        column_config=config,
        column_order=[*order, *snapshot.group_columns, "example_id"],
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        height=height,
    )


def _open_row(event: object, ids: Sequence[int], source: str) -> None:
    """Open the example of a newly chosen row; a choice already acted on opens nothing again."""
    rows = ((event or {}).get("selection") or {}).get("rows") or []  # type: ignore[attr-defined]
    chosen = str(ids[rows[0]]) if rows and rows[0] < len(ids) else ""
    seen = f"explore.row.{source}"
    if chosen != st.session_state.get(seen, ""):
        st.session_state[seen] = chosen
        if chosen:
            st.query_params["example"] = chosen
            st.rerun()


def example(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> None:
    """The example of the URL in full, with its nearest neighbours."""
    asked = st.query_params.get("example", "")
    if not asked.isdecimal() or len(asked) > 16:
        return
    row = examples.by_ids(opened.store, snapshot.snapshot_id, [int(asked)], None, map_id=chart.map_id)
    if row.empty:
        return
    with st.container(border=True):
        places = st.columns([6, 1], vertical_alignment="center")
        places[0].subheader(t("map.example", id=int(asked)), anchor=False)
        places[1].button(t("map.close"), on_click=_close_example, icon=":material/close:", key="close_example")
        places = st.columns(2, gap="medium")
        with places[0]:
            _in_full(opened, snapshot, chart, int(asked))
        with places[1]:
            st.caption(f"{t('map.near')}. {t('map.show_near')}")
            near = explore_map.neighbours_of(opened, snapshot.snapshot_id, int(asked), NEAREST)
            ids = [number for number, _ in near]
            if ids:
                event = _table(
                    opened, snapshot, chart, ids, key=f"near_{asked}", height=320, likeness=[s for _, s in near]
                )
                _open_row(event, ids, f"near_{asked}")


def _close_example() -> None:
    st.query_params.pop("example", None)


def _in_full(opened: Studio, snapshot: Snapshot, chart: MapRecord, number: int) -> None:
    names = ("text", "label_now", "split_now", "cluster", *snapshot.group_columns)
    row = examples.by_ids(opened.store, snapshot.snapshot_id, [number], names, map_id=chart.map_id).iloc[0]
    titles = data.cluster_titles(opened, chart.map_id)
    facts = []
    for name in names[1:]:
        value = row[name]
        if pd.isna(value):
            continue
        if name == "cluster":
            value = titles.get(int(value), value)
        if name == "split_now":
            value = t(f"map.split.{value}")
        facts.append(f"{plain(data.column_title(name), 40)}: {plain(value, 60)}")
    st.caption(" · ".join(facts))
    st.code(row["text"] or " ", language=None, wrap_lines=True)


def search(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> None:
    """Typed text in, the nearest examples out."""
    spelling = chart.encoder_key.startswith("lexical")
    typed = st.text_input(
        t("map.search_spelling" if spelling else "map.search"),
        key="search",
        bind="query-params",
        placeholder=t("map.search_hint"),
        max_chars=explore_map.MAX_QUERY_CHARACTERS,
        icon=":material/search:",
    )
    if not typed.strip():
        return
    with frame.show_errors():
        with st.spinner(t("map.searching")):
            found = explore_map.search(opened, snapshot.snapshot_id, typed, SEARCH_ROWS)
        ids = [number for number, _ in found]
        event = _table(
            opened, snapshot, chart, ids, key="search_rows", height=320, likeness=[score for _, score in found]
        )
        st.caption(t("map.search_caption", n=len(found)))
        _open_row(event, ids, "search")


def cluster_list(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> None:
    """Every cluster with name, size and words; choosing one filters map and table."""
    st.caption(f"{t('map.clusters')}. {t('map.clusters_help')}")
    table = data.clusters(opened, chart.map_id)
    titles = data.cluster_titles(opened, chart.map_id)
    shown_words = zip(table["keywords"], table["cluster"], strict=True)
    shown = pd.DataFrame(
        {
            "cluster_name": [titles[int(number)] for number in table["cluster"]],
            "size": table["size"],
            "keywords": [_further(words, titles[int(number)]) for words, number in shown_words],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config={name: st.column_config.Column(data.column_title(name)) for name in shown.columns},
        on_select=_pick_cluster,
        selection_mode="single-row",
        key=f"clusters_{chart.map_id}",
        height=320,
    )
    st.session_state["explore.cluster_numbers"] = [str(int(number)) for number in table["cluster"]]
    st.session_state["explore.cluster_key"] = f"clusters_{chart.map_id}"


def _further(words: Sequence[str], title: str) -> str:
    """The keywords that a cluster's name does not say already."""
    named = {part.strip() for part in title.replace("、", ",").split(",")}  # names are joined by the corpus's own comma
    return ", ".join(word for word in words if word not in named)


def _pick_cluster() -> None:
    event = st.session_state.get(st.session_state.get("explore.cluster_key", ""), {})
    rows = (event.get("selection") or {}).get("rows") or []
    numbers = st.session_state.get("explore.cluster_numbers", [])
    explore_filters.choose("f_cluster", [numbers[rows[0]]] if rows and rows[0] < len(numbers) else [])
