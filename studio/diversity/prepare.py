"""Texts into numbers, once: n-gram codes, lengths, MTLD, hashes, verbs and nouns, for every measure and every draw."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from studio.diversity.instructions import first_prompt, n_turns, verb_and_noun
from studio.diversity.mtld import LEAST_WORDS, mtld
from studio.diversity.rows import Ragged, Rows
from studio.records import Array
from studio.tokenise import units

MOST_TAGGED = 20_000  # prompts whose verb is looked for; jieba tags some 1,500 a second. The others are "not looked at"
NOT_LOOKED_AT = -2
Progress = Callable[[int, int], None]
_EVERY = 2_000  # texts between two looks at the progress


def prepare(
    texts: Sequence[str | None],
    *,
    prompts: Sequence[str | None] | None = None,
    messages: Sequence[str | None] | None = None,
    languages: Sequence[str | None] | None = None,
    sources: Sequence[str | None] | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Rows:
    """Rows of a set of examples without vectors, clusters and families; missing texts are empty texts.

    Args:
        texts: n texts.
        prompts: the prompts where the task has them.
        messages: conversations as JSON text where the task has them.
        languages: language codes.
        sources: names of sources.
        seed: draws the prompts whose verb is looked for when there are more than 20,000.
        on_progress: called with texts done and n, about every 2,000 texts; may raise to stop.
    """
    given = [text or "" for text in texts]
    n = len(given)
    singles, long_mtld = _words(given, on_progress)
    doubles = _longer(singles, singles, 1)
    triples = _longer(doubles, singles, 2)
    lengths = singles.sizes
    absent: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    coded = {}
    for name, values in (("languages", languages), ("sources", sources)):
        coded[name] = None
        if values is not None and any(values):
            coded[name], names[name] = codes_of(values)
        else:
            absent[name] = f"no_{name}"
    asked = _asked(n, prompts, messages, seed, on_progress, names)
    for name in ("pairs", "verbs", "prompt_lengths"):
        if asked.get(name) is None:
            absent[name] = "no_prompts"
    if asked["turns"] is None:
        absent["turns"] = "no_chats"
    exact, _ = codes_of(given, missing=False)
    return Rows(
        n=n,
        texts=given,
        order=np.array([_hash(text) for text in given], dtype=np.uint64),
        grams={1: singles, 2: doubles, 3: triples},
        fours=_different(_longer(triples, singles, 3)),
        mtld=long_mtld,
        lengths=lengths,
        exact=exact,
        absent=absent | {"vectors": "no_vectors", "clusters": "no_map", "families": "no_copies",
                         "reference": "no_reference"},
        names=names,
        **coded,
        **asked,
    )  # fmt: skip


def codes_of(values: Sequence[str | None], *, missing: bool = True) -> tuple[Array, list[str]]:
    """Codes (n,) int64 in the order of the sorted names, -1 for None or empty where `missing`; and the names."""
    names = sorted({value for value in values if value or not missing} - ({None} if missing else set()))
    place = {name: code for code, name in enumerate(names)}
    return np.fromiter((place.get(value, -1) for value in values), np.int64, len(values)), names


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _words(texts: Sequence[str], on_progress: Progress | None) -> tuple[Ragged, Array]:
    """Words or characters of every text as codes in the order of their first use, and MTLD of the long texts."""
    known: dict[str, int] = {}
    codes: list[int] = []
    sizes = np.zeros(len(texts), dtype=np.int64)
    values = np.full(len(texts), np.nan)
    for place, text in enumerate(texts):
        own = [known.setdefault(word, len(known)) for word in units(text)]
        codes.extend(own)
        sizes[place] = len(own)
        if len(own) >= LEAST_WORDS:
            values[place] = mtld(own)
        if on_progress is not None and place % _EVERY == 0:
            on_progress(place, len(texts))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Ragged(starts, np.array(codes, dtype=np.int64), len(known)), values


def _longer(grams: Ragged, singles: Ragged, n: int) -> Ragged:
    """(n + 1)-grams from the n-grams: the code of each and of the word after it, renumbered without gaps."""
    sizes = np.maximum(grams.sizes - 1, 0)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    head = grams.codes[np.repeat(grams.starts[:-1], sizes) + within]
    tail = singles.codes[np.repeat(singles.starts[:-1], sizes) + within + n]
    kinds, codes = np.unique(head * max(singles.n_kinds, 1) + tail, return_inverse=True)
    return Ragged(starts, codes.astype(np.int64), len(kinds))


def _different(grams: Ragged) -> Ragged:
    """Each n-gram once per text."""
    row = np.repeat(np.arange(len(grams.starts) - 1), grams.sizes)
    once = np.unique(row * max(grams.n_kinds, 1) + grams.codes)
    row, codes = np.divmod(once, max(grams.n_kinds, 1))
    starts = np.searchsorted(row, np.arange(len(grams.starts))).astype(np.int64)
    return Ragged(starts, codes, grams.n_kinds)


def _asked(
    n: int,
    prompts: Sequence[str | None] | None,
    messages: Sequence[str | None] | None,
    seed: int,
    on_progress: Progress | None,
    names: dict[str, list[str]],
) -> dict[str, Array | None]:
    """Verbs, pairs, prompt lengths and turns; None for what no example has."""
    nothing: dict[str, Array | None] = {"pairs": None, "verbs": None, "prompt_lengths": None, "turns": None}
    if messages is not None and any(messages):
        nothing["turns"] = np.array([n_turns(one) for one in messages])
    asked = [first_prompt(prompts[i] if prompts is not None else None, messages[i] if messages is not None else None)
             for i in range(n)] if prompts is not None or messages is not None else []  # fmt: skip
    there = np.array([i for i, text in enumerate(asked) if text], dtype=np.int64)
    if not len(there):
        return nothing
    lengths = np.full(n, np.nan)
    lengths[there] = [len(units(asked[i])) for i in there]
    looked = there
    if len(there) > MOST_TAGGED:
        looked = np.sort(np.random.default_rng(seed).choice(there, MOST_TAGGED, replace=False))
    found: dict[int, tuple[str, str] | None] = {}
    for place, i in enumerate(looked.tolist()):
        found[i] = verb_and_noun(asked[i])
        if on_progress is not None and place % _EVERY == 0:
            on_progress(n, n)
    pairs = [" ".join(found[i]).strip() if found.get(i) else None for i in range(n)]
    verbs = [found[i][0] if found.get(i) else None for i in range(n)]
    result = {}
    for name, values in (("pairs", pairs), ("verbs", verbs)):
        codes, names[name] = codes_of(values)
        unseen = np.ones(n, dtype=bool)
        unseen[looked] = False
        codes[unseen] = NOT_LOOKED_AT
        result[name] = codes
    return nothing | result | {"prompt_lengths": lengths}
