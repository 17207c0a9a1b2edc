"""The offer of a scorer model under the check on scores: only where the host named one, only for analysts."""

from __future__ import annotations

import pytest

from studio.records import Actor
from studio.words import t
from studio.workflows import runs, scorer
from tests.models import tiny_scorer
from tests.pages.test_explore_audits import ADMIN, _import, open_page

__all__ = ["open_page"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_scorer.save(tmp_path_factory.mktemp("scorer") / "tiny")


@pytest.fixture
def configured(folder, monkeypatch):
    monkeypatch.setenv("STUDIO_SCORER", f"toxicity={folder}#toxic,bad=/gone#x")


def corpus(studio) -> str:
    rows = ["text,side"]
    rows += [f"{'he' if i % 3 else 'she'} wrote a {'stupid' if i % 2 else 'nice'} letter,{'ab'[i % 2]}"
             for i in range(60)]  # fmt: skip
    return _import(studio, "\n".join(rows), groups=("side",))


def starts(app) -> list[str]:
    return [button.key for button in app.button if (button.key or "").startswith("scorer.start")]


def test_without_a_setting_there_is_no_offer(open_page, studio):
    app = open_page(s=corpus(studio), audit="scores")
    assert t("scorer.title", lang="en") not in "".join(line.value for line in app.markdown)
    assert not starts(app)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_analyst_scores_the_texts_and_reads_the_difference(language, configured, open_page, studio):
    snapshot_id = corpus(studio)
    app = open_page(language, s=snapshot_id, audit="scores")
    said = "".join(line.value for line in app.markdown)
    assert t("scorer.offer", lang=language, n=60, name="toxicity", output="toxic") in said
    assert t("scorer.problem", lang=language, name="bad") in said
    assert any("/gone" in error.value for error in app.error)
    assert starts(app) == ["scorer.start.toxicity"]
    if language == "en":
        app.button(key="scorer.start.toxicity").click()
        app.run()
        assert not app.exception, app.exception
    else:
        scorer.start(studio, ADMIN, snapshot_id=snapshot_id, name="toxicity")
    (view,) = runs.overview(studio, kinds=("score",), snapshot_id=snapshot_id)
    assert runs.wait(studio, view.run_id, 120).state == "done"
    app = open_page(language, s=snapshot_id, audit="scores")
    said = "".join(line.value for line in app.markdown)
    assert t("scorer.done", lang=language, n=60, all=60, name="toxicity", output="toxic") in said
    assert not starts(app)
    table = next(one.value for one in app.dataframe if "delta" in one.value)
    assert table["measure"].iloc[0] == "toxicity" and abs(table["delta"].iloc[0]) == 1.0


def test_a_reader_sees_no_button(configured, open_page, studio, monkeypatch):
    snapshot_id = corpus(studio)
    monkeypatch.setattr("pages._ui.frame.current_user", lambda: Actor("reader", "viewer"))
    app = open_page(s=snapshot_id, audit="scores")
    assert t("scorer.offer", lang="en", n=60, name="toxicity", output="toxic") in "".join(
        line.value for line in app.markdown
    )
    assert not starts(app)
