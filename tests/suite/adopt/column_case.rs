//! Columns of built-in tables whose names another application writes in another case.

use serde_json::json;

use super::neighbour::{Kind, assert_sound, assert_told, divemap, nearby};
use crate::cli::served::Served;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn columns_in_another_case_are_adopted_served_mended_and_written() {
    for kind in [Kind::WithLocation, Kind::Ignorant] {
        let db = divemap(kind, 60).await;
        db.execute(
            "ALTER TABLE diving_centers RENAME COLUMN id TO ID, RENAME COLUMN name TO Name, \
             RENAME COLUMN latitude TO Latitude, RENAME COLUMN longitude TO LONGITUDE, \
             RENAME COLUMN country TO Country, RENAME COLUMN updated_at TO Updated_At, \
             RENAME COLUMN ownership_status TO Ownership_Status",
        )
        .await;
        if kind == Kind::WithLocation {
            db.execute("ALTER TABLE diving_centers RENAME COLUMN location TO Location")
                .await;
        }
        let looked = nearby(&db, &["adopt"]).await;
        looked.assert(1, &[]);
        assert_told(&looked, &["ID int NOT NULL", "Latitude decimal(10,8) NULL"]);
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        assert_sound(&db).await;
        nearby(&db, &["verify"]).await.assert(0, &[]);

        let served = Served::start(&["--database-url", db.url()]);
        let center = json!({"name": "ours", "latitude": 1.5, "longitude": 2.5, "country": "GR"});
        let (status, created) = served.post("/centers", &center).await;
        assert_eq!(status, 201, "{created}");
        db.execute("INSERT INTO diving_centers (Name, Latitude, LONGITUDE, Country) VALUES ('theirs', 1.5, 2.501, 'GR')")
            .await;
        let near = "/nearby?lat=1.5&lng=2.5&radius_km=1&country=GR";
        let (status, found) = served.get(near).await;
        assert_eq!((status, &found["count"]), (200, &json!(2)), "{found}");
        assert_eq!(found["centers"][0]["name"], "ours");
        for path in [
            "/nearest?lat=0&lng=0",
            "/centers?limit=3",
            "/centers/1",
            "/search?q=center",
            "/api/v1/diving-centers/?sort_by=created_at",
            "/api/v1/diving-centers/1",
        ] {
            let (status, body) = served.get(path).await;
            assert_eq!(status, 200, "{path}: {body}");
        }
        drop(served);

        db.execute(
            "DROP TRIGGER diving_centers_location_update; \
             UPDATE diving_centers SET location = ST_SRID(POINT(3, 3), 4326) WHERE id = 2",
        )
        .await;
        nearby(&db, &["verify"]).await.assert(1, &[]);
        nearby(&db, &["backfill"]).await.assert(0, &[]);
        nearby(&db, &["verify"]).await.assert(0, &[]);
        nearby(&db, &["export", "-"]).await.assert(0, &[]);
        nearby(&db, &["adopt", "--undo", "--apply"])
            .await
            .assert(0, &[]);
    }
}
