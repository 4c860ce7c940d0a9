//! Reading whole tables.

use std::sync::Arc;

use rusqlite::Row;

use super::SqliteStore;
use super::abandoned::attended;
use super::columns::Columns as _;
use super::connection::closed;
use super::rows::{attributes, id, position};
use crate::domain::{CenterId, Position, Summary};
use crate::store::StoreError;
use crate::store::sql::Sql;

/// How many columns a center in a search has, its attributes left out.
const SUMMARY_COLUMNS: usize = 7;

impl SqliteStore {
    pub(super) async fn fold_summaries<S: Send + 'static>(
        &self,
        state: S,
        each: impl Fn(&mut S, Summary<'_>) + Send + 'static,
    ) -> Result<S, StoreError> {
        let fields = Arc::clone(self.collection.fields());
        self.fold(&self.statements.summaries, state, move |state, row| {
            let Some(position) = position(row)? else {
                return Ok(());
            };
            let name = row.text(3)?.unwrap_or_default();
            let (country, region, city) = (row.text(4)?, row.text(5)?, row.text(6)?);
            let attributes = attributes(row, SUMMARY_COLUMNS, &fields)?;
            let summary = Summary {
                id: id(row)?,
                position,
                name: &name,
                country: country.as_deref(),
                region: region.as_deref(),
                city: city.as_deref(),
                attributes: &attributes,
            };
            each(state, summary);
            Ok(())
        })
        .await
    }

    pub(super) async fn fold_names<S: Send + 'static>(
        &self,
        state: S,
        each: impl Fn(&mut S, CenterId, &str, Option<Position>) + Send + 'static,
    ) -> Result<S, StoreError> {
        self.fold(&self.statements.names, state, move |state, row| {
            let name = row.text(3)?.unwrap_or_default();
            each(state, id(row)?, &name, position(row)?);
            Ok(())
        })
        .await
    }

    /// Passes every row of a statement to `each`: all as the file was at one time.
    async fn fold<S: Send + 'static>(
        &self,
        statement: &Sql,
        mut state: S,
        each: impl Fn(&mut S, &Row<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<S, StoreError> {
        let file = self.database.file.clone();
        let sql = statement.text().0;
        let permit = Arc::clone(&self.database.scans).acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        attended(move |attended| {
            // Held until the connection is gone.
            let _permit = permit;
            let connection = file.open_to_read()?;
            attended.with(&connection, |connection| {
                let mut statement = connection.prepare(&sql)?;
                let mut rows = statement.query(())?;
                while let Some(row) = rows.next()? {
                    each(&mut state, row)?;
                }
                Ok(state)
            })
        })
        .await
    }
}
