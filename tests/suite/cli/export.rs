#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use flate2::read::GzDecoder;
use nearby::domain::{Center, CenterDraft, CenterText, Filter};
use nearby::store::BatchItem;

use super::process::{nearby, run};
use crate::support::{TestDatabase, on_both_stores};

fn nasty_centers() -> Vec<BatchItem> {
    let texts = [
        "=HYPERLINK(\"http://x\")",
        "comma, \"quote\" 'single'\nnew line\r\nWindows\ttab",
        "Ελλάδα 🤿 \u{202e}עברית",
        " blanks around ",
        "{\"json\":[1]};|\\",
    ];
    let positions = [
        Some((89.999_999_99, 179.999_999_99)),
        None,
        Some((0.0, 0.0)),
        Some((-0.000_000_01, -180.0)),
        Some((-90.0, 180.0)),
    ];
    texts
        .iter()
        .zip(positions)
        .map(|(text, position)| {
            let some = || Some((*text).to_owned());
            let text = CenterText {
                name: (*text).to_owned(),
                description: some(),
                address: some(),
                email: None,
                phone: some(),
                website: some(),
                country: some(),
                region: None,
                city: some(),
                logo_url: some(),
            };
            let (latitude, longitude) = position.unzip();
            BatchItem {
                id: None,
                draft: CenterDraft::with_coordinates(text, latitude, longitude).unwrap(),
            }
        })
        .collect()
}

async fn centers(db: &TestDatabase) -> Vec<Center> {
    db.store()
        .list(&Filter::default(), None, 10_000)
        .await
        .unwrap()
}

/// Everything that an import takes.
async fn writable(db: &TestDatabase) -> Vec<(i64, CenterDraft)> {
    centers(db)
        .await
        .into_iter()
        .map(|c| (c.id.get(), CenterDraft::new(c.text, c.position).unwrap()))
        .collect()
}

