//! Putting the copy in the table's place, in a moment in which nobody else has either.
//!
//! The lock is asked for a second only, as writers wait behind whoever waits for it; then
//! others go on, and it is tried again. Foreign keys of other tables follow the old table
//! when it is renamed, and are turned to the new one while the lock is held. A name that the
//! old table's keys and triggers still have, the new one's get when it is dropped.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Executor, MySqlConnection, MySqlPool};
use tokio::sync::watch;

use super::copy::Copying;
use super::foreign_keys::{self, BESIDE_WRITERS, ForeignKey};
use super::names::Names;
use crate::store::Collection;
use crate::store::mysql::adopt::{AdoptError, AdoptionSession, Held};
use crate::store::mysql::triggers::{self, installed};
use crate::store::refusal::is_held;
use crate::store::sql::identifier;

/// With so few notes left the lock is asked for, or kept.
const FEW: u64 = 50;
/// How often notes are carried over before it is clear that writers are faster.
const ROUNDS: u32 = 20_000;

/// What the lock keeps as it is.
#[derive(Debug)]
pub(super) struct Swap<'a> {
    pub pool: &'a MySqlPool,
    pub collection: &'a Collection,
    pub names: &'a Names,
    pub copying: &'a Copying,
    /// The table as it was when it was copied.
    pub shape: &'a str,
}

