//! The columns of new files, told from a part of each.
//!
//! A sample decides names and types before a batch is listed; what it missed goes to `_rescued_data`.

use std::io;

use crate::error::Result;

use super::csv::{CsvReader, CsvRow, header_names};
use super::infer::{Guess, Sample};
use super::json;
use super::listing::{FoundFile, io_error};
use super::options::{Format, ReadOptions};
use super::records::{self, RecordReader};

/// Adds up to `budget_bytes` of a file to a sample. Damage is left for the reading itself to report.
///
/// # Errors
/// Reading failed.
pub(crate) fn sample(
    file: &FoundFile,
    options: &ReadOptions,
    line_bytes_max: usize,
    budget_bytes: u64,
    settled: &dyn Fn(&str) -> bool,
    into: &mut Sample,
) -> Result<()> {
    let sampled = match options.format {
        Format::Csv => sample_csv(file, options, line_bytes_max, budget_bytes, settled, into),
        Format::Json => sample_json(file, line_bytes_max, budget_bytes, into),
    };
    match sampled {
        Err(error) if !records::is_corrupt(&error) => {
            Err(io_error("could not read a landing file", error).within(&file.path))
        }
        _ => Ok(()),
    }
}

fn sample_csv(
    file: &FoundFile,
    options: &ReadOptions,
    line_bytes_max: usize,
    budget_bytes: u64,
    settled: &dyn Fn(&str) -> bool,
    into: &mut Sample,
) -> io::Result<()> {
    let mut reader = CsvReader::new(records::open(&file.absolute)?, &options.csv, line_bytes_max)?;
    let names = header_names(reader.header());
    let mut places: Vec<usize> = names
        .iter()
        .zip(reader.header())
        .map(|(name, original)| into.column(name, original))
        .collect();
    let mut read = 0;
    // Where every column's type is known, values have nothing to say.
    let values = options.infer_types && !names.iter().all(|name| settled(name));
    while (values || !options.csv.header) && read < budget_bytes {
        let Some(row) = reader.next()? else { break };
        let CsvRow::Fields(fields) = row else { continue };
        for (at, (text, quoted)) in fields.iter().enumerate() {
            read += text.len() as u64 + 1;
            if at == places.len() {
                if options.csv.header {
                    break;
                }
                let name = format!("_c{at}");
                places.push(into.column(&name, &name));
            }
            if (text.is_empty() && !quoted) || options.texts.null_values.iter().any(|n| n == text) {
                continue;
            }
            into.add(places[at], || Guess::of_text(text, &options.texts));
        }
    }
    Ok(())
}

fn sample_json(
    file: &FoundFile,
    line_bytes_max: usize,
    budget_bytes: u64,
    into: &mut Sample,
) -> io::Result<()> {
    let mut reader = RecordReader::new(records::open(&file.absolute)?, line_bytes_max)?;
    let mut read = 0;
    while read < budget_bytes {
        let Some(record) = reader.next()? else { break };
        if let Ok(text) = record.content {
            read += text.len() as u64 + 1;
            if let Ok(members) = json::line(text) {
                into.add_object(&members);
            }
        }
    }
    Ok(())
}
