//! Copying rows beside their writers, carrying over what these change, and comparing.
//!
//! A row is noted as changed in the transaction that changes it. So whoever sees both
//! tables and the notes at one moment finds every row that is copied and not noted equal in
//! both; a noted row is read again once its note can be seen. The session reads with READ
//! COMMITTED, so that it locks no row of the table, and is the only one that writes the
//! shadow.

use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

use super::names::Names;
use crate::store::Collection;
use crate::store::mysql::schema::Column;
use crate::store::sql::identifier;

/// How many rows are copied in one statement: a tenth of a second or two.
const CHUNK: u32 = 500;
/// How many notes are carried over at once.
const NOTES: u32 = 500;

/// A key of a row as the server writes it; also one beyond 64 bits with a sign.
pub(super) type Key = i128;

/// The statements for one table.
#[derive(Debug)]
pub(super) struct Copying {
    table: String,
    shadow: String,
    changes: String,
    id: String,
    /// All columns that can be written.
    columns: String,
    /// What is true of two rows that are equal.
    equal: String,
}

/// How rows differ that should be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Difference {
    pub rows: u64,
    /// Those that the copy has just so.
    pub equal: u64,
    pub copied: u64,
}

impl Copying {
    pub(super) fn of(collection: &Collection, columns: &[Column], names: &Names) -> Self {
        let table = collection.table.quoted();
        let shadow = identifier(&names.shadow);
        let written = columns.iter().filter(|column| !column.is_generated());
        let quoted: Vec<String> = written.map(|column| identifier(&column.name)).collect();
        let equal: Vec<String> = columns
            .iter()
            .map(|column| {
                let name = identifier(&column.name);
                let bytes = |table: &str| match column.charset {
                    // What its collation takes for equal is not the same.
                    Some(_) => format!("CAST({table}.{name} AS BINARY)"),
                    None => format!("{table}.{name}"),
                };
                format!("{} <=> {}", bytes(&table), bytes(&shadow))
            })
            .collect();
        Self {
            table,
            shadow,
            changes: identifier(&names.changes),
            id: collection.id.quoted(),
            columns: quoted.join(", "),
            equal: equal.join(" AND "),
        }
    }

    /// Where the chunk from a key on ends; `None` where no rows follow it.
    async fn end(
        &self,
        connection: &mut MySqlConnection,
        from: Option<Key>,
    ) -> sqlx::Result<Option<Key>> {
        let Self { table, id, .. } = self;
        let within = self.within(table, from, None);
        let sql = format!(
            "SELECT CAST({id} AS CHAR) FROM {table} WHERE {within} ORDER BY {id} LIMIT {CHUNK}, 1"
        );
        let key: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_optional(connection)
            .await?;
        key.map(|key| whole(&key)).transpose()
    }

    /// The chunk from a key on, or from the very first one.
    fn within(&self, table: &str, from: Option<Key>, end: Option<Key>) -> String {
        let id = format!("{table}.{}", self.id);
        match (from, end) {
            (Some(from), Some(end)) => format!("{id} >= {from} AND {id} < {end}"),
            (Some(from), None) => format!("{id} >= {from}"),
            (None, Some(end)) => format!("{id} < {end}"),
            (None, None) => "TRUE".to_owned(),
        }
    }

    /// Copies the chunk from a key on; how many rows it had, and where the next begins.
    /// Rows that the copy has already are those that were carried over, and older.
    pub(super) async fn copy(
        &self,
        connection: &mut MySqlConnection,
        from: Option<Key>,
    ) -> sqlx::Result<(u64, Option<Key>)> {
        let end = self.end(connection, from).await?;
        let done = self
            .put(connection, &self.within(&self.table, from, end))
            .await?;
        Ok((done, end))
    }

