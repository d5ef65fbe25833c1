-- What Tableau sends: probes of what the server can do, then queries of its sheets (metadata is the JDBC driver's).
-- @mode binary

-- @mode simple
CREATE LOCAL TEMPORARY TABLE "#Tableau_1_1_Connect_C" ("COL" INTEGER) ON COMMIT PRESERVE ROWS

DROP TABLE "#Tableau_1_1_Connect_C"

SELECT "sales"."id" AS "id", "sales"."shop" AS "shop" FROM "public"."sales" "sales" LIMIT 0

SELECT LOWER(CAST(CAST("sales"."shop" AS TEXT) AS TEXT)) AS "Calculation_1", SUM("sales"."price") AS "sum:price:ok" FROM "public"."sales" "sales"
WHERE (("sales"."sold_on" >= (DATE '2023-01-01')) AND ("sales"."sold_on" < (TIMESTAMP '2024-03-01 00:00:00.000'))) GROUP BY 1 HAVING (COUNT(1) > 0) ORDER BY 1

SELECT DATE_TRUNC('MONTH', CAST("sales"."sold_on" AS DATE)) AS "tmn:sold_on:ok", SUM("sales"."cents") AS "sum:cents:ok" FROM "public"."sales" "sales" GROUP BY 1 ORDER BY 1

SELECT CAST(EXTRACT(YEAR FROM "sales"."sold_on") AS INTEGER) AS "yr:sold_on:ok", COUNT(DISTINCT "sales"."shop") AS "ctd:shop:ok" FROM "public"."sales" "sales" GROUP BY 1 ORDER BY 1

SELECT CAST(FLOOR("sales"."price" / 10) AS BIGINT) AS "bin", STDDEV_SAMP("sales"."share") AS "std:share:ok", AVG("sales"."share") AS "avg:share:ok" FROM "public"."sales" "sales" WHERE ("sales"."shop" IN ('Bonn', 'Köln')) GROUP BY 1 ORDER BY 1

SELECT DISTINCT "sales"."shop" AS "shop" FROM "public"."sales" "sales" ORDER BY 1 ASC

SELECT (CASE WHEN ("sales"."shop" IS NULL) THEN 1 ELSE 0 END) AS "c", COUNT(1) AS "n" FROM "public"."sales" "sales" GROUP BY 1 ORDER BY 1

SELECT DATE '2024-01-01' + 45 * INTERVAL '1 DAY' AS "d"

SELECT "t"."shop" AS "shop", "t"."X_measure__0" AS "m" FROM (SELECT "sales"."shop" AS "shop", MAX("sales"."price") AS "X_measure__0" FROM "public"."sales" "sales" GROUP BY 1) "t" INNER JOIN
    (SELECT "sales"."shop" AS "shop", COUNT(1) AS "n" FROM "public"."sales" "sales" GROUP BY 1) "u" ON ("t"."shop" IS NOT DISTINCT FROM "u"."shop") ORDER BY 1

SELECT TO_CHAR("sales"."sold_at", 'YYYY-MM-DD') AS "c", CAST("sales"."cents" AS DOUBLE PRECISION) AS "f" FROM "public"."sales" "sales" ORDER BY "sales"."id"

SELECT SUM(1) AS "COL" FROM (SELECT 1 AS "COL") AS "CHECKTABLE" HAVING (COUNT(1) > 0)

SELECT 1 AS "COL" FROM (SELECT 1 AS "COL") AS "SUBQUERY"

SELECT "sales"."shop" AS "shop", SUM("sales"."cents") AS "s" FROM "public"."sales" "sales" INNER JOIN (SELECT "sales"."shop" AS "shop", SUM("sales"."cents") AS "$__alias__0" FROM "public"."sales" "sales" GROUP BY 1 ORDER BY 2 DESC, 1 ASC LIMIT 10) "t0" ON ("sales"."shop" = "t0"."shop") GROUP BY 1 ORDER BY 1
