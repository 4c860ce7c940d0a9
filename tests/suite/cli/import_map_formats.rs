//! What people with maps have: GPX, KML and KMZ, GeoPackage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nearby::domain::{Center, Filter};

use super::process::{Ended, run, run_with_input};
use crate::support::{TestDatabase, on_both_stores};

const GPX: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1" xmlns:ogr="http://osgeo.org/gdal">
  <metadata><name>Not a center</name></metadata>
  <wpt lat="37.9" lon="23.7">
    <ele>12.5</ele>
    <name>Blue &amp; deep</name>
    <desc><![CDATA[A <b>wall</b>]]> &#x2014; 40 m</desc>
    <link href="https://example.org/?a=1&amp;b=2"><text>Site</text></link>
    <extensions><ogr:id>7</ogr:id><ogr:country>GR</ogr:country></extensions>
  </wpt>
  <wpt lat="91" lon="0"><name>Too far north</name></wpt>
  <trk><name>Not a center</name><trkseg><trkpt lat="1" lon="1"/></trkseg></trk>
  <wpt
    lat="-17.5" lon="-180"><name>Antimeridian</name></wpt>
</gpx>
"#;

const KML: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:atom="http://www.w3.org/2005/Atom">
<Document><name>Not a center</name><Style id="s"><IconStyle/></Style>
<Folder>
<Placemark id="p1"><name>Caf&#233; X</name><visibility>1</visibility><address>1 Quay</address>
  <phoneNumber>+30 210</phoneNumber><atom:link href="https://example.org"/>
  <description>Deep</description>
  <ExtendedData><Data name="id"><displayName>Number</displayName><value>7</value></Data>
    <SchemaData><SimpleData name="country">GR</SimpleData><SimpleData name="mood">good</SimpleData></SchemaData></ExtendedData>
  <Point><altitudeMode>absolute</altitudeMode><coordinates> 23.7,37.9,12 </coordinates></Point></Placemark>
<Placemark><name>A way</name><LineString><coordinates>1,2 3,4</coordinates></LineString></Placemark>
<Placemark><name>One of several</name><MultiGeometry><Point><coordinates>1, 2 ,  0</coordinates></Point></MultiGeometry></Placemark>
<Placemark><name>Nowhere</name></Placemark>
<Placemark><name>&lol9;</name><Point><coordinates>1,2</coordinates></Point></Placemark>
<NetworkLink><Link><href>other.kml</href></Link></NetworkLink>
</Folder></Document></kml>
"#;

fn import(db: &TestDatabase, path: &Path, args: &[&str]) -> Ended {
    let mut all = vec!["import", path.to_str().unwrap(), "--database-url", db.url()];
    all.extend_from_slice(args);
    run(&all)
}

