//! Opening MySQL: the session every connection starts with, the servers that
//! will do, and what refusals mean.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, MySqlConnection, MySqlPool};

use super::MySqlDatabase;
use super::feed::MySqlFeed;
use super::renewal::Renewal;
use super::retrying_pool::RetryingPool;
use super::servers::Servers;
use super::url::{MySqlUrl, Server};
use crate::store::database::Failure;
use crate::store::feed::Progress;
use crate::store::refusal::{self, Meaning};
use crate::store::{ConnectError, PoolSettings};

/// What to do where TLS does not come about.
const TLS_ADVICE: &str =
    "check ssl-mode and ssl-ca in the database URL, and the server's certificate";

/// All that statements of ours depend on, whatever the server's own settings and its
/// `init_connect` say: in one statement, run on every connection. What does not fit is
/// refused instead of cut; a statement by itself is a transaction that is over with it; no
/// answer is cut short, no statement given up by itself; tables of ours are `InnoDB`'s;
/// what is refused is told in the words that we know.
const SESSION: &str = "SET SESSION \
    sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
                NO_ENGINE_SUBSTITUTION', \
    SESSION lc_messages = 'en_US', \
    SESSION autocommit = 1, \
    SESSION completion_type = 'NO_CHAIN', \
    SESSION transaction_isolation = 'REPEATABLE-READ', \
    SESSION transaction_read_only = 0, \
    SESSION sql_select_limit = 18446744073709551615, \
    SESSION max_join_size = 18446744073709551615, \
    SESSION sql_big_selects = 1, \
    SESSION sql_safe_updates = 0, \
    SESSION sql_auto_is_null = 0, \
    SESSION foreign_key_checks = 1, \
    SESSION unique_checks = 1, \
    SESSION max_execution_time = 0, \
    SESSION innodb_lock_wait_timeout = 20, \
    SESSION lock_wait_timeout = 60, \
    SESSION wait_timeout = 28800, \
    SESSION net_read_timeout = 60, \
    SESSION net_write_timeout = 60, \
    SESSION group_concat_max_len = 1048576, \
    SESSION cte_max_recursion_depth = 1000, \
    SESSION max_sort_length = 1024, \
    SESSION div_precision_increment = 4, \
    SESSION time_zone = '+00:00', \
    SESSION default_storage_engine = 'InnoDB', \
    SESSION default_tmp_storage_engine = 'InnoDB', \
    SESSION explicit_defaults_for_timestamp = 1";

/// How long a server may take to answer over a connection that was idle.
const LONGEST_PING_BEFORE: Duration = Duration::from_millis(500);
/// A connection that was idle for less was tested when it was given back.
const JUST_TESTED: Duration = Duration::from_millis(100);
/// How long over one that was just used.
const LONGEST_PING_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn connect(
    url: &MySqlUrl,
    settings: &PoolSettings,
) -> Result<MySqlDatabase, ConnectError> {
    let all = || {
        let servers = url.servers.iter().cloned();
        servers.map(|server| Server {
            options: session(logged(server.options, settings)),
            ..server
        })
    };
    let finding = settings
        .wait
        .until_open(url, || Servers::find(all().collect()));
    let servers = Arc::new(finding.await?);
    let renewal = Arc::new(Renewal::default());
    let progress = Arc::new(Progress::default());
    let options = &servers.asked().options;
    let of_size = |size| pool(settings, size, &renewal).connect_lazy_with(options.clone());
    let (pool, probes, killers) = (of_size(settings.size), of_size(1), of_size(1));
    tokio::spawn(Arc::clone(&servers).watch(
        [pool.clone(), probes.clone(), killers.clone()],
        Arc::clone(&renewal),
        Arc::downgrade(&progress),
    ));
    let retrying = |pool| RetryingPool::new(pool, killers.clone(), Arc::clone(&renewal));
    let pool = retrying(pool);
    Ok(MySqlDatabase::new(
        pool.clone(),
        retrying(probes),
        MySqlFeed::new(pool, servers, progress),
        settings,
    ))
}

fn pool(settings: &PoolSettings, size: u32, renewal: &Arc<Renewal>) -> MySqlPoolOptions {
    let tests = settings.test_before_acquire;
    let (given_back, taken) = (Arc::clone(renewal), Arc::clone(renewal));
    MySqlPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        .max_lifetime(settings.max_lifetime)
        // sqlx would wait for ever for a server that has fallen silent.
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(set_session(connection)))
        // sqlx would wait for ever here, too.
        .after_release(move |connection, known| {
            let renewal = Arc::clone(&given_back);
            Box::pin(async move {
                let looking = renewal.looks_good(connection, known.age);
                let is_good = in_time(LONGEST_PING_AFTER, looking).await?;
                if is_good {
                    in_time(LONGEST_PING_AFTER, connection.ping()).await?;
                }
                Ok(is_good)
            })
        })
        .before_acquire(move |connection, known| {
            let is_good = taken.is_good(known.age);
            Box::pin(async move {
                if is_good && tests && known.idle_for > JUST_TESTED {
                    in_time(LONGEST_PING_BEFORE, connection.ping()).await?;
                }
                Ok(is_good)
            })
        })
}

/// What a server answers in time. It may have fallen silent.
async fn in_time<T>(
    longest: Duration,
    asking: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let answered = tokio::time::timeout(longest, asking).await;
    answered.unwrap_or_else(|_| Err(std::io::Error::from(ErrorKind::TimedOut).into()))
}