impl Swap<'_> {
    /// Swaps the tables, as soon as others let go of them for an instant.
    pub(super) async fn carry_out(
        &self,
        session: &mut AdoptionSession,
        stop: &watch::Receiver<bool>,
        mut waiting: impl FnMut(u32),
    ) -> Result<(), AdoptError> {
        let mut held = Held::default();
        self.make_guards(session).await?;
        loop {
            self.catch_up(session, stop).await?;
            let table = self.collection.table.as_str();
            let own = foreign_keys::of(self.pool, table).await?;
            let children = foreign_keys::to(self.pool, table).await?;
            let lock = self.lock(&children);
            if !session.attempt(&lock, stop).await? {
                waiting(held.again(&lock)?);
                held.step_aside(stop).await;
                continue;
            }
            let locked = Instant::now();
            let came = self.locked(session.connection(), &own, &children).await;
            session.connection().execute("UNLOCK TABLES").await?;
            tracing::info!(
                ms = locked.elapsed().as_millis(),
                "others waited for the tables"
            );
            match came? {
                Came::Through => return Ok(()),
                Came::TooLate => {}
                Came::Against(statement) => {
                    waiting(held.again(&statement)?);
                    held.step_aside(stop).await;
                }
            }
        }
    }

    /// Carries over what is noted, until little is left.
    async fn catch_up(
        &self,
        session: &mut AdoptionSession,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), AdoptError> {
        for _ in 0..ROUNDS {
            if *stop.borrow() {
                return Err(AdoptError::Stopped);
            }
            self.copying.carry(session.connection()).await?;
            if self.copying.noted(session.connection()).await? <= FEW {
                return Ok(());
            }
        }
        Err(AdoptError::Outrun)
    }

    /// Makes the triggers that keep locations right on the copy, where the table has them.
    /// What is carried over from now on was written with the table's own.
    async fn make_guards(&self, session: &mut AdoptionSession) -> Result<(), AdoptError> {
        let there = installed(self.pool, self.collection).await?;
        let shadow = identifier(&self.names.shadow);
        let wanted = triggers::wanted(self.collection);
        for (wanted, guard) in wanted.iter().zip(&self.names.guards) {
            if there.iter().any(|trigger| trigger.name == wanted.name) {
                let make = wanted.create_on(guard, &shadow);
                session.connection().execute(AssertSqlSafe(make)).await?;
            }
        }
        Ok(())
    }

    fn lock(&self, children: &[ForeignKey]) -> String {
        let Names {
            changes, shadow, ..
        } = self.names;
        let mut tables = vec![
            self.collection.table.quoted(),
            identifier(shadow),
            identifier(changes),
        ];
        tables.extend(children.iter().map(ForeignKey::child));
        tables.sort_unstable();
        tables.dedup();
        format!("LOCK TABLES {} WRITE", tables.join(" WRITE, "))
    }

    async fn locked(
        &self,
        connection: &mut MySqlConnection,
        own: &[ForeignKey],
        children: &[ForeignKey],
    ) -> Result<Came, AdoptError> {
        if self.copying.noted(connection).await? > FEW {
            return Ok(Came::TooLate);
        }
        while self.copying.carry(connection).await? > 0 {}
        let table = self.collection.table.as_str();
        if !self.is_noted(connection).await?
            || shape(connection, self.collection).await? != self.shape
        {
            return Err(AdoptError::Altered);
        }
        let quoted = self.collection.table.quoted();
        let (shadow, old) = (identifier(&self.names.shadow), identifier(&self.names.old));
        let mut statements = Vec::new();
        let next_id = next_id_of(connection, table).await?;
        if let Some(next_id) = next_id
            && next_id_of(connection, &self.names.shadow).await? < Some(next_id)
        {
            statements.push(format!("ALTER TABLE {shadow} AUTO_INCREMENT = {next_id}"));
        }
        if !own.is_empty() {
            let clauses: Vec<String> = own.iter().map(|key| key.for_now().add()).collect();
            statements.push(format!(
                "ALTER TABLE {shadow} {}{BESIDE_WRITERS}",
                clauses.join(", ")
            ));
        }
        statements.push(format!(
            "RENAME TABLE {quoted} TO {old}, {shadow} TO {quoted}"
        ));
        for statement in statements {
            match connection.execute(AssertSqlSafe(statement.clone())).await {
                Ok(_) => {}
                Err(error) if is_held(&error) => {
                    self.take_back(connection).await?;
                    return Ok(Came::Against(statement));
                }
                Err(error) => return Err(error.into()),
            }
        }
        for key in children {
            let now = key.referring_to(&self.names.old);
            let statement = now.replace_by(&key.for_now());
            match connection.execute(AssertSqlSafe(statement)).await {
                // What finishes the build does it, with patience.
                Err(error) if !is_held(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Came::Through)
    }

    /// Whether all triggers that note changes are still there.
    async fn is_noted(&self, connection: &mut MySqlConnection) -> sqlx::Result<bool> {
        let [insert, update, delete] = self.names.noting.each_ref().map(|(_, name)| name);
        let there: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ? \
             AND TRIGGER_NAME IN (?, ?, ?)",
        )
        .bind(self.collection.table.as_str())
        .bind(insert)
        .bind(update)
        .bind(delete)
        .fetch_one(connection)
        .await?;
        Ok(there == 3)
    }

    /// Takes from the copy what it had only just got. A foreign key of a copy that is not
    /// carried over would refuse writes that the table's own allows.
    async fn take_back(&self, connection: &mut MySqlConnection) -> Result<(), AdoptError> {
        let shadow = &self.names.shadow;
        for key in foreign_keys::of(self.pool, shadow).await? {
            let (shadow, name) = (identifier(shadow), identifier(&key.name));
            let statement = format!("ALTER TABLE {shadow} DROP FOREIGN KEY {name}{BESIDE_WRITERS}");
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        Ok(())
    }
}

/// How far it came under the lock.
#[derive(Debug)]
enum Came {
    /// The tables are swapped.
    Through,
    /// Too much was noted before the lock was there.
    TooLate,
    /// Somebody holds a table that this statement needs as well.
    Against(String),
}

/// The id that a table gives next, where it gives any.
async fn next_id_of(connection: &mut MySqlConnection, table: &str) -> sqlx::Result<Option<u64>> {
    sqlx::query_scalar(
        "SELECT AUTO_INCREMENT FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    )
    .bind(table)
    .fetch_one(connection)
    .await
}

/// What says how a table is made and when: it changes when somebody alters or empties it.
pub(super) async fn shape(
    connection: &mut MySqlConnection,
    collection: &Collection,
) -> sqlx::Result<String> {
    let show = format!("SHOW CREATE TABLE {}", collection.table.quoted());
    let (_, definition): (String, String) = sqlx::query_as(AssertSqlSafe(show))
        .fetch_one(&mut *connection)
        .await?;
    let made: String = sqlx::query_scalar(
        "SELECT CAST(CREATE_TIME AS CHAR) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    )
    .bind(collection.table.as_str())
    .fetch_one(connection)
    .await?;
    Ok(format!("{} {made}", without_next_id(&definition)))
}

/// A definition without the next id, which changes with every row.
fn without_next_id(definition: &str) -> String {
    const KEY: &str = " AUTO_INCREMENT=";
    let options = definition.rfind("\n) ").unwrap_or_default();
    let Some(at) = definition[options..].find(KEY).map(|at| options + at) else {
        return definition.to_owned();
    };
    let after = definition[at + KEY.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{}{after}", &definition[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_id_is_no_part_of_a_table_s_shape() {
        let of = |next: &str| {
            format!(
                "CREATE TABLE `t` (\n  `id` int AUTO_INCREMENT=\n) ENGINE=InnoDB{next} COMMENT='x'"
            )
        };
        assert_eq!(without_next_id(&of(" AUTO_INCREMENT=78")), of(""));
        assert_eq!(without_next_id(&of("")), of(""));
    }
}
