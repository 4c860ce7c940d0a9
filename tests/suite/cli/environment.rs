//! Settings out of the environment.

use super::process::{Ended, nearby, run};
use super::served::Served;
use crate::support::{TestDatabase, on_both_stores};

fn verified(db: &TestDatabase, variables: &[(&str, &str)]) -> Ended {
    let mut command = nearby();
    command.args(["verify", "--database-url", db.url()]);
    let command = command.envs(variables.iter().copied());
    command.output().expect("the binary starts").into()
}

/// As `NAME=` in a file of settings, or a compose file whose own variable is not set.
#[tokio::test]
async fn an_empty_variable_says_nothing() {
    let db = TestDatabase::sqlite().await;
    let empty = [
        "NEARBY_LOG",
        "NEARBY_LOG_FORMAT",
        "NEARBY_POOL_SIZE",
        "NEARBY_NO_CONNECTION_TEST",
        "NEARBY_COLLECTIONS",
        "DATABASE_URL",
    ];
    for name in empty {
        verified(&db, &[(name, "")]).assert(0, &[]);
    }
    let mut without = nearby();
    let ended = without.arg("verify").env("DATABASE_URL", "").output();
    Ended::from(ended.expect("it starts")).assert(2, &["--database-url <URL>"]);
}

#[tokio::test]
async fn a_switch_may_be_written_as_elsewhere() {
    let db = TestDatabase::sqlite().await;
    for (value, code) in [("1", 0), ("yes", 0), ("false", 0), ("0", 0), ("maybe", 2)] {
        verified(&db, &[("NEARBY_NO_CONNECTION_TEST", value)]).assert(code, &[]);
    }
}

#[tokio::test]
async fn where_it_cannot_listen_it_says_what_to_do() {
    let db = TestDatabase::sqlite().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let taken = taken.local_addr().expect("it has one").to_string();
    for (bind, said) in [
        (
            taken.as_str(),
            "another process, or another address given, has the port",
        ),
        ("192.0.2.1:80", "this machine has no such address"),
        ("127.0.0.1", "write HOST:PORT"),
        ("127.0.0.1:99999", "write HOST:PORT"),
    ] {
        let ended = run(&["serve", "--database-url", db.url(), "--bind", bind]);
        ended.assert(2, &[said]);
    }
}

on_both_stores! {
    /// Only what is in memory is loaded.
    async fn a_start_tells_what_the_engine_really_does(db: TestDatabase) {
        let mut served = Served::start(&["--database-url", db.url()]);
        let done = if db.is_mysql() { "looked how densely centers lie" } else { "index loaded" };
        served.until_it_says(done);
        let said = served.said.join("\n");
        assert_eq!(said.contains("index"), !db.is_mysql(), "{said}");
    }
}
