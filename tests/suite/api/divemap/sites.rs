//! `/api/v1/dive-sites/`, `/count`, one site, and the centers that dive there.

use serde_json::{Value, json};

use super::{TestServer, detail, ids};
use crate::support::on_both_stores;

const SITES: &str = "/api/v1/dive-sites";

/// The tables that Divemap has around its sites, with what they say of the first two. What
/// may be empty is, in one row each.
const AROUND: &str = "\
    ALTER TABLE dive_sites ADD COLUMN difficulty_id INTEGER; \
    ALTER TABLE dive_sites ADD COLUMN max_depth DECIMAL(6,3); \
    ALTER TABLE dive_sites ADD COLUMN access_instructions TEXT; \
    ALTER TABLE dive_sites ADD COLUMN created_by INTEGER; \
    CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(50)); \
    CREATE TABLE difficulty_levels (id INTEGER PRIMARY KEY, code VARCHAR(50), label VARCHAR(100), \
        order_index INTEGER); \
    CREATE TABLE dive_site_aliases (id INTEGER PRIMARY KEY, dive_site_id INTEGER, \
        alias VARCHAR(255), created_at DATETIME); \
    CREATE TABLE available_tags (id INTEGER PRIMARY KEY, name VARCHAR(100), description TEXT, \
        created_by INTEGER, created_at DATETIME); \
    CREATE TABLE dive_site_tags (id INTEGER PRIMARY KEY, dive_site_id INTEGER, tag_id INTEGER); \
    CREATE TABLE site_ratings (id INTEGER PRIMARY KEY, dive_site_id INTEGER, score INTEGER); \
    CREATE TABLE site_comments (id INTEGER PRIMARY KEY, dive_site_id INTEGER); \
    CREATE TABLE dive_routes (id INTEGER PRIMARY KEY, dive_site_id INTEGER, deleted_at DATETIME); \
    CREATE TABLE center_dive_sites (id INTEGER PRIMARY KEY, diving_center_id INTEGER, \
        dive_site_id INTEGER, dive_cost DECIMAL(10,2), currency VARCHAR(3)); \
    INSERT INTO users VALUES (5, 'kargig'); \
    INSERT INTO difficulty_levels VALUES (1, 'OPEN_WATER', 'Open Water', 1), \
        (4, 'TECHNICAL_DIVING', 'Technical Diving', 4), (9, 'ODD', 'Odd', NULL); \
    UPDATE dive_sites SET difficulty_id = 4, max_depth = 42.5, created_by = 5, \
        access_instructions = '<b>by boat</b>' WHERE id = 1; \
    UPDATE dive_sites SET difficulty_id = 1 WHERE id = 2; \
    INSERT INTO dive_site_aliases VALUES (7, 1, 'Ναυάγιο Πατρίς', '2026-01-02 03:04:05'), (8, 1, NULL, NULL); \
    INSERT INTO available_tags VALUES (3, 'Wreck', NULL, 5, '2026-01-02 03:04:05'), \
        (4, 'Deep', 'below 30 m', NULL, NULL), (5, NULL, NULL, NULL, NULL); \
    INSERT INTO dive_site_tags VALUES (1, 1, 3), (2, 1, 4), (3, 2, 4), (4, 1, 5); \
    INSERT INTO site_ratings VALUES (1, 1, 9), (2, 1, 8), (3, 2, 4), (4, 1, NULL); \
    INSERT INTO site_comments VALUES (1, 1), (2, 1); \
    INSERT INTO dive_routes VALUES (1, 1, NULL), (2, 1, '2026-01-02 03:04:05')";

async fn seed(server: &TestServer) {
    for (place, (name, latitude)) in
        (1..).zip([("Patris", 37.6), ("Blue Hole", 28.5), ("Reef", 0.0)])
    {
        let body = json!({
            "name": name, "latitude": latitude, "longitude": 24.0, "country": "Greece",
            "description": "<p>old & deep</p>",
        });
        let made = server.post("/dive-sites", &body).send().await;
        assert_eq!(made.json()["id"], place, "{}", made.text());
    }
}

