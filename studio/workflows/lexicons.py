"""The identity terms a corpus is read with: the built-in list, a list of one's own, struck terms and struck hits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from studio import lexicons
from studio.errors import CorpusError
from studio.records import LANGUAGES, Actor, Condition, Lexicon, Snapshot
from studio.store import examples, snapshots
from studio.store import lexicons as rows
from studio.workflows.acts import act
from studio.workflows.studio import Studio

HITS = 20  # matched examples shown of one term
LOOKED_AT = 2_000  # texts with the letters of a term that are read to find them
AROUND = 60  # characters on each side of a hit


@dataclass(frozen=True)
class Standing:
    """What is in force for a corpus.

    lexicon: without struck terms, with struck hits; listed: the list before anything was struck; struck_terms: keys of
    the terms taken out; changed_at, changed_by: the newest decision, None for the built-in list as it came.
    """

    lexicon: Lexicon
    listed: Lexicon
    struck_terms: frozenset[str]
    is_builtin: bool
    changed_at: datetime | None = None
    changed_by: str = ""


def standing(studio: Studio, snapshot: Snapshot) -> Standing | None:
    """The terms in force for the corpus of a snapshot; None where there is no list for its language."""
    if snapshot.language not in LANGUAGES:
        return None
    made = rows.decisions(studio.store, snapshot.corpus_id, snapshot.language)
    listed, is_builtin = lexicons.builtin(snapshot.language), True
    terms: set[str] = set()
    hits: dict[tuple[str, int], None] = {}
    for decision in made:
        if decision.kind in ("list", "reset"):
            is_builtin = decision.kind == "reset"
            listed = lexicons.builtin(snapshot.language) if is_builtin else _listed(decision, snapshot.language)
            terms, hits = set(), {}
        elif decision.kind in ("strike_term", "keep_term"):
            (terms.add if decision.kind == "strike_term" else terms.discard)(decision.body["term"])
        elif decision.kind == "strike_hit":
            hits[decision.body["term"], int(decision.body["example_id"])] = None
        else:
            hits.pop((decision.body["term"], int(decision.body["example_id"])), None)
    in_force = replace(lexicons.without(listed, terms), struck=tuple(hits))
    newest = made[-1] if made else None
    return Standing(in_force, listed, frozenset(terms), is_builtin, newest and newest.created_at,
                    newest.created_by if newest else "")  # fmt: skip


def in_force(studio: Studio, snapshot: Snapshot) -> Lexicon | None:
    """The terms the audits of a snapshot use; None where there is no list for its language."""
    found = standing(studio, snapshot)
    return found.lexicon if found else None


def _listed(decision: rows.LexiconDecision, language: str) -> Lexicon:
    body = decision.body
    return lexicons.of_rows(body["terms"], language, source=body["source"], reviewer=body["reviewer"])


def _of(studio: Studio, snapshot_id: str) -> tuple[Snapshot, Standing]:
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = standing(studio, snapshot)
    if found is None:
        raise CorpusError("There is no list of terms in this language", got=snapshot.language, fix="Choose en or zh.")
    return snapshot, found


@act("lexicon.set", "analyst")
def set_list(studio: Studio, actor: Actor, *, snapshot_id: str, terms: Sequence[Mapping[str, Any]], note: str = "",
             source: str = "") -> int:  # fmt: skip
    """Put a list of one's own in force for the corpus; what was struck before no longer counts. Returns its length.

    Args:
        studio: the open workspace.
        actor: who decides; an analyst.
        snapshot_id: a snapshot of the corpus.
        terms: rows with the columns of `studio.lexicons.COLUMNS`.
        note: why, for the next reader.
        source: where the list comes from; by default that of the list before.

    Raises:
        CorpusError: an unknown snapshot, or a list that cannot be used (see `studio.lexicons.of_rows`).
    """
    return _put(studio, actor, snapshot_id, terms, note, source)


def _put(studio: Studio, actor: Actor, snapshot_id: str, terms: Sequence[Mapping[str, Any]], note: str = "",
         source: str = "") -> int:  # fmt: skip
    snapshot, before = _of(studio, snapshot_id)
    came_from = source.strip()[:200] or before.listed.source
    made = lexicons.of_rows(terms, snapshot.language, source=came_from, reviewer=actor.name)
    body = {"terms": lexicons.to_rows(made), "source": made.source, "reviewer": made.reviewer}
    rows.add(studio.store, snapshot.corpus_id, snapshot.language, "list", body, by=actor.name, note=note[:200])
    return len(made.terms)


@act("lexicon.set", "analyst")
def set_axis(
    studio: Studio, actor: Actor, *, snapshot_id: str, axis: str, terms: Sequence[Mapping[str, Any]],
    began: Sequence[Mapping[str, Any]],
) -> int:  # fmt: skip
    """Put other terms of one axis in force; those of the other axes stay as they are now, whoever changed them.

    Args:
        studio: the open workspace.
        actor: who decides; an analyst.
        snapshot_id: a snapshot of the corpus.
        axis: one of `studio.lexicons.AXES`.
        terms: rows of that axis with the columns of `studio.lexicons.COLUMNS`.
        began: the rows of that axis the edit began from.

    Returns:
        The length of the whole list.

    Raises:
        CorpusError: somebody changed this axis since, or what `set_list` raises.
    """
    with studio.store.write():  # nobody decides between the look and the decision
        _, before = _of(studio, snapshot_id)
        now = lexicons.to_rows(before.listed)
        if [row for row in now if row["axis"] == axis] != [dict(row) for row in began]:
            raise CorpusError(
                "These terms were changed by somebody else meanwhile", got=axis, fix="Load the page again."
            )
        others = [row for row in now if row["axis"] != axis]
        own = [{**row, "axis": axis} for row in terms]
        return _put(studio, actor, snapshot_id, [*others, *own])


@act("lexicon.upload", "analyst", log=False)
def set_from_file(studio: Studio, actor: Actor, *, snapshot_id: str, data: bytes, name: str) -> int:
    """Put the list of a CSV file in force for the corpus; returns its length.

    Raises:
        CorpusError: a file that cannot be read as a list, or what `set_list` raises.
    """
    snapshot, _ = _of(studio, snapshot_id)
    made = lexicons.parse(data, snapshot.language, source=name[:200], reviewer=actor.name)
    return set_list(studio, actor, snapshot_id=snapshot_id, terms=lexicons.to_rows(made), source=name)


@act("lexicon.reset", "analyst")
def reset(studio: Studio, actor: Actor, *, snapshot_id: str, note: str = "") -> None:
    """Go back to the built-in list with nothing struck; earlier decisions stay on record.

    Raises:
        CorpusError: an unknown snapshot, or no list for its language.
    """
    snapshot, _ = _of(studio, snapshot_id)
    rows.add(studio.store, snapshot.corpus_id, snapshot.language, "reset", {}, by=actor.name, note=note[:200])


@act("lexicon.strike_term", "analyst")
def strike_term(studio: Studio, actor: Actor, *, snapshot_id: str, term: str, struck: bool = True) -> None:
    """Take a term out of the list of the corpus, or put it back.

    Raises:
        CorpusError: an unknown snapshot or term.
    """
    snapshot, found = _of(studio, snapshot_id)
    key = _known(found, term)
    kind = "strike_term" if struck else "keep_term"
    rows.add(studio.store, snapshot.corpus_id, snapshot.language, kind, {"term": key}, by=actor.name)


@act("lexicon.strike_hits", "analyst")
def strike_hits(
    studio: Studio, actor: Actor, *, snapshot_id: str, term: str, example_ids: Sequence[int], struck: bool = True
) -> int:
    """Say that a term is no mention in some examples, or that it is one after all; returns how many.

    Raises:
        CorpusError: an unknown snapshot, term or example.
    """
    snapshot, found = _of(studio, snapshot_id)
    key = _known(found, term)
    wanted = [int(example) for example in example_ids]
    there = set(examples.by_ids(studio.store, snapshot_id, wanted, ["example_id"])["example_id"]) if wanted else set()
    if missing := [example for example in wanted if example not in there]:
        raise CorpusError("There is no such example in this corpus", got=missing[:5], fix="Load the page again.")
    kind = "strike_hit" if struck else "keep_hit"
    for example in wanted:
        body = {"term": key, "example_id": example}
        rows.add(studio.store, snapshot.corpus_id, snapshot.language, kind, body, by=actor.name)
    return len(wanted)


def _known(found: Standing, term: str) -> str:
    key = lexicons.key_of(term)
    if key not in {lexicons.key_of(entry.term) for entry in found.listed.terms}:
        raise CorpusError("There is no such term in the list", got=term[:80], fix="Load the page again.")
    return key


def hits(studio: Studio, *, snapshot_id: str, term: str, limit: int = HITS) -> pd.DataFrame:
    """Texts in which a term is found as the list stands, with what is around it.

    Columns example_id, before, found, after, struck; one row per text, in ascending example_id, from the first
    LOOKED_AT texts that hold the letters of the term.

    Raises:
        CorpusError: an unknown snapshot or term.
    """
    snapshot, standing_ = _of(studio, snapshot_id)
    key = _known(standing_, term)
    word = max(re.split("[ ']", key), key=len)  # joints and apostrophes are written in several ways
    texts = examples.frame(studio.store, snapshot_id, ("example_id", "text"), (Condition("text", "contains", word),),
                           limit=LOOKED_AT)  # fmt: skip
    finder = lexicons.matcher(standing_.listed)
    struck = set(standing_.lexicon.struck)
    found = []
    for row in texts.itertuples(index=False):
        text = row.text if isinstance(row.text, str) else ""
        mention = next((m for m in finder.find(text) if lexicons.key_of(m.term.term) == key), None)
        if mention is not None:
            found.append((int(row.example_id), text[max(0, mention.start - AROUND) : mention.start],
                          text[mention.start : mention.end], text[mention.end : mention.end + AROUND],
                          (key, int(row.example_id)) in struck))  # fmt: skip
        if len(found) >= limit:
            break
    return pd.DataFrame(found, columns=["example_id", "before", "found", "after", "struck"])
