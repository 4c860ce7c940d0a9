//! `/tiles/{collection}`: vector tiles, read by GDAL.

use std::process::Command;

use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::{TestDatabase, on_both_stores};
use nearby::http::TrustedProxies;

/// What GDAL reads in a tile: its features in GeoJSON, in degrees.
fn read_by_gdal(tile: &[u8], z: u8, x: u32, y: u32) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let column = folder.path().join(z.to_string()).join(x.to_string());
    std::fs::create_dir_all(&column).expect("a folder can be made");
    let path = column.join(format!("{y}.mvt"));
    std::fs::write(&path, tile).expect("it can be written");
    let read = Command::new("ogr2ogr")
        .args(["-f", "GeoJSON", "-t_srs", "EPSG:4326", "/vsistdout/"])
        .arg(format!("MVT:{}", path.display()))
        .output()
        .expect("ogr2ogr is there");
    let said = String::from_utf8_lossy(&read.stderr).into_owned();
    assert!(read.status.success() && said.is_empty(), "{said}");
    let collection: Value = serde_json::from_slice(&read.stdout).expect("it writes GeoJSON");
    let features = collection["features"].as_array().expect("it has features");
    features.clone()
}

/// Within a step of a tile of the whole world.
fn is_near(feature: &Value, longitude: f64, latitude: f64) -> bool {
    let at = |place: usize| feature["geometry"]["coordinates"][place].as_f64();
    at(0).is_some_and(|found| (found - longitude).abs() < 0.1)
        && at(1).is_some_and(|found| (found - latitude).abs() < 0.1)
}