fn logged(options: MySqlConnectOptions, settings: &PoolSettings) -> MySqlConnectOptions {
    let statements = if settings.log_statements {
        log::LevelFilter::Info
    } else {
        log::LevelFilter::Off
    };
    options
        .log_statements(statements)
        .log_slow_statements(log::LevelFilter::Warn, settings.slow_statement)
}

/// A connection beside the pool, to be held for long, whose statements may take
/// long without a word in the log.
pub(super) async fn connect_beside(pool: &MySqlPool) -> sqlx::Result<MySqlConnection> {
    let options = pool.connect_options().as_ref().clone();
    let mut connection = options
        .log_slow_statements(log::LevelFilter::Off, Duration::ZERO)
        .connect()
        .await?;
    set_session(&mut connection).await?;
    Ok(connection)
}

/// utf8mb4 in every session. The SQL mode is not left to sqlx, which would add to the
/// server's.
fn session(options: MySqlConnectOptions) -> MySqlConnectOptions {
    options
        .timezone(Some("+00:00".to_owned()))
        .charset("utf8mb4")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
}

pub(super) async fn set_session(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    connection.execute(SESSION).await.map(drop)
}

/// The oldest servers whose spatial index survives tiny moves of a point (MySQL
/// bug 36452528).
pub(super) fn check_version(version: &str) -> Result<(), Failure> {
    let advice = "use MySQL 8.0.41 or later, 8.4.4 or later, or 9";
    if version.contains("MariaDB") {
        return Err(Failure::lasting(
            format!("the server is MariaDB ({version}), which lacks SRID columns"),
            advice,
        ));
    }
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse::<u32>().ok());
    let mut next = || numbers.next().unwrap_or(0);
    let (major, minor, patch) = (next(), next(), next());
    let will_do = match (major, minor) {
        (8, 0) => patch >= 41,
        (8, 4) => patch >= 4,
        _ => major >= 9,
    };
    if will_do {
        Ok(())
    } else {
        Err(Failure::lasting(
            format!("the server is MySQL {version}, whose spatial indexes can break on updates"),
            advice,
        ))
    }
}

/// Whether waiting may help, and what to do where it does not.
pub(super) fn failure(error: &sqlx::Error) -> Failure {
    match error {
        sqlx::Error::Database(refusal) => match refusal.try_downcast_ref::<MySqlDatabaseError>() {
            Some(refusal) => refused(refusal.number(), refusal.message()),
            None => Failure::Passing(error.to_string()),
        },
        sqlx::Error::Tls(_) => Failure::lasting(error.to_string(), TLS_ADVICE),
        // What is no sound certificate, or no TLS at all.
        sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => {
            Failure::lasting(io.to_string(), TLS_ADVICE)
        }
        sqlx::Error::Configuration(_) => {
            Failure::lasting(error.to_string(), "check the database URL")
        }
        _ => Failure::Passing(error.to_string()),
    }
}

fn refused(number: u16, message: &str) -> Failure {
    if refusal::of_mysql(number) == Meaning::Away {
        return Failure::Passing(message.to_owned());
    }
    Failure::lasting(
        format!("{message} (error {number})"),
        refusal::advice_at_login(number),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_with_sound_spatial_indexes_will_do() {
        for version in [
            "8.0.41",
            "8.0.43-debian",
            "8.4.4",
            "9.0.0",
            "9.7.4",
            "10.1.0",
        ] {
            assert!(check_version(version).is_ok(), "{version}");
        }
    }

    #[test]
    fn other_servers_are_refused_with_those_that_will_do() {
        for version in [
            "8.0.40",
            "8.3.0",
            "8.4.3",
            "5.7.44-log",
            "5.5.5-10.11.6-MariaDB-1",
            "11.4.2-MariaDB",
            "",
        ] {
            let Err(Failure::Lasting { advice, .. }) = check_version(version) else {
                panic!("{version} is refused");
            };
            assert!(advice.contains("8.0.41"));
        }
    }

    #[test]
    fn a_full_server_is_waited_for_and_a_wrong_password_is_not() {
        assert!(matches!(refused(1040, "full"), Failure::Passing(_)));
        assert!(matches!(refused(1045, "denied"), Failure::Lasting { .. }));
    }

    #[tokio::test]
    #[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
    async fn every_session_is_in_utc_utf8_and_strict() {
        let server = std::env::var("NEARBY_TEST_MYSQL_URL").expect("run scripts/test");
        let name = format!("nearby_session_{:016x}", rand::random::<u64>());
        let admin = MySqlPool::connect(&server).await.unwrap();
        let make = format!("CREATE DATABASE `{name}`");
        admin.execute(sqlx::AssertSqlSafe(make)).await.unwrap();
        let url = format!("{}/{name}", server.trim_end_matches('/'));
        let url = super::super::url::parse(&url).unwrap();
        let pool = connect(&url, &PoolSettings::default()).await.unwrap();
        let (zone, charset, mode): (String, String, String) =
            sqlx::query_as("SELECT @@time_zone, @@character_set_client, @@sql_mode")
                .fetch_one(pool.pool())
                .await
                .unwrap();
        assert_eq!((zone.as_str(), charset.as_str()), ("+00:00", "utf8mb4"));
        assert!(
            mode.contains("STRICT_TRANS_TABLES") && !mode.contains("PIPES_AS_CONCAT"),
            "{mode}"
        );
        let mut one = pool.pool().acquire().await.unwrap();
        one.execute("CREATE TABLE t (name VARCHAR(3))")
            .await
            .unwrap();
        let cut = one.execute("INSERT INTO t VALUES ('four')").await;
        assert!(cut.unwrap_err().to_string().contains("too long"));
        let drop = format!("DROP DATABASE `{name}`");
        admin.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
    }
}
