"""The schema, as ordered migrations; a file of a newer schema is refused.

No secondary indexes and no foreign keys: DuckDB 1.5 had index defects that invalidate the whole instance, and tables
with foreign keys can neither be altered nor have list columns updated.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from studio.errors import StoreError

_SCHEMA_1: tuple[str, ...] = (
    """CREATE TABLE corpus (
        corpus_id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, language VARCHAR NOT NULL, task VARCHAR NOT NULL,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL, next_example_id BIGINT NOT NULL,
        guidelines VARCHAR, extra_labels VARCHAR[], origin VARCHAR)""",
    """CREATE TABLE snapshot (
        snapshot_id VARCHAR PRIMARY KEY, corpus_id VARCHAR NOT NULL, name VARCHAR NOT NULL, language VARCHAR NOT NULL,
        task VARCHAR NOT NULL, n_examples BIGINT NOT NULL, n_rejects BIGINT NOT NULL, "groups" VARCHAR[] NOT NULL,
        label_names VARCHAR[] NOT NULL, columns VARCHAR[] NOT NULL, manifest VARCHAR NOT NULL, parent_id VARCHAR,
        run_id VARCHAR, created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    """CREATE TABLE split_decision (
        snapshot_id VARCHAR NOT NULL, method VARCHAR NOT NULL, seed BIGINT NOT NULL, shares VARCHAR NOT NULL,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    "CREATE TABLE split (snapshot_id VARCHAR NOT NULL, example_id BIGINT NOT NULL, split VARCHAR NOT NULL)",
    """CREATE TABLE reference (
        snapshot_id VARCHAR NOT NULL, group_name VARCHAR NOT NULL, shares VARCHAR NOT NULL, note VARCHAR,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    """CREATE TABLE run (
        run_id VARCHAR PRIMARY KEY, kind VARCHAR NOT NULL, title VARCHAR NOT NULL, state VARCHAR NOT NULL,
        reason VARCHAR, corpus_id VARCHAR, snapshot_id VARCHAR, ticket BIGINT, created_at TIMESTAMPTZ,
        created_by VARCHAR, finished_at TIMESTAMPTZ, attempts INTEGER, spec VARCHAR NOT NULL, result VARCHAR)""",
    """CREATE TABLE metric (
        run_id VARCHAR NOT NULL, attempt INTEGER NOT NULL, step BIGINT NOT NULL, name VARCHAR NOT NULL,
        value DOUBLE, logged_at DOUBLE)""",
    """CREATE TABLE vector_set (
        snapshot_id VARCHAR NOT NULL, encoder VARCHAR NOT NULL, version VARCHAR NOT NULL, dim INTEGER NOT NULL,
        n BIGINT NOT NULL, k INTEGER, path VARCHAR NOT NULL, unknown_share DOUBLE, content_hash VARCHAR,
        run_id VARCHAR, created_at TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE map (
        map_id VARCHAR PRIMARY KEY, snapshot_id VARCHAR NOT NULL, encoder_key VARCHAR NOT NULL, params VARCHAR NOT NULL,
        seed BIGINT NOT NULL, trustworthiness DOUBLE, neighbour_overlap DOUBLE, n_quality BIGINT,
        cluster_method VARCHAR,
        stability DOUBLE, noise_share DOUBLE, run_id VARCHAR, created_at TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE map_point (
        map_id VARCHAR NOT NULL, example_id BIGINT NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL,
        cluster INTEGER NOT NULL)""",
    """CREATE TABLE cluster (
        map_id VARCHAR NOT NULL, cluster INTEGER NOT NULL, size BIGINT NOT NULL, keywords VARCHAR[] NOT NULL,
        name VARCHAR NOT NULL)""",
    """CREATE TABLE slice (
        slice_id VARCHAR PRIMARY KEY, snapshot_id VARCHAR NOT NULL, name VARCHAR NOT NULL, definition VARCHAR NOT NULL,
        example_ids BIGINT[] NOT NULL, created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    """CREATE TABLE finding (
        snapshot_id VARCHAR NOT NULL, audit VARCHAR NOT NULL, version INTEGER NOT NULL, context_hash VARCHAR NOT NULL,
        result VARCHAR NOT NULL, created_at TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE score_set (
        snapshot_id VARCHAR NOT NULL, measure VARCHAR NOT NULL, version INTEGER NOT NULL, context_hash VARCHAR NOT NULL,
        context VARCHAR NOT NULL, n BIGINT NOT NULL, n_undefined BIGINT NOT NULL, run_id VARCHAR,
        created_at TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE score (
        snapshot_id VARCHAR NOT NULL, measure VARCHAR NOT NULL, version INTEGER NOT NULL, context_hash VARCHAR NOT NULL,
        example_id BIGINT NOT NULL, raw DOUBLE, unit_value FLOAT)""",
    """CREATE TABLE selection (
        selection_id VARCHAR PRIMARY KEY, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        strategy VARCHAR NOT NULL, arm VARCHAR NOT NULL, budget BIGINT NOT NULL, n BIGINT NOT NULL,
        seed BIGINT NOT NULL,
        recipe VARCHAR NOT NULL, recipe_hash VARCHAR NOT NULL, ids_hash VARCHAR NOT NULL, round_id VARCHAR,
        loop_id VARCHAR, created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    """CREATE TABLE selection_example (
        selection_id VARCHAR NOT NULL, rank BIGINT NOT NULL, example_id BIGINT NOT NULL, score DOUBLE,
        reason VARCHAR NOT NULL)""",
    "CREATE SEQUENCE annotation_seq START 1",
    """CREATE TABLE annotation (
        event_id VARCHAR PRIMARY KEY, seq BIGINT NOT NULL, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL,
        example_id BIGINT NOT NULL, row_hash VARCHAR NOT NULL, event VARCHAR NOT NULL, payload VARCHAR NOT NULL,
        supersedes VARCHAR, split VARCHAR, selection_id VARCHAR, suggestion VARCHAR, simulated BOOLEAN NOT NULL,
        duration_ms BIGINT, actor VARCHAR NOT NULL, role VARCHAR NOT NULL, created_at TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE round (
        round_id VARCHAR PRIMARY KEY, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL, number INTEGER NOT NULL,
        name VARCHAR NOT NULL, arm VARCHAR NOT NULL, run_id VARCHAR NOT NULL, loop_id VARCHAR, plan VARCHAR NOT NULL,
        n_train BIGINT NOT NULL, n_validation BIGINT NOT NULL, accuracy DOUBLE, macro_f1 DOUBLE,
        report VARCHAR NOT NULL,
        path VARCHAR NOT NULL, test_openings INTEGER NOT NULL, created_at TIMESTAMPTZ NOT NULL,
        created_by VARCHAR NOT NULL)""",
    """CREATE TABLE "loop" (
        loop_id VARCHAR PRIMARY KEY, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL, name VARCHAR NOT NULL,
        config VARCHAR NOT NULL, state VARCHAR NOT NULL, detail VARCHAR NOT NULL, stop_reason VARCHAR,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL, updated_at TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE audit_log (
        entry_id VARCHAR PRIMARY KEY, done_at TIMESTAMPTZ NOT NULL, actor VARCHAR NOT NULL, role VARCHAR NOT NULL,
        verified BOOLEAN NOT NULL, act VARCHAR NOT NULL, outcome VARCHAR NOT NULL, detail VARCHAR NOT NULL)""",
)

_SCHEMA_2: tuple[str, ...] = (
    """CREATE TABLE recipe (
        recipe_id VARCHAR PRIMARY KEY, kind VARCHAR NOT NULL, name VARCHAR NOT NULL, body VARCHAR NOT NULL,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    """CREATE TABLE card (
        snapshot_id VARCHAR NOT NULL, body VARCHAR NOT NULL, created_at TIMESTAMPTZ NOT NULL,
        created_by VARCHAR NOT NULL)""",
)

_SCHEMA_3: tuple[str, ...] = (
    "ALTER TABLE split_decision ADD COLUMN decision_id VARCHAR",
    "ALTER TABLE split_decision ADD COLUMN plan VARCHAR",
    "ALTER TABLE split_decision ADD COLUMN assignment BLOB",
)

# Removals give a snapshot another content and so another name: links to the old one lead to its successor.
_SNAPSHOT_SUCCESSORS: tuple[str, ...] = (
    """CREATE TABLE snapshot_successor (
        old_id VARCHAR NOT NULL, new_id VARCHAR, purge_id VARCHAR NOT NULL, made_at TIMESTAMPTZ NOT NULL)""",
)

# What people call clusters and slices, which clusters they merged, which slices they put away: append-only.
_NAMED_PARTS: tuple[str, ...] = (
    """CREATE TABLE cluster_decision (
        decision_id VARCHAR NOT NULL, map_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL, number BIGINT NOT NULL,
        kind VARCHAR NOT NULL, clusters INTEGER[] NOT NULL, target INTEGER, name VARCHAR, undoes VARCHAR,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
    """CREATE TABLE slice_decision (
        slice_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL, number BIGINT NOT NULL, kind VARCHAR NOT NULL,
        name VARCHAR, created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL)""",
)

# The identity terms a corpus is read with: lists, struck terms, struck hits; append-only.
_LEXICONS: tuple[str, ...] = (
    """CREATE TABLE lexicon_decision (
        decision_id VARCHAR NOT NULL, corpus_id VARCHAR NOT NULL, language VARCHAR NOT NULL, number BIGINT NOT NULL,
        kind VARCHAR NOT NULL, body VARCHAR NOT NULL, note VARCHAR NOT NULL, created_at TIMESTAMPTZ NOT NULL,
        created_by VARCHAR NOT NULL)""",
)

# Selections put up for review, what people said of them and what they decided; append-only.
_PROPOSALS: tuple[str, ...] = (
    """CREATE TABLE proposal (
        proposal_id VARCHAR PRIMARY KEY, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL,
        selection_id VARCHAR NOT NULL, previous_id VARCHAR, name VARCHAR NOT NULL, purpose VARCHAR NOT NULL,
        known_limits VARCHAR NOT NULL, content VARCHAR NOT NULL, content_hash VARCHAR NOT NULL,
        created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL, role VARCHAR NOT NULL,
        verified BOOLEAN NOT NULL)""",
    """CREATE TABLE proposal_comment (
        comment_id VARCHAR PRIMARY KEY, proposal_id VARCHAR NOT NULL, corpus_id VARCHAR NOT NULL,
        snapshot_id VARCHAR NOT NULL, example_id BIGINT, body VARCHAR NOT NULL, created_at TIMESTAMPTZ NOT NULL,
        created_by VARCHAR NOT NULL, role VARCHAR NOT NULL, verified BOOLEAN NOT NULL)""",
    """CREATE TABLE proposal_decision (
        decision_id VARCHAR PRIMARY KEY, proposal_id VARCHAR NOT NULL, corpus_id VARCHAR NOT NULL,
        snapshot_id VARCHAR NOT NULL, number BIGINT NOT NULL, kind VARCHAR NOT NULL, note VARCHAR NOT NULL,
        stale VARCHAR NOT NULL, created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL, role VARCHAR NOT NULL,
        verified BOOLEAN NOT NULL)""",
)

# What people said of examples for a view: numbers from 1 to 5, and which of two is better; append-only.
_RATINGS: tuple[str, ...] = (
    """CREATE TABLE rating (
        entry_id VARCHAR PRIMARY KEY, seq BIGINT NOT NULL, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL,
        view VARCHAR NOT NULL, example_id BIGINT NOT NULL, row_hash VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        supersedes VARCHAR, created_at TIMESTAMPTZ NOT NULL, actor VARCHAR NOT NULL, role VARCHAR NOT NULL,
        verified BOOLEAN NOT NULL, value INTEGER)""",
    """CREATE TABLE comparison (
        entry_id VARCHAR PRIMARY KEY, seq BIGINT NOT NULL, corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL,
        view VARCHAR NOT NULL, example_id BIGINT NOT NULL, row_hash VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        supersedes VARCHAR, created_at TIMESTAMPTZ NOT NULL, actor VARCHAR NOT NULL, role VARCHAR NOT NULL,
        verified BOOLEAN NOT NULL, other_id BIGINT NOT NULL, other_hash VARCHAR NOT NULL, outcome VARCHAR)""",
)

_TEST_OPENINGS: tuple[str, ...] = (
    """CREATE TABLE test_opening (
        opening_id VARCHAR PRIMARY KEY, round_id VARCHAR NOT NULL, round_number INTEGER NOT NULL,
        corpus_id VARCHAR NOT NULL, snapshot_id VARCHAR NOT NULL, selection_id VARCHAR, arm VARCHAR NOT NULL,
        proposal_id VARCHAR, kind VARCHAR NOT NULL, why VARCHAR NOT NULL, n BIGINT NOT NULL, accuracy DOUBLE NOT NULL,
        macro_f1 DOUBLE NOT NULL, created_at TIMESTAMPTZ NOT NULL, created_by VARCHAR NOT NULL, role VARCHAR NOT NULL,
        verified BOOLEAN NOT NULL)""",
)

# A check of a choice ("Does it help?") looks at the test split under the same rules: it has no round, and shows more.
_PROOF_OPENINGS: tuple[str, ...] = (
    "ALTER TABLE test_opening ALTER COLUMN round_id DROP NOT NULL",
    "ALTER TABLE test_opening ALTER COLUMN round_number DROP NOT NULL",
    "ALTER TABLE test_opening ALTER COLUMN accuracy DROP NOT NULL",
    "ALTER TABLE test_opening ALTER COLUMN macro_f1 DROP NOT NULL",
    "ALTER TABLE test_opening ADD COLUMN study_key VARCHAR",
    "ALTER TABLE test_opening ADD COLUMN shown VARCHAR",
)

MIGRATIONS: tuple[tuple[str, Sequence[str]], ...] = (
    ("first schema", _SCHEMA_1),
    ("recipes and dataset cards", _SCHEMA_2),
    ("split decisions keep their plan and their assignment", _SCHEMA_3),
    ("successors of snapshots that lost examples", _SNAPSHOT_SUCCESSORS),
    ("decisions on clusters and slices", _NAMED_PARTS),
    ("decisions on identity terms", _LEXICONS),
    ("proposals, comments and decisions on them", _PROPOSALS),
    ("ratings and comparisons of examples", _RATINGS),
    ("openings of the test split with their approval or reason", _TEST_OPENINGS),
    ("openings of the test split by checks of a choice", _PROOF_OPENINGS),
)
LATEST = len(MIGRATIONS)


def version(connection: duckdb.DuckDBPyConnection) -> int:
    """Schema version of an open file; 0 for a new one."""
    with connection.cursor() as cursor:
        known = cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'meta'").fetchone()
        if not known or known[0] == 0:
            return 0
        row = cursor.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        return int(row[0]) if row else 0


def migrate(connection: duckdb.DuckDBPyConnection) -> int:
    """Bring a file to the newest schema, one transaction per migration, checkpoint after; returns the version.

    Raises:
        StoreError: the file was written by a newer Winnow.
    """
    have = version(connection)
    if have > LATEST:
        raise StoreError(
            "The workspace was written by a newer Winnow",
            got=f"schema {have}; this one knows {LATEST}",
            fix="Update Winnow, or open another workspace; nothing was changed.",
        )
    for number, (_name, statements) in enumerate(MIGRATIONS[have:], start=have + 1):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                if number == 1:
                    cursor.execute("CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
                    cursor.execute("INSERT INTO meta VALUES ('duckdb_version', ?)", [duckdb.__version__])
                    cursor.execute("INSERT INTO meta VALUES ('schema_version', '0')")
                for statement in statements:
                    cursor.execute(statement)
                cursor.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(number)])
                cursor.execute("COMMIT")
            except duckdb.Error:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("CHECKPOINT")  # DDL left in the log is the commonest cause of a file that cannot be opened
    return LATEST
