//! Opening MySQL: the session every connection starts with, the servers that
//! will do, and what refusals mean.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::{ConnectOptions, Connection, Executor, MySqlConnection, MySqlPool};

use super::PoolSettings;
use super::error::{ConnectError, Failure};
use super::url::MySqlUrl;

/// Refuses what does not fit instead of cutting it, whatever the server's own
/// setting is.
const SQL_MODE: &str = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,\
                        NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'";

pub(super) async fn connect(
    url: &MySqlUrl,
    settings: &PoolSettings,
) -> Result<MySqlPool, ConnectError> {
    let options = session(settings.logged(*url.options.clone()));
    settings
        .wait
        .until_open(url, async || try_once(&options).await)
        .await?;
    Ok(settings
        .pool()
        .after_connect(|connection, _| Box::pin(set_sql_mode(connection)))
        .connect_lazy_with(options))
}

/// A connection beside the pool, to be held for long, whose statements may take
/// long without a word in the log.
pub(in crate::store) async fn connect_beside(pool: &MySqlPool) -> sqlx::Result<MySqlConnection> {
    let options = pool.connect_options().as_ref().clone();
    let mut connection = options
        .log_slow_statements(log::LevelFilter::Off, Duration::ZERO)
        .connect()
        .await?;
    set_sql_mode(&mut connection).await?;
    Ok(connection)
}

/// UTC and utf8mb4 in every session. The SQL mode is not left to sqlx, which
/// would add to the server's.
fn session(options: MySqlConnectOptions) -> MySqlConnectOptions {
    options
        .timezone(Some("+00:00".to_owned()))
        .charset("utf8mb4")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
}

async fn set_sql_mode(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    connection.execute(SQL_MODE).await.map(drop)
}

async fn try_once(options: &MySqlConnectOptions) -> Result<(), Failure> {
    let mut connection = options.connect().await.map_err(|error| failure(&error))?;
    set_sql_mode(&mut connection)
        .await
        .map_err(|error| failure(&error))?;
    let version: String = sqlx::query_scalar("SELECT VERSION()")
        .fetch_one(&mut connection)
        .await
        .map_err(|error| failure(&error))?;
    // Its answer changes nothing: the connection has served its purpose.
    let _ = connection.close().await;
    check_version(&version)
}

/// The oldest servers whose spatial index survives tiny moves of a point (MySQL
/// bug 36452528).
fn check_version(version: &str) -> Result<(), Failure> {
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
fn failure(error: &sqlx::Error) -> Failure {
    match error {
        sqlx::Error::Database(refusal) => match refusal.try_downcast_ref::<MySqlDatabaseError>() {
            Some(refusal) => refused(refusal.number(), refusal.message()),
            None => Failure::Passing(error.to_string()),
        },
        sqlx::Error::Tls(_) => Failure::lasting(
            error.to_string(),
            "check ssl-mode and ssl-ca in the database URL, and the server's certificate",
        ),
        sqlx::Error::Configuration(_) => {
            Failure::lasting(error.to_string(), "check the database URL")
        }
        _ => Failure::Passing(error.to_string()),
    }
}

fn refused(number: u16, message: &str) -> Failure {
    let advice = match number {
        // Too many connections (of all, of this user), shutting down.
        1040 | 1053 | 1203 | 1226 => return Failure::Passing(message.to_owned()),
        1045 | 1698 => "check user and password in the database URL",
        1044 => "grant the user its rights on this database, or check the database's name",
        1049 => "create it with CREATE DATABASE, or check its name in the database URL",
        1130 | 1129 => "let the server accept this user from this host",
        _ => "see the MySQL manual for this error",
    };
    Failure::lasting(format!("{message} (error {number})"), advice)
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
}
