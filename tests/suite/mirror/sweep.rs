//! What no log tells is found by comparing.

use sqlx::{AssertSqlSafe, Executor as _};

use super::{
    difference, held, metric, mirror, soon_the_same, stored, swept_mirror, unswept_mirror,
};
use crate::api::server::{TestServer, center};

const MISMATCHES: &str = "nearby_mirror_mismatches_total";
const SWEEPS: &str = "nearby_mirror_sweeps_total";

/// Runs statements of which the log has no word.
pub(super) async fn unlogged(server: &TestServer, statements: &[&str]) {
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    theirs.execute("SET SESSION sql_log_bin = 0").await.unwrap();
    for statement in statements {
        let done = theirs.execute(AssertSqlSafe((*statement).to_owned())).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    theirs.close_on_drop();
}

/// Waits until all tables were compared from the beginning to the end.
async fn whole_sweep(server: &TestServer) {
    let done = metric(server, SWEEPS).await;
    server
        .soon("everything was compared", async || {
            // Both collections, and the one that was under way.
            metric(server, SWEEPS).await >= done + 4.0
        })
        .await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rows_that_the_log_does_not_tell_of_are_found_mended_and_counted() {
    let server = swept_mirror().await;
    let seed: Vec<_> = (0..20).map(|n| center("c", f64::from(n), 1.0)).collect();
    let ids = server.seed(&seed).await;
    whole_sweep(&server).await;
    assert_eq!(metric(&server, MISMATCHES).await, 0.0);
    let [updated, deleted, rated, moved] = [ids[3], ids[7], ids[11], ids[13]];
    for (statement, mismatches) in [
        (
            "INSERT INTO diving_centers (name, latitude, longitude) VALUES ('new', 50, 50)"
                .to_owned(),
            1.0,
        ),
        (
            format!("UPDATE diving_centers SET name = 'other' WHERE id = {updated}"),
            2.0,
        ),
        (
            format!("UPDATE diving_centers SET latitude = 0.123 WHERE id = {moved}"),
            3.0,
        ),
        (
            format!("DELETE FROM diving_centers WHERE id = {deleted}"),
            4.0,
        ),
        (
            format!(
                "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({rated}, 1, 9)"
            ),
            5.0,
        ),
    ] {
        let before = difference(&server).await;
        assert_eq!(before, None, "before {statement}");
        unlogged(&server, &[&statement]).await;
        soon_the_same(&server).await;
        server
            .soon("it is counted", async || {
                metric(&server, MISMATCHES).await >= mismatches
            })
            .await;
        whole_sweep(&server).await;
        assert_eq!(metric(&server, MISMATCHES).await, mismatches, "{statement}");
    }
    assert_eq!(held(&server, "").await.len(), 20);
}

/// What goes with a row before MySQL 9.6 is logged by nobody; as then.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn organizations_and_names_that_the_log_does_not_tell_of_are_found() {
    let server = swept_mirror().await;
    let ids = server
        .seed(&[center("Alpha", 1.0, 1.0), center("Beta", 2.0, 2.0)])
        .await;
    server
        .db
        .execute(&format!(
            "INSERT INTO diving_organizations (id, name, acronym) VALUES (1, 'One', 'O1'); \
             INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) \
             VALUES ({}, 1)",
            ids[0]
        ))
        .await;
    soon_the_same(&server).await;
    let named = async |name: &str| server.found_ids(&format!("/search?q={name}")).await;
    assert_eq!(named("alph").await, [ids[0]], "names are loaded");
    unlogged(
        &server,
        &[
            "UPDATE diving_organizations SET acronym = 'O2'",
            "DELETE FROM diving_center_organizations",
            "INSERT INTO diving_centers (name) VALUES ('Nowhere')",
        ],
    )
    .await;
    server
        .soon("the name is found", async || named("nowh").await.len() == 1)
        .await;
    server
        .soon("nobody is of it", async || {
            let of_it = server.get("/nearest?lat=1&lng=1&organization=o2");
            of_it.send().await.json()["centers"] == serde_json::json!([])
        })
        .await;
    soon_the_same(&server).await;
    whole_sweep(&server).await;
    // The center that left, the one without a place, and what the organization is called.
    assert_eq!(metric(&server, MISMATCHES).await, 3.0);
    unlogged(
        &server,
        &["DELETE FROM diving_centers WHERE name = 'Nowhere'"],
    )
    .await;
    whole_sweep(&server).await;
    assert_eq!(metric(&server, MISMATCHES).await, 4.0);
}

/// More than are compared at once, on either side.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn many_rows_that_the_log_does_not_tell_of_are_found() {
    let server = swept_mirror().await;
    server
        .db
        .execute(
            "INSERT INTO diving_centers (name, latitude, longitude) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
             SELECT 'c', i % 90, i % 180 FROM n",
        )
        .await;
    soon_the_same(&server).await;
    unlogged(
        &server,
        &[
            "DELETE FROM diving_centers ORDER BY id LIMIT 700",
            "INSERT INTO diving_centers (name, latitude, longitude) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
             SELECT 'new', 1, 1 FROM n",
        ],
    )
    .await;
    soon_the_same(&server).await;
    server
        .soon("all are counted", async || {
            metric(&server, MISMATCHES).await >= 1_300.0
        })
        .await;
    whole_sweep(&server).await;
    assert_eq!(metric(&server, MISMATCHES).await, 1_300.0);
    assert_eq!(stored(&server, "TRUE").await.len(), 900);
}

/// As at a rate of none.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn nothing_is_compared_where_that_is_not_wanted() {
    let server = unswept_mirror().await;
    server.seed(&[center("c", 1.0, 1.0)]).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(metric(&server, SWEEPS).await, 0.0);
    drop(server);
    let server = mirror().await;
    whole_sweep(&server).await;
}
