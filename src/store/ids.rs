//! Ids as other applications number their rows, and walking through a table by them.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Collection, Database, StoreError};
use crate::domain::IDS;

/// The condition that a row can be asked for by its id. It is true of every key of 64
/// bits with a sign, but for the least number.
pub(super) fn has_id(id: &str) -> String {
    format!("{id} BETWEEN {} AND {}", IDS.start(), IDS.end())
}

/// Its opposite, in ranges that an index finds.
fn lacks_id(id: &str) -> String {
    format!(
        "({id} < {} OR {id} > {} OR {id} IS NULL)",
        IDS.start(),
        IDS.end()
    )
}

/// The id at which a run of rows ends that began beyond `after`. Whoever goes on from
/// there comes to the end of the table, so it has to be greater.
pub(super) fn reached(collection: &Collection, after: i64, last: i64) -> sqlx::Result<i64> {
    if last > after {
        return Ok(last);
    }
    Err(sqlx::Error::InvalidArgument(format!(
        "walking through {table} by {id} does not come to an end: what follows {after} ends at \
         {last}. {id} must be a key of whole numbers",
        table = collection.table.as_str(),
        id = collection.id.as_str(),
    )))
}

#[derive(FromRow)]
struct Beyond {
    count: i64,
    first: Option<String>,
    last: Option<String>,
}

impl Beyond {
    fn told(self, collection: &Collection) -> String {
        let none = || "NULL".to_owned();
        format!(
            "{count} rows of {table} have an {id} beyond ±{most} (from {first} to {last})",
            count = self.count,
            table = collection.table.as_str(),
            id = collection.id.as_str(),
            most = IDS.end(),
            first = self.first.unwrap_or_else(none),
            last = self.last.unwrap_or_else(none),
        )
    }
}

impl Database {
    /// What there is to say of rows that no answer has, as their ids are no numbers of
    /// 64 bits with a sign; `None` where there is no such row.
    ///
    /// # Errors
    /// When the database does not answer, or has no such table.
    pub async fn rows_beyond_ids(
        &self,
        collection: &Collection,
    ) -> Result<Option<String>, StoreError> {
        let found = self.beyond_ids(collection, "TRUE").await?;
        Ok(found.map(|told| {
            format!(
                "{told}: nearby serves, verifies and writes none of them until they have smaller ones"
            )
        }))
    }

    /// Counts and names those of them that hold no location; all of them where the table
    /// has no such column yet.
    pub(in crate::store) async fn null_locations_beyond_ids(
        &self,
        collection: &Collection,
        has_location: bool,
    ) -> Result<Option<String>, StoreError> {
        let condition = if has_location {
            format!("{} IS NULL", collection.location.quoted())
        } else {
            "TRUE".to_owned()
        };
        self.beyond_ids(collection, &condition).await
    }

    async fn beyond_ids(
        &self,
        collection: &Collection,
        condition: &str,
    ) -> Result<Option<String>, StoreError> {
        let (table, id) = (collection.table.quoted(), collection.id.quoted());
        let text = AssertSqlSafe(format!(
            "SELECT COUNT(*) AS count, CAST(MIN({id}) AS CHAR) AS first, \
             CAST(MAX({id}) AS CHAR) AS last FROM {table} WHERE {} AND {condition}",
            lacks_id(&id)
        ));
        let found: Beyond = match self {
            Self::MySql(pool) => sqlx::query_as(text).fetch_one(pool).await?,
            Self::Sqlite(pools) => sqlx::query_as(text).fetch_one(&pools.readers).await?,
        };
        Ok((found.count > 0).then(|| found.told(collection)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_whose_last_id_does_not_grow_is_an_error() {
        let centers = Collection::diving_centers();
        assert_eq!(reached(&centers, i64::MIN, -5).unwrap(), -5);
        for last in [7, 6, i64::MIN] {
            let refused = reached(&centers, 7, last).unwrap_err().to_string();
            assert!(refused.contains("diving_centers by id"), "{refused}");
        }
    }
}
