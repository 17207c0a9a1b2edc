"""What kind of examples a file holds: its shape, its task, its roles, how sure the guess is, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studio.corpus import roles as role_rules
from studio.corpus.roles import OPTIONAL, Roles
from studio.corpus.rows import Rows
from studio.corpus.shapes.answers import ANSWERS
from studio.corpus.shapes.categories import CATEGORIES
from studio.corpus.shapes.conversations import CONVERSATIONS
from studio.corpus.shapes.proposal import Proposal, Shape, Why
from studio.corpus.shapes.sample import Sample
from studio.corpus.shapes.tags import scheme_of, words_of

__all__ = ["SHAPES", "Fit", "Guess", "Sample", "fit", "guess", "roles_for"]
SHAPES: tuple[Shape, ...] = (*CONVERSATIONS, *ANSWERS, *CATEGORIES)
_TRIED = 200  # records of the sample that are built to see whether a proposal holds; ours
_MAX_CHARACTERS = 200_000


@dataclass(frozen=True)
class Guess:
    """What a file most likely is. `confidence` in [0, 1] is strength of the evidence times the share that fits.

    `why` are words keys under shape.why with their values; `others` are further ways to read it, best first.
    """

    shape: str
    roles: Roles
    confidence: float
    why: tuple[Why, ...]
    others: tuple[Guess, ...] = ()

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.roles.task

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for a pipe or the command line."""
        return {
            "shape": self.shape,
            "task": self.task,
            "confidence": self.confidence,
            "roles": self.roles.to_json(),
            "why": [[key, dict(values)] for key, values in self.why],
            "others": [other.to_json() for other in self.others],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Guess:
        """The inverse of `to_json`."""
        return cls(
            value["shape"],
            Roles.from_json(value["roles"]),
            float(value["confidence"]),
            tuple((key, values) for key, values in value["why"]),
            tuple(cls.from_json(other) for other in value["others"]),
        )


@dataclass(frozen=True)
class Fit:
    """What a mapping makes of the sample: rows in order, rejects by reason, notes, values of each group attribute.

    Group values count the rows made; the key None counts those without a value.
    """

    rows: tuple[Mapping[str, Any], ...]
    rejects: Mapping[str, int]
    notes: Mapping[str, int]
    groups: Mapping[str, Mapping[str | None, int]]

    @property
    def n(self) -> int:
        """Records looked at."""
        return len(self.rows) + sum(self.rejects.values())


def guess(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Guess:
    """The likeliest shape of a file, from the names of its columns and its first records; a person confirms it.

    Every shape of SHAPES proposes; the first records are built under each proposal, and the share that can be built
    counts as much as the evidence. A file in which nothing is found comes back as unlabelled text without a column.
    """
    sample = Sample(columns, rows)
    found: list[Guess] = []
    for shape in SHAPES:
        proposal = shape.propose(sample)
        if proposal is not None:
            found.append(_weighed(proposal, sample))
    found = sorted((one for one in found if one.confidence > 0), key=lambda one: -one.confidence)
    best: dict[str, Guess] = {}
    for one in found:
        best.setdefault(one.task, one)
    if not best:
        return Guess("unknown", role_rules.guess_roles(sample.columns, sample.rows), 0.0, ())
    first, *others = best.values()
    return replace(first, others=tuple(others))


def roles_for(task: str, found: Guess, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Roles:
    """The mapping to start from when a person says the file is for another task than the one guessed."""
    known = next((one.roles for one in (found, *found.others) if one.task == task), None)
    if known is not None:
        return known
    sample = Sample(columns, rows)
    prose = sorted(sample.prose(), key=lambda name: sample.columns.index(name))
    lists = [name for name in sample.columns if sample.is_nested(name)]
    first, second = ([*prose, None, None])[:2]
    start = Roles(task=task)
    if "text" in role_rules.NEEDED[task]:
        start = replace(start, text=found.roles.text or role_rules.guess_text(sample.columns, sample.values))
    if task == "classification_multi":
        label = found.roles.label or next((name for name in lists if name != start.text), None)
        start = replace(start, labels=(label,) if label else ())
    elif task == "token_classification" and lists:
        start = replace(start, tokens=lists[0], tags=lists[1] if len(lists) > 1 else None)
    elif task == "chat" and lists:
        start = replace(start, messages=lists[0], form="conversational")
    elif task == "preference":
        start = replace(start, chosen=first, rejected=second)
    elif "completion" in OPTIONAL[task]:
        start = replace(start, prompt=found.roles.prompt or found.roles.text or first)
        rest = [name for name in prose if name != start.prompt]
        start = replace(start, completion=found.roles.completion or (rest[0] if rest else None))
    return _with_context(start, sample)


def tidy(roles: Roles, rows: Sequence[Mapping[str, Any]]) -> Roles:
    """A mapping as picked by hand, with what follows from the values: the tag scheme, and the conversational form."""
    if roles.task == "token_classification" and roles.tags:
        sequences = [words_of(row.get(roles.tags)) or [] for row in rows[:300]]
        return replace(roles, scheme=scheme_of(sequences))
    if roles.task == "chat":
        return replace(roles, form="conversational")
    if roles.task in ("preference", "prompt_completion", "seq2seq"):
        given = Sample([name for name in roles.used() if name], rows)
        pair = [name for name in (roles.prompt, roles.completion, roles.chosen, roles.rejected) if name]
        is_talk = any(given.is_nested(name) for name in pair) or bool(roles.system and roles.task == "preference")
        return replace(roles, form="conversational" if is_talk or roles.form == "conversational" else "standard")
    return roles


def fit(roles: Roles, rows: Sequence[Mapping[str, Any]], *, max_text_characters: int = _MAX_CHARACTERS) -> Fit:
    """What a mapping would make of these records: exactly what the import will do, without writing anything.

    Raises:
        CorpusError: a derived group whose pattern takes too long.
    """
    maker = Rows(roles, max_text_characters=max_text_characters)
    made: list[Mapping[str, Any]] = []
    rejects: Counter[str] = Counter()
    for values in maker.unfold_values(rows):
        row, reason = maker.make(values)
        if reason:
            rejects[reason] += 1
        else:
            made.append(row)
    groups = {name: Counter(row.get(f"group_{name}") for row in made) for name in roles.group_columns()}
    return Fit(tuple(made), dict(rejects), {k: n for k, n in maker.notes.items() if n}, groups)


def _weighed(proposal: Proposal, sample: Sample) -> Guess:
    rows = sample.rows[:_TRIED]
    tried = fit(proposal.roles, rows)
    share = len(tried.rows) / tried.n if tried.n else 1.0
    roles = _with_context(proposal.roles, sample)
    return Guess(proposal.shape, roles, round(proposal.strength * share, 4), proposal.why)


def _with_context(roles: Roles, sample: Sample) -> Roles:
    """Split, time, source, language and groups from the columns that have no role yet."""
    free = [name for name in sample.columns if name not in roles.used()]
    split, time, source, language = role_rules.guess_context(free, sample.values)
    taken = {split, time, source, language}
    groups = role_rules.guess_groups([name for name in free if name not in taken], sample.values)
    return replace(roles, split=split, time=time, source=source, language=language, groups=groups)
