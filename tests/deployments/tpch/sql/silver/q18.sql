-- One row a large order.
CREATE MATERIALIZED VIEW silver.q18
REFRESH POLICY INCREMENTAL
AS
SELECT
    c_name,
    c_custkey,
    o_orderkey,
    o_orderdate,
    o_totalprice,
    sum(l_quantity) AS quantity
FROM bronze.customer, bronze.orders, bronze.lineitem
WHERE o_orderkey IN (
        SELECT l_orderkey
        FROM bronze.lineitem
        GROUP BY l_orderkey
        HAVING sum(l_quantity) > 300
    )
    AND c_custkey = o_custkey
    AND o_orderkey = l_orderkey
GROUP BY c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice;
