-- One row an order of the building segment that was not shipped in mid March 1995.
CREATE MATERIALIZED VIEW silver.q03
REFRESH POLICY INCREMENTAL
AS
SELECT
    l_orderkey,
    sum(l_extendedprice * (1 - l_discount)) AS revenue,
    o_orderdate,
    o_shippriority
FROM bronze.customer, bronze.orders, bronze.lineitem
WHERE c_mktsegment = 'BUILDING'
    AND c_custkey = o_custkey
    AND l_orderkey = o_orderkey
    AND o_orderdate < DATE '1995-03-15'
    AND l_shipdate > DATE '1995-03-15'
GROUP BY l_orderkey, o_orderdate, o_shippriority;
