"""psqlODBC through pyodbc: the catalog functions, parameters, types, cursors on the server, errors, transactions.

Without arguments it asks Lakeport and expects what PostgreSQL 15 answers to the same calls.
"""

import datetime
import decimal
import os
import sys

try:
    import pyodbc
except ImportError as error:
    print(error)
    sys.exit(77)

COLUMNS = [
    # name, SQL type, ODBC type, its name, size, digits, nullable
    ("id", "integer NOT NULL", pyodbc.SQL_INTEGER, "int4", 10, 0, False),
    ("small", "smallint", pyodbc.SQL_SMALLINT, "int2", 5, 0, True),
    ("big", "bigint", pyodbc.SQL_BIGINT, "int8", 19, 0, True),
    ("ratio", "double precision", pyodbc.SQL_FLOAT, "float8", 17, 0, True),
    ("price", "numeric(12,2)", pyodbc.SQL_NUMERIC, "numeric", 12, 2, True),
    ("name", "text", pyodbc.SQL_WLONGVARCHAR, "text", 8190, None, True),
    ("note", "text", pyodbc.SQL_WLONGVARCHAR, "text", 8190, None, True),
    ("done", "boolean", pyodbc.SQL_BIT, "bool", 1, 0, True),
    ("day", "date", pyodbc.SQL_TYPE_DATE, "date", 10, None, True),
    ("at", "timestamp", pyodbc.SQL_TYPE_TIMESTAMP, "timestamp", 26, 6, True),
    ("at_zone", "timestamptz", pyodbc.SQL_TYPE_TIMESTAMP, "timestamptz", 26, 6, True),
    ("raw", "bytea", pyodbc.SQL_LONGVARBINARY, "bytea", -4, None, True),
]
FIRST = (
    1, -5, 2**40, 0.1, decimal.Decimal("12345.67"), "Zoë's", "line one\nline two", True, datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 23, 59, 58, 123456), datetime.datetime(2024, 2, 29, 12, 0), b"\x00\x01\xff",
)
SECOND = (2,) + (None,) * (len(COLUMNS) - 1)


def connect(**settings):
    words = {
        "Driver": os.environ["LAKEPORT_PSQLODBC"], "Server": os.environ["PGHOST"], "Port": os.environ["PGPORT"],
        "Database": os.environ["PGDATABASE"], "Uid": os.environ["PGUSER"], "Pwd": "x", "BoolsAsChar": "0",
        "TextAsLongVarchar": "1", **settings,
    }
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in words.items()), autocommit=True)


def same(what, got, expected):
    assert got == expected, f"{what}: got {got!r}, not {expected!r}"


def catalog(connection):
    cursor = connection.cursor()
    found = [(row.table_schem, row.table_name, row.table_type) for row in cursor.tables(schema="sandbox", table="odbc%")]
    same("SQLTables", found, [("sandbox", "odbc_kinds", "TABLE")])
    schemas = {row[1] for row in cursor.tables(catalog="", schema="%", table="")}
    assert {"sandbox", "silver", "gold_finance"} <= schemas, schemas
    kinds = {row[3] for row in cursor.tables(catalog="", schema="", table="", tableType="%")}
    assert {"TABLE", "VIEW"} <= kinds, kinds
    for (name, _, kind, type_name, size, digits, nullable), row in zip(COLUMNS, cursor.columns(schema="sandbox", table="odbc_kinds")):
        got = (row.column_name, row.data_type, row.type_name, row.column_size, row.decimal_digits, bool(row.nullable))
        same("SQLColumns", got, (name, kind, type_name, size, digits, nullable))
    same("SQLColumns of one", len(cursor.columns(schema="sandbox", table="odbc_kinds", column="pri%").fetchall()), 1)
    keys = [(row.table_name, row.column_name, row.key_seq) for row in cursor.primaryKeys(schema="gold_finance", table="daily_revenue")]
    same("SQLPrimaryKeys", keys, [("daily_revenue", name, at) for at, name in enumerate(("day", "channel", "country"), 1)])
    same("SQLPrimaryKeys of none", cursor.primaryKeys(schema="sandbox", table="odbc_kinds").fetchall(), [])
    indexes = [(row.table_name, row.non_unique, row.column_name) for row in cursor.statistics("daily_revenue", schema="gold_finance", unique=True) if row.type]
    same("SQLStatistics", indexes, [("daily_revenue", 0, name) for name in ("day", "channel", "country")])
    same("SQLForeignKeys", cursor.foreignKeys(schema="gold_finance", table="daily_revenue").fetchall(), [])
    types = {row.type_name for row in cursor.getTypeInfo()}
    assert {"int4", "int8", "numeric", "text", "timestamptz", "bool", "uuid"} <= types, types
    cursor.rowIdColumns("daily_revenue", schema="gold_finance").fetchall()
    cursor.procedures(schema="sandbox").fetchall()
    same("SQLGetInfo", connection.getinfo(pyodbc.SQL_DBMS_NAME), "PostgreSQL")
    assert connection.getinfo(pyodbc.SQL_DBMS_VER).startswith("15."), connection.getinfo(pyodbc.SQL_DBMS_VER)


