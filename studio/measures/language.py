"""Language-model measures: how surprising a text is, by the n-gram model or by a model the host configured."""

from __future__ import annotations

import numpy as np

from studio.measures.fluency import FLUENCY, cleaned
from studio.records import Array, Batch, Measure
from studio.tokenise import units


def _ngram_loss(batch: Batch) -> Array:
    """Surprise of a text per word under a character n-gram model of the other texts; high = hard, wanted.

    l_i = -(1 / w_i) * sum over the characters of text i and its end of ln p(c | the characters before it), w_i its
    words (characters in Chinese and Japanese), at least 1; the model is that of the fluency measure

    Args:
        batch: texts, language.

    Returns:
        (n,) float64 at least 0, in nats per word; NaN for a blank text and where no other text is left to learn.

    Paper: witten-bell-1991.
    Limits: garbage is surprising too. It is the fluency of the quality view by word instead of by character: weighed
        against each other they nearly cancel out.
    """
    sizes = np.array([len(cleaned(text)) for text in batch.texts], dtype=np.float64)
    words = np.array([max(1, len(units(text or ""))) for text in batch.texts], dtype=np.float64)
    return -FLUENCY.compute(batch) * (sizes + 1.0) / words


def _finite(values: Array) -> Array:
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _lm_loss(batch: Batch) -> Array:
    """Mean surprise per token under the configured causal language model; high = hard, wanted.

    l_i = -(1 / m_i) * sum over the m_i tokens of text i of ln p(token | the tokens before it)

    Args:
        batch: lm_losses (n,) from `studio.models.language`.

    Returns:
        (n,) float64 at least 0, in nats per token; NaN for a text without tokens and where the model failed.

    Paper: surprisal-2001.
    Limits: garbage is surprising too; a model that knows the text by heart finds nothing in it hard. Long texts are
        read to the model's length.
    """
    return _finite(batch.lm_losses)


def _lm_fluency(batch: Batch) -> Array:
    """Mean log-probability per token under the configured causal language model; near 0 = fluent, wanted.

    f_i = (1 / m_i) * sum over the m_i tokens of text i of ln p(token | the tokens before it)

    Args:
        batch: lm_losses (n,) from `studio.models.language`.

    Returns:
        (n,) float64 at most 0, in nats per token; NaN for a text without tokens and where the model failed.

    Paper: surprisal-2001.
    Limits: the mirror of the language-model loss: never weigh both. What the model read most counts as fluent.
    """
    return -_finite(batch.lm_losses)


def _masked_lm_loss(batch: Batch) -> Array:
    """Mean surprise per token when each token alone is hidden from the configured masked model; high = hard, wanted.

    l_i = -(1 / m_i) * sum over the m_i tokens of text i of ln p(token | all other tokens)

    Args:
        batch: masked_losses (n,) from `studio.models.language`.

    Returns:
        (n,) float64 at least 0, in nats per token; NaN for a text without tokens and where the model failed.

    Paper: mlm-scoring-2020; divided by the number of tokens.
    Limits: tokens of one word give each other away; a pass per token makes it slow.
    """
    return _finite(batch.masked_losses)


NGRAM_LOSS = Measure(
    name="ngram_loss",
    view="difficulty",
    title="measure.ngram_loss.title",
    needs=(),
    unit="nats per word",
    prefer="high",
    version=1,
    paper="witten-bell-1991",
    compute=_ngram_loss,
    is_asked=True,
)
LM_LOSS = Measure(
    name="lm_loss",
    view="difficulty",
    title="measure.lm_loss.title",
    needs=("lm_losses",),
    unit="nats per token",
    prefer="high",
    version=1,
    paper="surprisal-2001",
    compute=_lm_loss,
    is_asked=True,
)
MASKED_LM_LOSS = Measure(
    name="masked_lm_loss",
    view="difficulty",
    title="measure.masked_lm_loss.title",
    needs=("masked_losses",),
    unit="nats per token",
    prefer="high",
    version=1,
    paper="mlm-scoring-2020",
    compute=_masked_lm_loss,
    is_asked=True,
)
LM_FLUENCY = Measure(
    name="lm_fluency",
    view="quality",
    title="measure.lm_fluency.title",
    needs=("lm_losses",),
    unit="nats per token",
    prefer="high",
    version=1,
    paper="surprisal-2001",
    compute=_lm_fluency,
    is_asked=True,
)
