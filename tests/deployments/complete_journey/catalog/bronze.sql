-- Every export as it came, in Parquet; the columns are declared because the views rely on them.

CREATE STREAMING TABLE bronze.transactions (
    household_id bigint,
    store_id bigint,
    basket_id bigint,
    product_id bigint,
    quantity bigint,
    sales_value double precision,
    retail_disc double precision,
    coupon_disc double precision,
    coupon_match_disc double precision,
    week bigint,
    transaction_timestamp timestamp
)
COMMENT 'Lines of baskets.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/transactions*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.promotions (
    product_id bigint,
    store_id bigint,
    display_location text,
    mailer_location text,
    week bigint
)
COMMENT 'What was on display or in the mailer, by product, store and week.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/promotions*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.products (
    product_id bigint,
    manufacturer_id bigint,
    department text,
    brand text,
    product_category text,
    product_type text,
    package_size text
)
COMMENT 'Products.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/products*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.campaigns (
    campaign_id bigint,
    household_id bigint
)
COMMENT 'Which household was in which campaign.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/campaigns.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.campaign_descriptions (
    campaign_id bigint,
    campaign_type text,
    start_date timestamp,
    end_date timestamp
)
COMMENT 'Campaigns.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/campaign_descriptions*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.coupons (
    coupon_upc bigint,
    product_id bigint,
    campaign_id bigint
)
COMMENT 'Which products a coupon is good for.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/coupons.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.coupon_redemptions (
    household_id bigint,
    coupon_upc bigint,
    campaign_id bigint,
    redemption_date timestamp
)
COMMENT 'Coupons that were redeemed.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/coupon_redemptions*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.demographics (
    household_id bigint,
    age text,
    income text,
    home_ownership text,
    marital_status text,
    household_size text,
    household_comp text,
    kids_count text
)
COMMENT 'What is known of some households.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('complete_journey/demographics*.parquet', format => 'parquet');
