-- What silver.written_dates takes a date for.
TEST 'all that a date can mean';
GIVEN bronze.sales EMPTY;
GIVEN bronze.stores EMPTY;
GIVEN bronze.exchange_rates EMPTY;
GIVEN bronze.customers (birthday) VALUES
    ('1/13/2016'), ('01-02-16'), ('13. January 2016'), ('Wed, 13 Jan 16'), ('20160113'), ('42382.0'), ('5 marras 2016');
EXPECT silver.written_dates (written, layout, short_year, day) VALUES
    ('1/13/2016', 'mdy', false, '2016-01-13'), ('1/13/2016', 'dmy', false, NULL),
    ('01-02-16', 'mdy', true, '2016-01-02'), ('01-02-16', 'dmy', true, '2016-02-01'),
    ('01-02-16', 'ymd', true, '2001-02-16'), ('01-02-16', 'ydm', true, NULL),
    ('13. January 2016', 'words', false, '2016-01-13'), ('Wed, 13 Jan 16', 'words', true, '2016-01-13'),
    ('20160113', 'ymd', false, '2016-01-13'), ('20160113', 'ydm', false, NULL),
    ('20160113', 'mdy', false, NULL), ('20160113', 'dmy', false, NULL),
    ('42382.0', '1900', false, '2016-01-13'), ('42382.0', '1904', false, '2020-01-14'),
    ('5 marras 2016', 'words', false, NULL);
