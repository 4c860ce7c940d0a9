//! Lists by page.
//!
//! SQLite knows case of ASCII only and no accents at all, so texts are folded,
//! compared and sorted here, row by row. What the memory engine can answer of a
//! viewport does not come here.

use futures_util::TryStreamExt as _;
use sqlx::Row as _;

use super::columns::Columns as _;
use super::query::query;
use super::statements::time_or_null;
use super::{SqliteStore, rows};
use crate::domain::{Center, CenterId, ListRow, Listing, RatingRange, SortBy, TextField, Viewport};
use crate::store::ids::reached;
use crate::store::ratings::average_of;
use crate::store::sql::{in_order, json_of, push_degrees_within, read_of, text_or_null};
use crate::store::statement::Statement;
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
    is_claimed: String,
}

impl ListingSql {
    pub(super) fn new(collection: &Collection, ours: &str, has_position: &str) -> Self {
        let id = collection.id.quoted();
        let average = average_of(&format!("{}.{id}", collection.table.quoted()));
        Self {
            average,
            is_claimed: collection.is_claimed(),
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

    /// The id, a time or mark to sort by, then the texts that are read, of the next rows
    /// beyond an id.
    fn scan(&self, listing: &Listing, texts: &[TextField], after: i64) -> Statement<'_> {
        // As wide as any, so that it sorts as a text.
        let mark = format!("printf('%024.20f', {average})", average = self.average);
        let mark = format!("IIF({} IS NULL, NULL, {mark})", self.average);
        let key = match listing.sort_by {
            SortBy::Text(_) | SortBy::Id | SortBy::Rank => "NULL",
            SortBy::CreatedAt => &self.created_at,
            SortBy::UpdatedAt => &self.updated_at,
            SortBy::Rating => &mark,
        };
        let mut columns = vec![self.id.as_str(), key];
        columns.extend(read_of(listing, texts).map(|field| self.texts[field as usize].as_str()));
        let mut statement = Statement::new(format!("SELECT {}", columns.join(", ")));
        statement.push_with(&self.from, [after.into()]);
        if listing.is_claimed {
            statement.push(" AND ").push(&self.is_claimed);
        }
        if let Some(among) = &listing.among {
            statement.push_with(
                &format!(" AND {} IN (SELECT value FROM json_each(?))", self.id),
                [json_of(among).into()],
            );
        }
        let RatingRange { min, max } = listing.ratings;
        for (end, operator) in [(min, ">="), (max, "<=")] {
            if let Some(end) = end {
                let text = format!(" AND {} {operator} ?", self.average);
                statement.push_with(&text, [end.into()]);
            }
        }
        if let Some(viewport) = &listing.viewport {
            self.push_viewport(viewport, &mut statement);
        }
        statement.push_with(
            &format!(" ORDER BY {} LIMIT ?", self.id),
            [SCAN_ROWS.into()],
        );
        statement
    }

    fn push_viewport(&self, viewport: &Viewport, statement: &mut Statement<'_>) {
        statement.push(&format!(" AND {}", self.has_position));
        push_degrees_within(viewport, &self.latitude, &self.longitude, statement);
    }
}

/// Before the texts come the id and what it is sorted by.
const FIRST_TEXT: usize = 2;

impl SqliteStore {
    pub(in crate::store) async fn read_these(
        &self,
        ids: &[CenterId],
    ) -> Result<Vec<Center>, StoreError> {
        let found = sqlx::query(self.statements.read_many.text())
            .bind(json_of(ids))
            .fetch_all(&self.pools.readers)
            .await?;
        let fields = self.collection.fields();
        let centers = found.iter().map(|row| rows::center(row, fields));
        Ok(in_order(ids, centers.collect::<Result<_, _>>()?))
    }

    /// Passes on every row that a list may hold.
    pub(in crate::store) async fn fold_list<S: Send>(
        &self,
        listing: &Listing,
        texts: &[TextField],
        mut state: S,
        each: impl Fn(&mut S, &ListRow<'_>) + Send,
    ) -> Result<S, StoreError> {
        // One transaction sees one state of the file, however many statements.
        let mut snapshot = self.pools.readers.begin().await?;
        let mut after = i64::MIN;
        loop {
            let statement = self.statements.listing.scan(listing, texts, after);
            let (mut seen, before) = (0, after);
            let mut rows = query(statement).fetch(&mut *snapshot);
            while let Some(found) = rows.try_next().await? {
                after = found.try_get(0)?;
                seen += 1;
                let mut row = ListRow {
                    id: CenterId::new(after).expect("the scan asks for ids only"),
                    mark: found.text(1)?,
                    texts: Default::default(),
                };
                for (at, field) in (FIRST_TEXT..).zip(read_of(listing, texts)) {
                    row.texts[field as usize] = found.text(at)?;
                }
                each(&mut state, &row);
            }
            if seen < SCAN_ROWS {
                return Ok(state);
            }
            reached(&self.collection, before, after)?;
        }
    }
}