fn file(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

async fn centers(db: &TestDatabase) -> Vec<Center> {
    let store = db.store();
    store.list(&Filter::default(), None, 10_000).await.unwrap()
}

/// What an import takes of every center, by its id.
async fn writable(db: &TestDatabase) -> Vec<String> {
    let centers = centers(db).await;
    let told = centers
        .iter()
        .map(|c| format!("{:?} {:?} {:?}", c.id, c.text, c.position));
    told.collect()
}

fn ogr2ogr(args: &[&str], from: &Path, to: &Path) {
    let ran = Command::new("ogr2ogr")
        .args(args)
        .args([to, from])
        .output()
        .expect("ogr2ogr runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}

on_both_stores! {
    async fn waypoints_of_gpx_are_centers(db: TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "a.gpx", GPX);
        import(&db, &path, &["--on-error", "skip"]).assert(1, &[
            "3 rows read: 2 inserted",
            "line 11: latitude must be a number from -90 to 90 degrees, got 91",
            "map to no field: `ele`, `trk`",
        ]);
        let found = centers(&db).await;
        let text = &found[0].text;
        assert_eq!((found[0].id.get(), text.name.as_str()), (7, "Blue & deep"));
        assert_eq!(text.description.as_deref(), Some("A <b>wall</b> — 40 m"));
        assert_eq!(text.website.as_deref(), Some("https://example.org/?a=1&b=2"));
        assert_eq!(text.country.as_deref(), Some("GR"));
        let at = found[0].position.unwrap();
        assert_eq!((at.latitude(), at.longitude()), (37.9, 23.7));
        assert_eq!(found[1].position.unwrap().longitude(), -180.0);
        let report = fs::read_to_string(folder.path().join("a.gpx.rejected.csv")).unwrap();
        assert!(report.contains(r#""<wpt lat=""91"" lon=""0""><name>Too far north</name></wpt>""#), "{report}");
        import(&db, &path, &["--from-line", "13", "--map", "name=nothing", "--ignore-ids"])
            .assert(1, &["line 13: name must not be empty"]);
    }

    async fn placemarks_of_kml_are_centers_zipped_or_not(db: TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let mut kmz = zip::ZipWriter::new(fs::File::create(folder.path().join("a.kmz")).unwrap());
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for (name, content) in [("files/icon.png", "no image"), ("doc.kml", KML)] {
            kmz.start_file(name, stored).unwrap();
            kmz.write_all(content.as_bytes()).unwrap();
        }
        kmz.finish().unwrap();
        let plain = file(&folder, "a.kml", KML);
        for (path, from_stdin) in [
            (plain, false),
            (folder.path().join("a.kmz"), false),
            (folder.path().join("a.kmz"), true),
        ] {
            db.execute("DELETE FROM diving_centers").await;
            let ended = if from_stdin {
                let report = folder.path().join("r.csv");
                let args = ["import", "-", "--database-url", db.url(), "--on-error", "skip", "--report", report.to_str().unwrap()];
                run_with_input(&args, &fs::read(&path).unwrap())
            } else {
                import(&db, &path, &["--on-error", "skip"])
            };
            ended.assert(1, &[
                "5 rows read: 3 inserted",
                "1 without coordinates, 2 rejected",
                "line 11: geometry must be a Point or null, got a LineString",
                "line 14: refers to `&lol9;`, which is not read",
                "map to no field: `NetworkLink`, `mood`, `visibility`",
            ]);
            let found = centers(&db).await;
            let text = &found[0].text;
            assert_eq!((found[0].id.get(), text.name.as_str()), (7, "Café X"));
            assert_eq!(text.description.as_deref(), Some("Deep"));
            assert_eq!(text.address.as_deref(), Some("1 Quay"));
            assert_eq!(text.phone.as_deref(), Some("+30 210"));
            assert_eq!(text.website.as_deref(), Some("https://example.org"));
            assert_eq!(text.country.as_deref(), Some("GR"));
            let at = found[0].position.unwrap();
            assert_eq!((at.latitude(), at.longitude()), (37.9, 23.7));
            assert_eq!(found[1].position.map(|at| (at.latitude(), at.longitude())), Some((2.0, 1.0)));
            assert_eq!(found[2].position, None);
        }
    }

    async fn a_layer_of_a_geopackage_is_taken_from_a_file_and_from_a_stream(db: TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let csv = "id,name,lat,lng,city\n7,\"Blue, deep\",37.9,23.7,Athens\n8,Nowhere,,,\n9,Far,-17.5,-180,\n";
        import(&db, &file(&folder, "a.csv", csv), &[]).assert(0, &["3 inserted"]);
        let expected = writable(&db).await;
        let path = folder.path().join("a.gpkg");
        run(&["export", path.to_str().unwrap(), "--database-url", db.url()]).assert(0, &[]);
        import(&db, &path, &[]).assert(0, &[
            "3 rows read: 0 inserted, 0 updated, 3 unchanged",
            "as the database assigns them: `view_count`, `created_at`, `updated_at`",
        ]);
        db.execute("DELETE FROM diving_centers").await;
        let args = ["import", "-", "--database-url", db.url()];
        run_with_input(&args, &fs::read(&path).unwrap()).assert(0, &["3 inserted"]);
        assert_eq!(writable(&db).await, expected);
        import(&db, &path, &["--from-line", "3"]).assert(0, &["1 rows read"]);
        import(&db, &path, &["--layer", "sites"]).assert(2, &["has no layer `sites` of points; it has `centers`"]);
        import(&db, &path, &["--format", "csv"]).assert(2, &["is a SQLite file, not csv"]);
        import(&db, &path, &["--map", "latitude=x"]).assert(2, &["coordinates in the geometry"]);
    }
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogr2ogr: run scripts/test")]
async fn what_gdal_makes_of_an_export_imports_as_the_same_rows() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let csv = "id,name,description,lat,lng,country,phone,website\n\
        7,\"Blue, \"\"deep\"\" <&>\",Καφές,37.98380001,-23.72750001,GR,+30 1,http://x/?a&b\n9,Far,,-17.5,179.5,,,\n";
    import(&db, &file(&folder, "a.csv", csv), &[]).assert(0, &["2 inserted"]);
    let expected = writable(&db).await;
    let exported = folder.path().join("a.geojson");
    run(&[
        "export",
        exported.to_str().unwrap(),
        "--database-url",
        db.url(),
    ])
    .assert(0, &[]);
    let fgb = folder.path().join("ours.fgb");
    run(&["export", fgb.to_str().unwrap(), "--database-url", db.url()]).assert(0, &[]);
    // With the ids in a column: GDAL makes the id of a Feature a fid.
    let table = folder.path().join("table.csv");
    run(&[
        "export",
        table.to_str().unwrap(),
        "--database-url",
        db.url(),
    ])
    .assert(0, &[]);
    let places = [
        "-oo",
        "X_POSSIBLE_NAMES=longitude",
        "-oo",
        "Y_POSSIBLE_NAMES=latitude",
        "-oo",
        "EMPTY_STRING_AS_NULL=YES",
        "-a_srs",
        "EPSG:4326",
    ];
    let and = |more: &[&'static str]| [&places[..], more].concat();
    for (name, from, args, map) in [
        (
            "gdal.gpkg",
            &exported,
            vec!["-preserve_fid"],
            Some("id=fid"),
        ),
        (
            "nameless.gpkg",
            &exported,
            vec!["-preserve_fid", "-a_srs", "OGC:CRS84"],
            Some("id=fid"),
        ),
        ("gdal3d.gpkg", &table, and(&["-dim", "XYZ"]), None),
        ("gdalmulti.gpkg", &table, and(&["-nlt", "MULTIPOINT"]), None),
        ("gdal.kml", &table, and(&["-f", "LIBKML"]), None),
        ("gdal.kmz", &table, and(&["-f", "LIBKML"]), None),
        (
            "gdal.gpx",
            &table,
            and(&["-f", "GPX", "-dsco", "GPX_USE_EXTENSIONS=YES"]),
            None,
        ),
        ("back.gpkg", &fgb, vec![], None),
    ] {
        let path = folder.path().join(name);
        ogr2ogr(&args, from, &path);
        db.execute("DELETE FROM diving_centers").await;
        let map: Vec<&str> = map.into_iter().flat_map(|map| ["--map", map]).collect();
        import(&db, &path, &map).assert(0, &["2 rows read: 2 inserted"]);
        assert_eq!(writable(&db).await, expected, "{name}");
    }
    let mercator = folder.path().join("mercator.gpkg");
    ogr2ogr(&["-t_srs", "EPSG:3857"], &exported, &mercator);
    import(&db, &mercator, &[]).assert(2, &["`EPSG:3857`", "ogr2ogr -t_srs EPSG:4326"]);
    let several = folder.path().join("several.gpkg");
    ogr2ogr(&["-nln", "one"], &exported, &several);
    ogr2ogr(
        &["-preserve_fid", "-nln", "odd \"name", "-update"],
        &exported,
        &several,
    );
    import(&db, &several, &[]).assert(
        2,
        &[
            "several layers of points; they are `odd \"name`, `one`",
            "--layer",
        ],
    );
    import(&db, &several, &["--layer", "odd \"name", "--map", "id=fid"])
        .assert(0, &["2 unchanged"]);
    let lines = folder.path().join("lines.gpkg");
    ogr2ogr(&["-nlt", "LINESTRING", "-where", "1=0"], &exported, &lines);
    import(&db, &lines, &[]).assert(2, &["has no layer of points; its layers are"]);
}

#[tokio::test]
async fn a_bomb_of_entities_and_endless_elements_are_harmless() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let mut bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE gpx [<!ENTITY l0 \"lol\">".to_owned();
    for level in 1..30 {
        let before = format!("&l{};", level - 1).repeat(10);
        bomb = format!("{bomb}<!ENTITY l{level} \"{before}\">");
    }
    bomb.push_str("<!ENTITY file SYSTEM \"file:///etc/passwd\">]>\n<gpx>\n<wpt lat=\"1\" lon=\"2\"><name>&l29;</name></wpt>\n<wpt lat=\"1\" lon=\"2\"><name>&file;</name></wpt>\n");
    let endless = "x".repeat(5 * 1024 * 1024);
    bomb.push_str("<wpt lat=\"1\" lon=\"2\"><name>");
    bomb.push_str(&"<a/>".repeat(1_200_000));
    bomb.push_str("</name></wpt>\n");
    bomb.push_str("<wpt lat=\"1\" lon=\"2\"><name>Good</name></wpt>\n</gpx>");
    import(
        &db,
        &file(&folder, "bomb.gpx", &bomb),
        &["--on-error", "skip"],
    )
    .assert(
        1,
        &[
            "line 4: refers to `&l29;`",
            "line 5: refers to `&file;`",
            "line 6: is longer than 4194304 bytes",
            "4 rows read: 1 inserted",
        ],
    );
    for (content, said) in [
        (
            format!("<gpx><wpt lat=\"1\" lon=\"2\"><name>{endless}</name></wpt></gpx>"),
            "is longer than",
        ),
        (
            format!("<gpx>{}", "<a>".repeat(10_000)),
            "stand in each other",
        ),
        (
            format!("<gpx><wpt>{}", "<a>".repeat(10_000)),
            "stand in each other",
        ),
    ] {
        import(
            &db,
            &file(&folder, "a.gpx", &content),
            &["--on-error", "skip"],
        )
        .assert(2, &[said]);
    }
    // A zip of zeros is text that never has a line.
    let mut kmz = zip::ZipWriter::new(fs::File::create(folder.path().join("a.kmz")).unwrap());
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    kmz.start_file("table.csv", stored).unwrap();
    kmz.finish().unwrap();
    import(&db, &folder.path().join("a.kmz"), &[])
        .assert(2, &["is a zip file that holds table.csv: unzip it"]);
}