async fn found(server: &TestServer, query: &str) -> Vec<i64> {
    ids(&server.found(&format!("{SITES}/?{query}")).await)
}

fn keys(item: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = item
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

on_both_stores! {
    async fn sites_are_listed_without_any_table_around_them(db: TestDatabase) {
        let server = TestServer::start(db).await;
        seed(&server).await;
        let page = server.found(&format!("{SITES}/?page_size=1&page=2")).await;
        assert_eq!((ids(&page), &page["total"], &page["total_pages"]), (vec![1], &json!(3), &json!(3)));
        assert_eq!(found(&server, "north=40&south=20&east=25&west=23").await, [2, 1]);
        assert_eq!(found(&server, "exclude_unspecified_difficulty=true").await, [0_i64; 0]);
        assert_eq!(found(&server, "difficulty_code=OPEN_WATER").await.len(), 3);
        assert_eq!(found(&server, "min_rating=1").await, [0_i64; 0]);
        assert_eq!(found(&server, "sort_by=difficulty_level").await, [1, 2, 3]);
        assert_eq!(server.found(&format!("{SITES}/count?search=blue")).await, json!({ "total": 1 }));
        let always = ["aliases", "comment_count", "id", "latitude", "longitude", "route_count", "status",
                      "tags", "total_ratings"];
        let minimal = server.found(&format!("{SITES}?detail_level=minimal&page_size=1")).await;
        assert_eq!(keys(&minimal["items"][0]), always);
        let site = server.found(&format!("{SITES}/1")).await;
        assert_eq!(site["description"], "old &amp; deep");
        for key in ["difficulty_code", "max_depth", "created_by", "average_rating", "thumbnail", "view_count"] {
            assert_eq!(site[key], Value::Null, "{key}");
        }
        assert_eq!([&site["aliases"], &site["tags"]], [&json!([]), &json!([])]);
        assert_eq!(server.found(&format!("{SITES}/1/diving-centers")).await, json!([]));
    }

    async fn what_the_tables_around_sites_say_is_told_and_filtered_by(db: TestDatabase) {
        let server = TestServer::start(db).await;
        seed(&server).await;
        let center = server.seed(&[json!({ "name": "Aqua", "latitude": 37.6, "longitude": 24.3 })]).await[0];
        server.db.execute(AROUND).await;
        server.db.execute(&format!(
            "INSERT INTO center_dive_sites VALUES (1, {center}, 1, 50.00, 'EUR'), (2, 999, 1, NULL, 'EUR')"
        ))
        .await;
        let site = server.found(&format!("{SITES}/1")).await;
        for (key, value) in [
            ("difficulty_code", json!("TECHNICAL_DIVING")), ("difficulty_label", json!("Technical Diving")),
            ("max_depth", json!(42.5)), ("access_instructions", json!("by boat")),
            ("created_by", json!(5)), ("created_by_username", json!("kargig")),
            ("average_rating", json!(8.5)), ("total_ratings", json!(2)),
            ("aliases", json!([{ "id": 7, "dive_site_id": 1, "alias": "Ναυάγιο Πατρίς",
                                 "created_at": "2026-01-02T03:04:05Z" }])),
            ("tags", json!([
                { "id": 4, "name": "Deep", "description": "below 30 m", "created_by": null, "created_at": null },
                { "id": 3, "name": "Wreck", "description": null, "created_by": 5,
                  "created_at": "2026-01-02T03:04:05Z" },
            ])),
        ] {
            assert_eq!(site[key], value, "{key}");
        }
        let listed = server.found(&format!("{SITES}/?name=patris")).await["items"][0].clone();
        assert_eq!([&listed["comment_count"], &listed["route_count"]], [&json!(2), &json!(1)]);
        assert_eq!(listed["aliases"], site["aliases"]);
        for (query, expected) in [
            ("difficulty_code=TECHNICAL_DIVING", vec![1]),
            ("difficulty_code=NO_SUCH", vec![2, 1, 3]),
            ("difficulty_code=NO_SUCH&exclude_unspecified_difficulty=1", vec![]),
            ("exclude_unspecified_difficulty=true", vec![2, 1]),
            ("sort_by=difficulty_level&sort_order=desc", vec![1, 2, 3]),
            ("sort_by=average_rating&sort_order=asc", vec![3, 2, 1]),
            ("min_rating=8.5", vec![1]),
            ("tag_ids=4", vec![2, 1]),
            ("tag_ids=3&tag_ids=4", vec![1]),
            ("created_by_username=kargig", vec![1]),
            ("created_by_username=nobody", vec![]),
            // By another name, however it is typed; one letter of it may be wrong in none.
            ("search=%CE%BD%CE%B1%CF%85%CE%B1%CE%B3%CE%B9%CE%BF", vec![1]),
            ("name=%CE%A0%CE%91%CE%A4%CE%A1%CE%99%CE%A3", vec![1]),
            ("search=blue%20hol", vec![2]),
            ("search=bleu%20hole", vec![2]),
            ("search=deep&country=gre", vec![1, 2, 3]),
        ] {
            let mut found = found(&server, query).await;
            let mut expected = expected;
            if query.starts_with("search=deep") {
                found.sort_unstable();
                expected.sort_unstable();
            }
            assert_eq!(found, expected, "{query}");
        }
        let count = server.found(&format!("{SITES}/count?tag_ids=4")).await;
        assert_eq!(count, json!({ "total": 2 }));
        // Those that are gone do not dive.
        assert_eq!(server.found(&format!("{SITES}/1/diving-centers")).await, json!([{
            "id": center, "name": "Aqua", "description": null, "email": null, "phone": null,
            "website": null, "latitude": 37.6, "longitude": 24.3, "dive_cost": 50.0, "currency": "EUR",
        }]));
    }

    async fn sites_are_refused_in_divemaps_words(db: TestDatabase) {
        let server = TestServer::start(db).await;
        seed(&server).await;
        for (query, status, text) in [
            ("search=ab", 400, "Search query must be at least 3 characters long"),
            ("wind_suitability=windy", 400,
             "wind_suitability must be one of: good, caution, difficult, avoid, unknown"),
            ("wind_suitability=good", 400, "wind_suitability is for Divemap itself: nearby knows no weather"),
            ("detail_level=all", 400, "detail_level must be one of: minimal, basic, full"),
            ("north=1&south=2&east=1&west=0", 400, "north must be greater than south"),
            ("sort_by=view_count", 403, "Sorting by view_count is only available for admin users"),
            ("sort_by=comment_count", 403, "Sorting by comment_count is only available for admin users"),
            ("sort_by=depth", 400, "Invalid sort_by field. Must be one of: average_rating, comment_count, \
              country, created_at, difficulty_level, name, region, updated_at, view_count"),
        ] {
            let answer = server.get(&format!("{SITES}/?{query}")).send().await;
            assert_eq!(detail(&answer, status), text, "{query}");
        }
        let tags = vec!["tag_ids=1"; 21].join("&");
        let answer = server.get(&format!("{SITES}/?{tags}")).send().await;
        assert_eq!(detail(&answer, 400), "Too many tag filters");
        for (path, text) in [
            ("9", "Dive site not found"), ("9/diving-centers", "Dive site not found"),
            ("reverse-geocode", "Not Found"), ("wind-recommendations", "Not Found"),
            ("countries", "Not Found"), ("1/media", "Not Found"),
        ] {
            let answer = server.get(&format!("{SITES}/{path}")).send().await;
            assert_eq!(detail(&answer, 404), text, "{path}");
        }
    }
}
