"""Explore in every state: no corpus, no map, at work, failed, with a map, bad URLs, hostile texts, both languages."""

from __future__ import annotations

import io

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._ui import explore_data, frame
from studio.corpus.roles import Roles
from studio.records import Actor, Condition, conditions_to_text
from studio.store import maps, slices
from studio.words import t
from studio.workflows import corpora, explore, runs
from tests.conftest import ROOT
from tests.jobs.harness import kill_workers

ADMIN = Actor("tester", "admin")
LANGUAGES = ("en", "zh")
HOSTILE = "<script>alert(1)</script> [a](http://b) **bold** $x^2$"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace of this module with one mapped corpus (lexical) and one that is only imported."""
    root = tmp_path_factory.mktemp("explore_page") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_HOME", str(root))
        patch.setenv("STUDIO_DEVICE", "cpu")
        st.cache_resource.clear()
        opened = frame._open(str(root))
        rows = [
            f'"{w} number {i} {HOSTILE if i == 3 else w}",{w},{"NS"[i % 2]}' for i in range(60) for w in ("tea", "oil")
        ]
        mapped = _bring(opened, rows, "Mapped *corpus*")
        bare = _bring(opened, rows[:30], "Bare")
        for run_id in (
            explore.embed(opened, ADMIN, snapshot_id=mapped, encoder="lexical"),
            explore.make_map(opened, ADMIN, snapshot_id=mapped) if explore.vectors.newest(opened.store, mapped) else "",
        ):
            if run_id:
                assert runs.wait(opened, run_id, 240).state == "done"
        if maps.newest(opened.store, mapped) is None:
            run_id = explore.make_map(opened, ADMIN, snapshot_id=mapped)
            assert runs.wait(opened, run_id, 240).state == "done"
        yield root, opened, mapped, bare
        st.cache_resource.clear()
    kill_workers(opened.workspace)


def _bring(opened, rows: list[str], name: str) -> str:
    text = "text,label,region\n" + "\n".join(rows) + "\n"
    given = corpora.spool(opened, ADMIN, name="c.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(
        opened, ADMIN, files=[given], roles=Roles("text", "label", ("region",)), name=name, language="en"
    )
    assert runs.wait(opened, run_id, 60).state == "done"
    return corpora.outcome(opened, run_id).snapshot.snapshot_id


def _page(language: str = "en", **params: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in {"lang": language, **params}.items():
        app.query_params[name] = value
    app.run()
    app.switch_page("pages/explore.py")
    for name, value in {"lang": language, **params}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def _text(app: AppTest) -> str:
    kinds = ("title", "header", "subheader", "caption", "markdown", "info", "warning", "error", "code", "success")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def test_marks_are_asked_once_while_a_page_is_drawn_and_anew_for_the_next():
    asked = []

    def mark() -> str:
        asked.append(len(asked))
        return f"m{len(asked)}"

    for _ in range(2):
        with explore_data.one_look():
            found = [explore_data._once(mark, "clusters", name) for name in ("a", "b", "a", "a")]
            assert found[0] == found[2] == found[3] != found[1]
    assert len(asked) == 4 and explore_data._once(mark, "clusters", "a") == "m5"


def test_a_corpus_without_labels_or_groups_has_a_map_and_a_table(home):
    """A column without any value came back as integers, and filling it with text ended the page."""
    _, opened, _, _ = home
    text = "text\n" + "\n".join(f"plain line {i} of {'tea' if i % 2 else 'oil'}" for i in range(30)) + "\n"
    given = corpora.spool(opened, ADMIN, name="n.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(opened, ADMIN, files=[given], roles=Roles("text"), name="No labels", language="en")
    assert runs.wait(opened, run_id, 60).state == "done"
    bare = corpora.outcome(opened, run_id).snapshot.snapshot_id
    assert runs.wait(opened, explore.embed(opened, ADMIN, snapshot_id=bare, encoder="lexical"), 240).state == "done"
    if maps.newest(opened.store, bare) is None:
        assert runs.wait(opened, explore.make_map(opened, ADMIN, snapshot_id=bare), 240).state == "done"
    app = _page(s=bare)
    assert t("map.all_shown", lang="en", n="30", total="30") in _text(app)
    assert list(app.dataframe[0].value["label_now"].unique()) == [""]


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_map_the_encoder_its_reason_and_one_button_are_there(home, language):
    app = _page(language, s=home[3])
    assert t("explore.no_map", lang=language) in _text(app)
    assert t("explore.encoder.minilm", lang=language) in _text(app)
    assert t("explore.encoder_reason.english", lang=language) in _text(app)
    assert t("explore.make", lang=language) in [button.label for button in app.main.button]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_map_says_how_far_to_trust_it(home, language):
    app = _page(language, s=home[2])
    chart = maps.newest(home[1].store, home[2])
    assert t("map.all_shown", lang=language, n="120", total="120") in _text(app)
    assert t("map.caption", lang=language) in _text(app)
    trust, overlap = f"{chart.trustworthiness:.2f}", f"{chart.neighbour_overlap:.2f}"
    assert t("map.trust", lang=language, trust=trust, overlap=overlap, n="120") in _text(app)
    assert len(app.get("bidi_component")) == 1


def test_filters_a_lasso_and_an_example_come_from_the_url(home):
    _, opened, mapped, _ = home
    chart = maps.newest(opened.store, mapped)
    points = maps.points(opened.store, chart.map_id)
    app = _page(s=mapped, q="tea", g0="N")
    assert t("map.selected", lang="en", n="30", total="120") in _text(app)
    everything = f"{chart.map_id[:6]}:-999,-999;999,-999;999,999;-999,999"
    app = _page(s=mapped, q="oil", lasso=everything)
    assert t("map.selected", lang="en", n="60", total="120") in _text(app)
    number = int(points["example_id"].iloc[6])  # the row with the hostile text
    app = _page(s=mapped, example=str(number), color="group_region")
    assert t("map.example", lang="en", id=number) in _text(app)
    assert any(HOSTILE in element.value for element in app.code)
    assert "<script>" not in "\n".join(element.value for element in app.markdown)
    finding = conditions_to_text([Condition("group_region", "eq", "S"), Condition("example_id", "in", [0, 1, 2, 3])])
    app = _page(s=mapped, f=finding)
    assert t("map.selected", lang="en", n="2", total="120") in _text(app)


@pytest.mark.parametrize(
    "params",
    [
        {"lasso": "zzz"},
        {"lasso": "abcdef:1,2;3,4;5,6"},
        {"example": "99999999999"},
        {"example": "<b>"},
        {"f": "[[1,2"},
        {"f": '[["nope","eq","x"]]'},
        {"color": "'; DROP TABLE map; --"},
        {"f_cluster": "x", "g0": "Z", "view": "other"},
        {"q": "\x00\ud7ff%_"},
    ],
    ids=str,
)
def test_bad_urls_show_the_map_or_say_what_is_wrong(home, params):
    app = _page(s=home[2], **params)
    assert app.header[0].value == t("explore.title", lang="en")


def test_a_lasso_of_another_map_is_left_out_and_said(home):
    app = _page(s=home[2], lasso="abcdef:0,0;1,0;1,1")
    assert t("map.other_map", lang="en") in _text(app)
    assert t("map.all_shown", lang="en", n="120", total="120") in _text(app)


def test_a_slice_is_saved_from_the_page(home):
    _, opened, mapped, _ = home
    app = _page(s=mapped, q="tea")
    app.text_input[[box.label for box in app.text_input].index(t("map.slice_name", lang="en"))].set_value("All *tea*")
    next(button for button in app.button if button.label == t("map.save", lang="en")).click().run()
    assert not app.exception
    kept = slices.slices(opened.store, mapped)
    assert kept["name"].tolist() == ["All *tea*"] and kept["n"].tolist() == [60]
    assert "All \\*tea\\*" in app.success[0].value
