"""Compares what Lakeport has in its views with what DuckDB makes of the same facts.

A script that uses it is called with two folders, the facts and Lakeport's answer: one Parquet file a
view, named schema.view.parquet. It prints one line a view and ends with 1 when one differs.
"""

import sys
from pathlib import Path

import duckdb


def half_away(numerator, denominator):
    """SQL for numerator / denominator rounded half away from zero, in whole numbers throughout."""
    n, d = f"CAST({numerator} AS HUGEINT)", f"CAST({denominator} AS HUGEINT)"
    return f"(CASE WHEN {n} < 0 THEN -1 ELSE 1 END * ((2 * abs({n}) + {d}) // (2 * {d})))"


def cents(numerator, denominator):
    """SQL for numerator / denominator, which is a number of cents, as DECIMAL(38, 2)."""
    return f"(CAST({half_away(numerator, denominator)} AS DECIMAL(36, 0)) * 0.01::DECIMAL(3, 2))"


def ratio(numerator, denominator, digits):
    """SQL for numerator / denominator with so many digits, NULL when the denominator is 0."""
    whole = half_away(f"({numerator}) * {10 ** digits}", denominator)
    return f"(CASE WHEN ({denominator}) = 0 THEN NULL ELSE CAST({whole} AS DECIMAL(30, 0)) * {0.1 ** digits:.{digits}f} END)"


def compare(connection, answers, expected, omitted):
    """Prints a line a view; returns how many differ.

    `expected` is {view: SQL}, or {view: (SQL, condition)} where only the view's rows that meet the
    condition are compared. `omitted` is {view: {column: why the facts do not have it}}: every other column
    of a view is compared.
    """
    different = 0
    for view, sql in expected.items():
        sql, condition = sql if isinstance(sql, tuple) else (sql, "true")
        file = Path(answers) / f"{view}.parquet"
        if not file.exists():
            print(f"MISSING {view}: {file} is not there")
            different += 1
            continue
        connection.execute(f"CREATE OR REPLACE TEMP TABLE expected AS {sql}")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS FROM '{file}' WHERE {condition}")
        columns = [row[0] for row in connection.execute("DESCRIBE expected").fetchall()]
        there = [row[0] for row in connection.execute("DESCRIBE answer").fetchall()]
        if missing := [column for column in columns if column not in there]:
            print(f"DIFFERENT {view}: it has no column {', '.join(missing)}")
            different += 1
            continue
        without = omitted.get(view, {})
        if unknown := [column for column in there if column not in columns and column not in without]:
            print(f"DIFFERENT {view}: nothing is known of {', '.join(unknown)}")
            different += 1
            continue
        if needless := [column for column in without if column in columns or column not in there]:
            print(f"DIFFERENT {view}: {', '.join(needless)} is omitted and need not be")
            different += 1
            continue
        names = ", ".join(f'"{column}"' for column in columns)
        count = "SELECT count(*) FROM"
        rows = connection.execute(f"{count} answer").fetchone()[0]
        wanted = connection.execute(f"{count} expected").fetchone()[0]
        lost = f"SELECT {names} FROM expected EXCEPT ALL SELECT {names} FROM answer"
        extra = f"SELECT {names} FROM answer EXCEPT ALL SELECT {names} FROM expected"
        lost_rows = connection.execute(f"{count} ({lost})").fetchone()[0]
        extra_rows = connection.execute(f"{count} ({extra})").fetchone()[0]
        if wanted == 0:
            print(f"DIFFERENT {view}: nothing to compare with, the facts are empty")
            different += 1
        elif lost_rows or extra_rows:
            print(f"DIFFERENT {view}: {lost_rows} of {wanted} rows lost, {extra_rows} of {rows} extra")
            for title, query in (("lost", lost), ("extra", extra)):
                for row in connection.execute(f"{query} ORDER BY ALL LIMIT 3").fetchall():
                    print(f"  {title}: {dict(zip(columns, row))}")
            different += 1
        else:
            print(f"equal {view}: {rows} rows")
    return different


def main(prepare, expected, omitted=None):
    """`prepare(connection, facts)` makes the tables that the SQL of `expected` reads."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} FACTS ANSWERS")
    connection = duckdb.connect()
    prepare(connection, Path(sys.argv[1]))
    sys.exit(1 if compare(connection, sys.argv[2], expected, omitted or {}) else 0)
