# psql: what a person at a prompt does first.
set -u
command -v psql >/dev/null || { echo "psql is not installed"; exit 77; }
export PSQLRC=/dev/null
fail() { echo "$1: got [$2]"; exit 1; }
same() { [ "$2" = "$3" ] || fail "$1" "$2"; }

same "a number" "$(psql -X -At -c 'SELECT 1')" 1
same "two statements" "$(psql -X -At -c 'SELECT 1; SELECT 2' | paste -sd,)" 1,2
same "a script" "$(printf "SELECT 'a;b' AS x;\nSELECT NULL AS n;\n" | psql -X -At -P null=NULL | paste -sd,)" 'a;b,NULL'
same "a numeric" "$(psql -X -At -c "SELECT 12.50::numeric(10,2), true, DATE '2026-10-31'")" '12.50|t|2026-10-31'
same "an empty statement" "$(psql -X -At -c ';')" ''
rows=$(psql -X -At -c 'SELECT count(*) FROM gold_finance.daily_revenue')
[ "$rows" -gt 0 ] || fail "rows of a mart" "$rows"
same "aligned output" "$(psql -X -c 'SELECT 1 AS one' | sed -n 1p)" ' one '
message=$(psql -X -At -v VERBOSITY=verbose -c 'SELECT * FROM silver.nothing' 2>&1) && fail "an error exits with 1" "$message"
case $message in *42P01*'"silver.nothing" does not exist'*) ;; *) fail "an undefined table" "$message" ;; esac
message=$(psql -X -At -v VERBOSITY=verbose -c 'SELEC 1' 2>&1)
case $message in *42601*'at or near "SELEC"'*) ;; *) fail "a syntax error" "$message" ;; esac
same "a transaction" "$(psql -X -At -c 'BEGIN; SELECT 7; COMMIT' | paste -sd,)" 'BEGIN,7,COMMIT'
same "SHOW" "$(psql -X -At -c 'SHOW server_version')" 15.18
same "SET and SHOW" "$(psql -X -At -c "SET TimeZone = 'Europe/Berlin'; SHOW TimeZone" | tail -1)" Europe/Berlin
psql -X -q -v ON_ERROR_STOP=1 <<'SQL' || exit 1
DROP TABLE IF EXISTS sandbox.psql_notes;
CREATE TABLE sandbox.psql_notes (id integer NOT NULL, note text);
INSERT INTO sandbox.psql_notes VALUES (1, 'one'), (2, NULL);
SQL
same "a table of one's own" "$(psql -X -At -P null=NULL -c 'SELECT * FROM sandbox.psql_notes ORDER BY id' | paste -sd,)" '1|one,2|NULL'
same "INSERT's tag" "$(psql -X -c "INSERT INTO sandbox.psql_notes VALUES (3, 'three')")" 'INSERT 0 1'
same "DROP" "$(psql -X -c 'DROP TABLE sandbox.psql_notes')" 'DROP TABLE'
message=$(psql -X -At -v VERBOSITY=verbose -c 'CREATE TABLE silver.mine (x integer)' 2>&1) && fail "silver is the server's" "$message"
case $message in *42501* | *55006* | *42809*) ;; *) fail "silver is the server's" "$message" ;; esac
message=$(psql -X -At -U nobody -c 'SELECT 1' 2>&1) && fail "an unknown role" "$message"
case $message in *'role "nobody" does not exist'*) ;; *) fail "an unknown role" "$message" ;; esac
message=$(psql -X -At -U marketing -c 'SELECT * FROM gold_finance.daily_revenue' 2>&1) && fail "marketing reads finance" "$message"
exit 0
