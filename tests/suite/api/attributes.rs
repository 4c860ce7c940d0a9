//! Attributes: columns that a collection declares, in answers and as filters.

use nearby::domain::{CenterDraft, CenterText, FieldKind, FieldValue, Position};
use nearby::store::{Attribute, BatchItem, Collection, ColumnName, Store};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::TestServer;
use crate::support::{TestDatabase, on_both_stores};

fn column(name: &str) -> ColumnName {
    ColumnName::new(name).unwrap()
}

fn shops() -> Collection {
    let attributes = [
        ("category", FieldKind::Text, "category"),
        ("rating", FieldKind::Number, "stars"),
        ("wheelchair", FieldKind::Boolean, "wheelchair"),
        ("opened", FieldKind::Date, "opened"),
    ];
    super::collections::shops()
        .with_attributes(
            attributes
                .map(|(name, kind, of)| Attribute::new(column(name), kind, column(of)))
                .into(),
        )
        .unwrap()
}

async fn with_shops(db: TestDatabase) -> TestServer {
    db.execute(
        "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2), category VARCHAR(50), \
         stars DECIMAL(4, 2), wheelchair BOOLEAN, opened DATE)",
    )
    .await;
    for row in [
        "(1, 'a', 0, 0.001, 'GR', 'school', 4.5, TRUE, '2020-02-29')",
        "(2, 'b', 0, 0.002, 'GR', 'School', 3, FALSE, '2019-12-31')",
        "(3, 'c', 0, 0.003, 'FR', 'shop', NULL, NULL, NULL)",
        "(4, 'd \\\"quoted\\\"', 0, 0.004, 'FR', NULL, -1.25, TRUE, '2024-01-31')",
        "(5, 'nowhere', NULL, NULL, 'FR', 'shop', 5, FALSE, '2024-01-31')",
    ] {
        db.execute(&format!(
            "INSERT INTO shops VALUES {}",
            row.replace("\\\"", "\"")
        ))
        .await;
    }
    let columns = db.database().columns(&shops()).await.unwrap();
    TestServer::start_declared(db, vec![shops().read_from(&columns)]).await
}

/// The centers of a database, which get attributes.
async fn centers_in(db: &TestDatabase) -> Collection {
    for column in [
        "category VARCHAR(50)",
        "stars DOUBLE",
        "is_open BOOLEAN",
        "since DATETIME",
    ] {
        db.execute(&format!("ALTER TABLE diving_centers ADD COLUMN {column}"))
            .await;
    }
    let attributes = [
        ("category", FieldKind::Text),
        ("stars", FieldKind::Number),
        ("is_open", FieldKind::Boolean),
        ("since", FieldKind::Date),
    ];
    let attributes =
        attributes.map(|(name, kind)| Attribute::new(column(name), kind, column(name)));
    let centers = Collection::diving_centers()
        .with_attributes(attributes.into())
        .unwrap();
    let columns = db.database().columns(&centers).await.unwrap();
    centers.read_from(&columns)
}

async fn with_centers(db: TestDatabase) -> TestServer {
    let centers = centers_in(&db).await;
    TestServer::start_declared(db, vec![centers]).await
}

