//! Writes the rows of a file to a store, batch by batch.
//!
//! One thread parses while the other writes; a few batches wait between them, so
//! memory stays flat whatever the size of the file.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::journal::Journaling;
use super::read::{InputError, RawRow, RowReader};
use super::report::Report;
use crate::domain::{CenterId, TextField};
use crate::store::{
    BatchItem, Collection, Journal, JournalNote, Others, RefusedItem, Store, StoreError, Upserted,
};

/// The most rows of one transaction.
pub const MAX_BATCH_ROWS: usize = 10_000;
/// A batch ends at this many bytes of its rows, however few they are.
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How many batches wait to be written.
const WAITING_BATCHES: usize = 2;
/// How long a report may take to end after a stop.
const REPORT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many rejected rows are kept to be shown.
const SHOWN_REJECTED: usize = 10;

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What is counted: `line`, or `row` of a file that has no lines.
    pub unit: &'static str,
    /// The line, from 1, on which it begins.
    pub line: u64,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, line, reason } = self;
        write!(f, "{unit} {line}: {reason}")
    }
}

/// What was read of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Rows read, taken or not.
    pub rows: u64,
    /// Rows taken that have an id.
    pub with_id: u64,
    /// Rows taken that have no coordinates.
    pub without_coordinates: u64,
    /// Rows that a stopped import wrote before.
    pub written_before: u64,
    /// Rows not taken.
    pub rejected: u64,
    /// The first of those.
    pub first_rejected: Vec<Rejected>,
    /// Names of columns or properties that map to nothing.
    pub unused: Vec<String>,
    /// Reading ended at the first row that was not taken.
    pub is_stopped: bool,
}

impl Survey {
    /// Counts rows that the table did not take, which were read as if it would.
    fn reject(&mut self, count: u64, refused: Vec<Rejected>) {
        self.rejected += count;
        self.first_rejected.extend(refused);
        self.first_rejected.sort_by_key(|row| row.line);
        self.first_rejected.truncate(SHOWN_REJECTED);
    }

    /// Rows taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.rows - self.rejected
    }
}

/// What to do with a row that cannot be taken.
#[derive(Debug)]
enum OnRejected {
    /// Count it.
    Count,
    /// Count it and add it to the report, as whoever writes does with rows that the
    /// table does not take.
    Report(Arc<Mutex<Report>>),
    /// Read no further.
    Stop,
}

/// Reads the rows of a file in batches.
#[derive(Debug)]
pub struct RowBatches<R> {
    reader: RowReader<R>,
    on_rejected: OnRejected,
    batch_rows: usize,
    from_line: u64,
    /// How far a stopped import came, which this one goes on with.
    before: Journal,
    /// How many records were read, passed over or not.
    records: u64,
    survey: Survey,
    ids: HashSet<CenterId>,
    /// A row whose id is already in the batch before it.
    held_back: Option<ReadRow>,
}

/// A row that can be taken, by all that its file tells.
#[derive(Debug)]
struct ReadRow {
    item: BatchItem,
    source: RowSource,
}

/// Where a row stands in its file.
#[derive(Debug)]
pub(super) struct RowSource {
    /// Its number, from 1, among all of the file.
    pub(super) record: u64,
    pub(super) line: u64,
    /// Its text, where there is a report to put it into.
    raw: Option<Vec<u8>>,
}

/// Rows that are written in one transaction; no two have the same id.
#[derive(Debug)]
pub(super) struct Batch {
    items: Vec<BatchItem>,
    pub(super) sources: Vec<RowSource>,
}

impl Batch {
    pub(super) fn has_rows_without_id(&self) -> bool {
        self.items.iter().any(|item| item.id.is_none())
    }
}

impl<R: Read> RowBatches<R> {
    /// Reads batches of so many rows, counting rows that cannot be taken.
    ///
    /// # Panics
    /// When `batch_rows` is 0.
    #[must_use]
    pub fn new(reader: RowReader<R>, batch_rows: usize) -> Self {
        assert!(batch_rows > 0, "a batch has at least one row");
        Self {
            reader,
            on_rejected: OnRejected::Count,
            batch_rows,
            from_line: 1,
            before: Journal::default(),
            records: 0,
            survey: Survey::default(),
            ids: HashSet::new(),
            held_back: None,
        }
    }

    /// Adds rows that cannot be taken to a report.
    #[must_use]
    pub fn reporting(mut self, report: Report) -> Self {
        self.on_rejected = OnRejected::Report(Arc::new(Mutex::new(report)));
        self
    }

