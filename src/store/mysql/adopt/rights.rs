//! What a user may do with a table, as `SHOW GRANTS` tells.

use std::collections::BTreeSet;

use sqlx::MySqlPool;

use crate::store::Collection;
use crate::store::mysql::triggers::account;
use crate::store::sql::identifier;

/// The rights on tables that matter to us.
const KNOWN: [&str; 11] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "REFERENCES",
    "LOCK TABLES",
    "TRIGGER",
    "SUPER",
];

/// What a user may do with one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rights(BTreeSet<&'static str>);

impl Rights {
    pub(super) fn has(&self, right: &str) -> bool {
        self.0.contains(right)
    }

    /// Those of `wanted` that are missing.
    pub(super) fn lacking<'a>(&self, wanted: &[&'a str]) -> Vec<&'a str> {
        let missing = wanted.iter().filter(|right| !self.has(right));
        missing.copied().collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let held = KNOWN.iter().filter(|right| self.has(right));
        held.map(|&right| right.to_owned()).collect()
    }

    /// Reads the lines of `SHOW GRANTS`, those of active roles included.
    fn parse<'a>(lines: impl IntoIterator<Item = &'a str>, database: &str, table: &str) -> Self {
        let mut rights = Self::default();
        for line in lines {
            let (grant, rest) = match (line.strip_prefix("GRANT "), line.strip_prefix("REVOKE ")) {
                (Some(rest), _) => (true, rest),
                (_, Some(rest)) => (false, rest),
                _ => continue,
            };
            // Grants of roles have no ON.
            let Some((list, rest)) = split_outside_quotes(rest, " ON ") else {
                continue;
            };
            if !covers(rest, database, table) {
                continue;
            }
            let all = list.starts_with("ALL PRIVILEGES");
            // A right on single columns, `SELECT (a)`, is none on the table.
            let named: Vec<&str> = list.split(',').map(str::trim).collect();
            for right in KNOWN {
                if (all && right != "SUPER")
                    || named.contains(&right)
                    || (all && rest.starts_with("*.*"))
                {
                    if grant {
                        rights.0.insert(right);
                    } else {
                        rights.0.remove(right);
                    }
                }
            }
        }
        rights
    }
}

/// Whether `*.*`, `` `database`.* `` or `` `database`.`table` `` names the table.
fn covers(rest: &str, database: &str, table: &str) -> bool {
    let object = split_outside_quotes(rest, " TO ")
        .or_else(|| split_outside_quotes(rest, " FROM "))
        .map_or(rest, |(object, _)| object);
    if object == "*.*" {
        return true;
    }
    let Some((schema, name)) = split_outside_quotes(object, ".") else {
        return false;
    };
    let schema = unquoted(schema);
    match name {
        "*" => like(&schema, database),
        _ => schema == database && unquoted(name).eq_ignore_ascii_case(table),
    }
}

/// What stands before and after the first `separator` that is no part of a quoted name.
fn split_outside_quotes<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        // A doubled backtick ends the name and begins it again.
        quoted ^= byte == b'`';
        if !quoted && text.as_bytes()[at..].starts_with(separator.as_bytes()) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
    }
    None
}

/// The name that [`identifier`] quoted.
fn unquoted(name: &str) -> String {
    let inner = name
        .strip_prefix('`')
        .and_then(|name| name.strip_suffix('`'))
        .unwrap_or(name);
    inner.replace("``", "`")
}

/// Whether a text is like a pattern of `GRANT`: `%` is any text, `_` any
/// character, a backslash takes their meaning away.
fn like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return text.is_empty();
    };
    let rest = &pattern[first.len_utf8()..];
    let mut after = text.chars();
    match first {
        '%' => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| like(rest, &text[at..])),
        '_' => after.next().is_some() && like(rest, after.as_str()),
        _ => {
            let (wanted, rest) = match (first, rest.chars().next()) {
                ('\\', Some(escaped)) => (escaped, &rest[escaped.len_utf8()..]),
                _ => (first, rest),
            };
            after.next() == Some(wanted) && like(rest, after.as_str())
        }
    }
}

