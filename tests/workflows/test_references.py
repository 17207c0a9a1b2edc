"""Reference shares from files and from other snapshots."""

from __future__ import annotations

import io

import pytest

from studio.corpus.roles import Roles
from studio.errors import CorpusError
from studio.records import Actor
from studio.store import references as rows
from studio.workflows import corpora, references, runs
from studio.workflows.studio import open_studio

ADMIN = Actor("tester", "admin")


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("value,share\na,0.25\nb,0.75\n", {"a": 0.25, "b": 0.75}),
        ("a,1\nb,3\n", {"a": 0.25, "b": 0.75}),
        ("region;count\nN;10\nS;30\n", None),
        ("取值\t占比\n北\t25%\n南\t75%\n", {"北": 0.25, "南": 0.75}),
        ("name,x,count\na,?,1\nb,?,1\n", {"a": 0.5, "b": 0.5}),
        ('{"a": 1, "b": 3}', {"a": 0.25, "b": 0.75}),
        ('[{"value": "a", "share": 0.5}, {"value": "b", "share": 0.5}]', {"a": 0.5, "b": 0.5}),
        ('\ufeff"x, y",2\nz,2\n', {"x, y": 0.5, "z": 0.5}),
    ],
)  # fmt: skip
def test_shares_of_files(text, shares):
    if shares is None:
        with pytest.raises(CorpusError, match="lacks value or share"):
            references.shares_of_file(text.encode())
    else:
        assert references.shares_of_file(text.encode()) == pytest.approx(shares)


@pytest.mark.parametrize(
    "data",
    [b"", b"a\n", b"a,1\na,2\n", b"a,-1\n", b"a,0\n", b'{"a": "many"}', b"[1]", b'{"a": NaN}', b"\xff\xfe", b"{",
     b"a,1\nb,true\n", b" " * (references.MOST_BYTES + 1)],
)  # fmt: skip
def test_unusable_files_say_why(data):
    with pytest.raises(CorpusError) as caught:
        references.shares_of_file(data)
    assert caught.value.fix


@pytest.fixture
def studio(settings):
    opened = open_studio(settings)
    yield opened
    opened.close()


def _import(studio, regions: str, name: str) -> str:
    text = "text,label,region\n" + "".join(f"{name} {i},a,{region}\n" for i, region in enumerate(regions))
    file = corpora.spool(studio, ADMIN, name=f"{name}.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label", ("region",)), name=name)
    runs.wait(studio, run_id, 60)
    return corpora.outcome(studio, run_id).snapshot.snapshot_id


def test_another_snapshot_and_a_file_become_the_reference(studio):
    mine, other = _import(studio, "NNNS", "mine"), _import(studio, "NSSS", "other")
    from studio.store import snapshots

    found = references.snapshots_with(studio, snapshots.require(studio.store, mine), "region")
    assert [snapshot.snapshot_id for snapshot in found] == [other]
    references.set_from_snapshot(studio, ADMIN, snapshot_id=mine, group="region", other_id=other)
    assert rows.shares(studio.store, mine) == {"region": {"S": 0.75, "N": 0.25}}
    assert other in rows.decisions(studio.store, mine)["region"]["note"]
    references.set_from_file(studio, ADMIN, snapshot_id=mine, group="region", data=b"N,1\nS,1\n", name="census.csv")
    assert rows.shares(studio.store, mine) == {"region": {"N": 0.5, "S": 0.5}}
    with pytest.raises(CorpusError, match="no such group"):
        references.set_from_snapshot(studio, ADMIN, snapshot_id=mine, group="age", other_id=other)
