//! What a table of another application is like, and what it takes to adopt it.

use super::{Action, Step};
use crate::store::{DriftDistances, Finding, Obstacle};

/// What a table is like, and what it takes to adopt it.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// What there is.
    pub facts: Facts,
    /// What its rows hold; `None` where they cannot be gone through.
    pub rows: Option<Rows>,
    /// Why it cannot be adopted as it is.
    pub obstacles: Vec<Obstacle>,
    /// What to know: nothing that adopting could mend.
    pub warnings: Vec<String>,
    /// What is missing and this user may do, in the order in which to do it.
    pub steps: Vec<Step>,
    /// What an administrator would do: the same, and the triggers.
    pub administrator_steps: Vec<Step>,
}

impl Adoption {
    /// What must be known before all else: that searches read every row.
    #[must_use]
    pub fn headline(&self) -> Option<String> {
        let Facts { table, .. } = &self.facts;
        let rows = match &self.rows {
            Some(rows) => format!("all {} rows", rows.total),
            None => "every row".to_owned(),
        };
        match &self.facts.spatial_index {
            Some(index) if index.visible => None,
            Some(index) => Some(format!(
                "the spatial index {} of {table} is invisible: every search reads {rows}",
                index.name
            )),
            None => Some(format!(
                "{table} has no spatial index: every search reads {rows}"
            )),
        }
    }
}

impl Adoption {
    /// Whether something was left that must be finished before the table can be looked at.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.steps
            .iter()
            .any(|step| step.action == Action::FinishOnline)
    }

    pub(super) fn finish_first(&mut self, step: &Step) {
        for steps in [&mut self.steps, &mut self.administrator_steps] {
            steps.insert(0, step.clone());
        }
    }

    /// The same with nothing to do but to finish that.
    #[must_use]
    pub fn of_finishing(&self) -> Self {
        let mut finishing = self.clone();
        let finishes = |step: &Step| step.action == Action::FinishOnline;
        finishing.steps.retain(finishes);
        finishing
    }

    /// Whether triggers keep locations right, or are among the steps.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        let mut states = self.facts.triggers.iter().map(|(_, state)| *state);
        let is_there = |state| matches!(state, TriggerState::InPlace | TriggerState::LacksColumn);
        states.all(is_there)
            || self
                .steps
                .iter()
                .any(|step| step.action == Action::MakeTriggers)
    }
}

/// A table, its columns and its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The table.
    pub table: String,
    /// Its storage engine; `None` where there is no such table.
    pub engine: Option<String>,
    /// The column that names rows, with its type and index.
    pub key: Option<String>,
    /// Latitude and longitude with their types, as far as they are there.
    pub coordinates: Vec<String>,
    /// The location with its type; `None` where the table has none.
    pub location: Option<String>,
    /// The index over the location.
    pub spatial_index: Option<SpatialIndex>,
    /// Our triggers, and what became of each.
    pub triggers: Vec<(String, TriggerState)>,
    /// Triggers of others, as far as this user may see them.
    pub other_triggers: Vec<String>,
    /// The user, as the server knows it.
    pub user: String,
    /// What this user may do with the table.
    pub rights: Vec<String>,
    /// The server's version.
    pub version: String,
    /// Whether the server keeps a binary log.
    pub binary_logging: bool,
    /// Its `log_bin_trust_function_creators`.
    pub trusts_creators: bool,
}

/// What became of a trigger of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerState {
    /// It is as it should be.
    InPlace,
    /// It is as it should be, and every write fails until the column that it uses is there.
    LacksColumn,
    /// There is another of its name, or its account is gone.
    Differs,
    /// There is none.
    Missing,
    /// Whether it is there cannot be seen by this user, who lacks the right `TRIGGER`.
    Unseen,
}

/// The index over a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpatialIndex {
    /// Its name.
    pub name: String,
    /// Whether searches may use it.
    pub visible: bool,
}

/// What the rows of a table hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many there are, counted one by one.
    pub total: u64,
    /// Rows with one coordinate or none.
    pub without_coordinates: u64,
    /// Of these, rows with a latitude alone.
    pub latitude_only: Finding,
    /// Of these, rows with a longitude alone.
    pub longitude_only: Finding,
    /// Rows whose location is NULL.
    pub null_locations: u64,
    /// Rows with a position and another location.
    pub drift: Finding,
    /// How far these are off.
    pub distances: DriftDistances,
    /// Rows with a location and no position.
    pub location_only: Finding,
    /// Rows with coordinates that are no point on the globe.
    pub out_of_range: Finding,
    /// Rows whose location is to be written.
    pub to_write: u64,
}
