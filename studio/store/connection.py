"""One DuckDB connection per process: a cursor per read, one write lock, settings locked down."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from studio.errors import StoreError
from studio.settings import Workspace
from studio.store import migrations

log = logging.getLogger(__name__)
Parameters = Sequence[Any] | Mapping[str, Any] | None


class Store:
    """The workspace database of this process.

    Every read takes its own cursor, because a connection shared by threads answers with another thread's rows; every
    write runs inside one transaction under one process-wide lock. A write may call functions that write: they join
    the outer transaction.

    Args:
        workspace: where studio.duckdb lies; the folders must exist.
        memory: DuckDB memory limit, such as "25%" or "2GB".

    Raises:
        StoreError: another process holds the file, it is from a newer Winnow, or it is damaged beyond its log.
    """

    def __init__(self, workspace: Workspace, *, memory: str = "25%") -> None:
        self.workspace = workspace
        self.notices: list[tuple[str, dict[str, str]]] = []
        self._memory = memory
        self._lock = threading.RLock()
        self._local = threading.local()
        self._gate = threading.Condition()  # closed while the file is written anew: a cursor must not outlive its file
        self._n_open, self._is_shut = 0, False
        self._names = iter(range(1, 2**62))
        self._connection: duckdb.DuckDBPyConnection | None = self._open()
        try:
            migrations.migrate(self._connection)
        except Exception:
            self._connection.close()
            raise

    # --- opening ------------------------------------------------------------------------------------------------------
    def _open(self) -> duckdb.DuckDBPyConnection:
        path = self.workspace.database
        wal = path.with_name(path.name + ".wal")
        if wal.exists() and wal.stat().st_size and not _starts_like_a_wal(wal):
            # DuckDB takes such a log for an empty one and would drop it without a word.
            self._set_aside(wal, why="unreadable head")
        try:
            return self._connect(path)
        except duckdb.Error as error:
            holder = re.search(r"PID (\d+)", str(error))
            if holder or "could not set lock" in str(error).lower():
                raise StoreError(
                    "The workspace is already open in another process",
                    got=f"process {holder.group(1)}" if holder else str(path),
                    fix="Use that one, stop it, or choose another workspace with STUDIO_HOME.",
                ) from error
            return self._open_with_mended_wal(path, wal, error)

    def _open_with_mended_wal(self, path: Path, wal: Path, error: duckdb.Error) -> duckdb.DuckDBPyConnection:
        """Keep the part of a damaged write-ahead log before the damage; the whole of it is set aside, never deleted."""
        if wal.exists():
            position = re.search(r"Corrupt WAL file: entry at byte position (\d+)", str(error))
            attempts = [int(position.group(1)), 0] if position else [0]
            original = self._set_aside(wal, why=str(error)[:200])
            for keep in attempts:
                wal.write_bytes(original.read_bytes()[:keep])
                try:
                    return self._connect(path)
                except duckdb.Error as second:
                    error = second
        raise StoreError(
            "The workspace database cannot be read",
            got=f"{path.name}: {str(error)[:150]}",
            fix="Restore it from backups/, or move it away and start again; snapshots, runs and the annotation journal "
            "are kept as files.",
        ) from error

    def _set_aside(self, wal: Path, *, why: str) -> Path:
        aside = wal.with_name(f"{wal.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        wal.rename(aside)
        log.warning("wal set aside file=%s error=%s", aside.name, why)
        self.notices.append(("store.wal_set_aside", {"file": aside.name}))
        return aside

    def _connect(self, path: Path) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(path))
        try:
            # The root is resolved: DuckDB compares real paths, and a workspace may be reached through a link.
            root = str(self.workspace.root.resolve())
            temporary = str(self.workspace.root.resolve() / ".tmp")
            memory = self._memory
            if memory.endswith("%"):
                memory = f"{max(256, int(_total_memory_mib() * float(memory[:-1]) / 100))}MiB"
            for statement in (
                f"SET memory_limit = '{memory}'",
                f"SET temp_directory = {_quoted(temporary)}",
                "SET autoinstall_known_extensions = false",
                "SET autoload_known_extensions = false",
                "SET allow_community_extensions = false",
                "SET python_enable_replacements = false",
                "SET preserve_insertion_order = true",
                "SET TimeZone = 'UTC'",
                f"SET allowed_directories = [{_quoted(root)}]",
                "SET enable_external_access = false",
                "SET lock_configuration = true",
            ):
                connection.execute(statement)
        except duckdb.Error:
            connection.close()
            raise
        return connection

    # --- reading and writing ------------------------------------------------------------------------------------------
    def _live(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreError("The workspace database is closed", fix="Start Winnow again.")
        return self._connection

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one query; inside `write` of the same thread it is the writing cursor."""
        current = getattr(self._local, "cursor", None)
        if current is not None:
            yield current
            return
        with self._through_the_gate():
            cursor = self._live().cursor()
            try:
                yield cursor
            except duckdb.FatalException:
                self._revive()
                raise
            finally:
                cursor.close()

    @contextmanager
    def _through_the_gate(self) -> Iterator[None]:
        """Count a cursor of this thread; a thread that holds one already is never kept waiting for another."""
        depth = getattr(self._local, "depth", 0)
        with self._gate:
            while self._is_shut and depth == 0:
                self._gate.wait()
            self._n_open += 1
        self._local.depth = depth + 1
        try:
            yield
        finally:
            self._local.depth = depth
            with self._gate:
                self._n_open -= 1
                self._gate.notify_all()

    def read(self, sql: str, parameters: Parameters = None) -> pd.DataFrame:
        """The rows of one query as a frame."""
        with self.cursor() as cursor:
            return cursor.execute(sql, parameters).df()

    def rows(self, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """The rows of one query as tuples."""
        with self.cursor() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Parameters = None) -> tuple[Any, ...] | None:
        """The first row of one query, or None."""
        with self.cursor() as cursor:
            return cursor.execute(sql, parameters).fetchone()

    def arrow(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """The rows of one query as an Arrow table."""
        with self.cursor() as cursor:
            return cursor.execute(sql, parameters).to_arrow_table()

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction under the write lock: committed at the end, rolled back on any error.

        Raises:
            StoreError: the disk is full or the file cannot be written.
        """
        with self._lock:
            outer = getattr(self._local, "cursor", None)
            if outer is not None:
                yield outer
                return
            with self._through_the_gate():
                yield from self._transaction()

    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._live().cursor()
        self._local.cursor = cursor
        try:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
        except BaseException as error:
            self._rollback(cursor)
            if isinstance(error, duckdb.FatalException):
                self._revive()
            if isinstance(error, duckdb.IOException | duckdb.FatalException):
                raise StoreError(
                    "The workspace database cannot be written",
                    got=str(error)[:150],
                    fix="Free some disk space and try again; nothing was half saved.",
                ) from error
            raise
        finally:
            self._local.cursor = None
            cursor.close()

    @staticmethod
    def _rollback(cursor: duckdb.DuckDBPyConnection) -> None:
        try:
            cursor.execute("ROLLBACK")
        except duckdb.Error as error:
            log.warning("rollback refused error=%s", str(error)[:200])

    def insert(self, table: str, frame: pd.DataFrame | pa.Table) -> int:
        """Append many rows at once, columns matched by name; returns how many.

        Args:
            table: a table of the schema (never a user's word).
            frame: a pandas frame or an Arrow table whose columns all exist in the table.
        """
        data = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
        if data.num_rows == 0:
            return 0
        name = f"batch_{next(self._names)}"
        columns = ", ".join(f'"{column}"' for column in data.column_names)
        with self.write() as cursor:
            cursor.register(name, data)
            try:
                cursor.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM {name}')
            finally:
                cursor.unregister(name)
        return data.num_rows

    @contextmanager
    def table(self, data: pd.DataFrame | pa.Table) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A cursor and the name of a temporary view over `data`, for joins with many ids."""
        arrow = data if isinstance(data, pa.Table) else pa.Table.from_pandas(data, preserve_index=False)
        name = f"given_{next(self._names)}"
        with self.cursor() as cursor:
            cursor.register(name, arrow)
            try:
                yield cursor, name
            finally:
                cursor.unregister(name)

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file; called after migrations and imports."""
        with self._lock, self.cursor() as cursor:
            try:
                cursor.execute("CHECKPOINT")
            except duckdb.TransactionException as error:
                # Another cursor reads just now; the log is folded by the next checkpoint.
                log.info("checkpoint put off error=%s", str(error)[:120])

    def compact(self, wait_s: float = 30.0) -> int:
        """Write the database file anew without the free pages that still hold deleted rows; returns its bytes.

        Every table goes into a new file, which then takes the old one's place in one step. Reads of other threads wait
        for the length of it.

        Raises:
            StoreError: other reads did not end in time, or the disk is full; the old file is still in force.
        """
        path, fresh = self.workspace.database, self.workspace.root / ".studio.new.duckdb"
        with self._lock:
            with self._gate:
                self._is_shut = True
            try:
                with self._gate:
                    if not self._gate.wait_for(lambda: self._n_open == 0, wait_s):
                        raise StoreError("The database is in use and cannot be written anew just now",
                                         got=f"{self._n_open} reads", fix="Try again in a moment.")  # fmt: skip
                self._copy_to(fresh)
                self._live().close()
                self._connection = None
                path.with_name(path.name + ".wal").unlink(missing_ok=True)  # folded in by the checkpoint of `_copy_to`
                os.replace(fresh, path)
                self._connection = self._open()
            finally:
                if self._connection is None:
                    self._connection = self._open()
                for left in (fresh, fresh.with_name(fresh.name + ".wal")):
                    left.unlink(missing_ok=True)
                with self._gate:
                    self._is_shut = False
                    self._gate.notify_all()
        return path.stat().st_size

    def _copy_to(self, fresh: Path) -> None:
        for left in (fresh, fresh.with_name(fresh.name + ".wal")):
            left.unlink(missing_ok=True)
        cursor = self._live().cursor()
        try:
            cursor.execute("FORCE CHECKPOINT")
            (here,) = cursor.execute("SELECT current_database()").fetchone() or ("",)
            cursor.execute(f"ATTACH {_quoted(str(fresh.resolve()))} AS fresh_copy")
            try:
                cursor.execute(f'COPY FROM DATABASE "{here}" TO fresh_copy')
                cursor.execute("CHECKPOINT fresh_copy")
            finally:
                cursor.execute("DETACH fresh_copy")
        except duckdb.Error as error:
            raise StoreError("The database cannot be written anew", got=str(error)[:150],
                             fix="Free as much disk space as the database takes and try again.") from error  # fmt: skip
        finally:
            cursor.close()
        with fresh.open("rb") as handle:
            os.fsync(handle.fileno())

    def _revive(self) -> None:
        """After a fatal error DuckDB refuses every query of the process: close and open once more."""
        with self._lock:
            log.error("database invalidated, reopening")
            try:
                self._live().close()
            except duckdb.Error as error:
                log.warning("close refused error=%s", str(error)[:120])
            self._connection = self._open()
            self.notices.append(("store.reopened", {}))

    def close(self) -> None:
        """Checkpoint and close; safe to call twice."""
        with self._lock:
            if self._connection is None:
                return
            self.checkpoint()
            self._connection.close()
            self._connection = None


def _starts_like_a_wal(wal: Path) -> bool:
    # Field 100 (the entry's type) holding 98 (WAL_VERSION): how every log of the pinned DuckDB begins.
    with wal.open("rb") as handle:
        return handle.read(3) == b"d\x00b"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _total_memory_mib() -> int:
    import psutil  # imported here: half the callers never open a store

    return int(psutil.virtual_memory().total / 2**20)
