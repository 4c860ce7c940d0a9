//! Ids as other applications number their rows, and walking through a table by them.

use super::{Collection, Database, StoreError};
use crate::domain::IDS;

/// The condition that a row can be asked for by its id. It is true of every key of 64
/// bits with a sign, but for the least number.
pub(super) fn has_id(id: &str) -> String {
    format!("{id} BETWEEN {} AND {}", IDS.start(), IDS.end())
}

/// Its opposite, in ranges that an index finds.
pub(super) fn lacks_id(id: &str) -> String {
    format!(
        "({id} < {} OR {id} > {} OR {id} IS NULL)",
        IDS.start(),
        IDS.end()
    )
}

/// The id at which a run of rows ends that began beyond `after`. Whoever goes on from
/// there comes to the end of the table, so it has to be greater.
pub(super) fn reached(collection: &Collection, after: i64, last: i64) -> Result<i64, StoreError> {
    if last > after {
        return Ok(last);
    }
    Err(StoreError::unreadable(format!(
        "walking through {table} by {id} does not come to an end: what follows {after} ends at \
         {last}. {id} must be a key of whole numbers",
        table = collection.table.as_str(),
        id = collection.id.as_str(),
    )))
}

/// How many rows have ids that nobody could ask for, and which are the first and last.
#[derive(Debug, Default)]
pub(super) struct BeyondIds {
    pub(super) count: i64,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
}

impl BeyondIds {
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
        let found = self.beyond_ids(collection, false).await?;
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
        self.beyond_ids(collection, has_location).await
    }

    async fn beyond_ids(
        &self,
        collection: &Collection,
        only_without_location: bool,
    ) -> Result<Option<String>, StoreError> {
        let counting = self
            .backend()
            .rows_beyond_ids(collection, only_without_location);
        let found = counting.await?;
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
