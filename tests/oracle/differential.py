"""The same statements to PostgreSQL and to Lakeport: values, types, modifiers, tags, SQLSTATEs, in three forms.

python differential.py PG_HOST PG_PORT PG_USER LAKEPORT_PORT LAKEPORT_DATABASE [SEED [COUNT]]

Statements come from differential.sql beside this file, parameters of every type from psycopg, and from expressions made up at random over columns of
every type, of a seed that is printed. Prints what differs and exits with 1. Numerics are compared as numbers, to
as many digits as PostgreSQL shows; everything else as it comes over the wire.
"""

import datetime as dt
import decimal
import ipaddress
import pathlib
import random
import sys
import uuid

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.types.json import Json, Jsonb
from psycopg.types.numeric import Oid
from psycopg.types.range import DateRange, Int4Range, Int8Range, NumericRange, TimestampRange, TimestamptzRange

NUMERIC, FLOAT8, FLOAT4 = 1700, 701, 700

DATA = """CREATE TABLE public.facts (id integer, i2 smallint, i8 bigint, f double precision, r real,
    n numeric(12,2), t text, b boolean, d date, ts timestamp, tz timestamptz)"""
ROWS = """INSERT INTO public.facts VALUES
    (1, 1, 1, 1.5, 0.25, 10.50, 'abc', true, '2024-01-31', '2024-01-31 12:34:56.789', '2024-03-10 01:30:00+00'),
    (2, -2, -9000000000, -0.1, -1.5, -0.01, '', false, '2000-02-29', '1999-12-31 23:59:59', '2024-10-27 00:59:59+00'),
    (3, 32767, 9223372036854775807, '1e300'::float8, '3e38'::real, 9999999999.99, 'Ünï çödé', NULL, '1970-01-01', '1970-01-01 00:00:00', '1970-01-01 00:00:00+00'),
    (4, 0, 0, 0, 0, 0.00, 'a b  c', true, '2024-12-31', '2024-02-29 00:00:00', '2024-12-31 23:59:59.999999+00'),
    (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, 7, 42, 'NaN'::float8, 'Infinity'::real, 3.14, '10', false, '1999-12-31', '2038-01-19 03:14:07', '2038-01-19 03:14:07+00'),
    (-7, -32768, -42, 2.5, '1e-10'::real, 100.00, 'it''s', true, '2023-06-15', '2023-06-15 06:07:08.000009', '2023-06-15 22:00:00+00')"""


