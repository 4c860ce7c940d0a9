//! Files that are as they should be, and rows that are not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use nearby::domain::{Center, Filter};

use super::process::{Ended, run, run_with_input};
use crate::support::{TestDatabase, on_both_stores};

const THREE: &str = "id,name,lat,lng,city\n\
                     7,\"Blue, deep\",37.9,23.7,Athens\n\
                     8,Nowhere,,,\n\
                     9,Antimeridian,-17.5,-180,\n";

/// Imports a file of this name and content.
fn import_file(
    db: &TestDatabase,
    name: &str,
    content: &[u8],
    args: &[&str],
) -> (Ended, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let mut all = vec!["import", path.to_str().unwrap(), "--database-url", db.url()];
    all.extend_from_slice(args);
    (run(&all), folder)
}

fn import_stdin(db: &TestDatabase, content: &[u8], args: &[&str]) -> Ended {
    let mut all = vec!["import", "-", "--database-url", db.url()];
    all.extend_from_slice(args);
    run_with_input(&all, content)
}

async fn centers(db: &TestDatabase) -> Vec<Center> {
    db.store()
        .list(&Filter::default(), None, 10_000)
        .await
        .unwrap()
}

/// Id, name, latitude and longitude.
type Brief = (i64, String, Option<(f64, f64)>);

async fn summaries(db: &TestDatabase) -> Vec<Brief> {
    centers(db)
        .await
        .into_iter()
        .map(|center| {
            let position = center.position.map(|p| (p.latitude(), p.longitude()));
            (center.id.get(), center.text.name, position)
        })
        .collect()
}

