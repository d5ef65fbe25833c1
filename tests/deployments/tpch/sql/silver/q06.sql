-- One row: revenue that smaller discounts would have kept in 1994.
CREATE MATERIALIZED VIEW silver.q06
REFRESH POLICY INCREMENTAL
AS
SELECT sum(l_extendedprice * l_discount) AS revenue
FROM bronze.lineitem
WHERE l_shipdate >= DATE '1994-01-01'
    AND l_shipdate < DATE '1995-01-01'
    AND l_discount BETWEEN 0.05 AND 0.07
    AND l_quantity < 24;
