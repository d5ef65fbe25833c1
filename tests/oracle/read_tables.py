"""Every Delta table below FOLDER as delta-rs reads it, each as an Arrow file in OUT.

Prints a line a table: its folder, then the file or nothing where delta-rs refuses it.
"""

import pathlib
import sys

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
tables = sorted({log.parent for log in folder.rglob("_delta_log") if log.is_dir()})
for number, table in enumerate(tables):
    try:
        rows = QueryBuilder().register("t", DeltaTable(str(table))).execute("SELECT * FROM t").read_all()
        if rows.num_rows > 20000:
            print(f"{table}\t")
            continue
        rows = pa.table(rows)
        name = out / f"{number}.arrow"
        with pa.ipc.new_file(str(name), rows.schema) as writer:
            writer.write_table(rows)
        print(f"{table}\t{name}")
    except BaseException:
        print(f"{table}\t")
