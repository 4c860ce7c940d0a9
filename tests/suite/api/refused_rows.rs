//! Rows that the table does not take, by rules that its owner gave it.

use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::TestDatabase;

async fn ruled_mysql() -> TestServer {
    let db = TestDatabase::mysql().await;
    db.execute(
        "CREATE TABLE countries (code VARCHAR(100) PRIMARY KEY);
         INSERT INTO countries VALUES ('GR');
         ALTER TABLE diving_centers
             MODIFY city VARCHAR(5),
             MODIFY region ENUM('North', 'South'),
             MODIFY phone VARCHAR(50) CHARACTER SET latin1,
             MODIFY email VARCHAR(100) NOT NULL DEFAULT 'none',
             ADD UNIQUE (website),
             ADD CONSTRAINT not_nowhere CHECK (address <> 'nowhere'),
             ADD CONSTRAINT told_apart CHECK (name <> logo_url),
             ADD UNIQUE once (name, region),
             ADD FOREIGN KEY (country) REFERENCES countries (code);
         CREATE TRIGGER theirs BEFORE INSERT ON diving_centers FOR EACH ROW PRECEDES
             diving_centers_location_insert
             BEGIN IF NEW.description = 'spam' THEN
                 SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the secret rule'; END IF; END",
    )
    .await;
    TestServer::start(db).await
}

fn with(field: &str, value: &str) -> Value {
    let mut body = center("c", 1.0, 1.0);
    body["email"] = json!("a@b");
    body[field] = json!(value);
    body
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_that_the_table_refuses_is_answered_with_field_and_rule() {
    let server = ruled_mysql().await;
    let taken = server
        .post("/centers", &with("website", "taken"))
        .send()
        .await;
    let id = taken.json()["id"].clone();
    for (field, value, status, code) in [
        ("city", "longer", 422, "row_refused"),
        ("region", "West", 422, "row_refused"),
        ("phone", "🤿", 422, "row_refused"),
        ("country", "XX", 409, "row_conflict"),
        ("website", "taken", 409, "row_conflict"),
        ("address", "nowhere", 422, "row_refused"),
        ("description", "spam", 422, "row_refused"),
    ] {
        let refused = server.post("/centers", &with(field, value)).send().await;
        let problem = refused.problem(status, code);
        assert!(!problem.to_string().contains("secret"), "{problem}");
        // A trigger's rule is its own.
        if field != "description" {
            assert_eq!(problem["parameter"], field, "{problem}");
        }
        if field == "address" {
            let detail = problem["detail"].as_str().expect("it has one");
            assert!(detail.contains("`not_nowhere`"), "{problem}");
        }
        let batch = json!({"centers": [center("first", 2.0, 2.0), with(field, value)]});
        let mut first = batch;
        first["centers"][0]["email"] = json!("a@b");
        let refused = server.post("/centers/batch", &first).send().await;
        let problem = refused.problem(status, code);
        let parameter = problem["parameter"].as_str().unwrap_or_default();
        assert!(parameter.starts_with("centers[1]"), "{problem}");
    }
    let path = format!("/centers/{id}");
    server
        .post("/centers", &with("region", "North"))
        .send()
        .await
        .json();
    for (body, status, code, fields) in [
        (
            json!({"logo_url": "c"}),
            422,
            "row_refused",
            "(`told_apart`), in `name`, `logo_url`",
        ),
        (
            json!({"region": "North"}),
            409,
            "row_conflict",
            "(`once`), in `name`, `region`",
        ),
    ] {
        let refused = server
            .request(reqwest::Method::PATCH, &path)
            .key()
            .merge_patch(&body)
            .send()
            .await;
        let problem = refused.problem(status, code);
        let detail = problem["detail"].as_str().expect("it has one");
        assert!(detail.contains(fields), "{problem}");
    }
    let refused = server
        .request(reqwest::Method::PUT, &path)
        .key()
        .json(&with("city", "longer"))
        .send()
        .await;
    refused.problem(422, "row_refused");
    let refused = server
        .request(reqwest::Method::PATCH, &path)
        .key()
        .merge_patch(&json!({"country": "XX"}))
        .send()
        .await;
    refused.problem(409, "row_conflict");
    let rows = "SELECT COUNT(*) FROM diving_centers";
    assert_eq!(server.db.number(rows).await, 2, "nothing was written");
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_numbers_no_rows_says_what_it_lacks() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    server
        .db
        .execute(
            "DROP TABLE IF EXISTS diving_center_organizations, center_ratings;
             ALTER TABLE diving_centers MODIFY id BIGINT NOT NULL",
        )
        .await;
    let refused = server.post("/centers", &center("c", 1.0, 1.0)).send().await;
    let problem = refused.problem(422, "row_refused");
    assert_eq!(problem["parameter"], "id", "{problem}");
}

#[tokio::test]
async fn a_file_with_rules_of_its_own_answers_the_same() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    server
        .db
        .execute(
            "CREATE UNIQUE INDEX one_website ON diving_centers (website);
             CREATE TRIGGER theirs BEFORE INSERT ON diving_centers WHEN NEW.address = 'nowhere'
                 BEGIN SELECT RAISE(ABORT, 'the secret rule'); END",
        )
        .await;
    server
        .post("/centers", &with("website", "taken"))
        .send()
        .await
        .json();
    for (field, value, status, code) in [
        ("website", "taken", 409, "row_conflict"),
        ("address", "nowhere", 422, "row_refused"),
    ] {
        let refused = server.post("/centers", &with(field, value)).send().await;
        let problem = refused.problem(status, code);
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    assert_eq!(
        server
            .db
            .number("SELECT COUNT(*) FROM diving_centers")
            .await,
        1
    );
}