    /// Ends before the first row that cannot be taken.
    #[must_use]
    pub fn stopping(mut self) -> Self {
        self.on_rejected = OnRejected::Stop;
        self
    }

    /// Passes over rows that begin before a line.
    #[must_use]
    pub fn from_line(mut self, line: u64) -> Self {
        self.from_line = line;
        self
    }

    /// Goes on with an import that was stopped: passes over what it wrote, and rejects
    /// again what it rejected.
    #[must_use]
    pub fn continuing(mut self, before: Journal) -> Self {
        self.before = before;
        self
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ImportError> {
        self.ids.clear();
        let mut batch = Batch {
            items: Vec::with_capacity(self.batch_rows),
            sources: Vec::with_capacity(self.batch_rows),
        };
        let mut bytes = 0;
        while batch.items.len() < self.batch_rows && bytes < MAX_BATCH_BYTES {
            let Some(row) = self.next_item()? else {
                break;
            };
            // The last of several rows with one id wins, as the store is told of
            // each in a transaction of its own.
            if let Some(id) = row.item.id
                && !self.ids.insert(id)
            {
                self.held_back = Some(row);
                break;
            }
            bytes += self.reader.raw().bytes.len();
            self.survey.with_id += u64::from(row.item.id.is_some());
            self.survey.without_coordinates += u64::from(row.item.draft.position().is_none());
            batch.sources.push(row.source);
            batch.items.push(row.item);
        }
        Ok((!batch.items.is_empty()).then_some(batch))
    }

    /// The next row that can be taken.
    fn next_item(&mut self) -> Result<Option<ReadRow>, ImportError> {
        if let Some(held_back) = self.held_back.take() {
            return Ok(Some(held_back));
        }
        while !self.survey.is_stopped {
            let Some(row) = self.reader.next_row()? else {
                break;
            };
            self.records += 1;
            if row.line < self.from_line {
                continue;
            }
            self.survey.rows += 1;
            let reason = match row.item {
                Ok(item) if self.records > self.before.records => {
                    let reports = matches!(self.on_rejected, OnRejected::Report(_));
                    let raw = reports.then(|| self.reader.raw().bytes.to_vec());
                    let (record, line) = (self.records, row.line);
                    let source = RowSource { record, line, raw };
                    return Ok(Some(ReadRow { item, source }));
                }
                Ok(_) => {
                    let Some(reason) = self.before.refused.remove(&self.records) else {
                        self.survey.written_before += 1;
                        continue;
                    };
                    refused_by_table(&reason)
                }
                Err(reason) => reason.to_string(),
            };
            self.survey.rejected += 1;
            if self.survey.first_rejected.len() < SHOWN_REJECTED {
                self.survey.first_rejected.push(Rejected {
                    unit: self.reader.unit(),
                    line: row.line,
                    reason: reason.clone(),
                });
            }
            match &mut self.on_rejected {
                OnRejected::Count => {}
                OnRejected::Report(report) => report
                    .lock()
                    .add(row.line, &reason, self.reader.raw())
                    .map_err(ImportError::Report)?,
                OnRejected::Stop => self.survey.is_stopped = true,
            }
        }
        Ok(None)
    }

    /// What was read, when all was.
    fn finish(mut self) -> Survey {
        self.survey.unused = self.reader.unused();
        self.survey
    }

    fn report(&self) -> Option<Arc<Mutex<Report>>> {
        match &self.on_rejected {
            OnRejected::Report(report) => Some(Arc::clone(report)),
            OnRejected::Count | OnRejected::Stop => None,
        }
    }
}

fn refused_by_table(reason: &str) -> String {
    format!("the table does not take it: {reason}")
}

/// Why an import did not come to its end.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read on.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The database did not take a batch.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report cannot be written.
    #[error("cannot write the report")]
    Report(#[source] io::Error),
}

/// Reads a file to its end and writes nothing but the report. `each` is told after
/// every batch how many rows were read.
///
/// # Errors
/// When the file cannot be read on or the report not be written.
pub fn survey<R: Read>(
    mut batches: RowBatches<R>,
    mut each: impl FnMut(u64),
) -> Result<Survey, ImportError> {
    let report = batches.report();
    while batches.next_batch()?.is_some() {
        each(batches.survey.rows);
    }
    if let Some(report) = report {
        report.lock().finish().map_err(ImportError::Report)?;
    }
    Ok(batches.finish())
}

/// What an import wrote.
#[derive(Debug, Default)]
pub struct Imported {
    /// Rows by what became of them.
    pub written: Upserted,
    /// Rows written that have an id.
    pub with_id: u64,
    /// Rows written that have no coordinates.
    pub without_coordinates: u64,
    /// The line of the last row written; 0 where none was.
    pub last_line: u64,
    /// What is counted so: lines, or rows of a file that has none.
    pub unit: &'static str,
    /// Why it ended before the end of the file.
    pub halt: Option<Halt>,
    /// What was read, when reading came to an end by itself.
    pub survey: Option<Survey>,
    /// Fields that rows had and the collection has not, or its table computes.
    pub dropped: BTreeSet<TextField>,
    /// Whether the database knows how far it came.
    pub is_noted: bool,
}

impl Imported {
    /// Rows written or found unchanged.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.written.inserted + self.written.updated + self.written.unchanged
    }
}

