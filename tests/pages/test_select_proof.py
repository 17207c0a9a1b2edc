"""Does it help, and learn the weights: both views of the Select page before, with and after a study."""

from __future__ import annotations

import pytest

from studio.records import VIEWS
from studio.store import openings
from studio.words import t
from studio.workflows import proposals_proof_test, runs, select_learn, select_proof
from tests.pages.app import open_app
from tests.workflows import select_corpus
from tests.workflows.test_proof import ACTOR, RECIPE, labelled, state_of
from tests.workflows.test_select import TARGETS

W = {f"w_{view}": str(RECIPE.weights[view]) for view in VIEWS}


def texts(app) -> list[str]:
    return [box.value for kind in (app.info, app.success, app.warning, app.markdown, app.caption) for box in kind]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("view", ["proof", "learn"])
def test_without_labels_both_say_what_is_missing_and_where_to_go(studio, lang, view):
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    app = open_app("select", lang=lang, s=made, view=view)
    values = {"n": 0, "held": 60, "least": 40, "least_held": 30}
    assert t("proof.lacking.head", lang=lang, **values) in texts(app)
    assert {t("proof.to_choose", lang=lang), t("proof.to_annotate", lang=lang)} <= {b.label for b in app.button}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_check_is_started_and_its_sentence_stands_first(studio, lang):
    snapshot = labelled(studio, n_train=80)
    base = {"s": snapshot.snapshot_id, "view": "proof", "budget": "30", "even": "false", **W}
    app = open_app("select", lang=lang, **base)
    button = next(b for b in app.button if b.label == t("proof.button", lang=lang))
    button.click().run()
    run = next(v for v in runs.overview(studio, kinds=("proof",), snapshot_id=snapshot.snapshot_id))
    assert runs.wait(studio, run.run_id, 240).state == "done"
    app = open_app("select", lang=lang, **base)
    found = select_proof.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot))
    study = select_proof.kept(studio, snapshot, found)
    own = study.selection
    said = t(f"proof.verdict.{own['verdict']}", lang=lang, value=f"{own['value']:.1%}", size="30",
             mean=f"{own['draws_mean']:.1%}", k=int(own["n_lower"]), n=100)  # fmt: skip
    assert said in texts(app)
    assert t("proof.button", lang=lang) not in [b.label for b in app.button]  # of this recipe it is known
    assert len(app.dataframe[0].value) == len(study.arms)
    closed = {"n": 40, "draws": 100, "times": 0}
    said = "\n".join(texts(app)).replace("\\", "")
    assert t("proved.closed", lang=lang, **closed) in said and t("opening.proof_no_selection", lang=lang) in said
    assert "opening.freeze" in [button.key for button in app.button]
    row = {"marks": ["best", "within", "own"], "size": 30, "value": 0.5, "value_low": 0.4, "value_high": 0.6,
           "before": None, "n_draws": 100, "verdict": "worse", "draws_mean": 0.6, "difference": -0.1, "low": -0.2,
           "high": -0.01, "n_lower": 2}  # fmt: skip
    shown = {"kind": "head", "rows": [row], "n": 40, "n_test": 40, "n_leaks": 0, "resamples": 2000, "seed": 0,
             "rests_on": dict(found.rests_on), "labels": "older"}  # fmt: skip
    openings.add_proof(studio.store, opening_id="o", corpus_id=snapshot.corpus_id, n=40, accuracy=0.5, shown=shown,
                       snapshot_id=snapshot.snapshot_id, kind="unapproved", why="<b>alone</b> 独自", arm="selection",
                       selection_id=None, proposal_id=None, study_key=found.key, by=ACTOR)  # fmt: skip
    app = open_app("select", lang=lang, **base)
    said = "\n".join(texts(app)).replace("\\", "")
    assert proposals_proof_test.winner(shown, lang=lang) in said and "<b>alone</b> 独自" in said
    assert t("proved.stale.test", lang=lang) in said, "the test labels are not those of the look"
    assert t("proved.first", lang=lang, own=1, times=1) in said and "open_test" not in [b.key for b in app.button]
    app = open_app("select", lang=lang, **base | {"budget": "20"})
    assert t("proof.stale.recipe", lang=lang) in texts(app)
    assert t("proof.again", lang=lang) in [b.label for b in app.button]


@pytest.mark.slow
def test_learned_weights_go_into_the_sliders(studio):
    snapshot = labelled(studio, n_train=80)
    state = state_of(studio, snapshot)
    run_id = select_learn.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)
    assert runs.wait(studio, run_id, 400).state == "done"
    lesson = select_learn.kept(studio, snapshot, select_learn.prospect(studio, snapshot, RECIPE, state))
    app = open_app("select", s=snapshot.snapshot_id, view="learn", budget="30", even="false", **W)
    assert any("equal weights" in text for text in texts(app))
    way, weights = next(iter(lesson.facts["learned"].items()))
    app.button(key=f"learn_use_{way}").click().run()
    assert not app.exception
    assert [app.slider(key=f"w_{view}.slider").value for view in VIEWS] == [weights[view] for view in VIEWS]
