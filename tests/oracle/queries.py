"""Whole queries made up at random, to PostgreSQL and to Lakeport: rows, types, SQLSTATEs.

python queries.py PG_HOST PG_PORT PG_USER LAKEPORT_PORT LAKEPORT_DATABASE FIRST_SEED COUNT [QUERIES]

Joins of all kinds, subqueries in every place (IN, NOT IN, EXISTS, ANY, ALL, scalar; asking the row outside or not; under OR and
inside functions), grouping, windows with and without names, set operations, over three small tables with NULLs. Each seed is
QUERIES queries; every second one goes by clocks that are not UTC's. Where Lakeport says 0A000 nothing is compared, and
how often that was is printed: if it is more than one in ten, that is a failure too. Errors in the data may come or not,
as either server looks at values in its own order. Exits with 1 when something differs.
"""

import pathlib
import random
import sys

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus

TABLES = {
    "na": [("i", "int"), ("j", "int"), ("s", "text"), ("d", "date"), ("b", "boolean")],
    "nb": [("k", "int"), ("s", "text"), ("ts", "timestamp"), ("tz", "timestamptz")],
    "nc": [("i", "int"), ("k", "int"), ("s", "text"), ("d", "date")],
}
VALUES = {
    "int": ["NULL", "0", "1", "2", "3", "4", "-1"],
    "text": ["NULL", "''", "'a'", "'b'", "'B'", "'ab'", "'c'"],
    "date": ["NULL", "'2024-01-31'", "'2024-02-29'", "'2024-07-01'"],
    "boolean": ["NULL", "true", "false"],
    "timestamp": ["NULL", "'2024-01-31 00:00:00'", "'2024-07-01 02:00:00'", "'2024-03-31 02:30:00'"],
    "timestamptz": ["NULL", "'2024-01-31 00:00:00+00'", "'2024-07-01 00:00:00+00'", "'2024-10-27 01:30:00+02'"],
}
CONSTANTS = {
    "int": ["1", "2", "0", "-3"],
    "text": ["'a'::text", "'b'::text", "''::text"],
    "date": ["DATE '2024-01-31'", "DATE '2024-07-01'"],
    "boolean": ["true", "false"],
    "timestamp": ["TIMESTAMP '2024-07-01 12:00:00'"],
    "timestamptz": ["TIMESTAMPTZ '2024-07-01 12:00:00+00'"],
}
FORMS = {
    "int": [
        ("({} + {})", ["int", "int"]), ("({} - {})", ["int", "int"]), ("({} * {})", ["int", "int"]), ("abs({})", ["int"]), ("length({})", ["text"]),
        ("coalesce({}, {})", ["int", "int"]), ("nullif({}, {})", ["int", "int"]), ("({} % 3)", ["int"]), ("({} - {})", ["date", "date"]),
        ("CASE WHEN {} THEN {} ELSE {} END", ["boolean", "int", "int"]), ("extract(month FROM {})::int", ["date"]), ("({})::int", ["boolean"]),
        ("extract(hour FROM {})::int", ["timestamptz"]), ("(extract(epoch FROM ({} - {})) / 3600)::int", ["timestamptz", "timestamp"]),
        ("(extract(epoch FROM ({} - {})) / 3600)::int", ["date", "timestamptz"]),
    ],
    "text": [
        ("({} || {})", ["text", "text"]), ("upper({})", ["text"]), ("coalesce({}, {})", ["text", "text"]), ("({})::text", ["int"]), ("left({}, 1)", ["text"]),
        ("CASE {} WHEN {} THEN {} ELSE {} END", ["int", "int", "text", "text"]), ("({})::text", ["timestamptz"]), ("({})::text", ["date"]),
    ],
    "date": [
        ("({} + {})", ["date", "int"]), ("coalesce({}, {})", ["date", "date"]), ("greatest({}, {})", ["date", "date"]), ("least({}, {})", ["date", "date"]),
        ("({})::date", ["timestamptz"]), ("date_trunc('month', {})::date", ["timestamp"]),
    ],
    "timestamp": [("({} + INTERVAL '1 day')", ["timestamp"]), ("(INTERVAL '1 hour' + {})", ["date"]), ("({})::timestamp", ["timestamptz"])],
    "timestamptz": [("({} - INTERVAL '1 month')", ["timestamptz"]), ("({})::timestamptz", ["timestamp"]), ("date_trunc('day', {})", ["timestamptz"])],
    "boolean": [
        ("({} AND {})", ["boolean", "boolean"]), ("({} OR {})", ["boolean", "boolean"]), ("({} OR {})", ["boolean", "boolean"]), ("(NOT {})", ["boolean"]),
        ("coalesce({}, {})", ["boolean", "boolean"]), ("({} IS NULL)", ["boolean"]), ("({} IS NOT TRUE)", ["boolean"]), ("({} IS FALSE)", ["boolean"]),
        ("({} IS NULL)", ["text"]), ("({} IN ({}, {}))", ["int", "int", "int"]), ("({} NOT IN ({}, {}))", ["text", "text", "text"]),
        ("({} BETWEEN {} AND {})", ["int", "int", "int"]), ("({} LIKE 'a%')", ["text"]), ("({} IS DISTINCT FROM {})", ["int", "int"]),
        ("({} < {})", ["timestamptz", "timestamp"]), ("({} = {})", ["date", "timestamptz"]), ("({} <= {})", ["timestamp", "date"]),
    ],
}
COMPARED = ["int", "text", "date"]


