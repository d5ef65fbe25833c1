-- One row a priority: orders of a quarter with a line that came late.
CREATE MATERIALIZED VIEW silver.q04
REFRESH POLICY INCREMENTAL
AS
SELECT
    o_orderpriority,
    count(*) AS order_count
FROM bronze.orders
WHERE o_orderdate >= DATE '1993-07-01'
    AND o_orderdate < DATE '1993-10-01'
    AND EXISTS (
        SELECT 1
        FROM bronze.lineitem
        WHERE l_orderkey = o_orderkey
            AND l_commitdate < l_receiptdate
    )
GROUP BY o_orderpriority;
