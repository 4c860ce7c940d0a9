//! Tables of other applications, which migrations leave alone.
//!
//! A table that is there although no migration made it belongs to somebody else.
//! Nothing has to remember that: the migration that would make it is not in the
//! ledger and never gets there, and what later migrations do to the table is left
//! out. Should its application drop it, the migration is pending again.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, Migrator};

use super::state::LedgerLine;

/// Which tables of others stand where migrations would make some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Adopted {
    /// The tables.
    pub tables: BTreeSet<String>,
    /// The migrations that would make them.
    pub versions: BTreeSet<i64>,
    /// The first migration that would make one such table and another that is
    /// not there: neither can it run nor be left out.
    pub torn: Option<Torn>,
}

/// A migration of which a part is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Torn {
    pub version: i64,
    pub there: Vec<String>,
    pub missing: Vec<String>,
}

impl Adopted {
    /// Compares what migrations make with the tables that are there. The tables
    /// must have been read before the ledger: a migration is noted before it
    /// makes a table.
    pub(super) fn of(
        migrator: &Migrator,
        ledger: &[LedgerLine],
        tables: &BTreeSet<String>,
    ) -> Self {
        let mut adopted = Self::default();
        let is_noted = |version| ledger.iter().any(|line| line.version == version);
        for migration in migrator.iter() {
            if !migration.migration_type.is_up_migration() || is_noted(migration.version) {
                continue;
            }
            let (there, missing): (Vec<_>, Vec<_>) = made_by(migration)
                .into_iter()
                .partition(|table| tables.contains(&table.to_lowercase()));
            if there.is_empty() {
                continue;
            }
            if missing.is_empty() {
                adopted.versions.insert(migration.version);
            } else if adopted.torn.is_none() {
                adopted.torn = Some(Torn {
                    version: migration.version,
                    there: there.clone(),
                    missing,
                });
            }
            adopted.tables.extend(there);
        }
        // What only changes such tables is their applications' affair, too.
        for migration in migrator.iter() {
            if migration.migration_type.is_up_migration()
                && !is_noted(migration.version)
                && adopted.is_all_of(migration)
            {
                adopted.versions.insert(migration.version);
            }
        }
        adopted
    }

    /// Whether a migration touches these tables and nothing else.
    fn is_all_of(&self, migration: &Migration) -> bool {
        let all = statements(migration.sql.as_str());
        let touches = |statement: &String| self.tables.contains(&Subject::of(statement).table);
        !all.is_empty() && all.iter().all(touches)
    }

    /// The migrations without those that would make these tables, and without
    /// what others do to them. Checksums stay those of the whole.
    pub(super) fn spared_by(&self, migrator: &Migrator) -> Migrator {
        let spared = migrator
            .iter()
            .filter(|migration| !self.versions.contains(&migration.version))
            .map(|migration| self.spared_by_one(migration));
        Migrator::with_migrations(spared.collect())
    }

    fn spared_by_one(&self, migration: &Migration) -> Migration {
        let all = statements(migration.sql.as_str());
        let touches = |statement: &String| {
            let Subject { table, read, .. } = Subject::of(statement);
            let is_theirs = |table: &String| self.tables.contains(table);
            is_theirs(&table) || read.as_ref().is_some_and(is_theirs)
        };
        if !all.iter().any(touches) {
            return migration.clone();
        }
        let kept: Vec<String> = all.into_iter().filter(|text| !touches(text)).collect();
        // MySQL refuses an empty text.
        let sql = if kept.is_empty() {
            "SELECT 0".to_owned()
        } else {
            kept.join(";\n")
        };
        Migration {
            sql: AssertSqlSafe(sql).into_sql_str(),
            ..migration.clone()
        }
    }
}

/// The tables that migrations made which are noted as applied.
pub(super) fn own_tables(migrator: &Migrator, ledger: &[LedgerLine]) -> BTreeSet<String> {
    let noted = migrator.iter().filter(|migration| {
        migration.migration_type.is_up_migration()
            && ledger.iter().any(|line| line.version == migration.version)
    });
    noted.flat_map(made_by).collect()
}

fn made_by(migration: &Migration) -> Vec<String> {
    statements(migration.sql.as_str())
        .iter()
        .map(|statement| Subject::of(statement))
        .filter(|subject| subject.is_made)
        .map(|subject| subject.table)
        .collect()
}

/// The statements of a migration, without comments.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let lines = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"));
    let sql = lines.collect::<Vec<_>>().join("\n");
    let mut statements: Vec<String> = Vec::new();
    let mut in_trigger = false;
    for part in sql
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        match statements.last_mut() {
            // Statements of a trigger of SQLite end like all others.
            Some(trigger) if in_trigger => *trigger = format!("{trigger};\n{part}"),
            _ => statements.push(part.to_owned()),
        }
        in_trigger = if in_trigger {
            !part.eq_ignore_ascii_case("END")
        } else {
            Subject::of(part).is_trigger
        };
    }
    statements
}

/// The table that a statement is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) table: String,
    pub(super) is_made: bool,
    is_trigger: bool,
    /// The table that is read for what is written.
    read: Option<String>,
}

