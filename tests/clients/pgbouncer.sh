#!/bin/bash
# pgbouncer in front of the server, once a pool by session and once by transaction, with psycopg and asyncpg behind it.
set -u
here=$(dirname "$0")
work=$PWD/target/clients
pgbouncer=$(command -v pgbouncer || ls /usr/sbin/pgbouncer "$work"/pgbouncer/usr/sbin/pgbouncer 2>/dev/null | head -1)
if [ -z "$pgbouncer" ]; then
    "$here/fetch_debian" pgbouncer pgbouncer libevent-2.1-7 libc-ares2 || { echo "no pgbouncer, and no Debian package of it"; exit 77; }
    pgbouncer=$work/pgbouncer/usr/sbin/pgbouncer
fi
scratch=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
# It refuses to run as root, and whom it runs as may not be allowed to look into this folder.
as=()
[ "$(id -u)" = 0 ] && as=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
mkdir "$scratch/lib"
cp "$work"/pgbouncer/usr/lib/*-linux-gnu/*.so* "$scratch/lib" 2>/dev/null
cp "$pgbouncer" "$scratch/pgbouncer"
pgbouncer=$scratch/pgbouncer
export LD_LIBRARY_PATH=$scratch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
for mode in session transaction; do
    port=$(free)
    cat >"$scratch/$mode.ini" <<INI
[databases]
$PGDATABASE = host=127.0.0.1 port=$PGPORT dbname=$PGDATABASE user=$PGUSER
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = $mode
default_pool_size = 2
server_check_delay = 0
server_check_query = select 1
ignore_startup_parameters = extra_float_digits
INI
    "${as[@]}" "$pgbouncer" -q "$scratch/$mode.ini" >"$scratch/$mode.log" 2>&1 &
    pids+=($!)
    PGPORT=$port "$1" "$here/pgbouncer_client.py" "$mode"
    code=$?
    if [ $code != 0 ]; then
        [ $code = 77 ] || tail -20 "$scratch/$mode.log"
        exit $code
    fi
done
