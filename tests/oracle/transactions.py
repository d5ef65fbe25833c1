"""Transactions made up at random, to PostgreSQL and to Lakeport: tags, SQLSTATEs, rows, and what others see meanwhile.

python transactions.py PG_HOST PG_PORT PG_USER LAKEPORT_PORT LAKEPORT_DATABASE FIRST_SEED COUNT [STATEMENTS]

Each seed is one session of STATEMENTS statements (BEGIN, savepoints, tables that come, go and change, rows, errors),
each a message of its own. Where Lakeport says 0A000, PostgreSQL gets an error too, so that both transactions fail; how
often that was is printed. After statements another connection reads every table on both sides. Exits with 1 and the
statements of the seed so far when something differs.
"""

import random
import sys

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

SCHEMA = "sandbox"
TABLES = ["t1", "t2", "t3"]
# Read by views, never renamed: views here go by name, those of PostgreSQL by what the name meant.
VIEWED = "base"
NAMES = TABLES + [VIEWED]
ROWS_OK = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Side:
    """One server: the session under test, and one that looks on."""

    def __init__(self, **where):
        self.session = psycopg.connect(autocommit=True, **where)
        self.other = psycopg.connect(autocommit=True, **where)

    def run(self, sql, connection=None):
        """Tag and rows, or the SQLSTATE."""
        result = (connection or self.session).pgconn.exec_(sql.encode())
        if result.status not in ROWS_OK:
            state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"?"
            message = result.error_field(psycopg.pq.DiagnosticField.MESSAGE_PRIMARY) or b""
            return state.decode(), message.decode()
        rows = [
            tuple(None if (v := result.get_value(r, c)) is None else v.decode() for c in range(result.nfields))
            for r in range(result.ntuples)
        ]
        return (result.command_status or b"").decode(), sorted(rows, key=repr)

    def status(self):
        return self.session.pgconn.transaction_status

    def close(self):
        self.session.close()
        self.other.close()


