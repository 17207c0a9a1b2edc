"""The view of scores on the Select page, in both languages."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pages._ui import select_measures
from studio.store import examples, snapshots
from studio.words import t
from studio.words.measures import title
from tests.pages.app import open_app
from tests.workflows.test_select_measures import put

open_page = partial(open_app, "select", view="measures")


@pytest.fixture
def made(studio, scored_snapshot):
    return scored_snapshot


def said(app) -> str:
    return "\n".join(str(box.value) for kind in ("markdown", "caption", "warning", "info", "text", "subheader")
                     for box in getattr(app, kind))  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_score_can_be_looked_at(made, lang):
    app = open_page(lang=lang, s=made)
    box = app.selectbox(key="measure.box")
    assert len(box.options) >= 6
    for name in ("fluency", "rule_quality", "neighbour_distance"):
        app = open_page(lang=lang, s=made, measure=name)
        text = said(app)
        assert t("measures.best", lang=lang) in text and t("measures.heat", lang=lang) in text
        assert t(f"measure.{name}.help", lang=lang)[:20] in text


def test_twins_lengths_and_groups_are_said_and_corpus_text_is_literal(studio, made, monkeypatch):
    snapshot = snapshots.require(studio.store, made)
    frame = examples.frame(studio.store, made, ["text", *snapshot.group_columns])
    lengths = frame["text"].str.len().to_numpy(float)
    column = frame[snapshot.group_columns[0]]
    raw = lengths + 500.0 * (column == column.value_counts().index[0]).to_numpy()
    put(studio, made, "fluency", raw, {"language": "en"})
    put(studio, made, "rule_quality", raw * 2 + np.random.default_rng(0).random(200), {"language": "en"})
    app = open_page(lang="en", s=made, measure="fluency")
    text = said(app)
    assert f"Nearly one signal with “{title('rule_quality', lang='en')}”" in text
    assert "tends to have higher scores" in text or "tends to have lower scores" in text
    assert t("measures.groups_limits", lang="en") in text
    monkeypatch.setattr(select_measures, "_FIRST", 0)  # what does not stand open is folded away, and counted
    folded = [box.label for box in open_page(lang="en", s=made, measure="fluency").expander]
    assert any(label.endswith("more groups") for label in folded)
    put(studio, made, "fluency", lengths, {"language": "en"})
    assert "It prefers long texts" in said(open_page(lang="en", s=made, measure="fluency"))


def test_an_unknown_score_in_a_link_opens_the_first(made):
    app = open_page(lang="en", s=made, measure="<b>nothing</b>")
    assert app.selectbox(key="measure.box").value == "three_nearest_targets"
