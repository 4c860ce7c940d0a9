//! `/dive-sites` and what is around a site.

use reqwest::Method;
use serde_json::json;

use super::server::{KEY, TestServer, center, ids_of};
use crate::support::{TestDatabase, on_both_stores};

async fn create(server: &TestServer, name: &str, latitude: f64, longitude: f64) -> i64 {
    let answer = server
        .post("/dive-sites", &center(name, latitude, longitude))
        .send()
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_i64().expect("an id")
}

/// A site that somebody else wrote.
async fn insert(db: &TestDatabase, id: i64, coordinates: &str, status: &str, deleted_at: &str) {
    let location = db.location(None);
    db.execute(&format!(
        "INSERT INTO dive_sites (id, name, latitude, longitude, location, status, deleted_at) \
         VALUES ({id}, 'theirs', {coordinates}, {location}, '{status}', {deleted_at})"
    ))
    .await;
}

on_both_stores! {
    async fn a_site_is_created_read_changed_and_deleted(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = json!({
            "name": "Patris", "description": "in two parts", "latitude": 37.6, "longitude": 24.27,
            "country": "GR", "region": "Kea",
        });
        let created = server.post("/dive-sites", &body).send().await;
        assert_eq!(created.status, 201);
        let site = created.json();
        let path = created.header("location").to_owned();
        assert_eq!(path, format!("/dive-sites/{}", site["id"]));
        assert_eq!(server.found(&path).await, site);
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(site[field], *value, "{field}");
        }
        let near = "/collections/dive-sites/nearby?lat=37.6&lng=24.27&radius_m=10";
        assert_eq!(server.found_ids(near).await.len(), 1);

        let moved = json!({ "region": null, "latitude": 37.7 });
        let patched = server.request(Method::PATCH, &path).key().merge_patch(&moved).send().await;
        assert_eq!((&patched.json()["region"], patched.status), (&json!(null), 200));
        assert!(server.found_ids(near).await.is_empty());
        let put = server.request(Method::PUT, &path).key().json(&center("b", 37.6, 24.27)).send().await;
        assert_eq!(put.json()["description"], json!(null));
        assert_eq!(server.found_ids(near).await.len(), 1);
        assert_eq!(server.request(Method::DELETE, &path).key().send().await.status, 204);
        server.get(&path).send().await.problem(404, "center_not_found");
        assert!(server.found_ids(near).await.is_empty());
        assert_eq!(server.db.number("SELECT COUNT(*) FROM dive_sites").await, 1);
    }

    async fn sites_and_centers_are_apart(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers = server.seed(&[center("center", 1.0, 1.0), center("far", 50.0, 1.0)]).await;
        let site = create(&server, "site", 1.001, 1.0).await;
        assert_eq!(server.found_ids("/nearby?lat=1&lng=1").await, centers[..1]);
        assert_eq!(server.found_ids("/dive-sites").await, [site]);
        assert_eq!(server.found_ids("/centers").await, centers);
        assert_eq!(server.found_ids("/collections/dive-sites/search?q=si").await, [site]);
        assert!(server.found_ids("/search?q=site").await.is_empty());
        // However the path is written, it is about a site.
        let escaped = format!(
            "DELETE /%64ive-sites/{site} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\
             Connection: close\r\n\r\n"
        );
        assert!(server.raw(escaped.as_bytes()).await.starts_with("HTTP/1.1 204"));
        assert!(server.found_ids("/dive-sites").await.is_empty());
        assert_eq!(server.found_ids("/centers").await, centers);
    }

    async fn a_site_is_left_out_of_what_is_near_it(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers = server.seed(&[center("c", 0.0, 0.002), center("d", 0.0, 2.0)]).await;
        // 0 is a coordinate.
        let site = create(&server, "origin", 0.0, 0.0).await;
        let twin = create(&server, "twin", 0.0, 0.0).await;
        let near = create(&server, "near", 0.001, 0.0).await;
        let far = create(&server, "far", 0.0, 1.0).await;
        let around = format!("/dive-sites/{site}/nearby");
        assert_eq!(server.found_ids(&around).await, [twin, near]);
        assert_eq!(server.found_ids(&format!("{around}?radius_km=200")).await, [twin, near, far]);
        assert_eq!(server.found_ids(&format!("{around}?limit=1")).await, [twin]);
        assert_eq!(server.found_ids(&format!("{around}?exclude={twin}")).await, [near]);
        let first = server.found(&format!("{around}?limit=1")).await;
        let next = first["next"].as_str().unwrap();
        assert_eq!(server.found_ids(&format!("{around}?limit=1&cursor={next}")).await, [near]);
        assert_eq!(server.found_ids(&format!("/dive-sites/{site}/centers")).await, centers[..1]);
        let trained = format!("/dive-sites/{site}/centers?organization=PADI");
        assert_eq!(server.found_ids(&trained).await, [0; 0]);
        let geojson = server.found(&format!("{around}?format=geojson")).await;
        assert_eq!(geojson["features"].as_array().unwrap().len(), 2);
        // As many as one may leave out, and the site.
        let excluded = vec!["exclude=7777"; 100].join("&");
        assert_eq!(server.found_ids(&format!("{around}?{excluded}")).await, [twin, near]);
    }

    async fn what_is_not_shown_is_neither_found_nor_looked_around(db: TestDatabase) {
        insert(&db, 1, "0, 0", "approved", "NULL").await;
        insert(&db, 2, "0, 0", "pending", "NULL").await;
        insert(&db, 3, "0, 0", "approved", "'2020-01-02 03:04:05'").await;
        insert(&db, 4, "NULL, NULL", "approved", "NULL").await;
        mend(&db).await;
        let server = TestServer::start(db).await;
        assert_eq!(server.found_ids("/dive-sites").await, [1, 4]);
        assert_eq!(server.found_ids("/collections/dive-sites/nearest?lat=0&lng=0").await, [1]);
        assert!(server.found_ids("/dive-sites/1/nearby").await.is_empty());
        for id in [2, 3, 99] {
            for path in ["", "/nearby", "/centers"] {
                let path = format!("/dive-sites/{id}{path}");
                server.get(&path).send().await.problem(404, "center_not_found");
            }
        }
        for path in ["nearby", "centers"] {
            let path = format!("/dive-sites/4/{path}");
            server.get(&path).send().await.problem(409, "coordinates_missing");
        }
        // A deleted id is not there to be written, either.
        let put = server.request(Method::PUT, "/dive-sites/3").key().json(&center("x", 1.0, 1.0));
        put.send().await.problem(404, "center_not_found");
    }

    async fn fields_that_sites_do_not_have_are_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = create(&server, "a", 1.0, 1.0).await;
        let with = json!({ "name": "a", "email": "a@example.com" });
        let refused = server.post("/dive-sites", &with).send().await.problem(400, "parameter_unknown");
        assert_eq!(refused["parameter"], "email");
        assert_eq!(refused["allowed"], "name, description, country, region");
        let patch = server.request(Method::PATCH, &format!("/dive-sites/{id}")).key();
        let patch = patch.merge_patch(&json!({ "city": "x" })).send().await;
        patch.problem(400, "parameter_unknown");
        let batch = json!({ "centers": [{ "name": "a" }, { "name": "b", "phone": "1" }] });
        let refused = server.post("/dive-sites/batch", &batch).send().await;
        assert_eq!(refused.problem(400, "parameter_unknown")["parameter"], "centers[1].phone");
        // What takes nothing away is no harm.
        let null = json!({ "name": "b", "email": null });
        assert_eq!(server.post("/dive-sites", &null).send().await.status, 201);
        for path in [
            "/dive-sites?city=x".to_owned(),
            format!("/dive-sites/{id}/nearby?city=x"),
            "/collections/dive-sites/nearby?lat=0&lng=0&city=x".to_owned(),
        ] {
            server.get(&path).send().await.problem(400, "parameter_unknown");
        }
        let centers = server.found(&format!("/dive-sites/{id}/centers?city=x")).await;
        assert!(ids_of(&centers).is_empty());
        for path in ["nearby?limit=0", "nearby?lat=1", "centers?radius_m=1&radius_km=1"] {
            let answer = server.get(&format!("/dive-sites/{id}/{path}")).send().await;
            assert_eq!(answer.status, 400, "{path}");
        }
    }

    async fn writes_of_sites_need_the_key(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        for (method, path) in [
            (Method::POST, "/dive-sites"),
            (Method::PUT, "/dive-sites/1"),
            (Method::DELETE, "/dive-sites/1"),
        ] {
            server.request(method, path).json(&body).send().await.problem(401, "unauthorized");
        }
    }
}

/// Writes the locations of sites.
async fn mend(db: &TestDatabase) {
    let sites = nearby::store::Collection::dive_sites();
    let settings = nearby::backfill::Settings {
        from: nearby::store::BackfillFrom::Coordinates,
        batch_size: 1_000,
        pause: std::time::Duration::ZERO,
        dry_run: false,
        after: None,
    };
    let (_never, stop) = tokio::sync::watch::channel(false);
    let done = nearby::backfill::run(db.database(), &sites, &settings, stop, |_| {});
    assert!(done.await.unwrap().complete);
}
