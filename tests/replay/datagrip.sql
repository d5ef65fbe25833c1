-- What DataGrip and the other JetBrains tools ask when they introspect a database.
-- @mode text

-- @except version: each names itself
select version()

select current_database() as a, current_schemas(false) as b

-- @columns it is each server's own
select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) as startup_time

select L.transactionid::varchar::bigint as transaction_id from pg_catalog.pg_locks L where L.transactionid is not null order by pg_catalog.age(L.transactionid) desc limit 1

-- @columns it is each server's own
select case when pg_catalog.pg_is_in_recovery() then null else (pg_catalog.txid_current() % 4294967296)::varchar::bigint end as current_txid

-- @only name = test
-- @except id, owner_name, description: each server has its own
select N.oid::bigint as id, datname as name, D.description, datistemplate as is_template, datallowconn as allow_connections, pg_catalog.pg_get_userbyid(N.datdba) as "owner" from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid
order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end

show DateStyle

-- @columns zones are each machine's
select name, is_dst from pg_catalog.pg_timezone_names union distinct select abbrev as name, is_dst from pg_catalog.pg_timezone_abbrevs

-- @only role_name = lakeport
-- @except role_id, can_create_role, can_create_db, is_replication, bypass_rls: each server has its own
select R.oid::bigint as role_id, rolname as role_name, rolsuper as is_super, rolinherit as is_inherit, rolcreaterole as can_create_role, rolcreatedb as can_create_db, rolcanlogin as can_login, rolreplication as is_replication, rolconnlimit as conn_limit, rolvaliduntil as valid_until,
    rolbypassrls as bypass_rls, rolconfig as config, D.description from pg_catalog.pg_roles R left join pg_catalog.pg_shdescription D on D.objoid = R.oid

select member id, roleid role_id, admin_option from pg_catalog.pg_auth_members where member > 16384 order by id, roleid::text

-- @only name = pg_default, pg_global
-- @except owner: each server has its own
select T.oid::bigint as id, T.spcname as name, T.xmin as state_number, pg_catalog.pg_get_userbyid(T.spcowner) as owner, pg_catalog.pg_tablespace_location(T.oid) as location, T.spcoptions as options, D.description as comment from pg_catalog.pg_tablespace T left join pg_catalog.pg_shdescription D on D.objoid = T.oid

select usesuper from pg_catalog.pg_user where usename = current_user

select T.oid as object_id, T.spcacl as acl from pg_catalog.pg_tablespace T where false union all select T.oid as object_id, T.datacl as acl from pg_catalog.pg_database T where false

-- @only name = public, gold_finance
-- @except id, state_number, description, owner: each server has its own
select N.oid::bigint as id, N.xmin as state_number, nspname as name, D.description, pg_catalog.pg_get_userbyid(N.nspowner) as "owner" from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid order by case when nspname = pg_catalog.current_schema() then -1::bigint else N.oid::bigint end

select A.oid::bigint as access_method_id, A.amname as access_method_name, A.amhandler::oid as handler_id, pg_catalog.quote_ident(N.nspname) || '.' || pg_catalog.quote_ident(P.proname) as handler_name, A.amtype as access_method_type
from pg_catalog.pg_am A join pg_catalog.pg_proc P on A.amhandler::oid = P.oid join pg_catalog.pg_namespace N on P.pronamespace = N.oid order by A.oid

select t.oid as id, t.evtname as name, t.evtevent as event, t.evtfoid as routine_id, pg_catalog.pg_get_userbyid(t.evtowner) as owner, t.evttags as tags from pg_catalog.pg_event_trigger t

select fdw.oid as id, fdw.fdwname as name, pr.proname as handler, fdw.fdwoptions as options from pg_catalog.pg_foreign_data_wrapper fdw left outer join pg_catalog.pg_proc pr on fdw.fdwhandler = pr.oid

-- @types user: both are text
select oid as id, umserver as server_id, case when umuser = 0 then null else pg_catalog.pg_get_userbyid(umuser) end as user, umoptions as options from pg_catalog.pg_user_mapping order by server_id

-- @columns extensions are each server's own
select E.oid as id, E.xmin as state_number, extname as name, extversion as version, extnamespace as schema_id, nspname as schema_name, array(select unnest from unnest(available_versions) where unnest > extversion) as available_updates
from pg_catalog.pg_extension E join pg_namespace N on E.extnamespace = N.oid left join (select name, array_agg(version) as available_versions from pg_available_extension_versions() group by name) V on E.extname = V.name

select l.oid as id, l.lanname as name, l.lanpltrusted as trusted, h.proname as handler from pg_catalog.pg_language l left join pg_catalog.pg_proc h on h.oid = l.lanplcallfoid where l.lanname in ('internal', 'c', 'sql') order by lanname

