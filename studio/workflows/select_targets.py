"""Targets of relevance as a URL carries them: a description, example numbers, a slice."""

from __future__ import annotations

import re

from studio.errors import SelectionError, StudioError
from studio.records import conditions_from_text
from studio.store import examples, scores
from studio.workflows.select_scores import MAX_DESCRIPTION, Targets
from studio.workflows.studio import Studio

MOST_PINS = 200
_SPLIT = re.compile(r"[\s,;，；、]+")


def read(studio: Studio, snapshot_id: str, *, text: str = "", pins: str = "", slice_text: str = "") -> Targets:
    """Targets from untrusted text.

    Args:
        studio: the open workspace.
        snapshot_id: whose examples.
        text: a description, cut to 2,000 characters.
        pins: example numbers with commas or spaces between them.
        slice_text: a filter as `conditions_to_text` writes it, or the id of a stored slice.

    Raises:
        SelectionError: a pin that is no example number of this snapshot.
        CorpusError: a filter that names an unknown column.
    """
    words = [word for word in _SPLIT.split(pins.strip()) if word]
    bad = [word for word in words if not (word.isascii() and word.isdigit())]
    if bad or len(words) > MOST_PINS:
        raise SelectionError("Some of these are no example numbers", got=", ".join(bad[:5]) or f"{len(words)} numbers",
                             fix=f"Give up to {MOST_PINS} whole numbers with commas between them.")  # fmt: skip
    wanted = sorted({int(word) for word in words})
    known = examples.by_ids(studio.store, snapshot_id, wanted, ["example_id"])["example_id"].tolist() if wanted else []
    if len(known) < len(wanted):
        unknown = sorted(set(wanted) - set(known))
        raise SelectionError("Some examples are not in this corpus", got=", ".join(map(str, unknown[:5])),
                             fix="Use numbers from the tables of this corpus.")  # fmt: skip
    ids = sorted({*map(int, known), *_slice_ids(studio, snapshot_id, slice_text)})
    return Targets(text.strip()[:MAX_DESCRIPTION], tuple(ids))


def slice_size(studio: Studio, snapshot_id: str, slice_text: str) -> int:
    """How many examples a slice of the URL holds; 0 for none or an unreadable one."""
    try:
        return len(_slice_ids(studio, snapshot_id, slice_text))
    except StudioError:
        return 0


def _slice_ids(studio: Studio, snapshot_id: str, slice_text: str) -> list[int]:
    if not slice_text:
        return []
    stored = scores.slice_ids(studio.store, snapshot_id, slice_text)
    if stored is not None:
        return stored
    conditions = conditions_from_text(slice_text)
    if not conditions:
        return []
    map_id = scores.surroundings(studio.store, snapshot_id).map_id
    return [int(i) for i in examples.ids(studio.store, snapshot_id, conditions, map_id=map_id)]
