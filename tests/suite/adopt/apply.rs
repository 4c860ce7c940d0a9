//! The whole way, with a second client that writes all the while.

use std::time::{Duration, Instant};

use super::neighbour::{
    Kind, WRITERS_OWN, Writer, assert_adopted, assert_told, checksum, divemap, nearby, rows, stdout,
};
use crate::cli::process::Ended;
use crate::support::TestDatabase;

/// With `NEARBY_ADOPT_ROWS=100000` and `--nocapture`, this is the proof that
/// `docs/ADOPTING.md` describes.
async fn is_adopted_beside_a_writer(kind: Kind) {
    let rows = rows(3_000);
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
    assert_told(&applied, &["diving_centers is adopted"]);
    // Beside the writer still: what it writes meanwhile is no drift.
    let (verifying, verified) = timed(&db, &["verify"]).await;
    assert_told(&verified, &["in drift                        0"]);
    let written = writer.stop().await;

    assert_adopted(&db, rows, before.checksum, &written).await;
    let moved = before.moved(&db).await;

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

    /// Asserts that no point was written but those in drift; how many of these
    /// there were.
    async fn moved(&self, db: &TestDatabase) -> i64 {
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
