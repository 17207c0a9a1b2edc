"""Every check on the choice, on the view of effects: the button, the result in both languages, labels of the pool."""

from __future__ import annotations

from functools import partial

import pytest

from studio.audits import AUDITS
from studio.words import t
from studio.workflows import runs, select_rechecks
from tests.pages.app import open_app
from tests.workflows import select_corpus
from tests.workflows.select_corpus import TARGETS

open_page = partial(open_app, "select")


@pytest.fixture
def made(studio):
    snapshot_id = select_corpus.make(studio)
    select_corpus.score(studio, snapshot_id, TARGETS)
    return snapshot_id


def said(app) -> list[str]:
    return [one.value for kind in (app.markdown, app.caption, app.info, app.success, app.warning) for one in kind]


def test_all_checks_are_run_from_the_page_and_read_in_both_languages(studio, made):
    given = {"s": made, "budget": "50", "view": "effects", "strategy": "random"}
    app = open_page(**given)
    assert not app.exception
    assert t("audit_draws.intro", lang="en", n=len(AUDITS), least=199) in said(app)
    assert t("audit_draws.labels_visible_help", lang="en") in said(app)
    app.button(key="recheck_start").click().run()
    run = next(iter(runs.overview(studio, kinds=(select_rechecks.KIND,), snapshot_id=made)))
    assert runs.wait(studio, run.run_id, 240).state == "done"
    for lang in ("en", "zh"):
        app = open_page(lang=lang, **given)
        assert not app.exception
        table = next(one.value for one in app.dataframe if t("audit_draws.what", lang=lang) in one.value)
        number = t("audit_draws.number.representation_apart", lang=lang)
        row = table[table[t("audit_draws.what", lang=lang)] == number].iloc[0]
        assert row[t("audit_draws.audit", lang=lang)] == t("audit.title.representation", lang=lang)
        assert row[t("audit_draws.value", lang=lang)].endswith("%")
        silent = f"**{t('audit.title.balance', lang=lang)}** · {t('audit_draws.reason.balance', lang=lang)}"
        assert silent in said(app)  # labels of the pool are hidden
        assert t("audit.title.balance", lang=lang) not in set(table[t("audit_draws.audit", lang=lang)])
        assert "recheck_start" not in [button.key for button in app.button]  # of this choice it is known
    other = open_page(**given | {"cl": "all"})
    assert t("audit_draws.labels_all_help", lang="en") in said(other)
    assert "recheck_start" in [button.key for button in other.button]
