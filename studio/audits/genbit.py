"""GenBit: how differently the words around women and around men are spread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, nothing, texts_of
from studio.audits.gathered import with_pairs
from studio.audits.reading import Reading, read
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, Z95

NAME = "genbit"
WINDOW, DISTANCE, CUTOFF = 5, 0.95, 80.0  # the defaults of the published tool (genbit-2021)
PUBLISHED_CUT = 0.30  # "moderate to high" for English (genbit-2021, table 1); none is published for Chinese
WANTED = 400  # documents the published tool asks for
LEAST = 20  # mentions of each gender below which nothing is said (ours)
LEAST_PAIR = 5  # occurrences of a pair of Han characters below which it is no token (ours)
DRAWS = 99
WOMEN, MEN = ("women", "女性"), ("men", "男性")
COLUMNS = ("word", "men", "women", "log_ratio")
_CHINESE = "的了是在我你他不也就都和有这那个一么吗吧啊呢之与为而把被让给对从到说要会能可以还很上下得着过没去来又等们其"


@dataclass(frozen=True)
class Pairs:
    """Every word near a gendered word, once per pair.

    words: ids; weights: 0.95^distance; women: True where the gendered word is one for women; units: the document or
    family the pair is in; n_women, n_men: occurrences of gendered words.
    """

    words: Array
    weights: Array
    women: Array
    units: Array
    n_women: int
    n_men: int


@cache
def stop_words() -> frozenset[str]:
    """Words of grammar, left out before the window is laid: scikit-learn's English list, a Chinese one of our own."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # heavy: only where the audit runs

    return frozenset(ENGLISH_STOP_WORDS) | frozenset(_CHINESE)


def near_pairs(reading: Reading, women: Array, men: Array, units: Array) -> Pairs:
    """Every pair of a gendered token and another token at most WINDOW places from it, after words of grammar are out.

    Args:
        reading: the texts.
        women: (v,) mask of ids.
        men: (v,) mask of ids.
        units: (n,) the document or family of each text.
    """
    ids, rows = reading.plain
    stop = stop_words()
    kept_ids = np.fromiter((word not in stop for word in reading.words), bool, len(reading.words)) | women | men
    kept = kept_ids[ids]
    ids, rows = ids[kept], rows[kept]
    gendered = np.flatnonzero(women[ids] | men[ids])
    found = []
    for shift in (*range(-WINDOW, 0), *range(1, WINDOW + 1)):
        other = gendered + shift
        inside = (other >= 0) & (other < len(ids))
        centre, other = gendered[inside], other[inside]
        same = rows[centre] == rows[other]
        centre, other = centre[same], other[same]
        found.append((ids[other], np.full(len(other), DISTANCE ** abs(shift)), women[ids[centre]], units[rows[centre]]))
    words, weights, is_woman, unit = (np.concatenate(part) for part in zip(*found, strict=True))
    return Pairs(words, weights, is_woman, unit, int(women[ids].sum()), int(men[ids].sum()))


def log_ratios(near_men: Array, near_women: Array, seen: Array) -> tuple[Array, Array]:
    """ln( p(w | men) / p(w | women) ) of every word that is counted, and which words those are.

    c[w, G] = 1 + sum of 0.95^distance over the pairs of w with G; p(w | G) = c[w, G] / sum over words of c[w, G]. Words
    below the 80th percentile of c[w, men] + c[w, women], taken over words with a sum above 2, are left out.

    Args:
        near_men: (v,) sums of weights.
        near_women: (v,) sums of weights.
        seen: (v,) True for words that occur and are not gendered.

    Paper: genbit-2021, the formula of its text; smoothing by 1 and the cutoff as in its code.

    Example:
        >>> ratios, counted = log_ratios(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([True, True]))
        >>> [round(float(r), 4) for r in ratios]  # c = 3 and 1 of 4: ln 3 and -ln 3
        [1.0986, -1.0986]
    """
    men, women = near_men + 1.0, near_women + 1.0
    total = men + women
    above = total[seen & (total > 2)]
    cutoff = float(np.percentile(above, CUTOFF)) if len(above) else 2.0
    counted = seen & (total >= cutoff - 1e-9)
    return np.log(men[counted] / men[seen].sum()) - np.log(women[counted] / women[seen].sum()), counted


