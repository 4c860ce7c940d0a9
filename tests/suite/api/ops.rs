//! `/healthz`, `/readyz`, `/metrics`, `/openapi.yaml`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use nearby::store::Collection;
use nearby::upkeep::Upkeep;

use super::server::{TestServer, center};
use crate::support::{TestDatabase, connect, on_both_stores};

on_both_stores! {
    async fn a_database_that_is_away_is_told_apart_from_death(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 0.0, 0.0)]).await;
        server.db.database().close().await;
        assert_eq!(server.get("/healthz").send().await.status, 200);
        let ready = server.get("/readyz").send().await;
        ready.problem(503, "database_unavailable");
        assert_eq!(ready.header("retry-after"), "5");
        for path in ["/centers", "/centers/1"] {
            server.get(path).send().await.problem(503, "database_unavailable");
        }
        let write = server.post("/centers", &center("b", 0.0, 0.0)).send().await;
        let problem = write.problem(503, "database_unavailable");
        // The cause is for the log.
        assert!(!problem.to_string().contains("pool"), "{problem}");
        let search = server.get("/nearby?lat=0&lng=0").send().await;
        if server.db.is_mysql() {
            search.problem(503, "database_unavailable");
        } else {
            // From memory searches go on.
            assert_eq!(search.json()["count"], 1);
        }
        assert_eq!(server.get("/metrics").send().await.status, 200);
    }

    async fn metrics_tell_of_requests_writes_and_the_pool(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 0.0, 0.0), center("b", 0.0, 0.0)]).await;
        server.found("/nearby?lat=0&lng=0").await;
        server.found("/nearest?lat=0&lng=0").await;
        server.get("/nearby").send().await;
        server.get("/no/such/path").send().await;
        server.get("/nor/this").send().await;
        server.found(&format!("/centers/{}", ids[0])).await;
        let text = server.get("/metrics").send().await.text();
        let engine = if server.db.is_mysql() { "sql" } else { "memory" };
        let requests = |labels: &str| format!("nearby_http_requests_total{{engine=\"{engine}\",{labels}}}");
        for line in [
            requests(r#"method="GET",route="/nearby",status="2xx""#) + " 1",
            requests(r#"method="GET",route="/nearby",status="4xx""#) + " 1",
            requests(r#"method="GET",route="unmatched",status="4xx""#) + " 2",
            requests(r#"method="GET",route="/centers/{id}",status="2xx""#) + " 1",
            "nearby_writes_total{operation=\"batch\"} 1".to_owned(),
            "nearby_search_results_sum 4".to_owned(),
            "nearby_search_results_count 2".to_owned(),
            format!("nearby_index_centers{{collection=\"centers\"}} {}", if server.db.is_mysql() { 0 } else { 2 }),
            "nearby_pool_connections{state=\"idle\"} ".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.contains("nearby_http_request_duration_seconds_bucket"));
        assert!(text.contains(&format!("nearby_build_info{{engine=\"{engine}\",version=")));
        lint(&text);
    }

    async fn drift_is_told_and_mended_only_where_that_is_wanted(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(7).await;
        if !db.is_mysql() {
            // What MySQL's triggers would not let in.
            db.execute("INSERT INTO dive_sites (name, latitude, longitude) VALUES ('a', 1, 2)").await;
        }
        let sites = i32::from(!db.is_mysql());
        let upkeep = |mend: bool| Upkeep {
            allowed: Vec::new(),
            collections: Collection::built_in().into(),
            every: Duration::from_millis(50),
            mend,
        };
        let tells = async |server: &TestServer, line: &str| {
            server.eventually(line, async || {
                server.get("/metrics").send().await.text().contains(line)
            }).await;
        };
        let server = TestServer::start_with(db, |settings| settings.upkeep = Some(upkeep(false))).await;
        tells(&server, "nearby_fault_rows{collection=\"centers\",fault=\"drift\"} 7").await;
        tells(&server, &format!("nearby_fault_rows{{collection=\"dive-sites\",fault=\"drift\"}} {sites}")).await;
        let db = server.stop().await;
        let server = TestServer::start_with(db, |settings| settings.upkeep = Some(upkeep(true))).await;
        let written = 7 + sites;
        tells(&server, &format!("nearby_backfill_rows_total{{outcome=\"written\"}} {written}")).await;
        for collection in ["centers", "dive-sites"] {
            let mended = format!("nearby_fault_rows{{collection=\"{collection}\",fault=\"drift\"}} 0");
            tells(&server, &mended).await;
        }
    }
}

/// Asks `promtool`, where there is one; CI has one.
fn lint(metrics: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Ok(promtool) => promtool,
        Err(error) if std::env::var_os("CI").is_none() => {
            return eprintln!("promtool is not there ({error}): metrics are not linted");
        }
        Err(error) => panic!("CI needs promtool (Debian: prometheus): {error}"),
    };
    let mut input = promtool.stdin.take().expect("it was asked for");
    input.write_all(metrics.as_bytes()).expect("it reads");
    drop(input);
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[tokio::test]
async fn until_the_index_is_loaded_the_service_is_alive_but_not_ready() {
    let db = TestDatabase::sqlite().await;
    // A database that is away keeps the index from being loaded.
    db.database().close().await;
    let server = TestServer::launch(db, |_| {});
    assert_eq!(server.get("/healthz").send().await.status, 200);
    let ready = server.get("/readyz").send().await;
    ready.problem(503, "index_loading");
    assert_eq!(ready.header("retry-after"), "1");
    for path in ["/nearby?lat=0&lng=0", "/nearest?lat=0&lng=0"] {
        server.get(path).send().await.problem(503, "index_loading");
    }
    let batch = serde_json::json!({ "queries": [{ "lat": 0, "lng": 0 }] });
    server
        .post("/nearby/batch", &batch)
        .send()
        .await
        .problem(503, "index_loading");
    // What is wrong with a request is told all the same.
    server
        .get("/nearby")
        .send()
        .await
        .problem(400, "parameter_missing");
}

#[tokio::test]
async fn what_another_process_writes_to_the_file_is_found() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    server.seed(&[center("ours", 0.0, 0.0)]).await;
    // Connections of their own are to SQLite what another process is.
    let other = connect(server.db.url()).await;
    let store = nearby::store::Store::new(&other, &nearby::store::Collection::diving_centers());
    let text = nearby::domain::CenterText {
        name: "theirs".into(),
        ..Default::default()
    };
    for count in 2..4 {
        let draft =
            nearby::domain::CenterDraft::with_coordinates(text.clone(), Some(0.0), Some(0.0));
        store.create(&draft.unwrap()).await.unwrap();
        server
            .eventually("their center is found", async || {
                server.found_ids("/nearby?lat=0&lng=0").await.len() == count
            })
            .await;
    }
}

#[tokio::test]
async fn the_contract_is_served_as_it_is_in_the_repository() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let answer = server.get("/openapi.yaml").send().await;
    assert_eq!(answer.text(), include_str!("../../../openapi.yaml"));
}
