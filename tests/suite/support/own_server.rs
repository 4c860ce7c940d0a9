//! A server for one test, which does to it what would disturb others.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A MySQL server that nobody else uses; it ends with the test.
pub struct OwnServer {
    url: String,
    folder: TempDir,
}

impl OwnServer {
    /// Starts one, which takes some seconds.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let started = script(folder.path(), "start");
        let said = String::from_utf8_lossy(&started.stderr).into_owned();
        assert!(started.status.success(), "{said}");
        let told = String::from_utf8(started.stdout).expect("it is a URL");
        Self {
            url: told.lines().last().expect("it is told").to_owned(),
            folder,
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let stopped = script(self.folder.path(), "stop");
        if !std::thread::panicking() {
            assert!(stopped.status.success(), "{stopped:?}");
        }
    }
}

fn script(folder: &Path, what: &str) -> Output {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/mysql"))
        .arg(what)
        .env("NEARBY_MYSQL_DIR", folder)
        .env_remove("NEARBY_TEST_MYSQL_URL")
        .output()
        .expect("scripts/mysql runs")
}
