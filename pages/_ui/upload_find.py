"""Need first: describe what the task needs, look at what fits in the corpora that are here, freeze it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages._ui import frame, upload_find_chance, upload_run
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.workflows import find, find_freeze
from studio.workflows.find import Found, Need
from studio.workflows.studio import Studio

_NEED, _RUN, _PARAM = "find.need", "find.run_id", "frozen"
_TABLE_ROWS = 500  # rows that can be unticked one by one
_BUDGETS = (10, 5_000)


def show(opened: Studio) -> None:
    """Draw this way of making a corpus."""
    if run_id := st.query_params.get(_PARAM):
        _frozen(opened, run_id)
        return
    listed = find.newest_of_each(opened)
    if not listed:
        st.info(t("find.none"), icon=":material/database:")
        if st.button(t("upload.home"), icon=":material/home:"):
            frame.go("home")
        return
    st.caption(t("find.intro"))
    if (need := _ask(listed)) is not None:
        st.session_state[_NEED] = need
        st.session_state[_RUN] = find.new_id()
    if (kept := st.session_state.get(_NEED)) is not None:
        known = {snapshot.snapshot_id for snapshot in listed}
        with frame.show_errors(), st.spinner(t("find.searching", n=sum(s.n_examples for s in listed))):
            found = _search(opened, kept, tuple(sorted(known)))
        _result(opened, listed, found)


@st.cache_data(show_spinner=False, max_entries=8, scope="session")
def _search(_opened: Studio, need: Need, known: tuple[str, ...]) -> Found:
    """`known` are the snapshots there are: another one makes it another search."""
    return find.search(_opened, need)


def _ask(listed: Sequence[Snapshot]) -> Need | None:
    """The form; the need when Search was pressed."""
    with st.form("find.form", border=True):
        left, right = st.columns([3, 2], gap="medium")
        description = left.text_area(t("find.description"), key="find.q", height=90, max_chars=find.MOST_CHARACTERS,
                                     placeholder=t("find.description_hint"))  # fmt: skip
        likes = left.text_area(t("find.likes"), key="find.likes", height=110, placeholder=t("find.likes_hint"))
        unlikes = right.text_area(t("find.unlikes"), key="find.unlikes", height=90)
        names = {snapshot.snapshot_id: f"{snapshot.name} · {snapshot.n_examples:,}" for snapshot in listed}
        chosen = right.multiselect(t("find.corpora"), list(names), format_func=names.__getitem__, key="find.in",
                                   placeholder=t("find.corpora_all"))  # fmt: skip
        ways = {way: t(f"find.by_{way}") for way in ("both", "meaning", "words")}
        places = st.columns([2, 1, 1], vertical_alignment="bottom")
        by = places[0].segmented_control(t("find.by"), list(ways), format_func=ways.__getitem__, default="both",
                                         key="find.by", required=True)  # fmt: skip
        budget = places[1].number_input(t("find.budget"), *_BUDGETS, 200, step=10, key="find.budget")
        pressed = places[2].form_submit_button(t("find.search"), type="primary", icon=":material/search:",
                                               width="stretch")  # fmt: skip
    if not pressed:
        return None
    need = Need(description, tuple(likes.splitlines()), tuple(unlikes.splitlines()), tuple(chosen), int(budget), by)
    with frame.show_errors():
        return need.checked()
    return None


# --- hits -------------------------------------------------------------------------------------------------------------
def _result(opened: Studio, listed: Sequence[Snapshot], found: Found) -> None:
    if found.need.by != "words" and not found.encoders:
        st.warning(t("find.no_vectors"), icon=":material/scatter_plot:")
    elif found.unembedded and found.need.by != "words":
        names = ", ".join(plain(name) for name in found.unembedded[:8])
        st.info(t("find.unembedded", names=names), icon=":material/scatter_plot:")
    first = next((s for s in listed if s.name in found.unembedded), None)
    if first is not None and found.need.by != "words" and st.button(t("find.to_explore"), key="find.explore"):
        st.query_params[frame.SNAPSHOT_KEY] = first.snapshot_id
        frame.go("explore")
    if found.hits.empty:
        st.info(t("find.nothing"), icon=":material/search_off:")
        return
    _headline(found)
    hits = _by_likeness(found)
    kept = _table(found, hits)
    _freeze(opened, found, kept)
    upload_find_chance.show(opened, found, kept)


def _headline(found: Found) -> None:
    hits, n = found.hits, len(found.hits)
    if found.need.by == "both":
        by_meaning, by_words = hits["rank_meaning"] > 0, hits["rank_words"] > 0
        counted = {"both": by_meaning & by_words, "meaning": by_meaning & ~by_words, "words": by_words & ~by_meaning}
        parts = {name: int(some.sum()) for name, some in counted.items()}
        st.markdown(t("find.found", n=n, all=found.n_pool, **parts))
    else:
        st.markdown(t(f"find.found_{found.need.by}", n=n, all=found.n_pool))
    notes = [t("find.same", n=found.n_same)] if found.n_same else []
    if len({encoder.split("@")[0] for encoder in found.encoders}) > 1:
        notes.append(t("find.several"))
    if notes:
        st.caption(" ".join(notes))


def _by_likeness(found: Found) -> pd.DataFrame:
    """The hits above the least likeness; the slider spans those that have one."""
    known = found.hits["cosine"].dropna()
    if len(known) < 2 or known.max() - known.min() < 0.02:
        return found.hits
    low, high = float(known.min()) // 0.01 / 100, float(known.max()) // 0.01 / 100
    least = st.slider(t("find.least"), low, high, low, 0.01, help=t("find.least_help"),
                      key=f"find.least.{hash(found.need)}")  # fmt: skip
    return found.hits[found.hits["cosine"].isna() | (found.hits["cosine"] >= least)]


def _table(found: Found, hits: pd.DataFrame) -> list[str]:
    """The hits with a tick each; returns the keys that stay ticked."""
    shown = hits[:_TABLE_ROWS]
    likes = found.need.likes
    rows = pd.DataFrame(
        {
            "take": True,
            "text": shown["text"],
            "corpus": shown["corpus"],
            "label": shown["label"],
            "cosine": ["" if value != value else f"{value:.3f}" for value in shown["cosine"]],
            "how": [_how(int(m), int(w)) for m, w in zip(shown["rank_meaning"], shown["rank_words"], strict=True)],
            "nearest": [likes[int(i)] if 0 <= i < len(likes) else "" for i in shown["nearest"]],
            "terms": [", ".join(terms) for terms in shown["terms"]],
        }
    )
    empty = [name for name in ("label", "nearest", "terms", "cosine") if rows[name].eq("").all()]
    empty += ["corpus"] if rows["corpus"].nunique() == 1 else []
    rows = rows.drop(columns=empty)
    config = {name: st.column_config.TextColumn(t(f"find.column.{name}")) for name in rows.columns}
    config["take"] = st.column_config.CheckboxColumn(t("find.column.take"), width="small")
    config["text"] = st.column_config.TextColumn(t("find.column.text"), width="large")
    st.caption(t("find.take_hint"))
    edited = st.data_editor(rows, hide_index=True, column_config=config, height=420, key=f"find.rows.{_mark(hits)}",
                            disabled=[name for name in rows.columns if name != "take"])  # fmt: skip
    kept = [*shown["key"][edited["take"].to_numpy(bool)], *hits["key"][_TABLE_ROWS:]]
    note = [t("find.kept", n=len(kept), all=len(found.hits))]
    if len(hits) > len(shown):
        note.append(t("find.more_rows", shown=len(shown), n=len(hits) - len(shown)))
    st.caption(" ".join(note))
    return kept


def _mark(hits: pd.DataFrame) -> str:
    """Ticks belong to these very rows: other hits get a table of their own."""
    return str(hash(tuple(hits["key"])))


def _how(meaning: int, words: int) -> str:
    kind = "both" if meaning and words else "meaning" if meaning else "words"
    return t(f"find.how.{kind}", meaning=meaning, words=words)


# --- freezing ---------------------------------------------------------------------------------------------------------
def _freeze(opened: Studio, found: Found, kept: list[str]) -> None:
    places = st.columns([2, 1], vertical_alignment="bottom")
    suggested = " ".join(found.need.description.split()[:6])[:60]
    name = places[0].text_input(t("find.name"), value=suggested, max_chars=100, key=f"find.name.{hash(found.need)}")
    if places[1].button(t("find.freeze", n=len(kept)), type="primary", icon=":material/ac_unit:", key="find.freeze",
                        disabled=not kept or not name.strip(), width="stretch"):  # fmt: skip
        with frame.show_errors():
            run_id = find_freeze.freeze(opened, frame.current_user(), need=found.need, keys=kept, name=name,
                                        run_id=st.session_state.setdefault(_RUN, find.new_id()))  # fmt: skip
            st.query_params[_PARAM] = run_id
            st.rerun()


def _frozen(opened: Studio, run_id: str) -> None:
    view = upload_run.wait_for(opened, run_id, t("find.at_work"))
    if view is None or view.spec.kind != "find":
        _again()
        st.rerun()
        return
    if view.status.state != "done" or view.trouble is not None:
        upload_run.show_end(opened, view, _again)
        return
    with frame.show_errors():
        snapshot_id = find_freeze.outcome(opened, run_id)
        st.success(t("find.frozen", name=plain(view.spec.title), n=len(view.spec.params["order"])),
                   icon=":material/check_circle:")  # fmt: skip
        places = st.container(horizontal=True)
        if places.button(t("find.open"), type="primary", icon=":material/scatter_plot:", key="find.open"):
            _again()
            st.query_params[frame.SNAPSHOT_KEY] = snapshot_id
            frame.go("explore")
        places.button(t("find.again"), icon=":material/search:", on_click=_again, key="find.again")


def _again() -> None:
    st.query_params.pop(_PARAM, None)
    st.session_state.pop(_NEED, None)
    st.session_state.pop(_RUN, None)