on_both_stores! {
    async fn what_is_exported_imports_as_the_same_rows(db: TestDatabase) {
        // More than one page, with gaps between the ids.
        let many: Vec<_> = nasty_centers().into_iter().cycle().take(2_500).collect();
        db.store().upsert(many).await.unwrap();
        db.execute("DELETE FROM diving_centers WHERE id % 7 = 3").await;
        let before = writable(&db).await;
        assert!(before.len() > 2_000);
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", "a.csv.gz", "a.geojson", "a.geojson.gz", "a.geojsonl", "a.ndjson.gz", "a.gpkg"] {
            let path = folder.path().join(name);
            let path = path.to_str().unwrap();
            run(&["export", path, "--database-url", db.url()])
                .assert(0, &[&format!("{} centers exported", before.len())]);
            run(&["import", path, "--database-url", db.url()])
                .assert(0, &[&format!("0 inserted, 0 updated, {} unchanged", before.len())]);
            db.execute("DELETE FROM diving_centers").await;
            run(&["import", path, "--database-url", db.url()])
                .assert(0, &[&format!("{} inserted", before.len())]);
            assert_eq!(writable(&db).await, before, "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7, "nothing is left beside the files");
    }

    async fn times_and_views_are_exported(db: TestDatabase) {
        db.store().upsert(&nasty_centers()[..1]).await.unwrap();
        db.execute("UPDATE diving_centers SET view_count = 42").await;
        let ended = run(&["export", "-", "--format", "geojsonl", "--database-url", db.url()]);
        ended.assert(0, &["1 centers exported"]);
        let line: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        let center = &centers(&db).await[0];
        assert_eq!(line["properties"]["view_count"], 42);
        assert_eq!(
            line["properties"]["created_at"].as_str().unwrap().parse().map(Some),
            Ok(center.created_at)
        );
        assert_eq!(line["geometry"]["coordinates"][0], 179.999_999_99);
    }

    async fn an_empty_database_exports_to_files_that_import(db: TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", "a.geojson", "a.geojsonl", "a.gpkg"] {
            let path = folder.path().join(name);
            let path = path.to_str().unwrap();
            run(&["export", path, "--database-url", db.url()]).assert(0, &["0 centers exported"]);
            run(&["import", path, "--database-url", db.url()]).assert(0, &["0 rows read"]);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_there_is_kept_unless_forced() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "mine").unwrap();
    let link = folder.path().join("link.csv");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let export = |path: &std::path::Path, more: &[&str]| {
        let mut args = vec!["export", path.to_str().unwrap(), "--database-url", db.url()];
        args.extend_from_slice(more);
        run(&args)
    };
    export(&path, &[]).assert(2, &["is there already", "--force"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    export(&link, &["--force"]).assert(0, &[]);
    assert!(fs::read_to_string(&path).unwrap().starts_with("id,name"));
    assert!(link.is_symlink());
    export(folder.path(), &["--format", "csv"]).assert(2, &["is not a file"]);
    export(&folder.path().join("a.xlsx"), &[]).assert(2, &["tells no format", ".gpkg or .fgb"]);
    export(&folder.path().join("a.kml"), &[]).assert(2, &["tells no format that is written"]);
    export(&folder.path().join("a.gpkg.gz"), &[]).assert(2, &["leave the .gz out"]);
    export("-".as_ref(), &["--format", "gpkg"]).assert(2, &["is a file and no stream"]);
    export(&folder.path().join("none/a.csv"), &[]).assert(2, &["cannot write"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn files_that_hold_rows_are_their_owners_alone_unless_they_were_opened_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let database = folder.path().join("a.gpkg");
    let url = format!("sqlite:{}", database.display());
    run(&["migrate", "up", "--database-url", &url]).assert(0, &[]);
    assert_eq!(mode(&database), 0o600);

    let file = folder.path().join("a.csv.gz");
    let export = ["export", file.to_str().unwrap(), "--database-url", &url];
    run(&export).assert(0, &[]);
    assert_eq!(mode(&file), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    run(&[&export[..], &["--force"]].concat()).assert(0, &[]);
    assert_eq!(mode(&file), 0o640);
    let mut text = String::new();
    GzDecoder::new(fs::File::open(&file).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.starts_with("id,name"));

    let rows = folder.path().join("b.csv");
    fs::write(&rows, "name,lat,lng\na,91,0\n").unwrap();
    let skip = ["import", rows.to_str().unwrap(), "--on-error", "skip"];
    let skip = [&skip[..], &["--database-url", &url]].concat();
    run(&skip).assert(1, &["1 rejected"]);
    assert_eq!(mode(&folder.path().join("b.csv.rejected.csv")), 0o600);
}

#[tokio::test]
async fn a_link_in_the_way_of_a_report_is_not_followed() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("b.csv");
    fs::write(&rows, "name,lat,lng\na,91,0\n").unwrap();
    for target in ["empty", "missing"] {
        let target = folder.path().join(target);
        if target.ends_with("empty") {
            fs::write(&target, "").unwrap();
        }
        let report = folder.path().join("b.csv.rejected.csv");
        std::os::unix::fs::symlink(&target, &report).unwrap();
        let skip = ["import", rows.to_str().unwrap(), "--on-error", "skip"];
        let skip = [&skip[..], &["--database-url", db.url()]].concat();
        run(&skip).assert(2, &["is a link; name a file with --report"]);
        assert!(fs::read(&target).unwrap_or_default().is_empty());
        fs::remove_file(&report).unwrap();
    }
}

#[tokio::test]
async fn formulas_are_defused_in_csv_alone_and_where_that_is_asked_for() {
    let db = TestDatabase::sqlite().await;
    db.store().upsert(nasty_centers()).await.unwrap();
    let export = ["export", "-", "--database-url", db.url()];
    let plain = String::from_utf8(run(&export).stdout).unwrap();
    assert!(plain.contains("1,\"=HYPERLINK("), "{plain}");
    let safe = run(&[&export[..], &["--excel-safe"]].concat());
    let safe = String::from_utf8(safe.stdout).unwrap();
    assert!(safe.contains("1,\"'=HYPERLINK("), "{safe}");
    run(&[&export[..], &["--excel-safe", "--format", "geojson"]].concat())
        .assert(2, &["--excel-safe is for CSV"]);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_an_export_quietly() {
    let db = TestDatabase::sqlite().await;
    let many: Vec<_> = nasty_centers().into_iter().cycle().take(2_000).collect();
    db.store().upsert(many).await.unwrap();
    let mut child = nearby()
        .args(["export", "-", "--database-url", db.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[tokio::test]
async fn an_export_that_fails_leaves_no_file() {
    let db = TestDatabase::sqlite().await;
    db.store().upsert(nasty_centers()).await.unwrap();
    db.execute("ALTER TABLE diving_centers RENAME COLUMN city TO town")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let ended = run(&["export", path.to_str().unwrap(), "--database-url", db.url()]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_export_never_takes_the_place_of_the_database_that_it_reads() {
    let db = TestDatabase::sqlite().await;
    db.store().upsert(nasty_centers()).await.unwrap();
    let file = std::path::PathBuf::from(db.url().strip_prefix("sqlite:").unwrap());
    let folder = file.parent().unwrap();
    let (link, hard_link) = (folder.join("link.gpkg"), folder.join("hard.csv"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    fs::hard_link(&file, &hard_link).unwrap();
    let roundabout = folder.join(".").join(file.file_name().unwrap());
    let log = folder.join(format!(
        "{}-wal",
        file.file_name().unwrap().to_str().unwrap()
    ));
    for path in [&file, &link, &hard_link, &roundabout, &log] {
        let path = path.to_str().unwrap();
        let ended = run(&[
            "export",
            path,
            "--force",
            "--format",
            "csv",
            "--database-url",
            db.url(),
        ]);
        ended.assert(
            2,
            &["of the database that is exported", "name another file"],
        );
    }
    assert_eq!(centers(&db).await.len(), 5);
}

/// What `ogrinfo` says of a file.
fn ogrinfo(path: &std::path::Path, args: &[&str]) -> String {
    let told = std::process::Command::new("ogrinfo")
        .args(["-ro", "-al"])
        .args(args)
        .arg(path)
        .output()
        .expect("ogrinfo runs");
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.is_empty(), "{said}");
    String::from_utf8(told.stdout).unwrap()
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn gdal_reads_what_is_exported_as_geopackage_and_as_flatgeobuf() {
    let db = TestDatabase::sqlite().await;
    db.store().upsert(nasty_centers()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, id) in [
        ("a.gpkg", "OGRFeature(centers):1"),
        ("a.fgb", "id (Integer64) = 1"),
    ] {
        let path = folder.path().join(name);
        run(&["export", path.to_str().unwrap(), "--database-url", db.url()])
            .assert(0, &["5 centers exported, 1 without coordinates"]);
        let told = ogrinfo(&path, &[]);
        for said in [
            "Layer name: centers",
            "Geometry: Point",
            "Feature Count: 5",
            "ID[\"EPSG\",4326]",
            "Extent: (-180.000000, -90.000000) - (180.000000, 90.000000)",
            id,
            "POINT (179.99999999 89.99999999)",
            "POINT (-180 -0.00000001)",
            "name (String) = =HYPERLINK(\"http://x\")",
            "description (String) = Ελλάδα 🤿",
            "view_count (Integer64) = 0",
            "created_at (DateTime) = 2",
        ] {
            assert!(told.contains(said), "{name}: no `{said}` in {told}");
        }
        let near = ogrinfo(&path, &["-spat", "-1", "-1", "1", "1"]);
        assert!(
            near.contains("POINT (0 0)") && near.contains("Feature Count: 1"),
            "{name}: {near}"
        );
    }
}
