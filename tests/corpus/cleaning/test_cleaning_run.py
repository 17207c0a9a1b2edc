"""A list done to a table: order, counts, reasons, groups, fields, offsets, and the way back to the parent."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from studio.corpus.cleaning.effects import Groups, judged
from studio.corpus.cleaning.freeze import CHANGED, DROPPED, FLAGGED, freeze, read_beside
from studio.corpus.cleaning.recipe import Recipe, plan
from studio.corpus.cleaning.run import clean
from studio.corpus.cleaning.table import read_table
from studio.corpus.schema import EXAMPLES, row_hash, write_snapshot
from studio.errors import CorpusError
from studio.statistics import wilson


def snapshot(parent, rows, **facts):
    manifest = write_snapshot(rows, parent / "snapshots", **facts)
    return parent / "snapshots" / str(manifest["snapshot_id"]), manifest


def table_of(folder, groups=(), **more):
    return read_table(folder / EXAMPLES, ["label", *(f"group_{g}" for g in groups)], **more)


ROWS = [
    {"text": "<p>Where is my card?</p>", "label": "card", "group_region": "N"},
    {"text": "Where is my card?", "label": "card", "group_region": "N"},
    {"text": "ok", "label": "other", "group_region": "S"},
    {"text": "Mail ann@x.example.com please", "label": "other", "group_region": "S"},
    {"text": "http://only.example/link", "label": "other", "group_region": "S"},
]


def test_steps_run_in_order_and_every_count_has_its_reason(tmp_path):
    folder, _ = snapshot(tmp_path, ROWS, groups=("region",))
    names = (
        plan("html"),
        plan("url", {"action": "remove"}),
        plan("length"),
        plan("exact"),
        plan("personal", {"action": "flag"}),
    )
    found = clean(table_of(folder, ["region"]), names)
    assert [(s.name, s.n_before, s.n_changed, s.n_dropped, s.n_flagged) for s in found.steps] == [
        ("html", 5, 1, 0, 0), ("url", 5, 0, 1, 0), ("length", 4, 0, 1, 0), ("exact", 3, 0, 1, 0),
        ("personal", 2, 0, 0, 1),
    ]  # fmt: skip
    assert found.dropped == {1: (3, "copy", "0"), 2: (2, "too_short", "2"), 4: (1, "emptied", "")}
    assert found.changed == {0: ["html"]} and found.flagged == [(3, 4, "email", "email 1")]
    assert found.table.texts[0] == "Where is my card?"
    # the other order: the copy is not seen, because the tags still differ
    other = clean(table_of(folder), (plan("exact"), plan("html")))
    assert [s.n_dropped for s in other.steps] == [0, 0]


def test_a_step_that_leaves_nothing_is_refused(tmp_path):
    folder, _ = snapshot(tmp_path, [{"text": "hello there"}])
    with pytest.raises(CorpusError) as caught:
        clean(table_of(folder), (plan("length", {"shortest": 500}),))
    assert "The step Length (number 1)" in caught.value.what and caught.value.fix
    kept = clean(table_of(folder), (plan("near"), plan("gopher")))
    assert kept.stays.tolist() == [True]
    with pytest.raises(CorpusError, match="map"):
        clean(table_of(folder), (plan("semantic"),))


def test_rows_with_offsets_are_left_alone_and_counted(tmp_path):
    rows = [
        {"text": "a  b", "spans": '[{"start": 0, "end": 1, "label": "X"}]'},
        {"text": "a  b", "meta": {"answers": {"answer_start": [3]}}},
        {"text": "a  b"},
        {"text": "ab", "tokens": '["ab"]', "tags": '["O"]'},
    ]
    folder, _ = snapshot(tmp_path, rows)
    found = clean(table_of(folder), (plan("whitespace"),))
    assert (found.steps[0].n_changed, found.steps[0].n_left_alone) == (1, 2)
    assert found.table.texts == ["a  b", "a  b", "a b", "ab"]


def test_every_field_is_edited_and_the_text_rendered_again(tmp_path):
    rows = [
        {
            "text": "Sum  up\n\nLong  story\n\nShort",
            "prompt": "Sum  up",
            "context": "Long  story",
            "completion": "Short",
        }
    ]
    folder, _ = snapshot(tmp_path, rows, task="instruction")
    recipe = Recipe((plan("whitespace"),))
    found = clean(table_of(folder, task="instruction"), recipe.plans)
    manifest = freeze(folder, found, recipe, tmp_path / "child")
    row = pq.read_table(tmp_path / "child" / manifest["snapshot_id"] / EXAMPLES).to_pylist()[0]
    assert (row["prompt"], row["context"], row["completion"]) == ("Sum up", "Long story", "Short")
    assert row["text"] == "Sum up\n\nLong story\n\nShort"
    assert row["row_hash"] == row_hash(row)


def test_a_conversation_is_edited_message_by_message(tmp_path):
    messages = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "My mail is a@x.example.com"},
                {"role": "assistant", "content": "Thanks", "name": "bot"}]  # fmt: skip
    folder, _ = snapshot(tmp_path, [{"text": "x", "messages": json.dumps(messages)}], task="chat")
    found = clean(table_of(folder, task="chat"), (plan("personal"),))
    edited = json.loads(found.table.fields["messages"][0])
    assert [m["content"] for m in edited] == ["Be kind", "My mail is [EMAIL]", "Thanks"] and edited[2]["name"] == "bot"
    assert found.table.texts[0] == "My mail is [EMAIL]\n\nThanks"
    pair = [{"text": "x", "prompt": json.dumps(messages[:2]), "completion": json.dumps(messages[2:])}]
    folder, _ = snapshot(tmp_path, pair, task="preference")
    found = clean(table_of(folder, task="preference", talks=True), (plan("personal"),))
    assert json.loads(found.table.fields["prompt"][0])[1]["content"] == "My mail is [EMAIL]"


def test_a_field_that_an_edit_would_empty_takes_its_example_out(tmp_path):
    rows = [
        {"text": "x", "prompt": "Say it", "completion": "https://a.example/b"},
        {"text": "x", "prompt": "a", "completion": "b"},
    ]
    folder, _ = snapshot(tmp_path, rows, task="seq2seq")
    found = clean(table_of(folder, task="seq2seq"), (plan("url", {"action": "remove"}),))
    assert found.dropped == {0: (0, "emptied", "")}


# --- the child and the way back ---------------------------------------------------------------------------------------
def test_the_child_keeps_ids_and_says_what_was_done(tmp_path):
    folder, parent = snapshot(
        tmp_path, [{**row, "example_id": 10 * i} for i, row in enumerate(ROWS)], groups=("region",)
    )
    recipe = Recipe((plan("html"), plan("unicode", on=False), plan("exact"), plan("personal", {"action": "flag"})))
    manifest = freeze(folder, clean(table_of(folder, ["region"]), recipe.plans), recipe, tmp_path / "child")
    child = tmp_path / "child" / manifest["snapshot_id"]
    assert pq.read_table(child / EXAMPLES)["example_id"].to_pylist() == [0, 20, 30, 40]
    assert read_beside(child, DROPPED).to_pylist() == [
        {"example_id": 10, "step": "exact", "place": 2, "reason": "copy", "detail": "0"}]  # fmt: skip
    assert [row["steps"] for row in read_beside(child, CHANGED).to_pylist()] == ["html"]
    assert read_beside(child, FLAGGED)["example_id"].to_pylist() == [30]
    lineage = manifest["lineage"]
    assert (lineage["parent"], lineage["method"]) == (parent["snapshot_id"], "clean")
    assert lineage["counts"] == {
        "n_before": 5,
        "n_after": 4,
        "n_dropped": 1,
        "n_changed": 1,
        "n_flagged": 1,
        "n_brought_back": 0,
    }
    assert [one.get("on", True) for one in lineage["steps"]] == [True, False, True, True]
    assert read_beside(folder, DROPPED).num_rows == 0


WORDS = st.sampled_from("card refund help 你好 退款 订单 ok a@x.example.com <b>x</b> http://a.example/b".split())
TEXT = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
STEPS = st.lists(
    st.sampled_from(["html", "whitespace", "personal", "length", "language", "exact", "near", "conflict", "gopher"]),
    min_size=1, max_size=5,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(TEXT, min_size=2, max_size=8), names=STEPS, data=st.data())
def test_bringing_all_back_with_edits_off_is_the_parent(tmp_path_factory, texts, names, data):
    tmp_path = tmp_path_factory.mktemp("back")
    folder, parent = snapshot(tmp_path, [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(texts)])
    recipe = Recipe(tuple(plan(name, on=name not in ("html", "whitespace", "personal")) for name in names))
    try:
        found = clean(table_of(folder), recipe.plans)
    except CorpusError as error:
        assert "leaves no example" in error.what
        return
    back = recipe.with_kept(found.table.ids[list(found.dropped)].tolist())
    again = clean(table_of(folder), back.plans, keep_ids=back.keep_ids)
    assert not again.dropped and again.n_kept_back == len(found.dropped)
    assert freeze(folder, again, back, tmp_path / "child")["content_sha256"] == parent["content_sha256"]


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(TEXT, min_size=3, max_size=8), names=STEPS, data=st.data())
def test_bringing_one_back_changes_no_other_decision(tmp_path_factory, texts, names, data):
    folder, _ = snapshot(tmp_path_factory.mktemp("one"), [{"text": text} for text in texts])
    plans = tuple(map(plan, names))
    try:
        found = clean(table_of(folder), plans)
    except CorpusError:
        return
    if not found.dropped:
        return
    one = data.draw(st.sampled_from(sorted(found.dropped)))
    again = clean(table_of(folder), plans, keep_ids=[int(found.table.ids[one])])
    assert {i: why for i, why in found.dropped.items() if i != one} == again.dropped
    assert again.stays[one] and again.table.texts[one].strip()
    others = [i for i in range(len(texts)) if i != one and i not in found.dropped]
    assert [found.table.texts[i] for i in others] == [again.table.texts[i] for i in others]


# --- groups -----------------------------------------------------------------------------------------------------------
def test_effects_by_hand_and_by_scipy():
    """100 of N and 900 of S; 30 of N and 18 of S leave."""
    groups = Groups({"group_region": ["N"] * 100 + ["S"] * 900})
    touched = np.zeros(1000, bool)
    touched[:30] = touched[100:118] = True
    north, south = sorted(
        judged([groups.effects(np.ones(1000, bool), touched, leaves=True)])[0], key=lambda one: one.value
    )
    assert (north.n, north.n_touched, north.share, north.others) == (100, 30, 0.3, 0.02)
    assert (north.low, north.high) == tuple(map(float, wilson(30, 100)))
    assert north.share_before == 0.1 and north.share_after == pytest.approx(70 / 952)
    assert north.p == pytest.approx(1 - stats.hypergeom(1000, 100, 48).cdf(29))
    assert north.is_squeezed and not south.is_squeezed


def test_small_groups_make_no_alarm_unless_nothing_is_left():
    groups = Groups({"g": ["few"] * 10 + ["gone"] * 3 + ["many"] * 500})
    touched = np.zeros(513, bool)
    touched[:13] = True
    touched[:4] = False
    found = {one.value: one for one in judged([groups.effects(np.ones(513, bool), touched, leaves=True)])[0]}
    assert found["few"].is_small and not found["few"].is_squeezed
    assert found["gone"].is_squeezed


def test_edits_are_counted_but_not_tested():
    groups = Groups({"g": ["a", "b"] * 50, "constant": ["x"] * 100})
    touched = np.arange(100) % 2 == 0
    found = judged([groups.effects(np.ones(100, bool), touched, leaves=False)])[0]
    assert {one.attribute for one in found} == {"g"}
    assert all(np.isnan(one.q) and not one.is_squeezed and one.share_before == one.share_after for one in found)
