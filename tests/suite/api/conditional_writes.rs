//! `If-Match` and `If-None-Match` of writes: nobody writes over what they have not seen.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, center};
use crate::support::on_both_stores;

async fn created(server: &TestServer) -> String {
    let body =
        json!({ "name": "a", "latitude": 1.5, "longitude": 2, "description": "d".repeat(2_000) });
    let created = server.post("/centers", &body).send().await;
    created.header("location").to_owned()
}

async fn tag_of(server: &TestServer, path: &str) -> String {
    server.get(path).send().await.header("etag").to_owned()
}

async fn write(
    server: &TestServer,
    method: &Method,
    path: &str,
    condition: (&str, &str),
) -> Answer {
    let request = server.request(method.clone(), path).key();
    let request = request.header(condition.0, condition.1);
    match *method {
        Method::PUT => request.json(&center("put", 3.0, 4.0)).send().await,
        Method::PATCH => {
            request
                .merge_patch(&json!({ "name": "patched" }))
                .send()
                .await
        }
        _ => request.send().await,
    }
}

const METHODS: [Method; 3] = [Method::PUT, Method::PATCH, Method::DELETE];

on_both_stores! {
    async fn a_row_is_written_as_long_as_it_is_what_the_client_has_seen(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for method in &METHODS {
            for form in ["", "?format=geojson", "?fields=name"] {
                for accepted in ["identity", "br"] {
                    let path = created(&server).await;
                    let seen = server.get(&format!("{path}{form}")).header("accept-encoding", accepted);
                    let seen = seen.send().await.header("etag").to_owned();
                    let written = write(&server, method, &path, ("if-match", &seen)).await;
                    assert!((200..=204).contains(&written.status), "{method} {form}: {}", written.text());
                    let again = write(&server, method, &path, ("if-match", &seen)).await;
                    if *method == Method::DELETE {
                        again.problem(404, "center_not_found");
                    } else {
                        again.problem(412, "precondition_failed");
                    }
                }
            }
        }
    }

    async fn a_row_that_somebody_wrote_is_left_as_it_is(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for method in &METHODS {
            let path = created(&server).await;
            let seen = tag_of(&server, &path).await;
            let id = path.rsplit('/').next().unwrap();
            server.db.execute(&format!("UPDATE diving_centers SET city = 'Chora' WHERE id = {id}")).await;
            let stored = server.found(&path).await;
            for (name, value) in [
                ("if-match", seen.as_str()),
                ("if-match", "\"nonsense\""),
                ("if-match", &format!("W/{}", tag_of(&server, &path).await)),
                ("if-none-match", "*"),
            ] {
                let refused = write(&server, method, &path, (name, value)).await;
                refused.problem(412, "precondition_failed");
                assert_eq!(server.found(&path).await, stored, "{method} {name}: {value}");
            }
            let seen = format!("\"x\", {}", tag_of(&server, &path).await);
            let written = write(&server, method, &path, ("if-match", &seen)).await;
            assert!((200..=204).contains(&written.status), "{method}: {}", written.text());
        }
    }

    async fn a_put_on_a_condition_replaces_everything_as_any_other_does(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let put = json!({ "name": "b", "country": "GR" });
        let mut written = Vec::new();
        for condition in ["*", ""] {
            let path = created(&server).await;
            let tag = tag_of(&server, &path).await;
            let condition = if condition.is_empty() { tag.as_str() } else { condition };
            let request = server.request(Method::PUT, &path).key().header("if-match", condition);
            let answer = request.json(&put).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut row = server.found(&path).await;
            for own in ["id", "created_at", "updated_at"] {
                row[own] = Value::Null;
            }
            written.push(row);
        }
        assert_eq!(written[0], written[1]);
        assert_eq!((&written[0]["description"], &written[0]["latitude"]), (&Value::Null, &Value::Null));
    }

    async fn views_that_are_counted_are_in_nobodys_way(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let path = created(&server).await;
        let seen = tag_of(&server, &path).await;
        server.db.execute("UPDATE diving_centers SET view_count = view_count + 1").await;
        let written = write(&server, &Method::PATCH, &path, ("if-match", &seen)).await;
        assert_eq!(written.status, 200, "{}", written.text());
    }

    async fn of_many_writes_after_one_read_one_is_made(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for method in &METHODS {
            let path = created(&server).await;
            let seen = tag_of(&server, &path).await;
            let writes = (0..8).map(|_| write(&server, method, &path, ("if-match", &seen)));
            let mut statuses: Vec<u16> = join_all(writes).await.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert!(statuses[0] < 300, "{method}: {statuses:?}");
            let refused = if *method == Method::DELETE { 404 } else { 412 };
            assert_eq!(statuses[1..], [refused; 7], "{method}");
        }
    }

    async fn a_condition_on_what_is_not_there_or_has_no_tag_is_told(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for method in &METHODS {
            for condition in [("if-match", "\"a\""), ("if-match", "*"), ("if-none-match", "*")] {
                let missing = write(&server, method, "/centers/777", condition).await;
                missing.problem(404, "center_not_found");
            }
            let path = created(&server).await;
            for (condition, parameter) in [
                (("if-none-match", "\"a\""), "If-None-Match"),
                (("if-unmodified-since", "Sat, 29 Oct 1994 19:43:31 GMT"), "If-Unmodified-Since"),
            ] {
                let refused = write(&server, method, &path, condition).await;
                let problem = refused.problem(400, "parameter_invalid");
                assert_eq!(problem["parameter"], parameter);
            }
        }
        let post = server.post("/centers", &center("a", 0.0, 0.0)).header("if-match", "*");
        post.send().await.problem(400, "request_refused");
        let body = json!({ "name": "A", "acronym": "A" });
        let organization = server.post("/organizations", &body).send().await;
        let path = organization.header("location").to_owned();
        let put = server.request(Method::PUT, &path).key().json(&body).header("if-match", "\"a\"");
        put.send().await.problem(400, "request_refused");
    }

    async fn dive_sites_are_written_on_a_condition_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for method in &METHODS {
            let site = json!({ "name": "Reef", "latitude": 1, "longitude": 2 });
            let created = server.post("/dive-sites", &site).send().await;
            let path = created.header("location").to_owned();
            let seen = tag_of(&server, &path).await;
            let renamed = json!({ "name": "Reef 2" });
            server.request(Method::PATCH, &path).key().merge_patch(&renamed).send().await;
            let refused = write(&server, method, &path, ("if-match", &seen)).await;
            refused.problem(412, "precondition_failed");
            let seen = tag_of(&server, &path).await;
            let written = write(&server, method, &path, ("if-match", &seen)).await;
            assert!((200..=204).contains(&written.status), "{method}: {}", written.text());
        }
    }
}
