-- What Power BI's PostgreSQL connector asks through Npgsql 4: its navigator, its relations, previews, folded queries.
-- @mode binary

-- @mode simple
DISCARD ALL

-- @only table_schema = public, gold_finance
select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.tables where TABLE_SCHEMA not in ('information_schema', 'pg_catalog') order by TABLE_SCHEMA, TABLE_NAME

-- @types data_type: both are text
select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE
from INFORMATION_SCHEMA.columns where TABLE_SCHEMA = 'public' and TABLE_NAME = 'sales' order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION

-- @types data_type: both are text
select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE
from INFORMATION_SCHEMA.columns where TABLE_SCHEMA = 'gold_finance' and TABLE_NAME = 'daily' order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION

select pkcol.COLUMN_NAME as PK_COLUMN_NAME, fkcol.TABLE_SCHEMA AS FK_TABLE_SCHEMA, fkcol.TABLE_NAME AS FK_TABLE_NAME, fkcol.COLUMN_NAME as FK_COLUMN_NAME,
    fkcol.ORDINAL_POSITION as ORDINAL, fkcon.CONSTRAINT_SCHEMA || '_' || fkcol.TABLE_NAME || '_' || 'daily' || '_' || fkcon.CONSTRAINT_NAME as FK_NAME
from (select distinct constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name from INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS) fkcon
    inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE fkcol on fkcon.CONSTRAINT_SCHEMA = fkcol.CONSTRAINT_SCHEMA and fkcon.CONSTRAINT_NAME = fkcol.CONSTRAINT_NAME
    inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE pkcol on fkcon.UNIQUE_CONSTRAINT_SCHEMA = pkcol.CONSTRAINT_SCHEMA and fkcon.UNIQUE_CONSTRAINT_NAME = pkcol.CONSTRAINT_NAME
where pkcol.TABLE_SCHEMA = 'gold_finance' and pkcol.TABLE_NAME = 'daily' and pkcol.ORDINAL_POSITION = fkcol.ORDINAL_POSITION
order by FK_NAME, fkcol.ORDINAL_POSITION

select pkcol.TABLE_SCHEMA AS PK_TABLE_SCHEMA, pkcol.TABLE_NAME AS PK_TABLE_NAME, pkcol.COLUMN_NAME as PK_COLUMN_NAME, fkcol.COLUMN_NAME as FK_COLUMN_NAME,
    fkcol.ORDINAL_POSITION as ORDINAL, fkcon.CONSTRAINT_SCHEMA || '_' || 'daily' || '_' || pkcol.TABLE_NAME || '_' || fkcon.CONSTRAINT_NAME as FK_NAME
from (select distinct constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name from INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS) fkcon
    inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE fkcol on fkcon.CONSTRAINT_SCHEMA = fkcol.CONSTRAINT_SCHEMA and fkcon.CONSTRAINT_NAME = fkcol.CONSTRAINT_NAME
    inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE pkcol on fkcon.UNIQUE_CONSTRAINT_SCHEMA = pkcol.CONSTRAINT_SCHEMA and fkcon.UNIQUE_CONSTRAINT_NAME = pkcol.CONSTRAINT_NAME
where fkcol.TABLE_SCHEMA = 'gold_finance' and fkcol.TABLE_NAME = 'daily' and pkcol.ORDINAL_POSITION = fkcol.ORDINAL_POSITION
order by FK_NAME, fkcol.ORDINAL_POSITION

select i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME as INDEX_NAME, ii.COLUMN_NAME, ii.ORDINAL_POSITION, case when i.CONSTRAINT_TYPE = 'PRIMARY KEY' then 'Y' else 'N' end as PRIMARY_KEY
from INFORMATION_SCHEMA.table_constraints i
    inner join INFORMATION_SCHEMA.key_column_usage ii on i.CONSTRAINT_SCHEMA = ii.CONSTRAINT_SCHEMA and i.CONSTRAINT_NAME = ii.CONSTRAINT_NAME and i.TABLE_SCHEMA = ii.TABLE_SCHEMA and i.TABLE_NAME = ii.TABLE_NAME
