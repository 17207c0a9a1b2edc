"""Audits over a real imported corpus: kept, computed anew when their basis changes, copies by a run, the command."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from studio.audits import material
from studio.cli.main import main
from studio.errors import MeasureError
from studio.measures import MEASURES
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import examples, findings, findings_given, labels, scores, snapshots
from studio.workflows import audits as acts
from studio.workflows import audits_copies, corpora, runs
from studio.workflows.studio import open_studio

ACTOR = Actor("tester", "admin", True)
ANNOTATE = """
INSERT INTO annotation (event_id, seq, corpus_id, snapshot_id, example_id, row_hash, event, payload, simulated, actor,
                        role, created_at)
VALUES ($event_id, 1, $corpus_id, 's', $example_id, $row_hash, 'label', $payload, false, 'a', 'admin', now())
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("audits") / "workspace"


@pytest.fixture(scope="module")
def opened(home):
    studio = open_studio(Settings(workspace=Workspace(home).make()))
    run_id = corpora.open_demo(studio, ACTOR, language="en", n=1500)
    status = runs.wait(studio, run_id, 120)
    assert status.state == "done", status
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def snapshot(opened):
    return snapshots.list_all(opened.store)[0]


def run(opened, snapshot, **values):
    return acts.run_audits(opened, ACTOR, snapshot_id=snapshot.snapshot_id, **values)


def test_the_demo_shows_its_planted_flaws(opened, snapshot):
    report = run(opened, snapshot)
    assert list(report.results) == list(acts.NAMES)
    assert (report.n, report.n_labelled, report.has_copies) == (1500, 1500, True)
    alarms = {finding.audit for result in report.results.values() for finding in result.findings if finding.alarm}
    assert {"representation", "duplicates", "lengths", "shortcuts"} <= alarms
    assert report.results["noise"].notes == ("audit.note.needs_knn",)


def test_a_second_look_reads_what_was_kept(opened, snapshot, monkeypatch):
    first = run(opened, snapshot)
    monkeypatch.setattr(acts, "_compute", lambda *_: pytest.fail("computed again"))
    second = run(opened, snapshot)
    assert second.computed_at == first.computed_at
    for name, result in first.results.items():
        again = second.results[name]
        assert again.findings == result.findings and again.notes == result.notes
        assert again.table.to_json() == result.table.to_json()


def test_visible_labels_leave_the_pool_out(opened, snapshot):
    report = run(opened, snapshot, label_mode="visible", names=["balance"])
    visible = labels.current(opened.store, snapshot.snapshot_id)
    assert report.n_labelled == len(visible) < 600
    assert report.results["balance"].findings[0].n == len(visible)


def in_force(opened, snapshot, mode):
    with findings_given.rows(opened.store, snapshot.snapshot_id, reveal=mode == "all") as given:
        return given.read_all().to_pandas()


@pytest.mark.parametrize("mode", acts.LABEL_MODES)
def test_an_annotation_of_a_changed_text_is_no_label(opened, snapshot, mode):
    """The first example's annotation is of an older text, the second's of this one: only the second counts."""
    before = in_force(opened, snapshot, mode)
    first, second = before["example_id"].tolist()[:2]
    corpus_id = snapshot.corpus_id
    row_hash = examples.by_ids(opened.store, snapshot.snapshot_id, [second], ("row_hash",))["row_hash"].iloc[0]
    with opened.store.write() as cursor:
        for example_id, label, of in ((first, "old", "of an older text"), (second, "new", row_hash)):
            given = {"event_id": f"{mode}{example_id}", "corpus_id": corpus_id, "example_id": example_id,
                     "row_hash": of, "payload": json.dumps({"kind": "label", "value": label})}  # fmt: skip
            cursor.execute(ANNOTATE, given)
    try:
        after = in_force(opened, snapshot, mode)["label"]
        oracle = labels.current(opened.store, snapshot.snapshot_id).set_index("example_id")["stale"]
    finally:
        with opened.store.write() as cursor:
            cursor.execute("DELETE FROM annotation WHERE event_id LIKE $mode || '%'", {"mode": mode})
    assert (bool(oracle[first]), bool(oracle[second])) == (True, False)
    assert (after[0], after[1]) == (before["label"][0], "new")
    assert after[2:].equals(before["label"][2:])


