-- One row a nation of Asia: revenue by local suppliers in 1994.
CREATE MATERIALIZED VIEW silver.q05
REFRESH POLICY INCREMENTAL
AS
SELECT
    n_name,
    sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM bronze.customer, bronze.orders, bronze.lineitem, bronze.supplier, bronze.nation, bronze.region
WHERE c_custkey = o_custkey
    AND l_orderkey = o_orderkey
    AND l_suppkey = s_suppkey
    AND c_nationkey = s_nationkey
    AND s_nationkey = n_nationkey
    AND n_regionkey = r_regionkey
    AND r_name = 'ASIA'
    AND o_orderdate >= DATE '1994-01-01'
    AND o_orderdate < DATE '1995-01-01'
GROUP BY n_name;
