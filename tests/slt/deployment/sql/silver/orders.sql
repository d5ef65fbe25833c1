-- One row per accepted order.
CREATE MATERIALIZED VIEW silver.orders (
    order_id COMMENT 'The key.',
    customer COMMENT 'Who.',
    amount COMMENT 'How much, in euro.',
    ordered_on COMMENT 'When.',
    CONSTRAINT order_has_id EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT amount_has_sign EXPECT (amount >= 0) ON VIOLATION DROP ROW,
    CONSTRAINT amount_is_plausible EXPECT (amount < 1000000),
    CONSTRAINT day_is_known EXPECT (ordered_on IS NOT NULL) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (order_id)
)
PARTITIONED BY (ordered_on)
COMMENT 'Orders.'
SCHEDULE EVERY 1 DAYS
REFRESH POLICY FULL
AS
SELECT DISTINCT
    CAST(order_id AS bigint) AS order_id,
    customer,
    CAST(amount AS numeric(12, 2)) AS amount,
    CAST(ordered_on AS date) AS ordered_on
FROM bronze.orders;
