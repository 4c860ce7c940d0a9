//! Searches and writes on an adopted table, beside its application.

use serde_json::json;

use super::neighbour::{Kind, divemap, nearby};
use crate::api::server::TestServer;
use crate::cli::served::Served;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn both_applications_find_what_the_other_writes() {
    for kind in [Kind::WithLocation, Kind::Ignorant] {
        let db = divemap(kind, 200).await;
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        db.database().migrate_up(None).await.unwrap();
        db.database().ensure_schema(false).await.unwrap();
        let server = TestServer::start(db).await;

        // The other application, which knows no location.
        server
            .db
            .execute("INSERT INTO diving_centers (name, latitude, longitude) VALUES ('theirs', 0.5, 0.5)")
            .await;
        let answer = server
            .post(
                "/centers",
                &json!({"name": "ours", "latitude": 0.5, "longitude": 0.501}),
            )
            .send()
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());

        let found = server.found("/nearby?lat=0.5&lng=0.5&radius_m=500").await;
        let names: Vec<_> = found["centers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].clone())
            .collect();
        assert_eq!(names, ["theirs", "ours"]);
        // A quarter of the rows hold the sentinel, and stand nowhere.
        let at_null = server.found("/nearby?lat=0&lng=0&radius_m=1000").await;
        assert_eq!(at_null["count"], 0);
        let ours = "SELECT COUNT(*) FROM diving_centers WHERE name = 'ours' AND ownership_status = 'unclaimed'";
        assert_eq!(server.db.number(ours).await, 1);
        nearby(&server.db, &["verify"]).await.assert(0, &[]);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whether_a_center_is_claimed_is_said_as_its_application_says_it() {
    let db = divemap(Kind::WithLocation, 20).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    nearby(&db, &["migrate", "up"]).await.assert(0, &[]);
    for (id, status) in [(1, "'claimed'"), (2, "'denied'"), (3, "NULL")] {
        let sql = format!("UPDATE diving_centers SET ownership_status = {status} WHERE id = {id}");
        db.execute(&sql).await;
    }
    let served = Served::start(&["--database-url", db.url()]);
    let (_, list) = served
        .get("/api/v1/diving-centers/?sort_by=created_at&page_size=25")
        .await;
    let items = list["items"].as_array().unwrap();
    for (id, status) in [
        (1, "claimed"),
        (2, "denied"),
        (3, "unclaimed"),
        (4, "unclaimed"),
    ] {
        let path = format!("/api/v1/diving-centers/{id}");
        let (_, whole) = served.get(&path).await;
        assert_eq!(whole["ownership_status"], status);
        let listed = items.iter().find(|item| item["id"] == id).unwrap();
        assert_eq!(listed["ownership_status"], status);
    }
    // Claimed is who has an owner that was approved; of these, only 7 and 14 have one.
    db.execute("UPDATE diving_centers SET ownership_status = 'approved' WHERE id IN (6, 7)")
        .await;
    let (_, list) = served
        .get("/api/v1/diving-centers/?only_claimed=true")
        .await;
    assert_eq!(
        (&list["total"], &list["items"][0]["id"]),
        (&json!(1), &json!(7))
    );
    // Writing a center leaves it as it is.
    let center = json!({"name": "new", "latitude": 1, "longitude": 2});
    let (status, created) = served.post("/centers", &center).await;
    assert_eq!(status, 201, "{created}");
    let claimed = "SELECT COUNT(*) FROM diving_centers WHERE ownership_status = 'claimed'";
    assert_eq!(db.number(claimed).await, 1);
}
