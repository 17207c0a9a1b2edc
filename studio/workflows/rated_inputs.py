"""What people said of examples that counts for one view now: in force, of rows that are what they were."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from studio.measures.rated import FEWEST_SHARED, NEEDED, between
from studio.store import ratings
from studio.workflows.studio import Studio

__all__ = ["FEWEST_SHARED", "NEEDED", "Said", "said", "table_of", "view_of"]
PAIRS = "pairs_"
WON = {"first": 1.0, "second": 0.0, "tie": 0.5}


@dataclass(frozen=True, eq=False)
class Said:
    """Judgements of one kind for one view.

    usable: columns actor, example_id, value (ratings), or actor, example_id, other_id, value with 1 = the first is
    better, 0 = the second, 0.5 = neither (comparisons), oldest first. n_changed and n_gone: not used, because a row
    says something else now, or is in this version no more; n_skipped: passed over.
    """

    usable: pd.DataFrame
    n_skipped: int
    n_changed: int
    n_gone: int
    everything: pd.DataFrame

    @property
    def people(self) -> tuple[str, ...]:
        """Who gave the usable ones, by name."""
        return tuple(sorted(set(self.usable["actor"])))

    @property
    def n(self) -> int:
        """Rated examples, or comparisons."""
        return len(self.usable) if "other_id" in self.usable else int(self.usable["example_id"].nunique())

    def mean_ratings(self) -> pd.DataFrame:
        """Columns example_id and value: the mean over the people who rated it."""
        return self.usable.groupby("example_id", as_index=False)["value"].mean()

    def pairs(self) -> pd.DataFrame:
        """Columns example_id, other_id, value; the smaller id first."""
        found = self.usable[["example_id", "other_id", "value"]].copy()
        turned = found["example_id"] > found["other_id"]
        found.loc[turned, ["example_id", "other_id"]] = found.loc[turned, ["other_id", "example_id"]].to_numpy()
        found.loc[turned, "value"] = 1 - found.loc[turned, "value"]
        return found

    def between(self) -> dict[str, float | int | None]:
        """How far people agree where two judged the same (`measures.rated.between`)."""
        people = self.usable["actor"].tolist()
        if "other_id" not in self.usable:
            return between(people, self.usable["example_id"].tolist(), self.usable["value"].tolist())
        found = self.pairs()
        keys = list(zip(found["example_id"].tolist(), found["other_id"].tolist(), strict=True))
        return between(people, keys, found["value"].tolist())


def table_of(need: str) -> str:
    """The table a Batch field `ratings_<view>` or `pairs_<view>` is made from."""
    return "comparison" if need.startswith(PAIRS) else "rating"


def view_of(need: str) -> str:
    """The view of a Batch field `ratings_<view>` or `pairs_<view>`."""
    return need.partition("_")[2]


def said(studio: Studio, snapshot_id: str, need: str) -> Said:
    """What counts now of one kind of judgements, and how many do not.

    Args:
        studio: the open workspace.
        snapshot_id: whose rows must be what was judged.
        need: ratings_<view> or pairs_<view>.

    Raises:
        CorpusError: an unknown snapshot.
    """
    table = table_of(need)
    found = ratings.in_force(studio.store, table, snapshot_id, view_of(need))
    skipped = found["kind"] == "skip"
    given = found[~skipped]
    gone, changed = given["is_gone"].astype(bool), given["is_changed"].astype(bool)
    fine = given[~gone & ~changed]
    if table == "rating":
        usable = pd.DataFrame({"actor": fine["actor"], "example_id": fine["example_id"].astype("int64"),
                               "value": fine["value"].astype(float)})  # fmt: skip
    else:
        usable = pd.DataFrame({"actor": fine["actor"], "example_id": fine["example_id"].astype("int64"),
                               "other_id": fine["other_id"].astype("int64"),
                               "value": fine["outcome"].map(WON).astype(float)})  # fmt: skip
    return Said(usable.reset_index(drop=True), int(skipped.sum()), int((changed & ~gone).sum()), int(gone.sum()), found)


def judged(studio: Studio, snapshot_id: str, need: str) -> pd.DataFrame:
    """The rows a head learns from: columns need, example_id, other_id (missing for ratings), value."""
    found = said(studio, snapshot_id, need)
    rows = found.pairs() if "other_id" in found.usable else found.mean_ratings()
    rows = rows.reindex(columns=["example_id", "other_id", "value"])
    order = rows.sort_values(["example_id", "other_id", "value"], ignore_index=True)
    return order.assign(other_id=order["other_id"].astype("Int64"), need=need)
