-- Statements that both servers answer alike; one a line.
SELECT (SELECT y FROM (VALUES (1, 'a'), (2, 'b')) AS t (x, y) WHERE t.x = o.n) FROM (VALUES (1), (2), (3)) AS o (n) ORDER BY n
SELECT n, (SELECT count(*) FROM (VALUES (1), (1), (2)) AS t (x) WHERE t.x < o.n) FROM (VALUES (1), (2), (3)) AS o (n) ORDER BY n
SELECT n, (SELECT max(x) FROM (VALUES (1), (5)) AS t (x) WHERE t.x <= o.n + 1) AS m FROM (VALUES (0), (4), (-3)) AS o (n) ORDER BY n
SELECT n FROM (VALUES (1), (2), (3)) AS o (n) WHERE (SELECT count(*) FROM (VALUES (1), (2), (2)) AS t (x) WHERE t.x = o.n) = 2
SELECT (SELECT x FROM (VALUES (1), (2)) AS t (x) WHERE t.x > o.n) FROM (VALUES (0)) AS o (n)
SELECT n, EXISTS (SELECT 1 FROM (VALUES (2)) AS t (x) WHERE t.x = o.n) FROM (VALUES (1), (2)) AS o (n) ORDER BY n
SELECT n, NOT EXISTS (SELECT 1 FROM (VALUES (2)) AS t (x) WHERE t.x = o.n) FROM (VALUES (1), (2)) AS o (n) ORDER BY n
SELECT EXISTS (SELECT 1), EXISTS (SELECT 1 WHERE false)
SELECT n, n IN (SELECT x FROM (VALUES (1), (NULL)) AS t (x)) FROM (VALUES (1), (2)) AS o (n) ORDER BY n
SELECT n, n NOT IN (SELECT x FROM (VALUES (1)) AS t (x)) FROM (VALUES (1), (2), (NULL)) AS o (n) ORDER BY n
SELECT CASE WHEN n > 1 THEN (SELECT 'x' || t.x FROM (VALUES (2), (3)) AS t (x) WHERE t.x = o.n) ELSE 'none' END FROM (VALUES (1), (2), (3)) AS o (n) ORDER BY n
SELECT o.n, l.m FROM (VALUES (1), (2)) AS o (n), LATERAL (SELECT o.n * 10 AS m) AS l ORDER BY 1
SELECT o.n, l.x FROM (VALUES (1), (2)) AS o (n) CROSS JOIN LATERAL (SELECT x FROM (VALUES (1), (2), (3)) AS t (x) WHERE t.x > o.n ORDER BY x DESC LIMIT 1) AS l ORDER BY 1
SELECT o.n, l.c FROM (VALUES (1), (2)) AS o (n) LEFT JOIN LATERAL (SELECT count(*) AS c FROM (VALUES (1), (2), (3)) AS t (x) WHERE t.x > o.n) AS l ON true ORDER BY 1
SELECT o.n, l.x FROM (VALUES (1), (2), (9)) AS o (n) LEFT JOIN LATERAL (SELECT x FROM (VALUES (1), (2), (3)) AS t (x) WHERE t.x = o.n) AS l ON true ORDER BY 1
SELECT o.n, u.e FROM (VALUES (1, ARRAY[1, 2]), (2, ARRAY[3])) AS o (n, a), unnest(o.a) AS u (e) ORDER BY 1, 2
SELECT o.n, u.e, u.i FROM (VALUES (1, ARRAY['x', 'y']), (2, ARRAY['z'])) AS o (n, a) CROSS JOIN unnest(o.a) WITH ORDINALITY AS u (e, i) ORDER BY 1, 3
SELECT * FROM unnest(ARRAY['a', 'b', 'c']) WITH ORDINALITY ORDER BY 2
SELECT * FROM unnest(ARRAY[1, 2, 3], ARRAY['a', 'b']) AS t (x, y) ORDER BY 1
SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g (n, i) ORDER BY 1
SELECT o.n, g FROM (VALUES (1), (2)) AS o (n), generate_series(1, o.n) AS g ORDER BY 1, 2
SELECT ARRAY(SELECT x FROM (VALUES (3), (1), (2)) AS t (x) ORDER BY x), ARRAY(SELECT 1 WHERE false)
SELECT ARRAY(SELECT x FROM (VALUES (3), (1), (2)) AS t (x) ORDER BY x DESC LIMIT 2)
SELECT n, ARRAY(SELECT t.x FROM (VALUES (1), (2), (3)) AS t (x) WHERE t.x <= o.n ORDER BY x) FROM (VALUES (0), (2)) AS o (n) ORDER BY n
SELECT unnest(ARRAY[1, 2]), unnest(ARRAY['a', 'b', 'c'])
SELECT generate_series(1, 3) AS n
SELECT generate_series(1, 5, 2), 'x'
SELECT generate_subscripts(ARRAY['a', 'b', 'c'], 1)
SELECT regexp_split_to_table('a,b,c', ',')
SELECT (regexp_matches('foobarbequebaz', 'ba(.)', 'g'))[1]
SELECT 1 = ANY (ARRAY[1, 2]), 3 = ANY (ARRAY[1, 2]), 3 = ANY (ARRAY[1, NULL]), 1 <> ALL (ARRAY[2, 3]), 2 > ALL (ARRAY[1]), NULL = ANY (ARRAY[1])
SELECT 'r' = ANY ('{r,p}'), 'x' = ANY ('{r,p}'::text[]), 5 = ANY ('{1,5}'::int[])
SELECT 1 = ANY (SELECT 1), 2 <> ALL (SELECT 1)
SELECT n FROM (VALUES (1), (2), (3)) AS t (n) WHERE n >= ALL (SELECT x FROM (VALUES (1), (2)) AS s (x)) ORDER BY n
SELECT (1, 2) = (1, 2), (1, 2) < (1, 3), (1, 2) <> (1, 2), ROW(1, 2) = ROW(1, 3), (2, 1) > (1, 9)
SELECT (1, 2) IN ((1, 2), (3, 4)), (1, 5) NOT IN ((1, 2), (3, 4))
SELECT n FROM (VALUES (1, 2), (3, 4)) AS t (n, m) WHERE (n, m) IN (SELECT 3, 4)
SELECT x FROM (VALUES (1), (1), (2), (3), (3), (3)) AS t (x) INTERSECT ALL SELECT x FROM (VALUES (1), (1), (1), (3), (3)) AS s (x) ORDER BY x
SELECT x FROM (VALUES (1), (1), (2), (3), (3), (3)) AS t (x) EXCEPT ALL SELECT x FROM (VALUES (1), (3), (NULL)) AS s (x) ORDER BY x
SELECT x, y FROM (VALUES (1, 'a'), (1, 'a'), (NULL, NULL), (NULL, NULL)) AS t (x, y) EXCEPT ALL SELECT 1, 'a' ORDER BY x
SELECT * FROM (WITH t AS (SELECT 1 AS a) SELECT a FROM t) AS o, (WITH t AS (SELECT 2 AS b) SELECT b FROM t) AS p
WITH t AS (SELECT 1 AS a) SELECT * FROM (WITH t AS (SELECT a + 1 AS a FROM t) SELECT a FROM t) AS o
WITH t AS (SELECT 1), t AS (SELECT 2) SELECT * FROM t
SELECT 1.5::float8 UNION ALL SELECT 0.1 ORDER BY 1
SELECT x FROM (VALUES (1e-20::float8), (0.1), (2)) AS t (x) ORDER BY 1
SELECT coalesce('1e-20'::float8, 0.1), coalesce('2'::float8, 0.1), CASE WHEN true THEN 1e-20::float8 ELSE 0.5 END
SELECT greatest(1e-20::float8, 1e-30), least(1.5::float8, 0.25)
SELECT 'abc' SIMILAR TO '(a|b)%', 'abc' SIMILAR TO 'b%', 'abc' NOT SIMILAR TO '_b_', 'a%' SIMILAR TO 'a\%'
SELECT substring('foobar' from 'o.b'), substring('foobar' from 'o(.)b'), substring('foobar' from '#"o_b#"%' for '#'), substring('foobar', 2, 3)
SELECT 'a_c' LIKE 'a/_c' ESCAPE '/', 'abc' LIKE 'a/_c' ESCAPE '/', 'a%' LIKE 'a$%' ESCAPE '$'
SELECT '192.168.0.1/24'::inet, '192.168.0.1/32'::inet, '::ffff:102:300'::inet, '::2'::inet, '2001:db8::/32'::cidr, '10.1'::cidr, '08002B:010203'::macaddr
SELECT '1.2.3.4'::inet = '1.2.3.4/32', '1.2.3.4'::inet = '1.2.3.4/31', '1.2.3.4/32'::cidr = '1.2.3.4'::inet, '1.2.3.4'::inet IN ('1.2.3.4/32', '5.6.7.8')
SELECT '1.2.3'::inet
SELECT '1.2.3.4/24'::cidr
SELECT host('10.1.2.3/8'::inet), masklen('10.1.2.3/8'::inet), family('::1'::inet), '10.1.2.3/8'::inet::text
SELECT '[1,5]'::int4range, '(1,5)'::int4range, '[3,3)'::int4range, '(,5]'::int8range, 'empty'::daterange, '[2000-01-01,2000-01-31]'::daterange
SELECT '[1.50,2.5]'::numrange = '[1.5,2.50]', '[1,2]'::numrange, '("2000-01-01 00:00","2000-01-02 00:00"]'::tsrange
SELECT int4range(1, 5, '[]'), int8range(NULL, 7), numrange(1.5, 2.5, '()'), daterange('2000-01-01', '2000-01-02'), int4range(3, 3)
SELECT int4range(5, 1)
SELECT int4range(1, 5, '[[')
SELECT '[1,'::int4range
SELECT '{[1,3), [2,5],[10,11)}'::int4multirange, int4multirange(int4range(1, 2), int4range(2, 3)), '{}'::datemultirange
SELECT ARRAY['empty'::int4range, '[1,2)'], ARRAY['1.2.3.4'::inet, NULL], ARRAY['00000000-0000-0000-0000-000000000001'::uuid]
SELECT r, count(*) FROM (VALUES ('[1,3]'::int4range), ('[1,4)'::int4range), ('empty'::int4range)) AS v (r) GROUP BY r
SELECT '12:00+02'::timetz, '12:00:00.5-03:30'::timetz, '24:00:00+00'::timetz, '12:00'::timetz = '12:00+00', '12:00+01:02:03'::timetz::text
SELECT '16/B374D848'::pg_lsn, '(0,1)'::tid
SELECT 'infinity'::date, '-infinity'::timestamp, 'infinity'::timestamptz, 'infinity'::date > '9999-12-31', '0044-03-15 BC'::date, '10000-01-01'::date, '0001-12-31 23:59 BC'::timestamp
SELECT 1::pg_catalog.int8, 'x'::pg_catalog.text, '2000-01-01'::pg_catalog.timestamptz, '1 day'::pg_catalog.interval
SELECT set_byte('abc'::bytea, 1, 65), get_byte('abc'::bytea, 2), '{1,2}'::int[], '{a}'::text[]
SELECT get_byte('abc'::bytea, 3)
SELECT pg_sleep(0)
SELECT true, false
SET DateStyle = 'SQL, DMY'
SELECT '1/2/2003'::date, '2000-01-02 03:04:05.6'::timestamp, '2000-01-02 03:04:05+00'::timestamptz, '2000-01-02'::date::text, '0044-03-15 BC'::date
SET DateStyle = 'Postgres, MDY'
SELECT '1/2/2003'::date, '2000-01-02 03:04:05.6'::timestamp, '2000-01-02 03:04:05+00'::timestamptz, '2000-01-02'::date::text, '2024-02-29 12:00'::timestamp::text, 'infinity'::timestamp
SET DateStyle = 'German'
SELECT '1.2.2003'::date, '2000-01-02 03:04:05.6'::timestamp, '2000-01-02 03:04:05+00'::timestamptz, ARRAY['2000-01-02'::date], current_setting('DateStyle')
RESET DateStyle
SET IntervalStyle = 'sql_standard'
SELECT '1 year 2 mons'::interval, '-3 days'::interval, '04:05:06.7'::interval, '1 year -2 mons 3 days -04:05:06.7'::interval, '0'::interval, '1 mon -1 hour'::interval::text
SET IntervalStyle = 'postgres_verbose'
SELECT '1 year 2 mons'::interval, '-3 days'::interval, '04:05:06.7'::interval, '1 year -2 mons 3 days -04:05:06.7'::interval, '0'::interval, '-1 sec'::interval, '-1 day 2 hours -3 sec'::interval
SET IntervalStyle = 'iso_8601'
SELECT '1 year 2 mons'::interval, '-3 days'::interval, '04:05:06.7'::interval, '1 year -2 mons 3 days -04:05:06.7'::interval, '0'::interval, '-0.5 sec'::interval
RESET IntervalStyle
SET bytea_output = 'escape'
SELECT '\x5c00ff41'::bytea, '\x5c00ff41'::bytea::text
RESET bytea_output
SET TimeZone = '+02:00'
SELECT '2000-01-01 00:00'::timestamptz = '2000-01-01 02:00+00', '7000-01-01+02'::timestamptz = '6999-12-31 22:00+00'::timestamptz, '00:00'::timetz
SET TimeZone = 'GMT+3'
SELECT '2000-01-01 00:00'::timestamptz = '2000-01-01 03:00+00', '[2000-01-01 00:00+00,)'::tstzrange, '[2000-01-01 00:00+00,)'::tstzrange::text
SET TimeZone = '3'
SELECT '2000-01-01 00:00'::timestamptz = '1999-12-31 21:00+00'
SET TimeZone = 'UTC'
SET client_encoding = 'LATIN9'
SELECT chr(8364), chr(233), ARRAY[chr(8364)], upper(chr(233))
SELECT chr(1046)
SET client_encoding = 'WIN1251'
SELECT chr(1046), chr(1046) AS "a"
SET client_encoding = 'EUC_JP'
SELECT chr(12354), 'a'
SET client_encoding = 'UTF8'
SELECT justify_days('35 days'), justify_hours('27 hours'), justify_interval('1 mon -1 hour'), justify_interval('-1 mon 29 days 25 hours'), justify_days('-35 days'), justify_hours('-27 hours 2 days')
SELECT isfinite('infinity'::date), isfinite('2000-01-01'::timestamp), isfinite('-infinity'::timestamptz), isfinite('1 day'::interval)
SELECT '1 day'::interval = '24 hours', '1 month'::interval > '29 days', '-1 s'::interval = '-1 day 86399 s', '1 hour'::interval BETWEEN '59 min' AND '61 min'
SELECT pg_typeof(ROW(1, 2))
SELECT ROW(1, 'a b'::text, NULL::text, 'x"y\z'::text, ''::text, 1.5::float8, '2000-01-01'::date, ARRAY[1, 2])
SELECT '2000-01-01 12:34:56.5+00'::timestamptz::timetz
SELECT f, date_trunc('century', t), date_trunc('millennium', t), date_trunc('decade', t) FROM (VALUES (1, '2000-12-31 23:59'::timestamp), (2, '2001-01-01'), (3, '0001-01-01'), (4, '1999-02-03 04:05:06.789012'), (5, '2500-06-07')) AS v (f, t)
SELECT date_trunc('microseconds', t), date_trunc('milliseconds', t), date_trunc('second', t), date_trunc('min', t), date_trunc('HOURS', t), date_trunc('d', t), date_trunc('week', t), date_trunc('mon', t), date_trunc('qtr', t), date_trunc('y', t) FROM (VALUES ('1999-12-31 23:59:59.999999'::timestamp), ('2024-02-29 12:34:56.789'), ('1960-01-03 00:00:00.5'), ('0044-03-15 BC'), ('infinity'), (NULL)) AS v (t)
SELECT date_trunc('month', '2024-03-15'::date), date_trunc('week', NULL::date), date_trunc(NULL, now())
SELECT date_trunc('day', t, 'Australia/Sydney'), date_trunc('hour', t, 'Europe/Berlin'), date_trunc('month', t, 'America/New_York') FROM (VALUES ('2001-02-16 20:38:40+00'::timestamptz), ('2024-10-27 00:30:00+00'), ('2024-10-27 01:30:00+00'), ('2024-03-31 01:30:00+00'), ('-infinity')) AS v (t)
SELECT date_trunc('day', INTERVAL '1 mon 3 days 04:05:06.7'), date_trunc('hour', INTERVAL '-3 days -04:05:06.7'), date_trunc('quarter', INTERVAL '2 years 11 mons 3 days'), date_trunc('decade', INTERVAL '39 years 1 mon'), date_trunc('millisecond', INTERVAL '00:00:01.23456')
SELECT date_trunc('dow', now())
SELECT date_trunc('fortnight', '2024-01-01'::timestamp)
SELECT date_trunc('week', INTERVAL '1 month')
SELECT date_trunc('day', now(), 'Nowhere/Land')
SET TimeZone = 'Europe/Berlin'
SELECT date_trunc('day', '2024-03-31 12:00+02'::timestamptz), date_trunc('month', '2024-10-31'::date), date_trunc('hour', '2024-10-27 01:30:00+00'::timestamptz), pg_typeof(date_trunc('day', '2024-03-31'::date))
SET TimeZone = 'UTC'
SELECT o.a, (SELECT x FROM (VALUES (1, 2), (1, 3)) AS s (k, x) WHERE s.k = o.a ORDER BY s.x + s.k DESC LIMIT 1) FROM (VALUES (1), (2)) AS o (a) ORDER BY 1
SELECT unnest(ARRAY[1::oid]), unnest('{a}'::name[])
SELECT * FROM unnest(ARRAY[1::oid, 2]) ORDER BY 1
SELECT array_append(ARRAY[1::oid], 2::oid), (ARRAY[1::oid, 2])[1], (ARRAY[1::oid, 2])[1:1]
SELECT max(oid), min(oid), array_agg(oid ORDER BY oid), array_agg(DISTINCT typname), max(typname) FROM pg_type WHERE oid < 20
SELECT coalesce(oid, 5), CASE WHEN oid > 5 THEN oid END, CASE WHEN oid > 5 THEN oid ELSE 7 END, nullif(oid, 0::oid), greatest(oid, 5::oid) FROM pg_type WHERE oid = 16
SELECT (SELECT oid FROM pg_type WHERE oid = 16), (SELECT array_agg(oid ORDER BY oid) FROM pg_type WHERE oid < 18), ARRAY(SELECT oid FROM pg_type WHERE oid < 18 ORDER BY oid)
SELECT oid FROM pg_type WHERE oid = 16 UNION SELECT 5::oid ORDER BY 1
SELECT lag(oid) OVER (ORDER BY oid), first_value(oid) OVER (ORDER BY oid), max(oid) OVER () FROM pg_type WHERE oid < 18 ORDER BY 1
WITH RECURSIVE t (o, n) AS (SELECT oid, 1 FROM pg_type WHERE oid = 16 UNION ALL SELECT o, n + 1 FROM t WHERE n < 2) SELECT * FROM t ORDER BY 2
SELECT x FROM (SELECT array_agg(oid ORDER BY oid) AS x FROM pg_type WHERE oid < 18) AS s
SELECT coalesce('{"a":1}'::jsonb, '{}'), 'a'::"char", min('a'::"char")
SELECT 1::numeric, 1.5::numeric, '1.50'::numeric, '0.000000000000000000001'::numeric, '1e10'::numeric, 12345678901234567890::numeric, '-0.5'::numeric(3,1)
SELECT n, n + 1, round(n, 1), coalesce(n, 0), coalesce(n, n), nullif(n, 1), CASE WHEN id > 0 THEN n ELSE n END, CASE WHEN id > 0 THEN n END, n::numeric(10,1), n::numeric FROM public.facts ORDER BY id
SELECT max(n), sum(n), (SELECT max(n) FROM public.facts) FROM public.facts
SELECT n FROM public.facts GROUP BY n ORDER BY n
SELECT * FROM (SELECT n AS x FROM public.facts UNION ALL SELECT n FROM public.facts) AS s ORDER BY x
SELECT -2147483648, -9223372036854775808, 2147483648, 9223372036854775808
SELECT concat(true, NULL, 1, false), concat_ws(',', true, NULL, 'a')
SELECT 'abc' LIKE ALL (ARRAY['a%', '%c']), 'abc' LIKE ANY (ARRAY['x', 'a%']), 'abc' NOT LIKE ALL (ARRAY['x', 'y']), 'ABC' ILIKE ALL (ARRAY['a%'])
SELECT (1, 2), ('x'::text, 3)
SELECT '-infinity'::date > now(), 'infinity'::timestamp > now(), '-infinity'::timestamptz < now(), now() = now()
SELECT * FROM json_each('{"a":1}')
SELECT * FROM jsonb_array_elements('[1,2]')
SELECT '{{1,2},{3,4}}'::int[], '{{a},{b}}'::name[], '{}'::int[], '[1:2]={a,b}'::text[], ARRAY[[1, 2], [3, 4]]::bigint[], '{{1,2},{3,4}}'::int[]::text
SELECT '{{1,2},{3}}'::int[]
SELECT '{{}}'::int[]
SELECT array_dims('{{1,2},{3,4}}'::int[]), array_length('{{1,2}}'::int[], 2), cardinality('{{1,2}}'::int[]), ('{{1,2},{3,4}}'::int[])[2][1]
SELECT '{"a":1}'::jsonb ? 'a', '{"a":1}'::jsonb ?| ARRAY['a', 'b'], '{"a":1}'::jsonb ?& ARRAY['a', 'b'], '{"a":1}'::jsonb - 'a'
SELECT substr('abc', 2::int2), substring('abc' FROM 2::int2 FOR 1::int2)
SELECT '1 day'::interval * 0.5, '1 mon 3 days'::interval * 1.5, 2.5 * '1 hour'::interval, '1 day'::interval / 2, '7 mons 10 days 01:02:03.5'::interval / 1.7, '-1 mon'::interval * 0.3
SELECT '1 day'::interval / 0
SELECT 'abc'::varchar, 'abc'::varchar(2), NULL::varchar(42), ARRAY['a']::varchar[], NULL::char(3), NULL::numeric(10), NULL::numeric(10,3), NULL::timestamp(6), NULL::time(6), NULL::timestamptz(6), 'x'::text, ('y'::varchar(3)) AS y
SELECT '2001-02-03 04:05:06.17 America/Edmonton'::timestamptz, '2001-02-03 04:05:06 pm'::timestamp
SELECT '1-2'::interval, '3 4:05:06'::interval, '-1-2 +3 -4:05:06'::interval, '2-11 1 day'::interval
SELECT '1-12'::interval
SELECT b = 't', 'no' <> b, b IN ('t', 'false'), b BETWEEN 'f' AND 't', b AND 'yes', CASE b WHEN 'on' THEN 1 ELSE 2 END FROM (VALUES (true)) AS v (b)
SELECT b = 'maybe' FROM (VALUES (true)) AS v (b)
SELECT count(*) FROM (VALUES (true), (NULL)) AS v (b) WHERE b = 't' OR 'false'
SELECT a[2], a[0], a[-1], a[x], a[-x], a[NULL], a[4] FROM (VALUES (ARRAY[1, 2, 3], -1)) AS v (a, x)
SELECT i.indkey[0] > 0, i.indkey[i.indnatts], i.indkey[-1] FROM pg_index AS i WHERE i.indrelid = 'pg_class'::regclass AND i.indisprimary = 't' LIMIT 0
SELECT pg_typeof(current_database())::text, pg_typeof(current_schema())::text, pg_typeof(current_schemas(false))::text, current_user, session_user, current_schema() = (current_schemas(false))[1], current_user || '!'
SELECT string_to_array('a,b,,c', ','), string_to_array('a,b', ',', 'b'), string_to_array('äb', NULL), string_to_array('a,b', ''), string_to_array('', ','), string_to_array(NULL, ','), string_to_array('a--b', '--')
SELECT n, (SELECT count(*) FROM (VALUES (1), (2)) AS t (x) WHERE x >= n LIMIT 1), EXISTS (SELECT 1 FROM (VALUES (1), (2)) AS t (x) WHERE x > n LIMIT 1) FROM (VALUES (1), (2)) AS v (n) ORDER BY n
SELECT t.n, t.* FROM (VALUES (1, 'a'), (2, 'b')) AS t (n, s) ORDER BY 2
SELECT s, *, n + 1 AS m FROM (VALUES (1, 'a'), (2, 'b')) AS t (n, s) ORDER BY m
SELECT pg_postmaster_start_time() <= now(), txid_current() >= 0, age('3'::xid) IS NOT NULL
SELECT * FROM generate_series(1, 3) AS x (n)
SELECT * FROM generate_series(1, 0)
SELECT * FROM generate_series(-2, 3000000000, 1000000000)
SELECT count(*), sum(x), min(x), max(x), array_agg(x) FROM generate_series(1, 3) AS x
SELECT x + 1, x * 2.5, x || 'a' FROM generate_series(5, 1, -2) AS x WHERE x > 1
SELECT 'hello'::char(8), 'a'::char(3) || '!', length('a'::char(3)), 'ä'::char(2), NULL::char(3), 'a'::char(1)
SELECT
SELECT FROM (VALUES (1), (2)) AS v (a)
DO $$BEGIN RAISE NOTICE 'hello % and %', 1, 'x'; END$$
DO LANGUAGE plpgsql $$begin null; raise warning 'careful'; end;$$
DO $$BEGIN RAISE EXCEPTION 'bad %%: %', NULL USING ERRCODE = 'XY123', HINT = 'Do not.'; END$$
DO $$BEGIN RAISE division_by_zero; END$$
DO $$BEGIN RAISE SQLSTATE '22012'; END$$
DO $$BEGIN RAISE USING MESSAGE = 'told', ERRCODE = 'unique_violation', DETAIL = 'Twice.'; END$$
DO $$BEGIN RAISE NOTICE '%'; END$$
DO $$BEGIN RAISE NOTICE 'x', 1; END$$
SELECT coalesce(x, '{}') FROM (VALUES (ARRAY[1, 2]), (NULL)) AS t (x) ORDER BY 1
SELECT coalesce(b, 'f'), b IS DISTINCT FROM 't', b IS NOT DISTINCT FROM 'f' FROM (VALUES (true), (NULL)) AS t (b) ORDER BY 1
SELECT CASE WHEN x > 1 THEN x ELSE '7' END, nullif(x, '2'), greatest(x, '9'), least('0', x) FROM (VALUES (1), (2)) AS t (x) ORDER BY 1
SELECT coalesce(NULL, DATE '2026-01-02', '2026-01-03'), coalesce(NULL::timestamptz, '2026-01-03 00:00+00'), coalesce(NULL::interval, '1 day')
SELECT x IN ('1', '3'), x BETWEEN '1' AND '2', '2' = x, x = ANY ('{1,2}') FROM (VALUES (1), (2), (3)) AS t (x) ORDER BY x
SELECT CASE x WHEN '1' THEN 'one' WHEN '2' THEN 'two' END FROM (VALUES (1), (2)) AS t (x) ORDER BY 1
SELECT coalesce(NULL::int, 'x')
SELECT 1 UNION ALL SELECT '2' ORDER BY 1
SELECT DATE '2026-01-01' UNION SELECT '2026-01-02' ORDER BY 1
SELECT true UNION ALL SELECT 'f' ORDER BY 1
SELECT 1 UNION SELECT 'x'
SELECT ARRAY[1, '2'], ARRAY[true, 'f'], ARRAY['2026-01-01', DATE '2026-01-02']
SELECT CASE WHEN true THEN 1 ELSE 2.5::float8 END / 2, 7 / CASE WHEN false THEN 2 ELSE 2::real END, x / 2 FROM (SELECT CASE WHEN true THEN 5 ELSE 2.0::float8 END AS x) AS t
SELECT 3 / coalesce(NULL, 2, 4::float8), sum(CASE WHEN x > 1 THEN x ELSE 0.5::float8 END) / 2 FROM (VALUES (1), (2)) AS t (x)
SELECT nullif(1, 2::float8), nullif(2::int, 2::bigint), nullif(5::int, 2::bigint), pg_typeof(nullif(5::int, 2::bigint)), pg_typeof(nullif(1, 2.0))
SELECT * FROM (VALUES (1, 'a')) AS t (x, y) JOIN (VALUES ('b', 1)) AS s (z, x) USING (x)
SELECT * FROM (VALUES ('a', 1)) AS t (y, x) NATURAL JOIN (VALUES ('b', 1)) AS s (z, x)
SELECT x, t.x, s.x, y, z FROM (VALUES (1, 'a')) AS t (x, y) RIGHT JOIN (VALUES (1, 'b'), (2, 'c')) AS s (x, z) USING (x) ORDER BY s.x
SELECT * FROM (VALUES (1, 'a'), (3, 'd')) AS t (x, y) FULL JOIN (VALUES (1, 'b'), (2, 'c')) AS s (x, z) USING (x) ORDER BY x
SELECT x, count(*) FROM (VALUES (1, 'a'), (3, 'd')) AS t (x, y) FULL JOIN (VALUES (1, 'b'), (2, 'c')) AS s (x, z) USING (x) WHERE x > 1 GROUP BY x ORDER BY x
SELECT * FROM (VALUES (1, 2)) AS a (i, j) JOIN (VALUES (1, 5)) AS b (i, k) USING (i) LEFT JOIN (VALUES (1, 7), (1, 8)) AS c (i, l) USING (i) ORDER BY l
SELECT row_to_json(t), to_json(t), to_jsonb(t) FROM (VALUES (1, 'a'), (2, NULL)) AS t (x, y) ORDER BY x
SELECT json_agg(t), jsonb_agg(t ORDER BY x DESC) FROM (SELECT 1 AS x, 'a' AS y) AS t
SELECT json_build_object('row', t, 'n', t.x) FROM (SELECT 1 AS x, true AS y) AS t
SELECT t.x, row_to_json(s), to_jsonb(s.*) FROM (VALUES (1), (2)) AS t (x) LEFT JOIN (VALUES (1, 'a')) AS s (x, y) ON t.x = s.x ORDER BY 1
WITH t AS (SELECT 1 AS a, 2.5 AS b) SELECT row_to_json(t) FROM t
SELECT (SELECT row_to_json(s) FROM (SELECT t.x + 1 AS y) AS s) FROM (VALUES (1), (2)) AS t (x) ORDER BY t.x
SELECT g, pg_typeof(g) FROM generate_series(1, 2) AS g
SELECT generate_series, pg_typeof(n) FROM generate_series(3, 1, -1), generate_series(1, 1) AS s (n) ORDER BY 1
SELECT to_char(1234.5, '9,999.99'), to_char(-0.1, '99.99'), to_char(0.1, 'FM9.99'), to_char(0, 'FM0.00'), to_char(1485, '9G999'), to_char(148.5, '999.999')
SELECT to_char(12345.678, 'FM999,999,990.00'), to_char(-485, '999S'), to_char(-485, '999MI'), to_char(485, 'FM999MI'), to_char(-485, '999PR'), to_char(485, 'PL999'), to_char(485, 'SG999'), to_char(485, 'L999')
SELECT to_char(485, 'RN'), to_char(485, 'FMRN'), to_char(5.2, 'FMRN'), to_char(482, '999th'), to_char(485, '"Good number:"999'), to_char(12, '99V999'), to_char(12.4, '99V9'), to_char(0.0004859, '9.99EEEE')
SELECT to_char(1e15::float8, '9999999999999999D9'), to_char(3.14159::real, '9.9999'), to_char(12345678901::bigint, '99999999999'), to_char(12, '000'), to_char(-12, 'S0000'), to_char(1234, '999')
SELECT to_char(123456.789::numeric, '9.99EEEE'), to_char(-1234::int, '9.9EEEE'), to_char(0, '9.99EEEE'), to_char(1.5::float8, '9.99EEEE')
SELECT to_char(x, 'FM9990.0') FROM (VALUES (0.05), (-1.25), (999.95), (NULL)) AS t (x) ORDER BY x
SELECT to_char(1, '9 9.9.9')
SELECT to_char(INTERVAL '15h 2m 12s', 'HH24:MI:SS'), to_char(INTERVAL '40 hours 5 sec', 'HH24:MI:SS'), to_char(INTERVAL '1 year 2 mons 3 days', 'YYYY-MM-DD'), to_char(INTERVAL '-2:30', 'HH24:MI'), to_char(INTERVAL '1.5 sec', 'SS.MS')
SELECT to_number('12,454.8-', '99G999D9S'), to_number('-34,338,492', '99G999G999'), to_number('  $1,234.56', 'L9G999D99'), to_number('<564646.654564>', '999999.999999PR'), to_number('0.00001-', '9.999999S')
SELECT to_number('x', '9')
SELECT top.x FROM (VALUES (1)) AS top (x)
SELECT x FROM (VALUES (1)) top (x)
SELECT INTERVAL $$1 day$$, DATE $$2026-01-02$$
SELECT NULL IN (SELECT 1), 1 IN (SELECT NULL::int), 1 NOT IN (SELECT 2 UNION SELECT NULL), NULL IN (SELECT 1 WHERE false)
SELECT DISTINCT - + col0 * - 2 AS c FROM (VALUES (1, NULL), (2, 3)) AS tab0 (col0, col1) WHERE NOT ( NULL ) NOT BETWEEN col0 AND + 5 OR col1 IS NULL ORDER BY 1
SELECT - 84 * COUNT ( * ) + - COALESCE ( - 1, + 37 ) / NULLIF ( + 3, MIN ( 2 ) ) AS col0, CAST ( NULL AS INTEGER ) * - 41
SELECT count(*) FROM (VALUES (1), (2)) AS a (x) WHERE x IN (SELECT x FROM (VALUES (1, 5)) AS b (x, y) JOIN (VALUES (1, 6)) AS c (x, z) USING (x) WHERE b.y = 5)
SELECT x, max(z) FROM (VALUES (1, 5), (2, 6)) AS b (x, y) JOIN (VALUES (1, 6), (1, 7)) AS c (x, z) USING (x) WHERE x > 0 GROUP BY x HAVING count(x) > 1 ORDER BY x
SELECT y FROM (VALUES (1, 5), (2, 6)) AS b (x, y) JOIN (VALUES (1, 6), (2, 7)) AS c (x, z) USING (x) ORDER BY x DESC
SELECT few.id FROM (VALUES (1, 'a'), (2, 'b')) AS few (id, t) ORDER BY few.id, generate_series(1, 3) DESC
SELECT few.id, generate_series(1, 3) AS g FROM (VALUES (1, 'a'), (2, 'b')) AS few (id, t) ORDER BY few.id, generate_series(1, 3) DESC
SELECT id AS x FROM (VALUES (1, 'a'), (2, 'b')) AS few (id, t) ORDER BY x DESC, unnest(ARRAY[1, 2]) LIMIT 3
SELECT count(*) FROM (VALUES (1), (2)) AS few (id) ORDER BY generate_series(1, 3)
SELECT DISTINCT id FROM (VALUES (1), (2)) AS few (id) ORDER BY generate_series(1, 3)
SELECT t, t::text FROM (VALUES (1, 'a b'), (2, NULL), (3, ''), (4, 'q"x\y,(')) AS t (x, y)
SELECT ROW(true, NULL, 'x y', '{1,2}'::int[], ROW(1, 'q"'))::text, (1, 2)::text, ARRAY[ROW(1, 2), ROW(3, 4)]::text
SELECT row_to_json(ROW(1, 2)), to_json(ROW(1, 'x')), json_build_object('a', ROW(1, 2)), to_jsonb(ROW(1, '{"a": 1}'::jsonb)), row_to_json((1, 2))
SELECT array_agg(t), json_agg(t), jsonb_agg(t), json_agg(ARRAY[x]), json_agg(x) FROM (VALUES (1, 'a b'), (2, NULL)) AS t (x, y)
SELECT (t).x, (t).y, ROW(t.*, 42), count(*) OVER () FROM (VALUES (1, 'a b'), (2, NULL)) AS t (x, y)
SELECT DISTINCT t FROM (VALUES (1, 'a b'), (2, NULL), (1, 'a b')) AS t (x, y) ORDER BY t DESC
SELECT t IS NULL, t IS NOT NULL FROM (VALUES (1, 'a b'), (2, NULL), (NULL, NULL)) AS t (x, y)
SELECT ROW(1, NULL) IS NULL, ROW(NULL, NULL) IS NULL, ROW(1, NULL) IS NOT NULL, ROW(1, 2) IS NOT NULL, ROW(1, NULL) = ROW(1, NULL)
SELECT a.x, b, b IS NULL FROM (VALUES (1), (2)) AS a (x) LEFT JOIN (VALUES (1, 'z')) AS b (x, y) ON a.x = b.x ORDER BY 1
SELECT row_to_json(t) FROM (SELECT 1 AS a, '{"b":  1}'::json AS b, true AS c, ARRAY[1, 2] AS d, '2020-01-01'::date AS e) AS t
SELECT json_build_object('a', '{"b":   1}'::json, 'b', '{"b":   1}'::jsonb), jsonb_build_object('b', '{"b":   1}'::json)
SELECT array_to_json(ARRAY['{"a":1}'::jsonb, '[1]']), to_json(ARRAY['{"a":1}'::json]), to_jsonb(ARRAY['{"a":1}'::json])
SELECT to_json('2014-05-28 12:22:35.614298-04'::timestamptz), to_jsonb(ARRAY['2014-05-28 12:22:35-04'::timestamptz]), to_json('0044-01-01 00:00+00 BC'::timestamptz)
SELECT sum(x), avg(x), sum(DISTINCT x), sum(x) FILTER (WHERE x > 1) FROM (VALUES (1.5::real), (1.5), (0.25)) AS v (x)
SELECT x, sum(x) OVER (ORDER BY x) FROM (VALUES (1.5::real), (0.25)) AS v (x) ORDER BY x
SELECT sum(x) FROM (VALUES ('3e38'::real), ('3e38'::real)) AS v (x)
SELECT 1.5::real UNION ALL SELECT 2.25 ORDER BY 1
SELECT ('1.235 s'::interval(2))::text, (INTERVAL(3) '1.23456 s')::text, ('1 y 2 mon 3 d 4:05'::interval year to month)::text, ('12:34:56.7'::interval hour to minute)::text
SELECT ('1'::interval hour)::text, (INTERVAL '1:30' MINUTE TO SECOND)::text, (INTERVAL '1-2' YEAR TO MONTH)::text, (INTERVAL '1 2:03:04.5678' DAY TO SECOND(2))::text, (INTERVAL '1.5' MINUTE)::text
WITH t AS (SELECT random() AS r FROM generate_series(1, 5)) SELECT count(*) FROM (SELECT r FROM t UNION SELECT r FROM t) AS s
WITH t AS (SELECT random() AS r FROM generate_series(1, 5)), u AS (SELECT r FROM t) SELECT count(*) FROM t AS a JOIN u AS b ON a.r = b.r
WITH t AS (SELECT gen_random_uuid() AS r FROM generate_series(1, 5)) SELECT (SELECT max(r::text) FROM t) = (SELECT max(r::text) FROM t), (SELECT count(*) FROM t WHERE r IN (SELECT r FROM t))
SELECT x FROM (VALUES (1::numeric), (9e37), (-2)) AS v (x) ORDER BY 1
SELECT make_interval(1, 2, 3, 4, 5, 6, 7.5), make_interval(days => 10), make_interval(secs => 1.5, years => 2), make_interval(), make_interval(1, mins => -3)
SELECT make_interval(fortnights => 1)
SELECT make_date(2013, 7, 15), make_date(-44, 3, 15), make_time(8, 15, 23.5), make_timestamp(2013, 7, 15, 8, 15, 23.5), make_timestamptz(2013, 7, 15, 8, 15, 23.5), make_timestamptz(2013, 7, 15, 8, 15, 23.5, 'Europe/Berlin')
SELECT make_date(2013, 2, 30)
SELECT make_time(25, 0, 0)
SELECT pg_try_advisory_lock(1), pg_try_advisory_lock(1), pg_advisory_unlock(1), pg_advisory_unlock(1)
SELECT pg_try_advisory_lock_shared(1, 2), pg_advisory_unlock_shared(1, 2), pg_advisory_lock(7), pg_try_advisory_xact_lock(8)
SELECT locktype, classid, objid, objsubid, mode, granted FROM pg_locks WHERE locktype = 'advisory' ORDER BY objid
SELECT pg_advisory_unlock_all()
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
SELECT jsonb_path_query('{"a":[1,2,3]}', '$.a[*] ? (@ > 1)'), jsonb_path_query_array('{"a":[1,2,3]}', '$.a[*] ? (@ >= $min)', '{"min":2}'), jsonb_path_query_first('[{"b":1},{"b":2}]', '$.b')
SELECT jsonb_path_exists('{"a":[1,2,3]}', '$.a[*] ? (@ > 2)'), jsonb_path_exists('{"a":1}', 'strict $.b', silent => true), jsonb_path_match('{"a":[1,2,3]}', 'exists($.a[*] ? (@ >= 2 && @ <= 3))')
SELECT jsonb_path_exists('{"a":1}', 'strict $.b')
SELECT jsonb_path_query('{"a":{"b":[{"c":1},{"c":"x"},{"c":null}]}}', '$.**.c'), jsonb_path_query('[1,"2",null,true,[1],{"a":1}]', '$[*].type()')
SELECT jsonb_path_query_array('[1,2.5,-3,4]', '$[*].abs()'), jsonb_path_query_array('[1,2.5,-3.5,4]', '$[*].floor()'), jsonb_path_query_array('[1,2,3,4,5]', '$[1 to last - 1]'), jsonb_path_query_array('[1,2]', '-$[*]'), jsonb_path_query('[1,2]', '$.size()')
SELECT jsonb_path_query_array('["abc","Abd","xyz"]', '$[*] ? (@ like_regex "^ab" flag "i")'), jsonb_path_query_array('["abc","xyz"]', '$[*] ? (@ starts with "a")'), jsonb_path_query('{"a":5}', '$.a + 2 * 3'), jsonb_path_query('{"a":7.5}', '$.a % 2')
SELECT jsonb_path_query('[1,"a"]', '$[*] ? ((@ > 0) is unknown)'), jsonb_path_query('{"a":1}', '$.a == 1'), jsonb_path_query('{"a":"x"}', '$.a > 1')
SELECT jsonb_path_query('{"a":1}', '$.a[')
SELECT jsonb_path_query('"x"', 'strict $.a')
SELECT jsonb_path_query('[1,2]', 'strict $[5]')
SELECT jsonb_path_query('[1,2]', '$x')
SELECT * FROM jsonb_path_query('[3,1,2]', '$[*] ? (@ < 3)') AS x
SELECT '{"a": {"b":{"c": "foo"}}}'::json #> '{}', '42'::json #>> '{}', '{"a": {"b":{"c": "foo"}}}'::json #> '{a,b}', '{"a":1}'::jsonb #> ARRAY['a', NULL], '{"a": [1, {"b":  2}]}'::json #>> '{a,1}'
SELECT '[{"b":  "c"}, {"b": 1}]'::json -> 0, '{"x": {"y" :  1}}'::json ->> 'x', '{"x":null}'::json ->> 'x', '{"x":"a\"b"}'::json ->> 'x', '[1,  [2]]'::json -> 1
SELECT * FROM json_array_elements('[1, {"a":  2}, null, "x"]'), json_each('{"a": {"b":  1}}')
SELECT '{"a":1.0}'::jsonb @> '{"a":1}', '[1,2]'::jsonb @> '[1.00]', '{"a":1,"b":2}'::jsonb = '{"b":2, "a":1}', '{"a":1}'::jsonb <> '{"a": 1}'
SELECT unistr('d\0061t\+000061'), unistr('d\u0061t\U00000061'), unistr('\d83d\de00'), unistr('a\\b'), quote_literal('a\b')
SELECT unistr('wrong: \db99')
SELECT '1 2:03.4567'::interval, '2:03.5'::interval, '2:03'::interval, (interval '1 2:03' minute to second)::text
SELECT extract(isoyear FROM DATE '2020-08-11 BC'), extract(isoyear FROM DATE '2020-01-01')
SELECT * FROM (VALUES ('b', 11)) AS t1 (name, n) FULL JOIN (VALUES ('b', 12), ('c', 22), ('e', 42)) AS t2 (name, n) USING (name) FULL JOIN (VALUES ('b', 13), ('c', 23), ('d', 33)) AS t3 (name, n) USING (name) ORDER BY name
SELECT name, count(*) FROM (VALUES ('b', 1)) AS t1 (name, x) NATURAL FULL JOIN (VALUES ('c', 2)) AS t2 (name, y) NATURAL LEFT JOIN (VALUES ('c', 3), ('c', 4)) AS t3 (name, z) GROUP BY name ORDER BY name
SELECT array_agg(x), string_agg(x::text, ',') FROM (SELECT x FROM (VALUES (3), (1), (2)) AS v (x) ORDER BY x DESC) AS s
WITH q AS (SELECT x, y FROM (VALUES (3, 'a'), (1, 'b'), (2, 'a')) AS v (x, y) ORDER BY x) SELECT y, array_agg(x), json_agg(x) FROM q GROUP BY y ORDER BY y
SELECT * FROM (SELECT x, y FROM (VALUES (3, 'a'), (1, 'b'), (2, 'c')) AS v (x, y) ORDER BY y DESC, x) AS s LIMIT 2
SELECT s.x + 1 AS z, x FROM (SELECT x FROM (VALUES (3), (1), (2)) AS v (x) ORDER BY x) AS s WHERE x > 1
SELECT ARRAY(SELECT x FROM (SELECT x FROM (VALUES (3), (1), (2)) AS v (x) ORDER BY 1 DESC) AS s)
SELECT json_build_object('f', (SELECT '{"a":1}'::json), 'g', (SELECT row_to_json(r) FROM (SELECT 1 AS a) AS r)), to_jsonb((SELECT '[1]'::jsonb))
SELECT x FROM (VALUES ('{"a":1}'::jsonb), ('[]'), ('[1,2]'), ('"b"'), ('"ab"'), ('10'), ('9.5'), ('-3'), ('-20'), ('0.001'), ('true'), ('null'), ('{}'), ('[3]'), ('{"b":1,"a":2}'), (NULL)) AS v (x) ORDER BY x DESC
SELECT '2'::jsonb < '10', '[1]'::jsonb > '{"a":1}', '"a"'::jsonb <= '"b"', '{"a":1}'::jsonb >= '{"a":0.5}', x > '1' FROM (VALUES ('2'::jsonb), ('null')) AS v (x)
SELECT '{"a":[1,2]}'::jsonb @? '$.a[*] ? (@ > 1)', '{"a":[1,2]}'::jsonb @@ '$.a[*] > 5', '{"a":1}'::jsonb @? 'strict $.b', '{"a":1}'::jsonb @@ '$.a'
SELECT jsonb_path_query('[{"a": 1}, {"a": 2}, {}]', 'strict $[*].a', silent => true)
SELECT jsonb_path_query_first('[{"a": 1}, {"a": 2}, {}]', 'strict $[*].a', silent => true), jsonb_path_exists('[{"a": 1}, {}]', 'strict $[*].a', silent => true)
SELECT 'foo bar' ~ '\bbar', 'foo bar' ~ '\ybar', 'a\b' ~ 'a\Bb', 'foo bar' ~ '\mbar\M'
SELECT x ~ y, x ~* y, x !~ y, x !~* y, x ~ 'A.b', x ~* 'A.b' FROM (VALUES ('a' || chr(10) || 'b', 'A.b'), ('foo bar', '\mbar\M'), ('foobar', '\yBAR\y'), (NULL, 'a'), ('a', NULL)) AS v (x, y)
SELECT CASE WHEN true THEN generate_series(1, 3) ELSE 0 END
SELECT coalesce(generate_series(1, 3), 0)
SELECT jsonb_array_elements('[1,[2,{"b":1,  "aa":2}]]'), '{"b":1,"a":{"c":[1,2]}}'::jsonb -> 'a', jsonb_extract_path('{"f2":{"f3":1}}', 'f2'), jsonb_extract_path_text('{"f2":{"f3":1}}', 'f2')
SELECT * FROM jsonb_each('{"f1":[1,2,3],"f2":{"f3":1}}') AS q
SELECT json_agg(DISTINCT x), jsonb_agg(DISTINCT x), jsonb_object_agg(DISTINCT 'a', 'abc') FROM (VALUES (2), (1), (2)) AS v (x)
SELECT log(100::float8), log(0.0::float8)
SELECT log(-1::float8)
SELECT date_bin('15 minutes', TIMESTAMP '2020-02-11 15:44:17', TIMESTAMP '2001-01-01'), date_bin('2 days', TIMESTAMPTZ '2020-02-11 15:44:17+00', TIMESTAMPTZ '2001-01-01+00')
SELECT date_bin('5 months', TIMESTAMP '2020-02-01 01:01:01', TIMESTAMP '2001-01-01')
SELECT date_bin('-2 days', TIMESTAMP '1970-01-01 01:00:00', TIMESTAMP '1970-01-01')
SELECT date_bin('0 days', TIMESTAMP '1970-01-01 01:00:00', TIMESTAMP '1970-01-01')
SELECT jsonb_path_query('[1,"2",3]', '+$', silent => true), '[1,"2",0,3]'::jsonb @? '-$[*]', '{"a":1}'::jsonb @? 'strict $.b'
SELECT '2000-01-02 03:04:05.678915'::timestamp(2), '2000-01-02 03:04:05.678915+00'::timestamptz(0), '1999-12-31 23:59:59.995'::timestamp(2), '1900-01-01 00:00:00.00005'::timestamp(4), '23:59:59.9996'::time(3), '12:00:00.5'::time(0)
SELECT 'nan'::numeric, '-Infinity'::decimal, '1e40'::numeric, -'inf'::numeric, '-0.0000000000000000000000000000000000000000123000'::numeric, '1e40'::numeric::float8, '12345678901234567890123456789012345678901234567890.5'::numeric::text
SELECT NULL::time(2), NULL::timetz(0), NULL::timestamp(5), NULL::interval(3), '1.2345 s'::interval(2), '12:34:56.7+02'::timetz(1), '{1.5}'::numeric(5,2)[]
SELECT NULL::numeric(10,-1), NULL::numeric(1000,1000), NULL::numeric(3,5), NULL::bit(3), NULL::bit, NULL::varbit, NULL::varbit(42)
SELECT ARRAY['int4'::regtype, 'text'::regtype], '{int4,_text}'::regtype[]
SELECT '1.5'::varchar::numeric(10,2), '2000-01-01'::varchar::timestamptz
