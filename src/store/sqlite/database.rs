//! An embedded file, as all of nearby sees it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;

use super::backfill::FileMender;
use super::survey::{faults_in, survey};
use super::{MAX_SCANS, SqliteDatabase, SqliteStore, catalog, obstacles, rtree, schema};
use crate::store::database::Backend;
use crate::store::ids::{BeyondIds, lacks_id};
use crate::store::references::KeyColumn;
use crate::store::rows::RowStore;
use crate::store::survey::{BackfillFrom, Fault, Mender, Survey, Surveys};
use crate::store::tables::Tables;
use crate::store::{
    Collection, Connections, FileLook, FileVersion, Obstacle, SchemaFinding, StoreError,
    TableColumns,
};

impl SqliteDatabase {
    /// Runs `work` with a connection that only reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(work).await
    }
}

#[async_trait]
impl Backend for SqliteDatabase {
    fn open(&self, collection: &Arc<Collection>) -> Arc<dyn RowStore> {
        Arc::new(SqliteStore::new(self.clone(), collection))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // The first page is read, if there is one.
        let pinging = self.probes.read(|connection| {
            Ok(connection.query_row("PRAGMA schema_version", (), |_| Ok(()))?)
        });
        pinging.await
    }

    async fn close(&self) {
        // Those that nobody waits for any longer end at their next row.
        let scans = self.scans.acquire_many(MAX_SCANS).await;
        self.scans.close();
        drop(scans);
        self.readers.close().await;
        self.probes.close().await;
        self.writer.close().await;
    }

    fn connections(&self) -> Connections {
        let readers = self.readers.connections();
        Connections {
            in_use: readers.in_use + usize::from(self.writer.is_busy()),
            idle: readers.idle,
        }
    }

    fn most_connections(&self) -> usize {
        self.readers.size()
    }

    fn is_kept_in(&self, path: &Path) -> bool {
        let Ok(asked) = fs::metadata(path) else {
            return false;
        };
        ["", "-wal", "-shm"].iter().any(|ending| {
            let mut file = self.file.path().as_os_str().to_owned();
            file.push(ending);
            fs::metadata(file)
                .is_ok_and(|kept| (kept.dev(), kept.ino()) == (asked.dev(), asked.ino()))
        })
    }

    fn tells_of_other_writers(&self) -> bool {
        true
    }

    async fn look_for_changes(&self) -> Result<FileLook, StoreError> {
        self.look().await
    }

    async fn file_version(&self) -> Result<Option<FileVersion>, StoreError> {
        Ok(Some(self.version().await?))
    }
}

#[async_trait]
impl Tables for SqliteDatabase {
    async fn tables(&self) -> Result<BTreeSet<String>, StoreError> {
        let reading = self.read(|connection| Ok(catalog::tables(connection)?));
        reading.await
    }

    async fn table_exists(&self, table: &str) -> Result<bool, StoreError> {
        let table = table.to_owned();
        let looking = self.read(move |connection| Ok(catalog::table_exists(connection, &table)?));
        looking.await
    }

    async fn count_rows(&self, collection: &Collection, after: i64) -> Result<u64, StoreError> {
        let collection = collection.clone();
        let counting =
            self.read(move |connection| Ok(catalog::count_rows(connection, &collection, after)?));
        counting.await
    }

    async fn columns(&self, collection: &Collection) -> Result<TableColumns, StoreError> {
        let table = collection.table.clone();
        let reading = self.read(move |connection| {
            let columns = obstacles::columns(connection, table.as_str())?;
            let described = columns.iter();
            Ok(TableColumns::of(
                described.map(|column| (column.name.clone(), column.reading())),
            ))
        });
        reading.await
    }

    async fn obstacles_to_serving(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Obstacle>, StoreError> {
        let collection = collection.clone();
        let looking =
            self.read(move |connection| Ok(obstacles::obstacles(connection, &collection)?));
        looking.await
    }

    async fn inspect(&self, collection: &Collection) -> Result<Vec<SchemaFinding>, StoreError> {
        let inspected = collection.clone();
        let inspecting = self.read(move |connection| Ok(schema::inspect(connection, &inspected)?));
        let mut found = inspecting.await?;
        if collection.is_located() && !found.iter().any(|finding| finding.misleads) {
            found.extend(rtree::inspect(self, collection).await?);
        }
        Ok(found)
    }

    async fn foreign_keys(&self, table: &str) -> Result<Vec<KeyColumn>, StoreError> {
        let table = table.to_owned();
        let reading = self.read(move |connection| Ok(catalog::foreign_keys(connection, &table)?));
        reading.await
    }

    async fn rows_beyond_ids(
        &self,
        collection: &Collection,
        only_without_location: bool,
    ) -> Result<BeyondIds, StoreError> {
        let (table, id) = (collection.table.quoted(), collection.id.quoted());
        let only = if only_without_location {
            format!(" AND {} IS NULL", collection.location.quoted())
        } else {
            String::new()
        };
        let text = format!(
            "SELECT COUNT(*), CAST(MIN({id}) AS TEXT), CAST(MAX({id}) AS TEXT) FROM {table} \
             WHERE {}{only}",
            lacks_id(&id)
        );
        let counting = self.read(move |connection| {
            let counted = connection.query_row(&text, (), |row| {
                Ok(BeyondIds {
                    count: row.get(0)?,
                    first: row.get(1)?,
                    last: row.get(2)?,
                })
            });
            Ok(counted?)
        });
        counting.await
    }
}

#[async_trait]
impl Surveys for SqliteDatabase {
    async fn survey(
        &self,
        collection: &Collection,
        after: i64,
        count: u32,
    ) -> Result<Survey, StoreError> {
        let collection = collection.clone();
        let looking = self.read(move |connection| survey(connection, &collection, after, count));
        looking.await
    }

    async fn ids_with(
        &self,
        collection: &Collection,
        fault: Fault,
        run: (i64, i64),
        count: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let collection = collection.clone();
        let looking =
            self.read(move |connection| Ok(faults_in(connection, &collection, fault, run, count)?));
        looking.await
    }

    async fn mender(
        &self,
        collection: &Collection,
        from: BackfillFrom,
    ) -> Result<Box<dyn Mender>, StoreError> {
        let store = SqliteStore::new(self.clone(), &Arc::new(collection.clone()));
        Ok(Box::new(FileMender::new(store, from)))
    }
}
