//! CSV, GeoJSON and gzip as spreadsheets, scripts and map programs write them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use nearby::domain::Filter;

use super::process::{Ended, run};
use crate::support::TestDatabase;

/// Id, name and, where there are any, latitude and longitude.
type Brief = (i64, &'static str, Option<(f64, f64)>);

struct Place {
    db: TestDatabase,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        Self {
            db: TestDatabase::sqlite().await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn import(&self, name: &str, content: impl AsRef<[u8]>, args: &[&str]) -> Ended {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        let mut all = vec![
            "import",
            path.to_str().unwrap(),
            "--database-url",
            self.db.url(),
        ];
        all.extend_from_slice(args);
        run(&all)
    }

    /// Id, name and, where there are any, latitude and longitude of what is there,
    /// which is removed.
    async fn taken(&self) -> Vec<(i64, String, Option<(f64, f64)>)> {
        let store = self.db.store();
        let centers = store.list(&Filter::default(), None, 1_000).await.unwrap();
        self.db.execute("DELETE FROM diving_centers").await;
        let brief = centers.into_iter().map(|center| {
            let place = center.position.map(|at| (at.latitude(), at.longitude()));
            (center.id.get(), center.text.name, place)
        });
        brief.collect()
    }

    async fn assert_taken(&self, file: &str, expected: &[Brief]) {
        let taken = self.taken().await;
        let taken: Vec<_> = taken
            .iter()
            .map(|(id, name, at)| (*id, name.as_str(), *at))
            .collect();
        assert_eq!(taken, expected, "{file}");
    }
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

const TWO: [Brief; 2] = [(7, "Café", Some((37.9, 23.7))), (9, "B", None)];

#[tokio::test]
async fn csv_is_taken_as_spreadsheets_write_it() {
    let place = Place::new().await;
    let said =
        "sep=;\r\nid;name;lat;lng;;\r\n7.0;Café;37.9;23.7\r\n;;;;\r\n9.00;B;;;;\r\n;;;;;\r\n";
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{said}");
        text.encode_utf16().flat_map(to_bytes).collect()
    };
    let windows: Vec<u8> = said
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let unmarked: Vec<u8> = said.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big = utf16(u16::to_be_bytes);
    for (name, content, args) in [
        ("utf8.csv", said.as_bytes(), &[][..]),
        ("utf16le.csv", &utf16(u16::to_le_bytes), &[]),
        ("utf16be.csv.gz", &gzipped(&big), &[]),
        ("unmarked.csv", &unmarked, &["--encoding", "utf-16le"]),
        ("windows.csv", &windows, &["--encoding", "windows-1252"]),
        ("marked.csv", &big, &["--encoding", "windows-1252"]),
    ] {
        place
            .import(name, content, args)
            .assert(0, &["2 rows read: 2 inserted", "1 without coordinates"]);
        place.assert_taken(name, &TWO).await;
    }
    place
        .import("windows.csv", &windows, &["--on-error", "skip"])
        .assert(
            1,
            &[
                "line 3: is not UTF-8 (byte 0xE9)",
                "--encoding windows-1252",
                "1 inserted",
            ],
        );
}

#[tokio::test]
async fn quotes_that_are_escaped_in_another_way_are_said_with_their_line() {
    let place = Place::new().await;
    let content = "name,lat,lng\n\"a\\\"b\",1,2\n\"B \"\"b\"\"\",1,2\n\"C\" ,1,2\n\"D\"d,1,2\n";
    place.import("a.csv", content, &[]).assert(
        1,
        &[
            "line 2: has text after the closing quote of field 1",
            "line 5: has text after the closing quote of field 1",
            "nothing was written",
        ],
    );
    place
        .import("a.csv", content, &["--on-error", "skip"])
        .assert(1, &["2 inserted", "2 rejected"]);
    let names: Vec<String> = place
        .taken()
        .await
        .into_iter()
        .map(|(_, name, _)| name)
        .collect();
    assert_eq!(names, ["B \"b\"", "C "]);
}

#[tokio::test]
async fn geojson_is_taken_as_programs_write_it() {
    let place = Place::new().await;
    let features = "[{\"type\":\"Feature\",\"id\":7.0,\"geometry\":{\"type\":\"MultiPoint\",\"coordinates\":[[23.7,37.9]]},\"properties\":{\"name\":\"Café\"}},\n\
        {\"type\":\"Feature\",\"id\":\"9.0\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[]},\"properties\":{\"name\":\"B\"}}]";
    let collection =
        |more: &str| format!("{{\"type\":\"FeatureCollection\"{more},\"features\":{features}}}");
    let named = |name: &str| {
        collection(&format!(
            ",\"crs\":{{\"type\":\"name\",\"properties\":{{\"name\":\"{name}\"}}}}"
        ))
    };
    for (name, content) in [
        ("list.json", features.to_owned()),
        ("data.js", format!("var places = {};\n", collection(""))),
        ("list.js", format!("const places={features}")),
        (
            "a.geojson",
            named("http://www.opengis.net/def/crs/EPSG/0/4326"),
        ),
        ("b.geojson", named("epsg:4326")),
        ("c.geojson", named("urn:ogc:def:crs:EPSG:10.011:4326")),
        (
            "d.geojson",
            collection(",\"crs\":{\"type\":\"EPSG\",\"properties\":{\"code\":4326}}"),
        ),
        ("e.geojson", collection(",\"crs\":null")),
    ] {
        place
            .import(name, &content, &[])
            .assert(0, &["2 rows read: 2 inserted"]);
        place.assert_taken(name, &TWO).await;
    }
}

#[tokio::test]
async fn another_reference_system_is_refused_wherever_it_is_said() {
    let place = Place::new().await;
    let point = |crs: &str| format!("{{\"type\":\"Point\",\"coordinates\":[2,1]{crs}}}");
    let feature = |crs: &str, geometry: &str| {
        format!(
            "{{\"type\":\"Feature\"{crs},\"geometry\":{geometry},\"properties\":{{\"name\":\"A\"}}}}"
        )
    };
    let collection = |crs: &str, feature: &str| {
        format!("{{\"type\":\"FeatureCollection\",\"features\":[{feature}]{crs}}}")
    };
    for (kind, named) in [
        (
            "\"type\":\"EPSG\",\"properties\":{\"code\":3857}",
            "EPSG:3857",
        ),
        (
            "\"type\":\"link\",\"properties\":{\"href\":\"other.prj\",\"type\":\"ogcwkt\"}",
            "other.prj",
        ),
        (
            "\"type\":\"name\",\"properties\":{\"name\":\"urn:ogc:def:crs:EPSG::2056\"}",
            "EPSG::2056",
        ),
    ] {
        let crs = format!(",\"crs\":{{{kind}}}");
        for (code, content) in [
            (2, collection(&crs, &feature("", &point("")))),
            (1, collection("", &feature(&crs, &point("")))),
            (1, collection("", &feature("", &point(&crs)))),
            (1, feature("", &point(&crs))),
        ] {
            place.import("a.geojson", content, &[]).assert(
                code,
                &[
                    "has the coordinate reference system",
                    named,
                    "ogr2ogr -t_srs EPSG:4326",
                    "nothing was written",
                ],
            );
        }
    }
    assert_eq!(place.taken().await, []);
}

#[tokio::test]
async fn gzip_may_have_several_members_and_zeros_behind_them() {
    let place = Place::new().await;
    let parts = [
        gzipped("id,name,lat,lng\n7,Café,37.9,".as_bytes()),
        gzipped(b""),
        gzipped(b"23.7\n9,B,,\n"),
        vec![0; 1_024],
    ];
    place
        .import("a.csv.gz", parts.concat(), &[])
        .assert(0, &["2 inserted"]);
    place.assert_taken("a.csv.gz", &TWO).await;
    let garbage = [&parts[..3].concat()[..], b"garbage"].concat();
    place
        .import("a.csv.gz", garbage, &[])
        .assert(2, &["cannot read on", "nothing was written"]);
}

#[tokio::test]
async fn ids_that_are_to_be_ignored_may_be_anything() {
    let place = Place::new().await;
    let ids = [
        "0",
        "node/5",
        "0b0e3c1e-8f6e-4f7b-9d53-3c0f6a9f1a11",
        "-7",
        "9007199254740993",
    ];
    let csv = ids.map(|id| format!("{id},A,1,2\n")).concat();
    let features = ids.map(|id| {
        format!(
            "{{\"type\":\"Feature\",\"id\":\"{id}\",\"geometry\":null,\"properties\":{{\"id\":1.5,\"name\":\"A\"}}}}\n"
        )
    });
    let features = features.concat();
    for (name, content) in [
        ("a.csv", format!("id,name,lat,lng\n{csv}")),
        ("a.geojsonl", features),
    ] {
        place
            .import(name, &content, &["--ignore-ids"])
            .assert(0, &["5 inserted, 0 updated"]);
        assert_eq!(place.taken().await.len(), 5);
        place
            .import(name, &content, &[])
            .assert(1, &["id must be a whole number", "nothing was written"]);
    }
}
