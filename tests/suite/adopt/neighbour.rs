//! The other application: its schema, its rows, and what it writes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, MySqlPool};
use tokio::task::JoinHandle;

use crate::cli::process::{Ended, run};
use crate::support::TestDatabase;

/// How many rows a table has: as many as `NEARBY_ADOPT_ROWS` says, or a few.
pub fn rows(few: u32) -> u32 {
    std::env::var("NEARBY_ADOPT_ROWS")
        .ok()
        .map_or(few, |rows| rows.parse().expect("it is a number"))
}

/// Rows up to this id are the writer's to change; all others stay as they are.
pub const WRITERS_OWN: u32 = 100;

/// Whether the application has a location, and writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As Divemap is: the column is NOT NULL, its ORM sets it, its index is lost.
    WithLocation,
    /// It knows latitude and longitude only.
    Ignorant,
    /// As [`Self::Ignorant`], and it inserts without naming columns.
    Positional,
}

/// Divemap's schema on a database of its own, with rows: a quarter of them
/// without coordinates, one in fifty in drift where there is a location.
pub async fn divemap(kind: Kind, rows: u32) -> TestDatabase {
    let db = TestDatabase::mysql_empty().await;
    let location = match kind {
        Kind::WithLocation => "location POINT NOT NULL SRID 4326,",
        Kind::Ignorant | Kind::Positional => "",
    };
    db.execute(
        "CREATE TABLE users (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, username VARCHAR(50) NOT NULL); \
         INSERT INTO users (username) VALUES ('a'), ('b')",
    )
    .await;
    db.execute(&format!(
        "CREATE TABLE diving_centers ( \
           id INT NOT NULL AUTO_INCREMENT, name VARCHAR(255) NOT NULL, description TEXT, \
           email VARCHAR(100), phone VARCHAR(50), website VARCHAR(255), \
           latitude DECIMAL(10,8) NULL, longitude DECIMAL(11,8) NULL, \
           created_at DATETIME DEFAULT CURRENT_TIMESTAMP, \
           updated_at DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, \
           view_count INT NOT NULL DEFAULT 0, owner_id INT NULL, \
           ownership_status ENUM('unclaimed','claimed','approved','denied') DEFAULT 'unclaimed', \
           country VARCHAR(100), region VARCHAR(100), city VARCHAR(100), address TEXT, \
           {location} logo_url VARCHAR(500), \
           PRIMARY KEY (id), KEY (country), FOREIGN KEY (owner_id) REFERENCES users (id))"
    ))
    .await;
    let (column, value) = match kind {
        Kind::WithLocation => (
            ", location",
            ", IF(n % 4 = 0, ST_SRID(POINT(0, 0), 4326), \
               IF(n % 50 = 1, ST_SRID(POINT(1, 1), 4326), ST_SRID(POINT(lng, lat), 4326)))",
        ),
        Kind::Ignorant | Kind::Positional => ("", ""),
    };
    // In one session, as the setting is one of its own.
    db.execute(&format!(
        "SET SESSION cte_max_recursion_depth = 100000000; \
         INSERT INTO diving_centers (name, description, latitude, longitude, owner_id, country, \
                                     created_at, updated_at{column}) \
         WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}), \
              p AS (SELECT n, MOD(n * 7919, 179000) / 1000 - 89.5 AS lat, \
                           MOD(n * 104729, 359000) / 1000 - 179.5 AS lng FROM s) \
         SELECT CONCAT('center ', n), IF(n % 3 = 0, NULL, 'what they wrote'), \
                IF(n % 4 = 0, NULL, lat), IF(n % 4 = 0, NULL, lng), IF(n % 7 = 0, 1, NULL), 'GR', \
                '2020-01-02 03:04:05', '2021-02-03 04:05:06'{value} FROM p"
    ))
    .await;
    db
}

