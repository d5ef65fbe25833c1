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