class Maker:
    """Statements at random; it knows nothing of what they did."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.depth = 0

    def any_of(self, *choices):
        return self.random.choice(choices)

    def table(self):
        # Mostly one, so that statements meet.
        return self.random.choices(NAMES + ["tmp1"], weights=[20, 6, 1, 4, 1])[0]

    def value(self):
        return self.any_of("1", "2", "3", "4", "5", "6", "7", "8", "9", "NULL", "10")

    def rows(self):
        count = self.random.randint(1, 4)
        return ", ".join(f"({'1 / 0' if self.random.random() < 0.02 else self.value()}, {self.any_of('NULL', repr('x'), repr('y'), repr('long text'))})" for _ in range(count))

    def query(self):
        return self.any_of(
            f"SELECT a, b FROM {self.table()}",
            f"SELECT a + 10, 'c' FROM {self.table()} WHERE a < {self.value()}",
            "SELECT g, 'g' FROM generate_series(11, 15) AS g",
            f"SELECT max(x.a), min(y.b) FROM {self.table()} x, {self.table()} y",
        )

    def columns(self):
        key = self.any_of("", "", " UNIQUE", " PRIMARY KEY", " NOT NULL")
        return f"(a int{key}, b text)"

    def condition(self):
        return self.any_of(
            f"a = {self.value()}", f"a > {self.value()}", "b IS NULL", "b = 'x' OR a = 3", "a % 2 = 0", "true",
            f"a IN (SELECT a FROM {self.table()})", f"NOT EXISTS (SELECT 1 FROM {self.table()} o WHERE o.b = 'y')",
        )

    def statement(self):
        kinds = {
            self.insert: 24, self.delete: 10, self.truncate: 3, self.select: 6, self.create: 3, self.create_as: 3,
            self.temporary: 3, self.rename: 2, self.columns_change: 3, self.drop: 2, self.view: 2, self.savepoint: 10,
            self.end: 7, self.mistake: 1, self.comment: 1, self.update: 6,
        }
        kind = self.random.choices(list(kinds), weights=list(kinds.values()))[0]
        return kind()

    def begin(self):
        return self.any_of("BEGIN", "START TRANSACTION", "BEGIN WORK", "BEGIN READ WRITE", "BEGIN READ ONLY" if self.random.random() < 0.1 else "BEGIN")

    def end(self):
        return self.any_of("COMMIT", "COMMIT", "ROLLBACK", "END", "COMMIT AND CHAIN" if self.random.random() < 0.2 else "COMMIT")

    def savepoint(self):
        name = self.any_of("s", "s", "z")
        return self.any_of(f"SAVEPOINT {name}", f"SAVEPOINT {name}", f"ROLLBACK TO {name}", f"ROLLBACK TO {name}", f"RELEASE {name}")

    def insert(self):
        if self.random.random() < 0.3:
            return f"INSERT INTO {self.table()} {self.query()}"
        if self.random.random() < 0.15:
            return f"INSERT INTO {self.table()} (b) VALUES ('only')"
        if self.random.random() < 0.05:
            return f"INSERT INTO {self.table()} (nope) VALUES (1)"
        return f"INSERT INTO {self.table()} (a, b) VALUES {self.rows()}"

    def delete(self):
        if self.random.random() < 0.2:
            return f"DELETE FROM {self.table()} AS d USING {self.table()} AS s WHERE {self.any_of('d.a = s.a', 'd.a = s.a AND s.b = d.b', 'a = 1')}"
        return f"DELETE FROM {self.table()} WHERE {self.condition()}"

    def update(self):
        name = self.any_of("t1", "t1", VIEWED)
        changed = self.any_of("b = 'z'", f"a = {self.value()}", "a = a + 20, b = 'moved'", "b = NULL")
        return f"UPDATE {name} SET {changed} WHERE {self.condition()}"

    def truncate(self):
        return f"TRUNCATE {self.table()}"

    def select(self):
        return self.any_of(f"SELECT * FROM {self.table()}", f"SELECT count(*), sum(a) FROM {self.table()}", "SELECT * FROM v1", "SELECT 1")

    def create(self):
        exists = self.any_of("", "", "IF NOT EXISTS ")
        return f"CREATE TABLE {exists}{self.any_of(*NAMES)} {self.columns()}"

    def create_as(self):
        return f"CREATE TABLE {self.any_of(*NAMES)} AS SELECT a, b FROM ({self.query()}) AS q (a, b)"

    def temporary(self):
        name = self.any_of("tmp1", "tmp1", "t1")
        drop = self.any_of("", "", " ON COMMIT DROP")
        if self.random.random() < 0.5:
            return f"CREATE TEMP TABLE {name} {self.columns()}{drop}"
        return f"CREATE TEMP TABLE {name}{drop} AS SELECT a, b FROM ({self.query()}) AS q (a, b)"

    def rename(self):
        return f"ALTER TABLE {self.any_of('', 'IF EXISTS ')}{SCHEMA}.{self.any_of(*TABLES)} RENAME TO {self.any_of(*TABLES)}"

    def columns_change(self):
        name = f"{SCHEMA}.{self.any_of(*TABLES)}"
        return self.any_of(
            f"ALTER TABLE {name} ADD COLUMN c int", f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS c int", f"ALTER TABLE {name} DROP COLUMN IF EXISTS c",
            f"ALTER TABLE {name} DROP COLUMN c", f"ALTER TABLE {name} RENAME COLUMN c TO d", f"ALTER TABLE {name} RENAME COLUMN d TO c",
            f"ALTER TABLE {name} DROP COLUMN d",
        )

    def drop(self):
        exists = self.any_of("", "IF EXISTS ")
        return self.any_of(f"DROP TABLE {exists}{self.table()}", f"DROP TABLE {exists}{SCHEMA}.{self.any_of(*NAMES)}", f"DROP VIEW {exists}v1")

    def view(self):
        return self.any_of(f"CREATE VIEW v1 AS SELECT a FROM {SCHEMA}.{VIEWED}", "DROP VIEW v1", f"DROP TABLE {SCHEMA}.{VIEWED} CASCADE")

    def mistake(self):
        return self.any_of("SELECT 1 / 0", "SELECT * FROM nope", "INSERT INTO t1 VALUES ('x')", "SELEC 1")

    def comment(self):
        return f"COMMENT ON TABLE {SCHEMA}.{self.any_of(*NAMES)} IS 'said'"


def differ(postgres, lakeport):
    """What an answer has to have in common."""
    if isinstance(postgres[1], str) or isinstance(lakeport[1], str):
        return postgres[0] != lakeport[0] or isinstance(postgres[1], str) != isinstance(lakeport[1], str)
    return postgres != lakeport


def seen(side, connection, name):
    answer = side.run(f"SELECT * FROM {SCHEMA}.{name}", connection)
    return answer[0] if isinstance(answer[1], str) else answer


def compare(postgres, lakeport, names, own):
    """Tables whose rows differ, as this or another session sees them."""
    for name in names:
        one = seen(postgres, None if own else postgres.other, name)
        # A lock that the transaction holds: PostgreSQL's reader would wait.
        if one == "55P03":
            continue
        other = seen(lakeport, None if own else lakeport.other, name)
        if one != other:
            return f"{name}, {'own' if own else 'other'} session:\n  PostgreSQL {one}\n  Lakeport   {other}"
    return None


def one_seed(seed, statements, postgres_at, lakeport_at, counts):
    postgres, lakeport = Side(**postgres_at), Side(**lakeport_at)
    maker = Maker(seed)
    said = []
    try:
        for side in (postgres, lakeport):
            for connection in (side.session, side.other):
                side.run(f"SET search_path = {SCHEMA}", connection)
            side.run("SET client_min_messages = error")
        postgres.run("SET lock_timeout = '5ms'", postgres.other)
        for name in ["v1"] + NAMES:
            kind = "VIEW" if name == "v1" else "TABLE"
            for side in (postgres, lakeport):
                side.run(f"DROP {kind} IF EXISTS {SCHEMA}.{name}")
                if name in ("t1", "t2", VIEWED):
                    side.run(f"CREATE TABLE {SCHEMA}.{name} (a int{' UNIQUE' if name == 't2' else ''}, b text)")
                    side.run(f"INSERT INTO {SCHEMA}.{name} VALUES (1, 'x'), (2, 'y'), (3, NULL)")
        for _ in range(statements):
            # What fails is mostly ended soon, or nothing else would happen.
            failed = postgres.status() == TransactionStatus.INERROR and maker.random.random() < 0.7
            idle = postgres.status() == TransactionStatus.IDLE
            if failed:
                sql = maker.any_of("ROLLBACK", "ROLLBACK TO s", "ROLLBACK TO s", "COMMIT")
            elif idle and maker.random.random() < 0.5:
                sql = maker.any_of(maker.begin(), f"CREATE TABLE IF NOT EXISTS {maker.any_of('t1', 't2', VIEWED)} {maker.columns()}")
            else:
                sql = maker.statement()
            there = lakeport.run(sql)
            counts["statements"] += 1
            counts["done"] += not isinstance(there[1], str)
            if there[0] == "0A000":
                counts["refused"] += 1
                said.append(f"{sql};  -- 0A000 {there[1]}")
                # Both transactions have failed, or none was open.
                postgres.run("SELECT 1 / 0")
            else:
                here = postgres.run(sql)
                said.append(f"{sql};  -- {there[0]}")
                if differ(here, there):
                    return said, f"PostgreSQL {here}\nLakeport   {there}"
            if postgres.status() != lakeport.status():
                return said, f"transaction status: PostgreSQL {postgres.status()!r}, Lakeport {lakeport.status()!r}"
            idle = postgres.status() == TransactionStatus.IDLE
            if idle or maker.random.random() < 0.3:
                found = compare(postgres, lakeport, NAMES, own=False)
                found = found or (compare(postgres, lakeport, NAMES, own=True) if idle else None)
                if found:
                    return said, found
        return None
    finally:
        postgres.close()
        lakeport.close()


def main():
    host, port, user, lakeport_port, database, first, count = sys.argv[1:8]
    statements = int(sys.argv[8]) if len(sys.argv) > 8 else 40
    postgres_at = {"host": host, "port": int(port), "user": user, "dbname": "postgres"}
    lakeport_at = {"host": host, "port": int(lakeport_port), "user": "lakeport", "dbname": database}
    setup = psycopg.connect(autocommit=True, **postgres_at)
    setup.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    setup.close()
    counts = {"statements": 0, "done": 0, "refused": 0}
    failed = 0
    for seed in range(int(first), int(first) + int(count)):
        found = one_seed(seed, statements, postgres_at, lakeport_at, counts)
        if found:
            failed += 1
            print(f"--- seed {seed}")
            print("\n".join(found[0]))
            print(found[1], flush=True)
            if failed >= 5:
                break
    share = counts["refused"] * 100 // max(counts["statements"], 1)
    done = counts["done"] * 100 // max(counts["statements"], 1)
    print(f"{counts['statements']} statements, {done} percent done, {share} percent 0A000, {failed} seeds differ")
    # Too much that fails would compare nothing.
    sys.exit(1 if failed or share > 40 or done < 40 else 0)


main()
