//! Rows that other applications wrote, in ways that we never would.

use std::convert::Infallible;

use nearby::domain::{CenterEdit, Filter, TextField};
use nearby::store::Collection;

use super::{at, draft, id};
use crate::support::{TestDatabase, on_both_stores};

fn location(db: &TestDatabase) -> &'static str {
    if db.is_mysql() {
        "ST_SRID(POINT(0, 0), 4326)"
    } else {
        "NULL"
    }
}

on_both_stores! {
    async fn half_positions_and_bad_ones_read_as_none_and_are_no_summaries(db: TestDatabase) {
        let store = db.store();
        let location = location(&db);
        for (id, latitude, longitude) in [
            (1, "10", "20"),
            (2, "10", "NULL"),
            (3, "NULL", "20"),
            (4, "91.5", "20"),
            (5, "10", "180.5"),
            (6, "0", "0"),
        ] {
            db.execute(&format!(
                "INSERT INTO diving_centers (id, name, latitude, longitude, location) \
                 VALUES ({id}, 'n{id}', {latitude}, {longitude}, {location})"
            ))
            .await;
        }
        let read = store.list(&Filter::default(), None, 10).await.unwrap();
        let positions: Vec<_> = read.iter().map(|center| center.position).collect();
        assert_eq!(positions, [Some(at(10.0, 20.0)), None, None, None, None, Some(at(0.0, 0.0))]);
        let mut summaries = store
            .fold_summaries(Vec::new(), |found, summary| {
                found.push((summary.id.get(), summary.name.to_owned()));
            })
            .await
            .unwrap();
        summaries.sort();
        assert_eq!(summaries, [(1, "n1".to_owned()), (6, "n6".to_owned())]);
    }

    /// Their application may come back to them; what reads as no position is not nothing.
    async fn coordinates_that_an_update_does_not_name_stay_as_they_are(db: TestDatabase) {
        let store = db.store();
        for (number, (latitude, longitude)) in (1..).zip([
            ("10", "NULL"), ("NULL", "20"), ("91.5", "20"), ("10", "180.5"),
            ("NULL", "NULL"), ("0", "0"), ("10.12345678", "-180"),
        ]) {
            db.execute(&format!(
                "INSERT INTO diving_centers (id, name, latitude, longitude, location)                  VALUES ({number}, 'theirs', {latitude}, {longitude}, {})",
                location(&db)
            ))
            .await;
            let before = store.read(id(number)).await.unwrap().unwrap();
            let renamed = store
                .update(id(number), |center| {
                    let draft = draft("ours", center.position.map(|p| (p.latitude(), p.longitude())));
                    Ok::<_, Infallible>(CenterEdit { draft, places: false, texts: TextField::ALL.to_vec() })
                })
                .await
                .unwrap()
                .unwrap();
            assert_eq!((renamed.text.name.as_str(), renamed.position), ("ours", before.position));
            let same = |column: &str, value: &str| match value {
                "NULL" => format!("{column} IS NULL"),
                value => format!("{column} = {value}"),
            };
            let kept = format!(
                "SELECT COUNT(*) FROM diving_centers WHERE id = {number} AND {} AND {}",
                same("latitude", latitude),
                same("longitude", longitude),
            );
            assert_eq!(db.number(&kept).await, 1, "{latitude}, {longitude}");
        }
        let found = db.database().verify(&Collection::diving_centers(), |_| {}).await.unwrap();
        assert_eq!((found.rows, found.drift.count), (7, 0), "{found:?}");
    }

    async fn texts_that_we_would_refuse_read_as_they_are(db: TestDatabase) {
        db.execute(&format!(
            "INSERT INTO diving_centers (id, name, email, location) VALUES (1, '', '\u{7}x', {})",
            location(&db)
        ))
        .await;
        let read = db.store().read(id(1)).await.unwrap().unwrap();
        assert_eq!(read.text.name, "");
        assert_eq!(read.text.email.as_deref(), Some("\u{7}x"));
    }

    async fn the_one_id_that_nobody_can_ask_for_is_counted_and_left_out(db: TestDatabase) {
        let store = db.store();
        for id in [i64::MIN, -i64::MAX] {
            db.execute(&format!(
                "INSERT INTO diving_centers (id, name, latitude, longitude, location) \
                 VALUES ({id}, 'a', 1, 2, {})",
                location(&db)
            ))
            .await;
        }
        let listed = store.list(&Filter::default(), None, 10).await.unwrap();
        let ids: Vec<i64> = listed.iter().map(|center| center.id.get()).collect();
        assert_eq!(ids, [-i64::MAX]);
        let summaries = store.fold_summaries(0, |seen, _| *seen += 1).await.unwrap();
        assert_eq!(summaries, 1);
        assert_eq!(store.count().await.unwrap(), 2);
    }

    async fn columns_that_are_not_ours_stay_as_they_are(db: TestDatabase) {
        let store = db.store();
        let id = store.create(&draft("a", Some((1.0, 2.0)))).await.unwrap().id;
        db.execute("ALTER TABLE diving_centers ADD COLUMN owner_id INT").await;
        db.execute("UPDATE diving_centers SET owner_id = 99").await;
        store.replace(id, &draft("b", Some((3.0, 4.0)))).await.unwrap().unwrap();
        store.upsert(&[super::item(Some(id.get()), draft("c", None))]).await.unwrap();
        assert_eq!(db.number("SELECT CAST(owner_id AS SIGNED) FROM diving_centers").await, 99);
    }
}

#[tokio::test]
async fn values_of_any_type_read_from_sqlite() {
    let db = TestDatabase::sqlite().await;
    db.execute(
        "INSERT INTO diving_centers (id, name, latitude, longitude, city, created_at, updated_at) \
         VALUES (1, x'ff41', 'north', x'00', 12, 'yesterday', '2024-02-03 04:05:06')",
    )
    .await;
    let read = db.store().read(id(1)).await.unwrap().unwrap();
    assert_eq!(read.text.name, "\u{fffd}A");
    assert_eq!(read.text.city.as_deref(), Some("12"));
    assert_eq!(read.position, None);
    assert_eq!(read.created_at, None);
    assert_eq!(
        read.updated_at.unwrap().to_rfc3339(),
        "2024-02-03T04:05:06+00:00"
    );
    db.execute(
        "INSERT INTO diving_centers (id, name, latitude, longitude, city) \
         VALUES (2, x'ff41', 7, -7.5, 12.5)",
    )
    .await;
    let store = db.store();
    let summaries = store.fold_summaries(Vec::new(), |found, summary| {
        let city = summary.city.map(str::to_owned);
        found.push((summary.id, summary.name.to_owned(), summary.position, city));
    });
    let expected = (
        id(2),
        "\u{fffd}A".to_owned(),
        at(7.0, -7.5),
        Some("12.5".to_owned()),
    );
    assert_eq!(summaries.await.unwrap(), [expected]);
}
