"""pandas through SQLAlchemy, and ADBC's PostgreSQL driver: whole tables, their types, the catalog."""

import os
import sys

try:
    import adbc_driver_postgresql.dbapi as postgresql
    import pandas
    import sqlalchemy
except ImportError as error:
    print(error)
    sys.exit(77)

ADDRESS = f"{os.environ['PGUSER']}@{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"

engine = sqlalchemy.create_engine(f"postgresql+psycopg://{ADDRESS}")
orders = pandas.read_sql("SELECT * FROM silver.orders", engine)
assert len(orders) > 0
revenue = pandas.read_sql_table("daily_revenue", engine, schema="gold_finance")
assert len(revenue) > 0 and "day" in revenue.columns, revenue.dtypes
engine.dispose()

with postgresql.connect(f"postgresql://{ADDRESS}") as connection, connection.cursor() as cursor:
    cursor.execute("SELECT * FROM silver.orders")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == len(orders), (table.num_rows, len(orders))
