//! What is left to do of a migration that was killed.
//!
//! MySQL carries out each statement of a migration wholly or not at all, and commits it by
//! itself. So a migration that stopped midway can be gone on with, where every one of its
//! statements leaves a trace that tells whether it was carried out, or does no harm twice.

use std::collections::BTreeSet;

use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::adopted::{Subject, statements};

/// Words that begin a line of a table's definition which is about no column of its own.
const NO_COLUMN: [&str; 8] = [
    "PRIMARY",
    "UNIQUE",
    "INDEX",
    "KEY",
    "SPATIAL",
    "CONSTRAINT",
    "FOREIGN",
    "REFERENCES",
];

/// Which way a migration is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Direction {
    Up,
    Down,
}

/// A migration that stopped midway, to be gone on with.
#[derive(Debug)]
pub(in crate::store) struct Unfinished {
    pub version: i64,
    pub direction: Direction,
    /// In order.
    pub steps: Vec<Step>,
}

/// A statement of a migration.
#[derive(Debug)]
pub(in crate::store) struct Step {
    pub statement: String,
    pub trace: Trace,
}

/// What tells whether a statement was carried out.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Trace {
    /// A table with these columns is there, in small letters.
    Made {
        table: String,
        columns: BTreeSet<String>,
    },
    /// A table is not there.
    Dropped { table: String },
    /// Nothing; it may be carried out again.
    None,
}

impl Unfinished {
    /// What is left of a version; `None` where that cannot be told.
    pub(super) fn of(migrator: &Migrator, version: i64, direction: Direction) -> Option<Self> {
        let kind = match direction {
            Direction::Up => MigrationType::ReversibleUp,
            Direction::Down => MigrationType::ReversibleDown,
        };
        let is_it =
            |script: &&Migration| script.version == version && script.migration_type == kind;
        let script = migrator.iter().find(is_it)?;
        let steps = statements(script.sql.as_str())
            .into_iter()
            .map(|statement| {
                let trace = Trace::of(&statement)?;
                Some(Step { statement, trace })
            });
        Some(Self {
            version,
            direction,
            steps: steps.collect::<Option<_>>()?,
        })
    }
}

impl Trace {
    /// `None` where a statement leaves none, and must not be carried out twice.
    fn of(statement: &str) -> Option<Self> {
        let Subject { table, is_made, .. } = Subject::of(statement);
        if is_made {
            let columns = columns_of(statement);
            return Some(Self::Made { table, columns });
        }
        let words: Vec<&str> = statement
            .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ','))
            .filter(|word| !word.is_empty())
            .collect();
        match words[..] {
            ["DROP", "TABLE", ..] => Some(Self::Dropped { table }),
            // An index is replaced by one of its name.
            [
                "ALTER",
                "TABLE",
                _,
                "DROP",
                "INDEX",
                old,
                "ADD",
                "SPATIAL",
                "INDEX",
                new,
                ..,
            ] if old == new => Some(Self::None),
            _ => None,
        }
    }
}

/// The columns that a statement gives a table, one a line as files of migrations have them.
fn columns_of(statement: &str) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    for line in statement.lines().skip(1) {
        let Some(word) = line.split_whitespace().next() else {
            continue;
        };
        if word.starts_with(')') {
            break;
        }
        if !NO_COLUMN.contains(&word) {
            columns.insert(word.trim_matches('`').to_lowercase());
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::mysql::MIGRATIONS;

    #[test]
    fn every_migration_of_mysql_can_be_finished_both_ways() {
        for migration in MIGRATIONS.iter() {
            for direction in [Direction::Up, Direction::Down] {
                let unfinished = Unfinished::of(&MIGRATIONS, migration.version, direction);
                let steps = unfinished.expect("each statement leaves a trace").steps;
                assert!(!steps.is_empty());
            }
        }
    }

    #[test]
    fn a_table_is_told_by_its_columns() {
        let made = "CREATE TABLE a (\n  id BIGINT,\n  `key` INT,\n  PRIMARY KEY (id),\n  \
                    CONSTRAINT f FOREIGN KEY (id)\n    REFERENCES b (id)\n) ENGINE = InnoDB";
        let columns = ["id", "key"].map(str::to_owned).into();
        let table = "a".to_owned();
        assert_eq!(Trace::of(made), Some(Trace::Made { table, columns }));
    }

    #[test]
    fn what_must_not_be_done_twice_leaves_no_trace() {
        for statement in [
            "ALTER TABLE a ADD b INT",
            "ALTER TABLE a DROP INDEX i, ADD SPATIAL INDEX j (l)",
            "UPDATE a SET b = b + 1",
            "INSERT INTO a VALUES (1)",
        ] {
            assert_eq!(Trace::of(statement), None, "{statement}");
        }
    }
}