impl Imported {
    /// Counts a batch that was written.
    fn count(&mut self, upserted: Upserted, rows: &[About], sources: &[RowSource]) {
        self.written += upserted;
        self.with_id += rows.iter().filter(|row| row.has_id).count() as u64;
        self.without_coordinates += rows.iter().filter(|row| row.has_no_place).count() as u64;
        self.last_line = sources.last().map_or(self.last_line, |source| source.line);
    }
}

/// Why an import ended before the end of the file; what was written by then
/// stays.
#[derive(Debug)]
pub enum Halt {
    /// It was asked to stop.
    Asked,
    /// A row cannot be taken; those before it are written.
    Rejected(Rejected),
    /// The table does not take a row; the batches before its own are written.
    Refused(Rejected),
    /// Something broke.
    Failed(ImportError),
}

/// Writes the rows of a file, each batch in one transaction, in which it notes how far the
/// import came. One that came to its end leaves no note.
///
/// `progress` is told how many rows were written so far. When `stop` is ready,
/// the batch under way is finished and no other begun.
pub async fn import<R: Read + Send + 'static>(
    store: &Store,
    batches: RowBatches<R>,
    mut journaling: Journaling,
    progress: impl FnMut(u64),
    stop: impl Future<Output = ()>,
) -> Imported {
    let write = async |items, others, note| store.upsert_taken(items, others, note).await;
    let collection = store.collection();
    let mut imported = import_by(collection, batches, &mut journaling, write, progress, stop).await;
    let Journaling::On(notes) = journaling else {
        return imported;
    };
    imported.is_noted = notes.is_noted();
    if imported.is_noted
        && imported.halt.is_none()
        && let Err(error) = store.forget_import(notes.import()).await
    {
        imported.halt = Some(Halt::Failed(error.into()));
    }
    imported
}

/// What was written of a batch, and what the table does not take.
type Taken = (Upserted, Vec<RefusedItem>);

/// As [`import()`], each batch by a write of its own.
pub(super) async fn import_by<R: Read + Send + 'static>(
    collection: &Collection,
    batches: RowBatches<R>,
    journaling: &mut Journaling,
    write: impl AsyncFn(Vec<BatchItem>, Others, Option<JournalNote>) -> Result<Taken, StoreError>,
    mut progress: impl FnMut(u64),
    stop: impl Future<Output = ()>,
) -> Imported {
    let (sender, mut receiver) = mpsc::channel(WAITING_BATCHES);
    let (done, reading) = oneshot::channel();
    let mut imported = Imported {
        unit: batches.reader.unit(),
        ..Imported::default()
    };
    let report = batches.report();
    // A thread of its own and not one of the runtime's: it may wait for a pipe
    // that never ends, and the runtime would wait for it.
    std::thread::spawn(move || {
        let surveyed = send_batches(batches, &sender);
        drop(sender);
        // Nobody listens after a stop.
        let _ = done.send(surveyed);
    });

    let lacked = TextField::ALL.into_iter();
    let lacked =
        lacked.filter(|&field| collection.text(field).is_none() || collection.computes(field));
    let lacked: Vec<TextField> = lacked.collect();
    let mut refused = Survey::default();
    let mut stop = std::pin::pin!(stop);
    loop {
        let batch: Batch = tokio::select! {
            biased;
            () = &mut stop => {
                imported.halt = Some(Halt::Asked);
                break;
            }
            batch = receiver.recv() => match batch {
                Some(batch) => batch,
                None => break,
            },
        };
        for &field in &lacked {
            let mut drafts = batch.items.iter().map(|item| &item.draft);
            if drafts.any(|draft| draft.text().get(field).is_some()) {
                imported.dropped.insert(field);
            }
        }
        let note = note_of(&batch, journaling);
        let noted = note.as_ref().map(|note| note.records);
        let Batch { items, sources } = batch;
        let rows: Vec<About> = items.iter().map(About::of).collect();
        let others = if report.is_some() {
            Others::Write
        } else {
            Others::Leave
        };
        let taken = match write(items, others, note).await {
            Ok(taken) => taken,
            Err(error) => {
                imported.halt = Some(Halt::Failed(error.into()));
                break;
            }
        };
        let report = report.as_deref();
        if let Err(halt) = note_batch(taken, rows, &sources, report, &mut refused, &mut imported) {
            imported.halt = Some(halt);
            break;
        }
        if let (Journaling::On(notes), Some(records)) = (&mut *journaling, noted) {
            notes.reached(records);
        }
        progress(imported.rows());
    }
    drop(receiver);
    let survey = if imported.halt.is_some() {
        // The reader ends soon, unless it waits for input.
        let _ = tokio::time::timeout(REPORT_TIMEOUT, reading).await;
        None
    } else {
        Some(reading.await.expect("the reading thread says how it ended"))
    };
    if let Some(report) = report
        && let Err(error) = report.lock().finish()
        && imported.halt.is_none()
    {
        imported.halt = Some(Halt::Failed(ImportError::Report(error)));
        return imported;
    }
    match survey {
        None => {}
        Some(Ok(mut survey)) => {
            survey.reject(refused.rejected, refused.first_rejected);
            let row = survey.first_rejected.first().cloned();
            imported.halt = row.filter(|_| survey.is_stopped).map(Halt::Rejected);
            imported.survey = Some(survey);
        }
        Some(Err(error)) => imported.halt = Some(Halt::Failed(error)),
    }
    imported
}