on_both_stores! {
    async fn attributes_are_in_every_answer_under_their_names(db: TestDatabase) {
        let server = with_shops(db).await;
        let of = |center: &Value| {
            ["category", "rating", "wheelchair", "opened"].map(|name| center[name].clone())
        };
        let first = [json!("school"), json!(4.5), json!(true), json!("2020-02-29")];
        let third = [json!("shop"), Value::Null, Value::Null, Value::Null];
        let found = server.found("/collections/shops/nearby?lat=0&lng=0").await;
        assert_eq!(of(&found["centers"][0]), first);
        assert_eq!(of(&found["centers"][2]), third);
        assert_eq!(found["centers"][3]["name"], "d \"quoted\"");
        let features = "/collections/shops/nearest?lat=0&lng=0&limit=1&format=geojson";
        let features = server.found(features).await;
        assert_eq!(of(&features["features"][0]["properties"]), first);
        assert_eq!(of(&server.found("/collections/shops/items/1?format=json").await), first);
        let list = server.found("/collections/shops/items?format=geojson").await;
        assert_eq!(of(&list["features"][2]["properties"]), third);
        let shops = server.found("/collections/shops").await;
        assert_eq!(
            shops["attributes"],
            json!([
                { "name": "category", "type": "text" },
                { "name": "rating", "type": "number" },
                { "name": "wheelchair", "type": "boolean" },
                { "name": "opened", "type": "date" },
            ])
        );
        let centers = server.found("/collections/centers").await;
        assert_eq!(centers["attributes"], json!([]));
    }

    async fn conditions_members_and_facets_may_be_of_attributes(db: TestDatabase) {
        let server = with_shops(db).await;
        for (condition, ids) in [
            ("category LIKE '%25chool' AND rating BETWEEN 3 AND 4.5", &[1, 2][..]),
            ("category IN ('school', 'shop') OR rating < 0", &[1, 3, 4]),
            ("wheelchair = TRUE AND opened >= DATE('2024-01-01')", &[4]),
            ("NOT wheelchair = TRUE", &[2]),
            ("rating <> 3 AND category IS NOT NULL", &[1]),
            ("opened IS NULL", &[3]),
        ] {
            let path = format!("/collections/shops/nearby?lat=0&lng=0&filter={condition}");
            assert_eq!(server.found_ids(&path).await, ids, "{condition}");
            let path = format!("/collections/shops/items?format=json&filter=({condition}) AND name <> 'nowhere'");
            assert_eq!(server.found_ids(&path).await, ids, "{condition}");
        }
        let wrong = "/collections/shops/nearby?lat=0&lng=0&filter=rating = 'high'";
        let problem = server.get(wrong).send().await.problem(400, "parameter_invalid");
        assert!(problem["allowed"].as_str().unwrap().contains("opened (date)"), "{problem}");
        let path = "/collections/shops/nearby?lat=0&lng=0&limit=1&fields=rating,opened,created_at";
        server.get(path).send().await.problem(400, "parameter_invalid");
        let path = "/collections/shops/nearby?lat=0&lng=0.001&limit=1&fields=rating,opened";
        let found = server.found(path).await;
        let expected = json!({ "rating": 4.5, "opened": "2020-02-29", "distance_m": 0.0 });
        assert_eq!(found["centers"][0], expected);
        let one = server.found("/collections/shops/items/1?format=json&fields=wheelchair").await;
        assert_eq!(one, json!({ "wheelchair": true }));
        let path = "/collections/shops/nearby?lat=0&lng=0&count=true&facets=category,rating,wheelchair,opened,country";
        let found = server.found(path).await;
        let values = |name: &str| {
            let values = found["facets"][name]["values"].as_array().unwrap().clone();
            let pairs = values.into_iter().map(|value| json!([value["value"], value["count"]]));
            pairs.collect::<Value>()
        };
        assert_eq!(found["total"], 4);
        assert_eq!(values("category"), json!([["School", 1], ["school", 1], ["shop", 1], [null, 1]]));
        assert_eq!(values("rating"), json!([[-1.25, 1], [3.0, 1], [4.5, 1], [null, 1]]));
        assert_eq!(values("wheelchair"), json!([[true, 2], [false, 1], [null, 1]]));
        let days = json!([["2019-12-31", 1], ["2020-02-29", 1], ["2024-01-31", 1], [null, 1]]);
        assert_eq!(values("opened"), days);
        assert_eq!(values("country"), json!([["FR", 2], ["GR", 2]]));
        let six = "/collections/shops/nearby?lat=0&lng=0&facets=category,rating,wheelchair,opened,country,name";
        server.get(six).send().await.problem(400, "parameter_invalid");
    }

    async fn searches_and_lists_filter_by_attributes(db: TestDatabase) {
        let server = with_shops(db).await;
        for (asked, ids) in [
            ("category=school", &[1][..]),
            ("category=school&category=shop", &[1, 3, 5]),
            ("category=null", &[4]),
            ("category=null&category=School", &[2, 4]),
            ("category!=null&rating=3..", &[1, 2, 5]),
            ("rating=4..", &[1, 5]),
            ("rating=..3", &[2, 4]),
            ("rating=-1.25..3", &[2, 4]),
            ("rating=3&rating=4.5..4.6", &[1, 2]),
            ("rating=4.5", &[1]),
            ("rating=null", &[3]),
            ("wheelchair=true", &[1, 4]),
            ("wheelchair=false&country=GR", &[2]),
            ("wheelchair=null", &[3]),
            ("opened=2020-02-29", &[1]),
            ("opened=2020-01-01..2024-12-31", &[1, 4, 5]),
            ("opened=..2020-02-28", &[2]),
            ("opened=2024-01-31..&category=shop", &[5]),
            ("category=nothing", &[]),
        ] {
            let list = format!("/collections/shops/items?format=json&{asked}");
            assert_eq!(server.found_ids(&list).await, ids, "{asked}");
            let placed: Vec<i64> = ids.iter().copied().filter(|id| *id != 5).collect();
            for search in ["nearby", "nearest"] {
                let search = format!("/collections/shops/{search}?lat=0&lng=0&{asked}");
                assert_eq!(server.found_ids(&search).await, placed, "{search}");
            }
        }
        let queries = json!({ "queries": [
            { "lat": 0, "lng": 0, "category": ["school", null], "rating": "..4.5" },
            { "lat": 0, "lng": 0, "wheelchair": true, "opened": "2024-01-01.." },
        ] });
        let batch = server.post("/collections/shops/nearby/batch", &queries).send().await.json();
        let ids = |result: &Value| -> Vec<i64> {
            let centers = result["centers"].as_array().unwrap().iter();
            centers.map(|center| center["id"].as_i64().unwrap()).collect()
        };
        assert_eq!(ids(&batch["results"][0]), [1, 4]);
        assert_eq!(ids(&batch["results"][1]), [4]);
    }

    async fn pages_belong_to_what_was_asked_of_attributes(db: TestDatabase) {
        let server = with_shops(db).await;
        for path in ["nearest?lat=0&lng=0&limit=1&rating=..4.5", "items?format=json&limit=1&rating=..4.5"] {
            let first = server.found(&format!("/collections/shops/{path}")).await;
            let next = first["next"].as_str().unwrap();
            let second = format!("/collections/shops/{path}&cursor={next}");
            assert_eq!(server.found_ids(&second).await, [2], "{path}");
            let other = second.replace("4.5", "4.6");
            server.get(&other).send().await.problem(400, "cursor_invalid");
        }
    }

    async fn what_is_no_value_of_an_attribute_is_told_with_what_is(db: TestDatabase) {
        let server = with_shops(db).await;
        for (asked, code, parameter, allowed) in [
            ("rating=x", "parameter_invalid", "rating", "a number, a range of numbers"),
            ("rating=2..1", "parameter_invalid", "rating", "a number, a range of numbers"),
            ("wheelchair=yes", "parameter_invalid", "wheelchair", "true, false or null"),
            ("opened=2023-02-29", "parameter_invalid", "opened", "a day as in 2024-01-31"),
            ("category!=school", "parameter_invalid", "category!", "null"),
            ("category=", "parameter_invalid", "category", "given with a value"),
            ("colour=red", "parameter_unknown", "colour", "category, rating"),
        ] {
            for path in ["nearby?lat=0&lng=0", "items?format=json&limit=1"] {
                let path = format!("/collections/shops/{path}&{asked}");
                let problem = server.get(&path).send().await.problem(400, code);
                assert_eq!(problem["parameter"], parameter, "{path}");
                let told = problem["allowed"].as_str().unwrap();
                assert!(told.contains(allowed), "{allowed} in {told}");
            }
        }
        let queries = json!({ "queries": [{ "lat": 0, "lng": 0, "rating": "x" }] });
        let answer = server.post("/collections/shops/nearby/batch", &queries).send().await;
        let problem = answer.problem(400, "parameter_invalid");
        assert_eq!(problem["parameter"], "queries[0].rating");
        // Other collections have none of them.
        let centers = server.get("/nearby?lat=0&lng=0&rating=4..").send().await;
        centers.problem(400, "parameter_unknown");
    }

    async fn attributes_of_centers_are_written_and_found_at_once(db: TestDatabase) {
        let server = with_centers(db).await;
        let body = json!({
            "name": "a", "latitude": 0, "longitude": 0, "category": "school", "stars": 4.5,
            "is_open": true, "since": "2020-02-29",
        });
        let made = server.post("/centers", &body).send().await;
        assert_eq!(made.status, 201);
        let made = made.json();
        for name in ["category", "stars", "is_open", "since"] {
            assert_eq!(made[name], body[name]);
        }
        let id = made["id"].as_i64().unwrap();
        let found = "/nearby?lat=0&lng=0&category=school&stars=4..&is_open=true&since=2020-02-29";
        assert_eq!(server.found_ids(found).await, [id]);

        let path = format!("/centers/{id}");
        let change = json!({ "category": null, "stars": 2 });
        let patched = server.request(Method::PATCH, &path).key().merge_patch(&change).send().await.json();
        assert_eq!((&patched["category"], &patched["stars"]), (&Value::Null, &json!(2.0)));
        assert_eq!((&patched["is_open"], &patched["since"]), (&json!(true), &json!("2020-02-29")));
        assert!(server.found_ids(found).await.is_empty());
        let found = "/nearby?lat=0&lng=0&category=null&stars=..2";
        assert_eq!(server.found_ids(found).await, [id]);

        let put = json!({ "name": "b", "latitude": 0, "longitude": 0, "is_open": false });
        let put = server.request(Method::PUT, &path).key().json(&put).send().await.json();
        assert_eq!((&put["since"], &put["is_open"]), (&Value::Null, &json!(false)));
        let batch = json!({ "centers": [
            { "name": "c", "stars": -1 }, { "id": id, "name": "d", "since": "1969-12-31" },
        ] });
        let written = server.post("/centers/batch", &batch).send().await.json();
        assert_eq!(written["centers"][0]["stars"], -1.0);
        assert_eq!(written["centers"][1]["since"], "1969-12-31");
        assert_eq!(written["centers"][1]["is_open"], Value::Null);
    }

    async fn names_are_found_among_the_rows_that_filters_keep(db: TestDatabase) {
        let server = with_shops(db).await;
        for (id, title, category, stars, lat) in [
            (11, "The Blue Hole", "'bar'", "3", "1"),
            (12, "Blue Corner", "'bar'", "NULL", "2"),
            (13, "blue wall", "NULL", "5", "NULL"),
            (14, "Bluebell", "'school'", "4", "3"),
        ] {
            let row = format!("({id}, '{title}', {lat}, 0, 'GR', {category}, {stars}, NULL, NULL)");
            server.db.execute(&format!("INSERT INTO shops VALUES {row}")).await;
        }
        for (asked, ids) in [
            ("", &[12, 13, 14, 11][..]),
            ("category=bar", &[12, 11]),
            // Before the limit.
            ("category=bar&limit=1", &[12]),
            ("category=school&category=null", &[13, 14]),
            ("rating=3..4", &[14, 11]),
            ("rating=null", &[12]),
            ("category!=null&lat=3&lng=0", &[14, 12, 11]),
            ("country=FR", &[]),
            ("filter=rating%3E3%20OR%20category%20IS%20NULL", &[13, 14]),
            ("polygon=POLYGON((-1%202.5,1%202.5,1%203.5,-1%203.5,-1%202.5))", &[14]),
        ] {
            let path = format!("/collections/shops/search?q=blue&{asked}");
            let found = server.found(&path).await;
            let mut centers = found["centers"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap());
            assert!(ids.iter().all(|id| centers.next() == Some(*id)) && centers.next().is_none(), "{asked}: {found}");
        }
        let found = server.found("/collections/shops/search?q=bluebell").await;
        assert_eq!(found["centers"][0]["category"], "school");
        assert_eq!(found["centers"][0]["rating"], 4.0);
        server.get("/collections/shops/search?q=blue&colour=red").send().await.problem(400, "parameter_unknown");
        server.get("/collections/shops/search?q=blue&rating=high").send().await.problem(400, "parameter_invalid");
    }

    async fn too_many_names_to_filter_are_told_and_a_rare_one_is_found_among_many(db: TestDatabase) {
        let server = with_shops(db).await;
        server.db.execute(
            "INSERT INTO shops (shop_id, title, lat, lon, category) \
             WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 149) \
             SELECT 100 + a.n * 150 + b.n, 'many', 0, 1, 'bar' FROM d a, d b",
        ).await;
        server.db.execute("UPDATE shops SET category = 'zoo' WHERE shop_id IN (15000, 16000)").await;
        let asked = "/collections/shops/search?q=many&limit=2&category=";
        assert_eq!(server.found_ids(&format!("{asked}bar")).await, [100, 101]);
        // The two are among the first 20,000 in the order of names, and of ids where these are the same.
        assert_eq!(server.found_ids(&format!("{asked}zoo")).await, [15_000, 16_000]);
        let problem = server.get(&format!("{asked}school")).send().await.problem(503, "search_too_slow");
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains("more than 20000 names hold this") && told.contains("type more"), "{told}");
    }

    async fn a_patch_leaves_what_it_says_nothing_of_as_it_is_stored(db: TestDatabase) {
        let server = with_centers(db).await;
        let made = server.post("/centers", &json!({ "name": "a" })).send().await.json();
        let id = made["id"].as_i64().unwrap();
        let time = "since = '2020-02-29 13:14:15'";
        server.db.execute(&format!("UPDATE diving_centers SET {time} WHERE id = {id}")).await;
        for patch in [json!({ "city": "Athens" }), json!({ "latitude": 1, "longitude": 2 })] {
            let path = format!("/centers/{id}");
            let patched = server.request(Method::PATCH, &path).key().merge_patch(&patch).send().await;
            assert_eq!(patched.json()["since"], "2020-02-29");
            let kept = format!("SELECT COUNT(*) FROM diving_centers WHERE {time}");
            assert_eq!(server.db.number(&kept).await, 1, "{patch}");
        }
    }

    async fn an_import_leaves_attributes_that_it_says_nothing_of(db: TestDatabase) {
        let store = Store::new(db.database(), &centers_in(&db).await);
        let draft = |name: &str| {
            let text = CenterText { name: name.into(), ..CenterText::default() };
            CenterDraft::new(text, Position::new(1.0, 2.0).ok()).unwrap()
        };
        let values = vec![(0, Some(FieldValue::Text("school".into()))), (1, Some(FieldValue::Number(4.0)))];
        let made = store.create(&draft("a").with_attributes(values)).await.unwrap();
        let id = Some(made.id);
        let item = |id, name: &str| BatchItem { id, draft: draft(name) };
        let same = store.upsert(vec![item(id, "a")]).await.unwrap();
        assert_eq!((same.unchanged, same.updated), (1, 0));
        let written = store.upsert(vec![item(id, "b"), item(None, "c")]).await.unwrap();
        assert_eq!((written.updated, written.inserted), (1, 1));
        let kept = "SELECT COUNT(*) FROM diving_centers WHERE name = 'b' AND category = 'school' AND stars = 4";
        assert_eq!(db.number(kept).await, 1);
        let empty = "SELECT COUNT(*) FROM diving_centers WHERE name = 'c' AND category IS NULL AND stars IS NULL";
        assert_eq!(db.number(empty).await, 1);
        // Rows of one import may say this and that.
        let saying = |id, name: &str, said: &[(usize, Option<FieldValue>)]| BatchItem {
            id,
            draft: draft(name).with_attributes(said.to_vec()),
        };
        let stars = |stars| (1, Some(FieldValue::Number(stars)));
        let other = store.create(&draft("d").with_attributes(vec![stars(1.0)])).await.unwrap();
        let written = store.upsert(vec![
            saying(id, "b", &[stars(5.0)]),
            saying(Some(other.id), "d", &[(0, Some(FieldValue::Text("bar".into()))), (2, Some(FieldValue::Boolean(true)))]),
        ]);
        assert_eq!(written.await.unwrap().updated, 2);
        let kept = "SELECT COUNT(*) FROM diving_centers WHERE name = 'b' AND category = 'school' AND stars = 5";
        assert_eq!(db.number(kept).await, 1);
        let kept = "SELECT COUNT(*) FROM diving_centers WHERE name = 'd' AND category = 'bar' AND stars = 1 AND is_open";
        assert_eq!(db.number(kept).await, 1);
        let same = store.upsert(vec![saying(id, "b", &[stars(5.0)])]).await.unwrap();
        assert_eq!(same.unchanged, 1);
        let cleared = store.upsert(vec![saying(id, "b", &[(0, None)])]).await.unwrap();
        assert_eq!(cleared.updated, 1);
        let cleared = "SELECT COUNT(*) FROM diving_centers WHERE name = 'b' AND category IS NULL AND stars = 5";
        assert_eq!(db.number(cleared).await, 1);
    }

    async fn a_value_of_another_kind_is_not_written(db: TestDatabase) {
        let server = with_centers(db).await;
        for (name, value, code, allowed) in [
            ("category", json!(7), "parameter_invalid", "a text of at most"),
            ("category", json!("a\u{0}b"), "parameter_invalid", "without control characters"),
            ("stars", json!("4"), "parameter_invalid", "a number, or null"),
            ("stars", json!([4]), "parameter_invalid", "a number, or null"),
            ("is_open", json!(1), "parameter_invalid", "true, false or null"),
            ("since", json!("2023-02-29"), "parameter_invalid", "a day as in"),
            ("colour", json!("red"), "parameter_unknown", "`category`, `stars`, `is_open`, `since`"),
        ] {
            let body = json!({ "name": "a", name: value });
            let answer = server.post("/centers", &body).send().await;
            let problem = answer.problem(400, code);
            assert_eq!(problem["parameter"], name);
            let told = problem["allowed"].as_str().unwrap();
            assert!(told.contains(allowed), "{allowed} in {told}");
            let batch = json!({ "centers": [body] });
            let problem = server.post("/centers/batch", &batch).send().await.problem(400, code);
            assert_eq!(problem["parameter"], format!("centers[0].{name}"));
        }
        assert_eq!(server.db.number("SELECT COUNT(*) FROM diving_centers").await, 0);
    }
}

