//! Files that cannot be imported at all: nothing is written, exit code 2, and
//! the message says what to do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::process::{Ended, run};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, path: &Path, args: &[&str]) -> Ended {
        let url = format!("sqlite:{}", self.path("test.gpkg").display());
        let mut all = vec!["import", path.to_str().unwrap(), "--database-url", &url];
        all.extend_from_slice(args);
        run(&all)
    }

    fn import_content(&self, name: &str, content: &[u8], args: &[&str]) -> Ended {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        self.import(&path, args)
    }
}

#[test]
fn a_file_that_is_no_table_and_no_map_is_named() {
    let place = Place::new();
    for (name, content, said) in [
        ("empty.csv", &b""[..], "is empty"),
        ("blank.csv", b"\n \n", "is empty"),
        ("empty.geojson", b"", "is empty"),
        ("a.xlsx", b"PK\x03\x04....", "a zip file or a spreadsheet"),
        (
            "a.shp",
            b"\x00\x00\x27\x0a\x00\x00\x00\x00",
            "looks like a Shapefile, of which `ogr2ogr -f GeoJSON NEW.geojson OLD.shp` makes GeoJSON",
        ),
        (
            "a.json",
            b"{\"type\": nope}",
            "it is no JSON: a word that is not `true`, `false` or `null`",
        ),
        (
            "a.json",
            b"{type: \"FeatureCollection\"}",
            "it is no JSON: the name of a member stands in no double quotes at line 1 column 2",
        ),
        ("a.csv", b"n\x00a\x00m\x00e\x00", "--encoding utf-16le"),
        (
            "a.kml",
            b"<?xml version=\"1.0\"?>",
            "XML without an element",
        ),
        (
            "a.html",
            b"<!DOCTYPE html><html></html>",
            "HTML, or XML other",
        ),
        (
            "a.kml",
            b"<kml><Placemark>\n<name>A",
            "line 2: expected the end",
        ),
        (
            "a.kml",
            b"<kml>\n<a></b></kml>",
            "line 2: its XML is broken",
        ),
        ("a.fgb", b"fgb\x03fgb\x00", "FlatGeobuf"),
        ("a.gpkg", b"SQLite format 3\x00", "cannot be read"),
        (
            "a.json",
            b"[{\"type\":\"Feature\",\"geometry\":null,\"properties\":{\"name\":\"A\"}}] x",
            "nothing after the list of features",
        ),
        (
            "a.csv",
            b"n\xe4me,lat,lng\nA,1,2\n",
            "its header is not UTF-8 (byte 0xE4)",
        ),
        (
            "a.csv.gz",
            b"name,lat,lng\nA,1,2\n",
            "is named .gz but is not gzipped",
        ),
        (
            "a.csv.gz",
            b"\x1f\x8b\x08\x00broken",
            "cannot read on at line 1",
        ),
        (
            "a.geojson",
            b"{\"type\":\"Topology\"}",
            "its type is `Topology`",
        ),
        (
            "a.geojson",
            b"{\"type\":\"FeatureCollection\",\"features\":[",
            "the end of the file",
        ),
    ] {
        for mode in ["abort", "skip"] {
            let ended = place.import_content(name, content, &["--on-error", mode]);
            ended.assert(2, &[said, name]);
        }
    }
}

