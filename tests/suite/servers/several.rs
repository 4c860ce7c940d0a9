//! A URL that names several servers, of which the one that takes writes is killed.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::names_on;
use super::readers::Readers;
use super::writers::{Outcome, Write, Writers, are_as_told, back_after, count};
use crate::api::server::{TestServer, center};
use crate::cli::process::run;
use crate::mirror::{metric, reloads};
use crate::support::{Group, OwnServer, TestDatabase};

/// Within this time after there is a server that takes writes, all are made.
const SOON: Duration = Duration::from_secs(3);

/// The URL of a database on all of these.
fn url_of(servers: &[&OwnServer], database: &str) -> String {
    let hosts: Vec<&str> = servers
        .iter()
        .map(|server| server.url().rsplit_once('@').unwrap().1)
        .collect();
    format!("mysql://root@{}/{database}?write=primary", hosts.join(","))
}

/// An instance on servers that others started, of which one stays.
async fn instance(servers: &[&OwnServer], database: &str) -> TestServer {
    let stays = servers.last().unwrap();
    let db = TestDatabase::mysql_at(&format!("{}/{database}", stays.url())).await;
    let url = url_of(servers, database);
    TestServer::start_mirror(db, &url, Vec::new()).await
}

/// A database on a server.
async fn database_on(server: &OwnServer) -> String {
    let db = TestDatabase::mysql_on(server.url()).await.kept();
    db.url().rsplit('/').next().unwrap().to_owned()
}

/// Compares what an instance holds with what a server holds.
async fn agree(instance: &TestServer, server: &OwnServer, database: &str) {
    let url = format!("{}/{database}", server.url());
    let mirror = format!("http://{}", instance.address);
    let args = ["verify", "--database-url", &url, "--mirror", &mirror].map(str::to_owned);
    let ended = tokio::task::spawn_blocking(move || run(&args)).await;
    ended.unwrap().assert(0, &[]);
}

async fn nothing_was_loaded_anew(instance: &TestServer) {
    // Of each collection.
    assert_eq!(reloads(instance, "start").await, 2.0);
    for reason in [
        "other_history",
        "undecodable",
        "unreadable",
        "purged",
        "schema",
    ] {
        assert_eq!(reloads(instance, reason).await, 0.0, "{reason}");
    }
    assert_eq!(
        metric(instance, "nearby_mirror_mismatches_total").await,
        0.0
    );
}

fn tell(writes: &[Write], reads: usize, back: Option<Duration>) {
    println!(
        "{reads} reads answered; {} writes made, {} refused, {} unsettled; back {back:?} after a server took writes",
        count(writes, Outcome::Made),
        count(writes, Outcome::NotMade),
        count(writes, Outcome::Unsettled)
    );
}

