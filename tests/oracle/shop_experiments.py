"""The moments of the shop's orders in UTC, and the results of its experiments: rates, lifts, SciPy's p of the textbook's z.

FACTS is the truth folder. The tables are those of shop_customers.py.
"""

import math
import sys
from pathlib import Path

import duckdb
import pytz
from scipy.stats import norm
from shop_customers import prepare


ZONES = {
    "DE": "Europe/Berlin", "FR": "Europe/Paris", "NL": "Europe/Amsterdam", "IT": "Europe/Rome", "ES": "Europe/Madrid",
    "GB": "Europe/London", "Boston": "America/New_York", "Austin": "America/Chicago", "Denver": "America/Denver",
    "Portland": "America/Los_Angeles", "Toronto": "America/Toronto", "Montréal": "America/Montreal",
    "Sydney": "Australia/Sydney", "Perth": "Australia/Perth",
}


def orders_are_when_they_were(connection, facts, answers):
    """Turns the tills' local times into UTC, and compares."""
    connection.execute(f"CREATE VIEW shops AS FROM '{facts}/stores.parquet'")
    placed = []
    for order, at, city, country in connection.execute(
        "SELECT order_id, ordered_at, s.city, s.country FROM orders LEFT JOIN shops s USING (store_id)"
    ).fetchall():
        if country is not None:
            zone = pytz.timezone(ZONES.get(country) or ZONES[city])
            at = zone.localize(at).astimezone(pytz.utc).replace(tzinfo=None)
        placed.append((order, at))
    connection.execute("CREATE TABLE placed (order_id VARCHAR, placed_at TIMESTAMP)")
    connection.executemany("INSERT INTO placed VALUES (?, ?)", placed)
    connection.execute("CREATE VIEW paid_when AS SELECT * FROM paid JOIN placed USING (order_id)")
    wrong = connection.execute(
        f"""
        SELECT count(*) FROM placed FULL JOIN '{answers}/silver.orders.parquet' o USING (order_id)
        WHERE placed.placed_at IS DISTINCT FROM o.placed_at
        """
    ).fetchone()[0]
    print(f"{'DIFFERENT' if wrong else 'equal'} silver.orders in UTC: {wrong} of {len(placed)} differ")
    return wrong == 0


def experiments_are_right(connection, answers):
    """Works the test out again, by hand and SciPy's normal distribution."""
    arms = connection.execute(
        """
        SELECT experiment, arm, count(*), count_if(EXISTS (
            SELECT 1 FROM paid_when p WHERE p.who = e.customer_id AND p.status IN ('paid', 'refunded')
            AND p.placed_at >= e.assigned_at AND p.placed_at < e.assigned_at + INTERVAL 14 DAY))
        FROM exposed e WHERE NOT crossover GROUP BY ALL
        """
    ).fetchall()
    control = {experiment: (n, x) for experiment, arm, n, x in arms if arm == "control"}
    expected = {}
    for experiment, arm, n, x in arms:
        m, y = control[experiment]
        if arm == "control":
            expected[experiment, arm] = (n, x, x / n, None, None, None)
            continue
        q = (x + y) / (n + m)
        z = (x / n - y / m) / math.sqrt(q * (1 - q) * (1 / n + 1 / m)) if 0 < q < 1 else None
        p = None if z is None else 2 * norm.sf(abs(z))
        expected[experiment, arm] = (n, x, x / n, (x / n) / (y / m) - 1 if y else None, z, p)
    file = f"{answers}/gold_marketing.experiment_results.parquet"
    rows = connection.execute(
        f"SELECT experiment, arm, customers, converted, rate, lift, z, p_value FROM '{file}'"
    ).fetchall()
    same = len(rows) == len(expected) > 0
    for experiment, arm, *values in rows:
        for mine, theirs in zip(values, expected.get((experiment, arm), [])):
            equal = mine == theirs or (
                None not in (mine, theirs) and math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-12)
            )
            same = same and equal
    print(f"{'equal' if same else 'DIFFERENT'} gold_marketing.experiment_results: {len(rows)} rows")
    if not same:
        print(f"  expected: {expected}\n  answer: {rows}")
    return same


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} FACTS ANSWERS")
    connection = duckdb.connect()
    prepare(connection, Path(sys.argv[1]), sys.argv[2])
    good = orders_are_when_they_were(connection, *sys.argv[1:])
    good = experiments_are_right(connection, sys.argv[2]) and good
    sys.exit(0 if good else 1)
