//! A server for one test, which does to it what would disturb others.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};
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
        Self {
            url: started_in(folder.path()),
            folder,
        }
    }

    /// Starts it again with what it had, after it was stopped or killed.
    pub fn start_again(&mut self) {
        self.url = started_in(self.folder.path());
    }

    /// Stops it as a machine does that is shut down.
    pub fn stop(&self) {
        let stopped = script(self.folder.path(), "stop");
        assert!(stopped.status.success(), "{stopped:?}");
    }

    /// Lets it do nothing until it is thawed.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        let port = self.url.rsplit(':').next().expect("it names a port");
        port.parse().expect("it is a number")
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&self) {
        self.signal("-9");
        self.is_gone();
    }

    /// Waits until its process is gone, and takes away what would keep another one from its
    /// socket: whoever started it may be slow to notice that it has ended.
    fn is_gone(&self) {
        let process = PathBuf::from(format!("/proc/{}", self.pid()));
        let begun = Instant::now();
        while process.exists() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::remove_file(self.pid_file()).expect("it was there");
        let lock = format!("nearby-mysql-{}.sock.lock", self.port());
        // It takes it away by itself where it has time to.
        let _ = std::fs::remove_file(std::env::temp_dir().join(lock));
    }

    fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.pid()]).status();
        assert!(told.expect("kill runs").success());
    }

    fn pid(&self) -> String {
        let pid = std::fs::read_to_string(self.pid_file()).expect("it is a process");
        pid.trim().to_owned()
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("mysqld.pid")
    }

    /// Whether it is a process of this machine, and was not killed.
    fn is_process(&self) -> bool {
        self.pid_file().exists()
    }

    /// Runs statements, several separated by `;`.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connection().await;
        let done = connection.execute(AssertSqlSafe(sql.to_owned())).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The one text that a query gives.
    pub async fn text(&self, sql: &str) -> String {
        let asking = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        let answer = asking.fetch_one(&mut self.connection().await).await;
        answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    async fn connection(&self) -> MySqlConnection {
        let connecting = MySqlConnection::connect(&self.url).await;
        connecting.unwrap_or_else(|error| panic!("{}: {error}", self.url))
    }

    /// Has it do everything that another one does, and take no writes.
    pub async fn follows(&self, source: &Self) {
        let port = source.port();
        self.execute(&format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, \
                 SOURCE_USER = 'root', SOURCE_PASSWORD = '', SOURCE_AUTO_POSITION = 1, \
                 SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1; \
             START REPLICA; SET GLOBAL super_read_only = ON"
        ))
        .await;
    }

    /// Waits until it has everything that another one has.
    pub async fn is_level_with(&self, source: &Self) {
        let all = source.text("SELECT @@GLOBAL.gtid_executed").await;
        let wait = format!("SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET('{all}', 20) AS CHAR)");
        assert_eq!(self.text(&wait).await, "0", "it has all of {all}");
    }

    /// Waits until it has done what it got from a source that is gone.
    pub async fn has_done_all_it_received(&self) {
        self.execute("STOP REPLICA IO_THREAD").await;
        let wait = "SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET(\
                        (SELECT MAX(RECEIVED_TRANSACTION_SET) \
                         FROM performance_schema.replication_connection_status), 20) AS CHAR)";
        assert_eq!(self.text(wait).await, "0");
    }

    /// Has it take writes, and follow nobody.
    pub async fn is_promoted(&self) {
        self.execute("STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only = OFF, GLOBAL read_only = OFF")
            .await;
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // Nobody needs what it has: there is no use in waiting for a good end.
        if self.is_process() {
            let _ = Command::new("kill").args(["-9", &self.pid()]).status();
            self.is_gone();
        }
        let stopped = script(self.folder.path(), "stop");
        if !std::thread::panicking() {
            assert!(stopped.status.success(), "{stopped:?}");
        }
    }
}

/// The URL of the server that was started.
fn started_in(folder: &Path) -> String {
    let started = script(folder, "start");
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert!(started.status.success(), "{said}");
    let told = String::from_utf8(started.stdout).expect("it is a URL");
    told.lines().last().expect("it is told").to_owned()
}

fn script(folder: &Path, what: &str) -> Output {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/mysql"))
        .arg(what)
        .env("NEARBY_MYSQL_DIR", folder)
        .env_remove("NEARBY_TEST_MYSQL_URL")
        .output()
        .expect("scripts/mysql runs")
}
