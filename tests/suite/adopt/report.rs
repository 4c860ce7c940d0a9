//! What a look tells, and that it changes nothing.

use serde_json::Value;

use super::neighbour::{Kind, actions, assert_told, divemap, nearby, report, rows, stdout};
use crate::support::TestDatabase;

async fn objects(db: &TestDatabase) -> i64 {
    db.number(
        "SELECT CAST((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()) \
           + 1000 * (SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()) \
           + 1000000 * (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()) \
           + 1000000000 * (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()) \
         AS SIGNED)",
    )
    .await
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn divemaps_lost_index_is_told_first_and_looking_changes_nothing() {
    let db = divemap(Kind::WithLocation, 1_000).await;
    let before = objects(&db).await;
    let found = nearby(&db, &["adopt"]).await;
    found.assert(1, &[]);
    let text = stdout(&found);
    assert_eq!(
        text.lines().next(),
        Some("diving_centers has no spatial index: every search reads all 1000 rows")
    );
    for line in [
        "table                diving_centers (InnoDB)",
        "key                  id int NOT NULL, index PRIMARY",
        "coordinates          latitude decimal(10,8) NULL, longitude decimal(11,8) NULL",
        "location             location point NOT NULL SRID 4326",
        "spatial index        none",
        "trigger              diving_centers_location_insert: missing",
        "rows                         1000  counted exactly",
        "without coordinates           250",
        "in drift                       20  ids 1, 51, 101",
        "binary logging       on, log_bin_trust_function_creators off",
        "fit for a mirror     yes",
        "(at least 8.0.41, 8.4.4 or 9)",
        "triggers of others   none",
        "grants               ",
        "out of range                    0",
        "other writers of the table WAIT",
        "`nearby adopt --apply` does this",
    ] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
    assert_eq!(objects(&db).await, before);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_report_for_programs_has_it_all() {
    let db = divemap(Kind::WithLocation, 200).await;
    db.execute(
        "UPDATE diving_centers SET latitude = 95 WHERE id = 5; \
         UPDATE diving_centers SET latitude = NULL WHERE id IN (6, 7); \
         CREATE TRIGGER theirs BEFORE INSERT ON diving_centers FOR EACH ROW SET NEW.city = NEW.city",
    )
    .await;
    let report = report(&db).await;
    assert_eq!(report["state"], "to_do");
    assert_eq!(actions(&report), ["make_triggers", "backfill", "add_index"]);
    assert_eq!(report["steps"][2]["locking"], "blocks_writes");
    assert_eq!(report["table"]["spatial_index"], serde_json::Value::Null);
    assert_eq!(report["table"]["other_triggers"][0], "theirs");
    assert_eq!(report["rows"]["total"], 200);
    assert_eq!(report["rows"]["exact"], true);
    assert_eq!(report["rows"]["without_coordinates"], 52);
    assert_eq!(report["rows"]["out_of_range"]["first_ids"][0], 5);
    assert_eq!(report["rows"]["location_only"]["count"], 3);
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("3 rows have a location and no position by their coordinates"),
        "{warnings}"
    );
    assert!(warnings.contains("no point on the globe"), "{warnings}");
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_printed_statements_adopt_the_table_by_themselves() {
    for kind in [Kind::WithLocation, Kind::Ignorant] {
        let db = divemap(kind, 300).await;
        let only_placed = if kind == Kind::WithLocation {
            // Whose location is all that says where they are.
            db.execute(
                "INSERT INTO diving_centers (name, latitude, longitude, location, updated_at) \
                 VALUES ('nothing else', NULL, NULL, ST_SRID(POINT(25, 38), 4326), '2021-02-03 04:05:06'), \
                        ('half of it', 1, NULL, ST_SRID(POINT(25, 38), 4326), '2021-02-03 04:05:06')",
            )
            .await;
            2
        } else {
            0
        };
        let printed = nearby(&db, &["adopt", "--sql"]).await;
        printed.assert(1, &[]);
        for statement in stdout(&printed)
            .lines()
            .filter(|line| !line.starts_with("--"))
        {
            db.execute(statement.trim_end_matches(';')).await;
        }
        nearby(&db, &["adopt"]).await.assert(0, &[]);
        let touched =
            "SELECT COUNT(*) FROM diving_centers WHERE updated_at <> '2021-02-03 04:05:06'";
        assert_eq!(db.number(touched).await, 0);
        let kept = "SELECT COUNT(*) FROM diving_centers \
                    WHERE location = ST_SRID(POINT(25, 38), 4326)";
        assert_eq!(db.number(kept).await, only_placed);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_of_nearby_itself_needs_nothing() {
    let db = TestDatabase::mysql().await;
    let found = nearby(&db, &["adopt"]).await;
    found.assert(0, &[]);
    assert!(stdout(&found).contains("nothing to do"));
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
}

/// Whoever stops an application for it should know for how long.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_time_for_which_writers_wait_is_told_as_it_will_be() {
    let db = divemap(Kind::WithLocation, rows(12_000)).await;
    let looked = nearby(&db, &["adopt", "--json"]).await;
    let report: Value = serde_json::from_slice(&looked.stdout).expect("it is JSON");
    let steps = report["steps"].as_array().expect("there are steps");
    let indexing = steps
        .iter()
        .find(|step| step["action"] == "add_index")
        .unwrap();
    let told = indexing["expected_s"].as_f64().expect("it is told");
    let applied = nearby(&db, &["adopt", "--apply"]).await;
    applied.assert(0, &[]);
    let line = applied
        .stderr
        .lines()
        .find(|line| line.contains("make the spatial index"));
    let took = line.and_then(|line| {
        line.strip_prefix("done in ")?
            .split(' ')
            .next()?
            .parse::<f64>()
            .ok()
    });
    let took = took.expect("it says how long it took");
    println!("told {told:.1} s, took {took:.1} s");
    // Others work on the same machine meanwhile; ten times too short is what is not to be.
    assert!(
        (took / 5.0..took * 5.0).contains(&told),
        "told {told} s, took {took} s"
    );
}

/// Hairs of rounding are not what an operator looks for.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn drift_is_told_by_distance_and_half_a_position_by_its_half() {
    let db = divemap(Kind::WithLocation, 100).await;
    for (id, degrees) in [(2, 1e-9), (3, 4e-9), (5, 1e-6), (6, 1e-4), (7, 1e-2)] {
        db.execute(&format!(
            "UPDATE diving_centers SET location = \
             ST_SRID(POINT(longitude, latitude + {degrees:e}), 4326) WHERE id = {id}"
        ))
        .await;
    }
    db.execute(
        "UPDATE diving_centers SET latitude = 5 WHERE id IN (4, 8); \
         UPDATE diving_centers SET longitude = 5 WHERE id = 12",
    )
    .await;
    let bands = serde_json::json!(
        {"under_1_mm": 2, "under_1_m": 1, "under_100_m": 1, "from_100_m": 3}
    );
    let lines = [
        "in drift                        7",
        "  under 1 mm                    2",
        "  under 1 m                     1",
        "  under 100 m                   1",
        "  100 m or more                 3",
    ];
    let adopted = report(&db).await;
    assert_eq!(adopted["rows"]["drift"]["by_distance"], bands);
    assert_eq!(
        adopted["rows"]["latitude_only"]["first_ids"],
        serde_json::json!([4, 8])
    );
    assert_eq!(
        adopted["rows"]["longitude_only"]["first_ids"],
        serde_json::json!([12])
    );
    let verified = nearby(&db, &["verify", "--format", "json"]).await;
    let verified: Value = serde_json::from_str(stdout(&verified)).expect("it is JSON");
    assert_eq!(verified["drift"]["by_distance"], bands);
    assert_eq!(verified["latitude_only"]["count"], 2);
    let halves = [
        "  latitude only                 2",
        "  longitude only                1",
    ];
    for command in [&["adopt"][..], &["verify"], &["backfill", "--dry-run"]] {
        let told = nearby(&db, command).await;
        assert_told(&told, &lines);
        assert_told(&told, &halves);
    }
}

/// What is missing is said with the statement that mends it, in each form of the report.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whether_the_server_can_be_followed_is_told() {
    let db = divemap(Kind::WithLocation, 10).await;
    let url = db.user_with("ALL").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let what = "this user may not read the binary log";
    let grant = format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%'");
    let told = |more: &[&str]| {
        let args = [&["adopt", "--database-url", &url], more].concat();
        stdout(&crate::cli::process::run(&args)).to_owned()
    };
    let text = told(&[]);
    let line = format!("fit for a mirror     no, because {what}\n                       {grant}");
    assert!(text.contains(&line), "{text}");
    let sql = told(&["--sql"]);
    let line = format!("-- fit for a mirror: no, because {what}\n--   {grant}\n");
    assert!(sql.contains(&line), "{sql}");
    let report: Value = serde_json::from_str(&told(&["--json"])).expect("it is JSON");
    let lack = serde_json::json!({"what": what, "remedy": grant});
    let expected = serde_json::json!({"is_fit": false, "lacks": [lack]});
    assert_eq!(report["mirror"], expected);
    db.execute(&grant).await;
    assert!(told(&[]).contains("fit for a mirror     yes"));
    let report: Value = serde_json::from_str(&told(&["--json"])).expect("it is JSON");
    assert_eq!(report["mirror"]["is_fit"], true);
}
