#!/bin/bash
# Installs node-postgres and postgres.js where they are missing, then runs both.
set -eu
command -v node npm >/dev/null || { echo "no node"; exit 77; }
work=$PWD/target/clients/node
mkdir -p "$work"
if [ ! -d "$work/node_modules/postgres" ]; then
    npm install --silent --no-audit --no-fund --prefix "$work" pg postgres >"$work/npm" 2>&1 || { tail -1 "$work/npm"; exit 77; }
fi
cp tests/clients/node_client.mjs "$work/"
cd "$work" && exec node node_client.mjs
