-- What DBeaver asks to connect and to fill its navigator.
-- @mode text

-- @mode simple
SET application_name = 'DBeaver 25.1.5 - Main <test>'

SELECT current_schema(),session_user

SHOW search_path

-- @except version: each names itself
SELECT version()

-- @only nspname = public, gold_finance
-- @except oid, nspowner, nspacl, description: each server has its own
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname

-- @parameters varchar=test
-- @only datname = test
-- @except oid, datdba, datcollate, datctype, datfrozenxid, datminmxid, dattablespace, datacl, datcollversion: each server has its own
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE 1=1 AND datallowconn AND NOT datistemplate OR db.datname=$1 ORDER BY db.datname

-- @columns settings are each server's own
SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'

SELECT string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute,action,ada,add,all,allocate,alter,and,any,are,array,as}'::text[])

-- @except description: types have no comments here
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid WHERE t.typname IS NOT NULL AND t.typname IN ('int4', '_int4', 'text', 'numeric', 'timestamptz', 'int2vector', 'int4range', 'bool') AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C') ORDER BY t.oid

-- @except oid, reltype, relowner, relfilenode, relpages, reltuples, relallvisible, reltoastrelid, relhasindex, relfrozenxid, relminmxid, relacl, relnamespace: each server has its own
SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
WHERE c.relnamespace='gold_finance'::regnamespace AND c.relkind not in ('i','I','c') ORDER BY c.relname

-- @except attrelid, attcacheoff, attstattarget: each server has its own
SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid) LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
    LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.oid={gold_finance.daily} AND a.attnum > 0 ORDER BY a.attnum

-- @columns sizes are each server's own
select c.oid,pg_catalog.pg_total_relation_size(c.oid) as total_rel_size,pg_catalog.pg_relation_size(c.oid) as rel_size FROM pg_class c WHERE c.relnamespace='public'::regnamespace

-- @except oid, connamespace, conrelid, conindid, tabrelname_oid: each server has its own
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, case when c.contype='c' then "substring"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid
    LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass WHERE c.conrelid={gold_finance.daily} ORDER BY c.oid

-- @except indexrelid, indrelid, oid, indclass, indcollation, relnamespace: each server has its own
SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,pg_catalog.pg_relation_size(i.indexrelid) >= 0 as index_rel_size,pg_catalog.pg_stat_get_numscans(i.indexrelid) >= 0 as index_num_scans
FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid WHERE i.indrelid={gold_finance.daily} ORDER BY tabrelname, c.relname

SELECT p.oid,p.*,pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults,l.lanname,d.description FROM pg_catalog.pg_proc p LEFT OUTER JOIN pg_catalog.pg_language l ON l.oid=p.prolang LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=p.oid AND d.objsubid = 0 WHERE p.pronamespace='public'::regnamespace ORDER BY p.proname

-- @except pg_get_viewdef: Lakeport shows the query as it was written
SELECT pg_catalog.pg_get_viewdef({public.sales_by_shop}, true)

-- @only rolname = lakeport
-- @columns roles are each server's own
SELECT a.oid,a.*,pd.description FROM pg_catalog.pg_roles a left join pg_catalog.pg_shdescription pd on a.oid = pd.objoid ORDER BY a.rolname

-- @columns sessions are each server's own
SELECT sa.* FROM pg_catalog.pg_stat_activity sa

SELECT c.relname,d.inhseqno,c.relnamespace FROM pg_catalog.pg_inherits d, pg_catalog.pg_class c WHERE d.inhrelid=c.oid AND d.inhparent={public.sales} ORDER BY d.inhseqno

SELECT x.oid,x.*,pg_catalog.pg_get_triggerdef(x.oid) FROM pg_catalog.pg_trigger x WHERE x.tgrelid={public.sales} AND NOT tgisinternal

-- @parameters varchar=%sal% | int4=1000
SELECT x.oid > 0 AS found,x.relname,x.relkind FROM pg_catalog.pg_class x, pg_catalog.pg_namespace n WHERE x.relnamespace=n.oid AND x.relkind in ('r','v','m','f','p') AND x.relname ILIKE $1 AND n.nspname = 'public' ORDER BY x.relname LIMIT $2

SELECT * FROM public.sales LIMIT 200 OFFSET 1

-- @answered a plan is each server's own
EXPLAIN (FORMAT JSON, COSTS true) SELECT * FROM public.sales

SELECT count(*) FROM (SELECT * FROM public.sales) dbvrcnt
