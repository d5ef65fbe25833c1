-- What Metabase asks when it syncs and when it draws.
-- @mode text

-- @mode simple
SHOW TRANSACTION ISOLATION LEVEL

-- @mode simple
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED

-- @mode simple
SET SESSION TIMEZONE TO 'America/New_York'

show timezone;

-- @only schema = public, gold_finance
-- @except estimated_row_count: one counts when it is asked to, the other always
SELECT n.nspname AS schema, c.relname AS name, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS type,
    d.description AS description, NULLIF(stat.n_live_tup, 0) AS estimated_row_count
FROM pg_catalog.pg_class AS c INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
    LEFT JOIN pg_catalog.pg_description AS d ON (c.oid = d.objoid) AND (d.objsubid = 0) AND (d.classoid = 'pg_class'::regclass)
    LEFT JOIN pg_stat_user_tables AS stat ON (n.nspname = stat.schemaname) AND (c.relname = stat.relname)
WHERE (c.relnamespace = n.oid) AND (n.nspname !~ '^pg_') AND (n.nspname <> 'information_schema') AND c.relkind IN ('r', 'p', 'v', 'f', 'm') ORDER BY type ASC, schema ASC, name ASC

-- @only schema = public, gold_finance
-- @except update, insert, delete: a view that is kept is not written by people
with table_privileges as (
    select NULL as role, t.schemaname as schema, t.objectname as table,
        pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'update') as update,
        pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'select') as select,
        pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'insert') as insert,
        pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'delete') as delete
    from (select schemaname, tablename as objectname from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_views union select schemaname, matviewname as objectname from pg_matviews) t
    where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')
)
select t.* from table_privileges t order by 2, 3

-- @only table-schema = public, gold_finance
-- @except database-default, database-is-nullable: declared keys only
SELECT c.column_name AS name, CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN format('%s', c.udt_name) ELSE format('"%s"."%s"', c.udt_schema, c.udt_name) END AS "database-type",
    c.ordinal_position - 1 AS "database-position", c.table_schema AS "table-schema", c.table_name AS "table-name", pk.column_name IS NOT NULL AS "pk?",
    col_description(CAST(CAST(format('%I.%I', CAST(c.table_schema AS text), CAST(c.table_name AS text)) AS regclass) AS oid), c.ordinal_position) AS "field-comment",
    ((column_default IS NULL) OR (LOWER(column_default) = 'null')) AND (is_nullable = 'NO') AND NOT (((column_default IS NOT NULL) AND (column_default LIKE '%nextval(%')) OR (is_identity <> 'NO')) AS "database-required",
    column_default AS "database-default", is_nullable AS "database-is-nullable", is_identity <> 'NO' AS "database-is-auto-increment"
FROM information_schema.columns AS c LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints AS tc
    INNER JOIN information_schema.key_column_usage AS kc ON (tc.constraint_name = kc.constraint_name) AND (tc.table_schema = kc.table_schema) AND (tc.table_name = kc.table_name) WHERE tc.constraint_type = 'PRIMARY KEY') AS pk
    ON (c.table_schema = pk.table_schema) AND (c.table_name = pk.table_name) AND (c.column_name = pk.column_name)
WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND (c.table_schema IN ('public', 'gold_finance'))
UNION ALL
SELECT pa.attname AS name, CASE WHEN ptn.nspname IN ('public', 'pg_catalog') THEN format('%s', pt.typname) ELSE format('"%s"."%s"', ptn.nspname, pt.typname) END AS "database-type", pa.attnum - 1 AS "database-position",
    pn.nspname AS "table-schema", pc.relname AS "table-name", FALSE AS "pk?", NULL AS "field-comment", FALSE AS "database-required", NULL AS "database-default", NULL AS "database-is-nullable", FALSE AS "database-is-auto-increment"
FROM pg_catalog.pg_class AS pc INNER JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace INNER JOIN pg_catalog.pg_attribute AS pa ON pa.attrelid = pc.oid
    INNER JOIN pg_catalog.pg_type AS pt ON pt.oid = pa.atttypid INNER JOIN pg_catalog.pg_namespace AS ptn ON ptn.oid = pt.typnamespace WHERE pc.relkind = 'm' AND pa.attnum >= 1
ORDER BY "table-schema" ASC, "table-name" ASC, "database-position" ASC

