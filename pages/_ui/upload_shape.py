"""What a file looks like, how its examples will look, and what the sample says about a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui.words import plain, t
from studio import words
from studio.corpus.preview import Preview
from studio.corpus.roles import Roles
from studio.corpus.schema import ANSWER_FIELDS
from studio.corpus.shapes.guess import Fit, Guess
from studio.records import TASK_TYPES

SHOWN = 4
CHARACTERS = 500
SURE, UNSURE = 0.8, 0.5  # ours: from here a guess is stated, below it is offered as one of several
_TURNS = 4
_ANSWERS = ANSWER_FIELDS | {"token_classification": frozenset({"spans"}), "masked_lm": frozenset({"text"})}


def option(name: object) -> str:
    """A column name in a select box, which shows characters literally but for the underscore's own backslash."""
    return plain(name).replace("\\_", "_")


def percent(share: float) -> str:
    """A share as whole percent; never 100 for less than all."""
    return f"{min(99, round(100 * share)) if share < 1 else 100} %"


def task_name(task: str) -> str:
    """A task in the reader's words."""
    return t(f"shape.task.{task}")


def verdict(guess: Guess) -> None:
    """What the file looks like, how sure that is, and why."""
    if not guess.confidence:
        st.warning(t("shape.unknown"), icon=":material/help:")
        return
    how = "likely" if guess.confidence >= SURE else "maybe" if guess.confidence >= UNSURE else "unsure"
    said = t(f"shape.looks.{how}", task=task_name(guess.task), shape=t(f"shape.name.{guess.shape}"),
             percent=percent(guess.confidence))  # fmt: skip
    whys = [
        t(f"shape.why.{key}", **{name: plain(value) for name, value in values.items()}) for key, values in guess.why
    ]
    box, icon = (st.success, ":material/check_circle:") if how == "likely" else (st.info, ":material/help:")
    box("  \n".join([f"**{said}**", *whys]), icon=icon)


def pick_task(seen: Preview, chosen: str, key: str) -> str:
    """The task, the guessed one first in force; a person may say it is another."""
    names = {task.name: task_name(task.name) for task in TASK_TYPES}
    order = list(dict.fromkeys((seen.guess.task, *(other.task for other in seen.guess.others), *names)))
    return st.selectbox(t("shape.pick_task"), order, index=order.index(chosen), format_func=names.__getitem__,
                        key=f"task_{key}", help=t("shape.pick_task_help"))  # fmt: skip


def show_fit(fit: Fit, roles: Roles) -> None:
    """Some examples as an annotator will see them, and how much of the sample becomes examples."""
    st.markdown(f"**{t('shape.examples')}**")
    if not fit.rows:
        st.warning(t("shape.no_example"), icon=":material/warning:")
    answered = [row for row in fit.rows if any(row.get(name) not in (None, "[]") for name in _ANSWERS[roles.task])]
    shown = _spread(answered or fit.rows)
    for start in range(0, len(shown), 2):
        for cell, row in zip(st.columns(2), shown[start : start + 2], strict=False):
            with cell.container(border=True, height="stretch"):
                example(row, roles)
    counted = t("shape.fits", fits=len(fit.rows), total=fit.n)
    st.caption(" ".join([counted, *_reasons(fit.rejects), *_notes(fit.notes)]))