/// What to do stands beside it.
#[test]
fn files_of_other_programs_are_named() {
    let place = Place::new();
    for (name, content, said) in [
        (
            "a.pdf",
            &b"%PDF-1.7\n%\xe2\xe3"[..],
            "looks like a PDF, which holds pages and no rows (save",
        ),
        (
            "a.png",
            b"\x89PNG\r\n\x1a\n\x00",
            "looks like a picture, which holds no rows (save",
        ),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00", "looks like a picture"),
        (
            "a.csv.bz2",
            b"BZh91AY&SY\x00",
            "(unpack it, or pack it with gzip)",
        ),
        (
            "a.parquet",
            b"PAR1\x15\x04",
            "`ogr2ogr -f GPKG NEW.gpkg OLD.parquet`",
        ),
        (
            "a.dbf",
            b"\x03\x7c\x05\x06\x02\x00\x00\x00\x41\x00\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\
              \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00NAME",
            "looks like a dBase table (of one beside a Shapefile, `ogr2ogr -f GeoJSON NEW.geojson OLD.shp`",
        ),
        (
            "a.json",
            b"[{\"name\":\"A\",\"lat\":1,\"lng\":2}]",
            "it is a list of objects, not of Features. Make CSV of it, as with `jq -r",
        ),
        // What its name says is not what it holds.
        ("a.geojsonl", b"name,x,y\n", "has no column for latitude"),
    ] {
        place
            .import_content(name, content, &[])
            .assert(2, &[said, name]);
    }
}

/// By what is in it; what nobody can read is named as such.
#[test]
fn a_zip_file_that_is_no_kmz_is_named_by_what_it_holds() {
    let place = Place::new();
    for (inside, said) in [
        (
            &["lists/places.csv", "readme.txt"][..],
            "is a zip file that holds lists/places.csv: unzip it and import that",
        ),
        (
            &["a/p.shp", "a/p.dbf"],
            "is a zipped Shapefile: `ogr2ogr -f GeoJSON NEW.geojson /vsizip/OLD.zip`",
        ),
        (
            &["[Content_Types].xml", "xl/workbook.xml"],
            "is a spreadsheet: save its sheet as CSV",
        ),
        (
            &["mimetype", "content.xml"],
            "is a spreadsheet: save its sheet as CSV",
        ),
        (&["readme.txt"], "is a zip file that holds no KML"),
    ] {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in inside {
            let stored = zip::write::SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Stored);
            zip.start_file(*name, stored).unwrap();
            zip.write_all(b"name,lat,lng\nA,1,2\n").unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        place
            .import_content("a.zip", &bytes, &[])
            .assert(2, &["a.zip ", said]);
    }
}

#[test]
fn a_header_that_cannot_be_mapped_lists_what_there_is() {
    let place = Place::new();
    for (header, args, said) in [
        (
            "name,x,y",
            &[][..],
            "no column for latitude; it has `name`, `x`, `y`",
        ),
        ("lat,lng", &[], "no column for name"),
        (
            "name,lat,latitude,lng",
            &[],
            "several columns for latitude: `lat`, `latitude`",
        ),
        (
            "name,lat,lng",
            &["--map", "city=town"],
            "no column `town` for city; it has `name`, `lat`, `lng`",
        ),
        (
            "name,lat,lng",
            &["--map", "name=name", "--map", "name=lat"],
            "--map names name twice",
        ),
        (
            "name,lat,lng",
            &["--map", "altitude=z"],
            "there is no field `altitude`; there are `id`, `latitude`",
        ),
        (
            "name,lat,lng",
            &["--map", "nonsense"],
            "is not FIELD=COLUMN",
        ),
        ("name,lat,lng", &["--delimiter", "ab"], "one character"),
        (
            "name,lat,lng",
            &["--delimiter", ";"],
            "it has `name,lat,lng`",
        ),
        (
            "name,lat,lng",
            &["--format", "xml"],
            "csv, geojson, geojsonl",
        ),
        (
            "name,lat,lng",
            &["--format", "flatgeobuf"],
            "csv, geojson, geojsonl, geopackage, gpx, kml",
        ),
        ("name,lat,lng", &["--format", "gpx"], "not gpx"),
        (
            "name,lat,lng",
            &["--format", "geojsonl"],
            "is a text that is no JSON, not geojsonl: leave --format out",
        ),
        (
            "name,lat,lng",
            &["--format", "geojson"],
            "is a text that is no JSON, not geojson: leave --format out",
        ),
        (
            "[{\"type\":\"Feature\"}]",
            &["--format", "geojsonl"],
            "is a list in JSON, not geojsonl: leave --format out",
        ),
        (
            "{\"type\":\"FeatureCollection\",\"features\":[]}",
            &["--format", "csv"],
            "is JSON, not csv: leave --format out",
        ),
        (
            "name,lat,lng",
            &["--encoding", "utf-9"],
            "there is no such encoding; allowed are utf-8, utf-16le",
        ),
        ("name,lat,lng", &["--layer", "a"], "has no layers"),
        (
            "name,lat,lng",
            &["--report", "r.csv"],
            "--report needs --on-error skip",
        ),
    ] {
        let content = format!("{header}\nA,1,2\n");
        place
            .import_content("a.csv", content.as_bytes(), args)
            .assert(2, &[said]);
    }
    let collection = br#"{"type":"FeatureCollection","features":[]}"#;
    place
        .import_content("a.geojson", collection, &["--map", "latitude=lat"])
        .assert(2, &["GeoJSON has its coordinates in the geometry"]);
}

