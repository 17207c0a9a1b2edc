"""What relevance is measured against: a description, example numbers, a slice of Explore, the texts of a file."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages._ui import frame, select_prepare
from pages._ui.select_words import goal_text
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.errors import SelectionError
from studio.measures import MEASURES
from studio.records import Snapshot
from studio.settings import MIB
from studio.workflows import runs, select_inputs, select_scores, select_targets
from studio.workflows.select_scores import ScoreState, Targets

GOAL, PINS, SLICE, FILE = "goal", "pins", "slice", "goal_file"
FILE_TYPES = ["txt", "csv", "tsv", "jsonl", "json", "parquet", "xlsx"]


def targets_of_url(snapshot: Snapshot) -> Targets | None:
    """The targets named in the URL; None when there are none, so that the newest relevance is used."""
    text, pins, chosen, file = (st.query_params.get(key, "") for key in (GOAL, PINS, SLICE, FILE))
    if not (text or pins or chosen or file):
        return None
    with frame.show_errors():
        return select_targets.read(
            frame.studio(), snapshot.snapshot_id, text=text, pins=pins, slice_text=chosen, file=file
        )
    return None


def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """The chooser, folded away once relevance is there, and the run that measures it."""
    _measure_named_goal(snapshot, state, targets)
    run = runs.live(frame.studio(), kind="measure", snapshot_id=snapshot.snapshot_id)
    if run is not None:
        select_prepare.progress(run.run_id, t("select.goal.working"))
    own = [item for item in state.views["relevance"].sets if "ids" in item.context]  # some need no goal
    label = t("select.goal.now", what=goal_text(own[0].context)) if own else t("select.goal.none")
    with st.expander(f"{t('select.goal.title')} · {label}", icon=":material/target:", key="goal_box", expanded=False):
        if state.around.encoder_key is None or not may(frame.current_user().role, "analyst"):
            st.caption(t("select.lacking.scores"))
            return
        with st.form("goal_form", border=False):
            text = st.text_area(
                t("select.goal.text"),
                st.query_params.get(GOAL, ""),
                max_chars=select_scores.MAX_DESCRIPTION,
                height=80,
                help=t("select.goal.text_help"),
                placeholder=t("select.goal.text_hint"),
            )
            pins = st.text_input(t("select.goal.pins"), st.query_params.get(PINS, ""), help=t("select.goal.pins_help"))
            chosen = ""
            n = select_targets.slice_size(frame.studio(), snapshot.snapshot_id, st.query_params.get(SLICE, ""))
            if n and st.checkbox(t("select.goal.slice", n=n), True):
                chosen = st.query_params.get(SLICE, "")
            kept = targets.file if targets and targets.file and st.checkbox(t("measure.goal.use_file"), True) else ""
            given = st.file_uploader(
                t("measure.goal.file"),
                type=FILE_TYPES,
                key="goal_upload",
                max_upload_size=select_targets.MOST_FILE_BYTES // MIB,
                help=t("measure.goal.file_help", n=select_inputs.MAX_TARGETS),
            )
            if st.form_submit_button(t("select.goal.button"), type="primary", icon=":material/target:"):
                with frame.show_errors():
                    _start(snapshot, text, pins, chosen, _kept(given) if given is not None else kept)


def _kept(given: UploadedFile) -> str:
    """The name under which the texts of an uploaded file are kept now; says how many there are."""
    found = select_targets.keep_file(frame.studio(), frame.current_user(), name=given.name, data=given.getvalue())
    st.toast(t("measure.goal.kept", n=found.n, unused=found.n_unused), icon=":material/task:")
    return found.name


def _measure_named_goal(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """Who comes with a goal in the URL (from Explore, say) gets it measured without asking again; once per visit."""
    if not select_scores.lacks_relevance(state, targets) or state.around.encoder_key is None or targets is None:
        return
    asked = (snapshot.snapshot_id, *(st.query_params.get(key, "") for key in (GOAL, PINS, SLICE, FILE)))
    tried = st.session_state.setdefault("select.goals_tried", set())
    if asked in tried or not may(frame.current_user().role, "analyst"):
        return
    tried.add(asked)
    if runs.live(frame.studio(), kind="measure", snapshot_id=snapshot.snapshot_id) is None:
        with frame.show_errors():
            _measure(snapshot, targets)


def _measure(snapshot: Snapshot, targets: Targets) -> None:
    names = select_scores.of_targets(frame.studio(), snapshot.snapshot_id)
    select_scores.measure(
        frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, measures=names, targets=targets
    )


def _start(snapshot: Snapshot, text: str, pins: str, chosen: str, file: str) -> None:
    targets = select_targets.read(
        frame.studio(), snapshot.snapshot_id, text=text, pins=pins, slice_text=chosen, file=file
    )
    if targets.is_empty:
        raise SelectionError(t("select.goal.empty").rstrip(".。"), got=None, fix="")
    for key, value in ((GOAL, text.strip()), (PINS, pins.strip()), (SLICE, chosen), (FILE, file)):
        if value:
            st.query_params[key] = value
        elif key in st.query_params:
            del st.query_params[key]
    state = select_scores.state(frame.studio(), snapshot.snapshot_id, targets)
    if select_scores.lacks_relevance(state, targets):
        _measure(snapshot, targets)
    st.rerun()


def stale(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """Scores that are older than what is known now, each with its reason, and one button that updates them."""
    old = [entry for view in state.views.values() for entry in view.stale]
    if not old:
        _offer_missing(snapshot, state, targets)
        return
    lines = [
        t(
            "select.stale.line",
            measure=t(f"measure.{name}.title"),
            why=t(key, **{k: _safe(v) for k, v in values.items()}),
        )
        for name, key, values in old
    ]
    st.warning(f"{t('select.stale.title')}  \n" + "  \n".join(lines), icon=":material/history:")
    if may(frame.current_user().role, "analyst") and st.button(t("select.stale.update"), icon=":material/update:"):
        with frame.show_errors():
            names = [name for name, _, _ in old if targets is not None or _needs_no_targets(name)]
            select_scores.measure(
                frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, measures=names, targets=targets
            )
            st.rerun()


def _offer_missing(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """A button where a view could have scores by now, such as difficulty after the first labels."""
    can = any(view.lacking == "select.lacking.scores" for view in state.views.values())
    idle = runs.live(frame.studio(), kind="measure", snapshot_id=snapshot.snapshot_id) is None
    if not (can and idle and may(frame.current_user().role, "analyst")):
        return
    if st.button(t("select.prepare.more"), icon=":material/add_chart:", key="measure_missing"):
        with frame.show_errors():
            select_scores.measure(
                frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, targets=targets
            )
            st.rerun()


def _safe(value: object) -> object:
    return plain(value) if isinstance(value, str) else value


def _needs_no_targets(name: str) -> bool:
    return all(not {"targets", "target_texts"} & set(measure.needs) for measure in MEASURES if measure.name == name)