def _spread(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A few rows evenly from first to last, so that a file sorted by label shows more than one."""
    n = min(SHOWN, len(rows))
    return [rows[place * (len(rows) - 1) // max(n - 1, 1)] for place in range(n)]


def _reasons(rejects: Mapping[str, int]) -> list[str]:
    worst = sorted(rejects.items(), key=lambda item: -item[1])[:3]
    return [t("shape.left_out", n=n, reason=t(f"corpus.reason.{reason}")) for reason, n in worst]


def _notes(notes: Mapping[str, int]) -> list[str]:
    return [t(f"shape.note.{name}", n=n) for name, n in notes.items() if words.has(f"shape.note.{name}")]


# --- one example ------------------------------------------------------------------------------------------------------
def example(row: Mapping[str, Any], roles: Roles) -> None:
    """One example as its task shows it; every text as literal characters."""
    if roles.task == "chat":
        _turns(json.loads(row["messages"]))
    elif roles.task == "preference":
        _preference(row, roles)
    elif roles.task == "token_classification":
        _marked(row)
    elif "prompt" in row:
        for part in ("prompt", "context", "completion"):
            if part != "context" or row.get(part):  # only an answer may be missing and still be waited for
                _part(row.get(part), part, roles)
    else:
        st.text(_cut(row["text"]))
        _labels(row)


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"


def _labels(row: Mapping[str, Any]) -> None:
    found = [row["label"]] if row.get("label") else json.loads(row["labels"]) if row.get("labels") else None
    if found is None:
        st.caption(t("shape.no_label"))
    else:
        badges = [f":blue-badge[{plain(name, 40)}]" for name in found[:12]] or [t("shape.none_of_labels")]
        st.markdown(" ".join(badges))


def _turns(messages: Sequence[Mapping[str, Any]]) -> None:
    for message in messages[:_TURNS]:
        if message["role"] == "system":
            st.caption(t("shape.turn.system"))
            st.text(_cut(message["content"]))
            continue
        avatar = {"user": ":material/person:", "assistant": ":material/smart_toy:"}.get(message["role"])
        with st.chat_message(message["role"], avatar=avatar or ":material/build:"):
            st.text(_cut(message["content"]) or t("shape.turn.empty"))
    if len(messages) > _TURNS:
        st.caption(t("shape.more_turns", n=len(messages) - _TURNS))


def _part(value: str | None, part: str, roles: Roles) -> None:
    st.caption(role_name(part, roles.task))
    if value is None:
        st.caption(t("shape.no_answer"))
    elif roles.form == "conversational":
        _turns(json.loads(value))
    else:
        st.text(_cut(value))


def _preference(row: Mapping[str, Any], roles: Roles) -> None:
    if row.get("prompt"):
        _part(row["prompt"], "prompt", roles)
    if row.get("label") and not row.get("rejected"):
        is_wanted = row["label"] == "true"
        st.markdown(":green[:material/thumb_up:]" if is_wanted else ":red[:material/thumb_down:]")
        _part(row.get("completion"), "completion", roles)
        return
    chosen, rejected = st.columns(2)
    with chosen:
        st.markdown(":green[:material/thumb_up:]")
        _part(row.get("completion"), "chosen", roles)
    with rejected:
        st.markdown(":red[:material/thumb_down:]")
        _part(row.get("rejected"), "rejected", roles)


def _marked(row: Mapping[str, Any]) -> None:
    """The text with its spans marked, each with its label; word classes (tags without spans) as a list."""
    text, at, parts = row["text"], 0, []
    spans = json.loads(row["spans"]) if row.get("spans") else []
    for span in spans:
        if span["start"] < at or span["end"] > CHARACTERS:
            continue
        inside = f":orange-background[{plain(text[span['start'] : span['end']], 200)}]"
        parts += [_literal(text[at : span["start"]]), inside, f":orange-badge[{plain(span['label'], 30)}]"]
        at = span["end"]
    parts.append(_literal(text[at:CHARACTERS]))
    st.markdown("".join(parts))
    if not row.get("spans") and row.get("tags"):
        pairs = zip(json.loads(row["tokens"]), json.loads(row["tags"]), strict=True)
        st.text("  ".join(f"{token}/{tag}" for token, tag in list(pairs)[:60]))
    elif not row.get("spans"):
        st.caption(t("shape.no_label"))


def _literal(text: str) -> str:
    """A stretch of text as literal characters, with the spaces at its ends kept."""
    if not text:
        return ""
    return (" " if text[0].isspace() else "") + plain(text, CHARACTERS) + (" " if text[-1].isspace() else "")


def role_help(role: str, task: str) -> str:
    """What belongs into a role, in the words of its task."""
    own = f"shape.role_help_of.{task}.{role}"
    if words.has(own):
        return t(own)
    return t(f"upload.{role}_help") if role in ("text", "label") else t(f"shape.role_help.{role}")


def role_name(role: str, task: str) -> str:
    """A role in the words of its task: the prompt of a translation is the source text."""
    own = f"shape.role_of.{task}.{role}"
    return t(own) if words.has(own) else t(f"shape.role.{role}")
