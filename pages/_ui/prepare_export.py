"""Writing a snapshot, a selection or the labelled set in the shape a trainer reads."""

from __future__ import annotations

import uuid

import streamlit as st

from pages._ui import frame, prepare_export_after, prepare_export_chat
from pages._ui.upload_files import size_text
from pages._ui.words import t
from studio.corpus.writing import FORMATS, PACKS, ExportPlan, Format
from studio.corpus.writing.template import MOST_CHARACTERS, default_words
from studio.records import SPLITS, Snapshot
from studio.workflows import corpora_export, export_files
from studio.workflows.corpora_export import Chosen
from studio.workflows.export_files import Look
from studio.workflows.studio import Studio

_WHAT, _FORMAT, _PACK, _BY_SPLIT = "w", "to", "as", "each"
_RUN_ID = "export.run_id"
_SHOWN_HEIGHT = 230


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
    if prepare_export_after.show_run(opened):
        return
    prepare_export_after.show_live(opened, snapshot)
    choice, rest = st.columns([2, 3], gap="large")
    with choice:
        what = _pick_what(opened, snapshot)
        form = _pick_format(snapshot)
    with rest, frame.show_errors():
        chosen = corpora_export.choose(opened, snapshot_id=snapshot.snapshot_id, what=what)
        plan = _pick_plan(opened, chosen, form)
        seen = export_files.look(opened, chosen=chosen, plan=plan)
        _act(opened, snapshot, plan, seen)
        _show_look(form, seen)
        prepare_export_chat.show(opened, chosen, plan)
    prepare_export_after.show_earlier(opened, snapshot)


def _pick_what(opened: Studio, snapshot: Snapshot) -> str:
    found = corpora_export.kinds(opened, snapshot.snapshot_id)
    names = {}
    for what, (n, name) in found.items():
        key = what.partition(":")[0]
        key = {"snapshot": "export.all_n", "labelled": "export.labelled_n", "selection": "export.selection_n",
               "slice": "export.slice_n"}[key]  # fmt: skip
        names[what] = t(key, n=n, **({"name": name} if name else {}))
    return frame.url_select(st, t("export.what"), list(found), _WHAT, format_func=names.__getitem__,
                            help=t("export.what_help"))  # fmt: skip


def _pick_format(snapshot: Snapshot) -> Format:
    fitting = [form for form in FORMATS if form.holds(snapshot.task)]
    names = {form.name: t(form.title) for form in fitting}
    name = frame.url_select(st, t("export.format_label"), list(names), _FORMAT, format_func=names.__getitem__,
                            widget="radio", captions=[t(form.line) for form in fitting])  # fmt: skip
    others = [form for form in FORMATS if not form.holds(snapshot.task)]
    if others:
        with st.expander(t("export.format_more")):
            for form in others:
                st.caption(f"**{t(form.title)}** · {t(form.why_not(snapshot.task))}")
    return next(form for form in fitting if form.name == name)


def _pick_plan(opened: Studio, chosen: Chosen, form: Format) -> ExportPlan:
    task = chosen.snapshot.task
    st.markdown(f"**{t(form.title)}**")
    losses = [code for code in form.lost(task) if code != "nothing"]
    st.caption(t("export.loses_line", list=" ".join(t(f"export.loses.{code}") for code in losses)) if losses
               else t("export.loses_nothing"))  # fmt: skip
    words = _pick_words(chosen) if form.needs_instruction(task) else ""
    columns: list[str] = []
    if form.is_table or form.keeps_columns:
        offered = [name for name in corpora_export.columns(opened, chosen) if form.is_table or name != "text"]
        hint = t("export.columns_all") if form.is_table else t("export.columns_none")
        columns = st.multiselect(t("export.columns"), offered, key="export.columns", placeholder=hint)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    counts = chosen.by_split()
    present = [name for name in SPLITS if name in counts]
    names = {name: f"{t(f'corpus.split.{name}')} {counts[name]:,}" for name in present}
    splits = left.pills(t("export.splits"), present, selection_mode="multi", format_func=names.__getitem__,
                        key="export.splits", help=t("export.splits_all"))  # fmt: skip
    by_split = right.toggle(t("export.by_split"), key=_BY_SPLIT, bind="query-params", disabled=len(present) < 2)
    packs = {name: t(f"export.pack_{name}") for name in PACKS}
    pack = frame.url_select(st, t("export.pack"), list(reversed(PACKS)), _PACK, format_func=packs.__getitem__,
                            widget="segmented_control", required=True)  # fmt: skip
    return ExportPlan(form.name, chosen.what, tuple(columns), tuple(splits or ()), by_split and len(present) > 1,
                      words, pack)  # fmt: skip


def _pick_words(chosen: Chosen) -> str:
    usual = default_words(chosen.snapshot.language, several=chosen.snapshot.task == "classification_multi")
    key = f"export.words.{chosen.snapshot.snapshot_id}"
    if key not in st.session_state:
        st.session_state[key] = usual
    return st.text_area(t("export.words"), key=key, height=68, max_chars=MOST_CHARACTERS,
                        help=t("export.words_help"))  # fmt: skip


def _act(opened: Studio, snapshot: Snapshot, plan: ExportPlan, seen: Look) -> None:
    places = st.container(horizontal=True, vertical_alignment="center")
    if places.button(t("export.go"), type="primary", icon=":material/download:", key="export.go"):
        run_id = st.session_state.setdefault(_RUN_ID, str(uuid.uuid4()))
        with frame.show_errors():
            corpora_export.start(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, plan=plan,
                                 run_id=run_id)  # fmt: skip
            del st.session_state[_RUN_ID]
            prepare_export_after.follow(run_id)
    places.caption(t("export.size", n=seen.n_examples, size=size_text(seen.n_bytes)))
    if seen.left_out:
        st.warning(t("export.size_left", n=sum(seen.left_out.values()), looked=seen.n_looked_at,
                     why=prepare_export_after.reasons(seen.left_out)), icon=":material/filter_alt:")  # fmt: skip


def _show_look(form: Format, seen: Look) -> None:
    st.markdown(f"**{t('export.preview')}**")
    language = "json" if form.extension in (".json", ".jsonl") else None
    st.code(seen.text.rstrip("\n"), language=language, height=_SHOWN_HEIGHT, wrap_lines=True)
    if seen.is_cut:
        st.caption(t("export.preview_cut"))