class Maker:
    """Expressions of a type, at random; NULL comes from the rows, since PostgreSQL folds what is strict over a constant one."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def any_of(self, *choices):
        return self.random.choice(choices)

    def make(self, kind, depth):
        if depth <= 0:
            return self.any_of(*LEAVES[kind])
        form, kinds = self.any_of(*FORMS[kind])
        return form.format(*[self.make(inner, depth - 1) for inner in kinds])


LEAVES = {
    "int": ["id", "i2", "1", "0", "-3", "7"],
    "big": ["i8", "id::bigint", "5000000000"],
    "num": ["n", "1.5", "-0.25", "id::numeric(10,0)"],
    "flt": ["f", "0.5::float8", "id::float8"],
    "txt": ["t", "'x'::text", "''::text", "'a-b'::text"],
    "bol": ["b", "true", "false"],
    "dat": ["d", "DATE '2024-02-29'"],
    "tst": ["ts", "TIMESTAMP '2024-01-31 10:00:00'", "d::timestamp"],
    "ttz": ["tz", "TIMESTAMPTZ '2024-07-01 00:00:00+02'"],
    "itv": ["INTERVAL '1 month 2 days'", "INTERVAL '-3 hours'", "(ts - TIMESTAMP '2020-01-01')"],
}

FORMS = {
    "int": [
        ("({} + {})", ["int", "int"]), ("({} - {})", ["int", "int"]), ("({} * {})", ["int", "int"]),
        ("({} / {})", ["int", "int"]), ("({} % {})", ["int", "int"]), ("abs({})", ["int"]),
        ("length({})", ["txt"]), ("coalesce({}, {})", ["int", "int"]), ("nullif({}, {})", ["int", "int"]),
        ("CASE WHEN {} THEN {} ELSE {} END", ["bol", "int", "int"]), ("greatest({}, {})", ["int", "int"]),
        ("({} & {})", ["int", "int"]), ("ascii({})", ["txt"]), ("strpos({}, 'b')", ["txt"]),
        ("extract(year FROM {})::integer", ["dat"]), ("({} - {})", ["dat", "dat"]),
    ],
    "big": [("({} + {})", ["big", "int"]), ("({} - {})", ["big", "big"]), ("({} * {})", ["big", "int"]), ("({} / {})", ["big", "int"])],
    "num": [
        ("({} + {})", ["num", "num"]), ("({} - {})", ["num", "int"]), ("({} * {})", ["num", "num"]), ("({} / {})", ["num", "num"]),
        ("round({}, 1)", ["num"]), ("abs({})", ["num"]), ("floor({})", ["num"]), ("coalesce({}, {})", ["num", "num"]),
        ("extract(epoch FROM {})", ["tst"]), ("trunc({})", ["num"]),
    ],
    "flt": [
        ("({} + {})", ["flt", "flt"]), ("({} * {})", ["flt", "num"]), ("({} - {})", ["flt", "int"]), ("({} / {})", ["flt", "flt"]),
        ("coalesce({}, {})", ["flt", "num"]), ("sqrt(abs({}))", ["flt"]), ("CASE WHEN {} THEN {} ELSE {} END", ["bol", "flt", "num"]),
        ("greatest({}, {})", ["flt", "flt"]),
    ],
    "txt": [
        ("({} || {})", ["txt", "txt"]), ("upper({})", ["txt"]), ("lower({})", ["txt"]), ("substring({}, 2, 2)", ["txt"]),
        ("left({}, 2)", ["txt"]), ("right({}, 2)", ["txt"]), ("replace({}, 'b', {})", ["txt", "txt"]), ("btrim({})", ["txt"]),
        ("lpad({}, 5, '*')", ["txt"]), ("reverse({})", ["txt"]), ("coalesce({}, {})", ["txt", "txt"]), ("split_part({}, ' ', 1)", ["txt"]),
        ("({})::text", ["int"]), ("({})::text", ["dat"]), ("({})::text", ["tst"]), ("({})::text", ["bol"]), ("({})::text", ["big"]),
        ("md5({})", ["txt"]), ("to_char({}, 'YYYY-MM-DD HH24:MI:SS')", ["tst"]), ("initcap({})", ["txt"]), ("({})::text", ["itv"]),
        ("regexp_replace({}, '[aeiou]', '#', 'g')", ["txt"]), ("translate({}, 'abc', 'xy')", ["txt"]), ("repeat({}, 2)", ["txt"]),
        ("format('%s|%s', {}, {})", ["txt", "int"]), ("concat({}, {})", ["txt", "int"]), ("quote_literal({})", ["txt"]),
    ],
    "bol": [
        ("({} = {})", ["int", "int"]), ("({} < {})", ["num", "num"]), ("({} >= {})", ["flt", "flt"]), ("({} <> {})", ["txt", "txt"]),
        ("({} AND {})", ["bol", "bol"]), ("({} OR {})", ["bol", "bol"]), ("(NOT {})", ["bol"]), ("({} IS NULL)", ["int"]),
        ("({} LIKE 'a%')", ["txt"]), ("({} BETWEEN {} AND {})", ["int", "int", "int"]), ("({} IN (1, 2, 3))", ["int"]),
        ("({} IS DISTINCT FROM {})", ["int", "int"]), ("({} < {})", ["dat", "dat"]), ("({} > {})", ["tst", "tst"]),
        ("({} ~ '[a-c]')", ["txt"]), ("({} = ANY (ARRAY[1, 7, NULL]))", ["int"]), ("({} <= {})", ["big", "int"]), ("starts_with({}, 'a')", ["txt"]),
    ],
    "dat": [("({} + 1)", ["dat"]), ("({} - 30)", ["dat"]), ("({})::date", ["tst"]), ("greatest({}, {})", ["dat", "dat"])],
    "tst": [
        ("({} + INTERVAL '1 day')", ["tst"]), ("({} - INTERVAL '1 month')", ["tst"]), ("date_trunc('month', {})", ["tst"]),
        ("date_trunc('hour', {})", ["tst"]), ("({} AT TIME ZONE 'UTC')", ["ttz"]), ("({} + INTERVAL '90 minutes')", ["dat"]),
        ("date_trunc('week', {})", ["tst"]), ("({} + {})", ["dat", "itv"]),
    ],
    "ttz": [("({} + INTERVAL '1 day')", ["ttz"]), ("({} AT TIME ZONE 'Europe/Berlin')", ["tst"])],
    "itv": [("({} - {})", ["tst", "tst"]), ("({} * 2)", ["itv"]), ("(- {})", ["itv"]), ("age({}, {})", ["tst", "tst"])],
}


def asked(connection, query, form):
    """One answer: types, rows and tag, or a SQLSTATE."""
    link = connection.pgconn
    if form == "simple":
        result = link.exec_(query.encode())
    else:
        result = link.exec_params(query.encode(), [], result_format=1 if form == "binary" else 0)
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        rows = [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
        types = [result.ftype(column) for column in range(result.nfields)]
        names = [(result.fname(column), result.fmod(column)) for column in range(result.nfields)]
        return types, names, rows, result.command_status
    state = result.error_field(DiagnosticField.SQLSTATE)
    return state.decode() if state else str(result.error_message)


def binary_numeric(value):
    """PostgreSQL's binary numeric as a number."""
    words = [int.from_bytes(value[at:at + 2], "big", signed=True) for at in range(0, len(value), 2)]
    count, weight, sign, _ = words[:4]
    sign &= 0xFFFF
    if sign not in (0, 0x4000):
        return decimal.Decimal("NaN")
    number = sum(decimal.Decimal(digit) * decimal.Decimal(10000) ** (weight - at) for at, digit in enumerate(words[4:4 + count]))
    return -number if sign else decimal.Decimal(number)


