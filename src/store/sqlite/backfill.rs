//! Mending locations, and coordinates, in SQLite.

use async_trait::async_trait;
use rusqlite::params;

use super::survey::{Held, survey_sql};
use super::{SqliteStore, Statements, geopackage};
use crate::store::sql::Sql;
use crate::store::survey::{Mended, Mender};
use crate::store::{BackfillFrom, Collection, StoreError};

/// The statements that write what a row lacks.
#[derive(Debug)]
pub(super) struct MendingSql {
    survey: Sql,
    /// Takes a location and an id.
    place: Sql,
    /// Takes a latitude, a longitude and an id.
    take: Sql,
}

impl MendingSql {
    pub(super) fn new(collection: &Collection) -> Self {
        let (table, id) = (collection.table.quoted(), collection.id.quoted());
        let (latitude, longitude) = (collection.latitude.quoted(), collection.longitude.quoted());
        let location = collection.location.quoted();
        Self {
            survey: Sql::new(survey_sql(collection)),
            place: Sql::new(format!(
                "UPDATE {table} SET {location} = ?1 WHERE {id} = ?2"
            )),
            take: Sql::new(format!(
                "UPDATE {table} SET {latitude} = ?1, {longitude} = ?2 WHERE {id} = ?3"
            )),
        }
    }
}

/// Mends the rows of a collection.
#[derive(Debug)]
pub(super) struct FileMender {
    store: SqliteStore,
    from: BackfillFrom,
}

impl FileMender {
    pub(super) fn new(store: SqliteStore, from: BackfillFrom) -> Self {
        Self { store, from }
    }
}

#[async_trait]
impl Mender for FileMender {
    async fn mend(&mut self, run: (i64, i64), count: u32) -> Result<Mended, StoreError> {
        Ok(Mended {
            written: self.store.mend(self.from, run, count).await?,
            rest: None,
        })
    }
}

impl SqliteStore {
    /// Writes what differs in a run of ids, reading up to `count` rows at once. Gives
    /// how many rows.
    ///
    /// The rows are read again in the transaction that writes, which shuts other
    /// writers out from its beginning: what is written is made of what is there.
    /// There may be more by then than there were.
    async fn mend(
        &self,
        from: BackfillFrom,
        (mut after, last): (i64, i64),
        count: u32,
    ) -> Result<u64, StoreError> {
        self.write(move |writing| {
            let mut written = 0;
            while after < last {
                let rows = writing.held(after, count)?;
                let Some(end) = rows.last().map(|row| row.id) else {
                    break;
                };
                for row in rows.iter().take_while(|row| row.id <= last) {
                    written += u64::from(writing.mend(row, from)?);
                }
                after = end;
            }
            Ok(written)
        })
        .await
    }
}

impl super::write::Writing<'_> {
    /// What up to `count` rows with ids beyond `after` hold.
    fn held(&self, after: i64, count: u32) -> rusqlite::Result<Vec<Held>> {
        let mut survey = self.prepare(&self.statements.mending.survey)?;
        let found = survey.query_map(params![after, count], Held::read)?;
        found.collect()
    }

    /// Writes a row where its location and coordinates disagree; whether it did. A point
    /// that another program moved is not put back.
    pub(super) fn mend(&self, row: &Held, from: BackfillFrom) -> rusqlite::Result<bool> {
        let from = match from {
            BackfillFrom::Coordinates if row.has_location() && self.is_moved(row.id)? => {
                BackfillFrom::Location
            }
            from => from,
        };
        let Some(position) = row.to_be_at(from) else {
            return Ok(false);
        };
        let Statements { mending, .. } = self.statements;
        if from == BackfillFrom::Location {
            let (latitude, longitude) = (position.latitude(), position.longitude());
            self.prepare(&mending.take)?
                .execute(params![latitude, longitude, row.id])?;
        }
        // Always: where coordinates change and the location does not, a trigger takes it away.
        let location = geopackage::encode(position);
        self.prepare(&mending.place)?
            .execute(params![location, row.id])?;
        self.growth.take_in(position);
        self.growth.let_go();
        // Triggers take a location that is written alone for one that was moved.
        self.forget_moved(row.id)?;
        Ok(true)
    }
}
