//! The whole way, with a second client that writes all the while.

use std::time::Instant;

use super::neighbour::{Kind, Writer, assert_sound, checksum, divemap, nearby, stdout};

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
    let before = checksum(&db, rows).await;
    let writer = Writer::start(&db, kind);

    let found = nearby(&db, &["adopt"]).await;
    found.assert(1, &[]);
    let first = stdout(&found).lines().next().expect("it says something");
    assert!(
        first.starts_with("diving_centers has no spatial index"),
        "{first}"
    );

    let start = Instant::now();
    let applied = nearby(&db, &["adopt", "--apply"]).await;
    let took = start.elapsed();
    applied.assert(0, &["make the spatial index"]);
    assert!(
        stdout(&applied).contains("diving_centers is adopted"),
        "{}",
        stdout(&applied)
    );

    let written = writer.stop().await;
    println!(
        "{kind:?}: {rows} rows adopted in {took:.1?}; {} inserted meanwhile, longest wait {:.1?}",
        written.inserted, written.longest_wait
    );
    assert!(
        written.inserted > 20,
        "the writer ran beside it: {written:?}"
    );
    assert_sound(
        &nearby(&db, &["adopt"]).await,
        &nearby(&db, &["verify"]).await,
    );
    assert_eq!(
        checksum(&db, rows).await,
        before,
        "another column was written"
    );
    written.assert_is_there(&db).await;
    let total = i64::from(rows) + i64::from(written.inserted);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM diving_centers").await,
        total
    );
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
