//! Room for the rows that the server is to number: whatever a client chooses, there is
//! always a next id.

use sqlx::mysql::MySqlQueryResult;

use super::MySqlStore;
use super::schema::{Column, columns};
use crate::domain::{CHOSEN_IDS, CenterId, IDS};
use crate::store::BatchItem;

/// The last part of what a key can hold that is left to the server.
const ROOM: i64 = 16;

impl MySqlStore {
    /// Learns how great an id a client may choose for a new row: before a transaction,
    /// which keeps a connection.
    pub(super) async fn learn_room(&self) -> Result<(), sqlx::Error> {
        let last = self.last_chosen.get_or_try_init(async || {
            let columns = columns(&self.pool, &self.collection).await?;
            let id = self.collection.id.as_str();
            let mut columns = columns.iter();
            let key = columns.find(|column| column.name.eq_ignore_ascii_case(id));
            Ok::<_, sqlx::Error>(key.map_or(*CHOSEN_IDS.end(), last_chosen))
        });
        last.await.map(|_| ())
    }

    /// Refuses new rows with ids so great that the server would soon find no next one.
    pub(super) fn leave_room(&self, inserts: &[&BatchItem]) -> Result<(), sqlx::Error> {
        let last = *self.last_chosen.get().unwrap_or(CHOSEN_IDS.end());
        let mut chosen = inserts.iter().filter_map(|item| item.id.map(CenterId::get));
        let Some(greater) = chosen.find(|&id| id > last) else {
            return Ok(());
        };
        Err(sqlx::Error::InvalidArgument(format!(
            "id {greater} is too great for a new row: {table}.{key} takes those up to {last}, so \
             that there is room for further rows",
            table = self.collection.table.as_str(),
            key = self.collection.id.as_str(),
        )))
    }
}

impl MySqlStore {
    /// The first id of rows that a statement inserted, if the server gave them any.
    ///
    /// # Errors
    /// When one is beyond [`IDS`], as those of 64 bits without a sign can be:
    /// nobody would ever see the row.
    pub(super) fn first_id_of(&self, inserted: &MySqlQueryResult) -> Result<i64, sqlx::Error> {
        let first = inserted.last_insert_id();
        let further = inserted.rows_affected().saturating_sub(1);
        let last = first.saturating_add(further);
        match (i64::try_from(first), i64::try_from(last)) {
            (Ok(first), Ok(_)) => Ok(first),
            _ => Err(sqlx::Error::InvalidArgument(format!(
                "{table}.{key} is at {last}: the ids of rows that nearby writes are {most} at most",
                table = self.collection.table.as_str(),
                key = self.collection.id.as_str(),
                most = IDS.end(),
            ))),
        }
    }
}

/// The greatest id that a client may choose in a column.
fn last_chosen(key: &Column) -> i64 {
    let signed: i64 = match key.kind.as_str() {
        "tinyint" => i8::MAX.into(),
        "smallint" => i16::MAX.into(),
        "mediumint" => (1 << 23) - 1,
        "int" => i32::MAX.into(),
        _ => i64::MAX,
    };
    let most = if key.full_kind.contains("unsigned") {
        signed.saturating_mul(2).saturating_add(1)
    } else {
        signed
    };
    (most - most / ROOM).min(*CHOSEN_IDS.end())
}
