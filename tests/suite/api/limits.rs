//! How many requests of one network are taken.

use nearby::http::TrustedProxies;

use super::server::{Answer, TestServer};
use crate::support::{TestDatabase, on_both_stores};

async fn limited(db: TestDatabase, proxies: &[&str]) -> TestServer {
    let networks = proxies
        .iter()
        .map(|text| text.parse().expect("it is a network"));
    let proxies = TrustedProxies::new(networks.collect());
    TestServer::start_with(db, |settings| {
        settings.rate_limit = Some("5/m".parse().expect("it is a rate"));
        settings.trusted_proxies = proxies;
    })
    .await
}

async fn asked(server: &TestServer, headers: &[(&str, &str)]) -> Answer {
    let mut request = server.get("/nearby?lat=0&lng=0");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}

on_both_stores! {
    async fn a_network_that_sends_too_much_is_told_when_it_may_send_again(db: TestDatabase) {
        let server = limited(db, &[]).await;
        for left in (0..5).rev() {
            let taken = asked(&server, &[]).await;
            assert_eq!(taken.status, 200);
            assert_eq!(taken.header("ratelimit-policy"), "\"network\";q=5;w=60");
            let until = 12 * (5 - left);
            assert_eq!(taken.header("ratelimit"), format!("\"network\";r={left};t={until}"));
        }
        let refused = asked(&server, &[]).await;
        refused.problem(429, "too_many_requests");
        assert_eq!(refused.header("ratelimit-policy"), "\"network\";q=5;w=60");
        let wait: u64 = refused.header("retry-after").parse().expect("it is seconds");
        assert!((1..=12).contains(&wait), "{wait}");
        assert_eq!(refused.header("ratelimit"), format!("\"network\";r=0;t={wait}"));
        let divemaps = server.get("/api/v1/diving-centers/").send().await;
        assert_eq!(divemaps.status, 429);
        assert!(divemaps.json()["detail"].is_string());
        server.post("/centers", &serde_json::json!({ "name": "a" })).send().await
            .problem(429, "too_many_requests");
        for path in ["/healthz", "/readyz", "/docs"] {
            assert_eq!(server.get(path).send().await.status, 200, "{path}");
        }
    }

    async fn a_client_that_says_that_it_is_another_is_not_believed(db: TestDatabase) {
        let server = limited(db, &["10.0.0.0/8"]).await;
        let mut statuses = Vec::new();
        for at in 0..8 {
            let claimed = format!("198.51.100.{at}");
            let forwarded = format!("for={claimed}");
            let claims = [("x-forwarded-for", claimed.as_str()), ("forwarded", forwarded.as_str())];
            statuses.push(asked(&server, &claims[at % 2..=at % 2]).await.status);
        }
        assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    }

    async fn behind_a_trusted_proxy_each_client_has_a_limit_of_its_own(db: TestDatabase) {
        let server = limited(db, &["127.0.0.1/32"]).await;
        let told = async |name: &str, value: &str| asked(&server, &[(name, value)]).await.status;
        for _ in 0..5 {
            assert_eq!(told("x-forwarded-for", "198.51.100.1").await, 200);
        }
        assert_eq!(told("x-forwarded-for", "198.51.100.1").await, 429);
        assert_eq!(told("forwarded", "for=198.51.100.1").await, 429);
        // What its client put before what the proxy saw.
        for at in 0..3 {
            assert_eq!(told("x-forwarded-for", &format!("203.0.113.{at}, 198.51.100.1")).await, 429);
        }
        assert_eq!(told("x-forwarded-for", "198.51.100.2").await, 200);
        for host in 0..5 {
            assert_eq!(told("forwarded", &format!("for=\"[2001:db8:0:1::{host}]\"")).await, 200);
        }
        assert_eq!(told("forwarded", "for=\"[2001:db8:0:1:9::9]\"").await, 429);
        assert_eq!(told("forwarded", "for=\"[2001:db8:0:2::1]\"").await, 200);
        // Of two headers the proxy wrote one, and nobody knows which.
        let mut statuses = Vec::new();
        for at in 0..7 {
            let claimed = format!("192.0.2.{at}");
            let forwarded = format!("for={claimed}");
            let both = [("x-forwarded-for", claimed.as_str()), ("forwarded", forwarded.as_str())];
            statuses.push(asked(&server, &both).await.status);
        }
        assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    }
}