/// A number that changes with anything but the location of the rows that nobody
/// writes.
pub async fn checksum(db: &TestDatabase, rows: u32) -> i64 {
    db.number(&format!(
        "SELECT CAST(COUNT(*) * 31 + SUM(CRC32(CONCAT_WS('|', id, name, COALESCE(description, '-'), \
           COALESCE(email, '-'), COALESCE(phone, '-'), COALESCE(website, '-'), \
           COALESCE(latitude, '-'), COALESCE(longitude, '-'), created_at, updated_at, view_count, \
           COALESCE(owner_id, '-'), ownership_status, country, COALESCE(region, '-'), \
           COALESCE(city, '-'), COALESCE(address, '-'), COALESCE(logo_url, '-')))) AS SIGNED) \
         FROM diving_centers WHERE id > {WRITERS_OWN} AND id <= {rows}"
    ))
    .await
}

/// Runs `nearby` on a database.
pub fn nearby_on(url: &str, args: &[&str]) -> Ended {
    run(&[args, &["--database-url", url]].concat())
}

/// As [`nearby_on`], without holding up whoever writes on the same runtime.
pub async fn nearby(db: &TestDatabase, args: &[&str]) -> Ended {
    let url = db.url().to_owned();
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        nearby_on(&url, &args)
    })
    .await
    .expect("the command ends")
}

/// What a command printed.
pub fn stdout(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.stdout).expect("output is UTF-8")
}

/// What `nearby adopt --json` says.
pub async fn report(db: &TestDatabase) -> Value {
    let ended = nearby(db, &["adopt", "--json"]).await;
    serde_json::from_str(stdout(&ended)).unwrap_or_else(|_| panic!("no JSON: {}", ended.stderr))
}

/// The steps that a report names.
pub fn actions(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().expect("there are steps");
    let names = steps.iter().map(|step| step["action"].as_str());
    names.map(|name| name.expect("a step has a name")).collect()
}

/// Asserts that a command printed these texts.
#[track_caller]
pub fn assert_told(ended: &Ended, texts: &[&str]) {
    let told = stdout(ended);
    for text in texts {
        assert!(told.contains(text), "no `{text}` in {told}");
    }
}

/// Asserts that nothing is left to do and that every row is right.
pub async fn assert_sound(db: &TestDatabase) {
    let adopted = nearby(db, &["adopt"]).await;
    adopted.assert(0, &[]);
    assert_told(&adopted, &["nothing to do"]);
    let verified = nearby(db, &["verify"]).await;
    assert_told(
        &verified,
        &[
            "in drift                        0",
            "location only                   0",
        ],
    );
    let told = stdout(&verified);
    assert!(!told.contains("wrong: diving_centers"), "{told}");
}

/// Asserts that a table is adopted and that, of `rows` with this [`checksum`]
/// before, nothing was lost or overwritten, nor of what its client wrote meanwhile.
pub async fn assert_adopted(db: &TestDatabase, rows: u32, before: i64, written: &Written) {
    assert!(
        written.inserted > 20,
        "the writer ran beside it: {written:?}"
    );
    assert_sound(db).await;
    assert_right_by_plain_sql(db).await;
    let total = db.number("SELECT COUNT(*) FROM diving_centers").await;
    assert_eq!(total, i64::from(rows) + i64::from(written.inserted));
    assert_eq!(
        checksum(db, rows).await,
        before,
        "another column was written"
    );
    written.assert_is_there(db).await;
    let merged_late = "SELECT COUNT(*) FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
         AND INDEX_TYPE = 'SPATIAL' AND INDEX_COMMENT LIKE 'MERGE_THRESHOLD=10,%'";
    assert_eq!(db.number(merged_late).await, 1);
}

/// Asks the server itself, not `nearby`, about every row.
async fn assert_right_by_plain_sql(db: &TestDatabase) {
    for (what, wrong) in [
        (
            "a point that is not at its coordinates",
            "SELECT COUNT(*) FROM diving_centers \
             WHERE latitude IS NOT NULL AND longitude IS NOT NULL \
             AND (ABS(ST_Latitude(location) - latitude) > 1e-9 \
                  OR ABS(ST_Longitude(location) - longitude) > 1e-9)",
        ),
        (
            "a row without coordinates that is not at the sentinel",
            "SELECT COUNT(*) FROM diving_centers \
             WHERE (latitude IS NULL OR longitude IS NULL) \
             AND (ST_Latitude(location) <> 0 OR ST_Longitude(location) <> 0)",
        ),
        (
            "a column that can be NULL or is of another reference system",
            "SELECT 1 - COUNT(*) FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
             AND COLUMN_NAME = 'location' AND DATA_TYPE = 'point' AND IS_NULLABLE = 'NO' \
             AND SRS_ID = 4326",
        ),
        (
            "no spatial index",
            "SELECT 1 - COUNT(*) FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
             AND COLUMN_NAME = 'location' AND INDEX_TYPE = 'SPATIAL' AND IS_VISIBLE = 'YES'",
        ),
        (
            "triggers other than the two",
            "SELECT 2 - COUNT(*) FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'diving_centers'",
        ),
    ] {
        assert_eq!(db.number(wrong).await, 0, "{what}");
    }
}

