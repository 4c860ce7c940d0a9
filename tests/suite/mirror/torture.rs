//! Anything by anybody, at random, for a while.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::json;

use super::{difference, metric, soon_the_same, swept_mirror};
use crate::api::server::{TestServer, center};

const LASTS: Duration = Duration::from_secs(10);
/// Few, so that writers meet.
const IDS: i64 = 60;

/// What another application may do.
fn foreign(random: &mut StdRng) -> String {
    let id = random.random_range(1..=IDS);
    let other = random.random_range(1..=IDS);
    let (latitude, longitude) = (
        random.random_range(-90..=90),
        random.random_range(-180..=180),
    );
    let n = random.random_range(0..10_000);
    match random.random_range(0..20) {
        0..4 => format!(
            "INSERT IGNORE INTO diving_centers (id, name, latitude, longitude, country) \
             VALUES ({id}, 'n{n}', {latitude}, {longitude}, 'GR'), ({other}, 'm{n}', {longitude} / 2, 1, NULL)"
        ),
        4..7 => format!(
            "UPDATE diving_centers SET latitude = {latitude}, name = 'u{n}' WHERE id = {id}"
        ),
        7 => format!("UPDATE diving_centers SET name = 'v{n}' WHERE id BETWEEN {id} AND {id} + 9"),
        8 => format!("UPDATE IGNORE diving_centers SET id = {other} WHERE id = {id}"),
        9 => format!("UPDATE diving_centers SET latitude = NULL WHERE id = {id}"),
        10..12 => format!("DELETE FROM diving_centers WHERE id = {id}"),
        12..14 => format!(
            "INSERT INTO center_ratings (diving_center_id, user_id, score) \
             VALUES ({id}, {other}, {}) AS new ON DUPLICATE KEY UPDATE score = new.score",
            random.random_range(1..=10)
        ),
        14 => format!("DELETE FROM center_ratings WHERE diving_center_id = {id}"),
        15 => format!(
            "INSERT IGNORE INTO diving_center_organizations (diving_center_id, diving_organization_id) \
             VALUES ({id}, {})",
            random.random_range(1..=3)
        ),
        16 => format!("DELETE FROM diving_center_organizations WHERE diving_center_id = {id}"),
        17 => format!("UPDATE diving_organizations SET name = 'name {n}' WHERE id = 1"),
        18 => format!(
            "REPLACE INTO diving_centers (id, name, latitude, longitude) \
             VALUES ({id}, 'r{n}', {latitude}, {longitude})"
        ),
        _ => format!(
            "BEGIN; DELETE FROM diving_centers WHERE id = {id}; \
             INSERT IGNORE INTO diving_centers (id, name, latitude, longitude) \
             VALUES ({id}, 't{n}', {latitude}, {longitude}); {}",
            if n % 3 == 0 { "ROLLBACK" } else { "COMMIT" }
        ),
    }
}

async fn write_over_http(server: &TestServer, random: &mut StdRng) {
    let id = random.random_range(1..=IDS);
    let path = format!("/centers/{id}");
    let latitude = f64::from(random.random_range(-90..=90));
    let answer = match random.random_range(0..4) {
        0 => server.request(Method::DELETE, &path).key().send().await,
        1 => {
            let changed = json!({"longitude": latitude});
            server
                .request(Method::PATCH, &path)
                .key()
                .merge_patch(&changed)
                .send()
                .await
        }
        2 => {
            let created = server.post("/centers", &center("ours", latitude, 1.0));
            created.send().await
        }
        _ => {
            let body = center("put", latitude, 2.0);
            server
                .request(Method::PUT, &path)
                .key()
                .json(&body)
                .send()
                .await
        }
    };
    // Deadlocks are the database's to say.
    assert!(
        answer.status < 500 || answer.status == 503,
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn after_anything_by_anybody_the_index_is_what_the_tables_say() {
    let server = swept_mirror().await;
    // Names are compared as well once anybody asks for one.
    server.found("/search?q=n").await;
    server
        .db
        .execute(
            "INSERT INTO diving_organizations (id, name, acronym) \
             VALUES (1, 'One', 'O1'), (2, 'Two', 'O2'), (3, 'Three', 'O3')",
        )
        .await;
    let seed = u64::from(rand::random::<u32>());
    println!("seed {seed}");
    let until = Instant::now() + LASTS;
    let foreigners = (0..3).map(|writer| {
        let server = &server;
        async move {
            let mut random = StdRng::seed_from_u64(seed + writer);
            let mut refused = 0;
            while Instant::now() < until {
                let sql = foreign(&mut random);
                // Deadlocks are the database's to say.
                if let Err(error) = server.db.try_execute(&sql).await {
                    assert!(error.contains("Deadlock"), "{sql}: {error}");
                    refused += 1;
                }
            }
            refused
        }
    });
    let ours = (3..5).map(|writer| {
        let server = &server;
        async move {
            let mut random = StdRng::seed_from_u64(seed + writer);
            while Instant::now() < until {
                write_over_http(server, &mut random).await;
            }
        }
    });
    let shapes = async {
        let mut n = 0;
        while Instant::now() < until {
            tokio::time::sleep(LASTS / 4).await;
            let sql = match n % 3 {
                0 => "ALTER TABLE diving_centers ADD COLUMN odd INT FIRST",
                1 => "ALTER TABLE center_ratings ADD COLUMN odd INT FIRST",
                _ => "ALTER TABLE diving_centers DROP COLUMN odd",
            };
            server.db.execute(sql).await;
            n += 1;
        }
    };
    let (refused, _, ()) = tokio::join!(join_all(foreigners), join_all(ours), shapes);
    soon_the_same(&server).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(difference(&server).await, None, "seed {seed}");
    let followed = metric(&server, "nearby_mirror_changes_total").await;
    let compared = metric(&server, "nearby_mirror_swept_rows_total").await;
    println!("{followed} keys followed, deadlocks {refused:?}, {compared} rows compared");
    assert!(
        compared > 1_000.0,
        "{compared} rows were compared meanwhile"
    );
    let mismatches = metric(&server, "nearby_mirror_mismatches_total").await;
    assert_eq!(mismatches, 0.0, "seed {seed}");
}
