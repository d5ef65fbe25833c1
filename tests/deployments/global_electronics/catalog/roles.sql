-- Who may read what.
CREATE ROLE lakeport SUPERUSER LOGIN;

CREATE ROLE finance LOGIN;
CREATE ROLE operations LOGIN;
CREATE ROLE datascience LOGIN;
GRANT SELECT ON SCHEMA gold_finance TO finance;
GRANT SELECT ON SCHEMA gold_operations TO operations;
GRANT SELECT ON SCHEMA silver TO datascience;
