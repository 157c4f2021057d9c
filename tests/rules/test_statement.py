from __future__ import annotations

import pytest

from detector.rules.sql_check import NotOneSelect, parse_select


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1;",
        "FROM events",
        "VALUES (1)",
        "/* why */ SELECT 1 -- so",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) FROM r",
        "SELECT 1 UNION SELECT 2",
        "SELECT * FROM range(3), unnest([1]), read_parquet('part.parquet')",
        "FROM duckdb_tables()",
        "SELECT 'COPY_QUERY_NODE' AS type",
    ],
)
def test_what_only_reads_is_accepted(sql: str) -> None:
    parse_select(sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "exactly one SELECT"),
        ("-- nothing", "exactly one SELECT"),
        ("SELECT 1; SELECT 2", "exactly one SELECT"),
        ("SELECT 1; DROP VIEW events", "exactly one SELECT"),
        ("COPY events TO 'x'", "exactly one SELECT"),
        ("ATTACH 'x' AS y", "exactly one SELECT"),
        ("INSTALL httpfs", "exactly one SELECT"),
        ("LOAD httpfs", "exactly one SELECT"),
        ("SET threads = 1", "exactly one SELECT"),
        ("PRAGMA version", "exactly one SELECT"),
        ("CALL pragma_version()", "exactly one SELECT"),
        ("CREATE TABLE t AS SELECT 1", "exactly one SELECT"),
        ("EXPLAIN ANALYZE SELECT 1", "exactly one SELECT"),
        ("PIVOT events ON eventName", "exactly one SELECT"),
        ("SELEC 1", "does not parse: Parser Error: syntax error"),
        ("WITH a AS (COPY events TO 'x') SELECT 1", "may only read, and holds a COPY"),
        ("WITH a AS (INSERT INTO duplicates VALUES (1) RETURNING *) SELECT * FROM a", "holds a INSERT"),
        ("WITH a AS (UPDATE duplicates SET eventKey = 1 RETURNING *) SELECT * FROM a", "holds a UPDATE"),
        ("SELECT * FROM (WITH a AS (DELETE FROM duplicates RETURNING *) SELECT * FROM a)", "holds a DELETE"),
        ("FROM query('SELECT 1')", "may not use the table function query"),
        ("FROM json_execute_serialized_sql('{}')", "table function json_execute_serialized_sql"),
        ("FROM Arrow_Scan(1, 2, 3)", "table function arrow_scan"),
        ("FROM enable_logging()", "table function enable_logging"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "nested too deeply|does not parse"),
        ("SELECT " + "+".join("1" * 900), "nested too deeply"),
    ],
    ids=lambda text: text[:40],
)
def test_what_does_more_is_refused(sql: str, message: str) -> None:
    with pytest.raises(NotOneSelect, match=message):
        parse_select(sql)


def test_the_relations_are_named_without_the_statement_s_own() -> None:
    statement = parse_select("WITH mine AS (FROM Events) SELECT * FROM mine JOIN parts USING (a), (FROM duplicates)")
    assert statement.tables == {"events", "parts", "duplicates"}
    assert not statement.describes_tables
    assert parse_select("DESCRIBE candidates").describes_tables
    assert parse_select("SHOW TABLES").describes_tables