/// Asks the server for this user's rights.
pub(super) async fn rights(pool: &MySqlPool, database: &str, table: &str) -> sqlx::Result<Rights> {
    let lines: Vec<String> = sqlx::query_scalar("SHOW GRANTS").fetch_all(pool).await?;
    Ok(Rights::parse(
        lines.iter().map(String::as_str),
        database,
        table,
    ))
}

/// How GRANT names all tables of a database: `_` and `%` in its name are patterns there, unless
/// the server knows partial revokes.
pub(super) async fn every_table_of(pool: &MySqlPool, database: &str) -> sqlx::Result<String> {
    let takes_names_as_they_are: bool = sqlx::query_scalar("SELECT @@partial_revokes = 1")
        .fetch_one(pool)
        .await?;
    let name = if takes_names_as_they_are {
        database.to_owned()
    } else {
        database.replace('_', "\\_").replace('%', "\\%")
    };
    Ok(format!("{}.*", identifier(&name)))
}

/// The grant that lets this user see the triggers of a table; `None` where the user has it.
pub(in crate::store) async fn grant_to_see_triggers(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Option<String>> {
    let (database, user): (String, String) =
        sqlx::query_as("SELECT CAST(DATABASE() AS CHAR), CAST(CURRENT_USER() AS CHAR)")
            .fetch_one(pool)
            .await?;
    let held = rights(pool, &database, collection.table.as_str()).await?;
    Ok((!held.has("TRIGGER")).then(|| {
        format!(
            "GRANT TRIGGER ON {}.{} TO {}",
            identifier(&database),
            collection.table.quoted(),
            account(&user)
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(lines: &[&str]) -> Vec<String> {
        Rights::parse(lines.iter().copied(), "dive_map", "diving_centers").names()
    }

    #[test]
    fn names_that_look_like_grants_are_names() {
        let on = |line: &str| Rights::parse([line], "a` ON *.* TO b", "t").names();
        assert_eq!(
            on("GRANT SELECT ON `a`` ON *.* TO b`.* TO `u`@`%`"),
            ["SELECT"]
        );
        assert_eq!(
            on("GRANT SELECT (`x ON *.* TO y`) ON `b`.`t` TO `u`@`%`"),
            [""; 0]
        );
        assert_eq!(
            on("GRANT INSERT ON `a`` ON *.* TO b`.`T` TO `u`@`%`"),
            ["INSERT"]
        );
    }

    #[test]
    fn rights_come_from_the_server_the_database_and_the_table() {
        assert_eq!(
            rights(&[
                "GRANT SUPER ON *.* TO `u`@`%`",
                "GRANT SELECT, INSERT ON `dive\\_map`.* TO `u`@`%`",
                "GRANT ALTER ON `dive_map`.`diving_centers` TO `u`@`%`",
                "GRANT `role`@`%` TO `u`@`%`",
            ]),
            ["SELECT", "INSERT", "ALTER", "SUPER"]
        );
        assert_eq!(
            rights(&["GRANT ALL PRIVILEGES ON `dive%`.* TO `u`@`%`"]).len(),
            10
        );
        assert_eq!(
            rights(&["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"]).len(),
            11
        );
    }

    #[test]
    fn rights_on_something_else_are_none() {
        assert!(
            rights(&[
                "GRANT USAGE ON *.* TO `u`@`%`",
                "GRANT SELECT ON `other`.* TO `u`@`%`",
                "GRANT SELECT ON `dive\\_ma`.* TO `u`@`%`",
                "GRANT SELECT ON `dive_map`.`dive_sites` TO `u`@`%`",
                "GRANT SELECT (`id`), UPDATE (`name`) ON `dive_map`.`diving_centers` TO `u`@`%`",
            ])
            .is_empty()
        );
        assert_eq!(
            rights(&[
                "GRANT SELECT, ALTER ON *.* TO `u`@`%`",
                "REVOKE ALTER ON `dive_map`.* FROM `u`@`%`",
            ]),
            ["SELECT"]
        );
    }
}
