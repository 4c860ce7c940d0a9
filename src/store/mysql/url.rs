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
    form: "mysql://user:password@host[:port][,host[:port]…]/database",
    parse: |text| Ok(Arc::new(parse(text)?)),
};

/// The parameters that a MySQL URL may carry. Time zone, character set and SQL
/// mode are ours to set.
const PARAMETERS: [&str; 7] = [
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "socket",
    "statement-cache-capacity",
    "write",
];

/// The one value of the parameter `write`: writes go to the server that takes them.
const WRITE: &str = "primary";

/// As many servers as a group has at most.
const MOST_SERVERS: usize = 9;

/// Where the servers of a MySQL database are and how to log in.
#[derive(Clone)]
pub(super) struct MySqlUrl {
    /// At least one.
    pub(super) servers: Vec<Server>,
    shown: String,
}

/// Where one of them is and how to log in. Shows itself as host and port.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) options: MySqlConnectOptions,
    pub(super) login: Login,
    pub(super) address: String,
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

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.address).finish()
    }
}

pub(super) fn parse(text: &str) -> Result<MySqlUrl, DatabaseUrlError> {
    let rest = text.strip_prefix("mysql://");
    let rest = rest.ok_or_else(|| bad("lacks `//` after `mysql:`"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, what) = rest.split_at(end);
    let (login, hosts) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let hosts: Vec<&str> = hosts.split(',').collect();
    if hosts.len() > MOST_SERVERS {
        return Err(bad(format!(
            "names {} hosts (at most {MOST_SERVERS} are allowed)",
            hosts.len()
        )));
    }
    if hosts.len() > 1 && hosts.iter().any(|host| host.is_empty()) {
        return Err(bad("has a comma with no host beside it"));
    }
    let urls = hosts.iter().map(|host| {
        // What each of them would be by itself.
        Url::parse(&format!("mysql://{login}{host}{what}")).map_err(|error| {
            bad(format!(
                "cannot be read ({error}: in user and password, write characters such as @ : / ? # as %40 %3A %2F %3F %23)"
            ))
        })
    });
    let urls: Vec<Url> = urls.collect::<Result<_, _>>()?;
    let servers: Vec<Server> = urls.iter().map(server).collect::<Result<_, _>>()?;
    let addresses: Vec<&str> = servers.iter().map(|server| &*server.address).collect();
    if (1..addresses.len()).any(|at| addresses[..at].contains(&addresses[at])) {
        return Err(bad("names a host twice with the same port"));
    }
    if servers.len() > 1 && servers[0].options.get_socket().is_some() {
        return Err(bad(
            "has a `socket`, which leads to one server, and names several hosts",
        ));
    }
    // All are alike but for the hosts.
    let url = &urls[0];
    let user = match url.username() {
        "" => String::new(),
        user => format!("{user}@"),
    };
    Ok(MySqlUrl {
        shown: format!("mysql://{user}{}{}", addresses.join(","), url.path()),
        servers,
    })
}

/// Reads a URL that names one host.
fn server(url: &Url) -> Result<Server, DatabaseUrlError> {
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
    let mut pairs = url.query_pairs();
    if pairs.any(|(name, value)| name == "write" && value != WRITE) {
        return Err(bad(format!(
            "has a wrong value for `write` (allowed is `write={WRITE}`, which is the default)"
        )));
    }
    let options = MySqlConnectOptions::from_url(url)
        .map_err(|_| bad("has a wrong value for `ssl-mode` or `statement-cache-capacity`"))?;
    // An IPv6 address stands in brackets in a URL, and without them elsewhere.
    let options = options.host(host.trim_matches(['[', ']']));
    let login = Login::of(url, &options).ok_or_else(|| bad("has a password that is not UTF-8"))?;
    Ok(Server {
        options,
        login,
        address: format!("{host}:{}", url.port().unwrap_or(3306)),
    })
}
