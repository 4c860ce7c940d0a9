//! The spatial index without stopping writers: a copy takes the table's place.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, MySql, MySqlConnection, MySqlPool, Transaction,
};
use tokio::task::JoinHandle;

use super::neighbour::{
    Kind, Writer, actions, assert_adopted, assert_sound, assert_told, checksum, divemap, nearby,
    nearby_on, rows, stdout,
};
use super::undo::shape;
use crate::cli::process::{self, Ended};
use crate::support::{TestDatabase, holds_once_in_three};

const ONLINE: [&str; 3] = ["adopt", "--apply", "--online"];
/// How long an application waits for a statement before it gives up.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one waits that is busy with other things, where no time is promised.
const AGES: Duration = Duration::from_mins(2);

fn start(db: &TestDatabase) -> Child {
    process::nearby()
        .args([&ONLINE[..], &["--database-url", db.url()]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

async fn ended(child: Child) -> Ended {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    Ended::from(output.await.expect("it ends").expect("it ends"))
}

fn signal(child: &Child, name: &str) {
    let told = std::process::Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(told.expect("kill is there").success());
}

/// Waits until a table is there, of those that an adoption makes beside `diving_centers`.
async fn until_there(db: &TestDatabase, child: &mut Child, suffix: &str) {
    let there = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
         AND TABLE_NAME = 'diving_centers_nearby_{suffix}'"
    );
    while db.number(&there).await == 0 {
        if child.try_wait().expect("it is ours").is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Keeps the copy from taking the table's place until it is rolled back: the copy's foreign
/// key needs an instant of this table.
async fn hold_off_the_swap(db: &TestDatabase) -> Transaction<'static, MySql> {
    let mut open = db.mysql_pool().begin().await.unwrap();
    open.execute("SELECT COUNT(*) FROM users").await.unwrap();
    open
}

/// Waits until rows are being copied.
async fn until_it_copies(db: &TestDatabase, child: &mut Child) {
    until_there(db, child, "shadow").await;
    let copied = "SELECT COUNT(*) FROM diving_centers_nearby_shadow";
    while db.number(copied).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the server has waited for a second, and more, with a statement like this.
async fn until_it_waits_with(db: &TestDatabase, statement: &str) {
    let waiting = format!(
        "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_DB = DATABASE() \
         AND PROCESSLIST_INFO LIKE '{statement}' AND PROCESSLIST_STATE LIKE '%metadata lock'"
    );
    while db.number(&waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn text(db: &TestDatabase, sql: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(db.mysql_pool())
        .await
        .expect("it is one text")
}

/// Every table, foreign key, check, index and trigger of the database by name.
async fn names(db: &TestDatabase) -> String {
    text(
        db,
        "SELECT CAST(GROUP_CONCAT(n ORDER BY n SEPARATOR '\\n') AS CHAR) FROM ( \
           SELECT TABLE_NAME AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
           UNION ALL SELECT CONCAT_WS(' ', TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, \
             DELETE_RULE, UPDATE_RULE) FROM information_schema.REFERENTIAL_CONSTRAINTS \
             WHERE CONSTRAINT_SCHEMA = DATABASE() \
           UNION ALL SELECT CONCAT_WS(' ', TABLE_NAME, CONSTRAINT_NAME) \
             FROM information_schema.TABLE_CONSTRAINTS \
             WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'CHECK' \
           UNION ALL SELECT CONCAT_WS(' ', TABLE_NAME, 'index', INDEX_NAME, COLUMN_NAME) \
             FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND INDEX_TYPE <> 'SPATIAL' \
           UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE()) AS all_names",
    )
    .await
}

/// Tables of the application that refer to the centers.
async fn add_children(db: &TestDatabase) {
    db.execute(
        "CREATE TABLE visits (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, center_id INT NOT NULL, \
           FOREIGN KEY (center_id) REFERENCES diving_centers (id)); \
         CREATE TABLE gear (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, center_id INT NULL, \
           CONSTRAINT gear_of_center FOREIGN KEY (center_id) REFERENCES diving_centers (id) \
             ON DELETE CASCADE ON UPDATE CASCADE); \
         INSERT INTO visits (center_id) SELECT id FROM diving_centers WHERE id <= 50; \
         INSERT INTO gear (center_id) SELECT id FROM diving_centers WHERE id <= 50",
    )
    .await;
}

/// An application that inserts, updates, deletes and gives other keys, some of it in
/// transactions of several statements, and knows what it did.
struct Client {
    over: Arc<AtomicBool>,
    writing: JoinHandle<Wrote>,
}

#[derive(Debug, Default)]
struct Wrote {
    /// Whether it gives rows other keys. Where other tables refer to them, the server may end
    /// that as a deadlock whenever somebody alters the table.
    gives_keys: bool,
    /// The names of its centers by id.
    centers: BTreeMap<i64, String>,
    gone: Vec<i64>,
    visits: u32,
    longest_wait: Duration,
}

impl Client {
    fn start(db: &TestDatabase, name: &'static str, gives_keys: bool) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let pool = db.mysql_pool().clone();
        let writing = tokio::spawn(Wrote::until(Arc::clone(&over), pool, name, gives_keys));
        Self { over, writing }
    }

    async fn stop(self) -> Wrote {
        self.over.store(true, Ordering::Relaxed);
        self.writing.await.expect("no statement failed")
    }
}

impl Wrote {
    async fn until(
        over: Arc<AtomicBool>,
        pool: MySqlPool,
        name: &'static str,
        gives_keys: bool,
    ) -> Self {
        let mut wrote = Self {
            gives_keys,
            ..Self::default()
        };
        let mut connection = pool.acquire().await.expect("there is one");
        let mut turn = 0_u32;
        while !over.load(Ordering::Relaxed) {
            turn += 1;
            wrote.take_turn(&mut connection, name, turn).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        wrote
    }

    /// Runs a statement, and gives the id of what it inserted.
    async fn run(&mut self, connection: &mut MySqlConnection, sql: String) -> i64 {
        let begun = Instant::now();
        let running = connection.execute(AssertSqlSafe(sql.clone()));
        let done = tokio::time::timeout(AGES, running).await;
        let done = done.unwrap_or_else(|_| panic!("{sql}: waited for ages"));
        self.longest_wait = self.longest_wait.max(begun.elapsed());
        let done = done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        i64::try_from(done.last_insert_id()).expect("ids are small")
    }

    async fn take_turn(&mut self, connection: &mut MySqlConnection, name: &str, turn: u32) {
        let called = format!("{name} {turn}");
        let latitude = f64::from(turn % 80) + 0.25;
        let insert = format!(
            "INSERT INTO diving_centers (name, latitude, longitude, location) \
             VALUES ('{called}', {latitude}, 3.5, ST_SRID(POINT(3.5, {latitude}), 4326))"
        );
        let id = self.run(connection, insert).await;
        self.centers.insert(id, called.clone());
        if turn.is_multiple_of(3) {
            // The center is new: its foreign key must already be about the table as it is.
            for child in ["visits", "gear"] {
                let insert = format!("INSERT INTO {child} (center_id) VALUES ({id})");
                self.run(connection, insert).await;
            }
            self.visits += 1;
            return;
        }
        if turn % 3 == 1 {
            self.run(connection, "BEGIN".to_owned()).await;
            let mut newest: Vec<i64> = self.centers.keys().rev().take(3).copied().collect();
            // As locations are written: whoever goes the other way may be ended as a deadlock.
            newest.sort_unstable();
            for id in newest {
                let called = format!("{called} again {id}");
                let update = format!("UPDATE diving_centers SET name = '{called}' WHERE id = {id}");
                self.run(connection, update).await;
                self.centers.insert(id, called);
            }
            self.run(connection, "COMMIT".to_owned()).await;
            return;
        }
        if self.gives_keys && turn.is_multiple_of(2) {
            let other = -id;
            let change = format!("UPDATE diving_centers SET id = {other} WHERE id = {id}");
            self.run(connection, change).await;
            self.centers.remove(&id);
            self.centers.insert(other, called);
        } else {
            let delete = format!("DELETE FROM diving_centers WHERE id = {id}");
            self.run(connection, delete).await;
            self.centers.remove(&id);
        }
        self.gone.push(id);
    }

    async fn assert_is_there(&self, db: &TestDatabase) {
        for (id, name) in &self.centers {
            let found = format!(
                "SELECT CAST(COALESCE(MAX(name), 'none') AS CHAR) FROM diving_centers WHERE id = {id}"
            );
            assert_eq!(&text(db, &found).await, name, "center {id}");
        }
        for id in &self.gone {
            let found = format!("SELECT COUNT(*) FROM diving_centers WHERE id = {id}");
            assert_eq!(db.number(&found).await, 0, "center {id} is back");
        }
    }
}

/// With `NEARBY_ADOPT_ROWS` and `--nocapture`, the figures of `docs/ADOPTING.md`.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn two_writers_with_a_read_timeout_of_two_seconds_go_on_and_lose_nothing() {
    holds_once_in_three(async || {
        let longest = longest_wait_of_two_writers().await;
        if longest < READ_TIMEOUT {
            Ok(())
        } else {
            Err(format!("a statement took {longest:?}"))
        }
    })
    .await;
}

async fn longest_wait_of_two_writers() -> Duration {
    let rows = rows(4_000);
    let db = divemap(Kind::WithLocation, rows).await;
    add_children(&db).await;
    // The last id is used up although its row is gone.
    db.execute("INSERT INTO diving_centers (id, name, location) VALUES (900000, 'x', ST_SRID(POINT(0, 0), 4326)); \
                DELETE FROM diving_centers WHERE id = 900000")
        .await;
    // Nothing is left to backfill, which locks rows chunk by chunk and may be what ends a
    // client that gives other keys.
    db.execute(
        "UPDATE diving_centers SET location = IF(latitude IS NULL OR longitude IS NULL, \
           ST_SRID(POINT(0, 0), 4326), ST_SRID(POINT(longitude, latitude), 4326))",
    )
    .await;
    let before = names(&db).await;
    let clients = [
        Client::start(&db, "one", false),
        Client::start(&db, "two", false),
    ];
    let began = Instant::now();
    let applied = nearby(&db, &ONLINE).await;
    let took = began.elapsed();
    applied.assert(0, &["done in"]);
    assert_told(&applied, &["diving_centers is adopted"]);
    let mut centers = 0;
    let mut longest = Duration::ZERO;
    for client in clients {
        let wrote = client.stop().await;
        assert!(wrote.centers.len() > 20, "{wrote:?}");
        wrote.assert_is_there(&db).await;
        assert!(wrote.centers.keys().all(|id| id.abs() > 900_000));
        centers += wrote.centers.len();
        longest = longest.max(wrote.longest_wait);
    }
    println!(
        "{rows} rows: {took:.1?}, longest wait {longest:.2?}, {centers} centers written\n{}",
        applied.stderr
    );
    let total = db.number("SELECT COUNT(*) FROM diving_centers").await;
    assert_eq!(total, i64::from(rows) + i64::try_from(centers).unwrap());
    // Every key has its name and refers to the table again; of triggers ours were added.
    let ours = "diving_centers_location_insert\ndiving_centers_location_update\n";
    assert_eq!(names(&db).await.replace(ours, ""), before);
    for (child, refused) in [
        ("INSERT INTO visits (center_id) VALUES (4000000)", true),
        ("DELETE FROM diving_centers WHERE id = 1", true),
        ("DELETE FROM visits WHERE center_id = 1", false),
        ("DELETE FROM diving_centers WHERE id = 1", false),
    ] {
        assert_eq!(db.try_execute(child).await.is_err(), refused, "{child}");
    }
    let gear = "SELECT COUNT(*) FROM gear WHERE center_id = 1";
    assert_eq!(db.number(gear).await, 0);
    assert_sound(&db).await;
    longest
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_without_a_location_is_adopted_online_beside_its_writer() {
    let rows = rows(2_000);
    let db = divemap(Kind::Positional, rows).await;
    let before = checksum(&db, rows).await;
    let writer = Writer::start(&db, Kind::Positional);
    nearby(&db, &ONLINE).await.assert(0, &[]);
    let written = writer.stop().await;
    assert_adopted(&db, rows, before, &written).await;
}

/// Killed at moments of all kinds, the last of them right after the tables changed places.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_online_adoption_that_is_killed_again_and_again_is_finished_by_the_next() {
    let rows = rows(2_000);
    let db = divemap(Kind::WithLocation, rows).await;
    add_children(&db).await;
    let before = checksum(&db, rows).await;
    let before_names = names(&db).await;
    let writer = Writer::start(&db, Kind::WithLocation);
    for suffix in ["changes", "shadow", "shadow", "shadow", "shadow", "old"] {
        let mut child = start(&db);
        until_there(&db, &mut child, suffix).await;
        if suffix == "shadow" {
            let longer = rand::random_range(0..1_500);
            tokio::time::sleep(Duration::from_millis(longer)).await;
        }
        let _ = child.kill();
        ended(child).await;
        // Whole at every moment.
        let there = db.number("SELECT COUNT(*) FROM diving_centers").await;
        assert!(there >= i64::from(rows), "{there}");
    }
    loop {
        let last = nearby(&db, &ONLINE).await;
        if !last.stderr.contains("another `nearby adopt --apply`") {
            last.assert(0, &[]);
            break;
        }
    }
    let written = writer.stop().await;
    let ours = "diving_centers_location_insert\ndiving_centers_location_update\n";
    assert_eq!(names(&db).await.replace(ours, ""), before_names);
    assert_adopted(&db, rows, before, &written).await;
}

/// Kills an online adoption before the copy takes the table's place.
async fn kill_while_it_copies(db: &TestDatabase) {
    let copying = hold_off_the_swap(db).await;
    let mut child = start(db);
    until_it_copies(db, &mut child).await;
    signal(&child, "-KILL");
    ended(child).await;
    copying.rollback().await.unwrap();
}

/// Both kinds are of the table as it will be without what is left.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_is_in_the_way_is_told_before_what_a_killed_run_left_is_taken_away() {
    for (made, told, args) in [
        (
            "ALTER TABLE diving_centers MODIFY latitude VARCHAR(20) NULL",
            "no number of degrees",
            &["adopt"][..],
        ),
        (
            "ALTER TABLE diving_centers ADD CONSTRAINT cheap CHECK (view_count < 1000000)",
            "has checks with names of their own (cheap)",
            &["adopt", "--online"],
        ),
    ] {
        let db = divemap(Kind::WithLocation, 3_000).await;
        kill_while_it_copies(&db).await;
        db.execute(made).await;
        let looked = nearby(&db, args).await;
        looked.assert(2, &[]);
        let left = " 1. take away the copy that an adoption with --online left";
        assert_told(
            &looked,
            &["in the way: ", told, left, "--apply` does step 1"],
        );
        let obstacles = stdout(&looked).matches("in the way: ").count();
        assert_eq!(obstacles, 1, "{}", stdout(&looked));
        assert!(
            names(&db).await.contains("_nearby_"),
            "a look changes nothing"
        );
        // What is left goes, as every write is noted in it, and the obstacle stays.
        let apply = [args, &["--apply"]].concat();
        loop {
            let applied = nearby(&db, &apply).await;
            if !applied.stderr.contains("another `nearby adopt --apply`") {
                applied.assert(2, &[]);
                assert_told(&applied, &["in the way: ", told]);
                break;
            }
        }
        assert!(!names(&db).await.contains("_nearby_"));
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_a_killed_run_left_is_told_and_taken_away_without_online_too() {
    let db = divemap(Kind::WithLocation, 3_000).await;
    kill_while_it_copies(&db).await;
    let looked = nearby(&db, &["adopt"]).await;
    looked.assert(1, &[]);
    assert_told(
        &looked,
        &[
            " 1. take away the copy that an adoption with --online left",
            " make the spatial index",
            "WAIT",
        ],
    );
    let online = nearby(&db, &["adopt", "--online"]).await;
    online.assert(1, &[]);
    assert_told(
        &online,
        &[
            " 1. take away the copy that an adoption with --online left",
            "put a copy in the table's place that has the spatial index",
        ],
    );
    loop {
        let applied = nearby(&db, &["adopt", "--apply"]).await;
        if !applied.stderr.contains("another `nearby adopt --apply`") {
            applied.assert(0, &[]);
            break;
        }
    }
    assert!(!names(&db).await.contains("_nearby_"));
    assert_sound(&db).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn undoing_takes_away_what_a_killed_run_left_as_well() {
    for moment in ["shadow", "old"] {
        for by_sql in [false, true] {
            let db = divemap(Kind::Ignorant, 3_000).await;
            let before = shape(&db).await;
            if moment == "shadow" {
                kill_while_it_copies(&db).await;
            } else {
                let mut child = start(&db);
                until_there(&db, &mut child, moment).await;
                signal(&child, "-KILL");
                ended(child).await;
            }
            // One that came to its end all the same is undone like any other.
            if names(&db).await.contains("_nearby_") {
                let plan = nearby(&db, &["adopt", "--undo"]).await;
                plan.assert(1, &[]);
                assert_told(&plan, &["an adoption with --online"]);
                let looked = nearby(&db, &["adopt"]).await;
                assert!(!stdout(&looked).contains("_nearby_note_"), "{looked:?}");
            } else {
                assert_eq!(moment, "old");
            }
            if by_sql {
                let printed = nearby(&db, &["adopt", "--undo", "--sql"]).await;
                db.execute(stdout(&printed)).await;
            }
            loop {
                let undone = nearby(&db, &["adopt", "--undo", "--apply"]).await;
                if !undone.stderr.contains("another `nearby adopt --apply`") {
                    undone.assert(0, &[]);
                    assert_told(&undone, &["nothing of adopting is left to undo"]);
                    break;
                }
            }
            assert_eq!(shape(&db).await, before, "{moment}, {by_sql}");
        }
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_online_adoption_that_is_told_to_stop_leaves_nothing() {
    let db = divemap(Kind::WithLocation, 5_000).await;
    let copying = hold_off_the_swap(&db).await;
    let mut child = start(&db);
    until_it_copies(&db, &mut child).await;
    signal(&child, "-TERM");
    ended(child).await.assert(1, &["stopped"]);
    copying.rollback().await.unwrap();
    assert!(!names(&db).await.contains("_nearby_"));
}

/// Notes that are not committed are waited for by nobody, and what they are about arrives.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_transaction_that_stays_open_neither_stops_others_nor_loses_its_rows() {
    let db = divemap(Kind::WithLocation, 2_000).await;
    let client = Client::start_without_children(&db).await;
    let copying = hold_off_the_swap(&db).await;
    let mut child = start(&db);
    until_it_copies(&db, &mut child).await;
    let mut holding = MySqlConnection::connect(db.url()).await.unwrap();
    let mut open = holding.begin().await.unwrap();
    for statement in [
        "UPDATE diving_centers SET name = 'held' WHERE id = 3",
        "DELETE FROM diving_centers WHERE id = 5",
        "UPDATE diving_centers SET id = 5 WHERE id = 6",
    ] {
        open.execute(statement).await.unwrap();
    }
    copying.rollback().await.unwrap();
    until_it_waits_with(&db, "LOCK TABLES%").await;
    assert!(
        child.try_wait().unwrap().is_none(),
        "it does not swap meanwhile"
    );
    open.commit().await.unwrap();
    ended(child)
        .await
        .assert(0, &["others use the table; trying again in a moment"]);
    let wrote = client.stop().await;
    wrote.assert_is_there(&db).await;
    let held = "SELECT COUNT(*) FROM diving_centers WHERE id = 3 AND name = 'held' \
                OR id = 5 AND name = 'center 6'";
    assert_eq!(db.number(held).await, 2);
    let gone = "SELECT COUNT(*) FROM diving_centers WHERE id = 6";
    assert_eq!(db.number(gone).await, 0);
    assert_sound(&db).await;
}

/// Its foreign key needs an instant of the table that it refers to as well.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_transaction_on_a_table_that_the_centers_refer_to_puts_it_off() {
    let db = divemap(Kind::WithLocation, 500).await;
    let client = Client::start_without_children(&db).await;
    let mut holding = MySqlConnection::connect(db.url()).await.unwrap();
    let mut open = holding.begin().await.unwrap();
    open.execute("SELECT COUNT(*) FROM users").await.unwrap();
    let mut child = start(&db);
    until_it_waits_with(&db, "ALTER TABLE%ADD CONSTRAINT%").await;
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    // Nobody is refused what the table's own foreign key allows.
    db.execute(
        "INSERT INTO users (id, username) VALUES (9, 'c'); \
                UPDATE diving_centers SET owner_id = 9 WHERE id = 1; \
                UPDATE diving_centers SET owner_id = NULL WHERE id = 1; \
                DELETE FROM users WHERE id = 9",
    )
    .await;
    open.commit().await.unwrap();
    ended(child)
        .await
        .assert(0, &["others use the table; trying again in a moment"]);
    client.stop().await.assert_is_there(&db).await;
    assert_sound(&db).await;
}

impl Client {
    /// Starts one where other tables hold nothing.
    async fn start_without_children(db: &TestDatabase) -> Self {
        db.execute("CREATE TABLE visits (center_id INT); CREATE TABLE gear (center_id INT)")
            .await;
        Self::start(db, "one", true)
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_changes_in_ways_no_trigger_sees_is_left_as_it_is() {
    for (meanwhile, told) in [
        (
            "ALTER TABLE diving_centers ADD COLUMN late INT NULL, ALGORITHM=INSTANT",
            "the table was altered or emptied",
        ),
        (
            "DROP TRIGGER diving_centers_nearby_note_update; \
             UPDATE diving_centers SET name = 'unseen' WHERE id = 1; \
             CREATE TRIGGER diving_centers_nearby_note_update AFTER UPDATE ON diving_centers \
             FOR EACH ROW SET @nothing = 1",
            "rows of the table the copy has",
        ),
    ] {
        let db = divemap(Kind::WithLocation, 4_000).await;
        let copying = hold_off_the_swap(&db).await;
        let mut child = start(&db);
        until_it_copies(&db, &mut child).await;
        db.execute(meanwhile).await;
        copying.rollback().await.unwrap();
        ended(child).await.assert(2, &[told]);
        assert!(!names(&db).await.contains("_nearby_"));
        nearby(&db, &ONLINE).await.assert(0, &[]);
        assert_sound(&db).await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_a_copy_cannot_replace_is_refused_with_the_reason_and_a_way_out() {
    for (made, told) in [
        (
            "CREATE TRIGGER theirs BEFORE INSERT ON diving_centers FOR EACH ROW SET NEW.city = 'x'",
            "has triggers of its own (theirs)",
        ),
        (
            "ALTER TABLE diving_centers ADD CONSTRAINT cheap CHECK (view_count < 1000000)",
            "has checks with names of their own (cheap)",
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN parent INT NULL, \
             ADD CONSTRAINT parent_of FOREIGN KEY (parent) REFERENCES diving_centers (id)",
            "refers to itself by the foreign key parent_of",
        ),
        (
            "ALTER TABLE diving_centers DROP FOREIGN KEY diving_centers_ibfk_1, \
             ADD CONSTRAINT owned FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE SET NULL",
            "the foreign key owned changes rows of diving_centers together with rows of users",
        ),
        (
            "CREATE TABLE diving_centers_nearby_old (a INT)",
            "there is a table diving_centers_nearby_old already",
        ),
    ] {
        let db = divemap(Kind::WithLocation, 20).await;
        db.execute(made).await;
        let before = names(&db).await;
        for args in [&["adopt", "--online"][..], &ONLINE] {
            let refused = nearby(&db, args).await;
            refused.assert(2, &[]);
            assert_told(&refused, &[told, "adopt it without --online"]);
        }
        assert_eq!(names(&db).await, before);
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_rights_that_online_needs_are_named_and_enough() {
    let db = divemap(Kind::WithLocation, 200).await;
    add_children(&db).await;
    let few = db
        .user_with("SELECT, INSERT, UPDATE, ALTER, CREATE, TRIGGER")
        .await;
    let name = text(&db, "SELECT CAST(DATABASE() AS CHAR)").await;
    // Whoever has it may make triggers, whatever the server's setting.
    db.execute(&format!("GRANT SUPER ON *.* TO `{name}`")).await;
    let as_user = async || {
        let user = few.clone();
        let applied = tokio::task::spawn_blocking(move || nearby_on(&user, &ONLINE));
        applied.await.expect("the command ends")
    };
    let refused = as_user().await;
    refused.assert(2, &[]);
    assert_told(
        &refused,
        &[
            "lacks DELETE, DROP, LOCK TABLES, REFERENCES on the database",
            "GRANT DELETE, DROP, LOCK TABLES, REFERENCES ON `",
        ],
    );
    db.execute(&format!(
        "GRANT DELETE, DROP, LOCK TABLES, REFERENCES ON `{name}`.* TO `{name}`"
    ))
    .await;
    as_user().await.assert(0, &[]);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_plan_says_what_online_does_and_that_nobody_waits() {
    let db = divemap(Kind::WithLocation, 2_500).await;
    let plan = nearby(&db, &["adopt", "--online"]).await;
    plan.assert(1, &[]);
    assert_told(
        &plan,
        &[
            "put a copy in the table's place that has the spatial index idx_diving_centers_location",
            "others read and write meanwhile",
            "1 MB more on disk",
            "`nearby adopt --online --apply` does this",
        ],
    );
    assert!(!stdout(&plan).contains("WAIT"), "{}", stdout(&plan));
    let json = nearby(&db, &["adopt", "--online", "--json"]).await;
    let json = serde_json::from_str(stdout(&json)).expect("it is JSON");
    assert_eq!(actions(&json).last(), Some(&"rebuild_online"));
    let sql = nearby(&db, &["adopt", "--online", "--sql"]).await;
    assert_told(
        &sql,
        &[
            "-- put a copy in the table's place",
            "no statement does this",
        ],
    );
}
