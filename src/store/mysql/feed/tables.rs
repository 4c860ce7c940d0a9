//! What of a database is followed, and which statements alter it.

use sqlx::{AssertSqlSafe, MySqlPool};

use crate::store::Collection;

/// Tables that say more of a linked collection's rows, and their column that says of
/// which.
const LINKS: [&str; 2] = ["center_ratings", "diving_center_organizations"];
const LINKED_ROW: &str = "diving_center_id";
const ORGANIZATIONS: &str = "diving_organizations";
const SETTINGS: &str = "settings";

/// What a table is to those who follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its rows are those of a collection.
    Rows(usize),
    /// Its rows say more of those of a collection.
    Links(usize),
    /// Its rows are the organizations that rows of a collection are linked to.
    Organizations(usize),
    /// Its rows are settings.
    Settings,
}

/// A table that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// As the log has it.
    pub name: String,
    pub role: Role,
    pub columns: u64,
    /// The place of the column that says which row of the collection; `None` where there
    /// is no such column, or nobody asks.
    pub key: Option<usize>,
}

/// What of a database is followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Followed {
    pub schema: String,
    pub collections: usize,
    pub tables: Vec<Table>,
    /// All names in lower case, those of tables that are not there among them.
    names: Vec<(String, Role)>,
}

/// A name, its role and the column that is its key.
struct Wanted {
    name: String,
    role: Role,
    key: Option<String>,
}

fn wanted(collections: &[Collection]) -> Vec<Wanted> {
    let mut all = vec![Wanted {
        name: SETTINGS.to_owned(),
        role: Role::Settings,
        key: None,
    }];
    for (place, collection) in collections.iter().enumerate() {
        all.push(Wanted {
            name: collection.table.as_str().to_owned(),
            role: Role::Rows(place),
            key: Some(collection.id.as_str().to_owned()),
        });
        if collection.is_linked() {
            all.extend(LINKS.map(|name| Wanted {
                name: name.to_owned(),
                role: Role::Links(place),
                key: Some(LINKED_ROW.to_owned()),
            }));
            all.push(Wanted {
                name: ORGANIZATIONS.to_owned(),
                role: Role::Organizations(place),
                key: None,
            });
        }
    }
    all
}

impl Followed {
    /// Reads how the tables of collections look now.
    pub(super) async fn read(pool: &MySqlPool, collections: &[Collection]) -> sqlx::Result<Self> {
        let wanted = wanted(collections);
        let schema: String = sqlx::query_scalar("SELECT CAST(DATABASE() AS CHAR)")
            .fetch_one(pool)
            .await?;
        let places = vec!["?"; wanted.len()].join(", ");
        let text = AssertSqlSafe(format!(
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR) \
             FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({places}) \
             ORDER BY TABLE_NAME, ORDINAL_POSITION"
        ));
        let mut asking = sqlx::query_as(text);
        for table in &wanted {
            asking = asking.bind(&table.name);
        }
        let columns: Vec<(String, String)> = asking.fetch_all(pool).await?;
        let mut tables = Vec::new();
        for of_table in columns.chunk_by(|(one, _), (next, _)| one == next) {
            let name = &of_table[0].0;
            // A server that minds the case of names gives those that were asked for.
            let roles = wanted
                .iter()
                .filter(|table| table.name.eq_ignore_ascii_case(name));
            tables.extend(roles.map(|table| Table {
                name: name.clone(),
                role: table.role,
                // Neither has the hidden ones, of expressions in indexes.
                columns: of_table.len() as u64,
                key: table.key.as_ref().and_then(|key| {
                    let mut columns = of_table.iter();
                    columns.position(|(_, column)| column.eq_ignore_ascii_case(key))
                }),
            }));
        }
        let names = wanted.into_iter();
        Ok(Self {
            schema,
            collections: collections.len(),
            tables,
            names: names
                .map(|table| (table.name.to_lowercase(), table.role))
                .collect(),
        })
    }

    /// The roles of a table.
    pub(super) fn roles<'a>(
        &'a self,
        schema: &'a [u8],
        table: &'a [u8],
    ) -> impl Iterator<Item = &'a Table> {
        let is_ours = schema == self.schema.as_bytes();
        let tables = self.tables.iter();
        tables.filter(move |one| is_ours && one.name.as_bytes() == table)
    }

    /// The collections, and whether the settings, that a statement may alter which the log
    /// has as a text: one that names a table.
    pub(super) fn altered(&self, schema: &[u8], statement: &[u8]) -> (Vec<usize>, bool) {
        let text = String::from_utf8_lossy(statement).to_lowercase();
        let database = self.schema.to_lowercase();
        let names_database = has_word(&text, &database);
        let mut collections = Vec::new();
        let mut settings = false;
        if schema != self.schema.as_bytes() && !names_database {
            return (collections, settings);
        }
        // `DROP DATABASE` names none of its tables.
        let is_of_all =
            names_database && (has_word(&text, "database") || has_word(&text, "schema"));
        for (name, role) in &self.names {
            // In another character set it would have other bytes.
            if !(is_of_all || !name.is_ascii() || has_word(&text, name)) {
                continue;
            }
            match *role {
                Role::Settings => settings = true,
                Role::Rows(place) | Role::Links(place) | Role::Organizations(place) => {
                    if !collections.contains(&place) {
                        collections.push(place);
                    }
                }
            }
        }
        (collections, settings)
    }
}

