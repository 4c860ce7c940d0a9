//! What holds of every request: its id, its connection, its headers.

use super::server::{Answer, TestServer, center, ids_of};
use crate::support::{TestDatabase, on_both_stores};
use reqwest::Method;

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let given = server
        .get("/nearby")
        .header("x-request-id", "abc-1.2_3")
        .send()
        .await;
    assert_eq!(given.header("x-request-id"), "abc-1.2_3");
    assert_eq!(given.json()["request_id"], "abc-1.2_3");
    for bad in ["a b", "a\"b", &"a".repeat(129)] {
        let answer = server
            .get("/healthz")
            .header("x-request-id", bad)
            .send()
            .await;
        assert_eq!(answer.header("x-request-id").len(), 16);
    }
    let one = server.get("/healthz").send().await;
    let other = server.get("/healthz").send().await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let path = "/nearby?lat=0&lng=0";
    let kept = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").repeat(5);
    let last = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let answers = server.raw(format!("{kept}{last}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 6);
}

#[tokio::test]
async fn answers_are_not_reused_unasked() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let search = server.get("/nearby?lat=0&lng=0").send().await;
    assert_eq!(search.header("cache-control"), "no-cache");
    assert_eq!(search.header("vary"), "Accept, Accept-Encoding");
    assert_eq!(
        server.get("/nearby").send().await.header("cache-control"),
        "no-store"
    );
    let created = server.post("/centers", &center("a", 0.0, 0.0)).send().await;
    assert_eq!(created.header("cache-control"), "no-cache");
}

/// The parts of `Server-Timing`, in milliseconds.
fn timing(answer: &Answer) -> Vec<(String, f64)> {
    let parts = answer.header("server-timing").split(", ");
    let read = |part: &str| {
        let (name, took) = part.split_once(";dur=").expect("a name and a duration");
        (name.to_owned(), took.parse().expect("milliseconds"))
    };
    parts.map(read).collect()
}

on_both_stores! {
    async fn every_answer_says_how_long_it_took_and_the_search_within(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 0.0, 0.0), center("b", 0.001, 0.0)]).await;
        for path in [
            "/nearby?lat=0&lng=0",
            "/nearest?lat=0&lng=0&fields=id",
            "/within?bbox=-1,-1,1,1&count=true",
            "/within?bbox=-1,-1,1,1&zoom=3",
            "/tiles/centers/3/4/4.mvt",
            "/centers",
            "/search?q=a",
        ] {
            let answer = server.get(path).send().await;
            let parts = timing(&answer);
            let [(total, whole), (search, part)] = &parts[..] else {
                panic!("{path}: {parts:?}")
            };
            assert_eq!((total.as_str(), search.as_str()), ("total", "search"), "{path}");
            assert!(0.0 < *part && part <= whole, "{path}: {parts:?}");
        }
        for path in ["/healthz", "/nearby?lat=91&lng=0", "/nothing"] {
            let parts = timing(&server.get(path).send().await);
            assert_eq!((parts.len(), parts[0].0.as_str()), (1, "total"), "{path}: {parts:?}");
        }
    }

    async fn a_link_leads_to_the_next_page_until_there_is_none(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let places: Vec<_> = (0..5).map(|n| center("a & b", 0.0, f64::from(n) / 1_000.0)).collect();
        server.seed(&places).await;
        for (path, member) in [
            ("/nearby?lat=0&lng=0&limit=2&filter=name%3D'a%20%26%20b'", "centers"),
            ("/nearest?limit=2&lat=0&lng=0&fields=id,name", "centers"),
            ("/within?bbox=-1,-1,1,1&limit=2", "centers"),
            ("/centers?limit=2&fields=id", "centers"),
            ("/collections/centers/items?limit=2&format=json", "centers"),
        ] {
            let mut address = format!("http://{}{path}", server.address);
            let mut found = Vec::new();
            for page in 1.. {
                let path = address.strip_prefix(&format!("http://{}", server.address)).unwrap();
                let answer = server.get(path).send().await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                let body = answer.json();
                assert_eq!(answer.headers.contains_key("link"), body["next"].is_string(), "{path}");
                found.extend(ids_of(&body));
                assert_eq!(body[member].as_array().unwrap().len(), [2, 2, 1][page - 1], "{path}");
                if page == 3 {
                    break;
                }
                let (target, rest) = answer.header("link").split_once('>').unwrap();
                assert_eq!(rest, "; rel=\"next\"");
                let base: reqwest::Url = address.parse().unwrap();
                address = base.join(target.strip_prefix('<').unwrap()).unwrap().to_string();
            }
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), 5, "{path}");
        }
    }

    async fn a_link_leads_to_the_next_organizations(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for acronym in ["AA", "BB"] {
            let body = serde_json::json!({ "name": acronym, "acronym": acronym });
            assert_eq!(server.post("/organizations", &body).send().await.status, 201);
        }
        let first = server.get("/organizations?limit=1").send().await;
        let next = first.json()["next"].to_string();
        assert_eq!(first.header("link"), format!("<?limit=1&after={next}>; rel=\"next\""));
        let last = server.get(&format!("/organizations?limit=1&after={next}")).send().await;
        assert!(!last.headers.contains_key("link"));
    }

    async fn head_has_the_headers_of_get_and_no_body(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 0.0, 0.0), center("b", 0.001, 0.0)]).await;
        let one = format!("/centers/{}", ids[0]);
        for path in [
            "/nearby?lat=0&lng=0&limit=1",
            "/nearest?lat=0&lng=0&format=geojson",
            "/within?bbox=-1,-1,1,1",
            "/within?bbox=-1,-1,1,1&zoom=3",
            "/search?q=a",
            "/centers?limit=1",
            &one,
            "/collections",
            "/collections/centers",
            "/organizations",
            "/tiles/centers.json",
            "/tiles/centers/3/4/4.mvt",
            "/tiles/centers/3/0/0.mvt",
            "/api/v1/diving-centers/count",
            "/healthz",
            "/openapi.yaml",
            "/docs",
            "/widget.js",
            "/nearby",
            "/nothing",
        ] {
            let get = server.get(path).send().await;
            let head = server.request(Method::HEAD, path).send().await;
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
            let lasting = |answer: &Answer| {
                let mut headers = answer.headers.clone();
                for own in ["date", "server-timing", "x-request-id"] {
                    headers.remove(own);
                }
                headers
            };
            assert_eq!(lasting(&head), lasting(&get), "{path}");
        }
    }
}
