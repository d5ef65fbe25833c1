-- One row a country code: well-off customers who have ordered nothing. In full: the average it compares with is of all customers.
CREATE MATERIALIZED VIEW silver.q22
AS
SELECT
    cntrycode,
    count(*) AS numcust,
    sum(c_acctbal) AS totacctbal
FROM (
    SELECT
        substring(c_phone FROM 1 FOR 2) AS cntrycode,
        c_acctbal
    FROM bronze.customer
    WHERE substring(c_phone FROM 1 FOR 2) IN ('13', '31', '23', '29', '30', '18', '17')
        AND c_acctbal > (
            SELECT avg(c_acctbal)
            FROM bronze.customer
            WHERE c_acctbal > 0.00
                AND substring(c_phone FROM 1 FOR 2) IN ('13', '31', '23', '29', '30', '18', '17')
        )
        AND NOT EXISTS (
            SELECT 1
            FROM bronze.orders
            WHERE o_custkey = c_custkey
        )
) AS custsale
GROUP BY cntrycode;
