//! Reaching MySQL over both address families, late or not at all.

use std::time::Duration;

use nearby::store::{ConnectError, Database, DatabaseUrl, PoolSettings, Wait};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::cli::served::Served;
use crate::support::{TestDatabase, connect};

/// Passes connections on to the server of a database; gives the URL by which it
/// is reached at `host`.
fn passed_on(db: &TestDatabase, listener: TcpListener, host: &str) -> String {
    let mut url = url::Url::parse(db.url()).expect("it is a URL");
    let server = (
        url.host_str().expect("it has a host").to_owned(),
        url.port().unwrap_or(3306),
    );
    let port = listener.local_addr().expect("it listens").port();
    url.set_host(Some(host)).expect("it is a host");
    url.set_port(Some(port)).expect("it has a host");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await.expect("the server is up");
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    url.to_string()
}

async fn open(url: &str, tries: u32) -> Database {
    let url: DatabaseUrl = url.parse().expect("it is a database URL");
    let settings = PoolSettings {
        wait: Wait {
            tries,
            apart: Duration::from_millis(100)..=Duration::from_millis(200),
            ..Wait::default()
        },
        ..PoolSettings::default()
    };
    Database::connect(&url, &settings)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_is_found_over_ipv4_and_ipv6_by_address_and_by_name() {
    let db = TestDatabase::mysql().await;
    for (listen_at, hosts) in [
        ("127.0.0.1:0", ["127.0.0.1", "localhost"]),
        ("[::1]:0", ["[::1]", "localhost"]),
    ] {
        for host in hosts {
            let Ok(listener) = TcpListener::bind(listen_at).await else {
                assert!(listen_at.starts_with('['), "IPv4 is always there");
                continue;
            };
            // A name without an IPv6 address cannot lead to one.
            if host == "localhost" && !resolves_to_family_of(&listener).await {
                continue;
            }
            let url = passed_on(&db, listener, host);
            let database = open(&url, 1).await;
            database.ping().await.unwrap();
            database.close().await;
        }
    }
}

async fn resolves_to_family_of(listener: &TcpListener) -> bool {
    let ipv6 = listener.local_addr().expect("it listens").is_ipv6();
    let mut found = tokio::net::lookup_host(("localhost", 0))
        .await
        .expect("localhost resolves");
    found.any(|address| address.is_ipv6() == ipv6)
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_comes_up_late_is_waited_for() {
    let db = TestDatabase::mysql().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut url = url::Url::parse(db.url()).unwrap();
    url.set_port(Some(address.port())).unwrap();
    drop(taken);
    let coming_up = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        passed_on(&db, listener, "127.0.0.1")
    };
    let (database, _) = tokio::join!(open(url.as_str(), 10), coming_up);
    database.ping().await.unwrap();
    assert!(database.connections().idle <= 1);
    database.close().await;
}

/// Both say what is so, and no request is answered as a fault of ours.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_gone_makes_the_service_unready_and_searches_unavailable() {
    let db = TestDatabase::mysql().await;
    let url = db.url().to_owned();
    let served = Served::start(&["--database-url", &url]);
    db.execute("RENAME TABLE diving_centers TO gone").await;
    for path in ["/readyz", "/nearby?lat=1&lng=1", "/centers", "/centers/1"] {
        let (status, body) = served.get(path).await;
        assert_eq!(
            (status, &body["code"]),
            (503, &json!("database_unavailable")),
            "{path}: {body}"
        );
        assert!(
            body["detail"].as_str().unwrap().contains("lacks a table"),
            "{body}"
        );
    }
    db.execute("RENAME TABLE gone TO diving_centers").await;
    let (status, body) = served.get("/readyz").await;
    assert_eq!(status, 200, "{body}");
}

/// As where the application drops the column of an adopted table.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_column_that_searches_read_and_is_gone_makes_the_service_unready() {
    let db = TestDatabase::mysql().await;
    let served = Served::start(&["--database-url", db.url()]);
    assert_eq!(served.get("/readyz").await.0, 200);
    for (gone, back) in [
        (
            "RENAME COLUMN location TO elsewhere",
            "RENAME COLUMN elsewhere TO location",
        ),
        ("RENAME COLUMN name TO title", "RENAME COLUMN title TO name"),
    ] {
        db.execute(&format!("ALTER TABLE diving_centers {gone}"))
            .await;
        let (status, body) = served.get("/readyz").await;
        assert_eq!(
            (status, &body["code"]),
            (503, &json!("database_unavailable")),
            "{gone}: {body}"
        );
        db.execute(&format!("ALTER TABLE diving_centers {back}"))
            .await;
        assert_eq!(served.get("/readyz").await.0, 200, "{back}");
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rights_that_are_taken_away_are_told_as_such_and_found_again() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with("SELECT, INSERT").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let served = Served::start(&["--database-url", &url]);
    // The server looks at rights and passwords when somebody logs in.
    let log_in_anew = async || {
        let connections = format!(
            "SELECT CAST(COALESCE(MAX(ID), 0) AS SIGNED) FROM performance_schema.processlist \
             WHERE USER = '{user}'"
        );
        while let id @ 1.. = db.number(&connections).await {
            // It may have gone by itself.
            let _ = db.try_execute(&format!("KILL {id}")).await;
        }
    };
    let center = json!({"name": "c", "latitude": 1, "longitude": 1});
    let (status, body) = served.post("/centers", &center).await;
    assert_eq!(status, 201, "{body}");

    db.execute(&format!("REVOKE INSERT ON `{user}`.* FROM `{user}`"))
        .await;
    log_in_anew().await;
    let (status, body) = served.post("/centers", &center).await;
    assert_eq!(
        (status, &body["code"]),
        (503, &json!("database_unavailable")),
        "{body}"
    );
    assert!(
        body["detail"].as_str().unwrap().contains("does not allow"),
        "{body}"
    );

    for (lock, unlock) in [
        ("ACCOUNT LOCK", "ACCOUNT UNLOCK"),
        ("IDENTIFIED BY 'another'", "IDENTIFIED BY 'p@ss'"),
    ] {
        db.execute(&format!("ALTER USER `{user}` {lock}")).await;
        log_in_anew().await;
        let (status, body) = served.get("/nearby?lat=1&lng=1").await;
        assert_eq!(
            (status, &body["code"]),
            (503, &json!("database_unavailable")),
            "{body}"
        );
        db.execute(&format!("ALTER USER `{user}` {unlock}")).await;
        let (status, body) = served.get("/nearby?lat=1&lng=1").await;
        assert_eq!(status, 200, "{lock}: {body}");
    }
}

/// The server has not seen the password since the user was made, so it asks for all of
/// it, which goes encrypted with its public key.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_password_is_taken_over_tcp_without_tls() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with("SELECT").await;
    let user = connect(&format!("{url}?ssl-mode=disabled")).await;
    user.ping().await.unwrap();
}

/// The server's certificate is its own work, and no waiting makes it another.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_certificate_that_nobody_vouches_for_is_not_tried_again() {
    let db = TestDatabase::mysql().await;
    let url = format!("{}?ssl-mode=VERIFY_CA", db.url());
    let url: DatabaseUrl = url.parse().expect("it is a URL");
    let refused = Database::connect(&url, &PoolSettings::default()).await;
    let error = refused.expect_err("it is refused");
    assert!(matches!(error, ConnectError::Unusable { .. }), "{error}");
    assert!(
        error.to_string().contains("check ssl-mode and ssl-ca"),
        "{error}"
    );
}
