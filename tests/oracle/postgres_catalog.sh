#!/bin/bash
# Writes src/query/system/postgres/*.tsv: what PostgreSQL's own catalogs say of its types, operators and
# catalogs, which is the same in every database. PGHOST, PGPORT and PGUSER name a PostgreSQL 15 just made.
set -eu
cd "$(dirname "$0")/../../src/query/system/postgres"
sql() { psql -X -q -v ON_ERROR_STOP=1 -d postgres -c "$1"; }

# Columns of every catalog; a domain counts as what it is made of. Types by name.
sql "COPY (
  SELECT n.nspname, c.relname, c.relkind, c.oid, a.attname, a.attnum,
         coalesce(b.typname, t.typname), a.attnotnull,
         CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
  WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
  ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\", a.attnum) TO STDOUT" >columns.tsv

# Every column as text; references to functions and types by number.
dump() { # table, condition, order
    local columns
    columns=$(psql -X -At -d postgres -c "
      SELECT string_agg(CASE WHEN t.typname IN ('regproc', 'regtype') THEN quote_ident(attname) || '::oid'
                             ELSE quote_ident(attname) END, ', ' ORDER BY attnum)
      FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
      WHERE attrelid = '$1'::regclass AND attnum > 0 AND NOT attisdropped")
    sql "COPY (SELECT $columns FROM $1 WHERE $2 ORDER BY $3) TO STDOUT" >"${1##*.}.tsv"
}
dump pg_catalog.pg_type "typrelid = 0 AND typelem NOT IN (SELECT oid FROM pg_type WHERE typrelid <> 0)" 1
dump pg_catalog.pg_proc "oid < 16384" 1
dump pg_catalog.pg_operator "oid < 16384" 1
dump pg_catalog.pg_opclass true 1
dump pg_catalog.pg_opfamily true 1
dump pg_catalog.pg_amop true 1
dump pg_catalog.pg_amproc true 1
dump pg_catalog.pg_cast true 1
dump pg_catalog.pg_aggregate true 1
dump pg_catalog.pg_range true 1
dump pg_catalog.pg_language "lanname <> 'plpgsql'" 1
dump pg_catalog.pg_am true 1
dump pg_catalog.pg_collation "collname IN ('default', 'C', 'POSIX', 'ucs_basic')" 1
dump information_schema.sql_features true 1
dump information_schema.sql_implementation_info true 1
dump information_schema.sql_parts true 1
dump information_schema.sql_sizing true 1
sql "COPY (SELECT * FROM pg_get_keywords() ORDER BY 1) TO STDOUT" >keywords.tsv
