-- What silver.locations makes of lost zeros and of ranges that overlap.
TEST 'postal codes get their zeros back';
GIVEN bronze.geo_locations (country, postal_code, city, region, updated_at) VALUES
    ('DE', '4103', 'Leipzig', 'Sachsen', '2026-10-01'),
    ('au', '800', 'Darwin', 'Northern Territory', '2026-10-01');
EXPECT silver.locations (kind, code, country, city) VALUES
    ('postal_code', '04103', 'DE', 'Leipzig'),
    ('postal_code', '0800', 'AU', 'Darwin');

TEST 'the narrowest range counts, of equal ones the newest';
GIVEN bronze.geo_locations (country, start_ip, end_ip, city, updated_at) VALUES
    ('DE', '81.0.0.0', '81.0.2.255', '', '2026-10-01'),
    ('DE', '81.0.1.0', '81.0.1.255', 'Bonn', '2025-10-01'),
    ('DE', '81.0.1.0', '81.0.1.255', 'Berlin', '2026-10-01');
EXPECT silver.locations (code, country, city) VALUES
    ('81.0.0', 'DE', NULL),
    ('81.0.1', 'DE', 'Berlin'),
    ('81.0.2', 'DE', NULL);

TEST 'an address that is none stops nothing';
GIVEN bronze.geo_locations (country, city, start_ip, end_ip, updated_at) VALUES
    ('DE', 'Berlin', '9223372036854775807.0.0.0', '9223372036854775807.0.0.255', '2026-01-01'),
    ('DE', 'Berlin', '81.0.1.0', '81.0.1.255', '2026-01-01');
EXPECT silver.locations (location_id, country) VALUES ('network 81.0.1', 'DE');
