//! Migrating an embedded file. The ledger is that of sqlx, so that a file goes on with
//! whichever nearby has it.

use std::time::Instant;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sqlx::migrate::{Migration, Migrator};

use super::SqliteDatabase;
use super::catalog::table_exists;
use super::columns::Columns as _;
use super::transaction::WriteTransaction;
use crate::store::migrate::{LEDGER, LedgerLine, Migrates, Migrating, Unfinished};
use crate::store::{DatabaseFailure, MigrateError, SchemaState, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const READ: &str =
    "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version";
/// As sqlx would make it, in types that a GeoPackage may have: GDAL and QGIS list
/// every table of the file and complain of others.
const MAKE: &str = "\
    CREATE TABLE IF NOT EXISTS _sqlx_migrations ( \
        version INTEGER NOT NULL PRIMARY KEY, \
        description TEXT NOT NULL, \
        installed_on DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), \
        success BOOLEAN NOT NULL, \
        checksum BLOB NOT NULL, \
        execution_time INTEGER NOT NULL \
    )";
const CLEAR: &str = "DELETE FROM _sqlx_migrations";
const NOTE: &str = "\
    INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
    VALUES (?, ?, TRUE, ?, ?)";
const FORGET: &str = "DELETE FROM _sqlx_migrations WHERE version = ?";

#[async_trait]
impl Migrates for SqliteDatabase {
    fn migrator(&self) -> &'static Migrator {
        &MIGRATIONS
    }

    fn migrates_itself(&self) -> bool {
        true
    }

    async fn ledger(&self) -> Result<Vec<LedgerLine>, StoreError> {
        let reading = self.read(|connection| Ok(ledger(connection)?));
        reading.await
    }

    async fn rewrite_ledger(&self, applied: &[&'static Migration]) -> Result<(), MigrateError> {
        let applied = applied.to_vec();
        let rewriting = self.write(move |writing| {
            writing.execute(MAKE, ())?;
            writing.execute(CLEAR, ())?;
            for migration in applied {
                note(writing, migration, 0)?;
            }
            Ok(())
        });
        rewriting.await
    }

    /// Others wait when it comes to writing: each direction is one transaction, all or
    /// nothing.
    async fn begin_migrating(&self) -> Result<Box<dyn Migrating>, MigrateError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait(?Send)]
impl Migrating for SqliteDatabase {
    async fn up(&mut self, migrator: &Migrator, to: Option<i64>) -> Result<(), MigrateError> {
        let scripts = scripts(migrator, true);
        let migrating = self.write(move |writing| {
            writing.execute(MAKE, ())?;
            let applied = sound_ledger(writing)?;
            let is_pending = |script: &&Migration| {
                !applied.contains(&script.version) && to.is_none_or(|to| script.version <= to)
            };
            for script in scripts.iter().filter(is_pending) {
                let started = Instant::now();
                run(writing, script)?;
                let took = i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX);
                note(writing, script, took)?;
            }
            Ok::<_, MigrateError>(())
        });
        migrating.await?;
        // GDAL reads the application id from the file's first page itself, and
        // would not find it while it is only in the log.
        let folding = self.writer.run(|connection| {
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?)
        });
        folding.await
    }

    async fn finish(&mut self, _: &Unfinished) -> Result<bool, MigrateError> {
        // Each is one transaction: none stops midway.
        Ok(false)
    }

    async fn down(&mut self, migrator: &Migrator, target: i64) -> Result<(), MigrateError> {
        let scripts = scripts(migrator, false);
        let undoing = self.write(move |writing| {
            let applied = sound_ledger(writing)?;
            let is_applied =
                |script: &&Migration| script.version > target && applied.contains(&script.version);
            for script in scripts.iter().rev().filter(is_applied) {
                run(writing, script)?;
                writing.execute(FORGET, [script.version])?;
            }
            Ok(())
        });
        undoing.await
    }
}

/// The scripts of one direction, oldest first.
fn scripts(migrator: &Migrator, is_up: bool) -> Vec<Migration> {
    let all = migrator.iter();
    let of_direction = |script: &&Migration| script.migration_type.is_up_migration() == is_up;
    all.filter(of_direction).cloned().collect()
}

/// What was applied; nothing where there is no ledger yet.
fn ledger(connection: &Connection) -> rusqlite::Result<Vec<LedgerLine>> {
    if !table_exists(connection, LEDGER)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(READ)?;
    let lines = statement.query_map((), |row| {
        Ok(LedgerLine {
            version: row.get(0)?,
            description: row.get(1)?,
            success: row.get(2)?,
            checksum: row.bytes(3)?.unwrap_or_default().to_vec(),
        })
    })?;
    lines.collect()
}

/// The versions that are applied, as this transaction sees them: another process may have
/// come between whoever looked before.
fn sound_ledger(writing: &WriteTransaction<'_>) -> Result<Vec<i64>, MigrateError> {
    let mut versions = Vec::new();
    for line in writing.look(ledger)? {
        let version = line.version;
        let known = MIGRATIONS
            .iter()
            .find(|known| known.version == version && known.migration_type.is_up_migration());
        let state = match known {
            _ if !line.success => SchemaState::Dirty { version },
            None => SchemaState::Ahead { version },
            Some(known) if known.checksum != line.checksum => SchemaState::Changed { version },
            Some(_) => {
                versions.push(version);
                continue;
            }
        };
        return Err(MigrateError::State(state));
    }
    Ok(versions)
}

fn run(writing: &WriteTransaction<'_>, script: &Migration) -> Result<(), MigrateError> {
    let done = writing.execute_all(script.sql.as_str());
    done.map_err(|error| MigrateError::Failed {
        version: script.version,
        error: DatabaseFailure::Sqlite(error),
    })
}

fn note(writing: &WriteTransaction<'_>, script: &Migration, took_ns: i64) -> rusqlite::Result<()> {
    let values = params![
        script.version,
        script.description,
        &*script.checksum,
        took_ns
    ];
    writing.execute(NOTE, values).map(drop)
}
