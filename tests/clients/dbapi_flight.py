"""flightsql-dbapi, as Superset and InfluxDB's clients use it: DB API, metadata, errors."""

import os
import sys

try:
    import flightsql
except ImportError as error:
    print(error)
    sys.exit(77)

host, port = os.environ["LAKEPORT_FLIGHT"].rsplit(":", 1)
client = flightsql.FlightSQLClient(
    host=host,
    port=int(port),
    user="lakeport",
    password="anything",
    insecure=True,
    metadata={"database": "shop"},
)
info = client.execute("SELECT count(*) AS n FROM silver.orders")
assert client.do_get(info.endpoints[0].ticket).read_all()["n"][0].as_py() > 0
tables = client.do_get(client.get_tables(include_schema=True).endpoints[0].ticket).read_all()
assert "orders" in tables["table_name"].to_pylist()
catalogs = client.do_get(client.get_catalogs().endpoints[0].ticket).read_all()
assert catalogs["catalog_name"].to_pylist() == ["shop"]
schemas = client.do_get(client.get_db_schemas().endpoints[0].ticket).read_all()
assert "silver" in schemas["db_schema_name"].to_pylist()
prepared = client.prepare("SELECT 2 AS two")
with prepared as statement:
    answer = statement.execute(None)
    assert client.do_get(answer.endpoints[0].ticket).read_all()["two"].to_pylist() == [2]

connection = flightsql.connect(client)
cursor = connection.cursor()
cursor.execute("SELECT 1 AS one, 'a' AS a")
assert [tuple(row) for row in cursor.fetchall()] == [(1, "a")], cursor
assert [column[0] for column in cursor.description] == ["one", "a"]
try:
    cursor.execute("SELECT * FROM silver.nothing")
    cursor.fetchall()
    raise AssertionError("a missing table was read")
except AssertionError:
    raise
except Exception as error:
    assert "42P01" in str(error), error