/// Whether a text has a name that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_of_name) && !after.is_some_and(is_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Centers, whose id is the second of three columns, and what they are linked to.
    fn followed() -> Followed {
        let collections = [Collection::diving_centers(), Collection::dive_sites()];
        let names = wanted(&collections).into_iter();
        Followed {
            schema: "Divemap".to_owned(),
            collections: 2,
            tables: vec![Table {
                name: "diving_centers".to_owned(),
                role: Role::Rows(0),
                columns: 3,
                key: Some(1),
            }],
            names: names
                .map(|table| (table.name.to_lowercase(), table.role))
                .collect(),
        }
    }

    #[test]
    fn a_statement_alters_what_it_names() {
        let altered =
            |schema: &str, text: &str| followed().altered(schema.as_bytes(), text.as_bytes());
        for text in [
            "ALTER TABLE diving_centers ADD x INT",
            "TRUNCATE `Diving_Centers`",
            "DROP TABLE a,diving_centers,b",
            "RENAME TABLE diving_centers TO _old, _diving_centers_gho TO diving_centers",
            "CREATE TABLE center_ratings (id INT)",
            "UPDATE diving_centers SET name = 'x'",
        ] {
            assert_eq!(altered("Divemap", text), (vec![0], false), "{text}");
        }
        assert_eq!(altered("Divemap", "TRUNCATE settings"), (vec![], true));
        let (collections, settings) = altered("other", "DROP DATABASE `Divemap`");
        assert_eq!((collections, settings), (vec![0, 1], true));
        let elsewhere = "ALTER TABLE divemap.dive_sites ADD x INT";
        assert_eq!(altered("other", elsewhere), (vec![1], false));
        for (schema, text) in [
            ("other", "ALTER TABLE diving_centers ADD x INT"),
            ("Divemap", "ALTER TABLE _diving_centers_gho ADD x INT"),
            ("Divemap", "CREATE TABLE diving_centers2 (id INT)"),
            ("Divemap", "CREATE USER divemap"),
        ] {
            assert_eq!(altered(schema, text), (vec![], false), "{text}");
        }
    }

    #[test]
    fn rows_are_of_a_table_of_the_database() {
        let followed = followed();
        let roles = |schema: &str, table: &str| {
            followed
                .roles(schema.as_bytes(), table.as_bytes())
                .map(|table| table.role)
                .collect::<Vec<_>>()
        };
        assert_eq!(roles("Divemap", "diving_centers"), [Role::Rows(0)]);
        assert_eq!(roles("other", "diving_centers"), []);
        assert_eq!(roles("Divemap", "centers"), []);
    }
}
