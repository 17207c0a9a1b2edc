"""The checks page of a corpus too large to wait for: it starts a run, says what is stale, and swaps groups."""

from __future__ import annotations

import pytest

from pages._ui import explore_audits
from studio.records import Actor
from studio.store import snapshots
from studio.words import t
from studio.workflows import audits, corpora, counterfactual, runs
from tests.pages.test_explore_audits import ADMIN, _import, open_page

__all__ = ["open_page"]


@pytest.fixture
def snapshot_id(studio, monkeypatch):
    monkeypatch.setattr(audits, "AT_ONCE_UP_TO", 100)
    rows = ["text,label,side"]
    rows += [f"{'he' if i % 2 else 'she'} wrote about thing {i},{'ab'[i % 2]},{'xy'[i // 2 % 2]}" for i in range(200)]
    return _import(studio, "\n".join(rows), label="label", groups=("side",))


def test_every_check_answers_one_question():
    asked = [name for names in explore_audits.QUESTIONS.values() for name in names]
    assert sorted(asked) == sorted(audits.NAMES)


def test_a_large_corpus_is_checked_by_a_run_and_stale_findings_say_so(snapshot_id, open_page, studio):
    app = open_page(s=snapshot_id)
    assert not app.success and "audit.run" not in [button.key for button in app.button]  # it has started by itself
    view = next(v for v in runs.overview(studio, kinds=("audit",)) if v.spec.snapshot_id == snapshot_id)
    assert runs.wait(studio, view.run_id, 120).state == "done"
    app = open_page(s=snapshot_id, audit="balance")
    assert t("audit.about.balance", lang="en") in [caption.value for caption in app.caption]
    assert app.session_state["ck.box"] == "labels"  # a link names the check, its question follows
    corpora.set_reference(studio, ADMIN, snapshot_id=snapshot_id, group="side", shares={"x": 0.9, "y": 0.1})
    app = open_page("en", s=snapshot_id, audit="balance")
    stale = t("audit.stale", lang="en", what=t("audit.stale_what.reference", lang="en"))
    assert any(stale in line.value for line in app.markdown)
    app.button(key="audit.run").click()
    app.run()
    assert not app.exception, app.exception
    again = audits.live(studio, snapshot_id=snapshot_id, label_mode="all")
    if again is not None:
        assert runs.wait(studio, again.run_id, 120).state == "done"
    assert audits.report(studio, snapshot_id=snapshot_id).stale == ()


def test_a_reader_waits_for_an_analyst(snapshot_id, open_page, studio, monkeypatch):
    monkeypatch.setattr("pages._ui.frame.current_user", lambda: Actor("reader", "viewer"))
    app = open_page(s=snapshot_id)
    assert any(t("audit.run_waits", lang="en") in line.value for line in app.markdown)
    assert not runs.overview(studio, kinds=("audit",))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_swapped_groups_show_pairs_side_by_side(language, snapshot_id, open_page, studio):
    contrast = counterfactual.options(snapshots.require(studio.store, snapshot_id))[0]
    run_id = counterfactual.start(studio, ADMIN, snapshot_id=snapshot_id, contrast=contrast)
    assert runs.wait(studio, run_id, 120).state == "done"
    app = open_page(language, s=snapshot_id)
    said = [caption.value for caption in app.caption]
    assert t("counterfactual.read", lang=language, pairs=200, read=200, texts=200, both=0) in said
    assert t("counterfactual.no_model", lang=language) in said
    pairs = next(frame.value for frame in app.dataframe if "before" in frame.value)
    assert set(pairs["before"].str.split().str[0]) <= {"he", "she"}
    assert (pairs["before"].str.split().str[0] != pairs["after"].str.split().str[0]).all()
    assert (pairs["plain"].str.split().str[0] == pairs["before"].str.split().str[0]).all()  # the pronoun stays there
    changes = next(frame.value for frame in app.dataframe if "beyond" in frame.value)
    assert {"control", "beyond_low", "beyond_high", "beyond_q"} <= set(changes)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("numbers", "key"), [((12, 4, 0.1, 0.02, 0.18), "more"), ((5, 4, 0.01, -0.04, 0.06), "same"),
                                              ((1, 9, -0.1, -0.18, -0.02), "less")])  # fmt: skip
def test_flips_are_held_against_an_ordinary_word(language, numbers, key, snapshot_id, open_page, studio, monkeypatch):
    swap, control, difference, low, high = numbers
    flips = {"group": "", "other_group": "", "n": 80, "flips": swap, "share": swap / 80, "low": 0.0, "high": 0.3}
    more = {"group": "", "other_group": "", "n": 80, "swap": swap, "control": control, "only_swap": swap,
            "only_control": control, "difference": difference, "low": low, "high": high, "p": 0.0004}  # fmt: skip
    pair = {"example_id": 1, "before": "he", "after": "she", "plain": None, "n": 1}
    content = {"n_pairs": 80, "n_read": 90, "n_texts": 90, "n_both": 0, "flips": [flips], "flips_beyond": [more],
               "selection": None, "changes": [], "examples": [pair]}  # fmt: skip
    monkeypatch.setattr(counterfactual, "outcome", lambda *_, **__: counterfactual.Outcome(content, False))
    app = open_page(language, s=snapshot_id)
    said = t(f"counterfactual.plain_{key}", lang=language, n=80, swap=swap, control=control, points=100 * difference,
             low=100 * low, high=100 * high)  # fmt: skip
    assert said in [line.value for line in app.markdown]
    assert any(t("counterfactual.p_tiny", lang=language) in caption.value for caption in app.caption)
