//! How fast this very server builds a spatial index: what its writers will wait
//! for.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Executor, MySqlConnection, MySqlPool};

use crate::store::Collection;
use crate::store::mysql::location::{has_position, location};

/// How many points are indexed: some tenths of a second.
const POINTS: u32 = 2_000;

/// For the one statement that follows. As it reads, it would lock every row and the gaps
/// between them otherwise: whoever writes one would wait, or be ended as a deadlock.
const READ_WITHOUT_LOCKS: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// How long an index over so many rows may take, by one over a few of their
/// points in a temporary table, which nobody else sees. `None` where the user may
/// not make such a table or the rows are too few to tell.
pub(super) async fn indexing_time(
    pool: &MySqlPool,
    collection: &Collection,
    total: u64,
) -> Option<Duration> {
    if total < u64::from(POINTS) {
        return None;
    }
    let mut connection = pool.acquire().await.ok()?;
    let took = timed(&mut connection, collection).await;
    let dropped = connection
        .execute("DROP TEMPORARY TABLE IF EXISTS nearby_sample")
        .await;
    dropped.ok()?;
    let (points, took) = took.ok()?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let more = total as f64 / points.max(1) as f64;
    Some(took.mul_f64(more))
}

async fn timed(
    connection: &mut MySqlConnection,
    collection: &Collection,
) -> sqlx::Result<(u64, Duration)> {
    let (latitude, longitude) = (collection.latitude.quoted(), collection.longitude.quoted());
    // In two statements: CREATE … SELECT would take the type of what is selected, which
    // has no SRID, and an index over the plane is built ten times as fast.
    connection
        .execute("CREATE TEMPORARY TABLE nearby_sample (p POINT NOT NULL SRID 4326)")
        .await?;
    let fill = format!(
        "INSERT INTO nearby_sample SELECT {} FROM {} WHERE {} LIMIT {POINTS}",
        location(&latitude, &longitude),
        collection.table.quoted(),
        has_position(&latitude, &longitude),
    );
    connection.execute(READ_WITHOUT_LOCKS).await?;
    let points = connection.execute(AssertSqlSafe(fill)).await?;
    let start = Instant::now();
    connection
        .execute("ALTER TABLE nearby_sample ADD SPATIAL INDEX (p)")
        .await?;
    Ok((points.rows_affected(), start.elapsed()))
}
