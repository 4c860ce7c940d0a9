//! Imports of rows without ids that are stopped and run again: no row twice, none lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::process::{Ended, nearby, run, run_with_input};
use crate::support::{Commit, Cut, Meddler, Meddling, TestDatabase, on_both_stores, through_cut};

const CENTERS: &str = "SELECT COUNT(*) FROM diving_centers";
const JOURNALS: &str = "SELECT COUNT(*) FROM import_journal";

/// A file of so many rows without ids, each with a name of its own.
struct Rows {
    folder: TempDir,
    name: &'static str,
}

impl Rows {
    fn new(name: &'static str, content: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rows = Self { folder, name };
        fs::write(rows.path(), content).unwrap();
        rows
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    fn args<'a>(path: &'a Path, db: &'a TestDatabase, more: &[&'a str]) -> Vec<&'a str> {
        let given = ["import", path.to_str().unwrap(), "--batch-size", "50"];
        [&given[..], &["--database-url", db.url()], more].concat()
    }

    fn import(&self, db: &TestDatabase, more: &[&str]) -> Ended {
        run(&Self::args(&self.path(), db, more))
    }

    fn start(&self, db: &TestDatabase, more: &[&str]) -> Child {
        let nearby = nearby();
        // Behind whoever is to kill it, however busy the machine is.
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(nearby.get_program());
        for (name, _) in nearby.get_envs() {
            nice.env_remove(name);
        }
        nice.args(Self::args(&self.path(), db, more))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Kills an import with SIGKILL once it has written so many rows more; gives how
    /// many rows there are then.
    async fn kill_after(&self, db: &TestDatabase, rows: i64, more: &[&str]) -> i64 {
        let before = db.number(CENTERS).await;
        let mut child = self.start(db, more);
        let began = Instant::now();
        while db.number(CENTERS).await < before + rows {
            assert!(began.elapsed() < Duration::from_mins(1), "no rows arrive");
            if child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Anywhere in a batch.
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..20_000))).await;
        let _ = child.kill();
        child.wait().unwrap();
        db.number(CENTERS).await
    }
}

fn csv(count: u32) -> String {
    let rows = (0..count).map(|n| format!("center {n},{}.5,{}\n", n % 80, n % 170));
    format!("name,latitude,longitude\n{}", rows.collect::<String>())
}

async fn assert_each_once(db: &TestDatabase, count: i64) {
    assert_eq!(db.number(CENTERS).await, count);
    let names = "SELECT COUNT(DISTINCT name) FROM diving_centers";
    assert_eq!(db.number(names).await, count);
    assert_eq!(
        db.number(JOURNALS).await,
        0,
        "a finished import keeps no journal"
    );
}