SELECT fk_ns.nspname AS "fk-table-schema", fk_table.relname AS "fk-table-name", fk_column.attname AS "fk-column-name", pk_ns.nspname AS "pk-table-schema", pk_table.relname AS "pk-table-name", pk_column.attname AS "pk-column-name"
FROM pg_constraint AS c INNER JOIN pg_class AS fk_table ON c.conrelid = fk_table.oid INNER JOIN pg_namespace AS fk_ns ON c.connamespace = fk_ns.oid
    INNER JOIN pg_attribute AS fk_column ON c.conrelid = fk_column.attrelid INNER JOIN pg_class AS pk_table ON c.confrelid = pk_table.oid INNER JOIN pg_namespace AS pk_ns ON pk_table.relnamespace = pk_ns.oid
    INNER JOIN pg_attribute AS pk_column ON c.confrelid = pk_column.attrelid
WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_' AND c.contype = 'f'::char AND fk_column.attnum = ANY(c.conkey) AND pk_column.attnum = ANY(c.confkey) ORDER BY "fk-table-schema" ASC, "fk-table-name" ASC

SELECT tmp."table-schema", tmp."table-name", trim(both '"' from pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) AS "field-name"
FROM (SELECT n.nspname AS "table-schema", ct.relname AS "table-name", ci.oid AS ci_oid, (information_schema._pg_expandarray(i.indkey)).n AS pos
    FROM pg_catalog.pg_class AS ct INNER JOIN pg_catalog.pg_namespace AS n ON ct.relnamespace = n.oid INNER JOIN pg_catalog.pg_index AS i ON ct.oid = i.indrelid INNER JOIN pg_catalog.pg_class AS ci ON ci.oid = i.indexrelid
    WHERE pg_catalog.pg_get_expr(i.indpred, i.indrelid) IS NULL AND n.nspname !~ '^information_schema|catalog_history|pg_') AS tmp WHERE tmp.pos = 1 ORDER BY 1, 2, 3

SELECT nspname AS schema, typname AS name FROM pg_type AS t INNER JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT e.enumtypid FROM pg_enum AS e)

SELECT "public"."sales"."id" AS "id", "public"."sales"."shop" AS "shop", "public"."sales"."sold_at" AS "sold_at", "public"."sales"."paid_at" AS "paid_at" FROM "public"."sales" ORDER BY "public"."sales"."id" LIMIT 10000

SELECT "public"."sales"."shop" AS "shop" FROM "public"."sales" GROUP BY "public"."sales"."shop" ORDER BY "public"."sales"."shop" ASC LIMIT 1001

SELECT SUBSTRING("public"."sales"."shop", 1, 1234) AS "substring1" FROM "public"."sales" ORDER BY 1 LIMIT 10000

SELECT DATE_TRUNC('month', "public"."sales"."paid_at") AS "paid_at", COUNT(*) AS "count", SUM("public"."sales"."price") AS "sum" FROM "public"."sales" GROUP BY DATE_TRUNC('month', "public"."sales"."paid_at") ORDER BY DATE_TRUNC('month', "public"."sales"."paid_at") ASC

SELECT CAST("public"."sales"."sold_at" AS date) AS "day", (CAST(DATE_TRUNC('week', CAST("public"."sales"."sold_at" AS timestamp) + INTERVAL '1 day') AS timestamp) + INTERVAL '-1 day') AS "week" FROM "public"."sales" ORDER BY "public"."sales"."id"

SELECT timezone('UTC', "public"."sales"."sold_at") AS "a", "public"."sales"."paid_at" AT TIME ZONE 'America/New_York' AS "b", EXTRACT(dow FROM "public"."sales"."sold_on") + 1 AS "c" FROM "public"."sales" ORDER BY "public"."sales"."id"

SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "public"."sales"."share") AS "median", STDDEV_POP("public"."sales"."share") AS "stddev" FROM "public"."sales"

SELECT count(*) FILTER (WHERE "public"."sales"."online") AS "online", SUBSTRING(MAX("public"."sales"."shop") FROM 'K(.*)') AS "sub", CAST(CAST(MAX("public"."sales"."price") AS text) AS numeric) AS "n" FROM "public"."sales"

-- @parameters varchar=Bonn
SELECT COUNT(*) AS "count" FROM "public"."sales" WHERE "public"."sales"."shop" = $1 AND "public"."sales"."sold_at" >= NOW() + INTERVAL '-30000 day'

SELECT "source"."shop" AS "shop", "source"."sum" AS "sum", CASE WHEN "source"."sum" > 10 THEN 'big' ELSE 'small' END AS "size" FROM (SELECT "public"."sales"."shop" AS "shop", SUM("public"."sales"."price") AS "sum" FROM "public"."sales" GROUP BY "public"."sales"."shop") AS "source" WHERE "source"."sum" IS NOT NULL ORDER BY "source"."shop" LIMIT 1048575
