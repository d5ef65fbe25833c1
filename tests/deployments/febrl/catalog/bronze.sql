-- Every source as it came: text as delivered, each file exactly once.

CREATE STREAMING TABLE bronze.people (
    rec_id text,
    given_name text,
    surname text,
    street_number text,
    address_1 text,
    address_2 text,
    suburb text,
    postcode text,
    state text,
    date_of_birth text,
    soc_sec_id text
)
COMMENT 'Records of people, some of them twice, with slips of the finger.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('febrl_dedup/*.csv', format => 'csv');
