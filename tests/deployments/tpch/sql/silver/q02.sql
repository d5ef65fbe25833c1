-- One row a supplier in Europe who offers a brass part of size 15 at the least cost.
CREATE MATERIALIZED VIEW silver.q02
REFRESH POLICY INCREMENTAL
AS
SELECT
    s_acctbal,
    s_name,
    n_name,
    p_partkey,
    p_mfgr,
    s_address,
    s_phone,
    s_comment
FROM bronze.part, bronze.supplier, bronze.partsupp, bronze.nation, bronze.region
WHERE p_partkey = ps_partkey
    AND s_suppkey = ps_suppkey
    AND p_size = 15
    AND p_type LIKE '%BRASS'
    AND s_nationkey = n_nationkey
    AND n_regionkey = r_regionkey
    AND r_name = 'EUROPE'
    AND ps_supplycost = (
        SELECT min(ps_supplycost)
        FROM bronze.partsupp, bronze.supplier, bronze.nation, bronze.region
        WHERE p_partkey = ps_partkey
            AND s_suppkey = ps_suppkey
            AND s_nationkey = n_nationkey
            AND n_regionkey = r_regionkey
            AND r_name = 'EUROPE'
    );
