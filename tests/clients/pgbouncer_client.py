"""Behind pgbouncer: more clients than it has connections, its reset between them, transactions, parameters, a cancel.

python pgbouncer_client.py session|transaction
"""

import asyncio
import os
import sys
import threading
import time

try:
    import asyncpg
    import psycopg
except ImportError as error:
    print(error)
    sys.exit(77)

MODE = sys.argv[1]
POOL = 2


def connect():
    # Pooled by transaction, a statement prepared by one client may not be there for its next.
    return psycopg.connect(autocommit=True, prepare_threshold=None if MODE == "transaction" else 2)


def first():
    """pgbouncer may still be starting."""
    for attempt in range(100):
        try:
            return connect()
        except psycopg.OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.1)


with first() as connection:
    pids = {connection.execute("SELECT pg_backend_pid()").fetchone()[0] for _ in range(3)}
    assert len(pids) == 1, pids
    connection.execute("SET statement_timeout = '33s'")
    for number in range(5):
        row = connection.execute("SELECT %s::integer + 1, %s::text", [number, "é"]).fetchone()
        assert row == (number + 1, "é"), row

if MODE == "session":
    # What a client leaves behind, DISCARD ALL takes away before the next.
    with connect() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert connection.execute("SELECT pg_backend_pid()").fetchone()[0] in pids
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
else:
    # More clients than connections, each in turn.
    clients = [connect() for _ in range(3 * POOL)]
    served = {client.execute("SELECT pg_backend_pid()").fetchone()[0] for client in clients for _ in range(2)}
    assert len(served) <= POOL, served
    for client in clients:
        with client.transaction():
            one, other = (client.execute("SELECT pg_backend_pid()").fetchone() for _ in range(2))
            assert one == other
        try:
            with client.transaction():
                client.execute("SELECT 1 / 0")
            raise AssertionError("a division by zero succeeded")
        except psycopg.errors.DivisionByZero:
            pass
        assert client.execute("SELECT count(*) > 0 FROM gold_finance.daily_revenue").fetchone() == (True,)
        client.close()

with connect() as connection:
    threading.Thread(target=lambda: (time.sleep(0.3), connection.cancel_safe())).start()
    started = time.monotonic()
    try:
        connection.execute("SELECT count(*) FROM generate_series(1, 100000000000)")
        raise AssertionError("the query was not cancelled")
    except psycopg.errors.QueryCanceled:
        assert time.monotonic() - started < 10
    assert connection.execute("SELECT 1").fetchone() == (1,)
    with connection.cursor() as cursor, cursor.copy("COPY (SELECT generate_series(1, 3)) TO STDOUT") as copy:
        assert b"".join(copy) == b"1\n2\n3\n"


async def with_asyncpg():
    settings = {"statement_cache_size": 0} if MODE == "transaction" else {}
    where = {"host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]), "user": os.environ["PGUSER"], "database": os.environ["PGDATABASE"]}
    pool = await asyncpg.create_pool(**where, min_size=POOL, max_size=POOL, **settings)

    async def ask(number):
        async with pool.acquire() as connection, connection.transaction():
            assert await connection.fetchval("SELECT $1::int + 1", number) == number + 1
            rows = await connection.fetch("SELECT day, net_eur FROM gold_finance.daily_revenue LIMIT $1", 3)
            assert len(rows) == 3

    await asyncio.gather(*(ask(number) for number in range(20)))
    await pool.close()


asyncio.run(with_asyncpg())
