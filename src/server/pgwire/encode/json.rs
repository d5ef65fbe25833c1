//! Structs and maps, for which clients know no type, as json.

use arrow::array::AsArray;
use bytes::{BufMut, BytesMut};

use crate::error::{Error, Result};
use crate::query::text::timestamp_text;

use super::values::Values;

impl Values {
    /// Appends the value of `row`, which is not NULL, as json.
    pub(super) fn write_json(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match self {
            Values::Null => out.put_slice(b"null"),
            Values::Bool(array) => {
                out.put_slice(if array.value(row) { b"true" } else { b"false" });
            }
            Values::Int16(_)
            | Values::Int32(_)
            | Values::Int64(_)
            | Values::Decimal128(_)
            | Values::Decimal256(_)
            | Values::JsonText(_) => self.write_text(row, out)?,
            Values::Float32(array) if array.value(row).is_finite() => self.write_text(row, out)?,
            Values::Float64(array) if array.value(row).is_finite() => self.write_text(row, out)?,
            Values::Timestamp(array, unit, zone, _) => {
                put_string(&timestamp_text(array.value(row), *unit, *zone, 'T')?, out)?;
            }
            Values::List(lists, values, _) => {
                let offsets = lists.value_offsets();
                let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                out.put_u8(b'[');
                for element in from..to {
                    if element > from {
                        out.put_u8(b',');
                    }
                    values.write_json_or_null(element, out)?;
                }
                out.put_u8(b']');
            }
            Values::Struct(_, columns) => {
                out.put_u8(b'{');
                for (index, (name, values)) in columns.iter().enumerate() {
                    if index > 0 {
                        out.put_u8(b',');
                    }
                    put_string(name, out)?;
                    out.put_u8(b':');
                    values.write_json_or_null(row, out)?;
                }
                out.put_u8(b'}');
            }
            Values::Map(map, keys, values) => {
                let offsets = map.as_map().value_offsets();
                let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                out.put_u8(b'{');
                for entry in from..to {
                    if entry > from {
                        out.put_u8(b',');
                    }
                    put_string(&keys.text(entry)?, out)?;
                    out.put_u8(b':');
                    values.write_json_or_null(entry, out)?;
                }
                out.put_u8(b'}');
            }
            _ => put_string(&self.text(row)?, out)?,
        }
        Ok(())
    }

    fn write_json_or_null(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        if self.is_null(row) {
            out.put_slice(b"null");
            return Ok(());
        }
        self.write_json(row, out)
    }

    fn text(&self, row: usize) -> Result<String> {
        let mut text = BytesMut::new();
        self.write_text(row, &mut text)?;
        String::from_utf8(text.to_vec())
            .map_err(|error| Error::internal("text is not UTF-8").caused_by(error))
    }
}

fn put_string(text: &str, out: &mut BytesMut) -> Result<()> {
    serde_json::to_writer(out.writer(), text)
        .map_err(|error| Error::internal("a string as json").caused_by(error))
}
