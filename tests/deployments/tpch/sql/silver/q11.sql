-- One row a part that makes up much of the stock in Germany. In full: every change moves the total it is compared with.
CREATE MATERIALIZED VIEW silver.q11
AS
SELECT
    ps_partkey,
    sum(ps_supplycost * ps_availqty) AS value
FROM bronze.partsupp, bronze.supplier, bronze.nation
WHERE ps_suppkey = s_suppkey
    AND s_nationkey = n_nationkey
    AND n_name = 'GERMANY'
GROUP BY ps_partkey
HAVING sum(ps_supplycost * ps_availqty) > (
    SELECT sum(ps_supplycost * ps_availqty) * 0.0001
    FROM bronze.partsupp, bronze.supplier, bronze.nation
    WHERE ps_suppkey = s_suppkey
        AND s_nationkey = n_nationkey
        AND n_name = 'GERMANY'
);
