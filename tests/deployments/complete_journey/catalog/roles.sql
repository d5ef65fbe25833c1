-- Who may read what.
CREATE ROLE lakeport SUPERUSER LOGIN;
CREATE ROLE marketing LOGIN;
GRANT SELECT ON SCHEMA gold_marketing TO marketing;