/// 4.3 in 24 bits is no 4.3 in 53.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_float_is_found_by_the_number_that_the_server_shows() {
    let db = TestDatabase::mysql().await;
    db.execute("ALTER TABLE diving_centers ADD COLUMN stars FLOAT")
        .await;
    db.execute(
        "INSERT INTO diving_centers (name, latitude, longitude, stars) \
         VALUES ('a', 0, 0, 4.3), ('b', 0, 0, 0.1), ('c', 0, 0, -2), ('d', 0, 0, 1e20)",
    )
    .await;
    let stars = Attribute::new(column("stars"), FieldKind::Number, column("stars"));
    let centers = Collection::diving_centers()
        .with_attributes(vec![stars])
        .unwrap();
    let columns = db.database().columns(&centers).await.unwrap();
    let server = TestServer::start_declared(db, vec![centers.read_from(&columns)]).await;
    for (asked, names) in [
        ("stars=4.3", &["a"][..]),
        ("stars=0.1", &["b"]),
        ("stars=0.1..4.3", &["a", "b"]),
        ("stars=..-2", &["c"]),
        ("stars=1e20", &["d"]),
    ] {
        for path in ["/nearby?lat=0&lng=0&", "/centers?"] {
            let found = server.found(&format!("{path}{asked}")).await;
            let found = found["centers"].as_array().unwrap().iter();
            let found: Vec<&str> = found.map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!(found, names, "{path}{asked}");
        }
    }
    let found = server.found("/nearby?lat=0&lng=0&limit=1").await;
    assert_eq!(found["centers"][0]["stars"], 4.3);
}
