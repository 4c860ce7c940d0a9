//! GDAL, and with it QGIS, beside nearby in one file.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Ended, run_with_input};
use super::served::Served;
use crate::api::server::{KEY, PATIENCE};

struct Layer {
    folder: TempDir,
}

impl Layer {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let layer = Self { folder };
        layer.nearby(&["migrate", "up"], "").assert(0, &[]);
        layer
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.gpkg")
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    fn nearby(&self, args: &[&str], input: &str) -> Ended {
        let url = self.url();
        let args = [args, &["--database-url", &url]].concat();
        run_with_input(&args, input.as_bytes())
    }

    /// Has GDAL run a statement over its own connection.
    fn gdal(&self, sql: &str) -> String {
        let mut ogrinfo = Command::new("ogrinfo");
        let ended: Ended = ogrinfo
            .arg(self.path())
            .args(["-sql", sql])
            .output()
            .expect("ogrinfo is there")
            .into();
        ended.assert(0, &[]);
        assert_eq!(ended.stderr, "", "{sql}");
        String::from_utf8(ended.stdout).expect("it is UTF-8")
    }

    /// Has GDAL draw a point that has a name and nothing else.
    fn draw(&self, name: &str, latitude: f64, longitude: f64) {
        self.draw_in(
            "diving_centers",
            &json!({"name": name}),
            latitude,
            longitude,
        );
    }

    /// Has GDAL draw a point in a layer, which it makes where it is missing.
    fn draw_in(&self, layer: &str, properties: &Value, latitude: f64, longitude: f64) {
        let drawn = self.folder.path().join("drawn.geojson");
        let feature = json!({
            "type": "FeatureCollection",
            "features": [{
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
            }],
        });
        std::fs::write(&drawn, feature.to_string()).expect("it can be written");
        let mut ogr2ogr = Command::new("ogr2ogr");
        ogr2ogr.args(["-update", "-append", "-nln", layer]);
        let ended: Ended = ogr2ogr
            .args([self.path(), drawn])
            .output()
            .expect("ogr2ogr is there")
            .into();
        ended.assert(0, &[]);
        assert_eq!(ended.stderr, "");
    }

    fn assert_index_is_right(&self) {
        let wrong = self.gdal(
            "SELECT COUNT(*) AS wrong FROM diving_centers t \
             LEFT JOIN rtree_diving_centers_location r ON r.id = t.id \
             WHERE (t.location IS NULL) IS NOT (r.id IS NULL) \
             OR abs(r.minx - t.longitude) > 0.0001 OR abs(r.maxy - t.latitude) > 0.0001",
        );
        assert!(wrong.contains("wrong (Integer) = 0"), "{wrong}");
        let both = self.gdal(
            "SELECT (SELECT COUNT(*) FROM rtree_diving_centers_location) \
             - (SELECT COUNT(location) FROM diving_centers) AS more",
        );
        assert!(both.contains("more (Integer) = 0"), "{both}");
        self.nearby(&["verify"], "").assert(0, &[]);
    }
}

async fn write(served: &Served, method: Method, path: &str, body: &Value) -> u16 {
    let mut request = reqwest::Client::new()
        .request(method.clone(), served.url(path))
        .bearer_auth(KEY);
    if method == Method::PATCH {
        request = request
            .header("Content-Type", "application/merge-patch+json")
            .body(body.to_string());
    } else if method != Method::DELETE {
        request = request.json(body);
    }
    request.send().await.expect("it answers").status().as_u16()
}

