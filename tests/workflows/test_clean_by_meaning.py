"""The step that leaves out texts of the same meaning, from an import over real vectors to the version it makes."""

from __future__ import annotations

import io

import numpy as np
import pytest

from studio.corpus.cleaning.recipe import Recipe, plan
from studio.corpus.roles import Roles
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import examples, vectors
from studio.workflows import clean, corpora, explore, runs
from studio.workflows.studio import open_studio

ADMIN = Actor("tester", "admin")
SIMILARITY = 0.9
ASKED = ("Where is my parcel", "How do I reset my password", "Why was my card charged twice", "Can I get a refund")
ABOUT = (
    "from the shop in town",
    "that I ordered for my sister",
    "since the app was updated",
    "before the holiday ends",
)


def _texts() -> list[str]:
    """Sixty-four messages; then twelve of them again with their halves swapped or ended otherwise."""
    fresh = [f"{ASKED[i % 4]} {ABOUT[i // 4 % 4]}, case {chr(97 + i // 16) * 4}{i * 37}" for i in range(64)]
    swapped = [f"Case {text.split('case ')[1]}: {text.split(', case')[0]}!" for text in fresh[:6]]
    ended = [f"{text}, please" for text in fresh[20:26]]
    return fresh + swapped + ended


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("meaning") / "workspace"), device="cpu"))
    yield opened
    opened.close()


def _wait(studio, run_id: str) -> str:
    status = runs.wait(studio, run_id, 240)
    assert status.state == "done", runs.detail(studio, run_id).failure
    return run_id


def test_texts_alike_by_their_vectors_are_left_out_and_come_back(studio):
    data = "text\n" + "\n".join(f'"{text}"' for text in _texts()) + "\n"
    given = corpora.spool(studio, ADMIN, name="data.csv", data=io.BytesIO(data.encode()))
    run_id = _wait(studio, corpora.start_import(studio, ADMIN, files=[given], roles=Roles("text"), name="M",
                                                language="en"))  # fmt: skip
    snapshot_id = corpora.outcome(studio, run_id).snapshot.snapshot_id
    _wait(studio, explore.start(studio, ADMIN, snapshot_id=snapshot_id, encoder="lexical", seed=3))

    recipe = Recipe((plan("semantic", {"similarity": SIMILARITY}),))
    _wait(studio, clean.start(studio, ADMIN, snapshot_id=snapshot_id, recipe=recipe, preview=True))
    report = clean.read_report(studio, clean.preview_of(studio, snapshot_id, recipe))
    made = _wait(studio, clean.start(studio, ADMIN, snapshot_id=snapshot_id, recipe=recipe, preview=False))
    child = clean.outcome(studio, made).snapshot.snapshot_id

    # The same by every pair of the stored vectors: who comes first stays, unless it is like one that stays.
    found = vectors.require(studio.store, snapshot_id)
    matrix = np.load(studio.workspace.root / found.path / "vectors.npy").astype(np.float64)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    ids, stays, repeats = examples.ids(studio.store, snapshot_id), [], {}
    for i in range(len(matrix)):
        like = [j for j in stays if matrix[i] @ matrix[j] >= SIMILARITY - 1e-6]
        if like:
            repeats[int(ids[i])] = int(ids[like[0]])
        else:
            stays.append(i)
    assert {int(ids[i]) for i in range(70, 76)} <= set(repeats)  # the six that only end otherwise
    assert report.n_dropped == len(repeats)
    gone = clean.dropped(studio, child)
    assert set(gone["reason"]) == {"same_meaning"}
    assert dict(zip(gone["example_id"], gone["detail"].astype(int), strict=True)) == repeats
    assert examples.ids(studio.store, child).tolist() == [int(ids[i]) for i in stays]
    assert {one.group for one in report.total} == {one.group for one in report.steps[0].effects}

    again = _wait(studio, clean.bring_back(studio, ADMIN, snapshot_id=child, step="semantic"))
    assert clean.outcome(studio, again).is_same  # everything brought back is the parent itself
