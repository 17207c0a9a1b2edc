"""The identity terms behind the word checks: see them, read what they find, strike, edit, upload, go back."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio import lexicons
from studio.access.roles import may
from studio.records import Snapshot, Term
from studio.workflows import lexicons as acts
from studio.workflows.lexicons import Standing
from studio.workflows.studio import Studio

CHECKS = frozenset({"mentions", "mention_labels", "genbit", "npmi", "weat"})


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The list in force, by axis; a viewer looks, an analyst decides."""
    standing = acts.standing(studio, snapshot)
    if standing is None:
        return
    with st.expander(
        t("audit_words.list.title", n=len(standing.lexicon.terms)), icon=":material/menu_book:", key="lexicon_list"
    ):
        _about(standing)
        axis = frame.url_select(st, t("audit.column.axis"), lexicons.AXES, "lx",
                                format_func=lambda name: t(f"audit_words.axis.{name}"), widget="pills", required=True,
                                label_visibility="collapsed")  # fmt: skip
        decides = may(frame.current_user().role, "analyst")
        with frame.show_errors():
            edited = _table(standing, axis, decides)
            if decides:
                _save(studio, snapshot, standing, axis, edited)
            _matches(studio, snapshot, standing, axis, decides)
            _files(studio, snapshot, standing, decides)


def _about(standing: Standing) -> None:
    listed = standing.listed
    where = t("audit_words.list.builtin") if standing.is_builtin else plain(listed.source, 120)
    reviewer = t("audit_words.list.read") if standing.is_builtin else plain(listed.reviewer, 60)
    st.caption(t("audit_words.list.about", source=where, reviewer=reviewer))
    if standing.changed_at is not None:
        struck = len(standing.struck_terms), len(standing.lexicon.struck)
        st.caption(t("audit_words.list.changed", who=plain(standing.changed_by, 60), terms=struck[0], hits=struck[1],
                     when=f"{standing.changed_at:%Y-%m-%d %H:%M}"))  # fmt: skip


def _rows(standing: Standing, axis: str) -> pd.DataFrame:
    own = [row for row in lexicons.to_rows(standing.listed) if row["axis"] == axis]
    for row in own:
        row["ambiguous"] = row["ambiguous"] == "yes"
    return pd.DataFrame(own, columns=["term", "group", "match", "ambiguous", "note"])


def _table(standing: Standing, axis: str, decides: bool) -> pd.DataFrame:
    config = {
        "term": st.column_config.TextColumn(t("audit_words.list.term"), required=True, max_chars=60),
        "group": st.column_config.TextColumn(t("audit.column.value"), required=True, max_chars=60),
        "match": st.column_config.SelectboxColumn(
            t("audit_words.list.match"), options=["word", "substring"], required=True,
            default="substring" if standing.listed.language == "zh" else "word",
            help=t("audit_words.list.match_help"), format_func=lambda name: t(f"audit_words.match.{name}"),
        ),
        "ambiguous": st.column_config.CheckboxColumn(
            t("audit_words.list.ambiguous"), default=False, help=t("audit_words.list.ambiguous_help")
        ),
        "note": st.column_config.TextColumn(t("audit_words.list.note"), max_chars=200, width="medium"),
    }  # fmt: skip
    rows = _rows(standing, axis)
    if not decides:
        st.dataframe(rows, hide_index=True, column_config=config, height=300)
        return rows
    version = standing.changed_at.timestamp() if standing.changed_at else 0
    return st.data_editor(rows, hide_index=True, num_rows="dynamic", column_config=config, height=300,
                          key=f"lexicon.edit.{axis}.{version}")  # fmt: skip


def _save(studio: Studio, snapshot: Snapshot, standing: Standing, axis: str, edited: pd.DataFrame) -> None:
    before = _rows(standing, axis)
    if edited.reset_index(drop=True).equals(before):
        return
    if st.button(t("audit_words.list.save"), type="primary", icon=":material/save:", key="lexicon.save",
                 help=t("audit_words.list.save_help")):  # fmt: skip
        began = [row for row in lexicons.to_rows(standing.listed) if row["axis"] == axis]
        acts.set_axis(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, axis=axis,
                      terms=edited.to_dict("records"), began=began)  # fmt: skip
        _done()


def _done() -> None:
    st.toast(t("audit_words.list.saved"), icon=":material/check:")
    st.rerun()


