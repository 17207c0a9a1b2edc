"""Difficulty of instructions: how little the prompt helps a language model with the completion."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure

MISALIGNED = 1.0  # from here on the prompt does not help at all: the published recipes leave such rows out


def _ifd_loss_ratio(batch: Batch) -> Array:
    """Loss of the completion after its prompt over its loss alone; high and below 1 = hard to follow, wanted.

    r_i = L(completion_i | prompt_i) / L(completion_i), L the mean of -ln p over the tokens of the completion

    Args:
        batch: answer_losses (n, 2): after the prompt, alone; nats per token.

    Returns:
        (n,) float64 at least 0; NaN without a prompt or a completion, where the model failed, and where L alone is 0.
        From 1 on the prompt does not help: kept and counted, but not ranked.

    Paper: ifd-2024, as published (the ratio of the losses).
    Limits: a mismatched pair comes near to 1 as well; short completions scatter.
    """
    losses = np.asarray(batch.answer_losses, dtype=np.float64)
    after, alone = losses[:, 0], losses[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(alone > 0, after / alone, np.nan)


def _ifd_perplexity_ratio(batch: Batch) -> Array:
    """Perplexity of the completion after its prompt over its perplexity alone; high and below 1 = hard, wanted.

    r_i = exp(L(completion_i | prompt_i) - L(completion_i)), L the mean of -ln p over the tokens of the completion

    Args:
        batch: answer_losses (n, 2): after the prompt, alone; nats per token.

    Returns:
        (n,) float64 above 0; NaN without a prompt or a completion and where the model failed.
        From 1 on the prompt does not help: kept and counted, but not ranked.

    Paper: superfiltering-2024, as published (the ratio of the perplexities, another number than that of the losses).
    Limits: as for the ratio of the losses.
    """
    losses = np.asarray(batch.answer_losses, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(losses[:, 0] - losses[:, 1])


IFD_LOSS_RATIO = Measure(
    name="ifd_loss_ratio",
    view="difficulty",
    title="measure.ifd_loss_ratio.title",
    needs=("answer_losses",),
    unit="ratio of losses",
    prefer="high",
    version=1,
    paper="ifd-2024",
    compute=_ifd_loss_ratio,
    is_asked=True,
    flag_from=MISALIGNED,
)
IFD_PERPLEXITY_RATIO = Measure(
    name="ifd_perplexity_ratio",
    view="difficulty",
    title="measure.ifd_perplexity_ratio.title",
    needs=("answer_losses",),
    unit="ratio of perplexities",
    prefer="high",
    version=1,
    paper="superfiltering-2024",
    compute=_ifd_perplexity_ratio,
    is_asked=True,
    flag_from=MISALIGNED,
)
