//! Which database: the text of `--database-url`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;
use thiserror::Error;
use url::Url;

/// The forms that are understood, for messages.
const FORMS: &str = "`mysql://user:password@host[:port]/database` or `sqlite:PATH`";

/// The parameters that a MySQL URL may carry. Time zone, character set and SQL
/// mode are ours to set.
const MYSQL_PARAMETERS: [&str; 6] = [
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "socket",
    "statement-cache-capacity",
];

/// Why a text names no database. It may hold a password, so no part of it is
/// repeated but its scheme and the names of its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the database URL {reason}; write {FORMS}")]
pub struct DatabaseUrlError {
    reason: String,
}

fn bad(reason: impl Into<String>) -> DatabaseUrlError {
    DatabaseUrlError {
        reason: reason.into(),
    }
}

/// Which database to open. Shows itself without its password.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// A database on a MySQL server.
    MySql(MySqlUrl),
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// Where a MySQL database is and how to log in.
#[derive(Clone)]
pub struct MySqlUrl {
    pub(super) options: Box<MySqlConnectOptions>,
    shown: String,
}

impl fmt::Display for MySqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for MySqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MySqlUrl").field(&self.shown).finish()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MySql(url) => url.fmt(f),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(bad("has no scheme"));
        };
        match scheme {
            "mysql" => parse_mysql(text).map(Self::MySql),
            "sqlite" => parse_sqlite(rest).map(Self::Sqlite),
            "mariadb" => Err(bad(
                "is for MariaDB, which lacks the spatial functions that this needs",
            )),
            _ if scheme.chars().all(|c| c.is_ascii_alphanumeric()) && rest.starts_with("//") => {
                Err(bad(format!("has the unknown scheme `{scheme}`")))
            }
            _ => Err(bad("has no known scheme")),
        }
    }
}

fn parse_mysql(text: &str) -> Result<MySqlUrl, DatabaseUrlError> {
    if !text.starts_with("mysql://") {
        return Err(bad("lacks `//` after `mysql:`"));
    }
    let url = Url::parse(text).map_err(|error| {
        bad(format!(
            "cannot be read ({error}: in user and password, write characters such as @ : / ? # as %40 %3A %2F %3F %23)"
        ))
    })?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| bad("names no host"))?;
    let database = url.path().trim_start_matches('/');
    if database.is_empty() {
        return Err(bad("names no database"));
    }
    if database.contains('/') {
        return Err(bad("has a `/` in the name of its database"));
    }
    if url.fragment().is_some() {
        return Err(bad("has a `#`: in a password, write it as %23"));
    }
    if let Some((unknown, _)) = url
        .query_pairs()
        .find(|(name, _)| !MYSQL_PARAMETERS.contains(&name.as_ref()))
    {
        return Err(bad(format!(
            "has the unknown parameter `{unknown}` (known are {})",
            MYSQL_PARAMETERS.join(", ")
        )));
    }
    let options = MySqlConnectOptions::from_url(&url)
        .map_err(|_| bad("has a wrong value for `ssl-mode` or `statement-cache-capacity`"))?;
    let user = match url.username() {
        "" => String::new(),
        user => format!("{user}@"),
    };
    Ok(MySqlUrl {
        // An IPv6 address stands in brackets in a URL, and without them elsewhere.
        options: Box::new(options.host(host.trim_matches(['[', ']']))),
        shown: format!(
            "mysql://{user}{host}:{}/{database}",
            url.port().unwrap_or(3306)
        ),
    })
}

fn parse_sqlite(rest: &str) -> Result<PathBuf, DatabaseUrlError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err(bad("names no file"));
    }
    if path == ":memory:" {
        return Err(bad("asks for a database in memory, which is not supported"));
    }
    if path.contains('?') {
        return Err(bad("has parameters, which a SQLite file takes none of"));
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<DatabaseUrl>().unwrap().to_string()
    }

    fn refused(text: &str) -> String {
        text.parse::<DatabaseUrl>().unwrap_err().to_string()
    }

    #[test]
    fn both_forms_are_understood() {
        assert_eq!(
            shown("mysql://root@localhost/a"),
            "mysql://root@localhost:3306/a"
        );
        assert_eq!(shown("mysql://u:p@[::1]:3307/a"), "mysql://u@[::1]:3307/a");
        assert_eq!(
            shown("mysql://u:p@db.example/a?ssl-mode=REQUIRED"),
            "mysql://u@db.example:3306/a"
        );
        for (text, path) in [
            ("sqlite:nearby.gpkg", "nearby.gpkg"),
            ("sqlite://nearby.gpkg", "nearby.gpkg"),
            ("sqlite:///var/lib/a b.gpkg", "/var/lib/a b.gpkg"),
            ("sqlite:/var/lib/n.gpkg", "/var/lib/n.gpkg"),
        ] {
            let DatabaseUrl::Sqlite(parsed) = text.parse().unwrap() else {
                panic!("{text} is SQLite");
            };
            assert_eq!(parsed, PathBuf::from(path));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let url: DatabaseUrl = "mysql://u:s3cret@h/a".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("s3cret"));
        for text in [
            "mysql:u:s3cret@h/a",
            "mysq://u:s3cret@h/a",
            "u:s3cret@h/a",
            "mysql://u:s3cret@h",
            "mysql://u:s3cret@h/a/b",
            "mysql://u:s3cret@h/a?x=y",
            "mysql://u:s3cret#@h/a",
            "mysql://u:s3cret@h:port/a",
            "mysql://u:s3cret@h/a?ssl-mode=s3cret",
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_the_forms_there_are() {
        for (text, reason) in [
            ("", "has no scheme"),
            ("nearby.gpkg", "has no scheme"),
            ("mysq://root@localhost/a", "unknown scheme `mysq`"),
            ("postgres://localhost/a", "unknown scheme `postgres`"),
            ("mariadb://localhost/a", "MariaDB"),
            ("mysql:root@localhost/a", "lacks `//`"),
            ("mysql://root@localhost", "names no database"),
            ("mysql://root@localhost/", "names no database"),
            ("mysql:///a", "names no host"),
            (
                "mysql://root@localhost/a?time-zone=CET",
                "unknown parameter `time-zone`",
            ),
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "in memory"),
            ("sqlite:a.gpkg?mode=ro", "has parameters"),
        ] {
            let error = refused(text);
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains(FORMS), "{text}: {error}");
        }
    }
}
