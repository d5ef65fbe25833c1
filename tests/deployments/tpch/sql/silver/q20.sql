-- One row a Canadian supplier with more forest parts than half a year sells.
CREATE MATERIALIZED VIEW silver.q20
REFRESH POLICY INCREMENTAL
AS
SELECT
    s_name,
    s_address
FROM bronze.supplier, bronze.nation
WHERE s_suppkey IN (
        SELECT ps_suppkey
        FROM bronze.partsupp
        WHERE ps_partkey IN (
                SELECT p_partkey
                FROM bronze.part
                WHERE p_name LIKE 'forest%'
            )
            AND ps_availqty > (
                SELECT 0.5 * sum(l_quantity)
                FROM bronze.lineitem
                WHERE l_partkey = ps_partkey
                    AND l_suppkey = ps_suppkey
                    AND l_shipdate >= DATE '1994-01-01'
                    AND l_shipdate < DATE '1995-01-01'
            )
    )
    AND s_nationkey = n_nationkey
    AND n_name = 'CANADA';
