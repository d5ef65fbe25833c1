-- One row: yearly revenue lost if small orders of a part were not taken.
CREATE MATERIALIZED VIEW silver.q17
REFRESH POLICY INCREMENTAL
AS
SELECT sum(l_extendedprice) / 7.0 AS avg_yearly
FROM bronze.lineitem, bronze.part
WHERE p_partkey = l_partkey
    AND p_brand = 'Brand#23'
    AND p_container = 'MED BOX'
    AND l_quantity < (
        SELECT 0.2 * avg(l_quantity)
        FROM bronze.lineitem
        WHERE l_partkey = p_partkey
    );