def tool_score(near_men: Array, near_women: Array, seen: Array, n_men: int, n_women: int) -> float:
    """The score as the published tool's code works it out: p(w | G) = c[w, G] / (occurrences of G + number of words).

    In a corpus with many different words the denominators are nearly equal, so this number mostly says how much more
    often one gender is written about; the published cuts belong to it.

    Paper: genbit-2021, with two groups instead of five and without its lemmatiser.
    """
    ratios, counted = log_ratios(near_men, near_women, seen)
    men, women = (near_men + 1.0)[seen].sum(), (near_women + 1.0)[seen].sum()
    shift = np.log(men / women) + np.log((n_women + seen.sum()) / (n_men + seen.sum()))
    return float(np.abs(ratios + shift).mean()) if len(ratios) else 0.0


def score(pairs: Pairs, seen: Array, weights: Array | None = None, share_women: Array | None = None) -> float:
    """Mean of the absolute log ratios; weights (u,) count units several times, share_women (u,) replaces genders."""
    size = len(seen)
    weight = pairs.weights if weights is None else pairs.weights * weights[pairs.units]
    part = pairs.women.astype(np.float64) if share_women is None else share_women[pairs.units]
    near_women = np.bincount(pairs.words, weights=weight * part, minlength=size)
    near_men = np.bincount(pairs.words, weights=weight * (1 - part), minlength=size)
    ratios, _ = log_ratios(near_men, near_women, seen)
    return float(np.abs(ratios).mean()) if len(ratios) else 0.0


