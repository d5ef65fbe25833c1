"""pandas through SQLAlchemy, ADBC's PostgreSQL driver and connectorx: whole tables, their types, in parts."""

import os
import sys

try:
    import adbc_driver_postgresql.dbapi as postgresql
    import connectorx
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

for protocol in ("binary", "csv", "cursor", "simple"):
    read = connectorx.read_sql(f"postgresql://{ADDRESS}", "SELECT day, channel, net_eur FROM gold_finance.daily_revenue", protocol=protocol)
    assert len(read) == len(revenue) and abs(read.net_eur.sum() - float(revenue.net_eur.sum())) < 1e-6, (protocol, read)
parts = connectorx.read_sql(f"postgresql://{ADDRESS}", "SELECT n::int AS n FROM generate_series(1, 1000) AS g (n)", partition_on="n", partition_num=4)
assert parts.n.sum() == 500500, parts
