//! OGC API: what its conformance cases ask (Features Part 1 and 3, Tiles), and what GDAL makes of
//! it.

use std::process::Command;

use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

/// Centers on both sides of the antimeridian, one in Greece, and one without a position.
async fn seeded(db: TestDatabase) -> (TestServer, Vec<i64>) {
    let server = TestServer::start(db).await;
    let mut greek = center("Blue \"Dive\"", 37.98, 23.73);
    greek["country"] = json!("GR");
    let centers = [
        center("east", -17.5, 179.5),
        center("west", -17.5, -179.5),
        greek,
        json!({ "name": "nowhere", "country": "GR" }),
    ];
    let ids = server.seed(&centers).await;
    (server, ids)
}

fn ids_of(page: &Value) -> Vec<i64> {
    let features = page["features"].as_array().expect("it has features");
    let ids = features.iter().map(|feature| feature["id"].as_i64());
    ids.map(|id| id.expect("an id")).collect()
}

fn href<'a>(of: &'a Value, rel: &str) -> &'a str {
    let links = of["links"].as_array().expect("it has links");
    let link = links.iter().find(|link| link["rel"] == rel);
    link.unwrap_or_else(|| panic!("no {rel} in {of}"))["href"]
        .as_str()
        .expect("an address")
}

/// The path of an address, which is one of this server.
fn path_of<'a>(server: &TestServer, address: &'a str) -> &'a str {
    let origin = format!("http://{}", server.address);
    address.strip_prefix(&origin).expect("it is of this server")
}

