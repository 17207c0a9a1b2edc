"""Examples by conditions: right rows in the right order, labels of the pool hidden, no SQL from a value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.corpus import schema
from studio.errors import CorpusError, StoreError
from studio.records import Condition as C
from studio.store import corpora, examples, snapshots, splits
from studio.store.connection import Store

TEXTS = ("Hello World", "hello there", "你好，世界", "100% sure_thing", "plain", "it's; DROP TABLE split; --")


@pytest.fixture
def loaded(store: Store) -> tuple[Store, str]:
    """60 rows: id 10 + 2i, text cycling, label a or b, group age x, y or missing; every fifth row is in validation."""
    rows = [
        {"example_id": 10 + 2 * i, "text": f"{TEXTS[i % 6]} {i}", "label": "ab"[i % 2] if i % 7 else None,
         "group_age": ("x", "y", None)[i % 3], "split": "dev",
         "meta": {"i": i, 'a "b".c': f"w{i % 4}", "deep": {"i": i}}}
        for i in range(60)
    ]  # fmt: skip
    manifest = schema.write_snapshot(rows, store.workspace.snapshots, groups=["age"])
    corpora.add(store, corpus_id="c", name="c", language="en", task="classification", by="t")
    snapshots.add(store, manifest, corpus_id="c", name="c", by="t")
    ids = np.arange(10, 130, 2)
    names = np.array(["validation" if i % 5 == 0 else "pool" for i in range(60)], dtype=object)
    splits.decide(store, manifest["snapshot_id"], ids=ids, names=names, method="random", seed=0, shares={}, by="t")
    return store, manifest["snapshot_id"]


def _label(i: int) -> str | None:
    return "ab"[i % 2] if i % 7 else None


def test_rows_come_in_ascending_id_with_limit_and_offset(loaded):
    frame = examples.frame(*loaded, ("example_id", "text"), limit=3, offset=4)
    assert frame["example_id"].tolist() == [18, 20, 22]
    assert frame["text"].tolist() == ["plain 4", f"{TEXTS[5]} 5", "Hello World 6"]
    assert examples.frame(*loaded, limit=0).empty
    assert list(examples.frame(*loaded, limit=1).columns) == list(schema.column_names(["age"]))


def test_corpus_labels_of_the_pool_are_hidden_unless_revealed(loaded):
    frame = examples.frame(*loaded, ("label", "split_now"))
    shown = [value if isinstance(value, str) else None for value in frame["label"]]
    assert shown == [_label(i) if i % 5 == 0 else None for i in range(60)]
    assert examples.count(*loaded, [C("label", "eq", "a")]) == sum(_label(i) == "a" for i in range(0, 60, 5))
    assert examples.count(*loaded, [C("label", "eq", "a")], reveal=True) == sum(_label(i) == "a" for i in range(60))
    assert examples.count(*loaded, [C("label_now", "eq", "a")]) == sum(_label(i) == "a" for i in range(0, 60, 5))


def test_one_of_several_labels_is_asked_for_by_name_and_hidden_in_the_pool(store):
    own = ['["a","b"]', '["ab"]', "[]", None, '["a \\"b\\""]', '["b"]']
    rows = [{"example_id": i, "text": f"t{i}", "labels": own[i % 6]} for i in range(12)]
    manifest = schema.write_snapshot(rows, store.workspace.snapshots)
    corpora.add(store, corpus_id="c", name="c", language="en", task="classification_multi", by="t")
    snapshots.add(store, manifest, corpus_id="c", name="c", by="t")
    ids, names = np.arange(6), np.array(["train"] * 6, dtype=object)
    given = {"method": "random", "seed": 0, "shares": {}, "by": "t"}
    splits.decide(store, manifest["snapshot_id"], ids=ids, names=names, **given)
    asked = (store, manifest["snapshot_id"])
    assert examples.ids(*asked, [C("labels", "has", "b")]).tolist() == [0, 5]
    assert examples.ids(*asked, [C("labels", "has", "b")], reveal=True).tolist() == [0, 5, 6, 11]
    assert examples.ids(*asked, [C("labels", "has", 'a "b"')]).tolist() == [4]
    assert examples.ids(*asked, [C("labels", "has", ["b", 'a "b"'])]).tolist() == [0, 4, 5]
    assert examples.ids(*asked, [C("labels", "has", [])]).tolist() == []
    assert examples.ids(*asked, [C("labels", "has", "%"), C("labels", "has", "")]).tolist() == []
    shown = examples.frame(*asked, ("labels",))["labels"]
    assert [value if isinstance(value, str) else None for value in shown] == own + [None] * 6
    with pytest.raises(CorpusError, match="no such comparison"):
        examples.ids(*asked, [C("text", "has", "t1")])


@pytest.mark.parametrize(
    ("condition", "keeps"),
    [
        (C("example_id", "eq", "20"), lambda i: i == 5),
        (C("example_id", "in", [10, "12", 13]), lambda i: i in (0, 1)),
        (C("example_id", "ge", 120), lambda i: i >= 55),
        (C("example_id", "lt", 14), lambda i: i < 2),
        (C("group_age", "eq", "x"), lambda i: i % 3 == 0),
        (C("group_age", "ne", "x"), lambda i: i % 3 != 0),
        (C("group_age", "eq", None), lambda i: i % 3 == 2),
        (C("group_age", "ne", None), lambda i: i % 3 != 2),
        (C("group_age", "isnull"), lambda i: i % 3 == 2),
        (C("group_age", "notnull"), lambda i: i % 3 != 2),
        (C("group_age", "in", ["y", None]), lambda i: i % 3 != 0),
        (C("group_age", "in", []), lambda i: False),
        (C("text", "contains", "HELLO"), lambda i: i % 6 in (0, 1)),
        (C("text", "contains", "世界"), lambda i: i % 6 == 2),
        (C("text", "contains", "%"), lambda i: i % 6 == 3),
        (C("text", "contains", "e_t"), lambda i: i % 6 == 3),
        (C("text", "contains", "'; DROP"), lambda i: False),
        (C("text", "contains", "; drop table split; --"), lambda i: i % 6 == 5),
        (C("split_now", "eq", "validation"), lambda i: i % 5 == 0),
        (C("split", "eq", "dev"), lambda i: True),
        (C("meta", "contains", '"i":59'), lambda i: i == 59),
    ],
)
def test_conditions(loaded, condition, keeps):
    expected = [10 + 2 * i for i in range(60) if keeps(i)]
    assert examples.ids(*loaded, [condition]).tolist() == expected
    assert examples.count(*loaded, [condition]) == len(expected)


def test_columns_without_a_role_are_shown_and_filtered_by_name(loaded):
    store, snapshot_id = loaded
    odd = 'meta.a "b".c'
    found = examples.frame(store, snapshot_id, ("example_id", odd), [C(odd, "eq", "w1"), C("meta.i", "in", ["1", "5"])])
    assert found.to_dict("list") == {"example_id": [12, 20], odd: ["w1", "w1"]}
    assert examples.frame(store, snapshot_id, ["meta.deep"], limit=1)["meta.deep"].tolist() == ['{"i":0}']
    for column in ("meta.deep.i", "meta.$.i", "meta.", "meta.nobody"):
        with pytest.raises(CorpusError, match="no such column"):
            examples.ids(store, snapshot_id, [C(column, "notnull")])


def test_clauses_are_joined_by_and(loaded):
    clauses = [C("group_age", "eq", "x"), C("split_now", "eq", "pool"), C("example_id", "le", 50)]
    assert examples.ids(*loaded, clauses).tolist() == [10 + 2 * i for i in range(21) if i % 3 == 0 and i % 5]


def test_by_ids_keeps_the_given_order_and_passes_over_strangers(loaded):
    frame = examples.by_ids(*loaded, [50, 10, 999, 11, 12], ("example_id", "text", "label_now", "split_now"))
    assert frame["example_id"].tolist() == [50, 10, 12]
    assert frame["split_now"].tolist() == ["validation", "validation", "pool"]
    assert examples.by_ids(*loaded, [], ("text",)).empty


def test_clusters_need_a_map(loaded):
    store, snapshot_id = loaded
    with store.write() as cursor:
        cursor.execute("INSERT INTO map_point SELECT 'm', unnest([10, 12, 14]), 0, 0, unnest([3, -1, 3])")
    assert examples.ids(*loaded, [C("cluster", "eq", 3)], map_id="m").tolist() == [10, 14]
    assert examples.count(*loaded, [C("cluster", "isnull")], map_id="m") == 57
    assert "cluster" in examples.columns(*loaded, map_id="m")
    with pytest.raises(CorpusError, match="no such column"):
        examples.count(*loaded, [C("cluster", "eq", 3)])


@pytest.mark.parametrize(
    "condition",
    [C("nope", "eq", 1), C('text" = text --', "eq", 1), C("text", "like", "%"), C("example_id", "eq", "1; DROP"),
     C("example_id", "gt", 2**70), C("text", "eq", ["a"]), C("text", "in", "a"), C("text", "eq", "half \ud83d"),
     C("text", "lt", {"a": 1}), C(None, "eq", 1)],
    ids=repr,
)  # fmt: skip
def test_what_no_column_can_be_compared_with_is_refused(loaded, condition):
    with pytest.raises(CorpusError) as caught:
        examples.count(*loaded, [condition])
    assert caught.value.fix


def test_limits_below_zero_and_unknown_snapshots_are_refused(loaded):
    with pytest.raises(CorpusError, match="limit"):
        examples.frame(*loaded, limit=-1)
    with pytest.raises(CorpusError, match="offset"):
        examples.frame(*loaded, offset=-5)
    with pytest.raises(CorpusError, match="not known"):
        examples.count(loaded[0], "'; DROP TABLE snapshot; --")
    with pytest.raises(CorpusError, match="not one of this snapshot"):
        examples.of_selection(*loaded, "nope")


def test_a_missing_file_is_said(loaded):
    store, snapshot_id = loaded
    store.workspace.examples_file(snapshot_id).unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        examples.count(*loaded)


_SQL = st.sampled_from(
    ["'", '"', "; DROP TABLE split; --", "' OR '1'='1", "1 UNION SELECT * FROM snapshot", "$p0", "?", "%", "_", "\\",
     "read_blob('/etc/passwd')", "\0", "e.\"text\"", "/*", "NULL"]
)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    column=st.one_of(
        st.sampled_from(["text", "group_age", "example_id", "label", "split_now", "meta.i", "meta.$.i"]),
        _SQL,
        _SQL.map("meta.{}".format),
    ),
    op=st.one_of(st.sampled_from(examples.OPERATORS), _SQL),
    value=st.one_of(_SQL, st.text(max_size=5), st.none(), st.integers(), st.lists(_SQL, max_size=3)),
)
def test_sql_in_a_condition_is_a_value_or_an_error_never_code(loaded, column, op, value):
    store, snapshot_id = loaded
    try:
        found = examples.ids(store, snapshot_id, [C(column, op, value)])
    except CorpusError:
        found = np.array([])
    assert len(found) <= 60
    assert store.one("SELECT count(*) FROM split") == (60,)
    assert store.one("SELECT count(*) FROM snapshot") == (1,)
    if op == "contains" and column == "text" and isinstance(value, str):
        expected = [i for i in range(60) if value.lower() in f"{TEXTS[i % 6]} {i}".lower()]
        assert found.tolist() == [10 + 2 * i for i in expected]
