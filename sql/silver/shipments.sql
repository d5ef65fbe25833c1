-- One row per shipment with its milestones, from the carriers' events.
-- For example: what is on its way and late? SELECT shipment_id, carrier FROM silver.shipments WHERE delivered_at IS NULL AND promised_on < DATE '2026-10-31';
CREATE MATERIALIZED VIEW silver.shipments (
    shipment_id COMMENT 'The carrier''s tracking number.',
    reference COMMENT 'The order as the carrier names it.',
    order_id COMMENT 'The order of that number; NULL where there is none.',
    carrier COMMENT 'Who carries it.',
    country COMMENT 'ISO 3166 code of the order''s country.',
    status COMMENT 'picked up, in transit or delivered.',
    weight_g COMMENT 'Gross weight in grams; NULL until somebody weighed it.',
    ordered_at COMMENT 'When the order was placed.',
    paid_at COMMENT 'When it was paid.',
    shipped_at COMMENT 'When the carrier picked it up.',
    shipped_month COMMENT 'The first day of that month.',
    in_transit_at COMMENT 'When it left the carrier''s first hub.',
    delivered_at COMMENT 'When the customer had it.',
    promised_on COMMENT 'The day by which it was promised.',
    hours_to_ship COMMENT 'From the order to pick-up.',
    hours_to_deliver COMMENT 'From the order to delivery.',
    is_late COMMENT 'Whether it was delivered after promised_on; NULL until delivered.',
    CONSTRAINT shipment_has_number EXPECT (shipment_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT order_is_known EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT pickup_is_known EXPECT (shipped_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT weight_is_plausible EXPECT (weight_g IS NULL OR weight_g BETWEEN 1 AND 500000),
    CONSTRAINT milestones_follow_each_other EXPECT (
        coalesce(shipped_at <= in_transit_at, true) AND coalesce(in_transit_at <= delivered_at, true)
    ),
    PRIMARY KEY (shipment_id)
)
PARTITIONED BY (shipped_month)
COMMENT 'Shipments of orders online: three milestones in one row, impossible times left out.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH written AS (
    -- Three forms of times, each made into 2026-10-05 14:30:00.
    SELECT
        nullif(trim(trackingnumber), '') AS shipment_id,
        -- Events without a number stay apart, to be kept in quarantine.
        CASE WHEN nullif(trim(trackingnumber), '') IS NULL THEN concat(orderreference, '|', status, '|', eventtime) END AS stray,
        orderreference AS reference,
        carrier,
        status,
        sequence,
        lower(weight) AS weight,
        promiseddate,
        CASE
            WHEN eventtime LIKE '____-__-__T__:__:__Z' THEN replace(substr(eventtime, 1, 19), 'T', ' ')
            WHEN eventtime LIKE '__.__.____ __:__:__' THEN
                concat(substr(eventtime, 7, 4), '-', substr(eventtime, 4, 2), '-', substr(eventtime, 1, 2), substr(eventtime, 11))
            WHEN eventtime LIKE '__/__/____ __:__:__ _M' THEN
                concat(
                    substr(eventtime, 7, 4), '-', substr(eventtime, 1, 2), '-', substr(eventtime, 4, 2), ' ',
                    lpad(
                        CAST(
                            try_cast(substr(eventtime, 12, 2) AS bigint) % 12
                            + CASE WHEN eventtime LIKE '%PM' THEN 12 ELSE 0 END AS text
                        ),
                        2, '0'
                    ),
                    substr(eventtime, 14, 6)
                )
        END AS event_at
    FROM bronze.shipments
),
events AS (
    SELECT
        shipment_id,
        stray,
        reference,
        carrier,
        status,
        sequence,
        try_cast(event_at AS timestamp) AS event_at,
        try_cast(promiseddate AS date) AS promised_on,
        weight
    FROM written
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY shipment_id, stray, status
            ORDER BY sequence DESC NULLS LAST, event_at DESC NULLS LAST, promised_on, reference
        ) AS place
    FROM events
),
weighed AS (
    SELECT
        *,
        -- 2300 g, 2 kg 300 g, 2.3 kg, 2,300 kg, 12 kg: what else somebody writes is no weight.
        regexp_match(weight, '(^|[^0-9.,-])([0-9]{1,7}) ?kg ([0-9]{1,3}) ?g([^a-z]|$)') AS kilos_and_grams,
        regexp_match(weight, '(^|[^0-9.,-])([0-9]{1,7})([.,]([0-9]{1,3}))? ?kg( [^0-9]|[^a-z0-9 ]|$)') AS kilos,
        regexp_match(weight, '(^|[^0-9.,-])([0-9]{1,10}) ?g([^a-z]|$)') AS grams
    FROM ranked
    WHERE place = 1
),
milestones AS (
    SELECT
        shipment_id,
        max(reference) AS reference,
        max(carrier) AS carrier,
        max(promised_on) AS promised_on,
        max(
            coalesce(
                1000 * try_cast(kilos_and_grams[2] AS bigint) + try_cast(kilos_and_grams[3] AS bigint),
                1000 * try_cast(kilos[2] AS bigint) + try_cast(rpad(coalesce(kilos[4], ''), 3, '0') AS bigint),
                try_cast(grams[2] AS bigint)
            )
        ) AS weight_g,
        max(CASE WHEN status = 'PICKED_UP' THEN event_at END) AS picked_up_at,
        max(CASE WHEN status = 'IN_TRANSIT' THEN event_at END) AS left_hub_at,
        max(CASE WHEN status = 'DELIVERED' THEN event_at END) AS handed_over_at
    FROM weighed
    GROUP BY shipment_id, stray
),
plausible AS (
    -- Long before the order or long after it a scanner has lost its clock.
    SELECT
        milestones.*,
        orders.order_id,
        orders.country,
        orders.ordered_at,
        orders.paid_at,
        CASE
            WHEN milestones.picked_up_at
                BETWEEN orders.ordered_at - INTERVAL '1 day' AND orders.ordered_at + INTERVAL '365 days'
                THEN milestones.picked_up_at
        END AS shipped_at,
        CASE
            WHEN milestones.left_hub_at
                BETWEEN orders.ordered_at - INTERVAL '1 day' AND orders.ordered_at + INTERVAL '365 days'
                THEN milestones.left_hub_at
        END AS in_transit_at,
        CASE
            WHEN milestones.handed_over_at
                BETWEEN orders.ordered_at - INTERVAL '1 day' AND orders.ordered_at + INTERVAL '365 days'
                THEN milestones.handed_over_at
        END AS delivered_at
    FROM milestones
    LEFT JOIN silver.orders AS orders ON orders.order_id = milestones.reference
)
SELECT
    shipment_id,
    reference,
    order_id,
    carrier,
    country,
    CASE
        WHEN delivered_at IS NOT NULL THEN 'delivered'
        WHEN in_transit_at IS NOT NULL THEN 'in transit'
        ELSE 'picked up'
    END AS status,
    weight_g,
    ordered_at,
    paid_at,
    shipped_at,
    CAST(date_trunc('month', shipped_at) AS date) AS shipped_month,
    in_transit_at,
    delivered_at,
    promised_on,
    CAST(round(CAST(extract(epoch FROM shipped_at - ordered_at) AS numeric(18, 2)) / 3600, 2) AS numeric(12, 2)) AS hours_to_ship,
    CAST(round(CAST(extract(epoch FROM delivered_at - ordered_at) AS numeric(18, 2)) / 3600, 2) AS numeric(12, 2)) AS hours_to_deliver,
    CAST(delivered_at AS date) > promised_on AS is_late
FROM plausible;
