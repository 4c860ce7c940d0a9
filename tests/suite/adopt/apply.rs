//! The whole way, with a second client that writes all the while.

use std::time::{Duration, Instant};

use super::neighbour::{
    Kind, WRITERS_OWN, Writer, assert_sound, checksum, divemap, nearby, stdout,
};
use crate::cli::process::Ended;
use crate::support::TestDatabase;

/// How many rows the table has: a few, or as many as `NEARBY_ADOPT_ROWS` says.
/// `NEARBY_ADOPT_ROWS=100000 cargo test adopt::apply -- --nocapture` tells how
/// long that takes.
fn rows() -> u32 {
    std::env::var("NEARBY_ADOPT_ROWS")
        .ok()
        .map_or(3_000, |rows| rows.parse().expect("it is a number"))
}

async fn is_adopted_beside_a_writer(kind: Kind) {
    let rows = rows();
    let db = divemap(kind, rows).await;
    let before = Before::of(&db, kind, rows).await;
    let writer = Writer::start(&db, kind);

    let (looked, found) = timed(&db, &["adopt"]).await;
    found.assert(1, &[]);
    assert_eq!(
        stdout(&found).lines().next(),
        Some(&*before.headline(&found)),
        "the first line"
    );

    let (applying, applied) = timed(&db, &["adopt", "--apply"]).await;
    applied.assert(0, &["make the spatial index"]);
    assert!(
        stdout(&applied).contains("diving_centers is adopted"),
        "{}",
        stdout(&applied)
    );
    // Beside the writer still: what it writes meanwhile is no drift.
    let (verifying, verified) = timed(&db, &["verify"]).await;
    let written = writer.stop().await;

    assert_sound(&nearby(&db, &["adopt"]).await, &verified);
    assert!(
        written.inserted > 20,
        "the writer ran beside it: {written:?}"
    );
    written.assert_is_there(&db).await;
    let moved = before.assert_kept(&db, written.inserted).await;
    assert_right_by_plain_sql(&db).await;

    println!(
        "{kind:?}, {rows} rows: look {looked:.1?}, apply {applying:.1?}, verify {verifying:.1?}"
    );
    for step in applied
        .stderr
        .lines()
        .filter(|line| line.starts_with("done in"))
    {
        println!("  {step}");
    }
    println!(
        "  the second client: {} inserted, {} updated, longest wait {:.1?}; {moved} points of others put right",
        written.inserted,
        2 * written.views,
        written.longest_wait
    );
}

async fn timed(db: &TestDatabase, args: &[&str]) -> (Duration, Ended) {
    let start = Instant::now();
    let ended = nearby(db, args).await;
    (start.elapsed(), ended)
}

/// What the table held before, kept in the database beside it.
struct Before {
    kind: Kind,
    rows: u32,
    checksum: i64,
}

impl Before {
    async fn of(db: &TestDatabase, kind: Kind, rows: u32) -> Self {
        if kind == Kind::WithLocation {
            db.execute("CREATE TABLE points_before AS SELECT id, location FROM diving_centers")
                .await;
        }
        let checksum = checksum(db, rows).await;
        Self {
            kind,
            rows,
            checksum,
        }
    }

    /// The lost index; how many rows that costs depends on when the writer is counted.
    fn headline(&self, found: &Ended) -> String {
        let told = stdout(found);
        let line = told.lines().find(|line| line.starts_with("rows "));
        let total = line.and_then(|line| line.split_whitespace().nth(1));
        let total: u32 = total
            .and_then(|total| total.parse().ok())
            .unwrap_or_else(|| panic!("no count in {told}"));
        assert!(total >= self.rows, "{told}");
        format!("diving_centers has no spatial index: every search reads all {total} rows")
    }

    /// Asserts that no row is gone and no other column written, and no point but
    /// those in drift; how many of these there were.
    async fn assert_kept(&self, db: &TestDatabase, inserted: u32) -> i64 {
        let total = db.number("SELECT COUNT(*) FROM diving_centers").await;
        assert_eq!(total, i64::from(self.rows) + i64::from(inserted));
        assert_eq!(
            checksum(db, self.rows).await,
            self.checksum,
            "another column was written"
        );
        if self.kind != Kind::WithLocation {
            return 0;
        }
        let moved = |which: &str| {
            format!(
                "SELECT COUNT(*) FROM diving_centers JOIN points_before b USING (id) \
                 WHERE diving_centers.location <> b.location AND id > {WRITERS_OWN} AND {which}"
            )
        };
        assert_eq!(
            db.number(&moved("id % 50 <> 1")).await,
            0,
            "a point was written that was right"
        );
        let in_drift = i64::from((self.rows - 1) / 50 - (WRITERS_OWN - 1) / 50);
        let moved = db.number(&moved("id % 50 = 1")).await;
        assert_eq!(moved, in_drift);
        moved
    }
}

/// Asks the server itself, not `nearby`, about every row.
async fn assert_right_by_plain_sql(db: &TestDatabase) {
    for (what, wrong) in [
        (
            "a point that is not at its coordinates",
            "SELECT COUNT(*) FROM diving_centers \
             WHERE latitude IS NOT NULL AND longitude IS NOT NULL \
             AND (ABS(ST_Latitude(location) - latitude) > 1e-9 \
                  OR ABS(ST_Longitude(location) - longitude) > 1e-9)",
        ),
        (
            "a row without coordinates that is not at the sentinel",
            "SELECT COUNT(*) FROM diving_centers \
             WHERE (latitude IS NULL OR longitude IS NULL) \
             AND (ST_Latitude(location) <> 0 OR ST_Longitude(location) <> 0)",
        ),
        (
            "a column that can be NULL or is of another reference system",
            "SELECT 1 - COUNT(*) FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
             AND COLUMN_NAME = 'location' AND DATA_TYPE = 'point' AND IS_NULLABLE = 'NO' \
             AND SRS_ID = 4326",
        ),
        (
            "no spatial index",
            "SELECT 1 - COUNT(*) FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
             AND COLUMN_NAME = 'location' AND INDEX_TYPE = 'SPATIAL' AND IS_VISIBLE = 'YES'",
        ),
        (
            "triggers other than the two",
            "SELECT 2 - COUNT(*) FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'diving_centers'",
        ),
    ] {
        assert_eq!(db.number(wrong).await, 0, "{what}");
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_whose_application_writes_locations_is_adopted_while_it_writes() {
    is_adopted_beside_a_writer(Kind::WithLocation).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_whose_application_knows_no_location_is_adopted_while_it_writes() {
    is_adopted_beside_a_writer(Kind::Ignorant).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_whose_application_names_no_columns_is_adopted_while_it_writes() {
    is_adopted_beside_a_writer(Kind::Positional).await;
}