fn three() -> Vec<Brief> {
    vec![
        (7, "Blue, deep".to_owned(), Some((37.9, 23.7))),
        (8, "Nowhere".to_owned(), None),
        (9, "Antimeridian".to_owned(), Some((-17.5, -180.0))),
    ]
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

/// The three centers in every format.
fn three_in_every_format() -> [(&'static str, String); 4] {
    let feature = |id: i64, name: &str, geometry: &str| {
        format!(
            r#"{{"type":"Feature","id":{id},"geometry":{geometry},"properties":{{"name":"{name}"}}}}"#
        )
    };
    let features = [
        feature(
            7,
            "Blue, deep",
            r#"{"type":"Point","coordinates":[23.7,37.9]}"#,
        ),
        feature(8, "Nowhere", "null"),
        feature(
            9,
            "Antimeridian",
            r#"{"type":"Point","coordinates":[-180,-17.5,3]}"#,
        ),
    ];
    let collection = format!(
        r#"{{"type":"FeatureCollection","features":[{}]}}"#,
        features.join(",\n")
    );
    let sequence = format!("\x1e{}\n", features.join("\n\x1e"));
    [
        ("three.csv", THREE.to_owned()),
        ("three.geojson", collection),
        ("three.ndjson", features.join("\r\n")),
        ("three.geojsons", sequence),
    ]
}

on_both_stores! {
    async fn every_format_is_taken_plain_gzipped_and_from_standard_input(db: TestDatabase) {
        for (name, content) in three_in_every_format() {
            let zipped = gzipped(content.as_bytes());
            for attempt in 0..4 {
                db.execute("DELETE FROM diving_centers").await;
                let ended = match attempt {
                    0 => import_file(&db, name, content.as_bytes(), &[]).0,
                    1 => import_file(&db, &format!("{name}.gz"), &zipped, &[]).0,
                    2 => import_stdin(&db, content.as_bytes(), &[]),
                    _ => import_stdin(&db, &zipped, &[]),
                };
                ended.assert(0, &["3 rows read: 3 inserted, 0 updated, 0 unchanged, 1 without coordinates, 0 rejected"]);
                assert_eq!(summaries(&db).await, three(), "{name} {attempt}");
            }
        }
    }

    async fn a_second_import_changes_nothing_and_a_third_what_differs(db: TestDatabase) {
        import_file(&db, "a.csv", THREE.as_bytes(), &[]).0.assert(0, &["3 inserted"]);
        import_file(&db, "a.csv", THREE.as_bytes(), &[]).0.assert(0, &["0 inserted, 0 updated, 3 unchanged"]);
        let moved = THREE.replace("37.9", "38");
        import_file(&db, "a.csv", moved.as_bytes(), &[]).0.assert(0, &["0 inserted, 1 updated, 2 unchanged"]);
        assert_eq!(summaries(&db).await[0].2, Some((38.0, 23.7)));
    }

    async fn of_rows_with_one_id_the_last_wins(db: TestDatabase) {
        let content = "id,name,lat,lng\n1,A,1,1\n2,B,1,1\n1,C,2,2\n1,D,3,3\n";
        import_file(&db, "a.csv", content.as_bytes(), &[]).0
            .assert(0, &["4 rows read: 2 inserted, 2 updated"]);
        assert_eq!(summaries(&db).await[0], (1, "D".to_owned(), Some((3.0, 3.0))));
    }

    async fn rows_without_ids_and_ignored_ids_make_new_centers(db: TestDatabase) {
        let content = "id,name,lat,lng\n,A,1,1\n5,B,1,1\n";
        for expected in [2, 4] {
            import_file(&db, "a.csv", content.as_bytes(), &["--ignore-ids"]).0.assert(0, &["2 inserted"]);
            assert_eq!(centers(&db).await.len(), expected);
        }
    }

    async fn an_import_that_aborts_writes_nothing_of_a_file(db: TestDatabase) {
        let content = format!("{THREE}10,Too far north,91,0,\n11,,1,1,\n");
        // One row a batch: the rows before would be written if anything were.
        let (ended, folder) = import_file(&db, "a.csv", content.as_bytes(), &["--batch-size", "1"]);
        ended.assert(1, &[
            "line 5: latitude must be a number from -90 to 90 degrees, got 91",
            "line 6: name must not be empty",
            "2 of 5 rows cannot be taken",
            "nothing was written",
        ]);
        assert_eq!(centers(&db).await, []);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    async fn an_import_of_a_stream_that_aborts_says_what_it_wrote(db: TestDatabase) {
        let content = format!("{THREE}10,Too far north,91,0,\n11,Behind,1,1,\n");
        let ended = import_stdin(&db, content.as_bytes(), &["--batch-size", "2"]);
        ended.assert(1, &["line 5: latitude", "the 3 rows before it are written"]);
        assert_eq!(summaries(&db).await, three());
    }

    async fn skipped_rows_are_reported_with_line_reason_and_text(db: TestDatabase) {
        let content = "id;name;lat;lng\r\n1;A;37,5;2\r\n2;B;1;2\r\n3;\"C;\r\nc\";139;-35\r\n4;D;1\r\n";
        let (ended, folder) = import_file(&db, "a.csv", content.as_bytes(), &["--on-error", "skip"]);
        ended.assert(1, &["4 rows read: 1 inserted", "3 rejected", "line 2: latitude must be written with a decimal point", "a.csv.rejected.csv"]);
        let report = fs::read_to_string(folder.path().join("a.csv.rejected.csv")).unwrap();
        assert_eq!(
            report,
            "line;reason;id;name;lat;lng\n\
             2;\"latitude must be written with a decimal point, got `37,5`\";1;A;37,5;2\n\
             4;\"latitude must be a number from -90 to 90 degrees, got 139; are latitude and longitude the wrong way round?\";3;\"C;\r\nc\";139;-35\n\
             6;\"has 3 fields where the header has 4\";4;D;1\n"
        );
        assert_eq!(summaries(&db).await, [(2, "B".to_owned(), Some((1.0, 2.0)))]);

        // Mended in place, the report is a file to import.
        let mended = report.replace("37,5;2", "37.5;2").replace("139;-35", "-35;139").replace("D;1\n", "D;1;2\n");
        import_file(&db, "mended.csv", mended.as_bytes(), &[]).0
            .assert(0, &["3 inserted", "map to no field: `line`, `reason`"]);
    }

    async fn rejected_features_are_reported_whole(db: TestDatabase) {
        let content = "{\"type\":\"FeatureCollection\",\"features\":[\n\
            {\"type\":\"Feature\",\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]},\"properties\":{\"name\":\"A\"}},\n\
            {\"type\":\"Feature\",\"geometry\":null,\"properties\":{\"name\":\"B\"}}]}";
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("r.csv");
        let ended = import_stdin(&db, content.as_bytes(), &["--on-error", "skip", "--report", report.to_str().unwrap()]);
        ended.assert(1, &["line 2: geometry must be a Point or null, got a Polygon", "1 inserted"]);
        let mut rows = csv::Reader::from_path(&report).unwrap();
        assert_eq!(rows.headers().unwrap(), vec!["line", "reason", "feature"]);
        let row = rows.records().next().unwrap().unwrap();
        assert_eq!(&row[0], "2");
        assert_eq!(&row[2], content.lines().nth(1).unwrap().trim_end_matches(','));
    }

    async fn no_report_is_left_when_every_row_was_taken(db: TestDatabase) {
        let (ended, folder) = import_file(&db, "a.csv", THREE.as_bytes(), &["--on-error", "skip"]);
        ended.assert(0, &["0 rejected"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    async fn a_dry_run_says_what_would_be_done_and_does_nothing(db: TestDatabase) {
        let content = format!("{THREE},New,1,1,\n");
        import_file(&db, "a.csv", content.as_bytes(), &["--dry-run"]).0.assert(0, &[
            "4 rows read, 0 rejected, 1 without coordinates",
            "4 rows would be written: 3 inserted or updated by id, 1 inserted as new centers",
        ]);
        let content = format!("{THREE}x,Bad id,1,1,\n");
        import_file(&db, "a.csv", content.as_bytes(), &["--dry-run"]).0
            .assert(1, &["line 5: id must be a whole number", "nothing would be written"]);
        assert_eq!(centers(&db).await, []);
    }

    async fn columns_of_other_names_are_mapped(db: TestDatabase) {
        let content = "Bezeichnung|Breite|Länge|city|Ort\nA|37.9|23.7|x|Athens\n";
        let map = ["--map", "name=Bezeichnung", "--map", "latitude=Breite", "--map", "longitude=Länge", "--map", "city=Ort"];
        import_file(&db, "a.txt", content.as_bytes(), &map).0.assert(0, &["map to no field: `city`"]);
        let center = &centers(&db).await[0];
        assert_eq!(center.text.city.as_deref(), Some("Athens"));
        assert_eq!(center.position.unwrap().longitude(), 23.7);

        let content = r#"{"type":"Feature","geometry":null,"properties":{"titel":"A","name":"B"}}"#;
        import_file(&db, "a.ndjson", content.as_bytes(), &["--map", "name=titel"]).0.assert(0, &["`name`"]);
        assert_eq!(centers(&db).await[1].text.name, "A");
    }

    async fn a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(db: TestDatabase) {
        let content = format!("\u{feff}{}", THREE.replace('\n', "\r\n"));
        import_file(&db, "a.csv", content.as_bytes(), &[]).0.assert(0, &["3 inserted"]);
        assert_eq!(summaries(&db).await, three());
        assert_eq!(centers(&db).await[1].text.city, None);
    }

    async fn what_the_database_assigns_is_not_imported_and_that_is_said(db: TestDatabase) {
        let content = "name,lat,lng,view_count,created_at\nA,1,2,99,1999-01-01T00:00:00Z\n";
        import_file(&db, "a.csv", content.as_bytes(), &[]).0
            .assert(0, &["not imported, as the database assigns them: `view_count`, `created_at`"]);
        let center = &centers(&db).await[0];
        assert_eq!(center.view_count, 0);
        assert!(center.created_at.unwrap().timestamp() > 1_000_000_000);
    }

    async fn an_import_goes_on_from_a_line(db: TestDatabase) {
        import_file(&db, "a.csv", THREE.as_bytes(), &["--from-line", "3"]).0.assert(0, &["2 rows read"]);
        assert_eq!(summaries(&db).await, three()[1..]);
    }
}
