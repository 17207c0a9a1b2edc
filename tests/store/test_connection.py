"""The store under threads, crashes, locks and damage, with real files and real processes."""

from __future__ import annotations

import subprocess
import sys
import threading

import duckdb
import pandas as pd
import pytest

from studio.errors import StoreError
from studio.settings import Workspace
from studio.store import audit_log, migrations
from studio.store.connection import Store
from tests.conftest import ROOT

_COUNT = "SELECT count(*) FROM split"


def _child(workspace: Workspace, body: str) -> subprocess.Popen:
    code = (
        "import sys\nfrom pathlib import Path\nfrom studio.settings import Workspace\n"
        "from studio.store.connection import Store\n"
        f"store = Store(Workspace(Path({str(workspace.root)!r})))\n" + body
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_second_process_is_told_which_process_holds_the_workspace(workspace):
    child = _child(workspace, "print('open', flush=True)\nsys.stdin.readline()\n")
    assert child.stdout.readline().strip() == "open"
    with pytest.raises(StoreError) as caught:
        Store(workspace)
    assert str(child.pid) in str(caught.value.got)
    assert "STUDIO_HOME" in caught.value.fix
    child.communicate("\n", timeout=30)
    Store(workspace).close()


def test_a_newer_schema_is_refused_and_left_as_it_was(workspace):
    store = Store(workspace)
    with store.write() as cursor:
        cursor.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(migrations.LATEST + 1)])
    store.close()
    with pytest.raises(StoreError, match="newer Winnow"):
        Store(workspace)
    with duckdb.connect(str(workspace.database)) as plain:
        assert plain.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == (
            str(migrations.LATEST + 1),
        )


def test_migrating_twice_changes_nothing(workspace):
    Store(workspace).close()
    store = Store(workspace)
    assert store.one("SELECT value FROM meta WHERE key = 'schema_version'") == (str(migrations.LATEST),)
    store.close()


def test_threads_never_read_another_threads_rows(store):
    """One connection shared by six threads gave wrong rows; a cursor per call must not."""
    store.insert(
        "split",
        pd.DataFrame(
            {"snapshot_id": [f"s{i % 6}" for i in range(600)], "example_id": range(600), "split": ["pool"] * 600}
        ),
    )
    wrong: list[object] = []

    def ask(name: str) -> None:
        for _ in range(60):
            got = store.rows("SELECT DISTINCT snapshot_id FROM split WHERE snapshot_id = ?", [name])
            if got != [(name,)]:
                wrong.append(got)

    threads = [threading.Thread(target=ask, args=(f"s{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_failed_write_leaves_nothing_and_the_next_one_works(store):
    with pytest.raises(ZeroDivisionError), store.write() as cursor:
        cursor.execute("INSERT INTO split VALUES ('s', 1, 'pool')")
        raise ZeroDivisionError
    assert store.one(_COUNT) == (0,)
    with store.write() as cursor:
        cursor.execute("INSERT INTO split VALUES ('s', 1, 'pool')")
    assert store.one(_COUNT) == (1,)


def test_a_nested_write_joins_the_outer_transaction(store, admin):
    with pytest.raises(ZeroDivisionError), store.write() as cursor:
        cursor.execute("INSERT INTO split VALUES ('s', 1, 'pool')")
        audit_log.add(store, admin, act="test.act", outcome="done", detail={})
        assert store.one("SELECT count(*) FROM audit_log") == (1,)
        raise ZeroDivisionError
    assert store.one("SELECT count(*) FROM audit_log") == (0,)


def test_committed_rows_survive_kill_9_and_uncommitted_ones_do_not(workspace):
    child = _child(
        workspace,
        """
for i in range(200):
    with store.write() as cursor:
        cursor.execute("INSERT INTO split VALUES ('s', ?, 'pool')", [i])
open_cursor = store._live().cursor()
open_cursor.execute("BEGIN")
open_cursor.execute("INSERT INTO split VALUES ('s', 999, 'pool')")
print('ready', flush=True)
sys.stdin.readline()
""",
    )
    assert child.stdout.readline().strip() == "ready"
    child.kill()
    child.wait(timeout=30)
    store = Store(workspace)
    assert store.rows("SELECT count(*), max(example_id) FROM split") == [(200, 199)]
    store.close()


@pytest.mark.parametrize(("damage", "kept"), [("head", 0), ("middle", 100)])
def test_a_damaged_log_is_set_aside_and_what_stood_before_the_damage_is_kept(workspace, damage, kept):
    """DuckDB drops a log with a broken head without a word, and refuses to open over a broken middle."""
    child = _child(
        workspace,
        """
for i in range(200):
    with store.write() as cursor:
        cursor.execute("INSERT INTO split VALUES ('s', ?, 'pool')", [i])
    if i == 99:
        import os
        print(os.path.getsize(str(store.workspace.database) + '.wal'), flush=True)
print('ready', flush=True)
sys.stdin.readline()
""",
    )
    half = int(child.stdout.readline())
    assert child.stdout.readline().strip() == "ready"
    child.kill()
    child.wait(timeout=30)
    wal = workspace.database.with_name("studio.duckdb.wal")
    damaged = bytearray(wal.read_bytes())
    place = 0 if damage == "head" else half + 30
    damaged[place] ^= 0xFF
    wal.write_bytes(bytes(damaged))
    store = Store(workspace)
    aside = list(workspace.root.glob("studio.duckdb.wal.corrupt-*"))
    assert len(aside) == 1
    assert aside[0].read_bytes() == bytes(damaged)
    assert store.notices == [("store.wal_set_aside", {"file": aside[0].name})]
    assert store.one(_COUNT) == (kept,)
    with store.write() as cursor:
        cursor.execute("INSERT INTO split VALUES ('s', 1000, 'pool')")
    store.close()
    again = Store(workspace)
    assert again.notices == []
    assert again.one(_COUNT) == (kept + 1,)
    again.close()


def test_a_file_that_is_no_database_is_said_so_and_kept(workspace):
    workspace.database.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StoreError, match="cannot be read"):
        Store(workspace)
    assert workspace.database.read_bytes() == b"not a database at all" * 1000


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/winnow-escape.csv'",
        "ATTACH '/tmp/winnow-other.duckdb'",
        "INSTALL fts",
        "SET allowed_directories = ['/']",
        "SET enable_external_access = true",
        "SELECT * FROM glob('/etc/*')",
    ],
)
def test_sql_reaches_nothing_outside_the_workspace(store, sql):
    with pytest.raises(duckdb.Error):
        store.rows(sql)


def test_a_python_variable_is_never_a_table(store):
    secret = pd.DataFrame({"a": [1]})
    assert len(secret) == 1
    with pytest.raises(duckdb.CatalogException):
        store.rows("SELECT * FROM secret")


def test_parquet_inside_the_workspace_is_read(store, workspace):
    file = workspace.snapshots / "x.parquet"
    pd.DataFrame({"a": [1, 2, 3]}).to_parquet(file)
    assert store.rows("SELECT sum(a) FROM read_parquet(?)", [str(file)]) == [(6,)]


def test_closing_twice_is_fine_and_use_after_is_a_clear_error(workspace):
    store = Store(workspace)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.rows("SELECT 1")
