"""How files are read from the first look to the snapshot: in a process of its own, as chosen, refused without harm."""

from __future__ import annotations

import gzip
import io
import os

import pytest

from studio.corpus.formats import Choices
from studio.corpus.roles import Roles
from studio.errors import CorpusError
from studio.records import Actor
from studio.settings import Settings
from studio.workflows import corpora, corpora_hub, runs
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers

ADMIN = Actor("tester", "admin")
TABLE = "text,label\n" + "".join(f"订单 {i} 什么时候到,{'ab'[i % 2]}\n" for i in range(60))


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()
    kill_workers(workspace)


def _spool(studio, data: bytes, name: str = "x.csv"):
    return corpora.spool(studio, ADMIN, name=name, data=io.BytesIO(data))


def test_one_corpus_from_three_kinds_and_encodings(studio):
    lines = "".join(f'{{"text": "第 {i} 条消息", "label": "a"}}\n' for i in range(20))
    files = [
        _spool(studio, TABLE.encode("gb18030")),
        _spool(studio, gzip.compress(TABLE.replace("订单", "包裹").encode())),
        _spool(studio, lines.encode("utf-16"), "y.jsonl"),
    ]
    looks = [corpora.preview(studio, ADMIN, file=file) for file in files]
    assert [(seen.kind, seen.form.encoding, seen.form.packing) for seen in looks] == [
        ("csv", "gb18030", ""), ("csv", "utf-8", "gzip"), ("jsonl", "utf-16-le", ""),
    ]  # fmt: skip
    run_id = corpora.start_import(studio, ADMIN, files=files, roles=Roles("text", "label"))
    assert runs.wait(studio, run_id, 90).state == "done"
    found = corpora.outcome(studio, run_id)
    assert (found.n_examples, found.n_rejects, found.snapshot.language) == (140, 0, "zh")


def test_an_unsure_encoding_is_not_imported_before_a_person_says_so(studio):
    file = _spool(studio, "text,city\nJosé schreibt,Málaga\nZoë schreibt,Köln\n".encode("cp1252"))
    seen = corpora.preview(studio, ADMIN, file=file)
    assert (seen.form.encoding, seen.form.guess.is_sure) == ("cp1252", False)
    assert len(seen.form.guess.others) >= 1
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text"))
    assert runs.wait(studio, run_id, 60).state == "failed"
    assert "not certain" in str(runs.detail(studio, run_id).failure)
    chosen = corpora.GivenFile(file.path, file.name, file.n_bytes, Choices(encoding="cp1252"))
    run_id = corpora.start_import(studio, ADMIN, files=[chosen], roles=Roles("text"))
    assert runs.wait(studio, run_id, 60).state == "done"
    assert corpora.outcome(studio, run_id).n_examples == 2


def test_a_bomb_ends_its_own_process_only(studio):
    file = _spool(studio, gzip.compress(b"text\n" + b"0" * 100_000_000, compresslevel=1))
    with pytest.raises(CorpusError, match="far more than its size"):
        corpora.preview(studio, ADMIN, file=file)
    assert corpora.preview(studio, ADMIN, file=_spool(studio, TABLE.encode())).kind == "csv"


def test_bytes_that_do_not_fit_do_not_break_the_look(studio):
    file = _spool(studio, TABLE.encode() + b"bad \xff\xfe byte,a\n")
    seen = corpora.preview(studio, ADMIN, file=file)
    assert (seen.n_sample, seen.n_unreadable) == (61, 1)


def test_pipes_links_and_folders_are_no_files(studio, workspace, tmp_path):
    (tmp_path / "real.csv").write_text(TABLE)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "real.csv")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path):
        with pytest.raises(CorpusError):
            corpora.spool(studio, ADMIN, name="x", data=path)
    os.mkfifo(workspace.inbox / "pipe")
    (workspace.inbox / "link.csv").symlink_to(tmp_path / "real.csv")
    assert corpora.inbox(studio) == []
    with pytest.raises(CorpusError):
        corpora.preview(studio, ADMIN, file=corpora.GivenFile("inbox/link.csv", "x", 1))


def test_the_hub_is_refused_where_the_network_is_off(studio):
    with pytest.raises(CorpusError, match="not reached"):
        corpora_hub.fetch(studio, ADMIN, dataset_id="owner/name")
    run_id = runs.submit(studio, ADMIN, kind="hub", title="x",
                         params={"id": "owner/name", "split": "train", "most_rows": 5})  # fmt: skip
    assert runs.wait(studio, run_id, 60).state == "failed"
    assert "not reached" in str(runs.detail(studio, run_id).failure)
