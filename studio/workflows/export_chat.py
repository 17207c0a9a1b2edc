"""The first examples of an export as chat templates show them: what a model reads, and what it learns to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.corpus import chat
from studio.corpus.chat_templates import TEMPLATES, ChatTemplate, named_template
from studio.corpus.writing import catalogue, rows, shapes
from studio.corpus.writing.plan import ExportPlan
from studio.errors import CorpusError
from studio.models import chat_tokens
from studio.workflows import corpora_export
from studio.workflows.corpora_export import Chosen
from studio.workflows.studio import Studio

MOST_SHOWN = 20
_LOOKED_AT = 200


@dataclass(frozen=True)
class Shown:
    """One conversation under a template: its parts (text, learnt, special), characters, and tokens where known."""

    parts: Sequence[Mapping[str, Any]]
    n_characters: int
    n_learnt: int | None
    n_tokens: int | None = None
    n_learnt_tokens: int | None = None


def templates(studio: Studio) -> dict[str, str]:
    """Templates a page offers, name -> title: the named ones, and those of tokenizers on the host's list."""
    local = {path: Path(path).name for path in studio.settings.model_allow_list if _has_template(Path(path))}
    return {item.name: item.title for item in TEMPLATES} | local


def _has_template(folder: Path) -> bool:
    try:
        chat.local_template(folder)
    except CorpusError:
        return False
    return True


def can_talk(task: str) -> bool:
    """True when examples of a task can be shown as a conversation."""
    return catalogue.by_name("messages").holds(task)


def conversations(studio: Studio, chosen: Chosen, plan: ExportPlan) -> list[list[dict[str, Any]]]:
    """The first examples that can be shown, as messages; labels through the plan's instruction."""
    task = chosen.snapshot.task
    asked = ExportPlan("messages", plan.what, splits=plan.splits, words=plan.words)
    asked = corpora_export.with_words(chosen, asked).check(task, corpora_export.rows_columns(chosen))
    options = asked.options(task, corpora_export.label_names(studio, chosen), chosen.snapshot.language, ())
    found: list[list[dict[str, Any]]] = []
    for number, row in enumerate(rows.rows(chosen.first(studio, asked.splits, _LOOKED_AT))):
        if len(found) == MOST_SHOWN or number == _LOOKED_AT:
            break
        try:
            found.append(list(shapes.as_messages(row, options)))
        except shapes.Unwritable:
            continue
    return found


def show(studio: Studio, *, template: str, messages: Sequence[Mapping[str, Any]]) -> Shown:
    """A conversation under a template of `templates`.

    Raises:
        CorpusError: a template that is not offered, or one that refuses this conversation.
        ModelError: its tokenizer cannot be read.
    """
    known = named_template(template)
    if known is not None:
        return _shown(chat.render(known, messages), known)
    if template not in studio.settings.model_allow_list:
        raise CorpusError("This chat template is not offered", got=template,
                          fix="Choose a named one, or ask the host to add the tokenizer to STUDIO_MODELS.")  # fmt: skip
    folder = Path(template)
    found = chat.local_template(folder)
    made = chat.render_foreign(found, messages)
    shown = _shown(made, found)
    if not (folder / chat_tokens.FILE).is_file():
        return shown
    n, learnt = chat_tokens.count(folder, made.text, made.learnt or ())
    return Shown(shown.parts, shown.n_characters, shown.n_learnt, n, None if made.learnt is None else learnt)


def _shown(made: chat.Rendered, template: ChatTemplate) -> Shown:
    n_learnt = None if made.learnt is None else sum(end - start for start, end in made.learnt)
    return Shown(made.parts(template.specials), len(made.text), n_learnt)
