"""pyarrow's FlightClient: raw calls of Flight and Flight SQL, endpoints in parallel, ingest, errors."""

import concurrent.futures
import os
import sys

try:
    import pyarrow as pa
    import pyarrow.flight as flight
except ImportError as error:
    print(error)
    sys.exit(77)


def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


def field(number, value):
    """A length-delimited, or for an int a varint, field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def command(name, body=b""):
    url = f"type.googleapis.com/arrow.flight.protocol.sql.{name}"
    return field(1, url) + (field(2, body) if body else b"")


client = flight.connect(f"grpc://{os.environ['LAKEPORT_FLIGHT']}")
header, value = client.authenticate_basic_token("lakeport", "anything")
assert header == b"authorization" and value.startswith(b"Bearer "), (header, value)
options = flight.FlightCallOptions(headers=[(header, value)])


def info(sql):
    statement = command("CommandStatementQuery", field(1, sql))
    return client.get_flight_info(flight.FlightDescriptor.for_command(statement), options)


def table(sql):
    return pa.concat_tables(client.do_get(e.ticket, options).read_all() for e in info(sql).endpoints)


answer = info("SELECT 1 AS one, 'two' AS two")
assert answer.schema.names == ["one", "two"] and answer.total_records == -1
statement = flight.FlightDescriptor.for_command(command("CommandStatementQuery", field(1, "SELECT 1 AS one")))
assert client.get_schema(statement, options).schema.names == ["one"]

# Endpoints fetched in parallel are the whole table, each row once.
table("SET lakeport.flight_endpoints = 4")
parts = info("SELECT * FROM silver.order_lines").endpoints
assert len(parts) == 4, len(parts)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    shares = list(pool.map(lambda e: client.do_get(e.ticket, options).read_all(), parts))
whole = table("SELECT count(*) AS n FROM silver.order_lines")["n"][0].as_py()
assert sum(share.num_rows for share in shares) == whole > 0

# Compression is the call's choice.
for kind in [b"lz4", b"zstd"]:
    packed = flight.FlightCallOptions(headers=[(header, value), (b"lakeport-compression", kind)])
    rows = client.do_get(info("SELECT * FROM silver.orders").endpoints[0].ticket, packed).read_all()
    assert rows.num_rows > 0

# Rows in bulk: created, appended to, refused, and dropped.
rows = pa.table({"id": pa.array([1, 2, None], pa.int64()), "word": ["a", None, "c"]})


def ingest(rows, if_not_exist, if_exists):
    definition = field(1, if_not_exist) + field(2, if_exists)
    body = field(1, definition) + field(2, "flight_client") + field(3, "sandbox")
    descriptor = flight.FlightDescriptor.for_command(command("CommandStatementIngest", body))
    writer, reader = client.do_put(descriptor, rows.schema, options)
    with writer:
        writer.write_table(rows)
        writer.done_writing()
        return bytes(reader.read())


assert ingest(rows, 1, 1) == field(1, 3)
assert ingest(rows, 2, 2) == field(1, 3)
try:
    ingest(pa.table({"id": ["not a number"]}), 2, 2)
    raise AssertionError("text went into a column of numbers")
except pa.ArrowInvalid as error:
    assert 'column "id" is of type bigint' in str(error), error
assert table("SELECT count(*) AS n FROM sandbox.flight_client")["n"][0].as_py() == 6
table("DROP TABLE sandbox.flight_client")

names = {action.type for action in client.list_actions(options)}
assert {"CancelFlightInfo", "RenewFlightEndpoint", "SetSessionOptions", "CloseSession"} <= names, names
try:
    table("SELECT * FROM silver.nothing")
    raise AssertionError("a missing table was read")
except flight.FlightServerError as error:
    raise AssertionError(f"the code of a missing table is lost: {error}")
except KeyError as error:
    assert "42P01" in str(error), error
except pa.ArrowException as error:
    assert "42P01" in str(error), error
try:
    client.do_get(flight.Ticket(b"nonsense"), options).read_all()
    raise AssertionError("nonsense was redeemed")
except pa.ArrowInvalid as error:
    assert "Flight SQL message" in str(error), error
list(client.do_action(flight.Action("CloseSession", b""), options))
try:
    info("SELECT 1")
    raise AssertionError("a closed session answered")
except flight.FlightUnauthenticatedError:
    pass
