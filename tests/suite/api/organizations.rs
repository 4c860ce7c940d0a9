//! `/organizations` and `/centers/{id}/organizations`.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, center};
use crate::support::on_both_stores;

async fn create(server: &TestServer, name: &str, acronym: &str) -> Answer {
    let body = json!({ "name": name, "acronym": acronym });
    server.post("/organizations", &body).send().await
}

async fn id_of(server: &TestServer, name: &str, acronym: &str) -> i64 {
    let created = create(server, name, acronym).await;
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()["id"].as_i64().expect("an id")
}

async fn put(server: &TestServer, path: &str, body: &Value) -> Answer {
    server
        .request(Method::PUT, path)
        .key()
        .json(body)
        .send()
        .await
}

async fn delete(server: &TestServer, path: &str) -> Answer {
    server.request(Method::DELETE, path).key().send().await
}

on_both_stores! {
    async fn an_organization_is_created_read_replaced_and_deleted(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = json!({
            "name": "Ελληνική Ομοσπονδία \u{1f93f}", "acronym": "ΕΟ", "website": "https://a.example",
            "logo_url": "https://a.example/l.png", "description": "two\nlines", "country": "GR",
            "founded_year": 1960,
        });
        let created = server.post("/organizations", &body).send().await;
        assert_eq!(created.status, 201);
        let organization = created.json();
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&organization[field], value);
        }
        let path = created.header("location").to_owned();
        assert_eq!(server.found(&path).await, organization);
        let replaced = put(&server, &path, &json!({ "name": "N", "acronym": "εο" })).await;
        assert_eq!(replaced.status, 200, "its own name is not taken: {}", replaced.text());
        assert_eq!(replaced.json()["website"], Value::Null);
        assert_eq!(replaced.json()["created_at"], organization["created_at"]);
        assert_eq!(delete(&server, &path).await.status, 204);
        delete(&server, &path).await.problem(404, "organization_not_found");
        server.get(&path).send().await.problem(404, "organization_not_found");
        let gone = put(&server, &path, &json!({ "name": "N", "acronym": "A" })).await;
        gone.problem(404, "organization_not_found");
    }

    async fn names_and_acronyms_are_taken_whatever_their_case(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = id_of(&server, "Émile Club", "ÉC").await;
        for (name, acronym, field) in [
            ("émile CLUB", "x", "name"), (" Émile Club ", "x", "name"), ("x", "éc", "acronym"),
        ] {
            let problem = create(&server, name, acronym).await.problem(409, "organization_exists");
            assert_eq!(problem["parameter"], field);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("organization {id} ")), "{detail}");
        }
        let other = id_of(&server, "Emile Club", "EC").await;
        let path = format!("/organizations/{other}");
        let renamed = put(&server, &path, &json!({ "name": "x", "acronym": "Éc" })).await;
        renamed.problem(409, "organization_exists");
        // The database holds it against other writers, too.
        let theirs = "INSERT INTO diving_organizations (name, acronym) VALUES ('EMILE CLUB', 'y')";
        assert!(server.db.try_execute(theirs).await.is_err());
    }

    async fn organizations_are_listed_page_by_page(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(id_of(&server, &format!("n{n}"), &format!("a{n}")).await);
        }
        let mut found = Vec::new();
        let mut path = "/organizations?limit=2".to_owned();
        loop {
            let page = server.found(&path).await;
            let listed = page["organizations"].as_array().unwrap();
            found.extend(listed.iter().map(|one| one["id"].as_i64().unwrap()));
            let Some(next) = page["next"].as_i64() else { break };
            path = format!("/organizations?limit=2&after={next}");
        }
        assert_eq!(found, ids);
    }

    async fn a_center_has_each_organization_once_and_one_of_them_first(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        let (one, two) = (id_of(&server, "one", "o").await, id_of(&server, "two", "t").await);
        let path = format!("/centers/{id}/organizations");
        let join = async |organization: i64, first: bool| {
            let body = json!({ "organization_id": organization, "is_primary": first });
            server.post(&path, &body).send().await
        };
        assert_eq!(join(one, false).await.status, 201);
        join(one, false).await.problem(409, "membership_exists");
        assert_eq!(join(two, true).await.status, 201);
        let of_one = format!("{path}/{one}");
        let refused = put(&server, &of_one, &json!({ "is_primary": true })).await;
        let problem = refused.problem(409, "primary_exists");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("organization {two} ")));
        let listed = server.found(&path).await;
        assert_eq!(listed["count"], 2);
        assert_eq!(listed["organizations"][0]["diving_organization"]["name"], "two");

        let theirs = server.found(&format!("/api/v1/diving-centers/{id}/organizations")).await;
        assert_eq!(theirs, listed["organizations"]);

        for (organization, first) in [(two, false), (one, true), (one, true)] {
            let path = format!("{path}/{organization}");
            let written = put(&server, &path, &json!({ "is_primary": first })).await;
            assert_eq!(written.status, 200, "{}", written.text());
            assert_eq!(written.json()["is_primary"], first);
        }
        let third = id_of(&server, "three", "h").await;
        join(third, true).await.problem(409, "primary_exists");
        assert_eq!(delete(&server, &of_one).await.status, 204);
        delete(&server, &of_one).await.problem(404, "membership_not_found");
        let gone = put(&server, &of_one, &json!({ "is_primary": false })).await;
        gone.problem(404, "membership_not_found");
        // The database holds both rules against other writers, too.
        for pair in [format!("{id}, {two}, FALSE"), format!("{id}, {one}, TRUE), ({id}, {third}, TRUE")] {
            let sql = format!(
                "INSERT INTO diving_center_organizations \
                 (diving_center_id, diving_organization_id, is_primary) VALUES ({pair})"
            );
            assert!(server.db.try_execute(&sql).await.is_err(), "{pair}");
        }
    }

    async fn what_is_not_there_is_not_joined(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        let organization = id_of(&server, "one", "o").await;
        let join = async |center: i64, organization: i64| {
            let path = format!("/centers/{center}/organizations");
            server.post(&path, &json!({ "organization_id": organization })).send().await
        };
        join(id + 1, organization).await.problem(404, "center_not_found");
        join(id, organization + 1).await.problem(404, "organization_not_found");
        join(id, 0).await.problem(404, "organization_not_found");
        join(id, i64::MIN).await.problem(400, "parameter_invalid");
        let missing = server.get(&format!("/centers/{}/organizations", id + 1)).send().await;
        missing.problem(404, "center_not_found");
        let theirs = server.get("/api/v1/diving-centers/99/organizations").send().await;
        assert_eq!(theirs.json(), json!({ "detail": "Diving center not found" }));
    }

    async fn what_is_deleted_takes_its_memberships_along(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 1.0, 1.0), center("b", 1.0, 1.0)]).await;
        let organization = id_of(&server, "one", "o").await;
        for id in &ids {
            let path = format!("/centers/{id}/organizations");
            let body = json!({ "organization_id": organization, "is_primary": true });
            assert_eq!(server.post(&path, &body).send().await.status, 201);
        }
        let left = async || server.db.number("SELECT COUNT(*) FROM diving_center_organizations").await;
        assert_eq!(delete(&server, &format!("/centers/{}", ids[0])).await.status, 204);
        assert_eq!(left().await, 1);
        assert_eq!(delete(&server, &format!("/organizations/{organization}")).await.status, 204);
        assert_eq!(left().await, 0);
    }

    /// Other tables of the application beside us, and its foreign keys.
    async fn what_rows_of_others_refer_to_is_not_deleted_and_loses_nothing(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        let organization = id_of(&server, "one", "o").await;
        let path = format!("/centers/{id}/organizations");
        let body = json!({ "organization_id": organization, "is_primary": true });
        assert_eq!(server.post(&path, &body).send().await.status, 201);
        let kind = if server.db.is_mysql() { "BIGINT" } else { "INTEGER" };
        server
            .db
            .execute(&format!(
                "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({id}, 1, 8); \
                 CREATE TABLE theirs (center {kind}, organization {kind}, \
                   FOREIGN KEY (center) REFERENCES diving_centers (id), \
                   FOREIGN KEY (organization) REFERENCES diving_organizations (id)); \
                 INSERT INTO theirs VALUES ({id}, {organization})"
            ))
            .await;
        let (center, organization) = (format!("/centers/{id}"), format!("/organizations/{organization}"));
        for path in [&center, &organization] {
            delete(&server, path).await.problem(409, "in_use");
        }
        let kept = "SELECT (SELECT COUNT(*) FROM diving_center_organizations) \
                    + (SELECT COUNT(*) FROM center_ratings)";
        assert_eq!(server.db.number(kept).await, 2);
        assert_eq!(server.found_ids("/nearby?lat=1&lng=1&organization=o").await, [id]);
        server.db.execute("DELETE FROM theirs").await;
        for path in [&center, &organization] {
            assert_eq!(delete(&server, path).await.status, 204);
        }
        assert_eq!(server.db.number(kept).await, 0);
    }

    async fn a_filter_follows_what_centers_work_by_at_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server
            .seed(&[center("a", 1.0, 1.0), center("b", 1.0, 1.001), center("c", 1.0, 1.002)])
            .await;
        let padi = id_of(&server, "Professional Association", "PADI").await;
        let ssi = id_of(&server, "Schools É", "SSI").await;
        for (center, organization) in [(ids[0], padi), (ids[2], padi), (ids[1], ssi), (ids[2], ssi)] {
            let path = format!("/centers/{center}/organizations");
            let body = json!({ "organization_id": organization });
            assert_eq!(server.post(&path, &body).send().await.status, 201);
        }
        let assert_found = async |filter: &str, expected: &[i64]| {
            for path in ["/nearby?lat=1&lng=1", "/nearest?lat=1&lng=1", "/centers?limit=50"] {
                let found = server.found_ids(&format!("{path}&{filter}")).await;
                assert_eq!(found, expected, "{path}&{filter}");
            }
        };
        assert_found("organization=PADI", &[ids[0], ids[2]]).await;
        assert_found("organization=padi", &[ids[0], ids[2]]).await;
        assert_found("organization=schools%20%C3%A9", &[ids[1], ids[2]]).await;
        assert_found("organization=padi&organization=ssi", &ids).await;
        assert_found("organization=nobody", &[]).await;
        let body = json!({ "queries": [{ "lat": 1, "lng": 1, "organization": ["ssi"] }] });
        let batch = server.post("/nearby/batch", &body).send().await.json();
        assert_eq!(super::server::ids_of(&batch["results"][0]), [ids[1], ids[2]]);

        // Pages belong to their filter.
        let first = server.found("/nearby?lat=1&lng=1&limit=1&organization=ssi").await;
        let cursor = first["next"].as_str().unwrap();
        let rest = format!("/nearby?lat=1&lng=1&organization=ssi&cursor={cursor}");
        assert_eq!(server.found_ids(&rest).await, [ids[2]]);
        let other = format!("/nearby?lat=1&lng=1&organization=padi&cursor={cursor}");
        server.get(&other).send().await.problem(400, "cursor_invalid");

        let path = format!("/organizations/{padi}");
        assert_eq!(put(&server, &path, &json!({ "name": "P", "acronym": "New" })).await.status, 200);
        assert_found("organization=new", &[ids[0], ids[2]]).await;
        assert_found("organization=padi", &[]).await;
        let path = format!("/centers/{}/organizations/{padi}", ids[0]);
        assert_eq!(delete(&server, &path).await.status, 204);
        assert_found("organization=new", &[ids[2]]).await;
        assert_eq!(delete(&server, &format!("/organizations/{ssi}")).await.status, 204);
        assert_found("organization=ssi", &[]).await;
        assert_found("organization=ssi&organization=new", &[ids[2]]).await;
    }

    async fn organizations_are_written_with_the_key_only(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = json!({ "name": "a", "acronym": "b" });
        for (method, path) in [
            (Method::POST, "/organizations"), (Method::PUT, "/organizations/1"),
            (Method::DELETE, "/organizations/1"), (Method::POST, "/centers/1/organizations"),
            (Method::PUT, "/centers/1/organizations/1"), (Method::DELETE, "/centers/1/organizations/1"),
        ] {
            let answer = server.request(method, path).json(&body).send().await;
            answer.problem(401, "unauthorized");
        }
    }
}
