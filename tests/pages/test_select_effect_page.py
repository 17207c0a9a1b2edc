"""What the Select page says about a choice: the sentence first, why one example, who changed, the view of effects."""

from __future__ import annotations

from functools import partial

import pytest

from studio.words import t
from tests.pages.app import open_app
from tests.workflows import select_corpus
from tests.workflows.test_select import TARGETS

LANGUAGES = ("en", "zh")
open_page = partial(open_app, "select")


@pytest.fixture
def made(studio):
    snapshot_id = select_corpus.make(studio)
    select_corpus.score(studio, snapshot_id, TARGETS)
    return snapshot_id


def said(app) -> list[str]:
    return [one.value for kind in (app.markdown, app.caption, app.info, app.success, app.warning) for one in kind]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_sentence_stands_first(made, lang):
    app = open_page(lang=lang, s=made, budget="12")
    sentence = next(text for text in said(app) if text.startswith("##### "))
    assert t("verdict.proof.untested", lang=lang) in sentence
    for _ in range(40):  # the comparison of variety goes on in a thread
        if t("verdict.variety.pending", lang=lang) not in sentence:
            break
        app.run()
        sentence = next(text for text in said(app) if text.startswith("##### "))
    assert t("verdict.variety.pending", lang=lang) not in sentence
    assert not app.exception
