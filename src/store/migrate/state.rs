//! Where a schema stands, compared with what this binary knows.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::migrate::Migrator;

use super::adopted::Adopted;
use crate::store::Collection;

/// A line of the database's own list of migrations.
#[derive(Debug, Clone)]
pub(in crate::store) struct LedgerLine {
    pub version: i64,
    pub description: String,
    pub success: bool,
    pub checksum: Vec<u8>,
}

/// A migration and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// Its name, with spaces.
    pub description: String,
    /// What became of it.
    pub state: MigrationState,
}

/// What became of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// It is in the database.
    Applied,
    /// It is not.
    Pending,
    /// The database has it, this binary does not know it.
    Unknown,
    /// It stopped midway.
    Dirty,
    /// It was edited after it was applied.
    Changed,
    /// Its tables are there, made by another application, and left alone.
    Adopted,
}

impl MigrationState {
    /// Its name as `nearby migrate status` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Dirty => "dirty",
            Self::Changed => "changed",
            Self::Adopted => "adopted",
        }
    }
}

pub(super) fn compare(
    migrator: &Migrator,
    ledger: &[LedgerLine],
    adopted: &Adopted,
) -> Vec<Migration> {
    let mut all = BTreeMap::new();
    for known in migrator
        .iter()
        .filter(|m| m.migration_type.is_up_migration())
    {
        let state = match ledger.iter().find(|line| line.version == known.version) {
            None if adopted.versions.contains(&known.version) => MigrationState::Adopted,
            None => MigrationState::Pending,
            Some(line) if !line.success => MigrationState::Dirty,
            Some(line) if line.checksum != *known.checksum => MigrationState::Changed,
            Some(_) => MigrationState::Applied,
        };
        all.insert(known.version, (known.description.to_string(), state));
    }
    for line in ledger {
        let state = if line.success {
            MigrationState::Unknown
        } else {
            MigrationState::Dirty
        };
        all.entry(line.version)
            .or_insert((line.description.clone(), state));
    }
    all.into_iter()
        .map(|(version, (description, state))| Migration {
            version,
            description,
            state,
        })
        .collect()
}

/// Where a schema stands. Shown, it names the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// It is the one of this binary.
    UpToDate,
    /// Migrations are pending.
    Behind {
        /// Which, oldest first.
        pending: Vec<i64>,
    },
    /// The centers are another application's, and pending migrations would only add
    /// tables of nearby's own beside them, which nothing needs.
    Beside {
        /// Which, oldest first.
        pending: Vec<i64>,
    },
    /// It has a migration that this binary does not know.
    Ahead {
        /// The first of them.
        version: i64,
    },
    /// A migration stopped midway.
    Dirty {
        /// Which.
        version: i64,
    },
    /// A migration was edited after it was applied.
    Changed {
        /// The first of them.
        version: i64,
    },
}

impl SchemaState {
    /// The state that says most of where to begin mending.
    pub(super) fn of(migrations: &[Migration], adopted: &Adopted) -> Self {
        let with = |state| migrations.iter().filter(move |m| m.state == state);
        let first = |state| with(state).map(|m| m.version).next();
        if let Some(version) = first(MigrationState::Dirty) {
            Self::Dirty { version }
        } else if let Some(version) = first(MigrationState::Unknown) {
            Self::Ahead { version }
        } else if let Some(version) = first(MigrationState::Changed) {
            Self::Changed { version }
        } else if first(MigrationState::Pending).is_some() {
            let pending = with(MigrationState::Pending).map(|m| m.version).collect();
            let centers = Collection::diving_centers();
            if adopted.tables.contains(centers.table.as_str()) {
                Self::Beside { pending }
            } else {
                Self::Behind { pending }
            }
        } else {
            Self::UpToDate
        }
    }
}

impl SchemaState {
    /// Whether the service can be run on it as it is.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self, Self::UpToDate | Self::Beside { .. })
    }
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpToDate => f.write_str("the schema is up to date"),
            Self::Behind { pending } => write!(
                f,
                "the schema is behind: migrations {pending:?} are pending; run `nearby migrate up`"
            ),
            Self::Beside { pending } => write!(
                f,
                "the schema is the one of another application, and no migration is missing; \
                 `nearby migrate up` would add tables of nearby's own beside it (migrations {pending:?})"
            ),
            Self::Ahead { version } => write!(
                f,
                "the schema is ahead: migration {version} was applied by a newer nearby; run that \
                 one, or undo it there with `nearby migrate down`"
            ),
            Self::Dirty { version } => write!(
                f,
                "the schema is dirty: migration {version} stopped midway; `nearby migrate up` \
                 finishes it, and `nearby migrate down` undoes it, unless a table is another than \
                 it makes. Then compare the tables with its file in migrations/mysql, complete or \
                 remove its parts by hand, and note where that leads: `nearby migrate stamp \
                 {version}` where it is complete, `nearby migrate stamp` with the version before it \
                 (0 for none) where it is removed"
            ),
            Self::Changed { version } => write!(
                f,
                "the schema is not the one of this binary: migration {version} was edited after it \
                 was applied; run the nearby that applied it, or, where the tables are as the \
                 edited file has them, `nearby migrate stamp` with the last applied version"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(states: &[MigrationState]) -> SchemaState {
        let migrations: Vec<Migration> = (1..)
            .zip(states)
            .map(|(version, &state)| Migration {
                version,
                description: String::new(),
                state,
            })
            .collect();
        SchemaState::of(&migrations, &Adopted::default())
    }

    #[test]
    fn beside_another_applications_centers_nothing_of_ours_has_to_be_there() {
        let pending = [Migration {
            version: 3,
            description: String::new(),
            state: MigrationState::Pending,
        }];
        let adopted = |table: &str| Adopted {
            tables: [table.to_owned()].into(),
            ..Adopted::default()
        };
        let beside = SchemaState::of(&pending, &adopted("diving_centers"));
        assert!(beside.is_sound(), "{beside}");
        let behind = SchemaState::of(&pending, &adopted("dive_sites"));
        assert!(!behind.is_sound(), "{behind}");
    }

    #[test]
    fn what_is_worst_is_told_first() {
        use MigrationState::{Applied, Changed, Dirty, Pending, Unknown};
        assert_eq!(state(&[Applied, Applied]), SchemaState::UpToDate);
        assert_eq!(
            state(&[Applied, Pending, Pending]),
            SchemaState::Behind {
                pending: vec![2, 3]
            }
        );
        assert_eq!(
            state(&[Changed, Pending]),
            SchemaState::Changed { version: 1 }
        );
        assert_eq!(
            state(&[Changed, Unknown]),
            SchemaState::Ahead { version: 2 }
        );
        assert_eq!(
            state(&[Changed, Unknown, Dirty]),
            SchemaState::Dirty { version: 3 }
        );
    }
}
