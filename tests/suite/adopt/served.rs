//! Searches and writes on an adopted table, beside its application.

use serde_json::json;

use super::neighbour::{Kind, divemap, nearby};
use crate::api::server::TestServer;

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
