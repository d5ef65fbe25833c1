"""psycopg 3: parameters, both formats, prepared statements, pipelines, errors, cancel."""

import datetime
import sys
import threading
import time
import uuid
from decimal import Decimal

try:
    import psycopg
    from psycopg import errors
except ImportError as error:
    print(error)
    sys.exit(77)

VALUES = [
    (True, "boolean"),
    (32767, "smallint"),
    (-2147483648, "integer"),
    (9223372036854775807, "bigint"),
    (1.5, "double precision"),
    (Decimal("-12345.6789"), "numeric(18,4)"),
    ("a 'quoted' text, €", "text"),
    (b"\x00\x01\xff", "bytea"),
    (datetime.date(1999, 12, 31), "date"),
    (datetime.datetime(2026, 10, 31, 23, 59, 59, 123456), "timestamp"),
    (datetime.datetime(2026, 10, 31, 12, 0, tzinfo=datetime.timezone.utc), "timestamptz"),
    (None, "text"),
]

with psycopg.connect(autocommit=True) as connection:
    assert connection.info.server_version >= 150000, connection.info.server_version
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        for value, kind in VALUES:
            got = cursor.execute(f"SELECT %s::{kind}", [value]).fetchone()[0]
            assert got == value, (binary, kind, value, got)
    for _ in range(8):
        got = connection.execute("SELECT %s::integer + 1", [41], prepare=True).fetchone()
        assert got == (42,), got
    cursor = connection.execute("SELECT * FROM gold_finance.daily_revenue ORDER BY 1, 2, 3")
    names = [column.name for column in cursor.description]
    assert names[:3] == ["day", "channel", "country"], names
    rows = cursor.fetchall()
    assert rows and isinstance(rows[0][0], datetime.date), rows[:1]
    again = connection.cursor(binary=True)
    again.execute("SELECT * FROM gold_finance.daily_revenue ORDER BY 1, 2, 3")
    assert again.fetchall() == rows
    many = connection.execute("SELECT * FROM generate_series(1, 200000)").fetchall()
    assert len(many) == 200000 and many[-1] == (200000,)

    for statement, error in [
        ("SELECT * FROM silver.nothing", errors.UndefinedTable),
        ("SELECT nothing FROM silver.orders", errors.UndefinedColumn),
        ("SELEC 1", errors.SyntaxError),
        ("SELECT 1 / 0", errors.DivisionByZero),
        ("SELECT 'x'::integer", errors.InvalidTextRepresentation),
    ]:
        try:
            connection.execute(statement)
            raise AssertionError(f"{statement} succeeded")
        except error:
            pass

    with connection.pipeline():
        first = connection.execute("SELECT %s::integer", [1])
        second = connection.execute("SELECT %s::text", ["two"])
        assert first.fetchone() == (1,) and second.fetchone() == ("two",)

    connection.execute("CREATE TABLE sandbox.psycopg_notes (id integer, at date)")
    cursor = connection.cursor()
    cursor.execute("INSERT INTO sandbox.psycopg_notes VALUES (%s, %s)", [1, datetime.date(2026, 1, 2)])
    assert cursor.rowcount == 1, cursor.rowcount
    rows = connection.execute("SELECT id, at FROM sandbox.psycopg_notes").fetchall()
    assert rows == [(1, datetime.date(2026, 1, 2))], rows
    connection.execute("DROP TABLE sandbox.psycopg_notes")

    threading.Thread(target=lambda: (time.sleep(0.5), connection.cancel_safe())).start()
    started = time.monotonic()
    try:
        connection.execute("SELECT count(*) FROM generate_series(1, 100000000000)")
        raise AssertionError("the query was not cancelled")
    except errors.QueryCanceled:
        assert time.monotonic() - started < 10
    assert connection.execute("SELECT 1").fetchone() == (1,)

with psycopg.connect() as connection:
    assert connection.execute("SELECT 1").fetchone() == (1,)
    try:
        connection.execute("SELECT * FROM silver.nothing")
    except errors.UndefinedTable:
        pass
    try:
        connection.execute("SELECT 1")
        raise AssertionError("a failed transaction answered")
    except errors.InFailedSqlTransaction:
        connection.rollback()
    assert connection.execute("SELECT 2").fetchone() == (2,)
