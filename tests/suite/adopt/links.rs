//! The tables of organizations and ratings as another application made them, with
//! foreign keys that hold what they refer to.

use reqwest::Method;
use serde_json::json;

use super::neighbour::{Kind, divemap, nearby};
use crate::api::server::TestServer;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_is_deleted_takes_its_links_along_all_or_nothing() {
    let db = divemap(Kind::WithLocation, 20).await;
    // Divemap's, whose foreign keys cascade nowhere.
    db.execute(
        "CREATE TABLE diving_organizations (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
           name VARCHAR(100) NOT NULL UNIQUE, acronym VARCHAR(20) NOT NULL UNIQUE, \
           website VARCHAR(255), logo_url VARCHAR(500), description TEXT, country VARCHAR(100), \
           founded_year INT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, \
           updated_at DATETIME DEFAULT CURRENT_TIMESTAMP); \
         CREATE TABLE diving_center_organizations (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
           diving_center_id INT NOT NULL, diving_organization_id INT NOT NULL, \
           is_primary BOOLEAN NOT NULL DEFAULT FALSE, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, \
           FOREIGN KEY (diving_center_id) REFERENCES diving_centers (id), \
           FOREIGN KEY (diving_organization_id) REFERENCES diving_organizations (id)); \
         CREATE TABLE center_ratings (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
           diving_center_id INT NOT NULL, user_id INT NOT NULL, score FLOAT NOT NULL, \
           FOREIGN KEY (diving_center_id) REFERENCES diving_centers (id)); \
         INSERT INTO diving_organizations (name, acronym) VALUES ('one', 'o'); \
         INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) \
           VALUES (1, 1), (2, 1), (3, 1); \
         INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES (1, 1, 8), (2, 1, 7); \
         CREATE TABLE center_comments (diving_center_id INT NOT NULL, \
           FOREIGN KEY (diving_center_id) REFERENCES diving_centers (id)); \
         INSERT INTO center_comments VALUES (2)",
    )
    .await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.database().migrate_up(None).await.unwrap();
    let server = TestServer::start(db).await;
    let delete = async |path: &str| {
        let answer = server.request(Method::DELETE, path).key().send().await;
        answer.status
    };
    let links = "SELECT (SELECT COUNT(*) FROM diving_center_organizations) \
                 + 10 * (SELECT COUNT(*) FROM center_ratings)";
    assert_eq!(delete("/centers/1").await, 204);
    assert_eq!(server.db.number(links).await, 12);
    // Somebody has commented on it: its links stay with it.
    assert_eq!(delete("/centers/2").await, 409);
    assert_eq!(server.db.number(links).await, 12);
    assert_eq!(delete("/organizations/1").await, 204);
    assert_eq!(server.db.number(links).await, 10);
    let left = server.found("/centers/3/organizations").await;
    assert_eq!(left["organizations"], json!([]));
}
