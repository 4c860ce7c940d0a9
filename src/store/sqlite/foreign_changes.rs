//! Noticing that another process wrote the file.

use rusqlite::Connection;
use sqlx::{AssertSqlSafe, SqlitePool};

use super::blocking::Writer;
use crate::store::{FileLook, FileVersion, StoreError};

const SEEN: &str = "PRAGMA temp.user_version";
const NOW: &str = "PRAGMA data_version";

/// Whether another process has written since this was last asked, and the version of
/// the file as the connection that writes centers sees it.
///
/// `PRAGMA data_version` changes when anybody but the asking connection writes.
/// Two connections write for this process, so another process wrote where the
/// versions of both changed: what one of them writes, the other alone sees. (Where
/// both wrote, that is taken for another process, too: a look too many.)
///
/// The versions cannot be read at one time. So the first is read again after the
/// second, while the other connection is held: what changes it then was another
/// process.
///
/// A version means nothing on another connection; therefore the last one seen is
/// kept in the connection itself, as the user version of its temporary schema, and
/// a fresh connection, which has 0 there, has seen nothing.
pub(in crate::store) async fn look_for_changes(
    centers: &Writer,
    others: &SqlitePool,
) -> Result<FileLook, StoreError> {
    let mut held = others.acquire().await?;
    let (seen, first) = versions_of_centers(centers).await?;
    let others_seen: i64 = sqlx::query_scalar(SEEN).fetch_one(&mut *held).await?;
    let others_now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut *held).await?;
    if others_seen != others_now {
        sqlx::query(keep(others_now)).execute(&mut *held).await?;
    }
    let (_, last) = versions_of_centers(centers).await?;
    Ok(FileLook {
        has_changed: first != last || (seen != first && others_seen != others_now),
        version: Some(FileVersion(last)),
    })
}

/// The version of the file as the connection that writes centers sees it.
pub(in crate::store) async fn file_version(centers: &Writer) -> Result<FileVersion, StoreError> {
    centers
        .run(|connection| Ok(version_seen_by(connection)?))
        .await
}

/// The same within a transaction of that connection.
pub(super) fn version_seen_by(connection: &Connection) -> rusqlite::Result<FileVersion> {
    connection.query_row(NOW, (), |row| row.get(0).map(FileVersion))
}

/// The version seen when this was last asked, and now.
async fn versions_of_centers(centers: &Writer) -> Result<(i64, i64), StoreError> {
    centers
        .run(|connection| {
            let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
            let (seen, now) = (number(SEEN)?, number(NOW)?);
            if seen != now {
                connection.execute_batch(&keep(now).0)?;
            }
            Ok((seen, now))
        })
        .await
}

/// A pragma takes no bound values; this is a number that SQLite gave.
fn keep(version: i64) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("PRAGMA temp.user_version = {version}"))
}
