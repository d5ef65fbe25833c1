-- What silver.access_events makes of log lines.
TEST 'a line is parsed, what cannot be read is kept whole, copies count once';
GIVEN bronze.access_log (value) VALUES
    ('81.0.1.7 - C0000001 [31/Oct/2026:10:05:03 +0000] "POST /sign-in HTTP/1.1" 401 - "-" "Firefox" 00000000000000a1'),
    ('81.0.1.7 - C0000001 [31/Oct/2026:10:05:03 +0000] "POST /sign-in HTTP/1.1" 401 - "-" "Firefox" 00000000000000a1'),
    ('81.0.1.7 - - [unclosed "GET /');
EXPECT silver.access_events (request_id, occurred_at, client_ip, user_id, status, bytes, kind) VALUES
    ('00000000000000a1', '2026-10-31 10:05:03', '81.0.1.7', 'C0000001', 401, NULL, 'sign_in_failed');
EXPECT quarantine.silver__access_events (line) VALUES ('81.0.1.7 - - [unclosed "GET /');
