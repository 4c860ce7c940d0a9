//! Writes the centers of a store to a file, page by page.

use std::io::{self, Write};

use thiserror::Error;

use super::write::CenterWriter;
use crate::domain::Filter;
use crate::store::{Store, StoreError};

/// How many centers are read at once.
const PAGE_ROWS: usize = 1_000;

/// Why an export did not come to its end.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file takes no more.
    #[error("cannot write")]
    Write(#[from] io::Error),
    /// It was asked to stop.
    #[error("stopped")]
    Stopped,
}

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Centers written.
    pub rows: u64,
    /// Of those, centers without coordinates.
    pub without_coordinates: u64,
}

/// Writes every center by id and gives back what `writer` wrote to; `progress` is told how many
/// were written so far.
///
/// Pages are read one after the other, not from one snapshot: a center written
/// meanwhile is there as it was or as it is.
///
/// # Errors
/// When the database does not answer, the file takes no more, or `stop` is ready.
pub async fn export<W: Write>(
    store: &Store,
    mut writer: CenterWriter<W>,
    mut progress: impl FnMut(u64),
    stop: impl Future<Output = ()>,
) -> Result<(Exported, W), ExportError> {
    let mut stop = std::pin::pin!(stop);
    let mut exported = Exported::default();
    let mut after = None;
    loop {
        let filter = Filter::default();
        let page = tokio::select! {
            biased;
            () = &mut stop => return Err(ExportError::Stopped),
            page = store.list(&filter, after, PAGE_ROWS) => page?,
        };
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.id);
        for center in &page {
            writer.write(center)?;
            exported.rows += 1;
            exported.without_coordinates += u64::from(center.position.is_none());
        }
        progress(exported.rows);
    }
    Ok((exported, writer.finish()?))
}
