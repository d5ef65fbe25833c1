#!/bin/bash
# dbt with dbt-postgres: debug, build (seed, models, tests) twice with more rows, docs. $1: python, $2: dbt.
set -eu
[ -x "$2" ] || { echo "no dbt"; exit 77; }
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cp -r "$(dirname "$0")"/dbt/. "$project"
cd "$project"
dbt() { "$dbt" --no-use-colors "$@" --profiles-dir . || { tail -50 logs/dbt.log; exit 1; }; }
dbt=$2
dbt debug
dbt build
printf '4,web,1,2026-10-04\n' >>seeds/dbt_budgets.csv
dbt build
dbt docs generate
test -s target/catalog.json
"$1" - <<'PYTHON'
import json

import psycopg

catalog = json.load(open("target/catalog.json"))["nodes"]
total = catalog["model.clients.dbt_totals"]
assert total["metadata"]["comment"] == "Budgets by channel.", total["metadata"]
assert total["columns"]["channel"]["comment"] == "Where it is spent.", total["columns"]
with psycopg.connect(autocommit=True) as connection:
    ask = lambda sql: connection.execute(sql).fetchall()
    assert ask("SELECT * FROM sandbox.dbt_totals ORDER BY 1") == [("STORE", 19.5, 2), ("WEB", 4.25, 2)]
    assert ask("SELECT id FROM sandbox.dbt_seen ORDER BY 1") == [(1,), (2,), (3,), (4,)]
    newest = ask("SELECT channel, starts_on::text, budgets FROM sandbox.dbt_newest ORDER BY 1")
    assert newest == [("STORE", "2026-10-03", 2), ("WEB", "2026-10-04", 2)], newest
    left = ask("SELECT relname FROM pg_class WHERE relname LIKE '%dbt\\_tmp%' OR relname LIKE '%dbt\\_backup%'")
    assert left == [], left
    views = [f"DROP VIEW sandbox.{name}" for name in ("dbt_channels",)]
    tables = [f"DROP TABLE sandbox.{name}" for name in ("dbt_totals", "dbt_seen", "dbt_newest", "dbt_budgets")]
    for sql in views + tables:
        connection.execute(sql)
PYTHON
