"""Before and beside the map: which encoder and why, the button, the run as it goes, and how it ended."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, runs_words
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.workflows import explore, explore_previews, runs
from studio.workflows.explore import ExploreState
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_POLL_S = 1.0
_GIB = 1024**3
_FINENESS = {"coarse": 0.4, "medium": 1.0, "fine": 4.0}


def guard(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """The page of a corpus without a map: a running run, why the last one failed, or the button."""
    if state.run is not None:
        with st.container(border=True):
            st.subheader(t("explore.no_map"), anchor=False)
            _progress(opened, snapshot.snapshot_id, False)
        return
    with st.container(border=True):
        st.subheader(t("explore.no_map"), anchor=False)
        if state.ended is not None:
            _ended(opened, state.ended)
        _build_on(opened, snapshot, state)
        name = state.vectors.encoder if state.vectors else state.encoder
        st.write(t("explore.chosen_encoder", encoder=t(f"explore.encoder.{name}")))
        if name == state.encoder:
            st.caption(t(state.reason))
        _estimate(state)
        if not may(frame.current_user().role, "analyst"):
            return
        label = t("explore.again") if state.ended else t("explore.make")
        kind = "secondary" if state.earlier else "primary"
        if st.button(label, type=kind, icon=":material/scatter_plot:", key="make", help=t("explore.make_help"),
                     disabled=state.plan is not None and not state.plan.has_room):  # fmt: skip
            _start(opened, snapshot)
        _other_encoder(opened, snapshot, state)


def notices(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """Above a map: what kind of map it is, a run that makes another one, a failed attempt, an unsuitable encoder."""
    _kind_of_map(snapshot, state)
    if state.run is not None:
        with st.container(border=True):
            _progress(opened, snapshot.snapshot_id, True)
    else:
        is_left = state.map is not None and state.map.is_preview
        with st.container(horizontal=is_left, vertical_alignment="center"):
            _finish(opened, snapshot, state)
            if state.ended is not None and state.ended.status.state not in ("cancelled", "stopped"):
                _ended(opened, state.ended, is_brief=is_left)
    if state.is_hard_to_read and state.vectors is not None:
        share = f"{100 * (state.vectors.unknown_share or 0):.0f} %"
        st.warning(t("explore.unknown", share=share), icon=":material/translate:")
        if may(frame.current_user().role, "analyst") and st.button(t("explore.use_lexical"), key="use_lexical"):
            _start(opened, snapshot, "lexical")


def another(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """Another map of the same corpus: another encoder, finer clusters, another seed."""
    if not may(frame.current_user().role, "analyst"):
        return
    with st.expander(t("explore.made_anew"), icon=":material/replay:"):
        _build_on(opened, snapshot, state)
        _another(opened, snapshot, state)


def _another(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    with st.form("another_map", border=False, enter_to_submit=False):
        st.caption(t("explore.made_anew_help"))
        places = st.columns(3)
        current = state.map.encoder_key.partition("@")[0] if state.map else state.encoder
        names = list(explore.ENCODER_NAMES)
        encoder = places[0].selectbox(
            t("explore.other_encoder"),
            names,
            index=names.index(current) if current in names else 0,
            format_func=lambda name: _encoder_title(name, state),
        )
        fineness = places[1].selectbox(
            t("explore.fineness"), list(_FINENESS), index=1, format_func=lambda name: t(f"explore.{name}")
        )
        seed = places[2].number_input(t("explore.seed"), 0, 2**31 - 1, 0, help=t("explore.seed_help"))
        if st.form_submit_button(t("explore.make"), icon=":material/scatter_plot:"):
            _start(opened, snapshot, encoder, seed=int(seed), resolution=_FINENESS[fineness])


def _start(opened: Studio, snapshot: Snapshot, encoder: str | None = None, **values: float) -> None:
    with frame.show_errors():
        explore.start(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, encoder=encoder, **values)
        st.rerun()


def _encoder_title(name: str, state: ExploreState) -> str:
    mark = f" · {t('explore.default')}" if name == state.encoder else ""
    return t(f"explore.encoder.{name}") + mark


def _other_encoder(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    with st.expander(t("explore.other_encoder")):
        for name in explore.ENCODER_NAMES:
            if st.button(_encoder_title(name, state), key=f"with_{name}"):
                _start(opened, snapshot, name)


def _estimate(state: ExploreState) -> None:
    """What the map will cost, or that there is no memory for it."""
    cost = state.plan
    if cost is None:
        return
    memory, free = (f"{value / _GIB:.1f}" for value in (cost.peak_bytes, cost.free_bytes))
    if not cost.has_room:
        st.warning(t("explore.no_room", memory=memory, free=free), icon=":material/memory:")
        return
    if cost.seconds < 90:
        n = max(10, 10 * round(cost.seconds / 10))
        st.caption(t("explore.estimate_seconds", n=n, memory=memory, free=free))
    else:
        n = max(2, round(cost.seconds / 60))
        st.caption(t("explore.estimate_minutes", n=n, memory=memory, free=free))
    if cost.n_preview:
        st.caption(t("explore.estimate_preview", n=f"{cost.n_preview:,}"))


def _kind_of_map(snapshot: Snapshot, state: ExploreState) -> None:
    """A preview, a map through landmarks, or one that builds on an earlier version's says so."""
    chart = state.map
    if chart is None:
        return
    facts = chart.facts
    n = int(facts.get("n_landmarks") or 0)
    if chart.is_preview:
        key = "explore.preview" if state.run is not None else "explore.preview_left"
        st.info(t(key, n=f"{n:,}", rest=f"{snapshot.n_examples - n:,}"), icon=":material/hourglass_top:")
    elif facts.get("earlier_map"):
        key = "explore.placed_note" if "n_placed" in facts else "explore.fresh_note"
        moved = f"{100 * float(facts['moved_median']):.1f} %"
        new = f"{int(facts.get('n_placed') or 0):,}"
        st.caption(t(key, shared=f"{int(facts['n_shared']):,}", moved=moved, new=new))
    elif n:
        st.caption(t("explore.landmark_note", n=f"{n:,}"))


