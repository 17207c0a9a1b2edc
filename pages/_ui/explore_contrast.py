"""What sets the examples inside apart from the rest, from a cluster or from a slice."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import explore_data as data
from pages._ui import explore_table as table
from pages._ui import frame
from pages._ui.words import t
from studio.records import Condition, Snapshot, conditions_to_text
from studio.store import annotation_facts
from studio.store.maps import MapRecord
from studio.workflows import contrast
from studio.workflows.contrast import Contrast, Part
from studio.workflows.studio import Studio

AGAINST, REST = "against", "rest"
WORDS, CATEGORIES = 12, 15


def open_() -> None:
    """Show the panel, against the rest."""
    st.query_params[AGAINST] = REST


def show(opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside) -> None:
    """The panel below the map; nothing unless the URL asks for it and something is inside."""
    asked = st.query_params.get(AGAINST, "")
    if not asked or not inside.is_part:
        return
    with st.container(border=True, key="contrast"):
        places = st.columns([5, 3, 1], vertical_alignment="bottom")
        places[0].subheader(t("map.apart_title"), anchor=False)
        options = _options(opened, snapshot, chart)
        with places[1]:
            against = frame.url_select(
                st, t("map.against"), list(options), AGAINST, format_func=lambda name: options.get(name, name)
            )
        places[2].button(t("map.close"), on_click=_close, icon=":material/close:", key="close_contrast",
                         type="tertiary")  # fmt: skip
        with frame.show_errors():
            part, other = _parts(opened, snapshot, chart, inside, against)
            found = _compared(opened, snapshot, part, other, inside.held)
            _said(found, inside)
            places = st.columns(2, gap="medium")
            with places[0]:
                _words(found)
            with places[1]:
                _categories(found)
            _lengths(found)
            if found.typical:
                st.caption(t("map.typical"))
                ids, likeness = [n for n, _ in found.typical], [s for _, s in found.typical]
                table.show(opened, snapshot, chart, ids, key="typical_rows", height=215, likeness=likeness)


def _close() -> None:
    st.query_params.pop(AGAINST, None)


def _options(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> dict[str, str]:
    """What the part may be compared with: the rest, every cluster, every slice."""
    titles = data.cluster_titles(opened, chart.map_id)
    found = {REST: t("map.the_rest")}
    found |= {f"c{number}": t("map.against_cluster", name=name) for number, name in titles.items() if number >= 0}
    named = data.slice_names(opened, snapshot.snapshot_id)
    return found | {f"s{key}": t("map.against_slice", name=name) for key, name in named.items()}


def _parts(
    opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside, against: str
) -> tuple[Part, Part | None]:
    """Both sides with how they were found."""
    blind = inside.held if inside.was_drawn_blind or not inside.outline else None
    where = (snapshot.snapshot_id, chart.map_id)
    mark = data.mark_of(opened, *where, inside.conditions)
    part = _part(opened, inside.conditions, *where, inside.outline, conditions_to_text(inside.conditions), blind, mark)
    if against == REST:
        return part, None
    column, value = ("cluster", int(against[1:])) if against[0] == "c" else ("slice", against[1:])
    clauses = (Condition(column, "eq", value),)
    mark = data.mark_of(opened, *where, clauses)
    return part, _part(opened, clauses, *where, "", conditions_to_text(clauses), blind, mark)


@st.cache_resource(max_entries=24, show_spinner=False)
def _part(
    _opened: Studio, _clauses: tuple[Condition, ...], snapshot_id: str, map_id: str, outline: str, clauses: str,
    blind: int | None, mark: str,
) -> Part:  # fmt: skip
    """A side, kept while nothing it depends on changes: another colour asks for nothing."""
    return contrast.part_of(_opened, snapshot_id, map_id=map_id, outline=outline, conditions=_clauses, blind=blind)


def _compared(opened: Studio, snapshot: Snapshot, part: Part, other: Part | None, held: int | None) -> Contrast:
    mark = annotation_facts.mark(opened.store, snapshot.snapshot_id)
    keys = [(hash(one.ids.tobytes()), one.from_map, one.columns, one.blind) if one else None for one in (part, other)]
    return _kept(opened, part, other, snapshot.snapshot_id, str(keys), held, mark)


@st.cache_resource(max_entries=12, show_spinner=False)
def _kept(
    _opened: Studio, _part: Part, _other: Part | None, snapshot_id: str, keys: str, held: int | None, mark: str
) -> Contrast:
    return contrast.compare(_opened, snapshot_id, _part, _other, held=held)


def forget() -> None:
    """Let go of everything that map and comparisons keep in memory."""
    _kept.clear()
    _part.clear()
    data.forget()


def _said(found: Contrast, inside: data.Inside) -> None:
    """What the numbers rest on, and whether anything may be called tested."""
    st.caption(t("map.apart_n", a=f"{found.n_in:,}", b=f"{found.n_out:,}", ratio=f"{found.smallest:.1f}"))
    if found.is_tested:
        st.info(t("map.tested", a=f"{found.held_in:,}", b=f"{found.held_out:,}"), icon=":material/verified:")
    else:
        why = "map.not_blind" if inside.held is not None else "map.found_by_looking"
        st.info(t(why), icon=":material/visibility:")


def _words(found: Contrast) -> None:
    """Words likelier inside, then words likelier outside, by how sure the difference is."""
    st.caption(t("map.words_title", a=f"{found.n_texts[0]:,}", b=f"{found.n_texts[1]:,}"))
    if found.words.empty:
        st.caption(t("map.no_words"))
        return
    shown = pd.concat([found.words[found.words["z"] > 0].head(WORDS), found.words[found.words["z"] < 0].head(WORDS)])
    order = ["word", "share_in", "share_out", "log_odds", *(["q"] if found.words_tested else [])]
    _table(shown, "log_odds", order, "apart_words")
    if found.is_tested and not found.words_tested:
        st.caption(t("map.words_not_tested"))


def _categories(found: Contrast) -> None:
    """Labels and groups over- or under-represented inside, the surest difference first."""
    st.caption(t("map.categories_title"))
    if found.categories.empty:
        st.caption(t("map.no_categories"))
        return
    shown = found.categories.head(CATEGORIES)
    names = zip(shown["attribute"], shown["name"], strict=True)
    shown = shown.assign(
        name=[f"{value or t('map.missing')} ({data.column_title(str(column))})" for column, value in names]
    )
    order = ["name", "share_in", "share_out", "odds_ratio", *(["held_ratio", "q"] if found.is_tested else [])]
    _table(shown, "odds_ratio", order, "apart_groups")
    if found.overlaps:
        st.caption(t("map.labels_overlap"))


def _table(rows: pd.DataFrame, estimate: str, order: list[str], key: str) -> None:
    """Shares in per cent, the estimate with its interval in one column."""
    ends = zip(rows[estimate], rows["low"], rows["high"], strict=True)
    shown = rows.assign(
        share_in=100 * rows["share_in"],
        share_out=100 * rows["share_out"],
        **{estimate: [t("map.interval", value=f"{value:.2f}", low=f"{low:.2f}", high=f"{high:.2f}")
                      for value, low, high in ends]},
    )  # fmt: skip
    st.dataframe(shown, hide_index=True, column_order=order, column_config=_config(), height=320, key=key)


def _config() -> dict[str, object]:
    number, plain_column = st.column_config.NumberColumn, st.column_config.Column
    formats = {"share_in": "%.1f %%", "share_out": "%.1f %%", "held_ratio": "%.2f", "q": "%.3f"}
    found: dict[str, object] = {
        name: number(t(f"map.apart_column.{name}"), format=form, width=75, help=t(f"map.apart_help.{name}"))
        for name, form in formats.items()
    }
    for name in ("log_odds", "odds_ratio"):
        found[name] = plain_column(t(f"map.apart_column.{name}"), width=150, help=t(f"map.apart_help.{name}"))
    return found | {name: plain_column(t(f"map.apart_column.{name}")) for name in ("word", "name")}


def _lengths(found: Contrast) -> None:
    if found.lengths is None:
        return
    given = {
        name: f"{found.lengths[name]:,.0f}"
        for name in ("median_in", "q1_in", "q3_in", "median_out", "q1_out", "q3_out")
    }
    share = {name: f"{100 * found.lengths[name]:.0f} %" for name in ("longer", "low", "high")}
    st.caption(t("map.lengths", **given, **share))