async fn found_soon(served: &Served, path: &str, ids: &[i64]) {
    let began = Instant::now();
    while served.found_ids(path).await != ids {
        assert!(began.elapsed() < PATIENCE, "{path} never finds {ids:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn a_point_that_gdal_draws_or_drags_is_found_where_it_is_now() {
    let layer = Layer::new();
    let rows = "id,name,latitude,longitude\n1,a,1,2\n2,b,50,60\n";
    layer.nearby(&["import", "-"], rows).assert(0, &[]);
    let served = Served::start(&["--database-url", &layer.url()]);

    layer.gdal(
        "UPDATE diving_centers SET location = \
         (SELECT location FROM diving_centers WHERE id = 2) WHERE id = 1",
    );
    found_soon(&served, "/nearby?lat=50&lng=60&radius_m=1", &[1, 2]).await;
    let (_, center) = served.get("/centers/1").await;
    assert_eq!(
        (&center["latitude"], &center["longitude"]),
        (&json!(50.0), &json!(60.0))
    );

    layer.draw("drawn", -33.5, 151.25);
    found_soon(&served, "/nearby?lat=-33.5&lng=151.25&radius_m=1", &[3]).await;
    let (_, center) = served.get("/centers/3").await;
    assert_eq!(
        (&center["latitude"], &center["name"]),
        (&json!(-33.5), &json!("drawn"))
    );
    served.stop();
    layer.nearby(&["verify"], "").assert(0, &[]);
    let summary = layer.gdal("SELECT * FROM diving_centers");
    assert!(summary.contains("POINT (151.25 -33.5)"), "{summary}");
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn the_spatial_index_that_gdal_made_stays_right_whatever_writes() {
    let layer = Layer::new();
    let rows = "id,name,latitude,longitude\n1,a,1,2\n2,b,50,60\n3,c,,\n4,d,-1.5,-180\n";
    layer.nearby(&["import", "-"], rows).assert(0, &[]);
    layer.gdal("SELECT CreateSpatialIndex('diving_centers', 'location')");

    let served = Served::start(&["--database-url", &layer.url()]);
    let body = json!({"name": "new", "latitude": 7.0, "longitude": 8.0});
    for (method, path, body, status) in [
        (Method::POST, "/centers", &body, 201),
        (
            Method::PATCH,
            "/centers/1",
            &json!({"latitude": 9.0, "longitude": 2.5}),
            200,
        ),
        (Method::PATCH, "/centers/1", &json!({"city": "x"}), 200),
        (
            Method::PUT,
            "/centers/3",
            &json!({"name": "c", "latitude": 5.0, "longitude": 5.0}),
            200,
        ),
        (
            Method::PATCH,
            "/centers/5",
            &json!({"latitude": null, "longitude": null}),
            200,
        ),
        (Method::DELETE, "/centers/2", &json!(null), 204),
    ] {
        assert_eq!(
            write(&served, method.clone(), path, body).await,
            status,
            "{method} {path}"
        );
    }
    served.stop();
    // 180 is where -180 is, and where its location says that it is.
    layer.gdal("UPDATE diving_centers SET longitude = 180 WHERE id = 4");
    layer.assert_index_is_right();
    let more = "id,name,latitude,longitude\n1,a,10,11\n9,e,12,13\n";
    layer.nearby(&["import", "-"], more).assert(0, &[]);
    layer.assert_index_is_right();
    layer.gdal("UPDATE diving_centers SET location = NULL WHERE id = 1");
    layer.nearby(&["backfill"], "").assert(0, &[]);
    layer.assert_index_is_right();

    layer.gdal("DELETE FROM rtree_diving_centers_location WHERE id = 9");
    layer.gdal("INSERT INTO rtree_diving_centers_location VALUES (77, 1, 1, 1, 1)");
    let ended = layer.nearby(&["verify"], "");
    ended.assert(1, &[]);
    let told = String::from_utf8(ended.stdout).expect("it is UTF-8");
    for text in [
        "misplaces 1 rows, 9 the first",
        "has 1 entries of rows that are nowhere",
    ] {
        assert!(told.contains(text), "{told}");
    }
    layer.gdal("SELECT DisableSpatialIndex('diving_centers', 'location')");
    layer.gdal("SELECT CreateSpatialIndex('diving_centers', 'location')");
    layer.assert_index_is_right();
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn points_of_a_layer_that_gdal_made_are_followed_once_it_is_adopted() {
    let layer = Layer::new();
    let at = |latitude: f64, longitude: f64| json!({"name": "a shop", "latitude": latitude, "longitude": longitude});
    layer.draw_in("shops", &at(1.0, 2.0), 1.0, 2.0);
    layer.draw_in("shops", &at(50.0, 60.0), 50.0, 60.0);
    let shops =
        "shops: table=shops id=fid name=name latitude=latitude longitude=longitude location=geom";
    let nearby = |command: &[&str], input: &str| {
        layer.nearby(
            &[command, &["--collection", "shops", "--declare", shops]].concat(),
            input,
        )
    };
    let told = |ended: &Ended| String::from_utf8(ended.stdout.clone()).expect("it is UTF-8");

    let verified = nearby(&["verify"], "");
    verified.assert(0, &[]);
    let remedy = "`nearby adopt --collection shops --apply` makes it";
    for trigger in ["stale", "moved", "drawn"] {
        let warning = format!("warning: no trigger shops_{trigger}_location");
        assert!(told(&verified).contains(&warning), "{}", told(&verified));
    }
    assert!(told(&verified).contains(remedy), "{}", told(&verified));
    let looked = nearby(&["adopt"], "");
    looked.assert(1, &[]);
    assert!(
        told(&looked).contains("shops_moved_location"),
        "{}",
        told(&looked)
    );
    assert!(
        told(&nearby(&["adopt", "--sql"], "")).contains("CREATE TRIGGER `shops_drawn_location`")
    );
    let triggers = "SELECT COUNT(*) AS made FROM sqlite_master WHERE name LIKE 'shops%location'";
    assert!(layer.gdal(triggers).contains("made (Integer) = 0"));

    // A point that was drawn before.
    layer.draw_in("shops", &json!({"name": "drawn before"}), 10.0, 11.0);
    nearby(&["adopt", "--apply"], "").assert(0, &[]);
    nearby(&["adopt"], "").assert(0, &[]);
    nearby(&["adopt", "--apply"], "").assert(0, &[]);
    assert!(!told(&nearby(&["verify"], "")).contains("warning"));

    let served = Served::start(&["--database-url", &layer.url(), "--declare", shops]);
    let near = |place: &str| format!("/collections/shops/nearby?{place}&radius_m=1");
    found_soon(&served, &near("lat=10&lng=11"), &[3]).await;
    layer.gdal("UPDATE shops SET geom = (SELECT geom FROM shops WHERE fid = 2) WHERE fid = 1");
    found_soon(&served, &near("lat=50&lng=60"), &[1, 2]).await;
    let (_, shop) = served.get("/collections/shops/items/1?format=json").await;
    assert_eq!(
        (&shop["latitude"], &shop["longitude"]),
        (&json!(50.0), &json!(60.0))
    );
    layer.draw_in("shops", &json!({"name": "drawn"}), -33.5, 151.25);
    found_soon(&served, &near("lat=-33.5&lng=151.25"), &[4]).await;
    layer.gdal("UPDATE shops SET latitude = 7, longitude = 8 WHERE fid = 2");
    found_soon(&served, &near("lat=7&lng=8"), &[2]).await;
    served.stop();
    let summary = layer.gdal("SELECT * FROM shops");
    assert!(summary.contains("POINT (8 7)"), "{summary}");

    // While nobody serves it, and in the way of an export.
    layer.gdal("UPDATE shops SET geom = (SELECT geom FROM shops WHERE fid = 2) WHERE fid = 1");
    let exported = nearby(&["export", "-", "--format", "csv"], "");
    exported.assert(0, &["4 centers exported"]);
    let moved = |line: &str| line.starts_with("1,") && line.contains(",7,8,");
    assert!(told(&exported).lines().any(moved), "{}", told(&exported));

    // In the way of an import.
    layer.gdal("UPDATE shops SET geom = (SELECT geom FROM shops WHERE fid = 4) WHERE fid = 1");
    let rows = "id,name,latitude,longitude\n9,e,12,13\n";
    nearby(&["import", "-"], rows).assert(0, &["1 inserted"]);
    assert!(
        layer
            .gdal("SELECT COUNT(*) AS left FROM moved_points")
            .contains("left (Integer) = 0")
    );
    let verified = nearby(&["verify"], "");
    verified.assert(0, &[]);
    assert!(!told(&verified).contains("warning"), "{}", told(&verified));
    assert!(
        layer
            .gdal("SELECT latitude FROM shops WHERE fid = 1")
            .contains("= -33.5")
    );
}

/// Coordinates are the contract; a drag of the point alone, later, counts again.
#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogr2ogr: run scripts/test")]
async fn coordinates_count_where_gdal_inserts_them_together_with_another_point() {
    let layer = Layer::new();
    let both = json!({"name": "both", "latitude": 1.0, "longitude": 2.0});
    layer.draw_in("diving_centers", &both, 50.0, 60.0);
    let told = |ended: &Ended| String::from_utf8(ended.stdout.clone()).expect("it is UTF-8");
    let verified = layer.nearby(&["verify"], "");
    verified.assert(1, &[]);
    let who_counts = "coordinates count where a row was written with both";
    assert!(told(&verified).contains(who_counts), "{}", told(&verified));
    let served = Served::start(&["--database-url", &layer.url()]);
    found_soon(&served, "/nearby?lat=1&lng=2&radius_m=1", &[1]).await;
    assert_eq!(
        served.found_ids("/nearby?lat=50&lng=60&radius_m=1").await,
        [0; 0]
    );

    let filled = layer.nearby(&["backfill"], "");
    filled.assert(0, &[]);
    assert!(told(&filled).contains(who_counts), "{}", told(&filled));
    assert!(
        layer
            .gdal("SELECT * FROM diving_centers")
            .contains("POINT (2 1)")
    );
    layer.nearby(&["verify"], "").assert(0, &[]);

    // Two rows: the point of one is put where the other is.
    let other = json!({"name": "other", "latitude": 50.0, "longitude": 60.0});
    layer.draw_in("diving_centers", &other, 50.0, 60.0);
    layer.gdal(
        "UPDATE diving_centers SET location = \
         (SELECT location FROM diving_centers WHERE id = 2) WHERE id = 1",
    );
    found_soon(&served, "/nearby?lat=50&lng=60&radius_m=1", &[1, 2]).await;
    served.stop();
    layer.nearby(&["verify"], "").assert(0, &[]);
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn gdal_sees_attributes_with_their_types_and_searches_filter_by_them() {
    let layer = Layer::new();
    let kinds = [
        "category:text",
        "stars:number",
        "is_open:boolean",
        "since:date",
    ];
    let add = [&["attributes", "add", "centers"], &kinds[..]].concat();
    layer.nearby(&add, "").assert(0, &[]);
    let rows = "name,latitude,longitude,category,stars,is_open,since\n\
                a,1,2,school,4.5,true,2020-02-29\nb,1,2.1,bar,,,\n";
    layer.nearby(&["import", "-"], rows).assert(0, &[]);

    let exported = ["x", "y"].map(|name| layer.folder.path().join(name));
    let [gpkg, fgb] = [
        exported[0].with_extension("gpkg"),
        exported[1].with_extension("fgb"),
    ];
    for path in [&gpkg, &fgb] {
        let path = path.to_str().expect("it is UTF-8");
        layer.nearby(&["export", path], "").assert(0, &[]);
    }
    // FlatGeobuf has no type for days.
    for (path, day) in [(layer.path(), "Date"), (gpkg, "Date"), (fgb, "String")] {
        let mut ogrinfo = Command::new("ogrinfo");
        let told = ogrinfo.args(["-ro", "-al"]).arg(&path).output();
        let told: Ended = told.expect("ogrinfo is there").into();
        let told = String::from_utf8(told.stdout).expect("it is UTF-8");
        let slashed = if day == "Date" {
            "2020/02/29"
        } else {
            "2020-02-29"
        };
        for line in [
            "category: String".to_owned(),
            "stars: Real".to_owned(),
            "is_open: Integer(Boolean)".to_owned(),
            format!("since: {day}"),
            "category (String) = school".to_owned(),
            "stars (Real) = 4.5".to_owned(),
            "is_open (Integer(Boolean)) = 1".to_owned(),
            format!("since ({day}) = {slashed}"),
        ] {
            assert!(told.contains(&line), "no `{line}` in {told}");
        }
    }

    let served = Served::start(&["--database-url", &layer.url()]);
    for (asked, ids) in [
        ("category=school", &[1][..]),
        ("stars=4..&is_open=true", &[1]),
        ("since=null", &[2]),
        ("category=zoo", &[]),
    ] {
        let path = format!("/nearby?lat=1&lng=2&radius_km=20&{asked}");
        assert_eq!(served.found_ids(&path).await, ids, "{asked}");
    }
    let (_, shown) = served.get("/centers/1").await;
    assert_eq!(shown["since"], "2020-02-29");
}
