"""Why this example: its score part by part, what let it in or kept it out, its neighbour, the move that flips it."""

from __future__ import annotations

import math

import streamlit as st

from pages._ui import frame, widgets
from pages._ui.select_words import reason_text
from pages._ui.words import plain, t
from studio.records import VIEWS, Snapshot
from studio.store import examples
from studio.words import measures
from studio.workflows import select, select_why
from studio.workflows.select import Choice
from studio.workflows.select_why import Other, Why

_EXAMPLE, _CLICKED = "example", "why.clicked"


def show(snapshot: Snapshot, choice: Choice, clicked: int | None) -> None:
    """The panel; the example is the clicked row, else that of the link or the typed number, else the first chosen."""
    st.subheader(t("select.why.title"), anchor=False)
    if not len(choice.ids):
        st.caption(t("why.nothing_chosen"))
        return
    example_id = _asked(choice, clicked)
    known = examples.by_ids(frame.studio().store, snapshot.snapshot_id, [example_id], ["example_id", "text"])
    if known.empty or not select.in_pool(choice, example_id):
        st.info(t("select.why.not_in_pool", id=example_id), icon=":material/search_off:")
        return
    found = select_why.about(frame.studio(), snapshot.snapshot_id, choice, example_id)
    widgets.example_card(str(known["text"].iloc[0]), {})
    _place(found)
    _parts(choice, found)
    if choice.ranking is not None and st.toggle(t("select.why.flip_button"), key="flip"):
        _flip(choice, found)
    _others(snapshot, found)


def _asked(choice: Choice, clicked: int | None) -> int:
    """The number in the box, which is also in the URL; a newly clicked row goes into it."""
    if clicked is not None and clicked != st.session_state.get(_CLICKED):
        st.session_state[_CLICKED] = clicked
        st.session_state[_EXAMPLE] = clicked
    if _EXAMPLE not in st.session_state:
        linked = st.query_params.get(_EXAMPLE, "")
        st.session_state[_EXAMPLE] = int(linked) if linked.isascii() and linked.isdigit() and len(linked) < 16 \
            else int(choice.ids[0])  # fmt: skip
    asked = int(st.number_input(t("select.why.pick"), 0, 2**53 - 1, st.session_state[_EXAMPLE], step=1, key=_EXAMPLE,
                                help=t("select.why.pick_help")))  # fmt: skip
    if asked == int(choice.ids[0]):
        st.query_params.pop(_EXAMPLE, None)
    elif st.query_params.get(_EXAMPLE) != str(asked):
        st.query_params[_EXAMPLE] = str(asked)
    return asked


def _place(found: Why) -> None:
    reason, explained = plain(reason_text(found.code), 120), found.explained
    if explained is None:
        if found.is_in:
            st.success(t("why.inside", reason=reason), icon=":material/check:")
        else:
            st.info(t("select.why.outside_unscored", reason=reason), icon=":material/block:")
        st.caption(t("why.other_strategy"))
        return
    if found.is_in:
        st.success(t("select.why.inside", place=explained.place, of=explained.of, reason=reason),
                   icon=":material/check:")  # fmt: skip
    elif explained.score is None:
        st.info(t("select.why.outside_unscored", reason=reason), icon=":material/block:")
    else:
        st.info(t("select.why.outside", place=explained.place, of=explained.of, reason=reason),
                icon=":material/block:")  # fmt: skip
    if explained.score is not None and explained.threshold is not None:
        st.caption(t("select.why.score", score=explained.score, threshold=explained.threshold))


def _parts(choice: Choice, found: Why) -> None:
    """One table: a line per view in force, below it one per measure in use."""
    names, raws, units, weights, parts = [], [], [], [], []
    explained = found.explained
    for view in VIEWS:
        own = [one for one in found.measures if one.view == view]
        if not choice.weights[view] and (explained is not None or not own):
            continue
        names.append(t(f"select.view.{view}"))
        raws.append("")
        units.append(explained.unit[view] if explained else None)
        weights.append(float(choice.weights[view]) if explained else None)
        parts.append(explained.gave[view] if explained else None)
        for one in own:
            names.append(f"\u2003{measures.title(one.name)}")
            raws.append("–" if math.isnan(one.raw) else f"{one.raw:.4g} {t(measures.unit_key(one.name))}")
            units.append(None if math.isnan(one.unit) else one.unit)
            weights.append(100 * one.share if explained else None)
            parts.append(None if math.isnan(one.part) else one.part)
    if not names:
        return
    column, top = st.column_config, max((choice.weights[view] for view in VIEWS), default=100) / 100
    shown = {t("why.what"): names, "part": parts, "unit": units, "weight": weights, t("select.column.raw"): raws}
    if explained is None:
        shown = {name: values for name, values in shown.items() if name not in ("weight", "part", "unit")}
    st.dataframe(
        shown, hide_index=True, width="stretch",
        column_config={
            t("why.what"): column.TextColumn(width=150),
            "unit": column.NumberColumn(t("select.column.unit"), format="%.3f", width=80),
            "weight": column.NumberColumn(t("why.weight"), format="%.0f %%", width=70),
            "part": column.ProgressColumn(t("why.part"), min_value=0.0, max_value=top, format="%.3f", width=105,
                                          help=t("why.part_help")),
        },
        alt=t("select.why.gave"),
    )  # fmt: skip


def _others(snapshot: Snapshot, found: Why) -> None:
    """The chosen example it lost to, and the chosen one most like it, each with its text and a way to it."""
    told: list[tuple[str, Other]] = []
    if found.lost_to is not None:
        told.append(("lost_to", found.lost_to))
    if found.neighbour is not None:
        told.append(("neighbour", found.neighbour))
    if len(told) == 2 and told[0][1].example_id == told[1][1].example_id:
        told = [("lost_to_neighbour", told[0][1])]
    if found.neighbour is None:
        st.caption(t("why.no_neighbour"))
    ids = [other.example_id for _, other in told]
    texts = examples.by_ids(frame.studio().store, snapshot.snapshot_id, ids, ["example_id", "text"])
    text_of = dict(zip(texts["example_id"].tolist(), texts["text"].tolist(), strict=True))
    for name, other in told:
        st.markdown(f"**{t(f'why.{name}', id=other.example_id)}**")
        facts = {}
        if not math.isnan(other.similarity):
            facts[t("why.similarity")] = f"{other.similarity:.3f}"
        if found.explained is not None and not math.isnan(other.score):
            facts[t("select.column.score")] = f"{other.score:.3f}"
        widgets.example_card(str(text_of.get(other.example_id) or ""), facts)
        st.button(t("why.look", id=other.example_id), key=f"why_{name}", icon=":material/arrow_forward:",
                  on_click=_look, args=(other.example_id,))  # fmt: skip


def _look(example_id: int) -> None:
    st.session_state[_EXAMPLE] = example_id


def _flip(choice: Choice, found: Why) -> None:
    flip, distance = select.flip(choice, found.example_id, widgets.locked())
    if flip is None:
        st.caption(t("select.why.no_flip", distance=distance))
        return
    way = "flip_out" if found.is_in else "flip_in"
    st.caption(t(f"select.why.{way}", view=t(f"select.view.{flip.view}"), before=flip.before, after=flip.after))
