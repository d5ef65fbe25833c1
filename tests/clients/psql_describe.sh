#!/bin/bash
# psql's backslash commands that describe: none may fail, and some are held to what they must show.
set -u
command -v psql >/dev/null || { echo "no psql"; exit 77; }
failed=0
ask() { psql -X -v ON_ERROR_STOP=1 -c "$1" 2>&1; }
while read -r command; do
    answer=$(ask "$command") || { echo "$command: $answer"; failed=1; }
    case $answer in *ERROR:*) echo "$command: $answer"; failed=1 ;; esac
done <<'COMMANDS'
\d
\d silver.orders
\d+ silver.orders
\d pg_class
\dA
\dAc
\dAf
\dAo
\dAp
\da
\db
\db+
\dc
\dC
\dconfig
\dd
\ddp
\dD
\dE
\des
\det
\deu
\dew
\df
\df upper
\dF
\dFd
\dFp
\dFt
\dg
\dg+
\di
\di+
\dL
\dl
\dm
\dn
\dn+
\do
\dO
\dp
\dp silver.*
\dP
\drds
\dRp
\dRs
\ds
\dS
\dt *.*
\dt+
\dti+ silver.*
\dT
\dT+
\du
\dv
\dvS
\dx
\dX
\dy
\l
\l+
\z
COMMANDS
shows() { ask "$1" | grep -q "$2" || { echo "$1 does not show $2"; ask "$1"; failed=1; }; }
shows '\d silver.orders' '"orders_pkey" PRIMARY KEY, btree (order_id)'
shows '\dn' 'gold_finance'
shows '\dt silver.*' 'silver | orders .*| table | lakeport'
shows '\l' 'shop .* UTF8'
shows '\du' 'lakeport .*Superuser'
exit $failed
