"""What the columns mean and how the examples are split: the pickers of the Upload page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages._ui import frame, upload_groups, upload_shape
from pages._ui.upload_recipe import Applied
from pages._ui.words import plain, t
from studio.corpus.importing import split_of_name
from studio.corpus.preview import Preview, problems_of_roles
from studio.corpus.recipes import MappingRecipe
from studio.corpus.roles import NEEDED, OPTIONAL, Roles
from studio.corpus.shapes.guess import fit, roles_for, tidy
from studio.corpus.splits import DEFAULT_SHARES
from studio.records import LANGUAGES, SPLITS
from studio.store import corpora as corpus_rows
from studio.workflows.corpora import GivenFile, SplitPlan
from studio.workflows.studio import Studio

_PICKED = {
    "token_classification": ("tokens", "tags", "text", "spans"),
    "preference": ("prompt", "chosen", "rejected", "label", "system"),
}
if TYPE_CHECKING:
    from pages._ui.upload_reading import Looked  # which draws with this module

_NUMBERED = frozenset({"classification", "classification_multi", "token_classification"})
_SEPARATORS = {"": "list", ",": "comma", ";": "semicolon", "|": "bar", "、": "pause", "，": "wide_comma",
               "；": "wide_semicolon", "/": "slash", " ": "space"}  # fmt: skip
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
        if key in ("no_header", "label_names"):
            st.info(t(f"corpus.problem.{key}", **_plain(values)), icon=":material/info:")
        else:
            st.warning(t(f"corpus.problem.{key}", **_plain(values)), icon=":material/warning:")
    for other in others:
        if set(other.names) != set(seen.names):
            st.warning(t("corpus.problem.columns_differ", file=plain(other.name)), icon=":material/warning:")


def start(seen: Preview, applied: Applied) -> tuple[str, Roles, str]:
    """The shape, the mapping the pickers begin with, and the key of their widgets, after asking for the task."""
    base = f"{seen.name}_{seen.header}_{len(seen.names)}_{seen.guess.shape}{applied.key}"
    known = applied.recipe.roles if applied.recipe else seen.roles
    task = upload_shape.pick_task(seen, known.task, base)
    if task == known.task:
        shape = applied.recipe.shape if applied.recipe else seen.guess.shape
        return shape, known, f"{base}_{task}"
    other = next((guess.shape for guess in seen.guess.others if guess.task == task), "by_hand")
    return other, roles_for(task, seen.guess, seen.names, seen.records), f"{base}_{task}"


def recipe(looked: Looked, shape: str, roles: Roles, plan: SplitPlan | None, naming: Naming) -> MappingRecipe:
    """The mapping as it stands, to be saved for the next file."""
    split = {} if plan is None else plan.to_json() | {"by_file": plan.by_file}
    choices = replace(looked.files[0].choices, header=looked.header)
    options = {"choices": choices.to_json(), "language": naming.language}
    return MappingRecipe(Path(looked.seen.name).stem[:100], shape, roles, split, options)


def pick_roles(seen: Preview, begin: Roles, key: str, place: st.delta_generator.DeltaGenerator) -> tuple[Roles, bool]:
    """The mapping as picked and whether it can be imported; what it makes of the sample is shown in `place`.

    Args:
        seen: the look at the first file.
        begin: what the pickers begin with; its task is the one in force.
        key: makes the widgets anew for another file, task or saved mapping.
        place: above the pickers, for the examples that come of them.
    """
    roles = _task_roles(seen, begin, key)
    columns, rules = upload_groups.pick(seen, begin, key)
    roles = replace(roles, groups=columns, derived=rules)
    with st.expander(t("upload.more")):
        roles = _more_columns(seen, roles, begin, key)
    roles = tidy(roles, seen.records)
    for problem, values in problems_of_roles(seen, roles):
        st.info(t(f"corpus.problem.{problem}", **_plain(values)), icon=":material/info:")
    needed = NEEDED[roles.task]
    if not any(getattr(roles, role) for role in needed):
        role = upload_shape.role_name(needed[0], roles.task)
        place.info(t("shape.choose_first", role=role), icon=":material/arrow_downward:")
        return roles, False
    with frame.show_errors():
        roles.check(seen.names)
        made = fit(roles, seen.records)
        with place:
            upload_shape.show_fit(made, roles)
        upload_groups.show_counts(made.groups, roles.derived)
        return roles, bool(made.rows)
    return roles, False


def _task_roles(seen: Preview, begin: Roles, key: str) -> Roles:
    """The pickers of the roles this task has, three in a row."""
    picked: dict[str, Any] = {"task": begin.task, "form": begin.form, "scheme": begin.scheme}
    if begin.task == "chat":
        picked |= _pick(seen, begin, ("messages", "system"), key)
        if not picked["messages"]:
            picked |= _pick(seen, begin, ("history", "prompt", "context", "completion"), key)
    else:
        picked |= _pick(seen, begin, _PICKED.get(begin.task) or (*NEEDED[begin.task], *OPTIONAL[begin.task]), key)
    if begin.task in _NUMBERED:
        picked |= _label_details(seen, begin, picked, key)
    return Roles(**picked)


def _pick(seen: Preview, begin: Roles, wanted: Sequence[str], key: str) -> dict[str, Any]:
    """One picker per role, three in a row."""
    names, picked = list(seen.names), {}
    for first in range(0, len(wanted), 3):
        for cell, role in zip(st.columns(3), wanted[first : first + 3], strict=False):
            if role == "labels":
                picked["labels"] = tuple(cell.multiselect(
                    t("shape.role.labels"), names, default=[name for name in begin.labels if name in names],
                    key=f"labels_{key}", format_func=upload_shape.option, placeholder=t("upload.label_none"),
                    help=t("shape.role_help.labels")))  # fmt: skip
                continue
            about = upload_shape.role_help(role, begin.task)
            picked[role] = cell.selectbox(
                upload_shape.role_name(role, begin.task), names, index=_index(names, getattr(begin, role)),
                format_func=upload_shape.option, key=f"{role}_{key}", help=about,
                placeholder=t("upload.label_none") if role == "label" else t("upload.no_column"),
            )  # fmt: skip
    return picked


def _label_details(seen: Preview, begin: Roles, picked: Mapping[str, Any], key: str) -> dict[str, Any]:
    """How several labels are written in one column, and the names of label numbers."""
    found: dict[str, Any] = {}
    if begin.task == "classification_multi" and len(picked["labels"]) == 1:
        titles = {mark: t(f"shape.separator.{name}") for mark, name in _SEPARATORS.items()}
        found["separator"] = st.selectbox(
            t("shape.separator.title"), list(titles), format_func=titles.__getitem__, key=f"separator_{key}",
            index=list(titles).index(begin.separator) if begin.separator in titles else 0,
        ) or ""  # fmt: skip
    if begin.label_names or _has_numbers(seen, picked):
        with st.expander(t("shape.label_names"), icon=":material/format_list_numbered:"):
            typed = st.text_area(t("shape.label_names"), value="\n".join(begin.label_names), key=f"label_names_{key}",
                                 help=t("shape.label_names_help"), label_visibility="collapsed")  # fmt: skip
            st.caption(t("shape.label_names_help"))
        found["label_names"] = tuple(line.strip() for line in (typed or "").splitlines() if line.strip())
    return found


def _has_numbers(seen: Preview, picked: Mapping[str, Any]) -> bool:
    """True when the labels or tags of the sample are numbers, which somebody may have names for."""
    columns = [picked.get("label"), picked.get("tags"), *(picked.get("labels") or ())[:1]]
    if len(picked.get("labels") or ()) > 1:
        return False
    column = next((name for name in columns if name), None)
    found = {part for row in seen.records[:200] for part in re.findall(r"[^\s,;|\[\]\"']+", str(row.get(column, "")))}
    return bool(column) and bool(found - {"None"}) and all(part.isdigit() for part in found - {"None"})


def _more_columns(seen: Preview, roles: Roles, begin: Roles, key: str) -> Roles:
    names, cells = list(seen.names), st.columns(4)
    split, source, time, language = (
        cells[i].selectbox(t(word), names, index=_index(names, value), key=f"{word}_{key}",
                           format_func=upload_shape.option, placeholder=t("upload.no_column"))
        for i, (word, value) in enumerate((
            ("upload.split_column", begin.split), ("upload.source", begin.source), ("upload.time", begin.time),
            ("upload.language_column", begin.language),
        ))
    )  # fmt: skip
    return replace(roles, split=split, source=source, time=time, language=language)


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


def pick_split(roles: Roles, files: Sequence[GivenFile], begin: Mapping[str, Any], key: str) -> SplitPlan | None:
    """The split plan, or None after saying what is wrong with it; `begin` is the plan of a saved mapping."""
    ways = {"random": t("upload.split_random")}
    if roles.split:
        ways["column"] = t("upload.split_column_option")
    if len(files) > 1 and any(split_of_name(file.name) for file in files):
        ways["file"] = t("upload.split_file_option")
    default = "column" if "column" in ways else "file" if "file" in ways else "random"
    if begin:
        asked = "random" if begin.get("method") != "imported" else "file" if begin.get("by_file") else "column"
        default = asked if asked in ways else default
    way = st.segmented_control(t("upload.split"), list(ways), default=default, required=True,
                               key=f"split_{'_'.join(ways)}{key}", format_func=ways.__getitem__,
                               help=t("upload.split_note"))  # fmt: skip
    if way in ("column", "file"):
        options = {"pool": t("upload.train_as_pool"), "train": t("upload.train_as_train")}
        train_as = st.radio(t("upload.train_as"), list(options), format_func=options.__getitem__, key=f"train_as{key}",
                            index=1 if begin.get("train_as") == "train" else 0)  # fmt: skip
        return SplitPlan("imported", train_as=train_as or "pool", by_file=way == "file")
    return _random_split(begin, key)


def _random_split(begin: Mapping[str, Any], key: str) -> SplitPlan | None:
    cells = st.columns(5)
    first = {name: round(100 * float(share)) for name, share in (begin.get("shares") or DEFAULT_SHARES).items()}
    shares = {
        name: cells[i].number_input(
            t("upload.percent", name=t(f"upload.{name}")), 0, 100, first.get(name, 0), 5, key=f"share_{name}{key}"
        )
        for i, name in enumerate(SPLITS)
    }
    seed = cells[4].number_input(t("upload.seed"), 0, 2**31 - 1, int(begin.get("seed") or 0), key=f"split_seed{key}")
    if sum(shares.values()) != 100:
        st.error(t("upload.sum_wrong", sum=sum(shares.values())), icon=":material/error:")
        return None
    return SplitPlan("random", {name: share / 100 for name, share in shares.items()}, int(seed))


def _index(names: Sequence[str], value: str | None) -> int | None:
    return list(names).index(value) if value in names else None


def _plain(values: dict) -> dict:
    return {name: plain(value) if isinstance(value, str) else value for name, value in values.items()}
