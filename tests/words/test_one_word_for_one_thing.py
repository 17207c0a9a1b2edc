"""Chinese words that meant the same thing on different pages: one of each is left (0244)."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "studio/words/zh").glob("*.toml"))}


@pytest.mark.parametrize(("other", "ours"), [("样例", "样本"), ("簇", "聚类")])
def test_an_example_and_a_cluster_have_one_name(other, ours):
    found = [f"{name}: {line[:60]}" for name, text in TEXTS.items() for line in text.split("\n") if other in line]
    assert not found, f"{ours} is the word: {found}"


def test_a_score_is_computed_and_a_rating_is_given_by_people():
    """The tabs "Measures" and "Rate" were called 分数 and 评分, and "Prepare the scores" prepared 评分."""
    scores = re.compile(r"(计算|准备|缺少|更新|所用)的?评分")
    found = [f"{name}: {line[:60]}" for name, text in TEXTS.items() for line in text.split("\n") if scores.search(line)]
    assert not found, f"分数 is the word: {found}"
