//! A database in which nothing is nearby's, and one table is adopted that holds no centers.

use super::neighbour::stdout;
use crate::cli::process::{Ended, run};
use crate::cli::served::Served;
use crate::support::TestDatabase;

const LOC: [&str; 2] = [
    "--declare",
    "loc: table=loc id=id name=name latitude=lat longitude=lng location=point",
];

async fn with_table(sql: &str) -> TestDatabase {
    let db = TestDatabase::mysql_empty().await;
    db.execute(sql).await;
    db
}

/// A database with nothing but a table `loc`.
async fn with_loc() -> TestDatabase {
    with_table(
        "CREATE TABLE loc (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, lat DOUBLE, lng DOUBLE); \
         INSERT INTO loc VALUES (1, 'one', 0, 0), (2, 'two', 0, 0.001)",
    )
    .await
}

/// A database with nothing but dive sites.
async fn with_sites() -> TestDatabase {
    with_table(
        "CREATE TABLE dive_sites (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, \
           latitude DOUBLE, longitude DOUBLE); \
         INSERT INTO dive_sites VALUES (1, 'one', 0, 0), (2, 'two', 0, 0.001)",
    )
    .await
}

fn on(db: &TestDatabase, args: &[&str], about: &[&str]) -> Ended {
    run(&[args, about, &["--database-url", db.url()]].concat())
}

async fn adopted(db: &TestDatabase, about: &[&str]) {
    on(db, &["adopt", "--apply"], about).assert(0, &[]);
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
    assert_eq!(db.number(tables).await, 1);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn every_command_works_on_it_without_a_table_of_ours() {
    for (db, about) in [
        (
            with_loc().await,
            &[&["--collection", "loc"], &LOC[..]].concat()[..],
        ),
        (with_sites().await, &["--collection", "dive-sites"]),
    ] {
        adopted(&db, about).await;
        let verified = on(&db, &["verify"], about);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        on(&db, &["backfill"], about).assert(0, &[]);
        let status = on(&db, &["migrate", "status"], &[]);
        status.assert(0, &[]);
        assert!(
            stdout(&status).contains("no migration is missing"),
            "{status:?}"
        );
        on(&db, &["export", "-"], about).assert(0, &["2 centers exported"]);
    }
}

/// As on every database of which nothing is adopted.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn centers_that_are_not_there_need_migrations() {
    let db = with_loc().await;
    on(&db, &["export", "-"], &LOC).assert(2, &["`nearby migrate up`"]);
    on(&db, &["verify"], &LOC).assert(1, &[]);
    on(&db, &["migrate", "status"], &[]).assert(1, &[]);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn it_is_served_as_the_default_collection() {
    for (db, declared, name) in [
        (with_loc().await, &LOC[..], "loc"),
        (with_sites().await, &[], "dive-sites"),
    ] {
        let about = [&["--collection", name], declared].concat();
        adopted(&db, &about).await;
        let serve = ["serve", "--bind", "127.0.0.1:0"];
        on(&db, &serve, declared).assert(
            2,
            &["diving_centers", "`nearby serve --default-collection NAME`"],
        );
        let default = ["--default-collection", name, "--database-url", db.url()];
        let served = Served::start(&[declared, &default].concat());
        let named = format!("/collections/{name}/nearby?lat=0&lng=0&radius_km=1");
        for path in ["/nearby?lat=0&lng=0&radius_km=1", &named] {
            assert_eq!(served.found_ids(path).await, [1, 2], "{path}");
        }
        assert_eq!(
            served
                .get("/collections/centers/nearby?lat=0&lng=0")
                .await
                .0,
            404
        );
    }
}