def spread(pairs: Pairs, seen: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    """Standard error by a bootstrap over units; mean and deviation of the score when units swap their genders.

    A unit (document, or family of copies) keeps its words and gets the share of women of another unit at random: what
    the score would be if words did not go with gender, with these counts. The score is never 0 by chance.
    """
    named = np.unique(pairs.units)
    place = np.searchsorted(named, pairs.units)
    own = Pairs(pairs.words, pairs.weights, pairs.women, place, pairs.n_women, pairs.n_men)
    total = np.bincount(place, weights=pairs.weights)
    share = np.bincount(place, weights=pairs.weights * pairs.women) / total
    drawn, shuffled = [], []
    for _ in range(DRAWS):
        counts = np.bincount(rng.integers(0, len(named), len(named)), minlength=len(named)).astype(np.float64)
        drawn.append(score(own, seen, weights=counts))
        shuffled.append(score(own, seen, share_women=rng.permutation(share)))
    return float(np.std(drawn, ddof=1)), float(np.mean(shuffled)), float(np.std(shuffled, ddof=1))


def gender_ids(reading: Reading) -> tuple[Array, Array]:
    """Masks of the ids that name women and men, by the names these groups have in the list."""
    masks = reading.groups()
    empty = np.zeros(len(reading.words), dtype=bool)
    women, men = empty.copy(), empty.copy()
    for (axis, group), mask in masks.items():
        women |= mask if axis == "gender" and group in WOMEN else empty
        men |= mask if axis == "gender" and group in MEN else empty
    return women & ~men, men & ~women


def _finding(
    pairs: Pairs, value: float, drawn: tuple[float, float, float], words: pd.DataFrame, facts: dict
) -> Finding:
    error, chance, deviation = drawn
    p = float(stats.norm.sf((value - chance) / deviation)) if deviation > 0 else 1.0
    q = float(facts["context"].corrected(np.array([p]))[0])
    enough = facts["documents"] > WANTED
    cut = PUBLISHED_CUT if facts["context"].language == "en" else None
    alarm = bool(enough and cut is not None and facts["tool"] > cut and q < ALPHA)
    kind = ("high" if alarm else "low") if cut is not None else "chinese"
    comma = ", " if cut is not None else "、"
    values = {"score": value, "chance": chance, "cut": cut or 0.0, "tool": facts["tool"],
              "documents": facts["documents"], "women": pairs.n_women, "men": pairs.n_men,
              "men_words": comma.join(words.word.head(3)),
              "women_words": comma.join(words.word.iloc[::-1].head(3))}  # fmt: skip
    level = facts["context"].level_of_one_among(1)
    visible = float(stats.norm.isf(level) + stats.norm.isf(0.2)) * deviation
    return Finding(audit=NAME, key=f"audit_words.genbit.{kind}", values=values, n=facts["documents"], estimate=value,
                   low=max(value - Z95 * error, 0.0), high=value + Z95 * error, unit="score", p=p, q=q,
                   threshold=None if cut is None else chance,
                   smallest_effect=chance + visible, alarm=alarm)  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """GenBit score: mean over words of | ln( p(word | men) / p(word | women) ) | for words near gendered words.

    Window of 5 tokens on each side after words of grammar are out, weight 0.95^distance; see `log_ratios`. Beside it
    what the score is by chance when documents swap their genders, and a 95 % interval of ± 1.96 bootstrap errors over
    documents (99 seeded draws each).

    Args:
        frame: `text`, `example_id`.
        context: lexicon (its groups women and men of the axis gender, without ambiguous terms); families are drawn
            together; seed.

    Returns:
        One finding; table COLUMNS with every counted word, those nearer to men first. An alarm needs more than 400
        documents, English, the tool's own number above its published cut of 0.30, and q < 0.05 against chance.

    Paper: genbit-2021, bordia-bowman-2019; our own gendered words, a list of grammar words of scikit-learn and no
        lemmatiser, so a score differs a little from the tool's on the same corpus. Chinese: the same formula over
        characters and the terms of the lists; no cut is published for it.
    Limits: the score grows as counts fall; compare it with chance, not with another corpus of another size.
    """
    reading = read(list(texts_of(frame, "text")), context.lexicon, frame["example_id"].to_numpy())
    reading = with_pairs(reading, LEAST_PAIR, stop_words())
    women, men = gender_ids(reading)
    units = np.arange(len(frame)) if context.families is None else np.unique(context.families, return_inverse=True)[1]
    pairs = near_pairs(reading, women, men, units) if len(reading.words) else None
    if pairs is None or min(pairs.n_women, pairs.n_men) < LEAST or not len(pairs.words):
        return nothing(NAME, "audit_words.note.few_gendered", COLUMNS)
    stop = stop_words()
    seen = np.fromiter((word not in stop for word in reading.words), bool, len(reading.words)) & ~women & ~men
    seen &= np.bincount(reading.plain[0], minlength=len(seen)) > 0  # single characters have given way to pairs
    documents = int((reading.n_units > 0).sum())
    value = score(pairs, seen)
    near_women = np.bincount(pairs.words, weights=pairs.weights * pairs.women, minlength=len(seen))
    near_men = np.bincount(pairs.words, weights=pairs.weights * ~pairs.women, minlength=len(seen))
    ratios, counted = log_ratios(near_men, near_women, seen)
    table = pd.DataFrame({"word": reading.words[counted], "men": near_men[counted], "women": near_women[counted],
                          "log_ratio": ratios}).sort_values(["log_ratio", "word"], ascending=[False, True],
                                                            ignore_index=True)  # fmt: skip
    facts = {"context": context, "documents": documents,
             "tool": tool_score(near_men, near_women, seen, pairs.n_men, pairs.n_women)}  # fmt: skip
    drawn = spread(pairs, seen, np.random.default_rng(context.seed))
    finding = _finding(pairs, value, drawn, table, facts)
    notes = ("audit_words.note.few_documents",) if documents <= WANTED else ()
    return AuditResult(NAME, (finding,), table, notes)


GENBIT = Audit(name=NAME, title="audit.title.genbit", needs=("lexicon",), paper="genbit-2021", compute=_compute)
