//! Which import it is, and what its batches note of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::import::Batch;
use super::read::{BytesRead, OpenError, ReadOptions, RowReader, Source};
use crate::store::{ImportId, JournalNote};

/// Tells an import from others: by what its file holds, packed or not, and by all that
/// decides which rows are made of it. Reads the whole file.
///
/// # Errors
/// When the file cannot be opened, or no rows be made of it.
pub fn import_id(
    path: PathBuf,
    options: &ReadOptions,
    from_line: Option<u64>,
    table: &str,
) -> Result<ImportId, OpenError> {
    let file = path.canonicalize().unwrap_or_else(|_| path.clone());
    let source = Source::Path(path);
    let recipe = RowReader::of_source(&source, BytesRead::default(), options)?.recipe();
    let mut hash = Sha256::new();
    // What cannot be read on ends the import as well, which tells where.
    let _ = io::copy(&mut source.content()?, &mut HashWriter(&mut hash));
    hash.update(format!("\0{recipe}\0{from_line:?}\0{table}"));
    Ok(ImportId {
        key: URL_SAFE_NO_PAD.encode(hash.finalize()),
        file: file.display().to_string(),
    })
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an import of rows without ids notes how far it came.
pub enum Journaling {
    /// Each batch does, from the first that has a row without an id.
    On(Notes),
    /// None does. To be called before the first row without an id is written.
    Off(Box<dyn FnOnce() + Send>),
}

/// The notes of an import: how far it came.
#[derive(Debug)]
pub struct Notes {
    import: Arc<ImportId>,
    /// How many records; `None` before the first note.
    noted: Option<u64>,
}

impl Notes {
    /// Begins where a stopped import ended, or anew.
    #[must_use]
    pub fn new(import: Arc<ImportId>, noted: Option<u64>) -> Self {
        Self { import, noted }
    }

    /// The import.
    pub(super) fn import(&self) -> &Arc<ImportId> {
        &self.import
    }

    /// Whether the database has a note.
    pub(super) fn is_noted(&self) -> bool {
        self.noted.is_some()
    }

    /// What a batch is to note.
    pub(super) fn note(&self, batch: &Batch) -> Option<JournalNote> {
        let last = batch.sources.last()?;
        let is_needed = self.is_noted() || batch.has_rows_without_id();
        is_needed.then(|| JournalNote {
            import: Arc::clone(&self.import),
            before: self.noted,
            records: last.record,
            line: last.line,
            record_of: batch.sources.iter().map(|source| source.record).collect(),
        })
    }

    /// A note was committed.
    pub(super) fn reached(&mut self, records: u64) {
        self.noted = Some(records);
    }
}