async fn for_a_while() {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_replica_takes_the_place_of_a_source_that_was_killed() {
    let (first, second) = (OwnServer::start(), OwnServer::start());
    // A write is acknowledged once the replica has it.
    first
        .execute(
            "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'; \
             SET GLOBAL rpl_semi_sync_source_enabled = ON, \
                 GLOBAL rpl_semi_sync_source_timeout = 60000",
        )
        .await;
    second
        .execute(
            "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'; \
             SET GLOBAL rpl_semi_sync_replica_enabled = ON",
        )
        .await;
    second.follows(&first).await;
    let database = database_on(&first).await;
    second.is_level_with(&first).await;
    let server = instance(&[&first, &second], &database).await;
    let seeded = server.seed(&[center("seed", 1.0, 1.0)]).await[0];
    let readers = Readers::of(&server, seeded);
    let clients = Writers::of(&server);
    for_a_while().await;

    first.kill();
    for_a_while().await;
    second.has_done_all_it_received().await;
    second.is_promoted().await;
    let since = Instant::now();
    for_a_while().await;
    for_a_while().await;

    let writes = clients.stop().await;
    let reads = readers.stop().await;
    let back = back_after(&writes, since);
    tell(&writes, reads, back);
    assert!(back.is_some_and(|back| back < SOON), "{back:?}");
    are_as_told(&writes, &names_on(&second, &database).await);
    nothing_was_loaded_anew(&server).await;
    agree(&server, &second, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn three_instances_on_a_group_outlive_its_primary() {
    let mut group = Group::start().await;
    let database = database_on(&group.members[0]).await;
    for member in &group.members[1..] {
        member.is_level_with(&group.members[0]).await;
    }
    let all: Vec<&OwnServer> = group.members.iter().collect();
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(instance(&all, &database).await);
    }
    let seed: Vec<Value> = (0..30).map(|n| center("seed", 1.0, f64::from(n))).collect();
    let seeded = instances[0].seed(&seed).await;
    are_found_on_all(&instances, &seeded).await;
    a_cursor_of_one_goes_on_at_another(&instances, &seeded).await;
    what_was_written_is_read_at_once(&instances[2]).await;

    let readers: Vec<Readers> = instances
        .iter()
        .map(|instance| Readers::of(instance, seeded[0]))
        .collect();
    let clients: Vec<Writers> = instances.iter().map(Writers::of).collect();
    for_a_while().await;
    let killed = Instant::now();
    group.members[0].kill();
    let since = group.has_a_primary_again().await;
    println!("the group had a new primary after {:?}", since - killed);
    for_a_while().await;
    for_a_while().await;

    let mut writes = Vec::new();
    let mut reads = 0;
    for client in clients {
        writes.extend(client.stop().await);
    }
    for reader in readers {
        reads += reader.stop().await;
    }
    let back = back_after(&writes, since);
    tell(&writes, reads, back);
    assert!(back.is_some_and(|back| back < SOON), "{back:?}");
    let killed = group.members.remove(0);
    drop(killed);
    group.members[1].is_level_with(&group.members[0]).await;
    group.members[0].is_level_with(&group.members[1]).await;
    are_as_told(&writes, &names_on(&group.members[0], &database).await);
    let id = instances[1].seed(&[center("after", 2.0, 2.0)]).await;
    are_found_on_all(&instances, &id).await;
    what_was_written_is_read_at_once(&instances[2]).await;
    for instance in &instances {
        nothing_was_loaded_anew(instance).await;
        for member in &group.members {
            agree(instance, member, &database).await;
        }
    }
}

/// Each answers the same.
async fn are_found_on_all(instances: &[TestServer], ids: &[i64]) {
    for instance in instances {
        instance
            .soon("what was written is found", async || {
                let found = instance.found_ids("/nearest?lat=2&lng=2&limit=1000").await;
                ids.iter().all(|id| found.contains(id))
            })
            .await;
    }
}

/// By its id, by a list and by a search, on the instance that wrote it.
async fn what_was_written_is_read_at_once(instance: &TestServer) {
    for number in 0..10 {
        let mut written = center("at once", -60.0, 60.0);
        let country = format!("Land {number}");
        written["country"] = Value::from(country.as_str());
        let id = instance.seed(&[written]).await[0];
        let read = instance.found(&format!("/centers/{id}")).await;
        assert_eq!(read["id"], id);
        let list = format!("/centers?country={country}");
        assert!(instance.found_ids(&list).await.contains(&id));
        let found = instance.found_ids("/nearby?lat=-60&lng=60&radius_m=1&limit=1000");
        assert!(found.await.contains(&id));
    }
}

async fn a_cursor_of_one_goes_on_at_another(instances: &[TestServer], ids: &[i64]) {
    let mut found = Vec::new();
    let mut cursor = String::new();
    for instance in instances.iter().cycle() {
        let path = format!("/nearest?lat=1&lng=0&limit=7{cursor}");
        let answer = instance.found(&path).await;
        found.extend(crate::api::server::ids_of(&answer));
        match answer["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ids);
}
