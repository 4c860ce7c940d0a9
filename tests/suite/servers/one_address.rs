//! One address, and a server behind it that takes no writes for a while, or gives way to
//! another.

use std::time::{Duration, Instant};

use super::names_on;
use super::writers::{Outcome, Write, Writers, are_as_told, back_after, count};
use crate::api::server::TestServer;
use crate::support::{Address, OwnServer, TestDatabase};

/// Within this time after a server takes writes, all are made.
const SOON: Duration = Duration::from_secs(2);

fn database_of(db: &TestDatabase) -> &str {
    db.url().rsplit('/').next().expect("it names a database")
}

/// Some writes were refused, and all are made soon after a server takes them.
fn were_refused_and_are_soon_back(writes: &[Write], since: Instant) {
    let back = back_after(writes, since);
    let refused = count(writes, Outcome::NotMade);
    println!(
        "{} writes made, {refused} refused, back after {back:?}",
        count(writes, Outcome::Made)
    );
    assert!(refused > 0, "none was refused");
    assert!(back.is_some_and(|back| back < SOON), "{back:?}");
}

async fn for_a_while() {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn writes_are_back_as_soon_as_a_server_takes_them_again() {
    let alone = OwnServer::start();
    let db = TestDatabase::mysql_on(alone.url()).await;
    let server = TestServer::start(db).await;
    let clients = Writers::of(&server);
    for_a_while().await;
    alone.execute("SET GLOBAL super_read_only = ON").await;
    for_a_while().await;
    assert!(server.get("/nearest?lat=1&lng=1").send().await.status == 200);
    let since = Instant::now();
    alone
        .execute("SET GLOBAL super_read_only = OFF, GLOBAL read_only = OFF")
        .await;
    for_a_while().await;
    let writes = clients.stop().await;
    were_refused_and_are_soon_back(&writes, since);
    are_as_told(&writes, &names_on(&alone, database_of(&server.db)).await);
}

/// Connections to the server that gave way stay open all the while.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn writes_are_back_soon_after_another_server_was_promoted() {
    let (first, second) = (OwnServer::start(), OwnServer::start());
    second.follows(&first).await;
    let db = TestDatabase::mysql_on(first.url()).await.kept();
    let address = Address::of(&db).await;
    let server = TestServer::start_mirror(db, address.url(), Vec::new()).await;
    let clients = Writers::of(&server);
    for_a_while().await;

    first.execute("SET GLOBAL super_read_only = ON").await;
    second.is_level_with(&first).await;
    second.is_promoted().await;
    address.leads_to(second.url());
    let since = Instant::now();
    first.follows(&second).await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    let writes = clients.stop().await;
    were_refused_and_are_soon_back(&writes, since);
    are_as_told(&writes, &names_on(&second, database_of(&server.db)).await);
    first.is_level_with(&second).await;
}