select C.oid, C.castsource as castsource_id, C.casttarget as casttarget_id, castfunc as castfunc_id, castcontext, castmethod from pg_cast C where C.oid < 16384 order by C.oid

-- @except id: each server has its own
select D.objoid as id, case when 'pg_catalog.pg_am'::regclass = classoid then 'A' when 'pg_catalog.pg_class'::regclass = classoid then 'C' else '?' end as kind, D.objsubid as sub, D.description from pg_catalog.pg_description D where D.objoid = {gold_finance.daily} order by D.objsubid

-- The oid of a schema comes as a number of eight bytes.
-- @parameters int8=11
select T.relkind as kind, T.relname as name from pg_catalog.pg_class T where T.relnamespace = $1::oid and T.relname = 'pg_class'

-- @except id, schemaid: each server has its own
select T.oid as id, relnamespace as schemaId, pg_catalog.translate(relkind, 'rmvpfS', 'rmvrfS') as kind from pg_catalog.pg_class T where relnamespace = 'gold_finance'::regnamespace and relkind in ('r', 'm', 'v', 'p', 'f', 'S')
union all select T.oid, T.typnamespace, 'T' from pg_catalog.pg_type T left outer join pg_catalog.pg_class C on T.typrelid = C.oid where T.typnamespace = 'gold_finance'::regnamespace and (T.typtype in ('d','e') or C.relkind = 'c'::"char" or (T.typtype = 'b' and (T.typelem = 0 OR T.typcategory <> 'A')) or T.typtype = 'p' and not T.typisdefined)
union all select oid, collnamespace, 'C' from pg_catalog.pg_collation where collnamespace = 'gold_finance'::regnamespace union all select oid, oprnamespace, 'O' from pg_catalog.pg_operator where oprnamespace = 'gold_finance'::regnamespace
union all select oid, opcnamespace, 'c' from pg_catalog.pg_opclass where opcnamespace = 'gold_finance'::regnamespace union all select oid, opfnamespace, 'F' from pg_catalog.pg_opfamily where opfnamespace = 'gold_finance'::regnamespace
union all select oid, pronamespace, case when prokind != 'a' then 'R' else 'a' end from pg_catalog.pg_proc where pronamespace = 'gold_finance'::regnamespace order by schemaId

-- @parameters text=0
-- @except table_id, table_state_number, table_owner, tablespace_id: each server has its own
-- @types ancestors, successors: both are text
select T.relkind as table_kind, T.relname as table_name, T.oid as table_id, T.xmin as table_state_number, false as table_with_oids, T.reltablespace as tablespace_id, T.reloptions as options, T.relpersistence as persistence,
    (select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors, (select pg_catalog.array_agg(inhrelid::bigint order by inhrelid)::varchar from pg_catalog.pg_inherits where T.oid = inhparent) as successors,
    T.relispartition AS is_partition, pg_catalog.pg_get_partkeydef(T.oid) as partition_key, pg_catalog.pg_get_expr(T.relpartbound, T.oid) as partition_expression, T.reloftype as of_type_id, pg_catalog.pg_get_userbyid(T.relowner) as "table_owner"
from pg_catalog.pg_class T where relnamespace = 'gold_finance'::regnamespace and relkind in ('r', 'm', 'p') and pg_catalog.age(T.xmin) <= coalesce(nullif(greatest(pg_catalog.age($1::varchar::xid), -1), -1), 2147483647) order by table_kind, table_id

-- @except table_id, column_state_number: each server has its own
with T as (select distinct T.oid as table_id, T.relname as table_name from pg_catalog.pg_class T, pg_catalog.pg_attribute A where T.relnamespace = 'gold_finance'::regnamespace and T.relkind in ('r', 'm', 'v', 'f', 'p') and A.attrelid = T.oid)
select T.table_id, C.attnum as column_position, C.attname as column_name, C.xmin as column_state_number, C.atttypmod as type_mod, C.attndims as dimensions_number, pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec, C.atttypid as type_id, C.attnotnull as mandatory,
    pg_catalog.pg_get_expr(D.adbin, T.table_id) as column_default_expression, not C.attislocal as column_is_inherited, C.attfdwoptions as options, C.attisdropped as column_is_dropped, C.attidentity as identity_kind, C.attgenerated as generated
from T join pg_catalog.pg_attribute C on T.table_id = C.attrelid left join pg_catalog.pg_attrdef D on (C.attrelid, C.attnum) = (D.adrelid, D.adnum) where attnum > 0 order by table_id, attnum

-- @except table_id, index_id, state_number, opclass_ids, opclass_names, access_method_id, collations: each server has its own
-- @types ancestors: both are text
select tab.oid table_id, tab.relkind table_kind, ind_stor.relname index_name, ind_head.indexrelid index_id, ind_stor.xmin state_number, ind_head.indisunique is_unique, ind_head.indisprimary is_primary, pg_catalog.pg_get_expr(ind_head.indpred, ind_head.indrelid) as condition,
    (select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where ind_stor.oid = inhrelid) as ancestors, ind_stor.reltablespace tablespace_id, opcmethod as access_method_id
from pg_catalog.pg_class tab join pg_catalog.pg_index ind_head on ind_head.indrelid = tab.oid join pg_catalog.pg_class ind_stor on tab.relnamespace = ind_stor.relnamespace and ind_stor.oid = ind_head.indexrelid left join pg_catalog.pg_opclass on pg_opclass.oid = ANY(indclass)
where tab.relnamespace = 'gold_finance'::regnamespace and tab.relkind in ('r', 'm', 'v', 'p') and ind_stor.relkind in ('i', 'I') order by opcname

-- @except index_id, opclass, collation, collation_schema: each server has its own
-- @types collation, opclass, opclass_schema, opclass_str: both are numbers, or text
select ind_head.indexrelid index_id, k col_idx, k <= indnkeyatts in_key, ind_head.indkey[k-1] column_position, ind_head.indoption[k-1] column_options, ind_head.indcollation[k-1] as collation, colln.nspname as collation_schema, collname as collation_str,
    ind_head.indclass[k-1] as opclass, case when opcdefault then null else opcn.nspname end as opclass_schema, case when opcdefault then null else opcname end as opclass_str,
    case when indexprs is null then null when ind_head.indkey[k-1] = 0 then chr(27) || pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::int, true) else pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::int, true) end as expression, amcanorder can_order
