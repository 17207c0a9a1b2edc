"""A corpus with several labels an example on Explore and in the report: each label by itself, and a way to its rows."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from studio.corpus.roles import Roles
from studio.records import Actor, Condition, conditions_to_text
from studio.store import snapshots
from studio.words import t
from studio.workflows import audits, corpora, report, runs

ADMIN = Actor("tester", "admin")


def _page():
    import streamlit

    from pages._ui import explore_audits, frame
    from studio.store import snapshots

    opened = frame.studio()
    explore_audits.render(opened, snapshots.require(opened.store, streamlit.query_params["s"]))


@pytest.fixture
def snapshot_id(studio) -> str:
    """900 texts; `[a](b)` goes with the group `<b>x</b>` and mostly stands with `*joy*`; some carry nothing."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(900):
        group = "<b>x</b>" if rng.random() < 0.3 else "y"
        own = ["[a](b)"] if rng.random() < (0.7 if group == "<b>x</b>" else 0.3) else []
        own += ["*joy*"] if rng.random() < (0.8 if own else 0.1) else []
        own += ["$c$"] if rng.random() < 0.3 else []
        named = "The woman" if i % 3 else "It"
        lines.append(json.dumps({"text": f"{named} said {i} of {i * 7}", "labels": own, "side": group}))
    file = corpora.spool(studio, ADMIN, name="c.jsonl", data=io.BytesIO("\n".join(lines).encode()))
    roles = Roles("text", labels=("labels",), groups=("side",), task="classification_multi")
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=roles, name="c")
    assert runs.wait(studio, run_id, 60).state == "done"
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def _open(language: str = "en", **params: str) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    for name, value in {"lang": language, **params}.items():
        app.query_params[name] = value
    app.session_state["frame.routed"] = True
    app.run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_label_is_told_by_itself(language, app_home, studio, snapshot_id):
    found = audits.run_audits(studio, ADMIN, snapshot_id=snapshot_id)
    assert found.n_labelled == 900  # none of the labels is an answer too
    loud = {finding.audit for result in found.results.values() for finding in result.findings if finding.alarm}
    assert {"association", "parity"} <= loud
    app = _open(language, s=snapshot_id, audit="association")
    said = [markdown.value for markdown in app.markdown]
    assert any("\\[a\\]\\(b\\)" in line and "\\<b\\>x\\<" in line for line in said)
    assert t("audit.note.several_labels", lang=language) in [caption.value for caption in app.caption]
    assert t("audit.basis_all", lang=language, labelled=900, n=900) in [caption.value for caption in app.caption]
    for name in ("parity", "balance", "lengths", "confounds", "shortcuts", "mention_labels", "dependence"):
        app = _open(language, s=snapshot_id, audit=name)
        assert not app.error
    app = _open(language, s=snapshot_id, audit="balance")
    both = [finding for finding in found.results["balance"].findings if finding.key.endswith(".together")]
    assert both and any("\\*joy\\*" in line.value and "\\[a\\]\\(b\\)" in line.value for line in app.markdown)
    assert "companion" in app.dataframe[-1].value.columns


def test_a_finding_leads_to_the_examples_with_its_label_outside_the_pool(app_home, studio, snapshot_id):
    f = conditions_to_text((Condition("group_side", "eq", "<b>x</b>"), Condition("labels", "has", "[a](b)")))
    rows = _open(s=snapshot_id, f=f).dataframe[0].value
    assert len(rows) and set(rows["group_side"]) == {"<b>x</b>"}
    assert all("[a](b)" in json.loads(own) for own in rows["labels"])
    assert not _open(s=snapshot_id, f='[["text","has","x"]]').exception


def test_visible_labels_leave_the_pool_out(app_home, studio, snapshot_id):
    seen = audits.run_audits(studio, ADMIN, snapshot_id=snapshot_id, label_mode="visible", names=["balance"])
    assert 0 < seen.n_labelled < 400
    assert seen.results["balance"].findings[0].n == seen.n_labelled


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_names_the_labels(language, app_home, studio, snapshot_id):
    audits.run_audits(studio, ADMIN, snapshot_id=snapshot_id)
    html = report.write(studio, ADMIN, snapshot_id=snapshot_id, lang=language)
    assert "[a](b)" in html and "&lt;b&gt;x&lt;/b&gt;" in html and "<b>x</b>" not in html
    assert snapshots.require(studio.store, snapshot_id).task == "classification_multi"