    async fn put(&self, connection: &mut MySqlConnection, which: &str) -> sqlx::Result<u64> {
        let Self {
            table,
            shadow,
            columns,
            ..
        } = self;
        let sql = format!(
            "REPLACE INTO {shadow} ({columns}) SELECT {columns} FROM {table} WHERE {which}"
        );
        let done = connection.execute(AssertSqlSafe(sql)).await?;
        Ok(done.rows_affected())
    }

    /// Carries some noted rows over, as they are now; how many notes there were.
    pub(super) async fn carry(&self, connection: &mut MySqlConnection) -> sqlx::Result<usize> {
        let Self {
            shadow,
            changes,
            id,
            ..
        } = self;
        let notes: Vec<(u64, String)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT note, CAST(id AS CHAR) FROM {changes} ORDER BY note LIMIT {NOTES}"
        )))
        .fetch_all(&mut *connection)
        .await?;
        if notes.is_empty() {
            return Ok(0);
        }
        let mut ids = Vec::with_capacity(notes.len());
        for (_, id) in &notes {
            ids.push(whole(id)?);
        }
        ids.sort_unstable();
        ids.dedup();
        let which = format!("{id} IN ({})", list(&ids));
        // Those that are gone, and those whose other keys somebody else has by now.
        let gone = format!("DELETE FROM {shadow} WHERE {which}");
        connection.execute(AssertSqlSafe(gone)).await?;
        self.put(connection, &which).await?;
        self.forget(connection, &notes).await?;
        Ok(notes.len())
    }

    /// Takes notes away one by one: more at once could be looked for by going through all,
    /// and wait for one that is not committed. `BEGIN` would give up a lock on tables.
    async fn forget(
        &self,
        connection: &mut MySqlConnection,
        notes: &[(u64, String)],
    ) -> sqlx::Result<()> {
        let sql = format!("DELETE FROM {} WHERE note = ?", self.changes);
        connection.execute("SET SESSION autocommit = 0").await?;
        for (note, _) in notes {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(note)
                .execute(&mut *connection)
                .await?;
        }
        connection.execute("SET SESSION autocommit = 1").await?;
        Ok(())
    }

    /// How many notes there are.
    pub(super) async fn noted(&self, connection: &mut MySqlConnection) -> sqlx::Result<u64> {
        let sql = format!("SELECT CAST(COUNT(*) AS UNSIGNED) FROM {}", self.changes);
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(connection)
            .await
    }

    /// Compares the rows of a chunk that nobody is noted to have changed, all at one moment;
    /// and where the next chunk begins.
    pub(super) async fn compare(
        &self,
        connection: &mut MySqlConnection,
        from: Option<Key>,
    ) -> sqlx::Result<(Difference, Option<Key>)> {
        let Self {
            table,
            shadow,
            changes,
            id,
            equal,
            ..
        } = self;
        let end = self.end(connection, from).await?;
        let unnoted = |of: &str| {
            format!(
                "{} AND NOT EXISTS (SELECT 1 FROM {changes} WHERE {changes}.id = {of}.{id})",
                self.within(of, from, end)
            )
        };
        let sql = format!(
            "SELECT CAST((SELECT COUNT(*) FROM {table} WHERE {}) AS UNSIGNED), \
                    CAST((SELECT COUNT(*) FROM {table} JOIN {shadow} ON {table}.{id} = {shadow}.{id} \
                          WHERE {} AND {equal}) AS UNSIGNED), \
                    CAST((SELECT COUNT(*) FROM {shadow} WHERE {}) AS UNSIGNED)",
            unnoted(table),
            unnoted(table),
            unnoted(shadow),
        );
        let (rows, equal, copied) = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_one(connection)
            .await?;
        let difference = Difference {
            rows,
            equal,
            copied,
        };
        Ok((difference, end))
    }
}

impl Difference {
    pub(super) fn is_none(self) -> bool {
        self.rows == self.equal && self.copied == self.equal
    }
}

fn whole(key: &str) -> sqlx::Result<Key> {
    key.parse()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn list<T: ToString>(numbers: &[T]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
