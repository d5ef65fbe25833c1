"""SQLAlchemy 2 over psycopg 3, psycopg 2 and pg8000: every method of the Inspector, reflection, a query."""

import os
import sys

try:
    import pg8000
    import psycopg
    import psycopg2
    import sqlalchemy
except ImportError as error:
    print(error)
    sys.exit(77)

ADDRESS = f"{os.environ['PGUSER']}@{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"

for driver in ("psycopg", "psycopg2", "pg8000"):
    engine = sqlalchemy.create_engine(f"postgresql+{driver}://{ADDRESS}")
    inspector = sqlalchemy.inspect(engine)
    schemas = inspector.get_schema_names()
    assert "silver" in schemas and "gold_finance" in schemas, schemas
    assert "orders" in inspector.get_table_names(schema="silver")
    for names in ("get_view_names", "get_materialized_view_names", "get_foreign_table_names", "get_enums", "get_domains"):
        getattr(inspector, names)(schema="silver")
    columns = {column["name"]: column for column in inspector.get_columns("orders", schema="silver")}
    assert isinstance(columns["order_id"]["type"], sqlalchemy.TEXT), columns["order_id"]
    assert columns["order_id"]["comment"] and not columns["order_id"]["nullable"], columns["order_id"]
    key = inspector.get_pk_constraint("orders", schema="silver")
    assert key["constrained_columns"] == ["order_id"] and key["name"] == "orders_pkey", key
    assert inspector.get_foreign_keys("orders", schema="silver") == []
    assert inspector.get_indexes("orders", schema="silver") == []
    assert inspector.get_unique_constraints("orders", schema="silver") == []
    assert inspector.get_check_constraints("orders", schema="silver") == []
    assert inspector.get_table_comment("orders", schema="silver")["text"]
    inspector.get_table_options("orders", schema="silver")
    for several in ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints", "check_constraints", "table_comment", "table_options"):
        assert getattr(inspector, f"get_multi_{several}")(schema="silver")
    assert inspector.has_table("orders", schema="silver") and not inspector.has_table("nothing", schema="silver")
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, schema="gold_finance")
    revenue = metadata.tables["gold_finance.daily_revenue"]
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(revenue).limit(3)).all()
        assert len(rows) == 3, rows
        count = connection.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(revenue))
        assert count > 3
    engine.dispose()