from pg_catalog.pg_index ind_head join pg_catalog.pg_class ind_stor on ind_stor.oid = ind_head.indexrelid cross join unnest(ind_head.indkey) with ordinality u(u, k) left join pg_catalog.pg_collation on pg_collation.oid = ind_head.indcollation[k-1]
    left join pg_catalog.pg_namespace colln on collnamespace = colln.oid cross join pg_catalog.pg_indexam_has_property(ind_stor.relam, 'can_order') amcanorder left join pg_catalog.pg_opclass on pg_opclass.oid = ind_head.indclass[k-1] left join pg_catalog.pg_namespace opcn on opcnamespace = opcn.oid
where ind_stor.relnamespace = 'gold_finance'::regnamespace and ind_stor.relkind in ('i', 'I') order by index_id, k

-- @except table_id, con_id, con_state_id, index_id, con_state_number: each server has its own
-- @types excl_operators_str: both are lists of text
select T.oid table_id, relkind table_kind, C.oid::bigint con_id, C.xmin con_state_id, conname con_name, contype con_kind, conkey con_columns, conindid index_id, confrelid ref_table_id, condeferrable is_deferrable, condeferred is_init_deferred, confupdtype on_update, confdeltype on_delete,
    connoinherit no_inherit, pg_catalog.pg_get_expr(conbin, T.oid) con_expression, confkey ref_columns, conexclop::int[] excl_operators, array(select unnest::regoper::varchar from unnest(conexclop)) excl_operators_str
from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid where relkind in ('r', 'v', 'f', 'p') and relnamespace = 'gold_finance'::regnamespace and contype in ('p', 'u', 'f', 'c', 'x') and connamespace = 'gold_finance'::regnamespace order by con_name

-- @answered PostgreSQL puts the joined column of a natural join first
with languages as (select oid as lang_oid, lanname as lang from pg_catalog.pg_language), routines as (select proname as r_name, prolang as lang_oid, oid as r_id, xmin as r_state_number, proargnames as arg_names, proargmodes as arg_modes, proargtypes::int[] as in_arg_types, proallargtypes::int[] as all_arg_types,
        pg_catalog.pg_get_expr(proargdefaults, 0) as arg_defaults, provariadic as arg_variadic_id, prorettype as ret_type_id, proretset as ret_set, prokind as kind, provolatile as volatile_kind, proisstrict as is_strict, prosecdef as is_security_definer from pg_catalog.pg_proc where pronamespace = 'gold_finance'::regnamespace)
select * from routines natural join languages

-- @except view_id, source_text: Lakeport shows the query as it was written
select T.relkind as view_kind, T.oid as view_id, pg_catalog.pg_get_viewdef(T.oid, true) as source_text from pg_catalog.pg_class T where T.relnamespace = 'public'::regnamespace and T.relkind in ('m','v')

select R.ev_class as table_id, R.oid as rule_id from pg_catalog.pg_rewrite R where false

select T.oid as object_id, T.relacl as acl from pg_catalog.pg_class T where relnamespace = 'gold_finance'::regnamespace and relacl is not null and false union all select T.oid as object_id, T.proacl as acl from pg_catalog.pg_proc T where pronamespace = 'gold_finance'::regnamespace
