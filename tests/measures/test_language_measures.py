"""Losses and ratios from a model's numbers, and the n-gram loss beside the fluency it is made of."""

from __future__ import annotations

import math

import numpy as np

from studio.measures import compute
from studio.measures.fluency import FLUENCY
from studio.measures.instruction import IFD_LOSS_RATIO, IFD_PERPLEXITY_RATIO, MISALIGNED
from studio.measures.language import LM_FLUENCY, LM_LOSS, MASKED_LM_LOSS, NGRAM_LOSS
from studio.records import Batch


def batch(texts, **fields) -> Batch:
    return Batch(np.arange(len(texts)), texts, fields.pop("language", "en"), **fields)


def test_the_two_ifd_are_different_numbers():
    losses = np.array([[1.0, 2.0], [2.0, 2.0], [3.0, 2.0], [0.0, 0.0], [math.nan, 1.0]])
    given = batch(["x"] * 5, answer_losses=losses)
    np.testing.assert_allclose(compute(IFD_LOSS_RATIO, given), [0.5, 1.0, 1.5, math.nan, math.nan])
    np.testing.assert_allclose(compute(IFD_PERPLEXITY_RATIO, given), [math.exp(-1), 1, math.e, 1, math.nan])
    assert IFD_LOSS_RATIO.flag_from == IFD_PERPLEXITY_RATIO.flag_from == MISALIGNED == 1.0


def test_model_losses_pass_through_and_fluency_is_their_mirror():
    given = batch(
        ["x"] * 3, lm_losses=np.array([2.5, math.inf, math.nan]), masked_losses=np.array([1.0, 2.0, math.nan])
    )
    np.testing.assert_array_equal(compute(LM_LOSS, given), [2.5, math.nan, math.nan])
    np.testing.assert_array_equal(compute(LM_FLUENCY, given), [-2.5, math.nan, math.nan])
    np.testing.assert_array_equal(compute(MASKED_LM_LOSS, given), [1, 2, math.nan])


def test_ngram_loss_is_the_sum_of_the_fluency_model_over_words():
    texts = ["reset my password", "reset my card", "where is my parcel", "xq zv kk", "  ", "reset  MY password"]
    given = batch(texts)
    fluency, loss = compute(FLUENCY, given), compute(NGRAM_LOSS, given)
    # 17 characters and an end, 3 words
    assert abs(loss[0] + fluency[0] * 18 / 3) < 1e-12 and loss[0] == loss[5]
    assert math.isnan(loss[4]) and loss[3] > loss[0]


def test_ngram_loss_counts_chinese_by_character():
    given = batch(["忘记密码了", "怎么找回密码", "包裹在哪里"], language="zh")
    fluency, loss = compute(FLUENCY, given), compute(NGRAM_LOSS, given)
    assert abs(loss[0] + fluency[0] * 6 / 5) < 1e-12
