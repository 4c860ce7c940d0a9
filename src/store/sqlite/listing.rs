//! Lists by page.
//!
//! SQLite knows case of ASCII only and no accents at all, so texts are folded,
//! compared and sorted here, row by row. What the memory engine can answer of a
//! viewport does not come here.

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::{Connection, Row, params_from_iter};
use tokio::sync::mpsc;

use super::columns::Columns as _;
use super::query::parts;
use super::statements::time_or_null;
use super::{SqliteStore, Statements};
use crate::domain::{CenterId, ListRow, Listing, RatingRange, SortBy, TextField, Viewport};
use crate::store::ids::reached;
use crate::store::ratings::average_of;
use crate::store::rows::EachListed;
use crate::store::sql::{json_of, push_degrees_within, read_of, text_or_null};
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

/// How many rows come at once from the thread that reads.
const CHUNK_ROWS: usize = 256;
/// How many of those wait to be taken.
const WAITING_CHUNKS: usize = 2;

/// A scan for a list.
struct Scan {
    statements: Arc<Statements>,
    listing: Listing,
    texts: Vec<TextField>,
    collection: Arc<Collection>,
}

impl Scan {
    /// Hands on all rows until nobody takes them any more.
    fn run(
        &self,
        connection: &Connection,
        chunks: &mpsc::Sender<Vec<ListRow<'static>>>,
    ) -> Result<(), StoreError> {
        // One transaction sees one state of the file, however many statements.
        let snapshot = connection.unchecked_transaction()?;
        let mut chunk = Vec::with_capacity(CHUNK_ROWS);
        let mut after = i64::MIN;
        loop {
            let sql = &self.statements.listing;
            let (text, bound) = parts(sql.scan(&self.listing, &self.texts, after));
            let mut statement = snapshot.prepare_cached(&text)?;
            let (mut seen, before) = (0, after);
            let mut rows = statement.query(params_from_iter(bound))?;
            while let Some(found) = rows.next()? {
                after = found.get(0)?;
                seen += 1;
                chunk.push(self.row(after, found)?);
                if chunk.len() == CHUNK_ROWS
                    && chunks.blocking_send(std::mem::take(&mut chunk)).is_err()
                {
                    return Ok(());
                }
            }
            if seen < SCAN_ROWS {
                // An error would only say that nobody waits for the rest.
                let _ = chunks.blocking_send(chunk);
                return Ok(());
            }
            reached(&self.collection, before, after)?;
        }
    }

    fn row(&self, id: i64, found: &Row<'_>) -> rusqlite::Result<ListRow<'static>> {
        let text = |at| -> rusqlite::Result<Option<Cow<'static, str>>> {
            Ok(found.text(at)?.map(|text| Cow::Owned(text.into_owned())))
        };
        let mut row = ListRow {
            id: CenterId::new(id).expect("the scan asks for ids only"),
            mark: text(1)?,
            texts: Default::default(),
        };
        for (at, field) in (FIRST_TEXT..).zip(read_of(&self.listing, &self.texts)) {
            row.texts[field as usize] = text(at)?;
        }
        Ok(row)
    }
}

impl SqliteStore {
    /// Passes on every row that a list may hold.
    pub(super) async fn each_listed(
        &self,
        listing: &Listing,
        texts: &[TextField],
        each: EachListed<'_>,
    ) -> Result<(), StoreError> {
        let scan = Scan {
            statements: Arc::clone(&self.statements),
            listing: listing.clone(),
            texts: texts.to_vec(),
            collection: Arc::clone(&self.collection),
        };
        let (sender, mut chunks) = mpsc::channel(WAITING_CHUNKS);
        let reading = self
            .database
            .read(move |connection| scan.run(connection, &sender));
        let passing = async {
            while let Some(chunk) = chunks.recv().await {
                for row in &chunk {
                    each(row);
                }
            }
        };
        let (read, ()) = tokio::join!(reading, passing);
        read
    }
}