impl Subject {
    /// The table is empty where it cannot be told.
    pub(super) fn of(statement: &str) -> Self {
        let words: Vec<String> = statement
            .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '`' | ',' | '.'))
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let after = |word| {
            words
                .iter()
                .skip_while(|other| **other != word)
                .nth(1)
                .copied()
        };
        let is_trigger = words.starts_with(&["create", "trigger"]);
        let (table, is_made) = match words.as_slice() {
            ["create", "trigger", ..] => (after("on").unwrap_or_default(), false),
            // Those of ours have the name of their table and two words more.
            ["drop", "trigger", name] => (name.rsplitn(3, '_').last().unwrap_or(name), false),
            ["create", "table", "if", "not", "exists", table, ..]
            | ["create", "table", table, ..] => (*table, true),
            ["drop", "table", "if", "exists", table, ..]
            | ["alter" | "drop", "table", table, ..]
            | ["insert", "ignore", "into", table, ..]
            | ["insert", "into", table, ..]
            | ["delete", "from", table, ..]
            | ["update", table, ..]
            | ["create" | "drop", "index", _, "on", table, ..]
            | ["create", _, "index", _, "on", table, ..] => (*table, false),
            _ => ("", false),
        };
        Self {
            table: table.to_owned(),
            is_made,
            is_trigger,
            read: matches!(words.first(), Some(&("insert" | "update")))
                .then(|| after("from").map(str::to_owned))
                .flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::migrate::MigrationType;

    use super::*;
    use crate::store::mysql::MIGRATIONS;

    #[test]
    fn the_table_of_every_statement_of_every_migration_is_known() {
        for migration in MIGRATIONS.iter() {
            for statement in statements(migration.sql.as_str()) {
                assert_ne!(Subject::of(&statement).table, "", "{statement}");
            }
        }
    }

    fn migration(version: i64, sql: &'static str) -> Migration {
        let kind = MigrationType::ReversibleUp;
        Migration::new(version, "m".into(), kind, sql.into_sql_str(), false)
    }

    #[test]
    fn a_trigger_is_one_statement_and_goes_with_its_table() {
        let all = Migrator::with_migrations(vec![
            migration(1, "CREATE TABLE theirs (a INT);"),
            migration(
                2,
                "DROP TRIGGER theirs_old_one;\nCREATE TRIGGER theirs_new_one AFTER INSERT ON theirs\n\
                 BEGIN\n  UPDATE theirs SET a = 1;\n  INSERT INTO ours SELECT 1;\nEND;\n\
                 INSERT INTO ours SELECT a FROM theirs;\nUPDATE ours SET b = (SELECT a FROM theirs);\n\
                 UPDATE ours SET a = 2;",
            ),
        ]);
        let adopted = Adopted::of(&all, &[], &tables(&["theirs"]));
        assert_eq!(sql(&adopted.spared_by(&all)), ["UPDATE ours SET a = 2"]);
    }

    fn tables(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn sql(migrator: &Migrator) -> Vec<&str> {
        migrator
            .iter()
            .map(|migration| migration.sql.as_str())
            .collect()
    }

    #[test]
    fn a_table_of_others_is_neither_made_nor_altered_and_the_rest_is() {
        let all = Migrator::with_migrations(vec![
            migration(1, "-- a; comment\nCREATE TABLE theirs (a INT);"),
            migration(2, "CREATE TABLE ours (a INT);"),
            migration(
                3,
                "ALTER TABLE `theirs` ADD b INT;\nCREATE INDEX i ON ours (a);",
            ),
            migration(4, "UPDATE theirs SET a = 1;"),
        ]);
        let adopted = Adopted::of(&all, &[], &tables(&["theirs", "unrelated"]));
        assert_eq!(adopted.tables, tables(&["theirs"]));
        assert_eq!(adopted.versions, BTreeSet::from([1, 4]));
        let spared = adopted.spared_by(&all);
        assert_eq!(
            sql(&spared),
            ["CREATE TABLE ours (a INT);", "CREATE INDEX i ON ours (a)"]
        );
        let checksum = |migrator: &Migrator| {
            migrator
                .iter()
                .find(|m| m.version == 3)
                .map(|m| m.checksum.clone())
        };
        assert_eq!(checksum(&spared), checksum(&all));
    }

    #[test]
    fn a_table_that_a_migration_made_is_ours() {
        let all = Migrator::with_migrations(vec![migration(1, "CREATE TABLE ours (a INT);")]);
        let noted = LedgerLine {
            version: 1,
            description: String::new(),
            success: false,
            checksum: Vec::new(),
        };
        let adopted = Adopted::of(&all, &[noted], &tables(&["ours"]));
        assert_eq!(adopted, Adopted::default());
    }

    #[test]
    fn a_migration_of_which_a_part_is_there_is_torn() {
        let two = "CREATE TABLE a (i INT);\nCREATE TABLE IF NOT EXISTS b (i INT);";
        let all = Migrator::with_migrations(vec![migration(1, two)]);
        let torn = Adopted::of(&all, &[], &tables(&["b"])).torn;
        let torn = torn.expect("a is missing");
        assert_eq!(
            (torn.there, torn.missing),
            (vec!["b".into()], vec!["a".into()])
        );
    }
}
