"""Home: empty, a demo on its way, with corpora; both languages; a link from elsewhere."""

from __future__ import annotations

import io
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from studio.corpus.roles import Roles
from studio.records import Actor
from studio.words import t
from studio.workflows import corpora, runs
from tests.conftest import ROOT
from tests.pages.app import open_app

LANGUAGES = ("en", "zh")
ADMIN = Actor("tester", "admin")
STEPS = ("upload", "explore", "select", "annotate", "train", "loop")


@pytest.fixture
def open_home(app_home):
    """Opens the page over the test's workspace."""
    return partial(open_app, "")


def _corpus(studio, name: str, n: int = 60) -> str:
    text = "text,label\n" + "".join(f"{name} {i},{'ab'[i % 2]}\n" for i in range(n)) + "ragged\n"
    file = corpora.spool(studio, ADMIN, name=f"{name}.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label"), name=name)
    assert runs.wait(studio, run_id, 60).state == "done"
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def _labels(app: AppTest) -> list[str]:
    return [button.label for button in app.main.button]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_workspace_offers_demos_and_upload(language, open_home):
    app = open_home(language)
    assert app.title[0].value == t("home.title", lang=language)
    assert app.text[0].value == t("home.what", lang=language)
    assert app.info[0].value == t("home.none", lang=language)
    words = ("home.demo_en", "home.demo_zh", "home.upload")
    assert _labels(app) == [t(word, lang=language) for word in words]


@pytest.mark.parametrize("language", LANGUAGES)
def test_corpora_are_listed_and_the_next_step_is_marked(language, open_home, studio):
    _corpus(studio, "older", 20)
    newest = _corpus(studio, "a *hostile* <b>name</b>")
    app = open_home(language, s=newest)
    steps = [button for button in app.main.button if button.key and button.key.startswith("step_")]
    assert [step.label for step in steps] == [t(f"frame.nav.{step}", lang=language) for step in STEPS]
    assert [step.key for step in steps if step.proto.type == "primary"] == ["step_explore"]
    captions = [caption.value for caption in app.main.caption]
    assert t("home.done.upload", lang=language, n=60) in captions
    assert t("home.todo.train", lang=language) in captions
    counts = t("home.counts", lang=language, n=60, labels=2, groups=0)
    rejects = t("home.rejects", lang=language, n=1)
    assert f"{t('corpus.language.en', lang=language)} · {counts} · {rejects}" in captions
    assert [text.value for text in app.main.text][1:] == ["a *hostile* <b>name</b>", "older"]
    assert "\\*hostile\\*" in app.main.subheader[0].value
    disabled = [button.disabled for button in app.main.button if button.label == t("home.open", lang=language)]
    assert disabled == [True, False]


def test_one_click_makes_the_demo_and_opens_explore(open_home, studio, barriers, monkeypatch):
    monkeypatch.setattr(corpora, "DEMO_SEED", 11)
    barriers.hold("import")
    app = open_home()
    app.button(key="demo_en").click()
    app.run()
    assert not app.exception, app.exception
    barriers.reached("import")
    view = runs.overview(studio, kinds=("import",))[0]
    app = open_home(demo=view.run_id)
    assert len(app.get("progress")) == 1
    assert t("home.demo_running") in [header.value for header in app.main.subheader]
    barriers.release("import")
    assert runs.wait(studio, view.run_id, 60).state == "done"
    app = open_home(demo=view.run_id)
    assert not app.exception, app.exception
    snapshot = corpora.outcome(studio, view.run_id).snapshot
    assert snapshot.n_examples == 6400
    assert app.query_params.get("s") in (snapshot.snapshot_id, [snapshot.snapshot_id])


@pytest.mark.parametrize("params", [{"demo": "nope"}, {"s": "nope"}, {"demo": "../x", "s": "' --"}, {"lang": "xx"}])
def test_a_bad_url_is_no_error(params, open_home):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert app.title[0].value == "Winnow"
