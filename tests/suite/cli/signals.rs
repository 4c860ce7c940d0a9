//! Commands that are told to stop while they wait, as the first process of a container: the
//! system has no default action for signals to it.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::Executor as _;

use super::process::{Ended, nearby};
use crate::api::server::PATIENCE;
use crate::support::TestDatabase;

/// Soon enough after a signal for who stops a container, which is killed after ten seconds.
const SOON: Duration = Duration::from_secs(9);

/// Runs it as process 1 of a namespace of its own.
fn as_first_process(command: &Command) -> Child {
    let mut first = Command::new("unshare");
    first
        .args(["--pid", "--fork", "--kill-child", "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => first.env(name, value),
            None => first.env_remove(name),
        };
    }
    first.spawn().expect("unshare is there (util-linux)")
}

/// The number of the process that `unshare` runs.
fn number_of(unshare: &Child) -> String {
    let id = unshare.id();
    let children = format!("/proc/{id}/task/{id}/children");
    let started = Instant::now();
    loop {
        let child = fs::read_to_string(&children).unwrap_or_default();
        if let Some(number) = child.split_whitespace().next() {
            let runs = fs::read_link(format!("/proc/{number}/exe")).unwrap_or_default();
            if runs.ends_with("nearby") {
                return number.to_owned();
            }
        }
        assert!(
            started.elapsed() < PATIENCE,
            "unshare starts nothing: does it need root?"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(unshare: &Child, signal: &str) {
    let number = number_of(unshare);
    let sent = Command::new("kill").args([signal, &number]).status();
    assert!(sent.expect("kill is there").success());
}

/// Sends the signal and waits for the end.
fn stopped(mut unshare: Child, signal: &str) -> Ended {
    send(&unshare, signal);
    let started = Instant::now();
    while unshare.try_wait().expect("it can be waited for").is_none() {
        if started.elapsed() > SOON {
            let _ = unshare.kill();
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    unshare.wait_with_output().expect("it ends").into()
}

/// Every command that asks a database, and the exit code of one that is stopped.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["serve", "--bind", "127.0.0.1:0"], 0),
    (&["migrate", "up"], 2),
    (&["migrate", "down", "--yes"], 2),
    (&["migrate", "status"], 2),
    (&["migrate", "stamp", "1"], 2),
    (&["import", "FILE"], 2),
    (&["export", "-"], 2),
    (&["adopt"], 2),
    (&["adopt", "--apply"], 2),
    (&["backfill"], 2),
    (&["verify"], 2),
    (&["organizations", "seed"], 2),
    (&["organizations", "list"], 2),
];

#[test]
#[cfg_attr(not(tool_tests), ignore = "needs unshare and root: run scripts/test")]
fn the_first_process_of_a_container_stops_while_it_waits_for_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("centers.csv");
    fs::write(&file, "name,latitude,longitude\nA,1,2\n").unwrap();
    for (at, (args, code)) in COMMANDS.iter().enumerate() {
        // A server that takes connections and never says a word.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let args = args.iter().map(|arg| match *arg {
            "FILE" => file.as_os_str(),
            arg => arg.as_ref(),
        });
        let mut command = nearby();
        command
            .args(args)
            .env("DATABASE_URL", format!("mysql://root@{address}/nearby"));
        let process = as_first_process(&command);
        let _connection = silent.accept().expect("it asks");
        let signal = ["-TERM", "-INT"][at % 2];
        let ended = stopped(process, signal);
        let said = format!("stopped by SIG{}", &signal[1..]);
        ended.assert(*code, &[&said]);
    }
}

#[test]
#[cfg_attr(not(tool_tests), ignore = "needs unshare and root: run scripts/test")]
fn the_first_process_of_a_container_stops_whatever_else_it_waits_for() {
    // A server that never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mut health = nearby();
    health.args(["health", "--url", &url]);
    let process = as_first_process(&health);
    let _connection = silent.accept().expect("it asks");
    stopped(process, "-TERM").assert(2, &["stopped by SIGTERM"]);

    // Nobody takes what is written.
    let mut generate = nearby();
    generate.args(["generate", "--count", "1000000"]);
    let process = as_first_process(&generate);
    number_of(&process);
    std::thread::sleep(Duration::from_millis(200));
    stopped(process, "-TERM").assert(2, &["stopped by SIGTERM"]);

    // Nobody says what is to be read.
    let mut import = nearby();
    import.args(["import", "-", "--dry-run"]);
    let process = as_first_process(&import);
    number_of(&process);
    std::thread::sleep(Duration::from_millis(200));
    stopped(process, "-INT").assert(2, &["stopped"]);
}

/// Phases in which a table is read.
#[tokio::test]
#[cfg_attr(
    not(all(mysql_tests, tool_tests)),
    ignore = "needs MySQL, unshare and root: run scripts/test"
)]
async fn the_first_process_of_a_container_stops_while_others_lock_its_tables() {
    let db = TestDatabase::mysql().await;
    let mut locking = db.mysql_pool().acquire().await.expect("a connection");
    let lock = "LOCK TABLES diving_centers WRITE, dive_sites WRITE";
    locking.execute(lock).await.expect("it is taken");
    for (args, code) in [
        (&["serve", "--bind", "127.0.0.1:0"][..], 0),
        (&["verify"], 2),
        (&["backfill"], 2),
        (&["export", "-"], 2),
        (&["adopt"], 2),
        (&["migrate", "down", "--yes"], 2),
    ] {
        let mut command = nearby();
        command.args(args).env("DATABASE_URL", db.url());
        let process = as_first_process(&command);
        eventually(async || waiting(&db).await != 0).await;
        let ended = tokio::task::spawn_blocking(move || stopped(process, "-TERM"));
        let ended = ended.await.expect("it does not panic");
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
        // The server would let it wait on.
        let left = waiting(&db).await;
        // Gone by itself is as good.
        let _ = db.try_execute(&format!("KILL {left}")).await;
        eventually(async || waiting(&db).await == 0).await;
    }

    // A batch that has begun is written to its end, whoever is waited for; unless somebody
    // insists.
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    fs::write(file.path(), "name,latitude,longitude\nA,1,2\n").unwrap();
    let mut command = nearby();
    let args = ["import", file.path().to_str().unwrap()];
    command.args(args).env("DATABASE_URL", db.url());
    let mut process = as_first_process(&command);
    eventually(async || waiting(&db).await != 0).await;
    send(&process, "-TERM");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(process.try_wait().expect("it can be asked").is_none());
    let ended = tokio::task::spawn_blocking(move || stopped(process, "-INT"));
    let ended = ended.await.expect("it does not panic");
    ended.assert(2, &["SIGTERM: stopping; once more", "stopped by SIGINT"]);
}

/// The connection that waits for a table of this database; 0 where none does.
async fn waiting(db: &TestDatabase) -> i64 {
    let waiting = "SELECT COALESCE(MAX(CAST(PROCESSLIST_ID AS SIGNED)), 0) \
        FROM performance_schema.threads WHERE PROCESSLIST_DB = DATABASE() \
        AND PROCESSLIST_STATE LIKE 'Waiting for table%lock'";
    db.number(waiting).await
}

async fn eventually(so: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !so().await {
        assert!(started.elapsed() < PATIENCE, "never so");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
