//! Verifying tables that others wrote.

use nearby::store::{Collection, Severity, Verification};

use crate::cli::process::run;
use crate::support::{TestDatabase, on_both_stores};

async fn verify(db: &TestDatabase) -> Verification {
    let collection = Collection::diving_centers();
    db.database().verify(&collection, |_| {}).await.unwrap()
}

async fn schema_texts(db: &TestDatabase, severity: Severity) -> String {
    let found = verify(db).await.schema;
    let texts = found.into_iter().filter(|f| f.severity == severity);
    texts.map(|finding| finding.text + "\n").collect()
}

on_both_stores! {
    async fn an_empty_table_and_right_rows_are_sound(db: TestDatabase) {
        assert!(verify(&db).await.is_sound());
        for (id, latitude, longitude) in
            [(1, 37.983_810_01, -122.419_415_52), (2, 0.0, 0.0), (3, -90.0, 180.0), (4, 1e-8, 179.999_999_99)]
        {
            let location = db.location(Some((latitude, longitude)));
            db.insert(id, &format!("{latitude}, {longitude}"), &location).await;
        }
        db.insert(5, "12.5, -180", &db.location(Some((12.5, 180.0)))).await;
        db.insert(6, "NULL, NULL", &db.location(None)).await;
        db.insert(7, "12.5, NULL", &db.location(None)).await;

        let found = verify(&db).await;
        assert!(found.is_sound(), "{found:?}");
        assert_eq!(found.schema, []);
        assert_eq!((found.rows, found.without_coordinates), (7, 2));
        // The center at 0/0 stands where the sentinel does, and is right there.
        assert_eq!(found.without_location, if db.is_mysql() { 3 } else { 2 });
    }

    async fn every_fault_is_counted_and_named(db: TestDatabase) {
        db.drop_guards().await;
        let none = db.location(None);
        let somewhere = db.location(Some((1.0, 2.0)));
        db.insert(10, "1, 2", &somewhere).await;
        db.insert(20, "1, 2", &none).await;
        db.insert(30, "1, 2.00000001", &somewhere).await;
        db.insert(40, "NULL, NULL", &somewhere).await;
        db.insert(50, "1, NULL", &somewhere).await;
        db.insert(60, "99, 2", &none).await;
        db.insert(70, "1, 180.5", &somewhere).await;

        let found = verify(&db).await;
        assert!(!found.is_sound());
        assert_eq!(found.rows, 7);
        assert_eq!((found.drift.count, found.drift.first_ids), (2, vec![20, 30]));
        assert_eq!((found.location_only.count, found.location_only.first_ids), (3, vec![40, 50, 70]));
        assert_eq!((found.out_of_range.count, found.out_of_range.first_ids), (2, vec![60, 70]));
        assert_eq!(found.without_coordinates, 2);
        assert_eq!(found.without_location, 2);
    }

    async fn of_many_rows_in_drift_all_are_counted_and_ten_named(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(5_500).await;
        let mut told = Vec::new();
        let collection = Collection::diving_centers();
        let found = db.database().verify(&collection, |rows| told.push(rows)).await.unwrap();
        assert_eq!(found.drift.count, 5_500);
        assert_eq!(found.drift.first_ids, [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]);
        assert_eq!(told, [5_000, 5_500]);
    }

    async fn a_missing_guard_is_a_warning(db: TestDatabase) {
        db.drop_guards().await;
        assert!(verify(&db).await.is_sound());
        let warnings = schema_texts(&db, Severity::Warning).await;
        assert!(warnings.contains("trigger diving_centers_"), "{warnings}");
    }

    async fn a_missing_table_or_column_is_wrong(db: TestDatabase) {
        db.drop_guards().await;
        db.execute("ALTER TABLE diving_centers RENAME COLUMN longitude TO lon").await;
        assert!(schema_texts(&db, Severity::Wrong).await.contains("no column longitude"));
        db.drop_centers().await;
        assert!(schema_texts(&db, Severity::Wrong).await.contains("no table diving_centers"));
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_mysql_table_that_cannot_serve_searches_is_wrong() {
    let db = TestDatabase::mysql().await;
    db.insert(1, "1, 2", &db.location(Some((1.0, 2.0)))).await;
    for (change, text) in [
        (
            "ALTER TABLE diving_centers ALTER INDEX idx_diving_centers_location INVISIBLE",
            "is invisible",
        ),
        (
            "ALTER TABLE diving_centers DROP INDEX idx_diving_centers_location",
            "has no spatial index",
        ),
        (
            "ALTER TABLE diving_centers MODIFY location POINT NOT NULL",
            "has SRID none",
        ),
        (
            "ALTER TABLE diving_centers MODIFY location GEOMETRY NULL",
            "may be NULL",
        ),
        (
            "ALTER TABLE diving_centers MODIFY location GEOMETRY NULL",
            "is geometry, not POINT",
        ),
        (
            "ALTER TABLE diving_centers MODIFY latitude VARCHAR(20)",
            "latitude is varchar",
        ),
        (
            "ALTER TABLE diving_centers DROP COLUMN location, ADD COLUMN location VARCHAR(90)",
            "location is varchar(90), not POINT: leave it to its application",
        ),
    ] {
        db.execute(change).await;
        let wrong = schema_texts(&db, Severity::Wrong).await;
        assert!(wrong.contains(text), "{change}: {wrong}");
        assert!(!verify(&db).await.is_sound());
    }
}

#[tokio::test]
async fn a_file_that_others_cannot_read_as_a_geopackage_is_wrong() {
    let db = TestDatabase::sqlite().await;
    for (change, text) in [
        (
            "PRAGMA application_id = 0",
            "does not say that it is a GeoPackage",
        ),
        (
            "UPDATE gpkg_geometry_columns SET geometry_type_name = 'POLYGON'",
            "does not describe",
        ),
        (
            "UPDATE gpkg_contents SET data_type = 'attributes'",
            "does not list",
        ),
        (
            "DROP TABLE gpkg_geometry_columns",
            "no table gpkg_geometry_columns",
        ),
    ] {
        db.execute(change).await;
        let wrong = schema_texts(&db, Severity::Wrong).await;
        assert!(wrong.contains(text), "{change}: {wrong}");
    }
}

#[tokio::test]
async fn a_blob_that_is_no_point_is_drift() {
    let db = TestDatabase::sqlite().await;
    db.insert(1, "1, 2", "x'0102'").await;
    db.insert(2, "1, 2", "'text'").await;
    db.insert(3, "'north', 2", "NULL").await;
    let found = verify(&db).await;
    assert_eq!(found.drift.first_ids, [1, 2]);
    assert_eq!(found.without_coordinates, 1);
}

/// GDAL writes such points where it has none, and NaN in their place.
#[tokio::test]
async fn an_empty_point_is_no_location() {
    let db = TestDatabase::sqlite().await;
    let empty = "x'47500011E61000000101000000000000000000F87F000000000000F87F'";
    db.insert(1, "NULL, NULL", empty).await;
    let found = verify(&db).await;
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.rows, found.without_location), (1, 1));
    db.drop_guards().await;
    db.insert(2, "1, 2", empty).await;
    assert_eq!(verify(&db).await.drift.first_ids, [2]);
    run(&["backfill", "--database-url", db.url()]).assert(0, &[]);
    assert!(verify(&db).await.is_sound());
}

/// Real tables have rows that nobody can correct.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rows_at_fault_that_are_allowed_leave_a_table_sound() {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.insert_drifted(3).await;
    db.database().migrate_up(None).await.unwrap();
    let verify = |allowed: &[&str]| {
        let mut args = vec!["verify", "--database-url", db.url()];
        args.extend(allowed);
        run(&args)
    };
    verify(&[]).assert(1, &[]);
    verify(&["--allow", "drift=2"]).assert(1, &[]);
    verify(&["--allow", "out-of-range=3,location-only=3"]).assert(1, &[]);
    verify(&["--allow", "out-of-range=1,drift=3"]).assert(0, &[]);
    verify(&["--allow", "drifting=3"]).assert(2, &["drift, location-only and out-of-range"]);
}