def values(connection):
    cursor = connection.cursor()
    rows = cursor.execute("SELECT * FROM sandbox.odbc_kinds ORDER BY id").fetchall()
    same("rows", [tuple(row) for row in rows], [FIRST, SECOND])
    described = [(column[0], column[4], column[5]) for column in cursor.description][4]
    same("a numeric's description", described, ("price", 12, 2))
    for at, (name, *_) in enumerate(COLUMNS):
        if name not in ("note", "raw", "ratio"):
            found = cursor.execute(f"SELECT id FROM sandbox.odbc_kinds WHERE {name} = ?", FIRST[at]).fetchall()
            same(f"a parameter for {name}", [tuple(row) for row in found], [(1,)])
    cursor.execute("SELECT ? || '-' || ?, ?::integer + 1, ?::numeric", "a", "ü", 41, decimal.Decimal("1.50"))
    same("parameters", tuple(cursor.fetchone()), ("a-ü", 42, decimal.Decimal("1.50")))
    same("a NULL", tuple(cursor.execute("SELECT ?::text", None).fetchone()), (None,))
    same("row count", cursor.execute("INSERT INTO sandbox.odbc_kinds (id) SELECT n FROM generate_series(5, 6) AS g (n)").rowcount, 2)
    cursor.executemany("INSERT INTO sandbox.odbc_kinds (id, name) VALUES (?, ?)", [(3, "c"), (4, "d")])
    same("many", cursor.execute("SELECT count(*) FROM sandbox.odbc_kinds").fetchval(), 6)


def mistakes(connection):
    cursor = connection.cursor()
    for statement, state, words in [
        ("SELECT * FROM silver.nothing", "42P01", 'relation "silver.nothing" does not exist'),
        ("SELECT nothing FROM silver.orders", "42703", 'column "nothing" does not exist'),
        ("SELEC 1", "42601", 'syntax error at or near "SELEC"'),
        ("SELECT 1 / 0", "22012", "division by zero"),
        ("SELECT 'x'::integer", "22P02", "invalid input syntax for type integer"),
    ]:
        try:
            cursor.execute(statement).fetchall()
            raise AssertionError(f"{statement} succeeded")
        except pyodbc.Error as error:
            # The driver has names of its own for some states.
            assert words in error.args[1], (statement, error.args)
            assert error.args[0] in (state, "42S02", "42S22", "HY000", "42000"), (statement, error.args)
    same("after an error", cursor.execute("SELECT 1").fetchval(), 1)
    connection.autocommit = False
    cursor.execute("SET LOCAL statement_timeout = '77s'")
    try:
        cursor.execute("SELECT 1 / 0").fetchall()
        raise AssertionError("a division by zero succeeded")
    except pyodbc.Error:
        pass
    # The driver puts a savepoint before each statement: the transaction goes on.
    same("within a transaction", cursor.execute("SHOW statement_timeout").fetchval(), "77s")
    connection.rollback()
    same("after a rollback", cursor.execute("SHOW statement_timeout").fetchval(), "0")
    connection.commit()
    connection.autocommit = True


connection = connect()
cursor = connection.cursor()
cursor.execute("DROP TABLE IF EXISTS sandbox.odbc_kinds")
cursor.execute("CREATE TABLE sandbox.odbc_kinds (" + ", ".join(f"{name} {kind}" for name, kind, *_ in COLUMNS) + ")")
places = ", ".join(["?"] * len(COLUMNS))
for row in (FIRST, SECOND):
    cursor.execute(f"INSERT INTO sandbox.odbc_kinds VALUES ({places})", row)
catalog(connection)
values(connection)
mistakes(connection)
for settings in ({"UseDeclareFetch": "1", "Fetch": "100"}, {"UseServerSidePrepare": "0"}, {"Protocol": "7.4-2"}):
    with connect(**settings) as other:
        cursor = other.cursor()
        cursor.execute("SELECT n, n::text AS words FROM generate_series(1, 1050) AS g (n) WHERE n > ? ORDER BY n", 50)
        rows = cursor.fetchall()
        assert len(rows) == 1000 and tuple(rows[-1]) == (1050, "1050"), (settings, len(rows))
        # Fewer than there are, then something else: the cursor on the server is closed halfway.
        cursor.execute("SELECT n FROM generate_series(1, 1000) AS g (n) ORDER BY n").fetchmany(150)
        same(f"{settings}", cursor.execute("SELECT count(*) FROM sandbox.odbc_kinds").fetchval(), 6)
        mistakes(other)
connection.cursor().execute("DROP TABLE sandbox.odbc_kinds")
connection.close()
