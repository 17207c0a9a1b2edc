"""Files into rows: two snapshots as one pool, topics by the nearest centre, files that do not belong together."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.diversity import material
from studio.diversity.material import Source
from studio.errors import MeasureError
from tests.diversity.rows_by_hand import unit


def source(place, ids, texts, vectors=None):
    place.mkdir()
    nothing = [None] * len(ids)
    table = {"example_id": pa.array(ids), "text": pa.array(texts), "language": pa.array(["en"] * len(ids))}
    for name in ("prompt", "messages", "source"):
        table[name] = pa.array(nothing, pa.string())
    pq.write_table(pa.table(table), place / "examples.parquet")
    if vectors is not None:
        np.save(place / "vectors.npy", unit(vectors))
    return Source(place / "examples.parquet", place if vectors is not None else None)


def test_rows_of_two_snapshots_come_in_the_order_of_the_pool(tmp_path):
    first = source(tmp_path / "a", [1, 2, 3], ["one", "two", "three"], [[1, 0], [0, 1], [1, 1]])
    second = source(tmp_path / "b", [7, 9], ["seven", "nine"], [[1, 0.1], [0.1, 1]])
    given = pd.DataFrame({"part": [0, 0, 1], "row": [0, 2, 1], "example_id": [1, 3, 9], "cluster": [0, 1, -1]})
    rows = material.read([first, second], given)
    assert list(rows.texts) == ["one", "three", "nine"]
    assert rows.vectors[np.arange(3)].tolist() == unit([[1, 0], [1, 1], [0.1, 1]]).tolist()
    assert rows.clusters.tolist() == [0, 1, 1]  # nine is nearer to three (cos 0.77) than to one (0.10)
    assert rows.families is None and rows.absent["families"] == "no_copies"
    found = material.read([first], given[:2], find_copies=lambda texts: np.zeros(len(texts), int))
    assert found.families.tolist() == [0, 0]


def test_topics_go_by_the_nearest_centre_of_the_known_rows():
    vectors = unit([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.9, 0.3], [0, 0, 0], [0.2, 1, 0]])
    known = np.array([True, True, True, True, True, False])
    placed = material.nearest_topic(vectors, np.array([0, 0, 3, 3, -1, -1]), known)
    assert placed.tolist() == [0, 0, 3, 3, -1, 3]
    assert (material.nearest_topic(vectors, np.full(6, -1), known) == -1).all()


def test_files_of_another_snapshot_are_refused(tmp_path):
    first = source(tmp_path / "a", [1, 2, 3], ["one", "two", "three"], [[1, 0], [0, 1]])
    given = pd.DataFrame({"part": [0, 0, 0], "row": [0, 1, 2], "example_id": [1, 2, 3]})
    with pytest.raises(MeasureError, match="The vectors do not belong"):
        material.read([first], given)
    with pytest.raises(MeasureError, match="The examples do not belong"):
        material.read([first], given.assign(example_id=[1, 2, 4]))
