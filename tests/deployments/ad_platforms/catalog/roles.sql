-- Who may read what.
CREATE ROLE lakeport SUPERUSER LOGIN;

CREATE ROLE datascience LOGIN;
GRANT SELECT ON SCHEMA silver TO datascience;
