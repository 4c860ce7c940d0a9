//! Lists by page.
//!
//! SQLite knows case of ASCII only and no accents at all, so texts are folded,
//! compared and sorted here, row by row. What the memory engine can answer of a
//! viewport does not come here.

use std::borrow::Cow;
use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Row as _};

use super::columns::Columns as _;
use super::statements::time_or_null;
use super::{SqliteStore, rows};
use crate::domain::{
    Center, CenterId, Listed, Listing, Meridians, Part, RatingRange, SortBy, SortKey, TextField,
    Viewport, sort_key,
};
use crate::store::ratings::average_of;
use crate::store::sql::{in_order, text_or_null};
use crate::store::{Collection, StoreError};

/// Rows that one statement of a scan reads.
const SCAN_ROWS: i64 = 50_000;

/// The parts that lists are put together from.
#[derive(Debug)]
pub(super) struct ListingSql {
    id: String,
    from: String,
    has_position: String,
    latitude: String,
    longitude: String,
    texts: [String; TextField::ALL.len()],
    created_at: String,
    updated_at: String,
    average: String,
}

impl ListingSql {
    pub(super) fn new(collection: &Collection, ours: &str, has_position: &str) -> Self {
        let id = collection.id.quoted();
        let average = average_of(&format!("{}.{id}", collection.table.quoted()));
        Self {
            average,
            from: format!(
                " FROM {} WHERE {ours} AND {id} > ?",
                collection.table.quoted()
            ),
            id,
            has_position: has_position.to_owned(),
            latitude: collection.latitude.quoted(),
            longitude: collection.longitude.quoted(),
            texts: TextField::ALL.map(|field| text_or_null(collection, field)),
            created_at: time_or_null(collection.created_at.as_ref()),
            updated_at: time_or_null(collection.updated_at.as_ref()),
        }
    }

    /// The id, a time or mark to sort by, then the texts that are read.
    fn scan(&self, listing: &Listing) -> String {
        // As wide as any, so that it sorts as a text.
        let mark = format!("printf('%024.20f', {average})", average = self.average);
        let mark = format!("IIF({} IS NULL, NULL, {mark})", self.average);
        let key = match listing.sort_by {
            SortBy::Text(_) | SortBy::Id => "NULL",
            SortBy::CreatedAt => &self.created_at,
            SortBy::UpdatedAt => &self.updated_at,
            SortBy::Rating => &mark,
        };
        let mut columns = vec![self.id.as_str(), key];
        columns.extend(read_of(listing).map(|field| self.texts[field as usize].as_str()));
        let RatingRange { min, max } = listing.ratings;
        let mut rated = String::new();
        for (end, operator) in [(min, ">="), (max, "<=")] {
            if end.is_some() {
                let _ = write!(rated, " AND {} {operator} ?", self.average);
            }
        }
        let inside = listing
            .viewport
            .as_ref()
            .map(|viewport| self.inside(viewport));
        format!(
            "SELECT {}{from}{rated}{inside} ORDER BY {id} LIMIT ?",
            columns.join(", "),
            id = self.id,
            from = self.from,
            inside = inside.unwrap_or_default(),
        )
    }

    fn inside(&self, viewport: &Viewport) -> String {
        let (latitude, longitude) = (&self.latitude, &self.longitude);
        let meridian = format!("IIF({longitude} = -180, 180, {longitude})");
        let between = match viewport.meridians() {
            Meridians::All => String::new(),
            Meridians::Between { west, east } if west <= east => {
                format!(" AND {meridian} BETWEEN ? AND ?")
            }
            Meridians::Between { .. } => format!(" AND ({meridian} >= ? OR {meridian} <= ?)"),
        };
        format!(
            " AND {} AND {latitude} BETWEEN ? AND ?{between}",
            self.has_position
        )
    }
}

/// The texts that have to be read, in the order of their columns.
fn read_of(listing: &Listing) -> impl Iterator<Item = TextField> {
    let read = |field: &TextField| listing.reads(*field);
    TextField::ALL.into_iter().filter(read)
}

/// Before the texts come the id and what it is sorted by.
const FIRST_TEXT: usize = 2;

impl SqliteStore {
    pub(in crate::store) async fn listed(
        &self,
        listing: &Listing,
        part: Part,
    ) -> Result<Listed, StoreError> {
        let mut keyed = Vec::new();
        self.scan_list(listing, |key, id| keyed.push((key, id)))
            .await?;
        Ok(part.of(keyed, listing.descending))
    }

    pub(in crate::store) async fn count_listed(
        &self,
        listing: &Listing,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        self.scan_list(listing, |_, _| total += 1).await?;
        Ok(total)
    }

    pub(in crate::store) async fn read_these(
        &self,
        ids: &[CenterId],
    ) -> Result<Vec<Center>, StoreError> {
        let numbers: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let found = sqlx::query(self.statements.read_many.text())
            .bind(json!(numbers).to_string())
            .fetch_all(&self.pools.readers)
            .await?;
        let centers = found.iter().map(rows::center);
        Ok(in_order(ids, centers.collect::<Result<_, _>>()?))
    }

    /// Calls `each` with key and id of every center of a list, in any order.
    async fn scan_list(
        &self,
        listing: &Listing,
        mut each: impl FnMut(SortKey, CenterId) + Send,
    ) -> Result<(), StoreError> {
        let text = self.statements.listing.scan(listing);
        // One transaction sees one state of the file, however many statements.
        let mut snapshot = self.pools.readers.begin().await?;
        let mut after = 0_i64;
        loop {
            let mut query = sqlx::query(AssertSqlSafe(text.clone())).bind(after);
            let RatingRange { min, max } = listing.ratings;
            for end in [min, max].into_iter().flatten() {
                query = query.bind(end);
            }
            if let Some(viewport) = &listing.viewport {
                query = query.bind(viewport.south()).bind(viewport.north());
                if let Meridians::Between { west, east } = viewport.meridians() {
                    query = query.bind(west).bind(east);
                }
            }
            let mut seen = 0;
            let mut found = query.bind(SCAN_ROWS).fetch(&mut *snapshot);
            while let Some(row) = found.try_next().await? {
                after = row.try_get(0)?;
                seen += 1;
                let mut texts: [Option<Cow<'_, str>>; TextField::ALL.len()] = Default::default();
                for (at, field) in (FIRST_TEXT..).zip(read_of(listing)) {
                    texts[field as usize] = row.text(at)?;
                }
                let text = |field: TextField| texts[field as usize].as_deref();
                if listing.takes(text) {
                    let id = CenterId::new(after).expect("the scan asks for ids only");
                    let key = match listing.sort_by {
                        SortBy::Text(field) => text(field).map(sort_key),
                        SortBy::Id => None,
                        SortBy::CreatedAt | SortBy::UpdatedAt | SortBy::Rating => {
                            row.text(1)?.map(Into::into)
                        }
                    };
                    each(key, id);
                }
            }
            if seen < SCAN_ROWS {
                return Ok(());
            }
        }
    }
}
