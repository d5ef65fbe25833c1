"""ADBC Flight SQL: what a data scientist does; metadata, prepared statements, updates, errors."""

import os
import sys

try:
    import adbc_driver_flightsql.dbapi as flight_sql
    import adbc_driver_manager
    import pyarrow
except ImportError as error:
    print(error)
    sys.exit(77)

URI = f"grpc://{os.environ['LAKEPORT_FLIGHT']}"


def connect(user):
    keywords = {"username": user, "password": "anything"}
    return flight_sql.connect(URI, db_kwargs=keywords, autocommit=True)


with connect("lakeport") as connection, connection.cursor() as cursor:
    cursor.execute("SELECT 1 AS one, 'two' AS two, DATE '2026-10-31' AS day, 1.50::numeric(10,2) AS price")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 1 and table.column_names == ["one", "two", "day", "price"], table
    assert table.schema.field("price").type == pyarrow.decimal128(10, 2), table.schema

    cursor.execute("SELECT * FROM silver.orders")
    orders = cursor.fetch_arrow_table()
    assert orders.num_rows > 0
    for field in orders.schema:
        assert not pyarrow.types.is_dictionary(field.type), field
        assert "view" not in str(field.type), field

    cursor.execute("SELECT * FROM generate_series(1, 1000000) AS t(n)")
    total = sum(batch.num_rows for batch in cursor.fetch_record_batch())
    assert total == 1000000, total

    cursor.execute("SELECT $1::bigint + 1 AS n, $2::text AS t", (41, "x"))
    assert cursor.fetchall() == [(42, "x")]
    cursor.execute("SELECT ? AS n", ("y",))
    assert cursor.fetchall() == [("y",)]

    schema = connection.adbc_get_table_schema("orders", db_schema_filter="silver")
    assert schema.names == orders.schema.names, schema
    objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    schemas = {s["db_schema_name"]: s["db_schema_tables"] for s in objects[0]["catalog_db_schemas"]}
    assert "orders" in [t["table_name"] for t in schemas["silver"]], schemas.keys()
    assert connection.adbc_get_info()["vendor_name"] == "Lakeport"

    cursor.executescript("CREATE TABLE sandbox.adbc_notes (id bigint, note text)")
    cursor.execute("INSERT INTO sandbox.adbc_notes VALUES ($1, $2)", (1, "one"))
    cursor.executemany("INSERT INTO sandbox.adbc_notes VALUES ($1, $2)", [(2, "two"), (3, None)])
    cursor.execute("SELECT id, note FROM sandbox.adbc_notes ORDER BY id")
    assert cursor.fetchall() == [(1, "one"), (2, "two"), (3, None)]
    cursor.executescript("DROP TABLE sandbox.adbc_notes")

    for statement, sqlstate in [
        ("SELECT * FROM silver.nothing", "42P01"),
        ("SELEC 1", "42601"),
        ("SELECT 1 / 0", "22012"),
    ]:
        try:
            cursor.execute(statement)
            cursor.fetchall()
            raise AssertionError(f"{statement} succeeded")
        except adbc_driver_manager.Error as error:
            assert sqlstate in str(error), error
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]

with connect("marketing") as connection, connection.cursor() as cursor:
    try:
        cursor.execute("SELECT * FROM gold_finance.daily_revenue")
        cursor.fetchall()
        raise AssertionError("marketing read finance")
    except adbc_driver_manager.Error as error:
        assert "42P01" in str(error) or "42501" in str(error), error
    objects = connection.adbc_get_objects(depth="db_schemas").read_all().to_pylist()
    names = [s["db_schema_name"] for s in objects[0]["catalog_db_schemas"]]
    assert "gold_finance" not in names, names

try:
    with connect("nobody") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    raise AssertionError("an unknown role logged in")
except adbc_driver_manager.Error as error:
    assert "does not exist" in str(error), error
