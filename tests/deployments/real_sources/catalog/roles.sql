-- Who may read what.
CREATE ROLE lakeport SUPERUSER LOGIN;
