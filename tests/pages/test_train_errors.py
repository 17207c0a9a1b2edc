"""The tab of errors by group in the report of a round."""

from __future__ import annotations

import pytest

from studio.words import t
from studio.workflows import model_errors
from tests.pages.test_train_page import open_page, opened, texts
from tests.workflows import model_round

__all__ = ["opened"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_stands_out_is_said_and_both_tables_follow(opened, lang):
    made = model_round.make(opened, test=True)
    found = model_errors.of_round(opened, "r1")
    page = open_page(opened, made, lang, round="r1")
    shown = texts(page).replace("\\", "")
    assert t("model_errors.about", lang=lang, n=200, fewest=10) in shown
    row = found.odds.iloc[0]
    assert f"{row['high_k']:,}" in shown and f"{100 * row['difference']:.0f}" in shown
    assert t("model_errors.who.group", lang=lang, name="women", axis=t("audit_words.axis.gender", lang=lang)) in shown
    tables = [frame.value for frame in page.dataframe]
    odds = next(table for table in tables if "highest" in table)
    assert odds["highest"].iloc[0] == "w" and odds["rate"].iloc[0] == t("model_errors.rate.wrong", lang=lang)
    areas = next(table for table in tables if "bpsn" in table)
    assert {"she", "women", "w"} <= set(areas["name"])


def test_nothing_to_compare_is_said(opened):
    page = open_page(opened, model_round.make(opened, n=16), "en", round="r1")
    assert t("model_errors.nothing", lang="en", fewest=10) in texts(page)
