//! Connections that read the file, each on a thread that may block while it is used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::ffi::{Error, SQLITE_BUSY};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::abandoned::attended;
use super::connection::closed;
use super::kept_file::KeptFile;
use crate::store::{Connections, PoolSettings, StoreError};

/// A pool of them. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    file: KeptFile,
    size: u32,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    longest_wait: Duration,
    longest_idle: Duration,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Readers {
    pub(super) fn new(file: KeptFile, settings: &PoolSettings) -> Self {
        Self(Arc::new(Pool {
            file,
            size: settings.size,
            turns: Arc::new(Semaphore::new(settings.size as usize)),
            idle: Mutex::default(),
            longest_wait: settings.acquire_timeout,
            longest_idle: settings.idle_timeout,
        }))
    }

    /// Runs `work` with a connection that only reads: a statement that writes fails. It is
    /// interrupted when nobody waits for it.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(&self.0);
        let turn = timeout(pool.longest_wait, Arc::clone(&pool.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| none_is_free(pool.longest_wait))?;
        let turn = turn.map_err(|_| closed())?;
        attended(move |attended| {
            let connection = pool.take()?;
            let done = attended.with(&connection, work);
            pool.give_back(connection);
            drop(turn);
            done
        })
        .await
    }

    /// Closes those that nobody uses.
    pub(super) fn forget_idle(&self) {
        self.0.idle.lock().clear();
    }

    pub(super) fn size(&self) -> usize {
        self.0.size as usize
    }

    /// Waits for what is under way and closes all.
    pub(super) async fn close(&self) {
        let all = self.0.turns.acquire_many(self.0.size).await;
        self.0.turns.close();
        drop(all);
        self.0.idle.lock().clear();
    }

    pub(super) fn connections(&self) -> Connections {
        let in_use = (self.0.size as usize).saturating_sub(self.0.turns.available_permits());
        Connections {
            in_use: if self.0.turns.is_closed() { 0 } else { in_use },
            idle: self.0.idle.lock().len(),
        }
    }
}

impl Pool {
    fn take(&self) -> rusqlite::Result<Connection> {
        if let Err(gone) = self.file.check() {
            // What they hold of the log must not be found by whoever opens the new file.
            self.idle.lock().clear();
            return Err(gone);
        }
        let idle = self.idle.lock().pop();
        match idle {
            Some(idle) => Ok(idle.connection),
            None => self.file.open_to_read(),
        }
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        // Those that were not needed for long are the first ones.
        idle.retain(|idle| idle.since.elapsed() < self.longest_idle);
        idle.push(Idle {
            connection,
            since: Instant::now(),
        });
    }
}

fn none_is_free(waited: Duration) -> rusqlite::Error {
    let said = format!("no connection was free within {waited:?}");
    rusqlite::Error::SqliteFailure(Error::new(SQLITE_BUSY), Some(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(size: u32) -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gpkg");
        let file = Connection::open(&path).unwrap();
        file.execute_batch("CREATE TABLE t (a)").unwrap();
        let settings = PoolSettings {
            size,
            acquire_timeout: Duration::from_millis(50),
            ..PoolSettings::default()
        };
        let readers = Readers::new(KeptFile::new(path.into()), &settings);
        (folder, readers)
    }

    #[tokio::test]
    async fn a_statement_that_nobody_waits_for_any_more_is_interrupted() {
        const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
            SELECT COUNT(*) FROM n";
        let (_folder, readers) = readers(1);
        let endless = readers
            .read(|connection| Ok(connection.query_row(ENDLESS, (), |row| row.get::<_, i64>(0))?));
        timeout(Duration::from_millis(100), endless)
            .await
            .expect_err("it has no end");
        // The same connection, at once.
        timeout(Duration::from_secs(5), async {
            while readers.read(|_| Ok(())).await.is_err() {}
        })
        .await
        .expect("the connection is free");
        assert_eq!(readers.connections(), Connections { in_use: 0, idle: 1 });
    }

    #[tokio::test]
    async fn a_connection_that_reads_writes_nothing_and_is_used_again() {
        let (_folder, readers) = readers(2);
        let writing = readers.read(|connection| {
            connection.execute("INSERT INTO t VALUES (1)", ())?;
            Ok(())
        });
        let refused = writing.await.unwrap_err();
        assert!(refused.to_string().contains("readonly"), "{refused}");
        let one = Connections { in_use: 0, idle: 1 };
        assert_eq!(readers.connections(), one);
        readers.read(|_| Ok(())).await.unwrap();
        assert_eq!(readers.connections(), one);
    }

    #[tokio::test]
    async fn whoever_finds_no_connection_free_waits_as_long_as_is_said_and_is_told() {
        let (_folder, readers) = readers(1);
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let holding = {
            let readers = readers.clone();
            tokio::spawn(async move {
                let holding = readers.read(move |_| {
                    // Until it is let go.
                    let _ = held.recv();
                    Ok(())
                });
                holding.await
            })
        };
        while readers.connections().in_use == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let refused = readers.read(|_| Ok(())).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        drop(let_go);
        holding.await.unwrap().unwrap();
        readers.close().await;
        assert!(readers.read(|_| Ok(())).await.is_err());
    }
}
