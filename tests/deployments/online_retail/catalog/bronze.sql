-- Every source as it came: text as delivered, each file exactly once.

CREATE STREAMING TABLE bronze.online_retail (
    invoiceno text,
    stockcode text,
    description text,
    quantity text,
    invoicedate text,
    unitprice text,
    customerid text,
    country text
)
COMMENT 'Invoice lines of a British web shop, a file a trading day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('online_retail/by-day/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.ecb_fx (
    date text,
    usd text,
    jpy text,
    bgn text,
    cyp text,
    czk text,
    dkk text,
    eek text,
    gbp text,
    huf text,
    ltl text,
    lvl text,
    mtl text,
    pln text,
    rol text,
    ron text,
    sek text,
    sit text,
    skk text,
    chf text,
    isk text,
    nok text,
    hrk text,
    rub text,
    trl text,
    "try" text,
    aud text,
    brl text,
    cad text,
    cny text,
    hkd text,
    idr text,
    ils text,
    inr text,
    krw text,
    mxn text,
    myr text,
    nzd text,
    php text,
    sgd text,
    thb text,
    zar text
)
COMMENT 'Euro reference rates of the European Central Bank, units per euro, a column a currency.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('ecb_fx/*.csv', format => 'csv');
