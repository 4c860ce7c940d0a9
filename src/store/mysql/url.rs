//! URLs of MySQL.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;
use url::Url;

use super::connect::connect;
use super::feed::Login;
use crate::store::database::{Address, Scheme, bad};
use crate::store::{ConnectError, Database, DatabaseUrlError, PoolSettings};

/// How they look.
pub(in crate::store) const SCHEME: Scheme = Scheme {
    name: "mysql",
    form: "mysql://user:password@host[:port]/database",
    parse: |text| Ok(Arc::new(parse(text)?)),
};

/// The parameters that a MySQL URL may carry. Time zone, character set and SQL
/// mode are ours to set.
const PARAMETERS: [&str; 6] = [
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "socket",
    "statement-cache-capacity",
];

/// Where a MySQL database is and how to log in.
#[derive(Clone)]
pub(super) struct MySqlUrl {
    pub(super) options: Box<MySqlConnectOptions>,
    pub(super) login: Login,
    shown: String,
}

#[async_trait]
impl Address for MySqlUrl {
    fn is_to_be_created(&self) -> bool {
        false
    }

    async fn open(&self, settings: &PoolSettings) -> Result<Database, ConnectError> {
        Ok(Database::of(connect(self, settings).await?))
    }
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

pub(super) fn parse(text: &str) -> Result<MySqlUrl, DatabaseUrlError> {
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
        .find(|(name, _)| !PARAMETERS.contains(&name.as_ref()))
    {
        return Err(bad(format!(
            "has the unknown parameter `{unknown}` (known are {})",
            PARAMETERS.join(", ")
        )));
    }
    let options = MySqlConnectOptions::from_url(&url)
        .map_err(|_| bad("has a wrong value for `ssl-mode` or `statement-cache-capacity`"))?;
    let user = match url.username() {
        "" => String::new(),
        user => format!("{user}@"),
    };
    // An IPv6 address stands in brackets in a URL, and without them elsewhere.
    let options = options.host(host.trim_matches(['[', ']']));
    let login = Login::of(&url, &options).ok_or_else(|| bad("has a password that is not UTF-8"))?;
    Ok(MySqlUrl {
        options: Box::new(options),
        login,
        shown: format!(
            "mysql://{user}{host}:{}/{database}",
            url.port().unwrap_or(3306)
        ),
    })
}
