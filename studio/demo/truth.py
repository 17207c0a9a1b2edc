"""The truth file: what was planted, where, what it implies in other tables, and the shares a fair corpus would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studio.demo import attributes
from studio.demo.duplicates import NEAR, SHINGLE
from studio.demo.planting import Draft

FORMAT = 1


def shares_by_label(
    attribute: str, reference: Mapping[str, float], labels: Sequence[str], planted: Mapping[str, Any]
) -> dict[str, Mapping[str, float]]:
    """The population shares of an attribute's groups inside every label, under the effects planted."""
    shares: Mapping[str, float] = reference
    under, odds = planted.get("underrepresented_group"), planted.get("label_group_odds")
    if under and under["attribute"] == attribute:
        shares = attributes.with_share(shares, under["group"], under["share"])
    if not odds or odds["attribute"] != attribute:
        return {label: shares for label in labels}
    inside, outside = attributes.shares_for_odds(shares[odds["group"]], 1 / len(labels), odds["odds_ratio"])
    return {
        label: attributes.with_share(shares, odds["group"], inside if label == odds["label"] else outside)
        for label in labels
    }


def write(
    draft: Draft,
    rows: Sequence[str],
    labels: Sequence[str],
    seed: int,
    planted: Mapping[str, Mapping[str, Any]],
    touched: Mapping[str, Sequence[Any]],
) -> dict[str, Any]:
    """The truth about a finished draft as JSON-able values."""
    describe = {
        "underrepresented_group": _underrepresented,
        "label_group_odds": _odds,
        "spurious_token": _token,
        "near_duplicates": _duplicates,
        "wrong_labels": _wrong,
        "thin_topic": _thin,
        "length_label_confound": _length,
    }
    found = {}
    for name, values in planted.items():
        about = describe[name](draft, labels, planted, touched.get(name, ()))
        about["rows"] = [rows[i] for i in about["rows"]]
        if "pairs" in about:
            about["pairs"] = [[rows[a], rows[b]] for a, b in about["pairs"]]
        found[name] = {"parameters": dict(values), **about}
    return {
        "format": FORMAT,
        "language": draft.language,
        "seed": seed,
        "n": len(draft),
        "labels": list(labels),
        "label_share": 1 / len(labels),
        "reference": {name: dict(shares) for name, shares in attributes.REFERENCE[draft.language].items()},
        "near_duplicate": {
            "shingle": "characters of the case-folded text, white space collapsed",
            "size": SHINGLE[draft.language],
            "jaccard": NEAR,
        },
        "effects": found,
        "rows": {
            "row": list(rows),
            "true_label": [str(label) for label in draft.true_labels],
            "kind": list(draft.kinds),
            "topic": list(draft.topics),
        },
    }


def _underrepresented(draft: Draft, labels: Sequence[str], planted: Any, _: Any) -> dict[str, Any]:
    values = planted["underrepresented_group"]
    reference = attributes.REFERENCE[draft.language][values["attribute"]]
    shares = attributes.with_share(reference, values["group"], values["share"])
    mask = draft.columns[values["attribute"]] == values["group"]
    return {
        "rows": np.flatnonzero(mask).tolist(),
        "observed": {"examples": int(mask.sum()), "share": float(mask.mean())},
        "implied": {
            "expected_shares": shares,
            "note": "the other groups rise in proportion; the group's counts are low in every table it appears in",
        },
    }


def _odds(draft: Draft, labels: Sequence[str], planted: Any, _: Any) -> dict[str, Any]:
    values = planted["label_group_odds"]
    reference = attributes.REFERENCE[draft.language][values["attribute"]]
    tables = shares_by_label(values["attribute"], reference, labels, planted)
    ratios = attributes.odds_ratios(tables, {label: 1 / len(labels) for label in labels})
    group = draft.columns[values["attribute"]] == values["group"]
    label = draft.labels == values["label"]
    a, b = int((group & label).sum()), int((~group & label).sum())
    c, d = int((group & ~label).sum()), int((~group & ~label).sum())
    main = (values["label"], values["group"])
    return {
        "rows": np.flatnonzero(group & label).tolist(),
        "observed": {"table": [[a, b], [c, d]], "odds_ratio": a * d / (b * c)},
        "implied": {
            "expected_shares": {name: dict(shares) for name, shares in tables.items()},
            "odds_ratios": [
                {"label": name, "group": other, "odds_ratio": ratio}
                for (name, other), ratio in ratios.items()
                if (name, other) != main and abs(ratio - 1) > 1e-9
            ],
            "note": "the group's overall share is unchanged; other groups are rarer in the label, other labels rarer "
            "in the group",
        },
    }


def _token(draft: Draft, labels: Sequence[str], planted: Any, _: Any) -> dict[str, Any]:
    values = planted["spurious_token"]
    has = np.array([values["token"] in text.casefold() for text in draft.texts])
    label = draft.labels == values["label"]
    return {
        "rows": np.flatnonzero(has).tolist(),
        "observed": {
            "in_label": [int((has & label).sum()), int(label.sum())],
            "elsewhere": [int((has & ~label).sum()), int((~label).sum())],
        },
        "implied": {"note": "texts of the label are a few characters longer; words beside the token follow it"},
    }


def _duplicates(draft: Draft, labels: Sequence[str], planted: Any, pairs: Any) -> dict[str, Any]:
    families = len({source for _, source in pairs})
    return {
        "rows": [copy for copy, _ in pairs],
        "pairs": [list(pair) for pair in pairs],
        "observed": {"copies": len(pairs), "families": families, "share": len(pairs) / len(draft)},
        "implied": {
            "independent_examples": len(draft) - len(pairs),
            "note": "copies share label and requester with their source, so counts hold fewer people than rows",
        },
    }


def _wrong(draft: Draft, labels: Sequence[str], planted: Any, rows: Any) -> dict[str, Any]:
    wrong = np.flatnonzero(draft.labels != draft.true_labels).tolist()
    return {
        "rows": wrong,
        "true_labels": [str(draft.true_labels[i]) for i in wrong],
        "observed": {"examples": len(wrong), "share": len(wrong) / len(draft)},
        "implied": {"note": "no model can score above one minus this share on labels taken at their word"},
    }


def _thin(draft: Draft, labels: Sequence[str], planted: Any, _: Any) -> dict[str, Any]:
    values = planted["thin_topic"]
    counts = {
        topic: sum(1 for label, name in zip(draft.true_labels, draft.topics, strict=True)
                   if label == values["label"] and name == topic)
        for topic in sorted({t for label, t in zip(draft.true_labels, draft.topics, strict=True)
                             if label == values["label"] and t})
    }  # fmt: skip
    return {
        "rows": [i for i, topic in enumerate(draft.topics) if topic == values["topic"]],
        "observed": {"examples_by_topic": counts},
        "implied": {"note": "the other topics of the label hold the examples this one lacks"},
    }


def _length(draft: Draft, labels: Sequence[str], planted: Any, _: Any) -> dict[str, Any]:
    values = planted["length_label_confound"]
    lengths = np.array([len(text) for text in draft.texts])
    label = draft.labels == values["label"]
    return {
        "rows": np.flatnonzero(label).tolist(),
        "observed": {
            "median_characters_in_label": float(np.median(lengths[label])),
            "median_characters_elsewhere": float(np.median(lengths[~label])),
        },
        "implied": {
            "note": "anything that grows with length (rank by length, rare words, perplexity) favours the label"
        },
    }
