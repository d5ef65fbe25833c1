-- Who may read what.
CREATE ROLE lakeport SUPERUSER LOGIN;
CREATE ROLE marketing LOGIN;
CREATE ROLE finance LOGIN;
CREATE ROLE analyst LOGIN;
CREATE ROLE nobody LOGIN;
GRANT SELECT ON SCHEMA gold_marketing TO marketing;
GRANT SELECT ON SCHEMA gold_finance TO finance;
GRANT SELECT ON SCHEMA silver TO analyst;
GRANT CREATE ON SCHEMA sandbox TO analyst;