class Maker:
    """Queries at random. A table in view is an alias and its columns."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.aliases = 0
        # Inside these no subqueries are made: conditions of joins, arguments of aggregates.
        self.plain = 0

    def any_of(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def alias(self):
        self.aliases += 1
        return f"t{self.aliases}"

    def columns(self, kind, view):
        return [f"{alias}.{name}" for alias, columns in view for name, of in columns if of == kind]

    def leaf(self, kind, view):
        columns = self.columns(kind, view)
        if columns and self.chance(0.85):
            return self.any_of(*columns)
        return self.any_of(*CONSTANTS[kind])

    def value(self, kind, view, depth):
        if depth <= 0 or self.chance(0.35):
            return self.leaf(kind, view)
        if not self.plain and self.chance(0.25):
            made = self.subquery(kind, view, depth - 1)
            if made:
                return made
        if kind == "boolean" and self.chance(0.4):
            of = self.any_of(*COMPARED)
            sign = self.any_of("=", "=", "<", ">", "<>", "<=")
            return f"({self.value(of, view, depth - 1)} {sign} {self.value(of, view, depth - 1)})"
        form, kinds = self.any_of(*FORMS[kind])
        # A list of values that are queries is not read yet.
        self.plain += " IN (" in form
        made = form.format(*[self.value(inner, view, depth - 1) for inner in kinds])
        self.plain -= " IN (" in form
        return made

    def subquery(self, kind, view, depth):
        source, inside = self.source(1)
        outside = view if self.chance(0.6) else []
        where = self.value("boolean", inside + outside, depth)
        if kind == "boolean":
            form = self.any_of("exists", "in", "in", "in", "any")
            if form == "exists":
                return f"({self.any_of('', 'NOT ')}EXISTS (SELECT 1 FROM {source} WHERE {where}))"
            of = self.any_of("int", "text")
            left, right = self.value(of, view, depth - 1), self.value(of, inside, min(depth, 1))
            if form == "in":
                return f"({left} {self.any_of('', 'NOT ')}IN (SELECT {right} FROM {source} WHERE {where}))"
            sign = self.any_of("= ANY", "<> ALL", "< ANY", "> ALL")
            return f"({left} {sign} (SELECT {right} FROM {source} WHERE {where}))"
        if kind == "int" and self.chance(0.4):
            return f"(SELECT count(*)::int FROM {source} WHERE {where})"
        if kind in COMPARED:
            return f"(SELECT {self.any_of('min', 'max')}({self.leaf(kind, inside)}) FROM {source} WHERE {where})"
        return None

    def relation(self, allow_derived):
        alias = self.alias()
        if allow_derived and self.chance(0.25):
            text, columns = self.select(1, [])
            return f"({text}) AS {alias}", (alias, columns)
        name = self.any_of(*TABLES)
        return f"public.{name} AS {alias}", (alias, TABLES[name])

    def source(self, count):
        """FROM, and what it brings into view."""
        text, first = self.relation(count > 1)
        view = [first]
        for _ in range(count - 1):
            kind = self.any_of("JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "LEFT JOIN LATERAL")
            if kind == "LEFT JOIN LATERAL":
                alias = self.alias()
                made, columns = self.select(1, view)
                text += f" LEFT JOIN LATERAL ({made}) AS {alias} ON true"
                view = view + [(alias, columns)]
                continue
            right, brought = self.relation(True)
            both = view + [brought]
            if kind == "CROSS JOIN":
                text += f" CROSS JOIN {right}"
            else:
                # PostgreSQL joins in full by equality alone.
                of = self.any_of("int", "text")
                one, other = self.columns(of, view), self.columns(of, [brought])
                equal = f"{self.any_of(*one)} = {self.any_of(*other)}" if one and other else None
                self.plain += 1
                if kind == "FULL JOIN":
                    on = equal or "false"
                elif equal and self.chance(0.6):
                    on = equal if self.chance(0.6) else f"{equal} AND {self.value('boolean', both, 1)}"
                else:
                    on = self.value("boolean", both, 1)
                self.plain -= 1
                text += f" {kind} {right} ON {on}"
            view = both
        return text, view

    def where(self, view, depth, share=0.7):
        return f" WHERE {self.value('boolean', view, depth)}" if self.chance(share) else ""

    def select(self, depth, outside):
        """A SELECT and its columns."""
        source, inside = self.source(self.any_of(1, 1, 2) if depth < 2 else self.any_of(1, 2, 2, 3))
        view = inside + outside
        kinds = [self.any_of("int", "text", "date", "boolean", "timestamptz") for _ in range(self.any_of(1, 2, 3))]
        columns = [(f"c{at}", kind) for at, kind in enumerate(kinds)]
        made = self.any_of(self.plainly, self.plainly, self.grouped, self.grouped, self.windowed, self.combined)
        return made(source, inside, view, columns, depth)

    def items(self, view, columns, depth):
        return ", ".join(f"{self.value(kind, view, depth)} AS {name}" for name, kind in columns)

    def plainly(self, source, _, view, columns, depth):
        distinct = "DISTINCT " if self.chance(0.25) else ""
        return f"SELECT {distinct}{self.items(view, columns, depth)} FROM {source}{self.where(view, depth)}", columns

    def combined(self, source, _, view, columns, depth):
        both = self.any_of("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
        other, inside = self.source(1)
        left = f"SELECT {self.items(view, columns, 1)} FROM {source}{self.where(view, depth)}"
        right = f"SELECT {self.items(inside, columns, 1)} FROM {other}{self.where(inside, 1)}"
        return f"{left} {both} {right}", columns

    def grouped(self, source, inside, view, columns, depth):
        keys = [(kind, self.any_of(*found)) for _, kind in columns if (found := self.columns(kind, inside)) and self.chance(0.8)]
        self.plain += 1
        number, text, truth = self.value("int", inside, 1), self.leaf("text", inside), self.value("boolean", inside, 1)
        self.plain -= 1
        calls = {
            "count(*)::int": "int", f"count({text})::int": "int", f"sum({number})::int": "int", f"min({text})": "text", f"max({number})": "int",
            f"count(DISTINCT {number})::int": "int", f"(count(*) FILTER (WHERE {truth}))::int": "int", f"bool_or({truth})": "boolean",
            f"string_agg({text}, ',' ORDER BY {text})": "text",
        }
        call, of = self.any_of(*calls.items())
        items = [(key, kind) for kind, key in keys] + [(call, of)]
        having = f" HAVING count(*) > {self.any_of(0, 1)}" if self.chance(0.3) else ""
        by = ", ".join(dict.fromkeys(key for _, key in keys))
        sets = len(set(key for _, key in keys)) == len(keys) > 1 and self.chance(0.3)
        by = f"ROLLUP ({by})" if sets else by
        shown = ", ".join(f"{item} AS c{at}" for at, (item, _) in enumerate(items))
        text = f"SELECT {shown} FROM {source}{self.where(view, depth)}{f' GROUP BY {by}' if by else ''}{having}"
        return text, [(f"c{at}", kind) for at, (_, kind) in enumerate(items)]

    def windowed(self, source, inside, view, columns, depth):
        self.plain += 1
        part, key, number = self.leaf("int", inside), self.leaf(self.any_of("int", "date"), inside), self.leaf("int", inside)
        frame = self.any_of("", "", " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING")
        call = self.any_of("rank()", "dense_rank()", "count(*)", f"sum({number})", f"max({number})", f"min({number})")
        self.plain -= 1
        over, named = self.any_of(
            (f"(PARTITION BY {part} ORDER BY {key}{frame})", ""),
            (f"(ORDER BY {key}{frame})", ""),
            ("w", f" WINDOW w AS (PARTITION BY {part} ORDER BY {key}{frame})"),
            (f"(w ORDER BY {key}{frame})", f" WINDOW w AS (PARTITION BY {part})"),
            (f"(w{frame})", f" WINDOW w AS (PARTITION BY {part} ORDER BY {key})"),
            ("w2", f" WINDOW w AS (PARTITION BY {part}), w2 AS (w ORDER BY {key}{frame})"),
        )
        text = f"SELECT {self.items(view, columns, 1)}, {call} OVER {over}::int AS w FROM {source}{self.where(view, depth)}{named}"
        return text, columns + [("w", "int")]


def rows(maker):
    """The tables and what is in them."""
    for name, columns in TABLES.items():
        yield f"DROP TABLE IF EXISTS public.{name}"
        yield f"CREATE TABLE public.{name} ({', '.join(f'{column} {kind}' for column, kind in columns)})"
        made = [", ".join(maker.any_of(*VALUES[kind]) for _, kind in columns) for _ in range(8)]
        yield f"INSERT INTO public.{name} VALUES {', '.join(f'({row})' for row in made)}"


def asked(connection, query):
    """Types and rows in any order, or an SQLSTATE and the message."""
    result = connection.pgconn.exec_(query.encode())
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        types = [result.ftype(column) for column in range(result.nfields)]
        found = [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
        return types, sorted(found, key=repr)
    state = result.error_field(DiagnosticField.SQLSTATE) or b"nothing"
    return state.decode(), (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message or b"").decode()


def outcome(theirs, ours):
    """"same", "unsupported", "data", or what differs."""
    if theirs == ours:
        return "same"
    if ours[0] == "0A000":
        return "unsupported"
    states = [answer[0] for answer in (theirs, ours) if isinstance(answer[0], str)]
    if "57014" in states[:1] and isinstance(theirs[0], str):
        return "data"
    if states and all(state[:2] in ("22", "21") for state in states):
        return "data"
    if len(states) == 2 and states[0] == states[1]:
        return "same"
    return "outcomes" if states else "types" if theirs[0] != ours[0] else "rows"


def main():
    host, pg_port, pg_user, lakeport_port, database, first, count = sys.argv[1:8]
    queries = int(sys.argv[8]) if len(sys.argv) > 8 else 60
    postgres = psycopg.connect(host=host, port=pg_port, user=pg_user, dbname="postgres", autocommit=True)
    reach = {"host": "127.0.0.1", "port": lakeport_port, "user": "lakeport", "dbname": database, "autocommit": True}
    lakeport = psycopg.connect(**reach)
    for connection in (postgres, lakeport):
        connection.execute("SET statement_timeout = '10s'")
    counted, failures = {}, []
    fixed = pathlib.Path(__file__).with_name("queries.sql").read_text().splitlines()
    fixed = [line for line in fixed if line.strip() and not line.startswith("--")]
    for seed in range(int(first), int(first) + int(count)):
        maker = Maker(seed)
        made = list(rows(maker))
        zone = f"SET TimeZone = '{'UTC' if seed % 2 else 'Europe/Berlin'}'"
        for connection in (postgres, lakeport):
            for statement in [*made, zone]:
                connection.execute(statement)
        for number in range(queries + (len(fixed) if seed == int(first) else 0)):
            query = maker.select(2, [])[0] if number < queries else fixed[number - queries]
            theirs, ours = asked(postgres, query), asked(lakeport, query)
            what = outcome(theirs, ours)
            counted[what] = counted.get(what, 0) + 1
            if what not in ("same", "unsupported", "data"):
                failures.append((len(query), f"{what} (seed {seed}): {query}\n    PostgreSQL: {str(theirs)[:400]}\n    Lakeport:   {str(ours)[:400]}"))
            if lakeport.pgconn.status != ConnStatus.OK:
                # A refused one ends the run: the server is gone.
                lakeport = psycopg.connect(**reach)
                lakeport.execute("SET statement_timeout = '10s'")
                lakeport.execute(zone)
    print(f"seeds {first} and {count} in all: {counted}")
    # The shortest tell most.
    for _, failure in sorted(failures)[:40]:
        print(failure)
    unsupported = counted.get("unsupported", 0) * 10 > sum(counted.values())
    if unsupported:
        print("too much is not supported for this to tell anything")
    sys.exit(1 if failures or unsupported else 0)


main()
