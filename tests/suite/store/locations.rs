//! Locations, looked at by other means than ours.

use std::convert::Infallible;

use super::{draft, item, placing};
use crate::support::{TestDatabase, on_both_stores};

/// What the location column of a row says: longitude and latitude.
async fn stored_point(db: &TestDatabase, id: i64) -> Option<(f64, f64)> {
    if db.is_mysql() {
        // x and y without their reference system are longitude and latitude.
        let (x, y, srid): (f64, f64, i64) = sqlx::query_as(
            "SELECT ST_X(ST_SRID(location, 0)), ST_Y(ST_SRID(location, 0)), ST_SRID(location) \
             FROM diving_centers WHERE id = ?",
        )
        .bind(id)
        .fetch_one(db.mysql_pool())
        .await
        .unwrap();
        assert_eq!(srid, 4326);
        return Some((x, y));
    }
    let select = "SELECT location FROM diving_centers WHERE id = ?";
    let reading = db.sqlite_connection();
    let blob: Option<Vec<u8>> = reading.query_row(select, [id], |row| row.get(0)).unwrap();
    blob.map(|blob| decode_by_hand(&blob))
}

/// OGC 12-128r19, clause 2.1.3: magic, version, flags, SRS, then WKB.
fn decode_by_hand(blob: &[u8]) -> (f64, f64) {
    assert_eq!(blob.len(), 29);
    assert_eq!(&blob[..4], b"GP\0\x01");
    assert_eq!(blob[4..8], 4326_i32.to_le_bytes());
    assert_eq!(blob[8], 1, "little endian");
    assert_eq!(blob[9..13], 1_u32.to_le_bytes(), "a point");
    let double = |at: usize| f64::from_le_bytes(blob[at..at + 8].try_into().unwrap());
    (double(13), double(21))
}

/// What a row without coordinates holds.
fn nowhere(db: &TestDatabase) -> Option<(f64, f64)> {
    db.is_mysql().then_some((0.0, 0.0))
}

const PLACES: [((f64, f64), (f64, f64)); 5] = [
    (
        (37.983_800_01, 23.727_500_02),
        (23.727_500_02, 37.983_800_01),
    ),
    ((10.0, -180.0), (180.0, 10.0)),
    ((-90.0, 180.0), (180.0, -90.0)),
    ((0.0, 0.0), (0.0, 0.0)),
    (
        (-0.000_000_01, 179.999_999_99),
        (179.999_999_99, -0.000_000_01),
    ),
];

on_both_stores! {
    async fn the_location_says_what_the_coordinates_say_whichever_way_they_came(db: TestDatabase) {
        let store = db.store();
        for (coordinates, point) in PLACES {
            let created = store.create(&draft("a", Some(coordinates))).await.unwrap();
            let id = created.id.get();
            assert_eq!(stored_point(&db, id).await, Some(point), "created");

            store.replace(created.id, &draft("a", None)).await.unwrap().unwrap();
            assert_eq!(stored_point(&db, id).await, nowhere(&db), "replaced by nothing");

            store.replace(created.id, &draft("a", Some(coordinates))).await.unwrap().unwrap();
            assert_eq!(stored_point(&db, id).await, Some(point), "replaced");

            store.write_batch([item(Some(id), draft("a", Some((1.0, 2.0))))]).await.unwrap();
            assert_eq!(stored_point(&db, id).await, Some((2.0, 1.0)), "in a batch");

            store
                .update(created.id, move |_| Ok::<_, Infallible>(placing(draft("a", Some(coordinates)))))
                .await
                .unwrap();
            assert_eq!(stored_point(&db, id).await, Some(point), "updated");

            let items = [item(Some(id + 1_000), draft("a", Some(coordinates)))];
            store.upsert(&items).await.unwrap();
            assert_eq!(stored_point(&db, id + 1_000).await, Some(point), "inserted by an import");

            store.upsert(&[item(Some(id), draft("a", Some((3.0, 4.0))))]).await.unwrap();
            assert_eq!(stored_point(&db, id).await, Some((4.0, 3.0)), "updated by an import");
        }
    }

    async fn every_write_mends_a_location_that_had_drifted(db: TestDatabase) {
        let store = db.store();
        let same = || draft("a", Some((1.0, 2.0)));
        let id = store.create(&same()).await.unwrap().id;
        let drift = if db.is_mysql() {
            // Where the guard is in place, nobody else could make it drift.
            db.execute("DROP TRIGGER IF EXISTS diving_centers_location_update").await;
            "UPDATE diving_centers SET location = ST_SRID(POINT(9, 9), 4326)"
        } else {
            "UPDATE diving_centers SET location = NULL"
        };
        db.execute(drift).await;
        assert_eq!(store.upsert(&[item(Some(id.get()), same())]).await.unwrap().updated, 1);
        assert_eq!(stored_point(&db, id.get()).await, Some((2.0, 1.0)));
        db.execute(drift).await;
        store.replace(id, &same()).await.unwrap();
        assert_eq!(stored_point(&db, id.get()).await, Some((2.0, 1.0)));
    }
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn ogrinfo_reads_what_was_written() {
    let db = TestDatabase::sqlite().await;
    db.store()
        .create(&draft("Ægina", Some((37.75, 23.43))))
        .await
        .unwrap();
    let path = db.url().strip_prefix("sqlite:").unwrap().to_owned();
    let told = std::process::Command::new("ogrinfo")
        .args(["-ro", "-al", &path])
        .output()
        .expect("ogrinfo runs");
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("POINT (23.43 37.75)"), "{told}");
    assert!(
        told.contains("Feature Count: 1") && told.contains("Ægina"),
        "{told}"
    );
}

#[tokio::test]
async fn the_file_says_when_it_was_last_changed() {
    let db = TestDatabase::sqlite().await;
    db.execute("UPDATE gpkg_contents SET last_change = '2001-01-01T00:00:00.000Z'")
        .await;
    let marked =
        "SELECT last_change > '2020-01-01' FROM gpkg_contents WHERE table_name = 'diving_centers'";
    assert_eq!(db.number(marked).await, 0);
    db.store().create(&draft("a", None)).await.unwrap();
    assert_eq!(db.number(marked).await, 1);
}
