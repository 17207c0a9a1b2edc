"""Group attributes that no column holds: bands of a number, terms in the text, a pattern, a month or year."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import regex

from studio.corpus import lexicons
from studio.corpus.values import as_text
from studio.errors import CorpusError

KINDS: tuple[str, ...] = ("bands", "terms", "pattern", "period")
PERIODS: tuple[str, ...] = ("year", "quarter", "month")
AGE_EDGES: tuple[float, ...] = (18, 25, 35, 45, 55, 65)  # the bands census offices and survey houses commonly report
MOST_EDGES, MOST_PATTERN, VALUE_CHARACTERS = 20, 500, 60
PATTERN_SECONDS = 0.2  # ours: of processor time per text; an honest pattern needs microseconds
PATTERN_TEXT = 20_000  # characters of a text a pattern looks at; ours
_SECONDS, _MILLISECONDS = (10**8, 10**11), (10**11, 10**14)  # a Unix time between 1973 and 5138
YES: Mapping[str, str] = {"en": "found", "zh": "有"}
NO: Mapping[str, str] = {"en": "not found", "zh": "无"}
Rule = Callable[[Mapping[str, Any], str], str | None]


@dataclass(frozen=True)
class Derived:
    """A group attribute made by rule: `kind` of KINDS under a `name`.

    `column` is the column it reads; empty for terms and patterns means the text of the example. `edges` are the lower
    bounds of the bands above the first; `lexicon` is one of `lexicons.ATTRIBUTES`; `language` chooses its terms;
    `period` is year, quarter or month; `day_first` reads 3/4 as 3 April.
    """

    kind: str
    name: str
    column: str = ""
    edges: tuple[float, ...] = ()
    lexicon: str = ""
    language: str = "en"
    pattern: str = ""
    period: str = "year"
    day_first: bool = True

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Derived:
        """The inverse of `to_json`; unknown entries are ignored."""
        known = {name: value[name] for name in cls.__dataclass_fields__ if value.get(name) is not None}
        return cls(**known | {"edges": tuple(float(edge) for edge in known.get("edges", ()))})

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for a recipe or a manifest."""
        return {**asdict(self), "edges": list(self.edges)}

    def check(self, columns: Sequence[str]) -> None:
        """Refuse a rule that cannot work.

        Raises:
            CorpusError: no name, a column the file lacks, edges that do not rise, a pattern that cannot be read.
        """
        if self.kind not in KINDS:
            raise CorpusError("There is no such kind of group", got=self.kind, fix=f"Use one of: {', '.join(KINDS)}.")
        if not self.name.strip():
            raise CorpusError("A derived group needs a name", fix="Give it a short name.")
        if (self.column or self.kind in ("bands", "period")) and self.column not in columns:
            raise CorpusError("The derived group reads a column the file does not have", got=self.column,
                              fix="Choose another column.")  # fmt: skip
        rising = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        finite = all(math.isfinite(edge) for edge in self.edges)
        if self.kind == "bands" and not (rising and finite and 1 <= len(self.edges) <= MOST_EDGES):
            raise CorpusError("The edges of the bands must be numbers that rise", got=list(self.edges)[:30],
                              fix=f"Give 1 to {MOST_EDGES} numbers, each above the one before.")  # fmt: skip
        if self.kind == "terms" and not lexicons.is_known(self.lexicon):
            raise CorpusError("There is no such list of terms", got=self.lexicon,
                              fix=f"Use one of: {', '.join(lexicons.ATTRIBUTES)}.")  # fmt: skip
        if self.kind == "period" and self.period not in PERIODS:
            raise CorpusError("There is no such period", got=self.period, fix=f"Use one of: {', '.join(PERIODS)}.")
        if self.kind == "pattern":
            compile_pattern(self.pattern)

    def rule(self) -> Rule:
        """The rule as a function of a record and the text of its example; None where it has no value.

        Raises:
            CorpusError: from the function, a pattern that takes too long on some text.
        """
        return {"bands": _bands, "terms": _terms, "pattern": _pattern, "period": _period}[self.kind](self)


def _given(rule: Derived, values: Mapping[str, Any], text: str) -> str:
    if not rule.column:
        return text
    value = values.get(rule.column)
    return "" if isinstance(value, list | dict) else (as_text(value) or "").strip()


