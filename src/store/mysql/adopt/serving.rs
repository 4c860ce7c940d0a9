//! Why a table cannot be served as it is. Less is asked of it than to be adopted:
//! no engine, no index and no location, only what makes answers right.

use sqlx::{AssertSqlSafe, Executor as _, MySqlPool};

use super::gather::{Gathered, gather};
use super::{listed, obstacle, obstacles};
use crate::store::Obstacle;
use crate::store::refusal::{COLUMN_ACCESS_DENIED, TABLE_ACCESS_DENIED, number};
use crate::store::{Collection, ColumnName};

pub(in crate::store) async fn obstacles_to_serving(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<Obstacle>> {
    let gathered = gather(pool, collection).await?;
    if let Some(found) = obstacles::of_place(&gathered, collection) {
        return Ok(vec![found]);
    }
    let mut found = obstacles::of_columns(&gathered, collection);
    if collection.is_located() {
        found.extend(of_location(&gathered, collection));
    }
    if found.is_empty() {
        found.extend(of_reading(pool, &gathered, collection).await?);
    }
    Ok(found)
}

/// A location that searches would be wrong with.
fn of_location(gathered: &Gathered, collection: &Collection) -> Option<Obstacle> {
    let (table, name) = (collection.table.as_str(), collection.location.as_str());
    let adopting = format!("`nearby adopt{} --apply`", collection.flag());
    let Some(column) = gathered.column(name) else {
        let columns: Vec<String> = gathered.columns.iter().map(|c| c.name.clone()).collect();
        return Some(obstacle(
            format!("{table} has no column {name}"),
            format!(
                "leave `location` out, and its rows are searched by their coordinates; or run \
                 {adopting}, which adds it. The table has {}",
                listed(&columns)
            ),
        ));
    };
    let another = obstacles::of_location(table, column, collection);
    another.or_else(|| {
        let lacks = match column.srid {
            None => "has no SRID, so no distance can be measured to it",
            Some(_) if column.nullable => "may be NULL, so rows could be missed",
            Some(_) => return None,
        };
        Some(obstacle(
            format!("{table}.{name} {lacks}"),
            format!("run {adopting}, or leave `location` out"),
        ))
    })
}

/// Whether this user may read the columns.
async fn of_reading(
    pool: &MySqlPool,
    gathered: &Gathered,
    collection: &Collection,
) -> sqlx::Result<Option<Obstacle>> {
    let columns: Vec<String> = collection
        .columns()
        .map(|(_, column)| ColumnName::quoted(column))
        .collect();
    let table = collection.table.quoted();
    let reading = format!("SELECT {} FROM {table} LIMIT 0", columns.join(", "));
    let Err(error) = pool.execute(AssertSqlSafe(reading)).await else {
        return Ok(None);
    };
    match number(&error) {
        Some(TABLE_ACCESS_DENIED | COLUMN_ACCESS_DENIED) => Ok(Some(obstacle(
            format!(
                "{} may not read {}",
                gathered.server.user,
                collection.table.as_str()
            ),
            obstacles::grant(&["SELECT"], gathered, collection),
        ))),
        _ => Err(error),
    }
}
