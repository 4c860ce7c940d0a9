//! Journals of imports of rows without ids: how many records of a file are written, noted
//! by each batch in its own transaction, so that none is written twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Store, StoreError};

/// A journal that nobody has gone on with for so long ends.
pub const JOURNAL_KEPT_DAYS: u32 = 30;

/// Which import it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportId {
    /// Stands for the content of the file and all that decides which rows are made of it;
    /// 43 characters.
    pub key: String,
    /// The path of the file, by which one that changed is known.
    pub file: String,
}

/// How far an import came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// How many records of the file are done.
    pub records: u64,
    /// The line of the last of them.
    pub line: u64,
    /// When that was noted, in words.
    pub noted_at: String,
    /// How long ago.
    pub age: Duration,
    /// Those of them that the table did not take, with why.
    pub refused: HashMap<u64, String>,
}

impl Journal {
    /// Whether it ended by its age.
    fn has_ended(&self) -> bool {
        self.age > Duration::from_secs(u64::from(JOURNAL_KEPT_DAYS) * 24 * 60 * 60)
    }
}

/// What the database knows of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is a new one.
    Nothing,
    /// It was begun, and came so far.
    Begun(Journal),
    /// Another import of the same file was begun: the file or the options were others.
    OtherBegun(Journal),
}

impl Known {
    /// What a journal that was found under `key` says of an import.
    pub(super) fn of(import: &ImportId, key: &str, journal: Journal) -> Self {
        if key == import.key {
            Self::Begun(journal)
        } else {
            Self::OtherBegun(journal)
        }
    }
}

/// What a batch notes of the import that it belongs to.
#[derive(Debug, Clone)]
pub struct JournalNote {
    /// The import.
    pub import: Arc<ImportId>,
    /// How many records were noted before; `None` begins the journal.
    pub before: Option<u64>,
    /// How many are done with this batch.
    pub records: u64,
    /// The line of the last of them.
    pub line: u64,
    /// Which record each item of the batch is.
    pub record_of: Vec<u64>,
}

impl Store {
    /// What is known of an import into this collection. Journals that are too old end.
    ///
    /// # Errors
    /// When the database does not answer, or has no table for journals, or none that this
    /// user may write.
    pub async fn look_up_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError> {
        self.rows().look_up_import(import).await
    }

    /// The same, and changes nothing.
    ///
    /// # Errors
    /// When the database does not answer, or has no table for journals.
    pub async fn known_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError> {
        Ok(match self.rows().known_import(import).await? {
            Known::Begun(journal) | Known::OtherBegun(journal) if journal.has_ended() => {
                Known::Nothing
            }
            known => known,
        })
    }

    /// Ends the journal of an import, and those of other imports of the same file into
    /// this collection.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_import(&self, import: &Arc<ImportId>) -> Result<(), StoreError> {
        self.rows().forget_import(import).await
    }
}
