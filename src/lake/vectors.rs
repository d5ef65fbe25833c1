//! Deletion vectors: the rows of a data file that are gone.
//!
//! Its one idea: a vector is a set of row numbers, and a file of them can be read and written whole. The
//! checksum is checked, because a wrong bit is a wrong row. Refuses to know what the rows hold.
//! (Delta protocol, "Deletion Vector Format".)

use bytes::Bytes;
use deltalake_core::kernel::DeletionVectorDescriptor;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use roaring::RoaringTreemap;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};

use super::error;
use super::store::Location;

/// What a serialized vector begins with.
const MAGIC: u32 = 1_681_511_377;
/// The only version of files of vectors.
const FILE_VERSION: u8 = 1;
/// A vector's id, as the log spells it.
const ID_LENGTH: usize = 20;

/// Where a vector is.
enum Place {
    Inline(Vec<u8>),
    File(Url),
}

/// Whether the lake's own store has the vector.
pub(super) fn is_within(location: &Location, vector: &DeletionVectorDescriptor) -> bool {
    let root = location.url().ok();
    match (place(location, vector), root) {
        (Ok(Place::File(url)), Some(root)) => {
            url.scheme() == root.scheme() && url.authority() == root.authority()
        }
        (place, _) => place.is_ok(),
    }
}

/// The rows that are gone. `store` serves the root of the location's URL.
///
/// # Errors
/// `DataCorrupted` for a vector that does not read as one; errors of the store.
pub(super) async fn read(
    store: &dyn ObjectStore,
    location: &Location,
    vector: &DeletionVectorDescriptor,
) -> Result<RoaringTreemap> {
    let corrupt = || corrupt(location);
    let rows = match place(location, vector)? {
        Place::Inline(bytes) => bitmap(&bytes).ok_or_else(corrupt)?,
        Place::File(url) => {
            let path =
                Path::from_url_path(url.path()).map_err(|cause| corrupt().caused_by(cause))?;
            let start = u64::try_from(vector.offset.unwrap_or(1)).map_err(|_| corrupt())?;
            let size = u64::try_from(vector.size_in_bytes).map_err(|_| corrupt())?;
            let framed = store.get_range(&path, start..start + size + 8).await;
            unframed(&framed.map_err(error::object)?).ok_or_else(corrupt)?
        }
    };
    if i64::try_from(rows.len()) != Ok(vector.cardinality) {
        return Err(corrupt().detail("It holds other than the rows the log says."));
    }
    Ok(rows)
}

fn place(location: &Location, vector: &DeletionVectorDescriptor) -> Result<Place> {
    let corrupt = || corrupt(location);
    let text = vector.path_or_inline_dv.as_str();
    match vector.storage_type.as_ref() {
        "i" => z85::decode(text).map(Place::Inline).map_err(|cause| corrupt().caused_by(cause)),
        "p" => Url::parse(text).map(Place::File).map_err(|cause| corrupt().caused_by(cause)),
        _ => {
            let cut = text.len().checked_sub(ID_LENGTH).filter(|&cut| text.is_char_boundary(cut));
            let (folder, id) = text.split_at(cut.ok_or_else(corrupt)?);
            let id = z85::decode(id).ok().and_then(|id| Uuid::from_slice(&id).ok());
            let id = id.ok_or_else(corrupt)?;
            let slash = if folder.is_empty() { "" } else { "/" };
            let file = format!("{folder}{slash}deletion_vector_{id}.bin");
            let url = location.url()?.join(&file);
            url.map(Place::File).map_err(|cause| corrupt().caused_by(cause))
        }
    }
}

/// Size, then the vector, then its checksum.
fn unframed(framed: &Bytes) -> Option<RoaringTreemap> {
    let size = u32::from_be_bytes(framed.get(..4)?.try_into().ok()?) as usize;
    let vector = framed.get(4..4 + size)?;
    let checksum = u32::from_be_bytes(framed.get(4 + size..8 + size)?.try_into().ok()?);
    if crc32fast::hash(vector) != checksum { None } else { bitmap(vector) }
}

fn bitmap(vector: &[u8]) -> Option<RoaringTreemap> {
    let magic = u32::from_le_bytes(vector.get(..4)?.try_into().ok()?);
    if magic != MAGIC {
        return None;
    }
    RoaringTreemap::deserialize_from(vector.get(4..)?).ok()
}

/// A new file of vectors beside the table's data, and how a commit names each of them, in order.
///
/// # Errors
/// Errors of the store; `ConfigurationLimitExceeded` for 2 GiB of vectors.
pub(super) async fn write(
    store: &dyn ObjectStore,
    location: &Location,
    vectors: &[RoaringTreemap],
) -> Result<Vec<DeletionVectorDescriptor>> {
    let id = Uuid::new_v4();
    let mut file = vec![FILE_VERSION];
    let mut named = Vec::new();
    for rows in vectors {
        let mut vector = MAGIC.to_le_bytes().to_vec();
        let internal = |cause| Error::internal("a deletion vector").caused_by(cause);
        rows.serialize_into(&mut vector).map_err(internal)?;
        let too_long =
            |_| Error::new(ErrorKind::ConfigurationLimitExceeded, "too many deleted rows");
        let size = i32::try_from(vector.len()).map_err(too_long)?;
        let offset = i32::try_from(file.len()).map_err(too_long)?;
        file.extend(size.to_be_bytes());
        file.extend(&vector);
        file.extend(crc32fast::hash(&vector).to_be_bytes());
        let descriptor = json!({
            "storageType": "u",
            "pathOrInlineDv": z85::encode(id.as_bytes()),
            "offset": offset,
            "sizeInBytes": size,
            "cardinality": rows.len(),
        });
        let descriptor = serde_json::from_value(descriptor)
            .map_err(|cause| Error::internal("a deletion vector's name").caused_by(cause))?;
        named.push(descriptor);
    }
    let url = location.url()?.join(&format!("deletion_vector_{id}.bin"));
    let url = url.map_err(|cause| Error::internal(location.to_string()).caused_by(cause))?;
    let path = Path::from_url_path(url.path());
    let path = path.map_err(|cause| Error::internal(location.to_string()).caused_by(cause))?;
    store.put(&path, Bytes::from(file).into()).await.map_err(error::object)?;
    Ok(named)
}

/// What is left of a file of so many rows when `gone` are left out.
pub(super) fn without(gone: &RoaringTreemap, rows: u64) -> RowSelection {
    selection(gone, rows, true)
}

/// Only `wanted` of a file of so many rows.
pub(super) fn only(wanted: &RoaringTreemap, rows: u64) -> RowSelection {
    selection(wanted, rows, false)
}

fn selection(named: &RoaringTreemap, rows: u64, skips: bool) -> RowSelection {
    let run = |count: u64, skip: bool| RowSelector {
        row_count: usize::try_from(count).unwrap_or(usize::MAX),
        skip,
    };
    let (mut runs, mut next) = (Vec::new(), 0);
    let mut named = named.iter().take_while(|&row| row < rows).peekable();
    while let Some(first) = named.next() {
        let mut end = first + 1;
        while named.next_if_eq(&end).is_some() {
            end += 1;
        }
        if first > next {
            runs.push(run(first - next, !skips));
        }
        runs.push(run(end - first, skips));
        next = end;
    }
    if next < rows {
        runs.push(run(rows - next, !skips));
    }
    RowSelection::from(runs)
}

fn corrupt(location: &Location) -> Error {
    let message = format!("a deletion vector of the table at {location} does not read as one");
    Error::new(ErrorKind::DataCorrupted, message)
}