async fn seeded(db: TestDatabase) -> (TestServer, Vec<i64>) {
    let server = TestServer::start(db).await;
    let ids = server
        .seed(&[
            json!({ "name": "a \"b\"", "latitude": 37.97, "longitude": 23.72, "country": "GR" }),
            json!({ "name": "c", "latitude": 37.99, "longitude": 23.74, "country": "GR" }),
            json!({ "name": "far", "latitude": -33.9, "longitude": 151.2, "country": "AU" }),
            json!({ "name": "nowhere", "country": "GR" }),
        ])
        .await;
    (server, ids)
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogr2ogr: run scripts/test")]
async fn gdal_reads_clusters_and_centers_that_stand_alone() {
    let (server, ids) = seeded(TestDatabase::sqlite().await).await;
    let tile = server.get("/tiles/centers/0/0/0.mvt").send().await;
    assert_eq!(tile.status, 200);
    assert_eq!(
        tile.header("content-type"),
        "application/vnd.mapbox-vector-tile"
    );
    let features = read_by_gdal(&tile.body, 0, 0, 0);
    assert_eq!(features.len(), 2, "{features:?}");
    let alone = features
        .iter()
        .find(|feature| feature["properties"]["name"] == "far");
    let alone = alone.expect("it stands alone");
    assert!(is_near(alone, 151.2, -33.9), "{alone}");
    assert_eq!(alone["properties"]["id"], ids[2]);
    let cluster = features
        .iter()
        .find(|feature| feature["properties"]["cluster"] == json!(true));
    let cluster = cluster.expect("two stand together");
    assert!(is_near(cluster, 23.73, 37.98), "{cluster}");
    let properties = &cluster["properties"];
    assert_eq!(
        (&properties["point_count"], &properties["name"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(properties["point_count_abbreviated"], 2);
    assert!(
        properties["expansion_zoom"]
            .as_i64()
            .is_some_and(|zoom| (1..=14).contains(&zoom))
    );
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogr2ogr: run scripts/test")]
async fn from_a_zoom_on_every_center_is_there_with_the_members_that_were_asked_for() {
    let (server, ids) = seeded(TestDatabase::sqlite().await).await;
    // Athens, in the tile of zoom 7 that is 2.8 degrees wide.
    let server_of_seven = TestServer::start_with(server.stop().await, |settings| {
        settings.clustered_below = nearby::domain::Zoom::new(7).unwrap();
    })
    .await;
    let path = "/tiles/centers/7/72/49.mvt";
    let tile = server_of_seven
        .get(&format!("{path}?fields=id,name,country,city"))
        .send()
        .await;
    let mut features = read_by_gdal(&tile.body, 7, 72, 49);
    features.sort_by_key(|feature| feature["properties"]["id"].as_i64());
    let properties: Vec<Value> = features
        .iter()
        .map(|feature| {
            let mut properties = feature["properties"].clone();
            properties.as_object_mut().unwrap().remove("mvt_id");
            properties
        })
        .collect();
    assert_eq!(
        properties,
        [
            json!({ "id": ids[0], "name": "a \"b\"", "country": "GR" }),
            json!({ "id": ids[1], "name": "c", "country": "GR" }),
        ]
    );
    let filtered = server_of_seven
        .get(&format!("{path}?country=AU"))
        .send()
        .await;
    assert_eq!((filtered.status, filtered.body.len()), (204, 0));
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn both_engines_write_the_same_tiles_and_clusters() {
    // Around 0/0, at the poles, on both sides of the antimeridian, and two on one spot.
    let mut centers = vec![
        center("a", 90.0, 0.0),
        center("b", -90.0, 100.0),
        center("c", 10.0, 180.0),
        center("d", 10.0, -180.0),
        center("e", 10.0, -179.99),
        center("f", 10.0, 179.99),
        center("g", 0.0, 0.0),
        center("h", 0.0, 0.0),
    ];
    centers.extend((0..400_u32).map(|number| {
        let (latitude, longitude) = (number * 37 % 171, number * 101 % 361);
        let mut center = center(
            "x",
            f64::from(latitude) - 85.3,
            f64::from(longitude) - 180.1,
        );
        if longitude == 0 {
            center["longitude"] = json!(-180);
        }
        center["country"] = json!(["GR", "IT", "FR"][number as usize % 3]);
        center
    }));
    let servers = [TestDatabase::sqlite().await, TestDatabase::mysql().await];
    let [memory, sql] = servers.map(TestServer::start);
    let (memory, sql) = (memory.await, sql.await);
    assert_eq!(memory.seed(&centers).await, sql.seed(&centers).await);
    let mut paths = Vec::new();
    for z in 0..=2_u32 {
        for x in 0..1 << z {
            for y in 0..1 << z {
                paths.push(format!("/tiles/centers/{z}/{x}/{y}.mvt"));
            }
        }
    }
    for z in [5, 9, 13, 14, 20_u32] {
        let (last, middle) = ((1_u32 << z) - 1, 1_u32 << (z - 1));
        for (x, y) in [(middle, middle), (middle - 1, middle), (0, 0), (last, last)] {
            paths.push(format!("/tiles/centers/{z}/{x}/{y}.mvt"));
        }
    }
    let first = (1_u64 << 52) + 1;
    for id in first..first + 36 {
        paths.push(format!("/clusters/{id}/children"));
        paths.push(format!("/clusters/{id}/leaves"));
    }
    let mut found = 0;
    for path in paths {
        for query in [
            "",
            "?country=GR&country=FR",
            "?filter=NOT%20country%20=%20%27GR%27",
        ] {
            let path = format!("{path}{query}");
            let (one, other) = (memory.get(&path).send().await, sql.get(&path).send().await);
            assert_eq!(one.status, other.status, "{path}");
            if one.status == 200 {
                assert_eq!(
                    one.body,
                    other.body,
                    "{path}: {} {}",
                    one.text(),
                    other.text()
                );
                found += 1;
            }
        }
    }
    assert!(found > 150, "{found}");
}

on_both_stores! {
    async fn a_tile_follows_every_write_and_its_tag_changes_with_what_it_shows(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let path = "/tiles/centers/5/18/12.mvt";
        let first = server.get(path).send().await;
        let tag = first.header("etag").to_owned();
        let known = server.get(path).header("if-none-match", &tag).send().await;
        assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, tag.as_str()));
        let others = format!("W/\"a\", W/{tag}");
        assert_eq!(server.get(path).header("if-none-match", &others).send().await.status, 304);
        // Beyond the tile.
        server.seed(&[center("elsewhere", -10.0, 20.0)]).await;
        assert_eq!(server.get(path).send().await.header("etag"), tag);
        // Into the cluster.
        let added = server.seed(&[center("third", 37.98, 23.73)]).await;
        let second = server.get(path).header("if-none-match", &tag).send().await;
        assert_eq!(second.status, 200);
        assert_ne!(second.header("etag"), tag);
        for id in added {
            let path = format!("/centers/{id}");
            server.request(reqwest::Method::DELETE, &path).key().send().await;
        }
        let third = server.get(path).send().await;
        assert_eq!((third.header("etag"), &third.body), (tag.as_str(), &first.body));
        for id in &ids[..2] {
            let path = format!("/centers/{id}");
            server.request(reqwest::Method::DELETE, &path).key().send().await;
        }
        assert_eq!(server.get(path).send().await.status, 204);
    }

    async fn a_tile_of_many_centers_is_clustered_where_they_would_be_too_much(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let long = "x".repeat(240);
        let centers: Vec<Value> = (0..3_000_u32)
            .map(|number| {
                let (north, east) = (f64::from(number / 60), f64::from(number % 60));
                center(&format!("{long}{number}"), 37.969 + north * 1e-4, 23.715 + east * 1e-4)
            })
            .collect();
        server.seed(&centers).await;
        let tile = server.get("/tiles/centers/14/9271/6321.mvt").send().await;
        assert_eq!(tile.status, 200);
        assert!(tile.body.len() <= 500_000, "{}", tile.body.len());
        let text = tile.text();
        assert!(text.contains("point_count"), "it has clusters");
    }

    async fn maps_learn_where_the_tiles_are(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let answer = server.found("/tiles/centers.json?country=GR&fields=name,city").await;
        let address = format!("http://{}/tiles/centers/{{z}}/{{x}}/{{y}}.mvt?country=GR&fields=name,city", server.address);
        assert_eq!(answer["tiles"], json!([address]));
        let layer = &answer["vector_layers"][0];
        assert_eq!(layer["id"], "centers");
        assert_eq!(layer["fields"]["city"], "String");
        assert_eq!(layer["fields"]["point_count"], "Number");
        assert_eq!(layer["fields"]["id"], Value::Null);
        let behind_a_proxy = server.get("/tiles/dive-sites.json")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "maps.example")
            .send().await.json();
        assert_eq!(behind_a_proxy["tiles"], json!(["https://maps.example/tiles/dive-sites/{z}/{x}/{y}.mvt"]));
        let own = format!("http://{}/tiles/dive-sites/{{z}}/{{x}}/{{y}}.mvt", server.address);
        for nonsense in [
            [("x-forwarded-proto", "java"), ("x-forwarded-host", "")],
            [("x-forwarded-proto", "javascript:"), ("x-forwarded-host", "a/b?c")],
        ] {
            let request = server.get("/tiles/dive-sites.json");
            let told = nonsense.iter().fold(request, |request, (name, value)| request.header(name, value));
            assert_eq!(told.send().await.json()["tiles"], json!([own]));
        }
        let server = TestServer::start_with(server.stop().await, |settings| {
            settings.trusted_proxies = TrustedProxies::new(vec!["192.0.2.0/24".parse().unwrap()]);
        }).await;
        let spoofed = server.get("/tiles/dive-sites.json").header("x-forwarded-host", "evil.example").send().await.json();
        let own = format!("http://{}/tiles/dive-sites/{{z}}/{{x}}/{{y}}.mvt", server.address);
        assert_eq!(spoofed["tiles"], json!([own]));
    }

    async fn a_tile_that_is_none_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (tile, parameter) in [
            ("23/0/0", "z"),
            ("99/0/0", "z"),
            ("-1/0/0", "z"),
            ("x/0/0", "z"),
            ("0/1/0", "x"),
            ("3/8/0", "x"),
            ("3/0/8", "y"),
            ("3/0/-1", "y"),
            ("3/0/1.5", "y"),
            ("3/4294967296/0", "x"),
        ] {
            let answer = server.get(&format!("/tiles/centers/{tile}.mvt")).send().await;
            let problem = answer.problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], parameter, "{tile}");
        }
        for (query, code, parameter) in [
            ("fields=phone", "parameter_invalid", "fields"),
            ("fields=distance_m", "parameter_invalid", "fields"),
            ("limit=5", "parameter_unknown", "limit"),
            ("filter=nothing", "parameter_invalid", "filter"),
        ] {
            for path in ["/tiles/centers/0/0/0.mvt", "/tiles/centers.json"] {
                let problem = server.get(&format!("{path}?{query}")).send().await.problem(400, code);
                assert_eq!(problem["parameter"], parameter, "{query}");
            }
        }
        for path in ["/tiles/nothing/0/0/0.mvt", "/tiles/nothing.json"] {
            server.get(path).send().await.problem(404, "collection_not_found");
        }
    }
}
