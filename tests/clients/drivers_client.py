"""asyncpg, psycopg 2 and pg8000: values of many types, parameters, a pool's reset, errors by their class."""

import asyncio
import datetime
import decimal
import os
import sys

try:
    import asyncpg
    import pg8000.dbapi
    import psycopg2
except ImportError as error:
    print(error)
    sys.exit(77)

HOST, PORT = os.environ["PGHOST"], int(os.environ["PGPORT"])
USER, DATABASE = os.environ["PGUSER"], os.environ["PGDATABASE"]


async def with_asyncpg():
    connection = await asyncpg.connect(host=HOST, port=PORT, user=USER, database=DATABASE)
    row = await connection.fetchrow(
        "SELECT $1::int + 1, ARRAY[1, 2]::text, $2::text, $3::date, $4::numeric, '{1,2}'::int[]::text, true, NULL",
        5, "é", datetime.date(2026, 1, 2), decimal.Decimal("1.50"))
    assert row[0] == 6 and row[1] == "{1,2}" and row[2] == "é" and row[3] == datetime.date(2026, 1, 2), row
    assert row[4] == decimal.Decimal("1.5") and row[5] == "{1,2}" and row[6] is True, row
    # It asks for the types of arrays and ranges itself, with a recursive query over the catalogs.
    for value in ([1, 2], [[1, 2], [3, 4]], [None, 7], []):
        assert await connection.fetchval("SELECT $1::int[]", value) == value, value
    names = await connection.fetchval("SELECT array_agg(relname ORDER BY relname) FROM pg_class WHERE relname IN ('pg_class', 'pg_type')")
    assert names == ["pg_class", "pg_type"], names
    assert await connection.fetchval("SELECT '[1,5)'::int4range") == asyncpg.Range(1, 5)
    for digits in ("1.50", "0.000001", "1E-20", "12345678901234567890.5"):
        exact = await connection.fetchval("SELECT $1::numeric", decimal.Decimal(digits))
        assert exact.as_tuple() == decimal.Decimal(digits).as_tuple(), exact
    oids = await connection.fetch("SELECT oid, relname, relkind FROM pg_class WHERE oid = $1::oid", 1259)
    assert [tuple(found) for found in oids] == [(1259, "pg_class", b"r")], oids
    assert len(await connection.fetch("SELECT * FROM silver.orders LIMIT 2")) == 2
    try:
        await connection.fetch("SELECT * FROM silver.nothing")
        raise AssertionError("an undefined table answered")
    except asyncpg.UndefinedTableError:
        pass
    async with connection.transaction():
        cursor = await connection.cursor("SELECT * FROM generate_series(1, 100) AS g (n)")
        assert [found["n"] for found in await cursor.fetch(3)] == [1, 2, 3]
    await connection.close()
    pool = await asyncpg.create_pool(host=HOST, port=PORT, user=USER, database=DATABASE, min_size=1, max_size=1)
    for number in range(3):
        # Each goes through the reset that a pool does.
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT $1::int", number) == number
    await pool.close()


asyncio.run(with_asyncpg())

with psycopg2.connect(host=HOST, port=PORT, user=USER, dbname=DATABASE) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, %s, %s, ARRAY[1, 2], %s", (1, "it's", datetime.date(2026, 1, 2), decimal.Decimal("1.5")))
        assert cursor.fetchone() == (1, "it's", datetime.date(2026, 1, 2), [1, 2], decimal.Decimal("1.5"))
    with connection.cursor("named") as cursor:
        cursor.execute("SELECT * FROM generate_series(1, 5000)")
        assert sum(row[0] for row in cursor) == 5000 * 5001 // 2
connection.close()

connection = pg8000.dbapi.connect(user=USER, host=HOST, port=PORT, database=DATABASE, password="x")
cursor = connection.cursor()
cursor.execute("SELECT %s::int, %s::text, DATE '2026-01-02', 1.50::numeric(10,2)", (1, "x"))
assert list(cursor.fetchone()) == [1, "x", datetime.date(2026, 1, 2), decimal.Decimal("1.50")]
connection.close()
