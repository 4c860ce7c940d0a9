//! Adopting a MySQL table.

mod adoption;
mod gather;
mod mark;
mod obstacles;
mod online;
mod plan;
mod rights;
mod sample;
mod serving;
mod session;
mod step;
mod undo;
mod ways;

use sqlx::MySqlPool;

use super::location::has_position;
use super::schema::Column;
use super::survey::survey_as;
use super::{MySqlDatabase, catalog, triggers};
use crate::store::{Collection, Database, Obstacle, StoreError};
pub use adoption::{Adoption, Facts, Rows, SpatialIndex, TriggerState};
use gather::{Gathered, Values};
pub(super) use mark::{is_adopted, is_any_adopted};
pub use online::{Indexing, Rebuilt};
use plan::Doer;
pub(super) use rights::grant_to_see_triggers;
pub(super) use serving::obstacles_to_serving;
use session::Held;
pub use session::{ADOPTION_SQL_MODE, AdoptError, AdoptionSession, Carried};
pub use step::{Action, Locking, Statement, Step, Way};
pub use undo::Undoing;

/// How many rows are looked at in one statement.
const CHUNK: u32 = 5_000;

/// Adopts tables of a database.
#[derive(Debug, Clone)]
pub struct Adopter {
    mysql: MySqlDatabase,
}

impl Adopter {
    pub(super) fn new(mysql: MySqlDatabase) -> Self {
        Self { mysql }
    }
}

impl Database {
    fn adopter(&self) -> Result<Adopter, AdoptError> {
        self.backend().adopter().ok_or(AdoptError::NotMySql)
    }

    /// Looks at a table that is to be adopted, and changes nothing. `each` is
    /// told how many rows were looked at.
    ///
    /// # Errors
    /// When tables of this database cannot be adopted, or it does not answer.
    pub async fn inspect_adoption(
        &self,
        collection: &Collection,
        indexing: Indexing,
        each: impl FnMut(u64),
    ) -> Result<Adoption, AdoptError> {
        let Adopter { mysql } = self.adopter()?;
        Ok(inspect(mysql.pool(), self, collection, indexing, each).await?)
    }

    /// Looks at what adopting a table made, and changes nothing.
    ///
    /// # Errors
    /// When tables of this database cannot be adopted, or it does not answer.
    pub async fn inspect_undoing(&self, collection: &Collection) -> Result<Undoing, AdoptError> {
        let Adopter { mysql } = self.adopter()?;
        Ok(undo::inspect_undoing(mysql.pool(), self, collection).await?)
    }

    /// Keeps every other adoption of a table out until the session is dropped.
    ///
    /// # Errors
    /// When tables of this database cannot be adopted, another adoption is under way, or
    /// the database does not answer.
    pub async fn begin_adoption(
        &self,
        collection: &Collection,
    ) -> Result<AdoptionSession, AdoptError> {
        let Adopter { mysql } = self.adopter()?;
        AdoptionSession::begin(mysql.pool(), collection).await
    }
}

async fn inspect(
    pool: &MySqlPool,
    database: &Database,
    collection: &Collection,
    indexing: Indexing,
    each: impl FnMut(u64),
) -> Result<Adoption, StoreError> {
    let mut gathered = gather::gather(pool, collection).await?;
    let finishing = online::finish(pool, collection).await?;
    if finishing.is_some() {
        online::leave_after(&mut gathered.triggers, collection);
    }
    let is_own = database.is_own(collection).await?;
    let facts = facts(&gathered, collection);
    let mut found = Adoption {
        facts,
        rows: None,
        obstacles: obstacles::of_table(&gathered, collection),
        warnings: Vec::new(),
        steps: Vec::new(),
        administrator_steps: Vec::new(),
    };
    if !found.obstacles.is_empty() {
        if obstacles::can_be_counted(&gathered, collection) {
            let total = catalog::count_rows(pool, collection, i64::MIN).await?;
            found.rows = Some(Rows {
                total,
                ..Rows::default()
            });
            found
                .warnings
                .extend(database.rows_beyond_ids(collection).await?);
        }
        if let Some(step) = &finishing {
            found.finish_first(step);
        }
        return Ok(found);
    }
    let location = gathered.column(collection.location.as_str());
    let (rows, values) = match location {
        Some(column) => counted(pool, database, collection, column, each).await?,
        None => (as_yet(pool, collection, each).await?, Values::default()),
    };
    found.obstacles = obstacles::of_values(&gathered, collection, &rows, &values);
    if found.obstacles.is_empty() {
        let steps = |doer| plan::steps(&gathered, collection, &rows, doer, is_own);
        found.steps = steps(Doer::ThisUser);
        found.administrator_steps = steps(Doer::Administrator);
        let all = found.steps.iter_mut().chain(&mut found.administrator_steps);
        let adding: Vec<&mut Step> = all.filter(|s| s.action == Action::AddIndex).collect();
        if !adding.is_empty() {
            let measured = sample::indexing_time(pool, collection, rows.total).await;
            for step in adding {
                step.expected = measured.unwrap_or(step.expected);
                if indexing == Indexing::Online {
                    *step = online::step(pool, collection, &gathered, step.expected).await?;
                }
            }
            if indexing == Indexing::Online {
                let is_left = finishing.is_some();
                let beside = online::obstacles(pool, &gathered, collection, is_left).await?;
                found.obstacles.extend(beside);
                let blocking = online::of_steps(&gathered, collection, &found.steps);
                found.obstacles.extend(blocking);
            }
        }
        found.obstacles.extend(obstacles::of_rights(
            &gathered,
            collection,
            &found.steps,
            &format!("adopt{}", collection.flag()),
        ));
        let beyond = database.null_locations_beyond_ids(collection, location.is_some());
        found.obstacles.extend(
            beyond
                .await?
                .map(|rows| obstacles::of_ids(&rows, collection)),
        );
        found.warnings = plan::warnings(&gathered, collection, &rows);
    }
    found
        .warnings
        .extend(database.rows_beyond_ids(collection).await?);
    found.rows = Some(rows);
    if let Some(step) = &finishing {
        found.finish_first(step);
    }
    Ok(found)
}

