-- Who may read what. These are all grants there are: one that is removed here is revoked.
CREATE ROLE lakeport SUPERUSER LOGIN;

-- Departments read their own marts.
CREATE ROLE marketing LOGIN;
CREATE ROLE finance LOGIN;
CREATE ROLE operations LOGIN;
GRANT SELECT ON SCHEMA gold_marketing TO marketing;
GRANT SELECT ON SCHEMA gold_finance TO finance;
GRANT SELECT ON SCHEMA gold_operations TO operations;

-- Data science reads the curated layer.
CREATE ROLE datascience LOGIN;
GRANT SELECT ON SCHEMA silver TO datascience;

-- Analysts read all but bronze, and have a place of their own.
CREATE ROLE analyst LOGIN;
GRANT SELECT ON SCHEMA silver TO analyst;
GRANT SELECT ON SCHEMA gold_marketing TO analyst;
GRANT SELECT ON SCHEMA gold_finance TO analyst;
GRANT SELECT ON SCHEMA gold_operations TO analyst;
GRANT CREATE ON SCHEMA sandbox TO analyst;
