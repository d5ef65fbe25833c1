# Reads lineitem by libpq alone and prints the rows a second: arguments are port, database, way.
import sys, time
import psycopg

port, database, way = sys.argv[1:]
connection = psycopg.connect(host="127.0.0.1", port=port, user="lakeport", dbname=database, autocommit=True)
libpq = connection.pgconn
query = b"SELECT * FROM public.lineitem"
started = time.perf_counter()
if way == "copy":
    libpq.exec_(b"COPY public.lineitem TO STDOUT (FORMAT binary)")
    rows = -1
    while True:
        length, data = libpq.get_copy_data(0)
        if length < 0:
            break
        rows += 1
else:
    result = libpq.exec_params(query, None, result_format=1) if way == "binary" else libpq.exec_(query)
    assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
    rows = result.ntuples
print(rows / (time.perf_counter() - started))
