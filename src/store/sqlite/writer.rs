//! The thread that writes the file, over the one connection that may.
//!
//! What is to be written is done one after the other, each to its end even where nobody
//! waits for it any longer. Whoever reads never waits for it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::connection::{closed, interrupted, open_to_write};
use super::kept_file::{KeptFile, empty_log};
use crate::store::SqliteSynchronous;
use crate::store::sql::Sql;

/// What is to be done with the connection, or with the reason why there is none.
type Work = Box<dyn FnOnce(rusqlite::Result<&mut Connection>) + Send>;

enum Job {
    Work(Work),
    /// Closes the connection for good, then drops this.
    Close(oneshot::Sender<()>),
}

/// The thread. Clones are the same; it ends with the last of them.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: Sender<Job>,
    /// How many jobs are waiting or under way.
    waiting: Arc<AtomicUsize>,
    /// What to run before the connection is closed, by table.
    last: Arc<Mutex<BTreeMap<String, Sql>>>,
}

impl Writer {
    /// Opens the connection for the first job.
    pub(super) fn new(file: KeptFile, synchronous: SqliteSynchronous) -> Self {
        let (jobs, asked) = channel();
        let last = Arc::default();
        let at_the_end = Arc::clone(&last);
        thread::spawn(move || work_off(&asked, &file, synchronous, &at_the_end));
        Self {
            jobs,
            waiting: Arc::default(),
            last,
        }
    }

    /// Runs `work` when all that was asked for before is done.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting::new(&self.waiting);
        let work: Work = Box::new(move |connection| {
            let done = connection.map_err(E::from).and_then(work);
            drop(waiting);
            // Nobody may be left who waits for it.
            let _ = answer.send(done);
        });
        self.jobs.send(Job::Work(work)).map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(interrupted().into()))
    }

    /// Runs a statement that measures a table before the connection is closed.
    pub(super) fn measure_at_the_end(&self, table: &str, statement: &Sql) {
        let mut last = self.last.lock();
        if !last.contains_key(table) {
            last.insert(table.to_owned(), statement.clone());
        }
    }

    /// Whether it writes, or is about to.
    pub(super) fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Closes the connection for good, after all that was asked for before.
    pub(super) async fn close(&self) {
        let (closing, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(closing)).is_ok() {
            // It is dropped without a word.
            let _ = closed.await;
        }
    }
}

/// A job that is not done yet.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn work_off(
    jobs: &Receiver<Job>,
    file: &KeptFile,
    synchronous: SqliteSynchronous,
    last: &Mutex<BTreeMap<String, Sql>>,
) {
    let mut opened = None;
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Work(work) => {
                // What panics takes its own transaction back and nothing else.
                let worked = catch_unwind(AssertUnwindSafe(|| {
                    work(get_or_open(&mut opened, file, synchronous));
                }));
                if worked.is_err() {
                    tracing::error!("a write panicked; it was taken back");
                }
            }
            Job::Close(_closing) => {
                // Opened if it is not: those that only read leave the log beside the file.
                if let Ok(connection) = get_or_open(&mut opened, file, synchronous) {
                    finish(connection, &std::mem::take(&mut *last.lock()));
                }
                drop(opened);
                return;
            }
        }
    }
}

fn get_or_open<'a>(
    opened: &'a mut Option<Connection>,
    file: &KeptFile,
    synchronous: SqliteSynchronous,
) -> rusqlite::Result<&'a mut Connection> {
    if let Err(gone) = file.check() {
        if let Some(old) = opened.take() {
            tracing::error!(
                cause = %gone,
                "nothing is read or written any more: start nearby again, and it opens the file that is \
                 there then"
            );
            empty_log(&old);
        }
        return Err(gone);
    }
    match opened {
        Some(connection) => Ok(connection),
        none => Ok(none.insert(open_to_write(file.path(), synchronous, false)?)),
    }
}

fn finish(connection: &Connection, last: &BTreeMap<String, Sql>) {
    for (table, statement) in last {
        if let Err(error) = connection.execute(&statement.text().0, ()) {
            tracing::debug!(table, cause = %error, "the layer's extent stays as it is");
        }
    }
    // The last connection to close folds the log into the file; while another process has
    // one as well, this does.
    let folding = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
    if let Err(error) = folding {
        tracing::debug!(cause = %error, "the log stays beside the file");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[tokio::test]
    async fn a_write_that_panics_is_taken_back_and_the_next_one_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gpkg");
        drop(Connection::open(&path).unwrap());
        let writer = Writer::new(KeptFile::new(path.into()), SqliteSynchronous::Normal);
        let make = |connection: &mut Connection| {
            connection.execute_batch("CREATE TABLE t (a)")?;
            Ok::<_, StoreError>(())
        };
        writer.run(make).await.unwrap();
        let panicked = writer.run(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute("INSERT INTO t VALUES (1)", ())?;
            panic!("as a caller's edit might");
            #[expect(unreachable_code, reason = "it says what would come")]
            Ok::<(), StoreError>(())
        });
        assert!(matches!(panicked.await, Err(StoreError::Unavailable(_))));
        let count = writer.run(|connection| {
            let counting = connection.query_row("SELECT COUNT(*) FROM t", (), |row| row.get(0));
            Ok::<i64, StoreError>(counting?)
        });
        assert_eq!(count.await.unwrap(), 0);
        assert!(!writer.is_busy());
        writer.close().await;
        assert!(writer.run(make).await.is_err());
    }
}