def same_value(one, other, oid, form):
    if one == other:
        return True
    if one is None or other is None or oid != NUMERIC:
        return False
    if form == "binary":
        one, other = binary_numeric(one), binary_numeric(other)
    else:
        one, other = decimal.Decimal(one.decode()), decimal.Decimal(other.decode())
    if one.is_nan() or other.is_nan():
        return one.is_nan() and other.is_nan()
    # PostgreSQL shows a quotient to sixteen significant digits or more.
    return abs(one - other) <= max(abs(one), abs(other)) * decimal.Decimal("1e-15") + decimal.Decimal("1e-16")


def differs(theirs, ours, ordered, form):
    """What differs between two answers, in words; None for nothing."""
    if isinstance(theirs, str) or isinstance(ours, str):
        # Of two errors in the data, which one is met first depends on the order of evaluation.
        both = isinstance(theirs, str) and isinstance(ours, str) and theirs[:2] == ours[:2] == "22"
        return None if both or theirs == ours else "outcome"
    for what, one, other in zip(("types", "names and modifiers"), theirs[:2], ours[:2]):
        if one != other:
            return what
    if theirs[3] != ours[3]:
        return "tag"
    one, other = theirs[2], ours[2]
    if not ordered:
        one, other = sorted(one, key=repr), sorted(other, key=repr)
    if len(one) != len(other):
        return "number of rows"
    for mine, yours in zip(one, other):
        for left, right, oid in zip(mine, yours, theirs[0]):
            if not same_value(left, right, oid, form):
                return "values"
    return None


def statements(seed, count):
    lines = pathlib.Path(__file__).with_name("differential.sql").read_text().splitlines()
    for line in lines:
        if line.strip() and not line.startswith("--"):
            yield line
    maker = Maker(seed)
    for number in range(count):
        kind = maker.any_of(*FORMS)
        depth = maker.any_of(1, 1, 2, 2, 3)
        if number % 5 == 4:
            # Not deeper: whether a condition that is decided already still fails is nobody's promise.
            yield f"SELECT id FROM public.facts WHERE {maker.make('bol', 1)} ORDER BY id"
        else:
            yield f"SELECT id, {maker.make(kind, depth)} AS x FROM public.facts ORDER BY id"


