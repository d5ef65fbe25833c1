# pgjdbc: simplest use, by Java's single-file launcher.
set -u
command -v java >/dev/null || { echo "java is not installed"; exit 77; }
java --list-modules 2>/dev/null | grep -q '^jdk.compiler' || { echo "this java cannot compile"; exit 77; }
[ -n "${LAKEPORT_PGJDBC:-}" ] || { echo "no pgjdbc jar was found (libpostgresql-jdbc-java, or LAKEPORT_PGJDBC)"; exit 77; }
exec java -cp "$LAKEPORT_PGJDBC" "$(dirname "$0")/Pgjdbc.java"
