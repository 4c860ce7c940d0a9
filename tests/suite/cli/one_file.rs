//! The embedded database is one whole file whenever a command has ended.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::process::{Ended, run, run_with_input};
use super::served::Served;
use crate::support::their_connection;

/// A file that does not exist yet, in a folder of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.gpkg")
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    fn run(&self, args: &[&str], input: &str) -> Ended {
        let url = self.url();
        run_with_input(
            &[args, &["--database-url", &url]].concat(),
            input.as_bytes(),
        )
    }

    /// The number that a query gives of a copy of the main file alone.
    fn in_a_copy(&self, sql: &'static str) -> i64 {
        let copy = self.folder.path().join("copy.gpkg");
        fs::copy(self.path(), &copy).expect("it can be copied");
        let number = their_connection(&copy).query_row(sql, (), |row| row.get(0));
        number.expect("the query gives a number")
    }

    #[track_caller]
    fn assert_alone(&self, after: &str) {
        for suffix in ["-wal", "-shm"] {
            let beside = format!("{}{suffix}", self.path().display());
            assert!(!Path::new(&beside).exists(), "{beside} after {after}");
        }
    }
}

const CENTERS: &str = "SELECT COUNT(*) FROM diving_centers";
const THREE_ROWS: &str = "name,latitude,longitude\na,1,2\nb,3,4\nc,5,6\n";

#[tokio::test]
async fn one_whole_file_is_left_by_every_command() {
    let place = Place::new();
    for (args, input, code, counted, count) in [
        (&["migrate", "up"][..], "", 0, CENTERS, 0),
        (&["import", "-"], THREE_ROWS, 0, CENTERS, 3),
        // It ends at the bad row; those before it stay.
        (
            &["import", "-", "--batch-size", "1"],
            "name,latitude,longitude\nd,7,8\ne,95,1\n",
            1,
            CENTERS,
            4,
        ),
        (
            &["organizations", "seed"],
            "",
            0,
            "SELECT COUNT(*) FROM diving_organizations",
            10,
        ),
        (&["organizations", "list"], "", 0, CENTERS, 4),
        (&["export", "-"], "", 0, CENTERS, 4),
        (&["export", "/missing/x.csv"], "", 2, CENTERS, 4),
        (
            &["backfill"],
            "",
            0,
            "SELECT COUNT(*) FROM diving_centers WHERE location IS NOT NULL",
            4,
        ),
        (&["verify"], "", 0, CENTERS, 4),
        (&["adopt"], "", 2, CENTERS, 4),
        (&["migrate", "status"], "", 0, CENTERS, 4),
        (
            &["migrate", "stamp", "1"],
            "",
            0,
            "SELECT COUNT(*) FROM _sqlx_migrations",
            1,
        ),
        (&["migrate", "status"], "", 0, CENTERS, 4),
    ] {
        place.run(args, input).assert(code, &[]);
        place.assert_alone(&args.join(" "));
        assert_eq!(place.in_a_copy(counted), count, "{args:?}");
    }

    let place = Place::new();
    let served = Served::start(&["--database-url", &place.url()]);
    let body = json!({"name": "a", "latitude": 1.0, "longitude": 2.0});
    assert_eq!(served.post("/centers", &body).await.0, 201);
    served.stop();
    place.assert_alone("serve");
    assert_eq!(place.in_a_copy(CENTERS), 1);
    place
        .run(&["migrate", "down", "11", "--yes"], "")
        .assert(0, &[]);
    place.assert_alone("migrate down");
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'diving_centers'";
    assert_eq!(place.in_a_copy(tables), 0);
}

#[tokio::test]
async fn what_a_command_wrote_is_in_the_main_file_while_another_process_has_it_open() {
    let place = Place::new();
    let served = Served::start(&["--database-url", &place.url()]);
    place.run(&["import", "-"], THREE_ROWS).assert(0, &[]);
    assert_eq!(place.in_a_copy(CENTERS), 3);
    drop(served);
    // That one was killed: what it left beside the file is taken in.
    run(&["verify", "--database-url", &place.url()]).assert(0, &[]);
    place.assert_alone("verify");
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs sqlite3: run scripts/test")]
async fn a_file_that_is_served_and_written_is_backed_up_as_the_readme_says() {
    let place = Place::new();
    let served = Served::start(&["--database-url", &place.url()]);
    let body = json!({"name": "a", "latitude": 1.0, "longitude": 2.0});
    let writing = async {
        for _ in 0..60 {
            assert_eq!(served.post("/centers", &body).await.0, 201);
        }
    };
    let readme = include_str!("../../../README.md");
    let (_, command) = readme.split_once("`sqlite3 ").expect("it says how");
    let (command, _) = command.split_once('`').expect("it ends");
    let copying = async {
        while served.get("/centers?limit=20").await.1["centers"]
            .as_array()
            .map(Vec::len)
            != Some(20)
        {}
        let mut copy = std::process::Command::new("sh");
        copy.args([
            "-c",
            &format!("sqlite3 {}", command.replace("nearby.gpkg", "a.gpkg")),
        ])
        .current_dir(place.folder.path());
        let copied = tokio::task::spawn_blocking(move || copy.status()).await;
        assert!(
            copied
                .expect("it does not panic")
                .expect("sh is there")
                .success()
        );
    };
    tokio::join!(writing, copying);
    served.stop();
    // As the file was at one moment, with all that makes it what it is.
    fs::rename(place.folder.path().join("copy.gpkg"), place.path()).expect("it is there");
    assert!((20..=60).contains(&place.in_a_copy(CENTERS)));
    place.run(&["verify"], "").assert(0, &[]);
}
