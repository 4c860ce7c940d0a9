//! Which database: the text of `--database-url`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use super::{ConnectError, Database, PoolSettings};
use crate::store::{mysql, sqlite};

/// The databases there are.
const SCHEMES: [Scheme; 2] = [mysql::SCHEME, sqlite::SCHEME];

/// How the URLs of one kind of database look.
pub(in crate::store) struct Scheme {
    /// What stands before the colon.
    pub name: &'static str,
    /// The whole, for messages.
    pub form: &'static str,
    /// Reads a URL, which is given as a whole.
    pub parse: fn(&str) -> Result<Arc<dyn Address>, DatabaseUrlError>,
}

/// Where a database is. Shows itself without its password.
#[async_trait]
pub(in crate::store) trait Address:
    fmt::Display + fmt::Debug + Send + Sync
{
    /// Whether nothing is there yet, and opening it would create it.
    fn is_to_be_created(&self) -> bool;

    /// Opens it, as [`Database::connect`] does.
    async fn open(&self, settings: &PoolSettings) -> Result<Database, ConnectError>;
}

/// Why a text names no database. It may hold a password, so no part of it is
/// repeated but its scheme and the names of its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the database URL {reason}; write {}", forms())]
pub struct DatabaseUrlError {
    reason: String,
}

pub(in crate::store) fn bad(reason: impl Into<String>) -> DatabaseUrlError {
    DatabaseUrlError {
        reason: reason.into(),
    }
}

/// The forms that are understood, for messages.
fn forms() -> String {
    SCHEMES
        .map(|scheme| format!("`{}`", scheme.form))
        .join(" or ")
}

/// Which database to open. Shows itself without its password.
#[derive(Debug, Clone)]
pub struct DatabaseUrl(Arc<dyn Address>);

impl DatabaseUrl {
    /// The embedded database in a file.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self(sqlite::address(path))
    }

    /// Whether nothing is there yet, and opening it would create it.
    #[must_use]
    pub fn is_to_be_created(&self) -> bool {
        self.0.is_to_be_created()
    }

    pub(super) async fn open(&self, settings: &PoolSettings) -> Result<Database, ConnectError> {
        self.0.open(settings).await
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((name, rest)) = text.split_once(':') else {
            return Err(bad("has no scheme"));
        };
        if let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == name) {
            return (scheme.parse)(text).map(Self);
        }
        match name {
            "mariadb" => Err(bad(
                "is for MariaDB, which lacks the spatial functions that this needs",
            )),
            _ if name.chars().all(|c| c.is_ascii_alphanumeric()) && rest.starts_with("//") => {
                Err(bad(format!("has the unknown scheme `{name}`")))
            }
            _ => Err(bad("has no known scheme")),
        }
    }
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
            assert_eq!(shown(text), format!("sqlite:{path}"));
        }
    }

    #[test]
    fn several_hosts_are_servers_of_one_database() {
        assert_eq!(
            shown("mysql://u:p,w@a:3307,b,[::1]:3308/d?write=primary&ssl-mode=REQUIRED"),
            "mysql://u@a:3307,b:3306,[::1]:3308/d"
        );
        assert_eq!(shown("mysql://a/d?write=primary"), "mysql://a:3306/d");
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
            "mysql://u:s3cret@h,/a",
            "mysql://u:s3cret@h,h/a",
            "mysql://u:s3cret@g,h:port/a",
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
            ("mysql://root@a,/d", "a comma with no host beside it"),
            ("mysql://root@a,,b/d", "a comma with no host beside it"),
            ("mysql://root@a:3306,a/d", "a host twice with the same port"),
            ("mysql://root@a,b:port/d", "cannot be read"),
            ("mysql://root@a,b", "names no database"),
            ("mysql://root@a,b/d?socket=/s", "names several hosts"),
            ("mysql://root@a,b/d?write=any", "wrong value for `write`"),
            ("mysql://a,b,c,d,e,f,g,h,i,j/d", "names 10 hosts (at most 9"),
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "in memory"),
            ("sqlite:a.gpkg?mode=ro", "has parameters"),
        ] {
            let error = refused(text);
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains(&forms()), "{text}: {error}");
        }
    }
}