on_both_stores! {
    async fn every_link_from_the_landing_page_on_leads_to_what_it_says(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let landing = server.get("/").header("accept", "application/json").send().await.json();
        for rel in ["self", "service-desc", "service-doc", "conformance", "data"] {
            href(&landing, rel);
        }
        let item = format!("/collections/centers/items/{}", ids[0]);
        let mut read = 0;
        for (page, is_whole) in [
            (landing, true),
            (server.found("/collections").await, true),
            (server.found("/collections/centers").await, true),
            (server.found("/collections/centers/items?limit=1").await, true),
            (server.found(&item).await, true),
            (server.found("/collections/centers/tiles").await, true),
            (server.found("/collections/centers/tiles/WebMercatorQuad").await, false),
        ] {
            for link in page["links"].as_array().expect("it has links") {
                if link["templated"] == true {
                    assert!(!is_whole, "{link}");
                    continue;
                }
                let path = path_of(&server, link["href"].as_str().unwrap());
                let kind = link["type"].as_str().unwrap();
                let answer = server.get(path).header("accept", kind).send().await;
                assert_eq!(answer.status, 200, "{link}");
                let got = answer.headers["content-type"].to_str().unwrap();
                assert!(got.starts_with(kind), "{link} is {got}");
                read += 1;
            }
        }
        assert!(read >= 18, "{read}");
        let classes = server.found("/conformance").await;
        let core = json!("http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core");
        assert!(classes["conformsTo"].as_array().unwrap().contains(&core), "{classes}");
        server.get("/?f=xml").send().await.problem(400, "parameter_invalid");
        server.get("/conformance?f=html").send().await.problem(400, "parameter_invalid");
        server.get("/collections?x=1").send().await.problem(400, "parameter_unknown");
    }

    async fn a_collection_tells_where_its_items_are_and_in_which_reference_system(db: TestDatabase) {
        let (server, _) = seeded(db).await;
        let all = server.found("/collections").await;
        assert_eq!(path_of(&server, href(&all, "self")), "/collections");
        for collection in all["collections"].as_array().unwrap() {
            let id = collection["id"].as_str().unwrap();
            assert_eq!(*collection, server.found(&format!("/collections/{id}")).await);
            assert_eq!(path_of(&server, href(collection, "items")), format!("/collections/{id}/items"));
            assert_eq!(collection["itemType"], "feature");
            assert_eq!(collection["extent"]["spatial"]["bbox"][0], json!([-180.0, -90.0, 180.0, 90.0]));
            assert_eq!(collection["crs"], json!(["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]));
        }
    }

    async fn pages_of_items_lead_through_every_row_once(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let mut path = "/collections/centers/items?limit=3&f=geojson".to_owned();
        let mut seen = Vec::new();
        let first = server.found(&path).await;
        assert_eq!((&first["type"], &first["numberMatched"]), (&json!("FeatureCollection"), &json!(4)));
        loop {
            let page = server.found(&path).await;
            assert_eq!(path_of(&server, href(&page, "self")), path);
            let features = page["features"].as_array().unwrap();
            assert_eq!(page["numberReturned"], features.len());
            seen.extend(ids_of(&page));
            if page["next"].is_null() {
                break;
            }
            path = path_of(&server, href(&page, "next")).to_owned();
        }
        assert_eq!(seen, ids);
        let nowhere = server.found(&format!("/collections/centers/items/{}", ids[3])).await;
        assert_eq!((&nowhere["type"], &nowhere["geometry"]), (&json!("Feature"), &Value::Null));
        assert_eq!(path_of(&server, href(&nowhere, "collection")), "/collections/centers");
        let json = server.get("/collections/centers/items").header("accept", "application/json").send().await;
        assert_eq!(json.json()["centers"].as_array().unwrap().len(), 4);
    }

    async fn items_are_found_by_box_time_properties_and_conditions(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        for (asked, found) in [
            ("bbox=-180,-90,180,90", &ids[..3]),
            ("bbox=179,-18,-179,-17", &ids[..2]),
            ("bbox=179,-18,-100,-179,-17,100", &ids[..2]),
            ("bbox=23,37,24,38&country=GR", &ids[2..3]),
            ("bbox=23,37,24,38&country=FR", &[]),
            ("country=GR", &ids[2..]),
            ("datetime=2020-01-01T00:00:00Z", &ids[..]),
            ("datetime=2020-01-01/..", &ids),
            ("datetime=../2020-01-01", &ids),
            ("filter=country IS NULL&filter-lang=cql2-text", &ids[..2]),
            ("filter=name LIKE 'Blue%25' AND country IN ('GR', 'FR')", &ids[2..3]),
            ("filter=country = 'GR'&bbox=0,0,90,90", &ids[2..3]),
            ("filter=country = 'GR'&filter-crs=http://www.opengis.net/def/crs/OGC/1.3/CRS84", &ids[2..]),
        ] {
            let path = format!("/collections/centers/items?{asked}");
            let page = server.found(&path).await;
            assert_eq!(ids_of(&page), found, "{asked}");
            assert_eq!(page["numberMatched"], found.len(), "{asked}");
            let lists = format!("/centers?{}", asked.split("&filter-crs").next().unwrap());
            if !asked.starts_with("datetime") {
                assert_eq!(server.found_ids(&lists).await, found, "{lists}");
            }
        }
        for (asked, code) in [
            ("bbox=1,2,3", "parameter_invalid"),
            ("bbox=1,2,3,4,5", "parameter_invalid"),
            ("bbox=1,3,2,2", "parameter_invalid"),
            ("bbox=a,b,c,d", "parameter_invalid"),
            ("datetime=yesterday", "parameter_invalid"),
            ("datetime=../..", "parameter_invalid"),
            ("datetime=2020-01-01/2021-01-01/2022-01-01", "parameter_invalid"),
            ("filter-crs=http://www.opengis.net/def/crs/EPSG/0/3857", "parameter_invalid"),
            ("filter=depth > 3", "parameter_invalid"),
            ("limit=0", "parameter_invalid"),
            ("limit=-1", "parameter_invalid"),
            ("f=xml", "parameter_invalid"),
            ("unheard=of", "parameter_unknown"),
        ] {
            let path = format!("/collections/centers/items?{asked}");
            server.get(&path).send().await.problem(400, code);
        }
    }

    async fn a_cursor_of_a_list_belongs_to_its_box(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let boxed = "/centers?format=geojson&bbox=-180,-90,180,90&limit=1";
        let first = server.found(boxed).await;
        let cursor = first["next"].as_str().unwrap();
        let second = server.found(&format!("{boxed}&cursor={cursor}")).await;
        assert_eq!(ids_of(&second), ids[1..2]);
        for other in ["/centers?limit=1", "/centers?bbox=-180,-90,180,89&limit=1"] {
            let answer = server.get(&format!("{other}&cursor={cursor}")).send().await;
            answer.problem(400, "cursor_invalid");
        }
    }

    async fn what_is_queryable_is_told_as_a_schema_and_can_be_asked(db: TestDatabase) {
        let (server, _) = seeded(db).await;
        let answer = server.get("/collections/centers/queryables").send().await;
        assert_eq!(answer.headers["content-type"], "application/schema+json");
        let schema = answer.json();
        assert_eq!(path_of(&server, schema["$id"].as_str().unwrap()), "/collections/centers/queryables");
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties["country"], json!({ "type": "string" }));
        for name in properties.keys().filter(|name| *name != "geometry") {
            let path = format!("/collections/centers/items?filter={name} IS NOT NULL");
            server.found(&path).await;
        }
    }

    async fn a_tile_by_matrix_row_and_column_is_the_same_tile(db: TestDatabase) {
        let (server, _) = seeded(db).await;
        let set = server.found("/collections/centers/tiles/WebMercatorQuad").await;
        let all = server.found("/collections/centers/tiles").await;
        assert_eq!(all["tilesets"][0], set);
        let item = path_of(&server, href(&set, "item"));
        let path = item.replace("{tileMatrix}", "2").replace("{tileRow}", "1").replace("{tileCol}", "2");
        let tile = server.get(&path).send().await;
        let same = server.get("/tiles/centers/2/2/1.mvt").send().await;
        assert_eq!((tile.status, same.status), (200, 200));
        assert_eq!(tile.body, same.body);
        let limits = &set["tileMatrixSetLimits"][2];
        assert_eq!((&limits["tileMatrix"], &limits["maxTileCol"]), (&json!("2"), &json!(3)));
        for wrong in ["/collections/centers/tiles/WorldCRS84Quad", "/collections/centers/tiles/x/0/0/0"] {
            server.get(wrong).send().await.problem(400, "parameter_invalid");
        }
        server.get("/collections/centers/tiles/WebMercatorQuad/1/2/0").send().await
            .problem(400, "parameter_invalid");
    }
}

/// What a GDAL program says of this service as a source of features.
fn gdal(program: &str, server: &TestServer, args: &[&str]) -> String {
    let source = format!("OAPIF:http://{}", server.address);
    let ended = Command::new(program)
        .args(args)
        .arg(source)
        .arg("centers")
        .output()
        .expect("GDAL is there");
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{text}{ended:?}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn gdal_reads_every_feature_and_asks_by_box_and_condition() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let centers = (0..2_500_u32).map(|place| {
        let place = f64::from(place);
        let mut center = center("c", place / 50.0, place / 25.0 - 50.0);
        center["country"] = json!(if place < 100.0 { "GR" } else { "FR" });
        center
    });
    server.seed(&centers.collect::<Vec<_>>()).await;
    let info = gdal("ogrinfo", &server, &["-so", "-ro"]);
    assert!(info.contains("Feature Count: 2500"), "{info}");
    let all = gdal("ogrinfo", &server, &["-ro", "-al", "-q", "-geom=NO"]);
    assert_eq!(all.matches("OGRFeature(centers)").count(), 2_500);
    let condition = gdal(
        "ogrinfo",
        &server,
        &["-ro", "-al", "-q", "-where", "country = 'GR'"],
    );
    assert_eq!(condition.matches("OGRFeature(centers)").count(), 100);
    let spatial = gdal(
        "ogrinfo",
        &server,
        &["-ro", "-al", "-q", "-spat", "-50", "0", "-46.04", "2"],
    );
    assert_eq!(spatial.matches("OGRFeature(centers)").count(), 100);
}
