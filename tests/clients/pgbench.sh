#!/bin/bash
# pgbench with a script of its own, over the simple, the extended and the prepared protocol.
set -eu
pgbench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | tail -1)
[ -n "$pgbench" ] || { echo "no pgbench"; exit 77; }
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'SQL'
\set n random(1, 1000)
SELECT count(*), max(day) FROM gold_finance.daily_revenue WHERE :n > 0;
SQL
for protocol in simple extended prepared; do
    "$pgbench" -n -M "$protocol" -c 4 -j 2 -t 25 -f "$script" | grep -q 'number of transactions actually processed: 100/100'
done
