"""Weights are loaded without transformers' table; a file that lacks weights gets a line in our log."""

from __future__ import annotations

import logging

import pytest

from studio.models.minilm import model_folder
from studio.models.quiet import quiet_loading, warn_of_gaps


def test_a_classifier_on_minilm_loads_without_a_word(capfd, caplog):
    from studio.models import classifier

    with caplog.at_level(logging.WARNING):
        classifier.build(model_folder(), ["a", "b"])
    out, err = capfd.readouterr()
    assert "LOAD REPORT" not in out + err and "pooler" not in out + err
    assert not [record for record in caplog.records if record.name.startswith("studio")]


def test_what_transformers_says_elsewhere_is_left_as_it_was():
    from transformers.utils import logging as transformers_logging

    before = (transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled())
    with pytest.raises(OSError, match="gone"), quiet_loading():
        assert transformers_logging.get_verbosity() == logging.ERROR
        raise OSError("gone")
    assert (transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()) == before


def test_missing_weights_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_gaps("tiny", {"missing_keys": {"encoder.b", "encoder.a"}, "mismatched_keys": set()})
    assert [record.getMessage() for record in caplog.records] == ["base=tiny missing keys n=2 first=encoder.a"]
