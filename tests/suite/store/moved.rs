//! Points that other programs draw and move in the embedded file.

use nearby::backfill::{self, Settings};
use nearby::domain::{CenterEdit, TextField};
use nearby::store::{BackfillFrom, Collection, Referring};

use super::{draft, id};
use crate::support::TestDatabase;

async fn has(db: &TestDatabase, row: i64, coordinates: &str, location: Option<(f64, f64)>) {
    let location = db.location(location);
    let there = format!(
        "SELECT COUNT(*) FROM diving_centers WHERE id = {row} \
         AND (latitude, longitude) IS ({coordinates}) AND location IS {location}"
    );
    assert_eq!(db.number(&there).await, 1, "{row} is at {coordinates}");
}

async fn noted(db: &TestDatabase) -> i64 {
    db.number("SELECT COUNT(*) FROM moved_points").await
}

async fn move_to(db: &TestDatabase, row: i64, location: &str) {
    db.execute(&format!(
        "UPDATE diving_centers SET location = {location} WHERE id = {row}"
    ))
    .await;
}

#[tokio::test]
async fn coordinates_follow_a_point_that_others_moved_and_a_point_follows_coordinates() {
    let db = TestDatabase::sqlite().await;
    let here = db.location(Some((1.0, 2.0)));
    let there = Some((5.123_456_78, -6.5));
    for row in 1..=8 {
        db.insert(row, "1, 2", &here).await;
    }
    db.insert(9, "NULL, NULL", &db.location(there)).await;
    db.insert(10, "7, NULL", &db.location(there)).await;
    assert_eq!(noted(&db).await, 2);

    move_to(&db, 1, &db.location(there)).await;
    // Beyond the antimeridian, as maps that scroll on draw, and to more decimals than are kept.
    move_to(&db, 2, &db.location(Some((1.0, 190.0)))).await;
    move_to(&db, 3, &db.location(Some((5.123_456_780_4, -6.5)))).await;
    // What is nowhere, or gone, leaves the coordinates.
    move_to(&db, 4, "x'4750'").await;
    move_to(&db, 5, "NULL").await;
    db.execute("UPDATE diving_centers SET latitude = 3 WHERE id = 6")
        .await;
    // Whoever writes both in one statement knows what it does.
    let elsewhere = db.location(Some((9.0, 9.0)));
    let both =
        format!("UPDATE diving_centers SET latitude = 4, location = {elsewhere} WHERE id = 7");
    db.execute(&both).await;
    move_to(&db, 8, &db.location(there)).await;
    db.execute("DELETE FROM diving_centers WHERE id = 8").await;

    db.store().take_over_moved().await.unwrap();
    assert_eq!(noted(&db).await, 0);
    has(&db, 1, "5.12345678, -6.5", there).await;
    has(&db, 2, "1.0, -170.0", Some((1.0, -170.0))).await;
    has(&db, 3, "5.12345678, -6.5", there).await;
    for row in [4, 5] {
        let kept =
            format!("SELECT latitude = 1 AND longitude = 2 FROM diving_centers WHERE id = {row}");
        assert_eq!(db.number(&kept).await, 1);
    }
    has(&db, 6, "3.0, 2.0", Some((3.0, 2.0))).await;
    has(&db, 7, "4.0, 2.0", Some((9.0, 9.0))).await;
    has(&db, 9, "5.12345678, -6.5", there).await;
    has(&db, 10, "5.12345678, -6.5", there).await;
    assert_eq!(db.store().take_over_moved().await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_of_ours_puts_a_point_back_that_others_moved() {
    let db = TestDatabase::sqlite().await;
    let here = db.location(Some((1.0, 2.0)));
    let there = Some((5.0, 6.0));
    for row in 1..=4 {
        db.insert(row, "1, 2", &here).await;
        move_to(&db, row, &db.location(there)).await;
    }
    let store = db.store();
    // A client that names no coordinates.
    let edit = |center: &nearby::domain::Center| {
        let draft = draft(
            "renamed",
            center.position.map(|p| (p.latitude(), p.longitude())),
        );
        Ok::<_, std::convert::Infallible>(CenterEdit {
            draft,
            places: false,
            texts: TextField::ALL.to_vec(),
        })
    };
    let patched = store.update(id(1), edit).await.unwrap().unwrap();
    assert_eq!(patched.position.unwrap().latitude(), 5.0);
    has(&db, 1, "5.0, 6.0", there).await;

    let settings = Settings {
        from: BackfillFrom::Coordinates,
        batch_size: 100,
        pause: std::time::Duration::ZERO,
        dry_run: false,
        after: None,
    };
    let (_never, stop) = tokio::sync::watch::channel(false);
    let collection = Collection::diving_centers();
    let done = backfill::run(db.database(), &collection, &settings, stop, |_| {})
        .await
        .unwrap();
    assert_eq!(done.written, 3);
    for row in 1..=4 {
        has(&db, row, "5.0, 6.0", there).await;
    }
    assert_eq!(noted(&db).await, 0);

    // The start of any command takes over what was moved while nobody served the file.
    move_to(&db, 3, &here).await;
    db.database().ensure_schema(false).await.unwrap();
    has(&db, 3, "1.0, 2.0", Some((1.0, 2.0))).await;
}

#[tokio::test]
async fn a_file_of_before_has_its_points_taken_over_and_its_extent_drawn_around_them() {
    let db = TestDatabase::sqlite().await;
    let database = db.database();
    let follows_moved_points = 7;
    let all = database.migrations().await.unwrap();
    let later = all.iter().filter(|m| m.version >= follows_moved_points);
    database.migrate_down(later.count()).await.unwrap();
    db.insert(1, "NULL, NULL", &db.location(Some((1.0, 2.0))))
        .await;
    db.insert(2, "-4, -180", &db.location(Some((-4.0, 180.0))))
        .await;
    db.execute("UPDATE gpkg_contents SET min_x = -180, min_y = -90, max_x = 180, max_y = 90")
        .await;
    database.ensure_schema(false).await.unwrap();
    has(&db, 1, "1.0, 2.0", Some((1.0, 2.0))).await;
    assert_eq!(extent(&db), "2.0 -4.0 180.0 1.0");
}

type Edge = Option<f64>;

fn extent(db: &TestDatabase) -> String {
    let select =
        "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'diving_centers'";
    let edges = db.sqlite_connection().query_row(select, (), |row| {
        Ok::<(Edge, Edge, Edge, Edge), _>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    match edges.unwrap() {
        (Some(west), Some(south), Some(east), Some(north)) => {
            format!("{west:?} {south:?} {east:?} {north:?}")
        }
        _ => "none".to_owned(),
    }
}

#[tokio::test]
async fn the_extent_of_the_layer_follows_the_data() {
    let db = TestDatabase::sqlite().await;
    let store = db.store();
    assert_eq!(extent(&db), "none");
    store.create(&draft("a", None)).await.unwrap();
    assert_eq!(extent(&db), "none");
    let far = store
        .create(&draft("b", Some((1.0, -180.0))))
        .await
        .unwrap();
    assert_eq!(extent(&db), "180.0 1.0 180.0 1.0");
    store
        .upsert([super::item(Some(7), draft("c", Some((-3.0, 5.0))))])
        .await
        .unwrap();
    assert_eq!(extent(&db), "5.0 -3.0 180.0 1.0");
    // Found out once the file is closed: nobody waits for a look at every row.
    store.delete(far.id, Referring::Keeps).await.unwrap();
    assert_eq!(extent(&db), "5.0 -3.0 180.0 1.0");
    db.database().close().await;
    assert_eq!(extent(&db), "5.0 -3.0 5.0 -3.0");
}
