"""The versions of a corpus: lineage, dataset card, and what changed from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.errors import CorpusError
from studio.records import SPLITS, Actor
from studio.reports.card import CardFacts, CardFields, card_markdown
from studio.store import cards, corpora, labels, lineage, snapshots, splits
from studio.store.lineage import Version
from studio.words import has, t
from studio.words import language as page_language
from studio.workflows import audits_copies
from studio.workflows.acts import act
from studio.workflows.studio import Studio

MOST_CHARACTERS = 20_000  # of one field of a card; a card is a page, not a book


def versions_of(studio: Studio, corpus_id: str) -> list[Version]:
    """Every version of a corpus, oldest first."""
    return lineage.versions(studio.store, corpus_id)


# --- the card ---------------------------------------------------------------------------------------------------------
def card_fields(studio: Studio, snapshot_id: str) -> tuple[CardFields, str | None]:
    """What people wrote on the card, and the ancestor it comes from where this version has no card of its own."""
    for version in reversed(lineage.ancestors(studio.store, snapshot_id)):
        found = cards.newest(studio.store, version.snapshot.snapshot_id)
        if found is not None:
            own = version.snapshot.snapshot_id == snapshot_id
            return CardFields.from_json(found["body"]), None if own else version.snapshot.snapshot_id
    return CardFields(), None


def card_facts(studio: Studio, snapshot_id: str, lang: str | None = None) -> CardFacts:
    """What Winnow knows of a snapshot, for its card; copies are named only where somebody has looked for them.

    The steps of its versions are in `lang`, the language of the page when None.

    Raises:
        CorpusError: an unknown snapshot.
    """
    store = studio.store
    snapshot = snapshots.require(store, snapshot_id)
    chain = lineage.ancestors(store, snapshot_id)
    copies = audits_copies.read(studio, snapshot_id)
    rate = None
    if copies is not None and len(copies.families):
        rate = 1 - len(set(copies.families.tolist())) / len(copies.families)
    counted = splits.counts(store, snapshot_id)
    known = labels.counts(store, snapshot_id)
    guessed = any((v.snapshot.manifest.get("lineage") or {}).get("language_guessed") for v in chain[:1])
    return CardFacts(
        name=snapshot.name,
        manifest=_with_sources(snapshot.manifest, chain),
        created_at=snapshot.created_at,
        created_by=snapshot.created_by,
        splits={name: counted[name] for name in SPLITS if name in counted},
        decision=splits.decision(store, snapshot_id),
        lineage=[_row(version, lang) for version in chain],
        copies_rate=rate,
        language_guessed=bool(guessed),
        n_annotated=int(known.loc[known["origin"] == "annotation", "n"].sum()) if len(known) else 0,
    )


def _with_sources(manifest: Mapping[str, Any], chain: list[Version]) -> Mapping[str, Any]:
    """The manifest with the files, roles and rejects of the newest version that was read from files.

    A version made from another one has no files of its own; the card still says where its examples come from.
    """
    if manifest.get("sources"):
        return manifest
    origin = next((v.snapshot.manifest for v in reversed(chain) if v.snapshot.manifest.get("sources")), {})
    kept = {name: origin[name] for name in ("sources", "rejects", "roles", "group_columns", "source_columns")
            if name in origin and not manifest.get(name)}  # fmt: skip
    return dict(manifest) | kept


def _row(version: Version, lang: str | None) -> dict[str, Any]:
    snapshot = version.snapshot
    return {
        "name": snapshot.name,
        "snapshot_id": snapshot.snapshot_id,
        "method": version.method,
        "steps": [step_text(step, lang) for step in version.steps],
        "n_examples": snapshot.n_examples,
        "created_at": snapshot.created_at,
        "created_by": snapshot.created_by,
    }


def step_text(step: Any, lang: str | None = None) -> str:
    """One step of a manifest as a line: its name in words where there are any, its settings, its counts.

    Args:
        step: a text, or a mapping with a name (`name`, `step` or `kind`), settings (`params`) and counts (`n_...`).
        lang: en or zh; the language of the page when None.
    """
    if not isinstance(step, Mapping):
        return str(step)
    lang = lang or page_language()
    name = str(step.get("title") or step.get("name") or step.get("step") or step.get("kind") or "?")
    key = next((key for key in (f"clean.step.{name}", f"clean.step.{name}.title", f"clean.{name}") if has(key)), "")
    parts = [t(key, lang=lang) if key else name]
    params = step.get("params")
    if isinstance(params, Mapping) and params:
        parts.append("(" + ", ".join(f"{k} = {v}" for k, v in list(params.items())[:8]) + ")")
    counts = [t(f"versions.count.{k}", lang=lang, n=v) for k, v in step.items()
              if has(f"versions.count.{k}") and isinstance(v, int) and v]  # fmt: skip
    return " ".join(parts) + (f": {', '.join(counts)}" if counts else "")


def card_text(
    studio: Studio, snapshot_id: str, *, lang: str | None = None, front: Mapping[str, Any] | None = None
) -> str:
    """The dataset card as a Markdown file with YAML front matter, as the Hugging Face Hub reads it.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        lang: en or zh; the language of the page when None.
        front: more front matter, such as the `configs` of an export.

    Raises:
        CorpusError: an unknown snapshot.
    """
    fields, _ = card_fields(studio, snapshot_id)
    lang = lang or page_language()
    return card_markdown(card_facts(studio, snapshot_id, lang), fields, lang=lang, front=front)


@act("prepare.card", "analyst")
def save_card(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    licence: str = "",
    description: str = "",
    limits: str = "",
    personal_data: str = "",
) -> bool:
    """Put a version of the card in force; the earlier ones stay. False when nothing differs from the one in force.

    Raises:
        CorpusError: an unknown snapshot, or a field that is too long.
    """
    snapshots.require(studio.store, snapshot_id)
    fields = CardFields(licence.strip(), description.strip(), limits.strip(), personal_data.strip())
    for text in fields.to_json().values():
        if len(text) > MOST_CHARACTERS:
            raise CorpusError("A field of the dataset card is too long", got=f"{len(text):,} characters",
                              fix=f"Keep it below {MOST_CHARACTERS:,}.")  # fmt: skip
    now, inherited = card_fields(studio, snapshot_id)
    if now == fields and inherited is None:
        return False
    cards.add(studio.store, snapshot_id, fields.to_json(), by=actor.name)
    return True


def card_versions(studio: Studio, snapshot_id: str) -> list[dict[str, Any]]:
    """Every version of the card people wrote, newest first: body, created_at, created_by."""
    return cards.history(studio.store, snapshot_id)


def corpus_name(studio: Studio, corpus_id: str) -> str:
    """The name of a corpus."""
    return str(corpora.get(studio.store, corpus_id)["name"])
