//! Points that other programs drew or moved in the file.
//!
//! Triggers note such rows (migration 7), as SQLite itself cannot take a point apart.
//! Here their coordinates are taken from their location, or where they lost it, a new
//! one is made of their coordinates.

use rusqlite::{OptionalExtension as _, params};

use super::SqliteStore;
use super::survey::{Held, held_sql};
use super::write::Writing;
use crate::store::sql::Sql;
use crate::store::{BackfillFrom, Collection, StoreError};

/// Rows that one transaction takes over.
const ROWS_AT_ONCE: u32 = 1_000;

/// The statements about noted rows of one table.
#[derive(Debug)]
pub(super) struct MovedSql {
    any: Sql,
    /// Takes how many at most.
    some: Sql,
    /// Takes an id.
    one: Sql,
    /// Takes an id.
    forget: Sql,
    /// Takes an id.
    held: Sql,
}

impl MovedSql {
    pub(super) fn new(collection: &Collection) -> Self {
        let noted = format!(
            "FROM moved_points WHERE table_name = '{}'",
            collection.table.as_str()
        );
        Self {
            any: Sql::new(format!("SELECT EXISTS (SELECT 1 {noted})")),
            some: Sql::new(format!("SELECT row_id {noted} LIMIT ?")),
            one: Sql::new(format!("SELECT 1 {noted} AND row_id = ?")),
            forget: Sql::new(format!("DELETE {noted} AND row_id = ?")),
            held: Sql::new(format!(
                "{} WHERE {} = ?",
                held_sql(collection),
                collection.id.quoted()
            )),
        }
    }
}

impl SqliteStore {
    /// Takes over what others drew and moved; gives how many rows.
    pub(super) async fn take_over_moved(&self) -> Result<u64, StoreError> {
        let mut taken = 0;
        // Most often there is none, and nobody has to be kept from writing.
        while self.is_any_moved().await? {
            taken += self
                .write(|writing| {
                    let noted = writing.noted()?;
                    for &id in &noted {
                        writing.take_over(id)?;
                    }
                    Ok::<_, StoreError>(noted.len() as u64)
                })
                .await?;
        }
        Ok(taken)
    }

    async fn is_any_moved(&self) -> Result<bool, StoreError> {
        let sql = self.statements.moved.any.clone();
        let looking = self
            .database
            .read(move |connection| Ok(connection.query_row(&sql.text().0, (), |row| row.get(0))?));
        looking.await
    }
}

impl Writing<'_> {
    fn noted(&self) -> rusqlite::Result<Vec<i64>> {
        let mut some = self.prepare(&self.statements.moved.some)?;
        let found = some.query_map([ROWS_AT_ONCE], |row| row.get(0))?;
        found.collect()
    }

    /// Whether another program drew or moved the point of a row.
    pub(super) fn is_moved(&self, id: i64) -> rusqlite::Result<bool> {
        self.prepare(&self.statements.moved.one)?.exists([id])
    }

    /// Takes a row over if its point was moved: to be called before it is edited.
    pub(super) fn settle(&self, id: i64) -> rusqlite::Result<()> {
        if self.is_moved(id)? {
            self.take_over(id)?;
        }
        Ok(())
    }

    /// Has location and coordinates of a noted row say the same. What says nothing of
    /// where it is stays as it is.
    fn take_over(&self, id: i64) -> rusqlite::Result<()> {
        let mut held = self.prepare(&self.statements.moved.held)?;
        let row = held.query_row([id], Held::read).optional()?;
        if let Some(row) = row {
            let from = if row.has_location() {
                BackfillFrom::Location
            } else {
                BackfillFrom::Coordinates
            };
            self.mend(&row, from)?;
        }
        self.forget_moved(id)
    }

    /// Forgets that the point of a row was moved.
    pub(super) fn forget_moved(&self, id: i64) -> rusqlite::Result<()> {
        let mut forget = self.prepare(&self.statements.moved.forget)?;
        forget.execute(params![id]).map(drop)
    }
}
