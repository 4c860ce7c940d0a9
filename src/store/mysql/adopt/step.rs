//! One thing to do to a table, and how it holds others up.

use std::fmt;
use std::time::Duration;

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Add the location, NULL for now.
    AddColumn,
    /// Give it a default, so that writers who do not know it can go on.
    SetDefault,
    /// Make the triggers that keep it right.
    MakeTriggers,
    /// Write it in the rows that have another.
    Backfill,
    /// Make it `POINT NOT NULL SRID 4326`.
    DefineColumn,
    /// Index it.
    AddIndex,
    /// Let searches use the index.
    ShowIndex,
    /// Say in the location's comment that the table is adopted.
    NoteAdoption,
    /// Undo: drop the index.
    DropIndex,
    /// Undo: drop the triggers.
    DropTriggers,
    /// Undo: drop the location.
    DropColumn,
    /// Undo: take the note out of the location's comment.
    ForgetAdoption,
    /// Put a copy that has the index in the table's place.
    RebuildOnline,
    /// Finish such a copy that was left, or take it away.
    FinishOnline,
}

impl Action {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AddColumn => "add_column",
            Self::SetDefault => "set_default",
            Self::MakeTriggers => "make_triggers",
            Self::Backfill => "backfill",
            Self::DefineColumn => "define_column",
            Self::AddIndex => "add_index",
            Self::ShowIndex => "show_index",
            Self::NoteAdoption => "note_adoption",
            Self::DropIndex => "drop_index",
            Self::DropTriggers => "drop_triggers",
            Self::DropColumn => "drop_column",
            Self::ForgetAdoption => "forget_adoption",
            Self::RebuildOnline => "rebuild_online",
            Self::FinishOnline => "finish_online",
        }
    }
}

/// How much a step holds other writers up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// For an instant, once transactions under way on the table are over.
    Instant,
    /// For an instant at its beginning and end; they write meanwhile.
    Online,
    /// Some rows at a time, a tenth of a second each.
    Chunks,
    /// They wait until it is done, and read meanwhile.
    BlocksWrites,
}

impl Locking {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Online => "online",
            Self::Chunks => "chunks",
            Self::BlocksWrites => "blocks_writes",
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is for.
    pub action: Action,
    /// The same for people.
    pub text: String,
    /// How it holds other writers up.
    pub locking: Locking,
    /// How long it may take: an index by a sample on this server where the user
    /// may make a temporary table, all else by what was measured elsewhere.
    pub expected: Duration,
    /// The SQL; none where no statement by itself does it.
    pub statements: Vec<Statement>,
}

/// A way in which MySQL can alter a table, the gentlest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Metadata only.
    Instant,
    /// In place; others read and write.
    Online,
    /// In place; others read.
    Shared,
    /// By copying the table; others read.
    Copy,
}

impl Way {
    const ALL: [Self; 4] = [Self::Instant, Self::Online, Self::Shared, Self::Copy];

    /// The clauses that ask for it, and for nothing rougher.
    #[must_use]
    pub fn clauses(self) -> &'static str {
        match self {
            Self::Instant => ", ALGORITHM=INSTANT",
            Self::Online => ", ALGORITHM=INPLACE, LOCK=NONE",
            Self::Shared => ", ALGORITHM=INPLACE, LOCK=SHARED",
            Self::Copy => ", ALGORITHM=COPY, LOCK=SHARED",
        }
    }
}

/// One statement. Shows itself in its gentlest way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    gentlest: Option<Way>,
}

impl Statement {
    pub(in crate::store) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            gentlest: None,
        }
    }

    pub(in crate::store) fn alter(text: impl Into<String>, gentlest: Way) -> Self {
        Self {
            text: text.into(),
            gentlest: Some(gentlest),
        }
    }

    /// The statement in every way in which it may be tried, the gentlest first.
    pub(in crate::store) fn attempts(&self) -> Vec<(Option<Way>, String)> {
        let Some(gentlest) = self.gentlest else {
            return vec![(None, self.text.clone())];
        };
        Way::ALL
            .into_iter()
            .skip_while(|&way| way != gentlest)
            .map(|way| (Some(way), format!("{}{}", self.text, way.clauses())))
            .collect()
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(self.gentlest.map_or("", Way::clauses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_tried_in_no_gentler_way_than_it_can_go() {
        let statement = Statement::alter("ALTER TABLE t ADD SPATIAL INDEX (p)", Way::Shared);
        let ways: Vec<_> = statement
            .attempts()
            .into_iter()
            .map(|(way, _)| way)
            .collect();
        assert_eq!(ways, [Some(Way::Shared), Some(Way::Copy)]);
        assert_eq!(
            statement.to_string(),
            "ALTER TABLE t ADD SPATIAL INDEX (p), ALGORITHM=INPLACE, LOCK=SHARED"
        );
    }
}