def _build_on(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """The map of an earlier version as a base: new examples placed on it, or a fresh layout that begins from it."""
    earlier = state.earlier
    if earlier is None or not may(frame.current_user().role, "analyst"):
        return
    given = {"name": plain(earlier.snapshot_name), "shared": f"{earlier.n_shared:,}", "new": f"{earlier.n_new:,}"}
    st.write(t("explore.place_new_help", **given))
    if earlier.vectors.encoder == "lexical":
        st.caption(t("explore.place_fitted", name=given["name"]))
    places = st.container(horizontal=True)
    chosen = None
    if places.button(t("explore.place_new"), type="primary", icon=":material/add_location_alt:", key="place_new"):
        chosen = True
    if places.button(t("explore.fresh_map"), icon=":material/replay:", key="fresh_map", help=t("explore.fresh_help")):
        chosen = False
    if chosen is not None:
        with frame.show_errors():
            explore.place_new(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, keep_places=chosen)
            st.rerun()


@st.fragment(run_every=_POLL_S)
def _progress(opened: Studio, snapshot_id: str, is_shown: bool) -> None:
    """The live run of this snapshot: embedding, then the map; the page starts over when there is none left.

    A corpus without any map starts over as soon as the preview is there; `is_shown` says that a map is on the page.
    """
    listed = runs.overview(opened, limit=0, kinds=("embed", "map"), snapshot_id=snapshot_id)
    view = next((item for item in listed if item.is_live), None)
    if view is None or (not is_shown and explore_previews.has_preview(opened, view.run_id)):
        st.rerun(scope="app")
    st.progress(view.share, text=runs_words.progress(view))
    st.caption(t("explore.busy"))
    if may(frame.current_user().role, "analyst"):
        places = st.container(horizontal=True)
        if places.button(t("explore.cancel"), icon=":material/cancel:", key="cancel_map"):
            with frame.show_errors():
                runs.cancel(opened, frame.current_user(), run_id=view.run_id)
        if explore_previews.has_preview(opened, view.run_id):
            if places.button(t("explore.keep_preview"), icon=":material/stop_circle:", key="keep_preview"):
                with frame.show_errors():
                    runs.stop(opened, frame.current_user(), run_id=view.run_id)
        if places.button(t("explore.to_runs"), icon=":material/pending_actions:", key="map_runs"):
            frame.go("runs")


def _finish(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """The button under a preview whose run is over."""
    chart = state.map
    if chart is None or not chart.is_preview or state.run is not None or not may(frame.current_user().role, "analyst"):
        return
    if st.button(t("explore.finish_map"), type="primary", icon=":material/scatter_plot:", key="finish_map"):
        resolution = float(chart.params.get("resolution", 1.0))
        _start(opened, snapshot, chart.encoder_key, seed=chart.seed, resolution=resolution)


def _ended(opened: Studio, view: RunView, *, is_brief: bool = False) -> None:
    """How the last run ended; brief under a preview, which says already that the map is not whole."""
    if view.status.state in ("cancelled", "stopped"):
        st.info(t("explore.cancelled"), icon=":material/info:")
        return
    detail = runs.detail(opened, view.run_id)
    trouble = view.trouble or detail.failure
    if not is_brief:
        st.error(t("explore.failed"), icon=":material/error:")
    if trouble.get("what"):
        frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
    reason = runs_words.reason(view.status)
    if reason:
        st.caption(reason)
    if st.button(t("explore.to_runs"), icon=":material/pending_actions:", key="failed_runs"):
        frame.go("runs")