# --- bands of a number ------------------------------------------------------------------------------------------------
def number(text: str) -> float | None:
    """A number as people write it, or None.

    Example:
        >>> number("1,200"), number("37 years"), number("３５岁"), number("n/a")
        (1200.0, 37.0, 35.0, None)
    """
    found = regex.search(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?", text[:100])
    if found is None:
        return None
    value = float(found.group().replace(",", ""))
    return value if math.isfinite(value) else None


def band_names(edges: Sequence[float], language: str = "en") -> tuple[str, ...]:
    """One name per band, the lowest first; whole edges give whole bounds on both sides.

    Example:
        >>> band_names((18, 25, 65))
        ('below 18', '18–24', '25–64', '65 and above')
        >>> band_names((0.5,))
        ('below 0.5', '0.5 and above')
    """
    whole = all(float(edge).is_integer() for edge in edges)

    def shown(value: float) -> str:
        return f"{value:.0f}" if whole else f"{value:g}"

    inner = [
        (shown(low) if whole and high - 1 == low else f"{shown(low)}–{shown(high - 1 if whole else high)}")
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    if language == "zh":
        return (f"{shown(edges[0])}以下", *inner, f"{shown(edges[-1])}及以上")
    return (f"below {shown(edges[0])}", *inner, f"{shown(edges[-1])} and above")


def quantile_edges(numbers: Sequence[float], bands: int = 4) -> tuple[float, ...]:
    """Edges that cut the numbers into bands of about equal size, rounded to three digits; fewer where values repeat.

    Example:
        >>> quantile_edges([1, 2, 3, 4, 5, 6, 7, 8], 4)
        (3.0, 5.0, 7.0)
    """
    ordered = sorted(numbers)
    cuts = {float(f"{ordered[len(ordered) * i // bands]:.3g}") for i in range(1, bands)} if ordered else set()
    return tuple(sorted(cut for cut in cuts if cut > ordered[0]))


def _bands(rule: Derived) -> Rule:
    names, edges = band_names(rule.edges, rule.language), rule.edges

    def of(values: Mapping[str, Any], text: str) -> str | None:
        found = number(_given(rule, values, text))
        return None if found is None else names[bisect_right(edges, found)]

    return of


# --- terms and patterns in the text -----------------------------------------------------------------------------------
def _terms(rule: Derived) -> Rule:
    named = lexicons.value_of(rule.lexicon, "zh" if rule.language == "zh" else "en")

    def of(values: Mapping[str, Any], text: str) -> str | None:
        return named(_given(rule, values, text))

    return of


def compile_pattern(pattern: str) -> Any:
    """A regular expression that may be run under a time limit.

    Raises:
        CorpusError: empty, too long, or not a regular expression.
    """
    if not pattern or len(pattern) > MOST_PATTERN:
        raise CorpusError(f"A pattern needs 1 to {MOST_PATTERN} characters", got=len(pattern), fix="Write another one.")
    try:
        return regex.compile(pattern, regex.IGNORECASE)
    except (regex.error, RecursionError, OverflowError) as error:
        raise CorpusError("The pattern is not a regular expression", got=f"{pattern[:80]}: {error}",
                          fix="Mend it, for example close every bracket.") from error  # fmt: skip


def _pattern(rule: Derived) -> Rule:
    compiled = compile_pattern(rule.pattern)
    language = "zh" if rule.language == "zh" else "en"

    def of(values: Mapping[str, Any], text: str) -> str | None:
        given = _given(rule, values, text)[:PATTERN_TEXT]
        try:
            found = compiled.search(given, timeout=PATTERN_SECONDS)
        except TimeoutError as error:
            raise CorpusError(
                "The pattern takes too long on one of the texts", got=rule.pattern[:80],
                fix="Write it without repeats inside repeats, such as (a+)+, or make its parts exclude each other.",
            ) from error  # fmt: skip
        if found is None:
            return NO[language]
        caught = next((group for group in found.groups() if group), None) if compiled.groups else None
        return YES[language] if caught is None else " ".join(caught.split())[:VALUE_CHARACTERS] or YES[language]

    return of


# --- time -------------------------------------------------------------------------------------------------------------
_ISO = regex.compile(r"(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?")
_PARTS = regex.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?!\d)")
_WORDS = regex.compile(r"(?:\d{1,2}(?:st|nd|rd|th)?[ -])?([A-Za-z]{3,9})\.?[ -](?:\d{1,2}(?:st|nd|rd|th)?,? ?)?(\d{4})")
_COMPACT = regex.compile(r"(19|20)(\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def month_of(text: str, day_first: bool = True) -> tuple[int, int] | None:
    """Year and month of a moment as people and programs write it; None where it cannot be read.

    Read are 2020-05-12, 2020/5, 2020年5月12日, 20200512, 12/05/2020 (`day_first` decides, unless one part is above 12),
    12 May 2020, May 12, 2020, a Unix time in seconds or milliseconds, and a bare year (as January).

    Example:
        >>> month_of("2020年5月12日"), month_of("12/05/2020 15:04"), month_of("05/31/2020"), month_of("soon")
        ((2020, 5), (2020, 5), (2020, 5), None)
    """
    text = text.strip()[:60]
    if found := _COMPACT.match(text):
        return int(found[1] + found[2]), int(found[3])
    if regex.fullmatch(r"\d+(\.\d+)?", text):
        return _of_number(float(text))
    if found := _ISO.match(text):
        return _month(int(found[1]), int(found[2]))
    if found := _PARTS.match(text):
        one, two, year = int(found[1]), int(found[2]), int(found[3])
        month = two if (day_first and two <= 12) or one > 12 else one
        day = one if month == two and (day_first or one > 12) else two
        year += 0 if len(found[3]) == 4 else 2000 if year < 70 else 1900
        return _month(year, month) if 1 <= day <= 31 else None
    if found := _WORDS.search(text):
        short = found[1][:3].lower()
        return _month(int(found[2]), _MONTHS.index(short) + 1) if short in _MONTHS else None
    return None


def _of_number(value: float) -> tuple[int, int] | None:
    if value.is_integer() and 1500 <= value <= 2200:
        return int(value), 1
    if _MILLISECONDS[0] <= value < _MILLISECONDS[1]:
        value /= 1000
    elif not _SECONDS[0] <= value < _SECONDS[1]:
        return None
    moment = datetime.fromtimestamp(value, UTC)
    return moment.year, moment.month


def _month(year: int, month: int) -> tuple[int, int] | None:
    return (year, month) if 1 <= month <= 12 and 1000 <= year <= 2999 else None


def is_day_first(texts: Sequence[str]) -> bool:
    """Whether 3/4/2020 means 3 April: so unless more values can only be read the other way.

    Example:
        >>> is_day_first(["12/05/2020", "31/05/2020"]), is_day_first(["05/31/2020"])
        (True, False)
    """
    pairs = [(int(found[1]), int(found[2])) for text in texts if (found := _PARTS.match(text.strip()))]
    return sum(one > 12 for one, _ in pairs) >= sum(two > 12 for _, two in pairs)


def _period(rule: Derived) -> Rule:
    def of(values: Mapping[str, Any], text: str) -> str | None:
        found = month_of(_given(rule, values, text), rule.day_first)
        if found is None:
            return None
        year, month = found
        names = {"year": f"{year}", "quarter": f"{year} Q{(month + 2) // 3}", "month": f"{year}-{month:02d}"}
        return names[rule.period]

    return of


def proposals(values: Mapping[str, Sequence[str]], time: str | None, language: str) -> tuple[Derived, ...]:
    """Groups worth adding with one click: bands of ages and other numbers, the period of the time column.

    Args:
        values: column -> its filled values as text, of the columns without a role.
        time: the column with the time role, whose values are in `values` too.
        language: of the texts, en or zh.
    """
    found: list[Derived] = []
    for name, texts in values.items():
        numbers = [value for text in texts if (value := number(text)) is not None and _is_number(text)]
        if len(texts) < 20 or len(numbers) < 0.9 * len(texts) or len(set(numbers)) <= 12 or _is_running(numbers):
            continue
        is_age = regex.search(r"\bage\b|年龄|岁", name.lower().replace("_", " ")) and max(numbers) < 130
        edges = tuple(float(edge) for edge in AGE_EDGES) if is_age else quantile_edges(numbers)
        if edges:
            found.append(Derived("bands", f"{name} band" if language == "en" else f"{name}分段", name, edges,
                                 language=language))  # fmt: skip
    if time and (texts := values.get(time)):
        day_first = is_day_first(texts)
        months = [month for text in texts if (month := month_of(text, day_first)) is not None]
        if len(months) >= len(texts) / 2:
            many_years = len({year for year, _ in months}) > 2
            name = ("year" if many_years else "month") if language == "en" else ("年份" if many_years else "月份")
            found.append(Derived("period", name, time, period="year" if many_years else "month", day_first=day_first))
    return tuple(found)


def _is_number(text: str) -> bool:
    return regex.fullmatch(r"[-+]?[\d.,]+(?:\s*(?:years?|岁|%|yrs?))?", text.strip()) is not None


def _is_running(numbers: Sequence[float]) -> bool:
    """True for a counter or an id: every value once, nearly all in order."""
    rising = sum(a < b for a, b in zip(numbers, numbers[1:], strict=False))
    return len(set(numbers)) == len(numbers) and rising > 0.95 * (len(numbers) - 1)
