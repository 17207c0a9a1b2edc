"""Upload in all its states and both languages: nothing, wrong kind, no text column, at work, failed, done."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from studio.corpus.roles import Roles
from studio.records import Actor
from studio.store import snapshots
from studio.words import t
from studio.workflows import corpora, runs
from tests.pages.app import open_app
from tests.workflows import small_corpus

LANGUAGES = ("en", "zh")
ADMIN = Actor("tester", "admin")
CSV = "text,label,region\n" + "".join(f"message number {i},{'ab'[i % 2]},{'NS'[i % 2]}\n" for i in range(60))
HOSTILE = "<script>alert(1)</script> **bold** $x$ [a](http://b.example)"


@pytest.fixture
def open_page(app_home):
    """Opens the page over the test's workspace."""
    return partial(open_app, "upload")


def _upload(app: AppTest, text: str | bytes, name: str = "data.csv") -> AppTest:
    data = text.encode() if isinstance(text, str) else text
    app.get("file_uploader")[0].upload(name, data)
    app.run()
    assert not app.exception, app.exception
    return app


def _said(app: AppTest, *kinds: str) -> str:
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def _import(studio, text: str, roles: Roles | None = None) -> str:
    import io

    file = corpora.spool(studio, ADMIN, name="data.csv", data=io.BytesIO(text.encode()))
    return corpora.start_import(studio, ADMIN, files=[file], roles=roles or Roles("text", "label"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_chosen_names_the_way_on(language, open_page):
    app = open_page(language)
    assert app.header[0].value == t("upload.title", lang=language)
    assert app.info[0].value == t("upload.none", lang=language)
    assert [button.label for button in app.main.button] == [t("upload.home", lang=language)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG image"),
        (b"", "empty"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "NumPy"),
        (b"text,label\n", "no record"),
        (b"PAR1 and then nothing that is Parquet", "damaged"),
    ],
)
def test_a_wrong_file_is_refused_in_place_and_can_be_removed(data, says, open_page):
    app = _upload(open_page(), data, "data.csv")
    assert says in _said(app, "error")
    assert not [button for button in app.main.button if button.label == t("upload.freeze")]
    remove = next(button for button in app.main.button if button.label == t("upload.remove"))
    remove.click()
    app.run()
    assert app.info[0].value == t("upload.none")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_good_file_is_previewed_mapped_imported_and_shown(language, open_page, studio):
    app = _upload(open_page(language), CSV + "ragged\n")
    table = app.dataframe[0].value
    assert list(table.columns) == ["text", "label", "region"]
    assert table["text"][3] == "message number 3"
    boxes = {box.label: box for box in app.main.selectbox}
    assert boxes[t("upload.text", lang=language)].value == "text"
    assert boxes[t("upload.label", lang=language)].value == "label"
    assert app.main.multiselect[0].value == ["region"]
    assert t("corpus.problem.unreadable", lang=language, n=1, total=61) in _said(app, "warning")
    next(button for button in app.main.button if button.label == t("upload.freeze", lang=language)).click()
    app.run()
    assert not app.exception, app.exception
    run_id = runs.overview(studio)[0].run_id
    assert runs.wait(studio, run_id, 60).state == "done"
    app = open_page(language, run=run_id)
    assert app.success[0].value == t("upload.done", lang=language, name="data")
    assert [metric.value for metric in app.metric] == ["60", "1", "2", t("corpus.language.en", lang=language)]
    assert t("upload.records", lang=language, records=61, examples=60, rejects=1) in _said(app, "caption")
    assert app.dataframe[0].value.iloc[0].tolist() == [t("corpus.reason.too_few_fields", lang=language), 1]
    assert app.dataframe[1].value.iloc[0, 3] == "ragged"
    assert len(app.get("download_button")) == 1
    assert app.button(key="prepare").label == t("upload.prepare", lang=language)
    app.button(key="another").click()
    app.run()
    assert app.info[0].value == t("upload.none", lang=language)


def test_a_second_import_is_the_corpus_the_menu_leads_to(open_page, studio):
    """The sidebar went on showing the first corpus, so that Prepare cleaned it instead of the one just imported."""
    first, second = small_corpus.make(studio.store, n=60), None
    app = _upload(open_page(s=first), CSV)
    next(button for button in app.main.button if button.label == t("upload.freeze")).click()
    app.run()
    run_id = runs.overview(studio)[0].run_id
    assert runs.wait(studio, run_id, 60).state == "done"
    second = corpora.outcome(studio, run_id).snapshot.snapshot_id
    app = open_page(s=first, run=run_id)
    assert app.selectbox(key="s.box").value == second


def test_no_text_column_cannot_be_frozen_until_one_is_chosen(open_page):
    app = _upload(open_page(), "a,b\n1,2\n3,4\n5,6\n")
    freeze = next(button for button in app.main.button if button.label == t("upload.freeze"))
    assert freeze.disabled
    assert t("corpus.problem.no_text_column") in _said(app, "warning")
    next(box for box in app.main.selectbox if box.label == t("upload.text")).select("b")
    app.run()
    freeze = next(button for button in app.main.button if button.label == t("upload.freeze"))
    assert not freeze.disabled
    assert t("corpus.problem.no_label") in _said(app, "info")


def test_the_header_question_changes_the_columns(open_page):
    app = _upload(open_page(), "first text here,a\nsecond text here,b\n")
    assert list(app.dataframe[0].value.columns) == ["first text here", "a"]
    app.segmented_control(key="header").set_value("no")
    app.run()
    assert list(app.dataframe[0].value.columns) == ["column_1", "column_2"]


def test_shares_that_do_not_add_up_cannot_be_frozen(open_page):
    app = _upload(open_page(), CSV)
    app.number_input(key="share_pool").set_value(60)
    app.run()
    assert t("upload.sum_wrong", sum=90) in _said(app, "error")
    assert next(button for button in app.main.button if button.label == t("upload.freeze")).disabled


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_import_at_work_shows_progress_and_can_be_cancelled(language, open_page, studio, barriers):
    barriers.hold("import")
    run_id = _import(studio, CSV)
    barriers.reached("import")
    app = open_page(language, run=run_id)
    assert len(app.get("progress")) == 1
    assert not app.get("file_uploader")
    app.button(key="cancel_import").click()
    app.run()
    barriers.release("import")
    assert runs.wait(studio, run_id, 60).state in ("cancelled", "done")
    app = open_page(language, run=run_id)
    if runs.view(studio, run_id).status.state == "cancelled":
        assert app.info[0].value == t("upload.cancelled", lang=language)
    assert snapshots.list_all(studio.store) == [] or app.success


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failed_import_says_why_and_offers_another_try(language, open_page, studio):
    run_id = _import(studio, CSV, Roles("nope", "label"))
    assert runs.wait(studio, run_id, 60).state == "failed"
    app = open_page(language, run=run_id)
    assert {"en": "no such column", "zh": "没有这一列"}[language] in _said(app, "error")
    assert "nope" in _said(app, "error")
    app.button(key="again").click()
    app.run()
    assert app.get("file_uploader")


def test_known_content_is_said(open_page, studio):
    for _ in range(2):
        run_id = _import(studio, CSV)
        assert runs.wait(studio, run_id, 60).state == "done"
    app = open_page(run=run_id)
    assert app.success[0].value == t("upload.known", name="data")


@pytest.mark.parametrize("run_id", ["nope", "../../etc", "' OR 1=1"])
def test_a_bad_run_in_the_url_is_forgotten(run_id, open_page):
    app = open_page(run=run_id)
    assert app.get("file_uploader")


def test_hostile_texts_and_names_are_never_markup(open_page):
    app = _upload(open_page(), f'text,"{HOSTILE}"\nhello {HOSTILE},a\nbye,b\n', f"{HOSTILE}.csv")
    assert "<script>" not in _said(app, "markdown", "caption", "subheader", "header", "warning", "info", "error")
    for box in app.main.selectbox:
        assert not any("<script>" in option for option in box.options)


def test_inbox_files_are_offered(open_page, workspace):
    (workspace.inbox / "big.csv").write_text(CSV)
    app = open_page()
    app.main.multiselect[0].select("inbox/big.csv")
    app.run()
    assert list(app.dataframe[0].value.columns) == ["text", "label", "region"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_encoding_is_shown_and_can_be_overruled(language, open_page):
    table = "文本,类别\n" + "".join(f"订单 {i} 什么时候到,{'ab'[i % 2]}\n" for i in range(30))
    app = _upload(open_page(language), table.encode("gb18030"))
    box = next(box for box in app.main.selectbox if box.label == t("reading.encoding", lang=language))
    assert box.value == "gb18030"
    assert t("reading.certain", lang=language, encoding="GB18030 / GBK") in box.options
    assert "订单" in _said(app, "caption")
    box.select("big5")
    app.run()
    assert not app.exception, app.exception
    assert "文本" not in app.dataframe[0].value.columns
    box = next(box for box in app.main.selectbox if box.label == t("reading.encoding", lang=language))
    assert t("reading.given", lang=language, encoding="Big5") in box.options


def test_an_unsure_encoding_waits_for_a_person(open_page):
    app = _upload(open_page(), "text,city\nJosé schreibt,Málaga\nZoë schreibt,Köln\n".encode("cp1252"))
    assert t("reading.unsure") in _said(app, "warning")
    freeze = next(button for button in app.main.button if button.label == t("upload.freeze"))
    assert freeze.disabled
    next(box for box in app.main.selectbox if box.label == t("reading.encoding")).select("cp1252")
    app.run()
    assert not next(button for button in app.main.button if button.label == t("upload.freeze")).disabled


def test_the_kind_can_be_overruled_and_taken_back(open_page):
    app = _upload(open_page(), "one, two\nthree, four\n")
    kind = next(box for box in app.main.selectbox if box.label == t("reading.kind"))
    assert kind.value == "csv"
    kind.select("text")
    app.run()
    assert list(app.dataframe[0].value.columns) == ["text"]
    next(box for box in app.main.selectbox if box.label == t("reading.kind")).select("json")
    app.run()
    assert "not JSON of that kind" in _said(app, "error")
    app.button(key="back").click()
    app.run()
    assert next(box for box in app.main.selectbox if box.label == t("reading.kind")).value == "csv"


@pytest.mark.parametrize("network", ["0", "1"])
def test_the_hub_is_there_only_where_the_network_is(network, open_page, monkeypatch):
    monkeypatch.setenv("STUDIO_NETWORK", network)
    app = open_page()
    labels = [expander.label for expander in app.main.expander]
    assert (t("reading.hub") in labels) == (network == "1")


def test_a_copy_of_an_upload_shares_its_bytes():
    """Streamlit copies widget values deeply; of a 500 MB upload that was 500 MB more."""
    import copy

    from streamlit.proto.Common_pb2 import FileURLs
    from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

    from pages._ui import upload_files  # noqa: F401 - registers the way to copy

    data = bytes(1000)
    file = UploadedFile(UploadedFileRec("1", "x.csv", "text/csv", data), FileURLs())
    assert copy.deepcopy(file).getvalue() is data
    assert copy.deepcopy(file).name == "x.csv"
