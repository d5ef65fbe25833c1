-- What an ODBC driver of another maker (behind Excel and Power Query) and newer psqlODBC ask of the catalogs.
-- @mode simple

-- @fails 42883 whole rows are no arguments
SELECT att.attname, att.atttypmod,
    information_schema._pg_numeric_precision(information_schema._pg_truetypid(att.*, ty.*), information_schema._pg_truetypmod(att.*, ty.*))::information_schema.cardinal_number AS p,
    information_schema._pg_numeric_scale(information_schema._pg_truetypid(att.*, ty.*), information_schema._pg_truetypmod(att.*, ty.*))::information_schema.cardinal_number AS s
FROM pg_attribute att JOIN pg_type ty ON ty.oid = atttypid JOIN pg_class c ON c.oid = attrelid
WHERE attisdropped IS FALSE AND att.attnum > 0 AND c.oid::varchar like E'{public.sales}' ORDER BY attnum

SELECT attname FROM pg_attribute att JOIN pg_class ON pg_class.oid = attrelid WHERE att.attnotnull = 'f' AND relname = 'sales' AND attnum > 0 ORDER BY attnum

SELECT cs.relname FROM (pg_depend JOIN pg_class cs ON objid = cs.oid AND cs.relkind = 'S' AND classid = 'pg_class'::regclass::oid) ORDER BY 1

SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'gold_finance.daily'::regclass AND EXISTS (SELECT 1 FROM pg_constraint c1 WHERE c1.conrelid = a.attrelid AND c1.contype = 'p' AND a.attnum = ANY (c1.conkey)) ORDER BY a.attnum

-- @except oid: each server has its own
-- @types case: both are numbers
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, c.oid, pg_get_expr(d.adbin, d.adrelid),
    case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity, c.relhassubclass
from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname like E'sales' and n.nspname like E'public')
    inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum operator(pg_catalog.>) 0 and a.attrelid operator(pg_catalog.=) c.oid)
    inner join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) a.atttypid)
    left outer join pg_attrdef d on a.atthasdef and d.adrelid operator(pg_catalog.=) a.attrelid and d.adnum operator(pg_catalog.=) a.attnum
order by n.nspname, c.relname, attnum

-- @only nspname = public, gold_finance
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n
where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname

select NULL, NULL, relkind from (select 'r' as relkind union select 'v' union select 'm' union select 'f' union select 'p') as a order by relkind

-- @only nspname = public, gold_finance
select NULL, nspname, NULL from pg_catalog.pg_namespace n where true

select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname
from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i, pg_catalog.pg_namespace n, pg_catalog.pg_class ic
where tc.relname = 'daily' AND n.nspname = 'gold_finance' AND tc.oid operator(pg_catalog.=) i.indrelid AND n.oid operator(pg_catalog.=) tc.relnamespace
    AND i.indisprimary operator(pg_catalog.=) 't' AND ia.attrelid operator(pg_catalog.=) i.indexrelid AND ta.attrelid operator(pg_catalog.=) i.indrelid
    AND ta.attnum operator(pg_catalog.=) i.indkey[ia.attnum-1] AND ia.attnum operator(pg_catalog.<=) i.indnkeyatts
    AND (NOT ta.attisdropped) AND (NOT ia.attisdropped) AND ic.oid operator(pg_catalog.=) i.indexrelid
order by ia.attnum

select c.relname, i.indkey, i.indisunique, i.indisclustered, a.amname, c.relhasrules, n.nspname, c.oid > 0, d.relhasoids, 0
from pg_catalog.pg_index i, pg_catalog.pg_class c, (select oid, relname, relnamespace, false as relhasoids from pg_catalog.pg_class) d, pg_catalog.pg_am a, pg_catalog.pg_namespace n
where d.relname = 'daily' and n.nspname = 'gold_finance' and n.oid operator(pg_catalog.=) d.relnamespace and d.oid operator(pg_catalog.=) i.indrelid
    and i.indexrelid operator(pg_catalog.=) c.oid and c.relam operator(pg_catalog.=) a.oid order by i.indisprimary desc, i.indisunique, n.nspname, c.relname

select 'test'::name as "PKTABLE_CAT", n2.nspname as "PKTABLE_SCHEM", c2.relname as "PKTABLE_NAME", a2.attname as "PKCOLUMN_NAME", 'test'::name as "FKTABLE_CAT",
    n1.nspname as "FKTABLE_SCHEM", c1.relname as "FKTABLE_NAME", a1.attname as "FKCOLUMN_NAME", i::int2 as "KEY_SEQ",
    case ref.confupdtype when 'c' then 0::int2 when 'n' then 2::int2 when 'd' then 4::int2 when 'r' then 1::int2 else 3::int2 end as "UPDATE_RULE",
    ref.conname as "FK_NAME", cn.conname as "PK_NAME"
from ((((((( (select cn.oid, conrelid, conkey, confrelid, confkey, generate_series(array_lower(conkey, 1), array_upper(conkey, 1)) as i, confupdtype, confdeltype, condeferrable, condeferred, conname
        from pg_catalog.pg_constraint cn, pg_catalog.pg_class c, pg_catalog.pg_namespace n
        where contype = 'f' and conrelid = c.oid and relname = 'daily' and n.oid = c.relnamespace and n.nspname = 'gold_finance') ref
    inner join pg_catalog.pg_class c1 on c1.oid = ref.conrelid) inner join pg_catalog.pg_namespace n1 on n1.oid = c1.relnamespace)
    inner join pg_catalog.pg_attribute a1 on a1.attrelid = c1.oid and a1.attnum = conkey[i])
    inner join pg_catalog.pg_class c2 on c2.oid = ref.confrelid) inner join pg_catalog.pg_namespace n2 on n2.oid = c2.relnamespace)
    inner join pg_catalog.pg_attribute a2 on a2.attrelid = c2.oid and a2.attnum = confkey[i])
    left outer join pg_catalog.pg_constraint cn on cn.conrelid = ref.confrelid and cn.contype = 'p')
order by ref.oid, ref.i

select oid, typbasetype from pg_type where typname = 'lo'

SET DateStyle = 'ISO';SET extra_float_digits = 2;show transaction_isolation

show max_identifier_length

select current_schema()

SHOW DateStyle;

-- The driver's savepoints around each statement of a transaction.
BEGIN;SAVEPOINT _EXEC_SVP_0x55d0;SELECT 1 AS one;RELEASE _EXEC_SVP_0x55d0;SAVEPOINT _per_query_svp_;SELECT 2 AS two;RELEASE _per_query_svp_;COMMIT

begin;declare "SQL_CUR0x7f" cursor with hold for select id from public.sales order by id;fetch 2 in "SQL_CUR0x7f";move backward 1 in "SQL_CUR0x7f";fetch 100 in "SQL_CUR0x7f";close "SQL_CUR0x7f";commit

-- @columns privileges are the owner's in one and nobody's in the other
select c.relname, c.relowner, c.relacl, u.usename, u.usesysid, u.usesuper from pg_catalog.pg_class c, pg_catalog.pg_namespace n, pg_catalog.pg_user u where u.usesysid = c.relowner and n.oid = c.relnamespace and c.relname = 'sales'

select grosysid, grolist from pg_catalog.pg_group where groname = 'nobody'