#[test]
fn a_missing_file_and_a_directory_are_told_apart() {
    let place = Place::new();
    place
        .import(&place.path("none.csv"), &[])
        .assert(2, &["cannot open", "none.csv", "No such file"]);
    place
        .import(place.folder.path(), &[])
        .assert(2, &["is a directory"]);
}

#[test]
fn files_without_rows_are_fine() {
    let place = Place::new();
    for (name, content) in [
        ("a.csv", &b"name,lat,lng\n"[..]),
        (
            "a.geojson",
            br#"{"type":"FeatureCollection","features":[]}"#,
        ),
        ("a.geojsonl", b""),
    ] {
        place
            .import_content(name, content, &[])
            .assert(0, &["0 rows read"]);
    }
}

#[test]
fn rows_of_another_encoding_or_without_end_are_named_by_line() {
    let place = Place::new();
    let mut content = b"name,lat,lng\nCaf\xe9,1,2\n".to_vec();
    content.resize(content.len() + 5 * 1024 * 1024, b'x');
    content.extend_from_slice(b",1,2\nGood,1,2\n\"Open,1,2\n");
    place
        .import_content("a.csv", &content, &["--on-error", "skip"])
        .assert(
            1,
            &[
                "line 2: is not UTF-8 (byte 0xE9)",
                "line 3: is longer than 4194304 bytes",
                "line 5: opens a quote that is never closed",
                "4 rows read: 1 inserted",
            ],
        );
    let report = fs::read(place.path("a.csv.rejected.csv")).unwrap();
    assert!(
        report.len() < 4096,
        "the report keeps the beginning of an endless row only"
    );
    assert!(report.windows(8).any(|bytes| bytes == b"Caf\xe9,1,2"));
}

#[test]
fn a_report_takes_the_place_of_a_report_and_of_nothing_else() {
    let place = Place::new();
    let skip = ["--on-error", "skip"];
    let report = place.path("a.csv.rejected.csv");
    fs::write(&report, "my notes\n").unwrap();
    let content = b"name,lat,lng\n,1,2\n";
    place
        .import_content("a.csv", content, &skip)
        .assert(2, &["is not a report"]);
    assert_eq!(fs::read_to_string(&report).unwrap(), "my notes\n");
    fs::remove_file(&report).unwrap();
    place
        .import_content("a.csv", content, &skip)
        .assert(1, &["1 rejected"]);
    place
        .import_content("a.csv", content, &skip)
        .assert(1, &["1 rejected"]);
    let path = place.path("a.csv");
    place
        .import(
            &path,
            &["--on-error", "skip", "--report", path.to_str().unwrap()],
        )
        .assert(2, &["must not be the file"]);
}

#[test]
fn a_dry_run_needs_no_database_and_an_import_does() {
    let place = Place::new();
    let path = place.path("a.csv");
    fs::write(&path, "name,lat,lng\nA,1,2\n").unwrap();
    run(&["import", path.to_str().unwrap(), "--dry-run"]).assert(0, &["1 rows would be written"]);
    run(&["import", path.to_str().unwrap()]).assert(2, &["--database-url"]);
    place.import(&path, &["--dry-run"]).assert(0, &[]);
    assert!(!place.path("test.gpkg").exists());
}
