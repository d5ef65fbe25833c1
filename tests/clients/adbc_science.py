"""ADBC for data science: pandas, Polars, DuckDB; a training set as it was; predictions written back."""

import os
import sys
import warnings

try:
    import adbc_driver_flightsql.dbapi as flight_sql
    import adbc_driver_manager
    import duckdb
    import pandas
    import polars
    import pyarrow as pa
except ImportError as error:
    print(error)
    sys.exit(77)

URI = f"grpc://{os.environ['LAKEPORT_FLIGHT']}"


def connect(**keywords):
    return flight_sql.connect(URI, db_kwargs={"username": "lakeport", "password": "x"}, **keywords)


with connect(autocommit=True) as connection:
    frame = pandas.read_sql("SELECT * FROM silver.orders", connection)
    assert len(frame) > 0
    lazy = polars.read_database("SELECT * FROM silver.orders", connection)
    assert lazy.height == len(frame)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM silver.orders")
        reader = cursor.fetch_record_batch()
        counted = duckdb.sql("SELECT count(*) FROM reader").fetchall()
        assert counted == [(len(frame),)], counted

        # The lake as it was, so that a training set can be made again.
        cursor.execute("SELECT max(epoch) FROM lakeport.epochs")
        (epoch,) = cursor.fetchone()
        cursor.execute("CREATE TABLE sandbox.features (id bigint, score double precision)")
        cursor.adbc_ingest(
            "features",
            pa.table({"id": [1, 2], "score": [0.25, 0.5]}),
            mode="append",
            db_schema_name="sandbox",
        )
        cursor.execute(f"SET lakeport.as_of = '{epoch}'")
        try:
            cursor.execute("SELECT * FROM sandbox.features")
            raise AssertionError("a table of the future was read")
        except adbc_driver_manager.Error as error:
            assert "42P01" in str(error), error
        cursor.execute("RESET lakeport.as_of")
        cursor.execute("SELECT id, _change_type FROM table_changes('sandbox.features', 0, 1) ORDER BY id")
        assert cursor.fetchall() == [(1, "insert"), (2, "insert")]

        # Predictions, from pandas, in every mode.
        for mode, expected in [("create", 2), ("append", 4), ("create_append", 6), ("replace", 2)]:
            predictions = pandas.DataFrame({"id": [1, 2], "label": ["yes", "no"]})
            written = cursor.adbc_ingest(
                "predictions", pa.Table.from_pandas(predictions), mode=mode, db_schema_name="sandbox"
            )
            assert written == 2, written
            cursor.execute("SELECT count(*) FROM sandbox.predictions")
            assert cursor.fetchone() == (expected,), mode
        try:
            cursor.adbc_ingest(
                "predictions", pa.table({"id": [3]}), mode="create", db_schema_name="sandbox"
            )
            raise AssertionError("a table was made twice")
        except adbc_driver_manager.Error as error:
            assert "already exists" in str(error), error
        frame = polars.DataFrame({"id": [7], "label": ["maybe"]})
        frame.write_database(
            "sandbox.predictions", connection, engine="adbc", if_table_exists="append"
        )
        cursor.execute("SELECT label FROM sandbox.predictions WHERE id = 7")
        assert cursor.fetchall() == [("maybe",)]

        # Many rows of parameters: for a query the rows of each, for an INSERT one commit.
        cursor.executemany("INSERT INTO sandbox.features VALUES (?, ?)", [(i, i / 2) for i in range(3, 103)])
        cursor.execute("SELECT count(*) FROM sandbox.features")
        assert cursor.fetchone() == (102,)
        statement = cursor.adbc_prepare("SELECT $1::bigint * 2 AS n")
        assert statement.names == ["$1"], statement
        cursor.execute("DROP TABLE sandbox.features")
        cursor.execute("DROP TABLE sandbox.predictions")

    # Options are settings; the catalog and the schema are two of them.
    assert connection.adbc_current_catalog == "shop", connection.adbc_current_catalog
    connection.adbc_current_db_schema = "silver"
    assert connection.adbc_current_db_schema == "silver"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        assert cursor.fetchone()[0] > 0
        assert cursor.adbc_execute_schema("SELECT 1 AS one").names == ["one"]
    objects = connection.adbc_get_objects(depth="all", db_schema_filter="silver").read_all()
    columns = objects.to_pylist()[0]["catalog_db_schemas"][0]["db_schema_tables"][0]["table_columns"]
    assert all(column["xdbc_type_name"] for column in columns), columns
    assert "TABLE" in connection.adbc_get_table_types()

# What the DB API does by default: a transaction, which reads one state of the lake.
with warnings.catch_warnings():
    warnings.simplefilter("error")
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM silver.orders")
        before = cursor.fetchone()
        with connect(autocommit=True) as other, other.cursor() as writer:
            writer.execute("CREATE TABLE sandbox.later (id bigint)")
        try:
            cursor.execute("SELECT * FROM sandbox.later")
            raise AssertionError("a transaction saw what came after it began")
        except adbc_driver_manager.Error as error:
            assert "42P01" in str(error), error
        cursor.execute("SELECT count(*) FROM silver.orders")
        assert cursor.fetchone() == before
        connection.commit()
        cursor.execute("SELECT count(*) FROM sandbox.later")
        assert cursor.fetchone() == (0,)
        try:
            cursor.execute("DROP TABLE sandbox.later")
            raise AssertionError("a transaction wrote")
        except adbc_driver_manager.Error as error:
            assert "25006" in str(error), error
        connection.rollback()
        assert cursor.adbc_ingest("later", pa.table({"id": [1]}), mode="append", db_schema_name="sandbox") == 1
        connection.commit()
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sandbox.later")
        assert cursor.fetchone() == (1,)
        cursor.execute("DROP TABLE sandbox.later")