# --- what a term finds ------------------------------------------------------------------------------------------------
def _matches(studio: Studio, snapshot: Snapshot, standing: Standing, axis: str, decides: bool) -> None:
    st.markdown(f"**{t('audit_words.list.matches')}**")
    terms = {lexicons.key_of(term.term): term for term in standing.listed.terms if term.axis == axis}
    key = st.selectbox(t("audit_words.list.term"), list(terms), key=f"lexicon.term.{axis}",
                       format_func=lambda name: _term_title(terms[name], name in standing.struck_terms))  # fmt: skip
    if key is None:
        return
    found = acts.hits(studio, snapshot_id=snapshot.snapshot_id, term=key)
    if found.empty:
        st.caption(t("audit_words.list.no_hits"))
    else:
        _hits(studio, snapshot, key, found, decides)
    if decides:
        is_struck = key in standing.struck_terms
        label = t("audit_words.list.keep_term" if is_struck else "audit_words.list.strike_term",
                  term=plain(terms[key].term, 40))  # fmt: skip
        if st.button(label, icon=":material/undo:" if is_struck else ":material/block:", key="lexicon.strike_term"):
            acts.strike_term(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, term=key,
                             struck=not is_struck)  # fmt: skip
            _done()


def _term_title(term: Term, is_struck: bool) -> str:
    """A select box shows its options as they are, so nothing is escaped here."""
    marks = [t("audit_words.list.ambiguous")] * term.is_ambiguous + [t("audit_words.list.struck")] * is_struck
    return f"{term.term} · {term.group}" + (f" ({', '.join(marks)})" if marks else "")


def _hits(studio: Studio, snapshot: Snapshot, key: str, found: pd.DataFrame, decides: bool) -> None:
    columns = {
        "example_id": st.column_config.NumberColumn(t("audit.column.example_id"), format="%d", width="small"),
        "before": st.column_config.TextColumn(t("audit_words.list.before"), alignment="right", width="large"),
        "found": st.column_config.TextColumn(t("audit_words.list.found"), width="small"),
        "after": st.column_config.TextColumn(t("audit_words.list.after"), width="large"),
        "struck": st.column_config.CheckboxColumn(t("audit_words.list.false_hit"), width="small"),
    }
    shown = found[["struck", "before", "found", "after", "example_id"]]
    if not decides:
        st.dataframe(shown, hide_index=True, column_config=columns)
        return
    known = [name for name in shown.columns if name != "struck"]
    marked = st.data_editor(shown, hide_index=True, column_config=columns, disabled=known,
                            key=f"lexicon.hits.{key}.{int(found['struck'].sum())}")  # fmt: skip
    changed = marked[marked["struck"] != found["struck"].to_numpy()]
    if changed.empty:
        st.caption(t("audit_words.list.mark"))
        return
    if st.button(t("audit_words.list.save_hits", n=len(changed)), type="primary", key="lexicon.save_hits"):
        for struck, own in changed.groupby("struck"):
            acts.strike_hits(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, term=key,
                             example_ids=own["example_id"].tolist(), struck=bool(struck))  # fmt: skip
        _done()


# --- files ------------------------------------------------------------------------------------------------------------
def _files(studio: Studio, snapshot: Snapshot, standing: Standing, decides: bool) -> None:
    places = st.columns([1, 1, 2], vertical_alignment="bottom")
    places[0].download_button(t("audit_words.list.download"), lexicons.to_csv(standing.listed).encode("utf-8-sig"),
                              f"identity_terms_{standing.listed.language}.csv", "text/csv", on_click="ignore",
                              icon=":material/download:", key="lexicon.download", width="stretch")  # fmt: skip
    if not decides:
        return
    is_plain = standing.is_builtin and not standing.struck_terms and not standing.lexicon.struck
    if places[1].button(t("audit_words.list.reset"), icon=":material/restart_alt:", key="lexicon.reset",
                        width="stretch", disabled=is_plain, help=t("audit_words.list.reset_help")):  # fmt: skip
        acts.reset(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id)
        _done()
    given = st.file_uploader(t("audit_words.list.upload"), type=["csv"], key="lexicon.file",
                             help=t("audit_words.list.upload_help"))  # fmt: skip
    if given is not None and st.button(t("audit_words.list.use"), type="primary", key="lexicon.use",
                                       icon=":material/check:"):  # fmt: skip
        acts.set_from_file(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, data=given.getvalue(),
                           name=given.name)  # fmt: skip
        _done()