/// The rows of a table that has a location.
async fn counted(
    pool: &MySqlPool,
    database: &Database,
    collection: &Collection,
    location: &Column,
    each: impl FnMut(u64),
) -> Result<(Rows, Values), StoreError> {
    let (latitude, longitude) = (collection.latitude.quoted(), collection.longitude.quoted());
    let placed = has_position(&latitude, &longitude);
    let values = gather::values(pool, collection, &placed).await?;
    let found = database.verify(collection, each).await?;
    // The location of a row without coordinates is all that says where it is, and stays.
    let to_fill = values.null.unsigned_abs() - values.null_placed.unsigned_abs();
    let to_write = found.drift.count + to_fill;
    let mut rows = Rows {
        total: found.rows,
        without_coordinates: found.without_coordinates,
        latitude_only: found.latitude_only,
        longitude_only: found.longitude_only,
        null_locations: values.null.unsigned_abs(),
        drift: found.drift,
        distances: found.distances,
        location_only: found.location_only,
        out_of_range: found.out_of_range,
        to_write: if location.is_generated() { 0 } else { to_write },
    };
    if values.null > 0 {
        // What has no location cannot have a wrong one. Which of the ids are such
        // is not known here.
        let null_placed = values.null_placed.unsigned_abs();
        for (finding, null) in [
            (&mut rows.drift, null_placed),
            (&mut rows.location_only, rows.null_locations - null_placed),
        ] {
            finding.count = finding.count.saturating_sub(null);
            finding.first_ids.clear();
        }
    }
    Ok((rows, values))
}

/// The rows of a table that has no location yet.
async fn as_yet(
    pool: &MySqlPool,
    collection: &Collection,
    mut each: impl FnMut(u64),
) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    let mut after = i64::MIN;
    loop {
        let survey = survey_as(pool, collection, "NULL", after, CHUNK).await?;
        let Some(last) = survey.last_id else {
            return Ok(rows);
        };
        after = last;
        rows.total += survey.rows;
        rows.without_coordinates += survey.without_coordinates;
        rows.latitude_only.count += survey.latitude_only;
        rows.longitude_only.count += survey.longitude_only;
        rows.out_of_range.count += survey.out_of_range;
        rows.to_write += survey.rows;
        each(rows.total);
    }
}

fn facts(gathered: &Gathered, collection: &Collection) -> Facts {
    let column = |name: &str| {
        let column = gathered.column(name)?;
        Some(described(column))
    };
    let index = gathered.spatial_index(collection.location.as_str());
    let wanted = triggers::wanted(collection);
    let server = &gathered.server;
    let is_ours = |name: &str| wanted.iter().any(|trigger| trigger.name == name);
    let there = &gathered.triggers;
    Facts {
        table: collection.table.as_str().to_owned(),
        engine: gathered.table.as_ref().map(|table| match &table.engine {
            Some(engine) => engine.clone(),
            None => "view".to_owned(),
        }),
        key: column(collection.id.as_str()).map(|text| {
            match gathered.unique_index(collection.id.as_str()) {
                Some(index) => format!("{text}, index {}", index.name),
                None => format!("{text}, no unique index"),
            }
        }),
        coordinates: [&collection.latitude, &collection.longitude]
            .into_iter()
            .filter_map(|name| column(name.as_str()))
            .collect(),
        location: column(collection.location.as_str()),
        spatial_index: index.map(|index| SpatialIndex {
            name: index.name.clone(),
            visible: index.visible,
        }),
        triggers: wanted
            .iter()
            .map(|trigger| {
                let named = there.iter().find(|there| there.name == trigger.name);
                let state = match named {
                    None if !gathered.rights.has("TRIGGER") => TriggerState::Unseen,
                    None => TriggerState::Missing,
                    Some(there) if there.is(trigger) && there.lacks.is_some() => {
                        TriggerState::LacksColumn
                    }
                    Some(there) if there.is(trigger) => TriggerState::InPlace,
                    Some(_) => TriggerState::Differs,
                };
                (trigger.name.clone(), state)
            })
            .collect(),
        other_triggers: there
            .iter()
            .filter(|trigger| !is_ours(&trigger.name))
            .map(|trigger| trigger.name.clone())
            .collect(),
        user: server.user.clone(),
        rights: gathered.rights.names(),
        version: server.version.clone(),
        binary_logging: server.binary_logging,
        trusts_creators: server.trusts_creators,
    }
}

/// A column as one would declare it.
fn described(column: &Column) -> String {
    let mut text = format!("{} {}", column.name, column.full_kind);
    if column.is_generated() {
        let kept = if column.is_stored_generated() {
            " GENERATED STORED"
        } else {
            " GENERATED VIRTUAL"
        };
        text.push_str(kept);
    }
    text.push_str(if column.nullable {
        " NULL"
    } else {
        " NOT NULL"
    });
    if let Some(srid) = column.srid {
        text = format!("{text} SRID {srid}");
    }
    if column.extra.contains("INVISIBLE") {
        text.push_str(" INVISIBLE");
    }
    text
}

/// A list for people.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none that this user may see".to_owned()
    } else {
        names.join(", ")
    }
}

/// What makes an obstacle of a text and what to do.
fn obstacle(what: String, remedy: impl Into<String>) -> Obstacle {
    Obstacle::new(what, remedy)
}
