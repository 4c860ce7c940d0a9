//! Counting what a search is about.

use chrono::NaiveDate;
use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use super::query::query;
use super::search::SearchSql;
use super::{MySqlStore, rows};
use crate::domain::{Counts, FieldId, FieldKind, FieldValue, Tally};
use crate::store::statement::Statement;
use crate::store::{Look, StoreError};

/// What makes the server give up counting, after so many milliseconds.
const LONGEST: &str = "/*+ MAX_EXECUTION_TIME(2000) */";

impl SearchSql {
    /// Counts the centers that are there, apart for every combination of values of some
    /// fields.
    fn tally<'a>(&self, look: &Look<'a>, facets: &[FieldId]) -> Statement<'a> {
        let columns = |separator: &str| -> String {
            let columns = (0..facets.len()).map(|place| format!("{separator}nearby_facet_{place}"));
            columns.collect()
        };
        let mut statement =
            Statement::new(format!("SELECT {LONGEST} COUNT(*){} FROM (", columns(", ")));
        let mut union = "";
        for &bounds in look.cover {
            let hint = self.hint(look, bounds, "");
            statement.push(&format!("{union}SELECT {hint}{} AS nearby_id", self.id));
            for (place, &field) in facets.iter().enumerate() {
                let read = &self.conditions.field(field).read;
                statement.push(&format!(", {read} AS nearby_facet_{place}"));
            }
            statement.push(&self.from);
            self.push_conditions(look, bounds, &mut statement);
            self.push_is_near(look, &mut statement);
            union = " UNION ";
        }
        statement.push(") AS found");
        if !facets.is_empty() {
            let columns = columns(", ");
            statement
                .push(" GROUP BY")
                .push(columns.trim_start_matches(','));
        }
        statement
    }
}

impl MySqlStore {
    pub(super) async fn tally(
        &self,
        look: &Look<'_>,
        facets: &[FieldId],
    ) -> Result<Option<Tally>, StoreError> {
        match self.tally_all(look, facets).await {
            Ok(tally) => Ok(Some(tally)),
            Err(error) if error.is_out_of_time() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn tally_all(&self, look: &Look<'_>, facets: &[FieldId]) -> Result<Tally, StoreError> {
        let fields = self.collection.fields();
        let mut counts: Vec<Counts> = facets.iter().map(|_| Counts::default()).collect();
        let mut total = 0;
        let statement = self.statements.search.tally(look, facets);
        let mut rows = query(statement).fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            let count = row.try_get::<i64, _>(0)?.unsigned_abs();
            total += count;
            for (place, (field, counts)) in facets.iter().zip(&mut counts).enumerate() {
                counts.add(value(&row, place + 1, fields.get(*field).kind)?, count);
            }
        }
        let counts = facets.iter().zip(counts);
        Ok(Tally {
            total,
            facets: counts
                .map(|(&field, counts)| counts.into_facet(field))
                .collect(),
        })
    }
}

/// Reads what [`FieldSql::read`](crate::store::condition::FieldSql::read) gives.
fn value(row: &MySqlRow, place: usize, kind: FieldKind) -> Result<Option<FieldValue>, sqlx::Error> {
    Ok(match kind {
        FieldKind::Text => {
            let text = rows::text(row, place)?;
            text.map(|text| FieldValue::Text(text.into_owned()))
        }
        FieldKind::Number => row
            .try_get::<Option<f64>, _>(place)?
            .map(FieldValue::Number),
        FieldKind::Boolean => {
            let boolean = row.try_get::<Option<i64>, _>(place)?;
            boolean.map(|boolean| FieldValue::Boolean(boolean != 0))
        }
        FieldKind::Date => {
            let day = row.try_get::<Option<i64>, _>(place)?;
            let day = day.and_then(|day| i32::try_from(day).ok());
            day.and_then(NaiveDate::from_num_days_from_ce_opt)
                .map(FieldValue::Date)
        }
    })
}
