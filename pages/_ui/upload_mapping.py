"""What the columns mean and how the examples are split: the pickers of the Upload page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages._ui.words import plain, t
from studio.corpus.importing import split_of_name
from studio.corpus.preview import Preview, problems_of_roles
from studio.corpus.roles import Roles
from studio.records import LANGUAGES
from studio.store import corpora as corpus_rows
from studio.workflows.corpora import GivenFile, SplitPlan
from studio.workflows.studio import Studio

_HEADER = {"auto": None, "yes": True, "no": False}


@dataclass(frozen=True)
class Naming:
    """Name, language and the corpus a new version belongs to."""

    name: str
    language: str
    corpus_id: str | None


def header_choice() -> bool | None:
    """Whether the first row holds column names; None leaves it to the file."""
    names = {key: t(f"upload.header_{key}") for key in _HEADER}
    picked = st.segmented_control(t("upload.header"), list(names), default="auto", required=True, key="header",
                                  format_func=names.__getitem__)  # fmt: skip
    return _HEADER[picked or "auto"]


def show_rows(seen: Preview) -> None:
    """The first records as a table, as they stand in the file."""
    st.dataframe([dict(row) for row in seen.rows], hide_index=True, height=260)


def show_problems(seen: Preview, others: Sequence[Preview] = ()) -> None:
    """What the file itself makes difficult."""
    for key, values in seen.problems:
        if key == "no_header":
            st.info(t("corpus.problem.no_header"), icon=":material/info:")
        else:
            st.warning(t(f"corpus.problem.{key}", **_plain(values)), icon=":material/warning:")
    for other in others:
        if set(other.names) != set(seen.names):
            st.warning(t("corpus.problem.columns_differ", file=plain(other.name)), icon=":material/warning:")


def pick_roles(seen: Preview) -> tuple[Roles, bool]:
    """The mapping as picked (guessed at first) and whether it can be imported; its problems are shown beside it."""
    guess, names, key = seen.roles, list(seen.names), f"{seen.name}_{seen.header}_{len(seen.names)}"
    columns = st.columns(3)
    text = columns[0].selectbox(t("upload.text"), names, index=_index(names, guess.text), key=f"text_{key}",
                                format_func=plain, help=t("upload.text_help"))  # fmt: skip
    label = columns[1].selectbox(t("upload.label"), names, index=_index(names, guess.label), key=f"label_{key}",
                                 format_func=plain, placeholder=t("upload.label_none"),
                                 help=t("upload.label_help"))  # fmt: skip
    groups = columns[2].multiselect(t("upload.groups"), names, default=list(guess.groups), key=f"groups_{key}",
                                    format_func=plain, placeholder=t("upload.groups_none"),
                                    help=t("upload.groups_help"))  # fmt: skip
    with st.expander(t("upload.more")):
        cells = st.columns(4)
        split, source, time, language = (
            cells[i].selectbox(t(word), names, index=_index(names, value), key=f"{word}_{key}", format_func=plain,
                               placeholder=t("upload.no_column"))
            for i, (word, value) in enumerate((
                ("upload.split_column", guess.split), ("upload.source", guess.source), ("upload.time", guess.time),
                ("upload.language_column", guess.language),
            ))
        )  # fmt: skip
    roles = Roles(text, label, tuple(groups), split, source, time, language)
    for problem, values in problems_of_roles(seen, roles):
        st.info(t(f"corpus.problem.{problem}", **_plain(values)), icon=":material/info:")
    return roles, bool(text)


def pick_naming(opened: Studio, seen: Preview) -> Naming:
    """Name, language, and whether this is a new corpus or a new version of one."""
    known = corpus_rows.list_all(opened.store)
    titles = {"": t("upload.target_new")}
    for corpus_id, name in zip(known["corpus_id"], known["name"], strict=True):
        titles[corpus_id] = t("upload.target_version", name=plain(name))
    cells = st.columns(3)
    name = cells[0].text_input(t("upload.name"), value=Path(seen.name).stem, max_chars=100, key=f"name_{seen.name}")
    languages = {code: t(f"corpus.language.{code}") for code in LANGUAGES}
    language = cells[1].selectbox(
        t("upload.language"),
        list(languages),
        index=LANGUAGES.index(seen.language),
        key=f"language_{seen.name}_{seen.language}",
        format_func=languages.__getitem__,
    )
    target = cells[2].selectbox(t("upload.target"), list(titles), key="target", format_func=titles.__getitem__,
                                help=t("upload.target_help"))  # fmt: skip
    return Naming(name, language, target or None)


def pick_split(roles: Roles, files: Sequence[GivenFile]) -> SplitPlan | None:
    """The split plan, or None after saying what is wrong with it."""
    ways = {"random": t("upload.split_random")}
    if roles.split:
        ways["column"] = t("upload.split_column_option")
    if len(files) > 1 and any(split_of_name(file.name) for file in files):
        ways["file"] = t("upload.split_file_option")
    default = "column" if "column" in ways else "file" if "file" in ways else "random"
    way = st.segmented_control(t("upload.split"), list(ways), default=default, required=True,
                               key=f"split_{'_'.join(ways)}", format_func=ways.__getitem__,
                               help=t("upload.split_note"))  # fmt: skip
    if way in ("column", "file"):
        options = {"pool": t("upload.train_as_pool"), "train": t("upload.train_as_train")}
        train_as = st.radio(t("upload.train_as"), list(options), format_func=options.__getitem__, key="train_as")
        return SplitPlan("imported", train_as=train_as or "pool", by_file=way == "file")
    return _random_split()


def _random_split() -> SplitPlan | None:
    cells = st.columns(5)
    shares = {
        name: cells[i].number_input(
            t("upload.percent", name=t(f"upload.{name}")), 0, 100, start, 5, key=f"share_{name}"
        )
        for i, (name, start) in enumerate((("pool", 70), ("train", 0), ("validation", 10), ("test", 20)))
    }
    seed = cells[4].number_input(t("upload.seed"), 0, 2**31 - 1, 0, key="split_seed")
    if sum(shares.values()) != 100:
        st.error(t("upload.sum_wrong", sum=sum(shares.values())), icon=":material/error:")
        return None
    return SplitPlan("random", {name: share / 100 for name, share in shares.items()}, int(seed))


def _index(names: Sequence[str], value: str | None) -> int | None:
    return list(names).index(value) if value in names else None


def _plain(values: dict) -> dict:
    return {name: plain(value) if isinstance(value, str) else value for name, value in values.items()}