def parameters():
    """What drivers send as parameters, of every type that has values of its own."""
    zone = dt.timezone(dt.timedelta(hours=2))
    plain = [
        True, 7, 70_000, 2**40, 1.5, float("nan"), float("-inf"), "ä€", b"\x00\xff", uuid.UUID(int=5), dt.date(1, 1, 1),
        dt.date(9999, 12, 31), dt.datetime(258, 1, 8, 1, 12, 32, 358261), dt.datetime(2300, 1, 1, tzinfo=zone), dt.time(10, 20, 30, 40),
        dt.time(10, 20, tzinfo=zone), dt.timedelta(-1, 3, 5), Oid(70_000), Json({"a": [1, "é"]}), Jsonb({"b": None, "a": 1.5}),
        ipaddress.ip_address("192.168.0.1"), ipaddress.ip_address("::ffff:102:300"), ipaddress.ip_interface("10.1.2.3/8"),
        ipaddress.ip_network("2001:db8::/32"),
    ]
    bounds = [
        (Int4Range, -5, 7), (Int8Range, 2**40, 2**41), (NumericRange, decimal.Decimal("-1.5"), decimal.Decimal("1000000.25")),
        (DateRange, dt.date(2000, 1, 1), dt.date(2020, 2, 29)), (TimestampRange, dt.datetime(2000, 1, 1), dt.datetime(2020, 1, 1, 23, 59)),
        (TimestamptzRange, dt.datetime(2000, 1, 1, tzinfo=zone), dt.datetime(2020, 1, 1, tzinfo=zone)),
    ]
    ranges = [kind(*ends, form) for kind, *ends in bounds for form in ("[]", "()", "(]")]
    ranges += [kind(empty=True) for kind, *_ in bounds] + [kind(ends[0], None, "()") for kind, *ends in bounds]
    # As many digits as are sent come back, and arrays of any dimensions.
    wide = ("NaN", "Infinity", "-Infinity", "1E+40", "-1E-60", "1.0E-50", "123456789012345678901234567890123456789012.5")
    for digits in wide:
        for into in ("s", "t", "b"):
            yield f"SELECT %{into} AS x, %{into}::numeric AS y, %{into}::text AS z", (decimal.Decimal(digits),) * 3
    for digits in ("1.50", "-0.00000000000000000001", "12345678901234567890.123456789", "0", "1E+5"):
        for into in ("s", "t", "b"):
            yield f"SELECT %{into} AS x, %{into}::numeric AS y", (decimal.Decimal(digits),) * 2
            yield f"SELECT %{into}::text AS x, concat(%{into}::text, '|') AS y", (decimal.Decimal(digits),) * 2
    for array in ([[1, 2], [3, 4]], [["a", None], ["", "{"]], [[[True]]]):
        for into in ("s", "t", "b"):
            yield f"SELECT %{into} AS x", (array,)
    for into in ("s", "t", "b"):
        yield f"SELECT ARRAY[%{into}, %{into}] AS x, ARRAY[%{into}, 5] AS y", (1, 2, 3)
    for value in plain + ranges:
        for into in ("s", "t", "b"):
            yield f"SELECT %{into} AS x", (value,)
            yield f"SELECT %{into} AS x", ([value, None],)
            if not isinstance(value, (str, Json)):
                yield f"SELECT %{into} = %{into} AS x, pg_typeof(%{into})::text AS y", (value, value, value)


def sent(connection, query, values, form):
    """One answer to a statement with parameters, as `asked` gives it."""
    cursor = connection.cursor(binary=form == "binary")
    try:
        cursor.execute(query, values)
    except psycopg.Error as error:
        return error.sqlstate or str(error)
    result = cursor.pgresult
    columns = range(result.nfields)
    rows = [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]
    names = [(result.fname(at), result.fmod(at)) for at in columns]
    return [result.ftype(at) for at in columns], names, rows, result.command_status


def main():
    host, pg_port, pg_user, lakeport_port, database = sys.argv[1:6]
    seed = int(sys.argv[6]) if len(sys.argv) > 6 else 20261121
    count = int(sys.argv[7]) if len(sys.argv) > 7 else 400
    postgres = psycopg.connect(host=host, port=pg_port, user=pg_user, dbname="postgres", autocommit=True)
    lakeport = psycopg.connect(host="127.0.0.1", port=lakeport_port, user="lakeport", dbname=database, autocommit=True)
    for connection in (postgres, lakeport):
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(DATA)
        connection.execute(ROWS)
    compared, failures = 0, []
    for statement in statements(seed, count):
        ordered = "ORDER BY" in statement.upper()
        for form in ("simple", "text", "binary"):
            theirs, ours = asked(postgres, statement, form), asked(lakeport, statement, form)
            compared += 1
            what = differs(theirs, ours, ordered, form)
            if what:
                failures.append(f"{what} ({form}): {statement}\n    PostgreSQL: {str(theirs)[:400]}\n    Lakeport:   {str(ours)[:400]}")
                break
    for query, values in parameters():
        for form in ("text", "binary"):
            theirs, ours = sent(postgres, query, values, form), sent(lakeport, query, values, form)
            compared += 1
            what = differs(theirs, ours, True, form)
            if what:
                failures.append(f"{what} ({form}): {query} {values}\n    PostgreSQL: {str(theirs)[:400]}\n    Lakeport:   {str(ours)[:400]}")
    print(f"seed {seed}: {compared} answers compared, {len(failures)} statements differ")
    for failure in failures[:60]:
        print(failure)
    sys.exit(1 if failures else 0)


main()
