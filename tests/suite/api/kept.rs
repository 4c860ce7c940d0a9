//! What clients and caches keep of answers: tags, 304, and for how long.

use std::time::Duration;

use nearby::app::CachePolicy;
use reqwest::Method;
use serde_json::json;

use super::server::{Answer, TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

/// Where links lead, whichever port a test listens at.
const HOST: &str = "maps.example";

/// Two centers, and every way to read them.
async fn seeded(server: &TestServer) -> (Vec<i64>, Vec<String>) {
    let ids = server
        .seed(&[center("here", 1.0, 1.0), center("there", 1.001, 1.0)])
        .await;
    let one = format!("/centers/{}", ids[0]);
    let paths = [
        "/nearby?lat=1&lng=1",
        "/nearby?lat=1&lng=1&format=geojson",
        "/nearby?lat=1&lng=1&limit=1&count=true&facets=country&fields=id,name",
        "/nearest?lat=1&lng=1&limit=1",
        "/within?bbox=0,0,2,2",
        "/within?bbox=0.98,0.98,1.02,1.02&zoom=14",
        "/tiles/centers/14/8237/8146.mvt",
        "/search?q=here",
        "/centers?limit=1",
        "/collections/centers/items",
        &one,
        "/api/v1/diving-centers/nearby?lat=1&lng=1",
        "/api/v1/diving-centers",
    ];
    (ids, paths.map(str::to_owned).to_vec())
}

async fn asked_again(server: &TestServer, path: &str, tag: &str) -> Answer {
    server.get(path).header("if-none-match", tag).send().await
}

on_both_stores! {
    async fn what_a_client_has_is_not_sent_again_until_a_write_shows(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let (ids, paths) = seeded(&server).await;
        let mut tags = Vec::new();
        for path in &paths {
            let answer = server.get(path).send().await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let tag = answer.header("etag").to_owned();
            for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
                let again = asked_again(&server, path, &known).await;
                assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
                assert_eq!(again.header("etag"), tag);
                assert_eq!(again.header("cache-control"), "no-cache");
                assert_eq!(again.header("vary"), answer.header("vary"));
                assert!(!again.headers.contains_key("content-type"), "{path}");
            }
            let head = server.request(Method::HEAD, path).header("if-none-match", &tag);
            assert_eq!(head.send().await.status, 304, "{path}");
            assert_eq!(asked_again(&server, path, "\"another\"").await.status, 200, "{path}");
            tags.push(tag);
        }
        // A write that no answer shows.
        server.seed(&[center("far", -60.0, 100.0)]).await;
        for (path, tag) in paths.iter().zip(&tags).take(8) {
            assert_eq!(asked_again(&server, path, tag).await.status, 304, "{path}");
        }
        let renamed = json!({ "name": "here it is", "country": "GR" });
        let path = format!("/centers/{}", ids[0]);
        server.request(Method::PATCH, &path).key().merge_patch(&renamed).send().await;
        for (path, tag) in paths.iter().zip(&tags) {
            let answer = asked_again(&server, path, tag).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_ne!(answer.header("etag"), tag, "{path}");
        }
    }

    async fn tags_are_the_same_after_a_restart(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let (_, paths) = seeded(&server).await;
        let mut tags = Vec::new();
        for path in &paths {
            tags.push(server.get(path).header("host", HOST).send().await.header("etag").to_owned());
        }
        let server = TestServer::start(server.stop().await).await;
        for (path, tag) in paths.iter().zip(&tags) {
            assert_eq!(server.get(path).header("host", HOST).send().await.header("etag"), tag, "{path}");
            let again = server.get(path).header("host", HOST).header("if-none-match", tag);
            assert_eq!(again.send().await.status, 304, "{path}");
        }
    }

    async fn what_is_refused_written_or_asked_by_operators_has_no_tag(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for path in ["/nearby", "/nothing", "/centers/7", "/healthz", "/readyz", "/metrics"] {
            let answer = server.get(path).header("if-none-match", "*").send().await;
            assert_ne!(answer.status, 304, "{path}");
            assert!(!answer.headers.contains_key("etag"), "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
        let created = server.post("/centers", &center("a", 0.0, 0.0)).send().await;
        assert!(!created.headers.contains_key("etag"));
        let queries = json!({ "queries": [{ "lat": 0, "lng": 0 }] });
        let found = server.post("/nearby/batch", &queries).header("if-none-match", "*");
        let found = found.send().await;
        assert_eq!(found.status, 200);
        assert!(!found.headers.contains_key("etag"));
    }
}

#[tokio::test]
async fn answers_may_be_kept_as_long_as_the_operator_says() {
    for (max_age, stale, said) in [
        (60, 0, "max-age=60"),
        (60, 600, "max-age=60, stale-while-revalidate=600"),
        (0, 5, "max-age=0, stale-while-revalidate=5"),
        (0, 0, "no-cache"),
    ] {
        let policy = CachePolicy {
            max_age: Duration::from_secs(max_age),
            stale_while_revalidate: Duration::from_secs(stale),
        };
        let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
            settings.cache_policy = policy;
        })
        .await;
        let (_, paths) = seeded(&server).await;
        for path in &paths {
            let answer = server.get(path).send().await;
            assert_eq!(answer.header("cache-control"), said, "{path}");
            let again = asked_again(&server, path, answer.header("etag")).await;
            assert_eq!(again.status, 304);
            assert_eq!(again.header("cache-control"), said, "{path}");
        }
        let empty = server.get("/tiles/centers/14/0/0.mvt").send().await;
        assert_eq!((empty.status, empty.header("cache-control")), (204, said));
        for (path, said) in [
            ("/healthz", "no-store"),
            ("/nearby", "no-store"),
            ("/docs", "no-cache"),
        ] {
            let answer = server.get(path).send().await;
            assert_eq!(answer.header("cache-control"), said, "{path}");
        }
        let created = server.post("/centers", &center("a", 0.0, 0.0)).send().await;
        assert_eq!(created.header("cache-control"), "no-cache");
    }
}

#[tokio::test]
async fn views_that_are_counted_leave_the_tag_of_the_row_as_it_is() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let (ids, _) = seeded(&server).await;
    let path = format!("/centers/{}", ids[0]);
    let parts = |answer: &Answer| {
        let tag = answer.header("etag").trim_matches('"').to_owned();
        tag.split_once('.')
            .map(|(row, content)| (row.to_owned(), content.to_owned()))
            .expect("two digests")
    };
    let before = parts(&server.get(&path).send().await);
    let shown = parts(&server.get(&format!("{path}?fields=name")).send().await);
    assert_eq!(shown.0, before.0);
    assert_ne!(shown.1, before.1);
    let sql = format!(
        "UPDATE diving_centers SET view_count = 9 WHERE id = {}",
        ids[0]
    );
    server.db.execute(&sql).await;
    let viewed = parts(&server.get(&path).send().await);
    assert_eq!(viewed.0, before.0);
    assert_ne!(viewed.1, before.1);
}
