"""Every page in every state (no workspace, empty, loaded), in both languages: no exception, no bare key, a way on."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio import words
from studio.corpus.roles import Roles
from studio.records import Actor
from studio.store import annotations, labels
from studio.words import t
from studio.workflows import annotate, corpora, loop, runs, train, train_rounds
from studio.workflows.loop_config import LoopConfig
from tests.conftest import ROOT
from tests.jobs.harness import kill_workers
from tests.pages.app import open_app
from tests.workflows import select_corpus, small_corpus

ADMIN = Actor("tester", "admin")
LANGUAGES = ("en", "zh")
PAGES = [name for entries in frame.SECTIONS.values() for name, _ in entries]
NEED_A_CORPUS = {"prepare", "explore", "select", "annotate", "train", "loop", "review"}
ROOMS = sorted({key.split(".")[0] for key in words.catalogue("en")})
BARE_KEY = re.compile(rf"(?<![\w./@-])(?:{'|'.join(ROOMS)})\.[a-z_]+(?:\.[a-z_]+)*(?![\w./@(-])")
FIELD = re.compile(r"\{[a-z_]+(?::[^{}]*)?\}")
CJK = re.compile(r"[\u3400-\u9fff]")
SAID = ("title", "header", "subheader", "markdown", "caption", "text", "info", "warning", "error", "success", "metric")
LABELLED = ("button", "selectbox", "radio", "checkbox", "toggle", "number_input", "text_input", "text_area", "slider")


def said(app: AppTest) -> list[str]:
    """Everything a person reads on a page but for code, tables and figures."""
    values = [str(element.value) for kind in SAID for element in app.get(kind)]
    values += [str(element.label) for kind in (*LABELLED, "metric", "expander", "tab") for element in app.get(kind)]
    return [value for value in values if value]


def check(app: AppTest, page: str, language: str) -> None:
    """A heading in the page's language, no key or field left bare, nothing of the other language."""
    heading = app.title[0].value if page == "home" else app.header[0].value
    assert heading in (t(f"{page}.title", lang=language), t(f"frame.nav.{page}", lang=language))
    texts = said(app)
    assert not [text for text in texts if BARE_KEY.search(text) or FIELD.search(text)]
    chinese = [text for text in texts if CJK.search(text)]
    if language == "en":
        assert not [text for text in chinese if "中文" not in text], "the corpus of this test is English"
    else:
        assert len(chinese) >= len(texts) / 2, "corpus texts and names are English, everything else is not"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A workspace where every room was used: map, scores, queues, labels, a round, a loop, a run that failed."""
    root = tmp_path_factory.mktemp("every_page") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_HOME", str(root))
        patch.setenv("STUDIO_DEVICE", "cpu")
        st.cache_resource.clear()
        opened = frame._open(str(root))
        made = select_corpus.make(opened)
        select_corpus.score(opened, made)
        small_corpus.freeze(opened.store, made, labels.pool_left(opened.store, made)[:40])
        annotate.simulate_rest(opened, ADMIN, selection_id="q1")
        plan = train.default_plan("ngrams", "linear_probe")
        round_id = train.launch(opened, ADMIN, snapshot_id=made, plan=plan, name="first")
        assert runs.wait(opened, round_id, 120).state == "done"
        small_corpus.freeze(opened.store, made, labels.pool_left(opened.store, made)[:10], selection_id="q2")
        config = LoopConfig(seed_labels=10, plan=plan.to_json())
        loop_id = loop.start(opened, ADMIN, snapshot_id=made, config=config)
        failed = runs.submit(opened, ADMIN, kind="probe", title="Fails", params={"fail": "config_error", "steps": 1})
        assert runs.wait(opened, failed, 60).state == "failed"
        yield {"s": made, "round": round_id, "loop": loop_id, "run": failed, "root": Path(root)}
        st.cache_resource.clear()
    kill_workers(opened.workspace)


@pytest.fixture
def home(tmp_path, monkeypatch, request):
    """A server over a folder that is not there yet, or over an empty workspace."""
    folder = tmp_path / "workspace"
    if request.param == "empty":
        folder.mkdir()
    monkeypatch.setenv("STUDIO_HOME", str(folder))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()
    yield folder
    st.cache_resource.clear()


@pytest.mark.parametrize("home", ["no workspace", "empty"], indirect=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_corpus_every_page_names_the_next_step(language, home):
    for page in PAGES:
        app = open_app("" if page == "home" else page, language)
        check(app, page, language)
        assert not app.error
        if page in NEED_A_CORPUS:
            assert t("frame.no_corpus", lang=language) in [box.value for box in app.info]
            assert t("frame.go_home", lang=language) in [button.label for button in app.main.button]
    assert (home / "studio.duckdb").exists()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_with_a_corpus_every_page_shows_it(language, page, loaded, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(loaded["root"]))
    app = open_app("" if page == "home" else page, language, s=loaded["s"])
    check(app, page, language)
    assert not app.error
    assert t("frame.no_corpus", lang=language) not in [box.value for box in app.info]


OPENED = {"train": "round", "loop": "loop", "runs": "run", "annotate": "q2", "explore": "bias"}


@pytest.mark.parametrize("page", OPENED)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_opens_one_thing_of_a_page(language, page, loaded, monkeypatch):
    """A round, a loop, a failed run, a queue at work, the audits."""
    monkeypatch.setenv("STUDIO_HOME", str(loaded["root"]))
    links = {"annotate": {"sel": "q2"}, "explore": {"view": "audits"}}
    asked = links.get(page, {OPENED[page]: loaded.get(OPENED[page])})
    app = open_app(page, language, s=loaded["s"], **asked)
    check(app, page, language)
    labels_shown = [button.label for button in app.main.button]
    wanted = {
        "train": t("round.again", lang=language), "loop": t("loop.go_annotate", lang=language),
        "runs": t("runs.resume", lang=language), "annotate": t("annotate.skip", lang=language),
    }.get(page)  # fmt: skip
    assert wanted is None or wanted in labels_shown


def test_the_desk_shows_what_the_newest_round_would_answer(loaded, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(loaded["root"]))
    opened = frame._open(str(loaded["root"]))
    first = annotations.queue(opened.store, f"c{loaded['s']}", "q2")["example_id"].iloc[0]
    label, p = train_rounds.suggestions(opened, loaded["round"], [int(first)])[int(first)][0]
    app = open_app("annotate", "en", s=loaded["s"], sel="q2")
    assert t("annotate.suggestion_p", lang="en", label=label, p=f"{100 * p:.0f}") in [text.value for text in app.text]
    next(b for b in app.button if b.label == t("annotate.accept", lang="en")).click().run()
    (event,) = [e for e in annotations.events(opened.store, f"c{loaded['s']}") if e.selection_id == "q2"]
    assert (event.example_id, event.label) == (first, label)
    assert event.suggestion == {"label": label, "p": round(p, 4)}


# --- little or nothing to work with -----------------------------------------------------------------------------------
HOLD = """
import sys
from studio.settings import Workspace
from studio.store.connection import Store
from pathlib import Path
store = Store(Workspace(Path(sys.argv[1])).make())
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("home", ["no workspace"], indirect=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_workspace_another_process_holds_is_said_on_the_page_with_the_mend(language, home):
    arguments = [sys.executable, "-c", HOLD, str(home)]
    with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        app = open_app("", language)
        (error,) = [box.value for box in app.error]
        assert str(other.pid) in error and "STUDIO" in error
        assert bool(CJK.search(error)) == (language == "zh")
        other.stdin.close()
        other.wait(30)
    assert not [box.value for box in open_app("", language).error]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_start_had_to_mend_is_said_on_the_page(language, studio):
    studio.notices.append(("store.wal_set_aside", {"file": "studio.duckdb.wal.corrupt-1"}))
    app = open_app("", language)
    assert t("store.wal_set_aside", lang=language, file="studio.duckdb.wal.corrupt-1") in [b.value for b in app.warning]
    assert app.button(key="notice_0").label == t("frame.dismiss", lang=language)


def bring(studio, rows: list[str]) -> str:
    """Import a small file as a person would; returns the snapshot."""
    data = io.BytesIO(("text,label\n" + "\n".join(rows) + "\n").encode())
    file = corpora.spool(studio, ADMIN, name="few.csv", data=data)
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label"), name="few", language="en")
    assert runs.wait(studio, run_id, 60).state == "done"
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def test_two_examples_and_one_label_open_every_page_and_name_the_mend(studio):
    for rows in (["alpha beta,x", "gamma delta,y"], [f"the same kind number {n},x" for n in range(60)]):
        made = bring(studio, rows)
        for page in PAGES:
            app = open_app("" if page == "home" else page, "en", s=made)
            check(app, page, "en")
            assert not app.error
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:20])
    annotate.simulate_rest(studio, ADMIN, selection_id="q1")
    app = open_app("train", "en", s=made)
    assert t("train.gate_closed", lang="en") in [box.value for box in app.error]
    level, text = t("train.level.error", lang="en"), t("train.gate.few_labels", lang="en", n=1, rows=20)
    assert t("train.gate_line", lang="en", level=level, text=text) in [line.value for line in app.text]
    assert app.button(key="launch").disabled
