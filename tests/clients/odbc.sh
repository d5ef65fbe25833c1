#!/bin/bash
# psqlODBC (Debian's odbc-postgresql, installed or fetched) through pyodbc.
set -u
here=$(dirname "$0")
find_driver() { ls /usr/lib/*/odbc/psqlodbcw.so "$PWD"/target/clients/odbc/usr/lib/*/odbc/psqlodbcw.so 2>/dev/null | head -1; }
driver=${LAKEPORT_PSQLODBC:-$(find_driver)}
if [ -z "$driver" ]; then
    "$here/fetch_debian" odbc odbc-postgresql libodbc2 libodbcinst2 libltdl7 || { echo "no psqlODBC, and no Debian package of it"; exit 77; }
    driver=$(find_driver)
fi
export LAKEPORT_PSQLODBC=$driver
LD_LIBRARY_PATH=$(dirname "$(dirname "$driver")")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "$1" "$here/odbc_client.py"
