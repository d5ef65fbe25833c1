-- One row a Saudi supplier: orders for which it alone was late.
CREATE MATERIALIZED VIEW silver.q21
REFRESH POLICY INCREMENTAL
AS
SELECT
    s_name,
    count(*) AS numwait
FROM bronze.supplier, bronze.lineitem AS l1, bronze.orders, bronze.nation
WHERE s_suppkey = l1.l_suppkey
    AND o_orderkey = l1.l_orderkey
    AND o_orderstatus = 'F'
    AND l1.l_receiptdate > l1.l_commitdate
    AND EXISTS (
        SELECT 1
        FROM bronze.lineitem AS l2
        WHERE l2.l_orderkey = l1.l_orderkey
            AND l2.l_suppkey <> l1.l_suppkey
    )
    AND NOT EXISTS (
        SELECT 1
        FROM bronze.lineitem AS l3
        WHERE l3.l_orderkey = l1.l_orderkey
            AND l3.l_suppkey <> l1.l_suppkey
            AND l3.l_receiptdate > l3.l_commitdate
    )
    AND s_nationkey = n_nationkey
    AND n_name = 'SAUDI ARABIA'
GROUP BY s_name;
