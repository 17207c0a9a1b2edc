"""The catalogue: languages, fallbacks, fields."""

from __future__ import annotations

import pytest

from studio import words


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("zh-CN", "zh"),
        ("zh", "zh"),
        ("ZH-hant-TW", "zh"),
        ("en-GB", "en"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_browser_locale_chooses_the_language(locale, expected):
    assert words.language_of_locale(locale) == expected


def test_an_unknown_language_falls_back_to_english():
    assert words.set_language("tlh") == "en"
    assert words.t("frame.nav.home") == "Home"
    assert words.t("frame.nav.home", lang="zh") == "首页"


def test_fields_are_filled():
    assert words.t("store.labels_restored", n=3) == "3 labels were restored from the journal."


def test_an_unknown_key_is_a_bug():
    with pytest.raises(KeyError):
        words.t("frame.no_such_key")
