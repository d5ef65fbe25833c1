"""One change to a Delta table by delta-rs: FOLDER, what, seed.

Columns are those of the property test: bigint, text, numeric(10, 2) and date, in any order.
"""

import datetime
import decimal
import random
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

folder, what, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(seed)
table = DeltaTable(folder)
schema = pa.schema(table.schema().to_arrow())


def value(of):
    if chance.random() < 0.15:
        return None
    if pa.types.is_integer(of):
        return chance.randrange(-1, 5)
    if pa.types.is_decimal(of):
        return decimal.Decimal(chance.randrange(0, 60)) / 100
    if pa.types.is_date(of):
        return datetime.date(2024, 10, 4) + datetime.timedelta(days=chance.randrange(0, 60))
    return chance.choice(["a", "b", "c", "a b/c%"])


def plain(of):
    return pa.string() if pa.types.is_string(of) or str(of) in ("string_view", "large_string") else of


def rows(count):
    fields = [pa.field(field.name, plain(field.type)) for field in schema]
    columns = [pa.array([value(field.type) for _ in range(count)], field.type) for field in fields]
    return pa.table(columns, schema=pa.schema(fields))


number = next(field.name for field in schema if pa.types.is_int64(field.type))
other = [field.name for field in schema if pa.types.is_int64(field.type)][-1]

if what == "Append":
    write_deltalake(table, rows(chance.randrange(1, 6)), mode="append")
elif what == "Delete":
    table.delete(f"{number} = {chance.randrange(-1, 5)}")
elif what == "Update":
    table.update(updates={other: str(chance.randrange(0, 9))}, predicate=f"{number} > {chance.randrange(0, 4)}")
elif what == "Merge":
    keys = pa.table({number: pa.array(range(0, 3), pa.int64())})
    fresh = {field.name: f"s.{number}" if field.name == number else "NULL" for field in schema}
    merge = table.merge(keys, predicate=f"t.{number} = s.{number}", source_alias="s", target_alias="t")
    merge.when_matched_delete().when_not_matched_insert(fresh).execute()
elif what == "Overwrite":
    write_deltalake(table, rows(chance.randrange(0, 9)), mode="overwrite")
elif what == "Optimize":
    table.optimize.compact()
elif what == "ZOrder":
    table.optimize.z_order([number])
elif what == "Restore":
    try:
        if table.version() > 0:
            table.restore(chance.randrange(0, table.version()))
    except Exception as error:
        # Files and versions may be gone: vacuumed, and cleaned up behind a checkpoint.
        gone = ("not found", "missing", "no such", "should be less", "invalid version")
        if not any(word in str(error).lower() for word in gone):
            raise
elif what == "Checkpoint":
    table.create_checkpoint()
    table.cleanup_metadata()
elif what == "Vacuum":
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
