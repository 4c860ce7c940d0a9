//! Foreign keys of other applications' tables to rows that are to be deleted.
//!
//! Where such a key says that its rows go along, the database would take them without
//! a word: whoever deletes a center is told of them first.

use std::collections::BTreeSet;

use super::sql::identifier;
use super::{Collection, Database, DeleteError, StoreError};

/// What becomes of rows of other tables that refer to a row that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referring {
    /// They keep it from being deleted.
    Keeps,
    /// They go along, or lose what they refer to, as their foreign keys say.
    GoesAlong,
}

/// A table with rows that are deleted together: those whose key is the id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doomed<'a> {
    pub(super) table: &'a str,
    pub(super) key: &'a str,
}

/// What goes with an organization. The first is what is asked for, the others are
/// nearby's own.
pub(super) const WITH_ORGANIZATION: [Doomed<'static>; 2] = [
    Doomed {
        table: "diving_organizations",
        key: "id",
    },
    Doomed {
        table: "diving_center_organizations",
        key: "diving_organization_id",
    },
];

/// What goes with a row of a collection; nothing where it only is marked as deleted.
fn with_row(collection: &Collection) -> Vec<Doomed<'_>> {
    if collection.deleted_at.is_some() {
        return Vec::new();
    }
    let mut doomed = vec![Doomed {
        table: collection.table.as_str(),
        key: collection.id.as_str(),
    }];
    if collection.is_linked() {
        let own = ["diving_center_organizations", "center_ratings"];
        doomed.extend(own.map(|table| Doomed {
            table,
            key: "diving_center_id",
        }));
    }
    doomed
}

/// One column of a foreign key, as the database describes it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct KeyColumn {
    /// Another database than that of the table referred to.
    pub(super) schema: Option<String>,
    pub(super) table_name: String,
    /// What the columns of one key have in common.
    pub(super) key_name: String,
    pub(super) column_name: String,
    pub(super) referenced_column: String,
    /// `CASCADE` and the like.
    pub(super) rule: String,
}

/// A foreign key, and how to find out whether one of its rows is in the way.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    table: String,
    goes_along: bool,
    /// Takes the id of the row that is to be deleted; true where others refer to it.
    pub(super) is_used: String,
}

/// The foreign keys to what is deleted together.
#[derive(Debug, Clone, Default)]
pub(super) struct References(Vec<Reference>);

impl References {
    /// Those whose rows keep the row from being deleted.
    pub(super) fn that_keep(&self, referring: Referring) -> impl Iterator<Item = &Reference> {
        let all = self.0.iter();
        all.filter(move |one| referring == Referring::Keeps || !one.goes_along)
    }

    fn add(&mut self, doomed: Doomed<'_>, all: &[Doomed<'_>], columns: &[KeyColumn]) {
        let of_one_key = |a: &KeyColumn, b: &KeyColumn| {
            (&a.schema, &a.table_name, &a.key_name) == (&b.schema, &b.table_name, &b.key_name)
        };
        for key in columns.chunk_by(of_one_key) {
            let first = &key[0];
            let is = |doomed: &Doomed<'_>| {
                first.schema.is_none() && first.table_name.eq_ignore_ascii_case(doomed.table)
            };
            // What is nearby's own is deleted with it.
            if all[1..].iter().any(is) {
                continue;
            }
            self.0.push(reference(doomed, key, is(&doomed)));
        }
    }
}

fn reference(doomed: Doomed<'_>, key: &[KeyColumn], is_its_own: bool) -> Reference {
    let KeyColumn {
        schema,
        table_name,
        rule,
        ..
    } = &key[0];
    let (table, quoted) = match schema {
        Some(schema) => (
            format!("{schema}.{table_name}"),
            format!("{}.{}", identifier(schema), identifier(table_name)),
        ),
        None => (table_name.clone(), identifier(table_name)),
    };
    let joined: Vec<String> = key
        .iter()
        .map(|column| {
            let (from, to) = (&column.column_name, &column.referenced_column);
            format!("theirs.{} = gone.{}", identifier(from), identifier(to))
        })
        .collect();
    let id = identifier(doomed.key);
    let others = if is_its_own {
        format!(" AND theirs.{id} <> gone.{id}")
    } else {
        String::new()
    };
    Reference {
        table,
        goes_along: !matches!(rule.as_str(), "NO ACTION" | "RESTRICT"),
        is_used: format!(
            "SELECT EXISTS (SELECT 1 FROM {quoted} AS theirs JOIN {gone} AS gone ON {} \
             WHERE gone.{id} = ?{others})",
            joined.join(" AND "),
            gone = identifier(doomed.table),
        ),
    }
}

/// Refuses to delete what others refer to.
pub(super) fn refuse_used(used: &[&Reference]) -> Result<(), DeleteError> {
    if used.is_empty() {
        return Ok(());
    }
    let tables: BTreeSet<String> = used.iter().map(|one| one.table.clone()).collect();
    Err(DeleteError::InUse {
        tables: tables.into_iter().collect(),
        may_go_along: used.iter().all(|one| one.goes_along),
    })
}

impl Database {
    /// The foreign keys to a row of a collection and to what goes with it.
    pub(super) async fn references(
        &self,
        collection: &Collection,
    ) -> Result<References, StoreError> {
        self.references_to(&with_row(collection)).await
    }

    /// The foreign keys to rows that are deleted together, as far as this user may
    /// see the tables that have them.
    pub(super) async fn references_to(&self, all: &[Doomed<'_>]) -> Result<References, StoreError> {
        let mut references = References::default();
        for &doomed in all {
            let columns = self.backend().foreign_keys(doomed.table).await?;
            references.add(doomed, all, &columns);
        }
        Ok(references)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(key_name: &str, column: &str, referenced: &str) -> KeyColumn {
        KeyColumn {
            schema: None,
            table_name: "a`b".to_owned(),
            key_name: key_name.to_owned(),
            column_name: column.to_owned(),
            referenced_column: referenced.to_owned(),
            rule: "CASCADE".to_owned(),
        }
    }

    #[test]
    fn a_key_of_several_columns_is_one_and_names_cannot_leave_their_quotes() {
        let doomed = Doomed {
            table: "places",
            key: "id",
        };
        let mut references = References::default();
        let columns = [
            column("k", "x", "id"),
            column("k", "`y", "z"),
            column("l", "w", "id"),
        ];
        references.add(doomed, &[doomed], &columns);
        let sql: Vec<_> = references
            .0
            .iter()
            .map(|one| one.is_used.as_str())
            .collect();
        assert_eq!(
            sql[0],
            "SELECT EXISTS (SELECT 1 FROM `a``b` AS theirs JOIN `places` AS gone \
             ON theirs.`x` = gone.`id` AND theirs.```y` = gone.`z` WHERE gone.`id` = ?)"
        );
        assert_eq!(sql.len(), 2);
        assert_eq!(references.that_keep(Referring::GoesAlong).count(), 0);
    }
}