def test_labels_topics_and_scores_are_written_as_the_store_reads_them(opened, snapshot, tmp_path):
    """The oracle joins the same tables in pandas; batches are smaller than the corpus."""
    store, snapshot_id = opened.store, snapshot.snapshot_id
    ids = examples.ids(store, snapshot_id)
    measure = next(one for one in MEASURES if one.name == "rule_quality")
    raw = np.where(ids % 3 == 0, np.nan, ids / 7)
    scores.put(store, snapshot_id, measure, context_hash="h", context={}, ids=ids[::-1], raw=raw[::-1], unit=raw[::-1],
               run_id=None)  # fmt: skip
    with store.write() as cursor:
        cursor.execute("INSERT INTO map_point (map_id, example_id, x, y, cluster) "
                       "SELECT 'm', unnest($ids), 0, 0, 3", {"ids": ids[10:20].tolist()})  # fmt: skip
    sets = [one for one in scores.sets(store, snapshot_id) if one.context_hash == "h"]
    with (
        pytest.MonkeyPatch.context() as patch,
        findings_given.rows(store, snapshot_id, reveal=True, map_id="m", score_sets=sets) as given,
    ):
        patch.setattr(findings_given, "ROWS_AT_ONCE", 100)
        material.write(tmp_path, given, material.Facts(), {"family": ids // 2})
    found = pd.read_parquet(tmp_path / material.GIVEN)
    assert found.columns.tolist() == ["example_id", "label", "cluster", "score:rule_quality", "family"]
    assert found["example_id"].tolist() == ids.tolist() and found["family"].tolist() == (ids // 2).tolist()
    own = examples.frame(store, snapshot_id, ("label",), reveal=True)["label"]
    assert found["label"].tolist() == own.tolist()
    assert np.array_equal(found["score:rule_quality"].to_numpy(np.float64), raw, equal_nan=True)
    assert found["cluster"].tolist() == [3 if 10 <= i < 20 else -1 for i in range(len(ids))]


def test_copies_of_another_snapshot_are_refused(tmp_path):
    given = pd.DataFrame({"example_id": [1, 2, 3], "label": ["a", None, "b"]})
    for n in (2, 4):
        with pytest.raises(MeasureError, match="copies"):
            material.write(tmp_path, given, material.Facts(), {"family": np.arange(n)})
    assert not (tmp_path / material.GIVEN).exists()


def test_a_new_reference_computes_anew(opened, snapshot):
    before = run(opened, snapshot, names=["representation"])
    table = before.results["representation"].table
    regions = table[table.attribute == "region"]
    shares = dict(zip(regions.value, (regions.n / regions.n.sum()).tolist(), strict=True))
    corpora.set_reference(opened, ACTOR, snapshot_id=snapshot.snapshot_id, group="region", shares=shares)
    after = run(opened, snapshot, names=["representation"])
    assert after.computed_at > before.computed_at
    said = after.results["representation"].findings
    assert not any(f.alarm for f in said if f.values.get("attribute") == "region")


def test_the_run_for_copies_gives_the_families_of_the_inline_search(opened, snapshot):
    inline = audits_copies.ready(opened, snapshot.snapshot_id)
    families = np.array(inline.families)
    place = audits_copies.folder(opened, snapshot.snapshot_id)
    place.rename(place.with_name("aside"))
    assert audits_copies.read(opened, snapshot.snapshot_id) is None
    run_id = audits_copies.find_copies(opened, ACTOR, snapshot_id=snapshot.snapshot_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    stored = audits_copies.read(opened, snapshot.snapshot_id)
    assert np.array_equal(stored.families, families)
    assert json.loads((place / "meta.json").read_text())["run_id"] == run_id


def test_unknown_audits_and_modes_are_refused(opened, snapshot):
    with pytest.raises(MeasureError):
        run(opened, snapshot, names=["horoscope"])
    with pytest.raises(MeasureError):
        run(opened, snapshot, label_mode="secret")


def test_a_finding_survives_its_way_through_the_store(opened, snapshot):
    report = run(opened, snapshot)
    for result in report.results.values():
        back = findings.from_json(findings.to_json(result))
        assert back.findings == result.findings
        assert list(back.table.columns) == list(result.table.columns)


def test_the_command_prints_one_json_object(opened, snapshot, home, capsys, monkeypatch):
    """One process may open a workspace, so the command is handed the one the fixture holds open."""
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("audits",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: opened)
    monkeypatch.setattr(type(opened), "close", lambda self: None)
    code = main(["--workspace", str(home), "audit", "--json", "--lang", "zh"])
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["snapshot_id"] == snapshot.snapshot_id and printed["alarms"] >= 3
    sentences = [item["sentence"] for item in printed["findings"]]
    assert any("kindly" in sentence and "泄露" in sentence for sentence in sentences)
    assert printed["diversity"]["distinct_1"] > 0
