"""How well records of the same person were found, by the true links in their numbers.

FACTS is the landing folder; rec-12-org and rec-12-dup-0 are one person.
"""

import sys

import duckdb
from matching import measure

facts, answers = sys.argv[1:]
names = ", ".join(f"'column{number}'" for number in range(11))
records = f"""
    SELECT trim(column0) AS id, split_part(trim(column0), '-', 2) AS person, person_id AS guess
    FROM read_csv('{facts}/febrl_dedup/*.csv', header = false, skip = 1, all_varchar = true, names = [{names}])
    LEFT JOIN '{answers}/silver.identities.parquet' ON record_id = trim(column0)
"""
sys.exit(0 if measure(duckdb.connect(), records) else 1)
