"""TPC-H's views as DuckDB answers them over the same rows.

Called with the folder of the views' SQL files and one with the tables and the views' rows as Parquet. Rows
are compared as bags; numbers with a fraction within 1e-9, because DuckDB's averages are floats.
"""

import sys
from decimal import Decimal
from pathlib import Path

import duckdb

TABLES = "lineitem orders customer part partsupp supplier nation region".split()


def plain(value):
    return float(value) if isinstance(value, Decimal) else value


def same(one, other):
    if isinstance(one, float) or isinstance(other, float):
        if one is None or other is None:
            return one is other
        return abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other))
    return one == other


def ordered(rows):
    rows = [tuple(plain(value) for value in row) for row in rows]
    # Floats that differ in the last digit must not change the order.
    key = lambda row: [
        (value is not None, f"{value:.4f}" if isinstance(value, float) else str(value)) for value in row
    ]
    return sorted(rows, key=key)


def main(views, answers):
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA bronze")
    for table in TABLES:
        file = answers / f"bronze.{table}.parquet"
        connection.execute(f"CREATE VIEW bronze.{table} AS FROM '{file}'")
    different = 0
    for view in sorted(views.glob("*.sql")):
        query = view.read_text().split("\nAS\n", 1)[1].rstrip().rstrip(";")
        wanted = ordered(connection.execute(query).fetchall())
        file = answers / f"silver.{view.stem}.parquet"
        rows = connection.execute(f"FROM '{file}'").fetchall() if file.exists() else []
        found = ordered(rows)
        equal = len(wanted) == len(found) and all(
            len(one) == len(other) and all(map(same, one, other)) for one, other in zip(wanted, found)
        )
        if not equal:
            different += 1
            print(f"DIFFERENT {view.stem}: {len(found)} rows for {len(wanted)}")
            for one, other in [pair for pair in zip(wanted, found) if pair[0] != pair[1]][:3]:
                print(f"  duckdb   {one}\n  lakeport {other}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