on_both_stores! {
    async fn an_import_that_is_killed_again_and_again_makes_every_row_once(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(6_000).as_bytes());
        let mut written = 0;
        for _ in 0..6 {
            // A busy machine kills late: leave rows for one more run.
            if written >= 3_000 {
                break;
            }
            let now = rows.kill_after(&db, rand::random_range(0..900), &[]).await;
            assert!(now >= written, "{now} after {written}");
            written = now;
        }
        assert!((1..6_000).contains(&written), "it was killed midway: {written}");
        let ended = rows.import(&db, &[]);
        ended.assert(0, &[
            &format!("continuing after record {written} of an import that was stopped at 20"),
            &format!("6000 rows read: {} inserted", 6_000 - written),
            &format!("{written} written before"),
        ]);
        assert_each_once(&db, 6_000).await;

        // On purpose.
        rows.import(&db, &[]).assert(0, &["6000 inserted"]);
        assert_eq!(db.number(CENTERS).await, 12_000);
    }

    async fn a_dry_run_says_what_a_stopped_import_has_left(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(3_000).as_bytes());
        let written = rows.kill_after(&db, 500, &[]).await;
        let tables = "SELECT COUNT(*) * 10000 + MAX(records) FROM import_journal";
        let noted = db.number(tables).await;
        for _ in 0..2 {
            rows.import(&db, &["--dry-run"]).assert(0, &[
                &format!("dry run: the import would go on after record {written} of one that was stopped at 20"),
                "3000 rows read",
                &format!("{written} rows are written already"),
                &format!("{} rows would be written: 0 inserted or updated by id", 3_000 - written),
            ]);
        }
        assert_eq!((db.number(CENTERS).await, db.number(tables).await), (written, noted));
        // As the import itself would.
        rows.import(&db, &["--dry-run", "--encoding", "windows-1252"]).assert(2, &["have changed", "--from-line"]);
        let again = rows.import(&db, &["--dry-run", "--from-line", "1"]);
        again.assert(0, &["3000 rows would be written"]);
        assert!(!again.stderr.contains("written already"), "{}", again.stderr);
        rows.import(&db, &[]).assert(0, &["continuing after record"]);
        rows.import(&db, &["--dry-run"]).assert(0, &["3000 rows would be written"]);
    }

    async fn a_stopped_import_of_a_zipped_file_and_of_features_on_one_line_is_continued(db: TestDatabase) {
        let features = (0..3_000).map(|n| format!(
            r#"{{"type":"Feature","properties":{{"name":"center {n}"}},"geometry":{{"type":"Point","coordinates":[{},{}]}}}}"#,
            n % 170, n % 80
        ));
        let features: Vec<String> = features.collect();
        let content = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(content.as_bytes()).unwrap();
        let rows = Rows::new("a.geojson.gz", &zipped.finish().unwrap());
        let written = rows.kill_after(&db, 500, &[]).await;
        rows.import(&db, &[]).assert(0, &[&format!("continuing after record {written} of")]);
        assert_each_once(&db, 3_000).await;
    }

    async fn whoever_begins_inside_of_what_is_written_is_told_that_rows_double(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(3_000).as_bytes());
        let written = rows.kill_after(&db, 300, &[]).await;
        let last = written + 1;
        let after = (last + 1).to_string();
        let told = [
            &format!("wrote what it had up to line {last}: rows without ids from line 200 up to there \
                      are written a second time (--from-line {after} goes on after them)"),
            "2802 rows",
        ];
        rows.import(&db, &["--dry-run", "--from-line", "200"]).assert(0, &told);
        let right = rows.import(&db, &["--dry-run", "--from-line", &after]);
        right.assert(0, &[&format!("{} rows would be written", 3_000 - written)]);
        assert!(!right.stderr.contains("second time"), "{}", right.stderr);
        assert_eq!(db.number(CENTERS).await, written);
        rows.import(&db, &["--from-line", "200"]).assert(0, &told);
        assert_eq!(db.number(CENTERS).await, written + 2_802);
    }

    async fn a_copy_of_a_stopped_file_goes_on_packed_or_not(db: TestDatabase) {
        let content = csv(3_000);
        let rows = Rows::new("a.csv", content.as_bytes());
        let written = rows.kill_after(&db, 300, &[]).await;
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(content.as_bytes()).unwrap();
        let copies = [
            Rows::new("b.csv", content.as_bytes()),
            Rows::new("b.csv.gz", &zipped.finish().unwrap()),
        ];
        for copy in &copies {
            copy.import(&db, &["--dry-run"]).assert(0, &[
                &format!("the import would go on after record {written} of"),
            ]);
        }
        copies[1].import(&db, &[]).assert(0, &[&format!("continuing after record {written} of")]);
        assert_each_once(&db, 3_000).await;
    }

    async fn options_that_change_no_row_go_on_with_a_stopped_import(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(3_000).replace("name,", "name,city,").replace("center", "center,c").as_bytes());
        rows.kill_after(&db, 300, &[]).await;
        for same in [
            &["--map", "city=city"][..],
            &["--map", "latitude=latitude", "--map", "city=city"],
            &["--format", "csv", "--delimiter", ",", "--encoding", "utf-8"],
            // There are none.
            &["--ignore-ids"],
        ] {
            let dry = [same, &["--dry-run"]].concat();
            rows.import(&db, &dry).assert(0, &["the import would go on after record"]);
        }
        rows.import(&db, &["--encoding", "windows-1252", "--dry-run"]).assert(2, &["have changed"]);
        rows.import(&db, &["--map", "city=city"]).assert(0, &["continuing after record"]);
        assert_eq!(db.number(CENTERS).await, 3_000);
    }

    async fn a_continued_import_reports_every_rejected_row_once(db: TestDatabase) {
        let rule = "ADD CONSTRAINT no_sevens CHECK (name NOT LIKE '%7')";
        if db.is_mysql() {
            db.execute(&format!("ALTER TABLE diving_centers {rule}")).await;
        } else {
            db.execute(
                "CREATE TRIGGER no_sevens BEFORE INSERT ON diving_centers WHEN NEW.name LIKE '%7' \
                 BEGIN SELECT RAISE(ABORT, 'no sevens'); END",
            )
            .await;
        }
        // Every tenth row is refused by the table, and every tenth is no point.
        let content = csv(6_000).replace("3,", "3,north ");
        let rows = Rows::new("a.csv", content.as_bytes());
        let skip = ["--on-error", "skip"];
        let mut written = 0;
        for _ in 0..3 {
            // As above: an import that came to its end is begun anew.
            if written < 2_000 {
                written = rows.kill_after(&db, rand::random_range(100..500), &skip).await;
            }
        }
        assert_eq!(db.number(JOURNALS).await, 1, "it was killed midway: {written}");
        let ended = rows.import(&db, &skip);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let mut reasons: Vec<(u64, String)> = Vec::new();
        let report = rows.folder.path().join("a.csv.rejected.csv");
        for record in csv::Reader::from_path(report).unwrap().records() {
            let record = record.unwrap();
            let line: u64 = record[0].parse().unwrap();
            let name = format!("center {}", line - 2);
            assert_eq!(record[2], name);
            reasons.push((line, record[1].to_owned()));
        }
        let by_table = |reason: &str| reason.starts_with("the table does not take it");
        for (line, reason) in &reasons {
            assert_eq!(by_table(reason), (line - 2) % 10 == 7, "{line}: {reason}");
        }
        let mut lines: Vec<u64> = reasons.iter().map(|(line, _)| *line).collect();
        lines.dedup();
        let taken = db.number(CENTERS).await;
        assert_eq!(lines.len(), reasons.len(), "none is reported twice");
        assert!(reasons.iter().filter(|(_, reason)| by_table(reason)).count() == 600);
        assert_eq!(taken, 6_000 - i64::try_from(reasons.len()).unwrap());
        let rejected = format!("{} rejected", reasons.len());
        ended.assert(1, &["6000 rows read", &rejected]);
        assert_each_once(&db, taken).await;
        assert_eq!(db.number("SELECT COUNT(*) FROM import_refusals").await, 0);
    }

    async fn a_file_that_changed_since_its_import_was_stopped_is_not_begun_again_unasked(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(3_000).as_bytes());
        let written = rows.kill_after(&db, 300, &[]).await;
        fs::write(rows.path(), csv(3_001)).unwrap();
        let line = written + 1;
        rows.import(&db, &[]).assert(2, &[
            "changed since an import of it was stopped",
            &format!("up to line {line}"),
            &format!("--from-line {}", line + 1),
            "--from-line 1",
        ]);
        assert_eq!(db.number(CENTERS).await, written);
        // So do options that make other rows of it.
        fs::write(rows.path(), csv(3_000)).unwrap();
        rows.import(&db, &["--encoding", "windows-1252"]).assert(2, &["have changed"]);
        assert_eq!(db.number(CENTERS).await, written);
        // Those that do not go on.
        let skip = ["--on-error", "skip", "--batch-size", "70"];
        let path = rows.path();
        let args = ["import", path.to_str().unwrap(), "--database-url", db.url()];
        run(&[&args[..], &skip].concat()).assert(0, &["continuing after record"]);
        assert_each_once(&db, 3_000).await;

        // Whoever says where to begin begins there.
        let before = rows.kill_after(&db, 300, &[]).await;
        fs::write(rows.path(), csv(3_001)).unwrap();
        rows.import(&db, &["--from-line", "1"]).assert(0, &["3001 inserted"]);
        assert_eq!(db.number(CENTERS).await, before + 3_001);
        assert_eq!(db.number(JOURNALS).await, 0);
    }

    async fn an_import_of_a_file_that_another_process_imports_just_now_is_refused(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(3_000).as_bytes());
        let written = rows.kill_after(&db, 300, &[]).await;
        // As the other process would go on.
        let other = async {
            loop {
                let now = if db.is_mysql() { "UTC_TIMESTAMP(3)" } else { "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" };
                db.execute(&format!("UPDATE import_journal SET records = records + 1, updated_at = {now}")).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let args: Vec<String> = Rows::args(&rows.path(), &db, &[]).iter().map(ToString::to_string).collect();
        let second = tokio::task::spawn_blocking(move || run(&args));
        let second = tokio::select! {
            second = second => second.unwrap(),
            () = other => unreachable!("it goes on"),
        };
        second.assert(2, &["another process imports this file", "just now"]);
        assert_eq!(db.number(CENTERS).await, written);
    }

    async fn two_imports_of_one_file_that_begin_together_make_every_row_once(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(2_000).as_bytes());
        let mut both = [rows.start(&db, &[]), rows.start(&db, &[])];
        let codes = both.each_mut().map(|child| child.wait().unwrap().code());
        // One that began after the other had ended did so on purpose.
        let done = codes.iter().filter(|code| **code == Some(0)).count();
        assert!(done >= 1, "{codes:?}");
        assert_eq!(db.number(CENTERS).await, 2_000 * i64::try_from(done).unwrap());
        assert_eq!(db.number(JOURNALS).await, 0);
    }

    async fn rows_with_ids_keep_no_journal(db: TestDatabase) {
        let rows = Rows::new("a.csv", b"id,name,latitude,longitude\n1,a,1,2\n2,b,1,2\n");
        rows.import(&db, &[]).assert(0, &["2 inserted"]);
        fs::write(rows.path(), "id,name,latitude,longitude\n1,a,1,3\n2,b,1,2\n").unwrap();
        rows.import(&db, &[]).assert(0, &["1 updated, 1 unchanged"]);
    }

    async fn standard_input_cannot_be_continued_and_that_is_said(db: TestDatabase) {
        let args = ["import", "-", "--database-url", db.url()];
        run_with_input(&args, csv(10).as_bytes()).assert(0, &[
            "standard input", "cannot be continued", "--from-line",
        ]);
        assert_each_once(&db, 10).await;
        let with_ids = "id,name,latitude,longitude\n1,a,1,2\n";
        let ended = run_with_input(&args, with_ids.as_bytes());
        assert!(!ended.stderr.contains("cannot be continued"), "{}", ended.stderr);
    }

    async fn a_journal_ends_after_a_month(db: TestDatabase) {
        let rows = Rows::new("a.csv", csv(3_000).as_bytes());
        let written = rows.kill_after(&db, 300, &[]).await;
        let long_ago = if db.is_mysql() { "2001-01-01" } else { "2001-01-01T00:00:00.000Z" };
        db.execute(&format!("UPDATE import_journal SET updated_at = '{long_ago}'")).await;
        rows.import(&db, &[]).assert(0, &["3000 inserted"]);
        assert_eq!(db.number(CENTERS).await, 3_000 + written);
        assert_eq!(db.number(JOURNALS).await, 0);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn without_a_table_for_journals_an_import_goes_through_and_says_what_a_stop_would_cost() {
    let db = TestDatabase::mysql_empty().await;
    db.execute(
        "CREATE TABLE diving_centers (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL, \
         latitude DECIMAL(10,8), longitude DECIMAL(11,8), \
         location POINT NOT NULL SRID 4326, SPATIAL INDEX (location))",
    )
    .await;
    let rows = Rows::new("a.csv", csv(200).as_bytes());
    let ended = rows.import(&db, &[]);
    ended.assert(
        0,
        &[
            "200 inserted",
            "no table import_journal",
            "cannot be continued",
            "give the rows ids",
        ],
    );
    assert_eq!(db.number(CENTERS).await, 200);
}

/// Only the database knows what is written already.
#[test]
fn a_dry_run_whose_database_does_not_answer_ends_as_the_import_would_and_claims_no_count() {
    let rows = Rows::new("a.csv", csv(3).as_bytes());
    let path = rows.path();
    let url = "mysql://nobody@127.0.0.1:1/nowhere";
    let import = ["import", path.to_str().unwrap(), "--connect-tries", "2"];
    let into = ["--database-url", url];
    let said = ["did not answer in 2 tries"];
    run(&[&import[..], &into].concat()).assert(2, &said);
    let dry = run(&[&import[..], &into, &["--dry-run"]].concat());
    dry.assert(2, &said);
    dry.assert(2, &["without --database-url", "checks the file alone"]);
    assert!(
        !dry.stderr.contains("rows would be written:"),
        "{}",
        dry.stderr
    );
    run(&[&import[..], &["--dry-run"]].concat()).assert(0, &["3 rows would be written"]);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_dry_run_into_a_schema_that_is_behind_ends_as_the_import_would() {
    let db = TestDatabase::mysql().await;
    db.database().migrate_down(1).await.unwrap();
    let rows = Rows::new("a.csv", csv(3).as_bytes());
    for more in [&[][..], &["--dry-run"]] {
        let ended = rows.import(&db, more);
        ended.assert(2, &["run `nearby migrate up`"]);
        assert!(
            !ended.stderr.contains("rows would be written:"),
            "{}",
            ended.stderr
        );
    }
}

/// What broke comes first, then what to do.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_connection_that_breaks_is_told_before_what_is_written_and_what_to_do() {
    let db = TestDatabase::mysql().await;
    let cut = Cut::default();
    let url = through_cut(&db, &cut).await;
    let rows = Rows::new("a.csv", csv(1_000).as_bytes());
    let path = rows.path();
    let import = async |more: &[&str]| {
        let args = ["import", path.to_str().unwrap(), "--database-url", &url];
        let args: Vec<String> = [&args[..], more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let ended = tokio::task::spawn_blocking(move || run(&args));
        ended.await.unwrap()
    };
    let said_in_order = |ended: &Ended, texts: &[&str]| {
        ended.assert(2, texts);
        let places = texts.iter().map(|text| ended.stderr.find(text));
        assert!(places.is_sorted(), "{}", ended.stderr);
    };
    for (commit, count) in [(Commit::IsLost, 0), (Commit::Arrives, 1_000)] {
        cut.at_next_commit(commit);
        said_in_order(
            &import(&[]).await,
            &[
                "a.csv: nobody knows whether",
                "may have been written as well",
                "run the same command again, no row is written twice",
            ],
        );
        assert_eq!(db.number(CENTERS).await, count);
    }
    import(&[]).await.assert(0, &["1000 written before"]);
    assert_each_once(&db, 1_000).await;
    // The server goes away in the midst of it.
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    meddler.meddle(Meddling::CutOff, "INSERT INTO `diving_centers`", 100);
    let url = meddler.url();
    let args = ["import", path.to_str().unwrap(), "--database-url", url];
    let args = args.map(str::to_owned);
    let ended = tokio::task::spawn_blocking(move || run(&args))
        .await
        .unwrap();
    said_in_order(
        &ended,
        &[
            "a.csv: the database is unavailable",
            "nothing was written; run the same command again",
        ],
    );
}
