//! Keys that no signed number of 64 bits is.

use serde_json::json;

use super::neighbour::{Kind, assert_told, divemap, nearby, stdout};
use super::undo::shape;
use crate::cli::process::run_with_input;
use crate::cli::served::Served;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn keys_from_2_to_the_63rd_on_are_counted_and_named_and_keep_nothing_from_ending() {
    let db = divemap(Kind::WithLocation, 20).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    nearby(&db, &["migrate", "up"]).await.assert(0, &[]);
    db.execute(
        "ALTER TABLE diving_centers MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT; \
         UPDATE diving_centers SET id = 18446744073709551600 + id WHERE id <= 3; \
         UPDATE diving_centers SET id = 9223372036854775808 WHERE id = 4; \
         UPDATE diving_centers SET id = 9223372036854775807, latitude = 1, longitude = 2 WHERE id = 5",
    )
    .await;
    let named = "4 rows of diving_centers have an id beyond ±9223372036854775807 \
        (from 9223372036854775808 to 18446744073709551603)";
    for (args, code) in [(&["verify"][..], 1), (&["adopt"], 0), (&["backfill"], 0)] {
        let ended = nearby(&db, args).await;
        ended.assert(code, &[]);
        let told = String::from_utf8_lossy(&ended.stdout).contains(named);
        assert_eq!(told, args != ["backfill"], "{args:?}: {ended:?}");
    }
    let served = Served::start(&["--database-url", db.url()]);
    assert!(served.said.iter().any(|line| line.contains(named)));
    let (_, list) = served.get("/centers?limit=100").await;
    assert_eq!(list["count"], 16);
    assert_eq!(list["centers"][15]["id"], "9223372036854775807");
    let (_, near) = served.get("/nearby?lat=1&lng=2&radius_m=1").await;
    assert_eq!(near["centers"][0]["id"], "9223372036854775807");
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn keys_from_2_to_the_63rd_on_without_a_location_are_refused_before_anything_is_altered() {
    for kind in [Kind::Ignorant, Kind::WithLocation] {
        let db = divemap(kind, 20).await;
        db.execute(
            "ALTER TABLE diving_centers MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT; \
             UPDATE diving_centers SET id = 18446744073709551600 + id WHERE id <= 3",
        )
        .await;
        if kind == Kind::WithLocation {
            db.execute(
                "ALTER TABLE diving_centers MODIFY location POINT NULL SRID 4326; \
                 UPDATE diving_centers SET location = NULL",
            )
            .await;
        }
        let before = shape(&db).await;
        for args in [
            &["adopt"][..],
            &["adopt", "--apply"],
            &["adopt", "--online", "--apply"],
        ] {
            let refused = nearby(&db, args).await;
            refused.assert(2, &[]);
            assert_told(
                &refused,
                &[
                    "in the way: 3 rows of diving_centers have an id beyond ±9223372036854775807 \
                     (from 18446744073709551601 to 18446744073709551603) and no location",
                    "give them smaller ones, or run what `nearby adopt --sql` prints",
                ],
            );
        }
        assert_eq!(shape(&db).await, before);
        let printed = nearby(&db, &["adopt", "--sql"]).await;
        db.execute(stdout(&printed)).await;
        nearby(&db, &["adopt"]).await.assert(0, &[]);
        let placed = "SELECT COUNT(*) FROM diving_centers \
                      WHERE id > 9223372036854775807 \
                      AND ABS(ST_Latitude(location) - latitude) < 0.000001";
        assert_eq!(db.number(placed).await, 3);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_walk_that_comes_back_to_where_it_was_is_an_error() {
    let db = divemap(Kind::WithLocation, 20).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    nearby(&db, &["migrate", "up"]).await.assert(0, &[]);
    db.execute(
        "ALTER TABLE diving_centers MODIFY id DECIMAL(10,2) NOT NULL; \
         UPDATE diving_centers SET id = 1 + id / 100",
    )
    .await;
    for args in [&["verify"][..], &["backfill"]] {
        let ended = nearby(&db, args).await;
        ended.assert(2, &["does not come to an end", "a key of whole numbers"]);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_id_of_a_file_leaves_room_in_a_key_that_is_short() {
    let db = divemap(Kind::WithLocation, 20).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let import = |id: &str| {
        let row = format!("id,name,latitude,longitude\n{id},last,5,6\n");
        let args = ["import", "-", "--database-url", db.url()];
        run_with_input(&args, row.as_bytes())
    };
    for id in ["2013265921", "2147483647", "2147483648"] {
        import(id).assert(
            1,
            &[
                &format!("line 2: the table does not take it: id {id} is too great"),
                "up to 2013265920",
            ],
        );
    }
    assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 20);
    import("2013265920").assert(0, &["1 inserted"]);
    import("").assert(0, &["1 inserted"]);
    let served = Served::start(&["--database-url", db.url()]);
    let center = json!({ "name": "next", "latitude": 5, "longitude": 6 });
    assert_eq!(served.post("/centers", &center).await.0, 201);
    let found = served.found_ids("/nearby?lat=5&lng=6&radius_m=1").await;
    assert_eq!(found, [2_013_265_920, 2_013_265_921, 2_013_265_922]);
}