where i.TABLE_SCHEMA = 'gold_finance' and i.TABLE_NAME = 'daily' and i.CONSTRAINT_TYPE in ('PRIMARY KEY', 'UNIQUE')
order by i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME, ii.TABLE_SCHEMA, ii.TABLE_NAME, ii.ORDINAL_POSITION

select character_set_name from INFORMATION_SCHEMA.character_sets

select "$Table"."id" as "id", "$Table"."shop" as "shop", "$Table"."sold_on" as "sold_on", "$Table"."sold_at" as "sold_at", "$Table"."paid_at" as "paid_at",
    "$Table"."pieces" as "pieces", "$Table"."cents" as "cents", "$Table"."price" as "price", "$Table"."share" as "share", "$Table"."online" as "online"
from "public"."sales" "$Table" limit 1000

select "_"."shop", "_"."a0" from (select "rows"."shop" as "shop", sum("rows"."price") as "a0" from (select "_"."sold_on", "_"."shop", "_"."price" from "public"."sales" "_"
    where "_"."sold_on" >= date '2024-01-01' and "_"."sold_on" < date '2025-01-01' and ("_"."shop" in ('Bonn', 'Köln'))) "rows" group by "shop") "_" where not "_"."a0" is null limit 1000001

select count(distinct("rows"."shop")) + max(case when "rows"."shop" is null then 1 else 0 end) as "a0" from "public"."sales" "rows"

select "rows"."n" as "n", count(1) as "a0" from (select cast("_"."sold_at" as date) as "n" from "public"."sales" "_") "rows" group by "n" order by "n"

select "_"."id" from "public"."sales" "_" where "_"."sold_at" >= timestamp '2024-01-01 00:00:00' and "_"."sold_at" < timestamp '2024-02-01 00:00:00' and ("_"."shop" is not null and "_"."shop" = 'Bonn')

select "$Outer"."id", "$Inner"."a0" from "public"."sales" "$Outer" left outer join (select "rows"."shop" as "k", sum("rows"."cents") as "a0" from "public"."sales" "rows" group by "shop") "$Inner"
    on ("$Outer"."shop" = "$Inner"."k" or "$Outer"."shop" is null and "$Inner"."k" is null) order by "$Outer"."id"

select "_"."day", "_"."channel", "_"."net_eur" from "gold_finance"."daily" "_" order by "_"."net_eur" desc, "_"."day" limit 501

select sum("rows"."net_eur") as "a0", min("rows"."day") as "a1", max("rows"."day") as "a2", count("rows"."channel") as "a3", avg(cast("rows"."orders" as double precision)) as "a4" from "gold_finance"."daily" "rows"

select "rows"."year" as "year", "rows"."month" as "month", sum("rows"."price") as "a0" from
    (select date_part('year', "_"."sold_on") as "year", date_part('month', "_"."sold_on") as "month", "_"."price" from "public"."sales" "_") "rows" group by "year", "month" order by "year", "month"

-- @parameters text=Bonn | int4=1
select "_"."id", "_"."shop" from "public"."sales" "_" where "_"."shop" = $1 and "_"."id" > $2

select "_"."shop", case when upper("_"."shop") like '%O%' then true else false end as "c", coalesce("_"."shop", '') || '!' as "d" from "public"."sales" "_" order by "_"."id"

select best."shop", best."r" from (select "shop", row_number() over (partition by "shop" order by "cents" desc) as "r" from "public"."sales") best where best."r" <= 1 order by 1

select "rows"."online" as "online", sum("rows"."pieces") as "a0", sum("rows"."cents") as "a1", sum("rows"."share") as "a2" from "public"."sales" "rows" group by "online" order by "online"
