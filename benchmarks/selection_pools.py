"""Corpora of the selection benchmark, the pools drawn from them, what makes a pool dirty, and the scores of a pool.

A corpus gives rows to draw pools from, a clean test set, rows of another corpus (off topic) and copies of some of its
rows with one small edit. Rows that are near-copies of a test text are taken out first. Vectors are made once per corpus
and kept. A pool of a seed is 2,000 of at most 4,000 rows, dirty 3,000; scores, neighbours and clusters as by a worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from studio import demo
from studio.corpus.dedup import find_duplicates
from studio.corpus.formats import detect
from studio.corpus.readers import records
from studio.mapping.clusters import find_clusters
from studio.mapping.neighbours import nearest_neighbours
from studio.measures import by_name, compute
from studio.records import Array, Batch, Knn

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
OWN, BASE, TEST, COPIES, OFF = 4_000, 2_000, 1_000, 1_200, 1_000
OFF_SHARE, COPY_SHARE, NOISE_SHARE, TAIL = 0.30, 0.20, 0.20, 0.1
_CHUNK = 512
SKIPPED = -1  # label of a row that belongs to no class: an annotator sets it aside, its place in the budget is spent
STATES = ("clean", "dirty")
MEASURES = ("three_nearest_targets", "neighbour_distance", "cluster_rarity", "fluency")  # hang on the pool
BY_TEXT = "rule_quality"  # hangs on its text alone: worked out once per corpus
OTHER = {"csl_zh": "demo_zh", "demo_zh": "csl_zh", "goemotions": "banking77", "banking77": "goemotions",
         "demo_en": "goemotions"}  # fmt: skip
CORPORA = tuple(OTHER)
GOALS = {
    "banking77": "Questions that customers of an online bank ask about their cards, transfers, payments and accounts.",
    "goemotions": "Short comments from an online forum that show an emotion such as joy, anger, surprise or sadness.",
    "demo_en": "Messages of customers to the help desk of an online shop about orders, deliveries, returns and bills.",
    "csl_zh": "中文学术论文的标题，按学科分类，例如工学、医学、经济学和历史学。",
    "demo_zh": "网店顾客写给客服的留言，内容是订单、物流、退换货和账单。",
}


@dataclass(frozen=True, eq=False)
class Part:
    """Texts with class codes (SKIPPED where they have none) and, once encoded, their vectors."""

    texts: tuple[str, ...]
    y: Array
    x: Array | None = None

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Corpus:
    """What pools are drawn from. copy_of (c,) is the row of `own` each copy was made of."""

    name: str
    language: str
    classes: tuple[str, ...]
    own: Part
    test: Part
    off: Part
    copies: Part
    copy_of: Array
    goal: Array | None = None
    n_dropped: int = 0

    @cached_property
    def rules(self) -> tuple[Array, Array, Array]:
        """Rule scores of the own rows, the off-topic ones and the copies."""
        parts = (self.own, self.off, self.copies)
        batches = (Batch(np.arange(len(part)), list(part.texts), self.language) for part in parts)
        return tuple(compute(by_name(BY_TEXT), batch) for batch in batches)


# --- reading ----------------------------------------------------------------------------------------------------------
def _rows(path: Path, text: str, label: str) -> list[tuple[str, str]]:
    found = [read.values for read in records(path, detect(path)) if read.values is not None]
    return [(str(row[text]), str(row[label])) for row in found if str(row[text] or "").strip()]


def read_rows(name: str, n_demo: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(text, label) rows to draw pools from, and of the test set.

    Raises:
        FileNotFoundError: a corpus that is not on this machine.
    """
    if name.startswith("demo_"):
        frame = demo.make(name.removeprefix("demo_"), seed=20_261, n=n_demo, effects=()).frame
        rows = list(zip(frame["text"], frame["label"], strict=True))
        return rows[n_demo // 5 :], rows[: n_demo // 5]
    folder = DATA / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{name} is not on this machine (expected in shared/data beside the repository)")
    if name == "banking77":
        return tuple(_rows(folder / f"{part}.csv", "text", "category") for part in ("train", "test"))
    if name == "csl_zh":
        files = ("train", "dev", "test")
        train, dev, test = (_rows(folder / f"cls_ctg_{part}.tsv", "column_2", "column_3") for part in files)
        return train + dev, test
    names = (folder / "labels.txt").read_text(encoding="utf-8").split()
    dev, test = (_rows(folder / f"{part}.tsv", "column_1", "column_2") for part in ("dev", "test"))
    # the first of several emotions; the big training file is not there, so what the test set leaves joins the pool
    first = [[(text, names[int(codes.split(",")[0])]) for text, codes in rows] for rows in (dev, test)]
    order = np.random.default_rng(1).permutation(len(first[1]))
    return first[0] + [first[1][i] for i in order[TEST:]], [first[1][i] for i in order[:TEST]]


def near_copy(text: str, language: str, rng: np.random.Generator) -> str:
    """The text with one edit: a word (Chinese: a character) left out, doubled or swapped with the next, or a mark."""
    units = list(text.strip()) if language == "zh" else text.split()
    glue, kind = ("" if language == "zh" else " "), int(rng.integers(4))
    if len(units) >= 4 and kind < 3:
        at = int(rng.integers(len(units) - 1))
        edited = {0: units[:at] + units[at + 1 :], 1: units[:at] + [units[at]] + units[at:],
                  2: units[:at] + [units[at + 1], units[at]] + units[at + 2 :]}[kind]  # fmt: skip
        if glue.join(edited) != text:
            return glue.join(edited)
    return text + ("！" if language == "zh" else "!")


def read_corpus(name: str, *, n_demo: int = 5_000, n_copies: int = COPIES, n_off: int = OFF) -> Corpus:
    """A corpus without vectors.

    Raises:
        FileNotFoundError: it or the corpus its off-topic rows come from is not on this machine.
    """
    language, rng = ("zh" if name.endswith("_zh") else "en"), np.random.default_rng([2, CORPORA.index(name)])
    rows, held = read_rows(name, n_demo)
    held = [held[i] for i in rng.permutation(len(held))[:TEST]]
    families = find_duplicates([text for text, _ in held + rows], np.random.default_rng(0)).families
    fresh = ~np.isin(families[len(held) :], families[: len(held)])
    classes = tuple(sorted({label for _, label in rows}))
    code = {label: place for place, label in enumerate(classes)}
    kept = [row for row, is_fresh in zip(rows, fresh, strict=True) if is_fresh]
    kept = [kept[i] for i in np.sort(rng.permutation(len(kept))[:OWN])]
    own, test = (Part(tuple(t for t, _ in part), np.array([code[label] for _, label in part], dtype=np.int64))
                 for part in (kept, [row for row in held if row[1] in code]))  # fmt: skip
    strange = read_rows(OTHER[name], n_demo)[0]
    strange = [strange[i][0] for i in np.sort(rng.permutation(len(strange))[:n_off])]
    copy_of = np.sort(rng.permutation(len(own))[:n_copies])
    copies = tuple(near_copy(own.texts[row], language, rng) for row in copy_of)
    return Corpus(name, language, classes, own, test, Part(tuple(strange), np.full(len(strange), SKIPPED)),
                  Part(copies, own.y[copy_of]), copy_of, None, int((~fresh).sum()))  # fmt: skip


# --- vectors ----------------------------------------------------------------------------------------------------------
def encode(corpus: Corpus, cache: Path) -> Corpus:
    """The corpus with its vectors: MiniLM for English, the lexical encoder fitted on all its texts but the test set.

    They are kept in `cache`, text by text, so that an interruption loses little.
    """
    parts = [corpus.own, corpus.copies, corpus.off, corpus.test, Part((GOALS[corpus.name],), np.zeros(1, np.int64))]
    texts = [text for part in parts for text in part.texts]
    if corpus.language == "en":
        whole = _by_minilm(texts, cache / "minilm")
    else:
        from studio.models.lexical import LexicalEncoder

        whole = LexicalEncoder.fit(texts[: sum(len(part) for part in parts[:3])], seed=0).encode(texts)
    own, copies, off, test, goal = np.split(whole, np.cumsum([len(part) for part in parts])[:-1])
    return replace(corpus, own=replace(corpus.own, x=own), copies=replace(corpus.copies, x=copies),
                   off=replace(corpus.off, x=off), test=replace(corpus.test, x=test), goal=goal)  # fmt: skip


def _by_minilm(texts: Sequence[str], folder: Path) -> Array:
    """(n, 384) vectors; those of texts seen before from `folder`, the others encoded and kept 512 at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[bytes, Array] = {}
    for path in sorted(folder.glob("[0-9a-f]*[0-9a-f].npz")):
        with np.load(path, allow_pickle=False) as part:
            known.update(zip((bytes(key) for key in part["keys"]), part["rows"], strict=True))
    keys = [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
    new = sorted({key: text for key, text in zip(keys, texts, strict=True) if key not in known}.items(),
                 key=lambda pair: len(pair[1]))  # fmt: skip
    if new:
        from studio.models.minilm import MiniLM

        encoder = MiniLM("cpu")
        for start in range(0, len(new), _CHUNK):
            part = dict(new[start : start + _CHUNK])
            rows = encoder.encode(list(part.values())).astype(np.float32)
            keep(folder, list(part), rows)
            known.update(zip(part, rows, strict=True))
    return np.stack([known[key] for key in keys])


def keep(folder: Path, keys: Sequence[bytes], rows: Array) -> None:
    """Write vectors under the hashes of their texts."""
    name = hashlib.sha256(b"".join(keys)).hexdigest()[:16]
    packed = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
    np.savez(folder / f"{name}.tmp", keys=packed, rows=rows)
    (folder / f"{name}.tmp.npz").rename(folder / f"{name}.npz")


# --- pools ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows of a pool in their order: kind 0 = own, 1 = off topic, 2 = copy; place in that part; the label bought."""

    kind: Array
    place: Array
    label: Array


def draw_clean(y: Array, base: int, rng: np.random.Generator) -> Drawn:
    """`base` rows by simple chance with their true labels."""
    rows = rng.choice(len(y), base, replace=False)
    return Drawn(np.zeros(base, dtype=np.int64), rows, y[rows])


def draw_dirty(y: Array, copy_of: Array, n_off: int, base: int, rng: np.random.Generator) -> Drawn:
    """A dirty pool: `base` own rows, 30 % as many off-topic ones, 20 % near-copies; 20 % of the own labels are wrong.

    Long tail: classes in an order drawn anew; a row of the class in place r of k is drawn with weight 0.1^(r / (k-1)),
    so the last class is ten times as rare as the first beside its own size. A wrong label is any other class with equal
    chance, decided once per own row; a copy has the label of its original, wrong or not. Off-topic rows have none.

    Args:
        y: (n,) true class codes 0..k-1.
        copy_of: (c,) row each copy was made of.
        n_off: off-topic rows there are.
        base: own rows.
        rng: everything.

    Raises:
        ValueError: fewer off-topic rows or copies of drawn rows than wanted.
    """
    classes = int(y.max()) + 1
    rank = rng.permutation(classes)
    weight = TAIL ** (rank[y] / max(classes - 1, 1))
    own = rng.choice(len(y), base, replace=False, p=weight / weight.sum())
    label = y.copy()
    wrong = rng.permutation(own)[: round(NOISE_SHARE * base)]
    label[wrong] = (y[wrong] + rng.integers(1, classes, len(wrong))) % classes
    there = np.flatnonzero(np.isin(copy_of, own))
    n_copies, n_strange = round(COPY_SHARE * base), round(OFF_SHARE * base)
    if len(there) < n_copies or n_off < n_strange:
        raise ValueError(f"{len(there)} copies and {n_off} off-topic rows, wanted {n_copies} and {n_strange}")
    copies, off = rng.permutation(there)[:n_copies], rng.permutation(n_off)[:n_strange]
    kind = np.repeat([0, 1, 2], [base, n_strange, n_copies])
    place = np.concatenate([own, off, copies])
    bought = np.concatenate([label[own], np.full(n_strange, SKIPPED), label[copy_of[copies]]])
    order = rng.permutation(len(kind))  # ties fall to the lower place, which must say nothing
    return Drawn(kind[order], place[order], bought[order])


@dataclass(frozen=True, eq=False)
class Prepared:
    """A pool with everything a choice looks at; row i of every array is one example. `raw`: measure -> (n,) values."""

    corpus: Corpus
    state: str
    seed: int
    drawn: Drawn
    texts: tuple[str, ...]
    x: Array
    knn: Knn
    clusters: Array
    raw: dict[str, Array]

    def __len__(self) -> int:
        return len(self.texts)

    def asked(self, measure: str) -> Array:
        """Values of a measure that looks at the texts alone and is computed only when somebody asks."""
        return compute(by_name(measure), Batch(np.arange(len(self)), list(self.texts), self.corpus.language))

    @cached_property
    def perm(self) -> Array:
        """The random draw of this seed: its first rows are the draw of any budget, and the first labels."""
        return np.random.default_rng([self.seed, 5]).permutation(len(self))


def prepare(corpus: Corpus, state: str, seed: int, base: int = BASE, cache: Path | None = None) -> Prepared:
    """The pool of a seed, scored as the runs embed, map and measure would; from `cache` where it was made before."""
    rng = np.random.default_rng([seed, STATES.index(state), CORPORA.index(corpus.name)])
    drawn = (draw_clean(corpus.own.y, base, rng) if state == "clean"
             else draw_dirty(corpus.own.y, corpus.copy_of, len(corpus.off), base, rng))  # fmt: skip
    parts = (corpus.own, corpus.off, corpus.copies)
    texts = tuple(parts[k].texts[p] for k, p in zip(drawn.kind, drawn.place, strict=True))
    x = np.stack([parts[k].x[p] for k, p in zip(drawn.kind, drawn.place, strict=True)])
    mark = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
    path = None if cache is None else cache / f"pool-{corpus.name}-{state}-{seed}-{mark}.npz"
    if path is None or not path.exists():
        made = _score(corpus, texts, x)
        if path is not None:
            np.savez(path.with_suffix(".tmp.npz"), **made)
            path.with_suffix(".tmp.npz").rename(path)
    else:
        made = dict(np.load(path, allow_pickle=False))
    raw = {name: made[name] for name in MEASURES}
    raw[BY_TEXT] = np.array([corpus.rules[k][p] for k, p in zip(drawn.kind, drawn.place, strict=True)])
    return Prepared(corpus, state, seed, drawn, texts, x, Knn(made["idx"], made["dist"]), made["clusters"], raw)


def _score(corpus: Corpus, texts: Sequence[str], x: Array) -> dict[str, Array]:
    knn = nearest_neighbours(x)
    clusters = find_clusters(knn).labels
    batch = Batch(np.arange(len(texts)), list(texts), corpus.language, embeddings=x, knn=knn, targets=corpus.goal,
                  clusters=clusters.astype(np.int64))  # fmt: skip
    values = {name: compute(by_name(name), batch) for name in MEASURES}
    return {"idx": knn.indices, "dist": knn.distances, "clusters": clusters} | values