/// What a batch is to note of its import. Where nothing is noted, that is said before the
/// first row that a second run would write again.
fn note_of(batch: &Batch, journaling: &mut Journaling) -> Option<JournalNote> {
    match journaling {
        Journaling::On(notes) => notes.note(batch),
        Journaling::Off(say) => {
            if batch.has_rows_without_id() {
                std::mem::replace(say, Box::new(|| ()))();
            }
            None
        }
    }
}

/// Counts a batch after its transaction, and reports the rows that the table did not
/// take.
fn note_batch(
    (upserted, not_taken): (Upserted, Vec<RefusedItem>),
    mut rows: Vec<About>,
    sources: &[RowSource],
    report: Option<&Mutex<Report>>,
    refused: &mut Survey,
    imported: &mut Imported,
) -> Result<(), Halt> {
    for item in &not_taken {
        rows[item.index] = About::default();
    }
    if report.is_some() || not_taken.is_empty() {
        imported.count(upserted, &rows, sources);
    }
    let mut rejected = Vec::with_capacity(not_taken.len());
    for RefusedItem { index, reason } in not_taken {
        let RowSource { line, raw, .. } = &sources[index];
        let reason = refused_by_table(&reason);
        if let Some(report) = report {
            let raw = RawRow {
                bytes: raw.as_deref().unwrap_or_default(),
                is_whole: true,
            };
            let added = report.lock().add(*line, &reason, raw);
            added.map_err(|error| Halt::Failed(ImportError::Report(error)))?;
        }
        rejected.push(Rejected {
            unit: imported.unit,
            line: *line,
            reason,
        });
    }
    if report.is_none()
        && let Some(first) = rejected.iter().min_by_key(|row| row.line)
    {
        return Err(Halt::Refused(first.clone()));
    }
    refused.reject(rejected.len() as u64, rejected);
    Ok(())
}

fn send_batches<R: Read>(
    mut batches: RowBatches<R>,
    sender: &mpsc::Sender<Batch>,
) -> Result<Survey, ImportError> {
    while let Some(batch) = batches.next_batch()? {
        if sender.blocking_send(batch).is_err() {
            // The writer has stopped and says why.
            break;
        }
    }
    Ok(batches.finish())
}

/// What is counted of a row.
#[derive(Debug, Clone, Copy, Default)]
struct About {
    has_id: bool,
    has_no_place: bool,
}

impl About {
    fn of(item: &BatchItem) -> Self {
        Self {
            has_id: item.id.is_some(),
            has_no_place: item.draft.position().is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::read::ReadOptions;

    #[test]
    fn a_survey_tells_how_far_it_is_batch_by_batch() {
        let file = format!("name,latitude,longitude\n{}", "a,1,2\n".repeat(25));
        let reader = RowReader::open(file.as_bytes(), &ReadOptions::default()).unwrap();
        let mut told = Vec::new();
        let survey = survey(RowBatches::new(reader, 10), |rows| told.push(rows)).unwrap();
        assert_eq!((told, survey.rows), (vec![10, 20, 25], 25));
    }
}