/// A second client that inserts, moves and counts views all the while.
pub struct Writer {
    over: Arc<AtomicBool>,
    writing: JoinHandle<Written>,
}

/// What it did.
#[derive(Debug, Default)]
pub struct Written {
    pub inserted: u32,
    pub views: u32,
    /// The last latitude of each of its own rows.
    pub moved: std::collections::BTreeMap<u32, f64>,
    pub longest_wait: Duration,
}

impl Writer {
    pub fn start(db: &TestDatabase, kind: Kind) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let pool = db.mysql_pool().clone();
        let writing = tokio::spawn(write(pool, kind, Arc::clone(&over)));
        Self { over, writing }
    }

    /// Ends it; no statement of its may have failed.
    pub async fn stop(self) -> Written {
        self.over.store(true, Ordering::Relaxed);
        self.writing.await.expect("no statement was refused")
    }
}

async fn write(pool: MySqlPool, kind: Kind, over: Arc<AtomicBool>) -> Written {
    let mut written = Written::default();
    let mut turn = 0_u32;
    while !over.load(Ordering::Relaxed) {
        turn += 1;
        let id = turn % WRITERS_OWN + 1;
        let latitude = f64::from(turn % 80) + 0.5;
        let (insert, set) = match kind {
            Kind::WithLocation => (
                format!(
                    "INSERT INTO diving_centers (name, latitude, longitude, location) \
                     VALUES ('written', {latitude}, 7.25, ST_SRID(POINT(7.25, {latitude}), 4326))"
                ),
                format!(", location = ST_SRID(POINT(7.25, {latitude}), 4326)"),
            ),
            Kind::Ignorant => (
                format!(
                    "INSERT INTO diving_centers (name, latitude, longitude) \
                     VALUES ('written', {latitude}, 7.25)"
                ),
                String::new(),
            ),
            Kind::Positional => (
                format!(
                    "INSERT INTO diving_centers VALUES (NULL, 'written', NULL, NULL, NULL, NULL, \
                     {latitude}, 7.25, NOW(), NOW(), 0, NULL, 'claimed', NULL, NULL, NULL, NULL, NULL)"
                ),
                String::new(),
            ),
        };
        for statement in [
            insert,
            format!(
                "UPDATE diving_centers SET latitude = {latitude}, longitude = 7.25{set} WHERE id = {id}"
            ),
            format!("UPDATE diving_centers SET view_count = view_count + 1 WHERE id = {id}"),
        ] {
            let start = Instant::now();
            let done = pool.execute(AssertSqlSafe(statement.clone())).await;
            done.unwrap_or_else(|error| panic!("{statement}: {error}"));
            written.longest_wait = written.longest_wait.max(start.elapsed());
        }
        written.inserted += 1;
        written.views += 1;
        written.moved.insert(id, latitude);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    written
}

impl Written {
    /// Asserts that all of it is in the table.
    pub async fn assert_is_there(&self, db: &TestDatabase) {
        let count = "SELECT COUNT(*) FROM diving_centers WHERE name = 'written'";
        assert_eq!(db.number(count).await, i64::from(self.inserted));
        let views = "SELECT CAST(SUM(view_count) AS SIGNED) FROM diving_centers";
        assert_eq!(db.number(views).await, i64::from(self.views));
        for (id, latitude) in &self.moved {
            let there = format!(
                "SELECT COUNT(*) FROM diving_centers WHERE id = {id} AND latitude = {latitude}"
            );
            assert_eq!(db.number(&there).await, 1, "center {id} at {latitude}");
        }
    }
}
