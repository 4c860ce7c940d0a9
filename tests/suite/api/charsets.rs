//! Filters and texts that a column's character set does not have.

use serde_json::json;

use crate::cli::served::Served;
use crate::support::TestDatabase;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_value_that_a_column_cannot_hold_matches_nothing() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "ALTER TABLE diving_centers
             MODIFY name VARCHAR(255) CHARACTER SET utf8mb3 NOT NULL,
             MODIFY country VARCHAR(100) CHARACTER SET latin1,
             MODIFY region VARCHAR(100) CHARACTER SET ascii,
             MODIFY city VARCHAR(100) CHARACTER SET gbk;
         INSERT INTO diving_centers (name, latitude, longitude, country, region, city, location)
             VALUES ('Cafe\u{301} bleu', 1, 1, 'Gr\u{e8}ce', 'North', '\u{5317}\u{4eac}',
                     ST_SRID(POINT(1, 1), 4326)),
                    ('other', 1, 1, '?', '?', '?', ST_SRID(POINT(1, 1), 4326))",
    )
    .await;
    let served = Served::start(&["--database-url", db.url()]);
    for (field, there) in [
        ("country", "Gr\u{e8}ce"),
        ("region", "North"),
        ("city", "\u{5317}\u{4eac}"),
    ] {
        for place in ["/nearby?lat=1&lng=1&", "/nearest?lat=1&lng=1&", "/centers?"] {
            for (value, count) in [("\u{1f93f}", 0), (there, 1)] {
                let path = format!("{place}{field}={}", encoded(value));
                let (status, found) = served.get(&path).await;
                assert_eq!(
                    (status, &found["count"]),
                    (200, &json!(count)),
                    "{path}: {found}"
                );
            }
            // What cannot be there does not hide what is.
            let path = format!(
                "{place}{field}={}&{field}={}",
                encoded("\u{1f93f}"),
                encoded(there)
            );
            let (status, found) = served.get(&path).await;
            assert_eq!(
                (status, &found["count"]),
                (200, &json!(1)),
                "{path}: {found}"
            );
        }
    }
    for path in [
        "/search?q=",
        "/api/v1/diving-centers/search?q=",
        "/api/v1/diving-centers/?search=",
    ] {
        let (status, found) = served
            .get(&format!("{path}{}", encoded("\u{1f93f}\u{1f93f}")))
            .await;
        assert_eq!(status, 200, "{path}: {found}");
    }
    let organization = format!("/nearby?lat=1&lng=1&organization={}", encoded("\u{1f93f}"));
    let (status, found) = served.get(&organization).await;
    assert_eq!((status, &found["count"]), (200, &json!(0)), "{found}");
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
