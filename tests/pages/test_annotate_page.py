"""The Annotate page in every state, both languages; the desk's widgets wired to the acts."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.words import plain
from studio.annotation.leases import Holder
from studio.records import Actor
from studio.store import annotations, labels
from studio.words import t
from studio.workflows import annotate, annotate_desk
from tests.pages.app import open_app
from tests.workflows import small_corpus

LANGUAGES = ("en", "zh")
ANALYST = Actor("lee", "analyst")


open_page = partial(open_app, "annotate")


def labels_of(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_corpus_or_a_queue_it_says_where_to_go(studio, lang):
    assert t("frame.go_home", lang=lang) in labels_of(open_page(lang=lang))
    snapshot_id = small_corpus.make(studio.store, n=40)
    app = open_page(lang=lang, s=snapshot_id)
    assert t("annotate.go_select", lang=lang) in labels_of(app)
    assert t("annotate.no_queue", lang=lang) in [box.value for box in app.info]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_corpus_without_labels_asks_for_the_first_one(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=40, with_labels=False)
    small_corpus.freeze(studio.store, snapshot_id, [1, 2, 3])
    app = open_page(lang=lang, s=snapshot_id)
    assert t("annotate.no_labels", lang=lang) in [box.value for box in app.info]
    name = next(field for field in app.text_input if field.label == t("annotate.labels_add_name", lang=lang))
    name.set_value("first")
    next(b for b in app.button if b.label == t("annotate.labels_add", lang=lang)).click().run()
    assert not app.exception
    assert labels.names(studio.store, snapshot_id) == ["first"]
    assert "first" in labels_of(app)
    assert t("annotate.simulate_title", lang=lang) not in [box.label for box in app.expander]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_label_skip_undo_note_and_the_end_of_the_queue(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=40)
    queue = small_corpus.freeze(studio.store, snapshot_id, [1, 2, 3])
    app = open_page(lang=lang, s=snapshot_id, sel=queue)

    def press(label: str) -> None:
        next(b for b in app.button if b.label == label).click().run()
        assert not app.exception and not app.error, app.error

    press("login")
    press(t("annotate.skip", lang=lang))
    note = next(field for field in app.text_input if field.placeholder == t("annotate.note_hint", lang=lang))
    note.set_value("两个问题").run()
    press("refund")
    press(t("annotate.undo", lang=lang))
    press(t("annotate.redo", lang=lang))
    stored = annotations.events(studio.store, f"c{snapshot_id}")
    assert [e.event for e in stored] == ["label", "skip", "note", "label", "undo", "label"]
    assert [e.example_id for e in stored] == [1, 2, 3, 3, 3, 3]
    assert t("annotate.go_train", lang=lang) in labels_of(app) and app.success
    press(t("annotate.revisit", lang=lang, n="1"))
    press("billing")
    assert annotations.queue(studio.store, f"c{snapshot_id}", queue).state.tolist() == ["label"] * 3


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_simulated_annotator_is_marked(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=40)
    queue = small_corpus.freeze(studio.store, snapshot_id, [1, 2, 3, 4])
    app = open_page(lang=lang, s=snapshot_id, sel=queue)
    assert t("annotate.simulate_help", lang=lang) in [box.value for box in app.warning]
    next(b for b in app.button if b.label == t("annotate.simulate_go", lang=lang)).click().run()
    assert not app.exception
    assert any(t("annotate.simulated_here", lang=lang, n="4") in caption.value for caption in app.caption)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_to_an_example_on_another_desk_names_who_has_it(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=40)
    queue = small_corpus.freeze(studio.store, snapshot_id, [1, 2, 3])
    other = Actor("**Ben**", "annotator")
    annotate_desk.read(studio, other, selection_id=queue, session="elsewhere", first=2)
    app = open_page(lang=lang, s=snapshot_id, sel=queue, example="2")
    who = t("annotate.held_by", lang=lang, name=plain("**Ben**"))
    assert any(who in box.value for box in app.info)
    assert any("&example=1" in code.value for code in app.code), "the first free one is on the desk"
    app = open_page(lang=lang, s=snapshot_id, sel=queue, example="3")
    assert any("&example=3" in code.value for code in app.code) and not app.info
    app = open_page(lang=lang, s=snapshot_id, sel=queue, example="99")
    assert t("annotate.link_closed", lang=lang, id=99) in [box.value for box in app.info]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_last_example_on_another_desk_is_said_to_be_there(studio, lang):
    snapshot_id = small_corpus.make(studio.store, n=40)
    queue = small_corpus.freeze(studio.store, snapshot_id, [1])
    annotate_desk.read(studio, Actor("local", "annotator"), selection_id=queue, session="elsewhere")
    app = open_page(lang=lang, s=snapshot_id, sel=queue)
    names = t("annotate.held_unnamed", lang=lang)
    assert t("annotate.all_held", lang=lang, n="1", names=names) in [box.value for box in app.info]
    assert not app.success
    studio.leases.release(Holder("elsewhere"))
    next(b for b in app.button if b.label == t("annotate.look_again", lang=lang)).click().run()
    assert "login" in labels_of(app)


def test_guidelines_are_kept_and_an_unknown_queue_in_the_url_falls_back(studio):
    snapshot_id = small_corpus.make(studio.store, n=40)
    small_corpus.freeze(studio.store, snapshot_id, [1, 2, 3])
    annotate.set_guidelines(studio, ANALYST, corpus_id=f"c{snapshot_id}", text="**read** <b>twice</b>")
    app = open_page(lang="en", s=snapshot_id, sel="nonsense")
    assert "**read** <b>twice</b>" in [text.value for text in app.text], "guidelines are literal text"
    assert "login" in labels_of(app)
