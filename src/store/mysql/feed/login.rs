//! How the connection that the log comes by logs in: as all others do.

use std::path::PathBuf;

use mysql_async::{ClientIdentity, Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use url::Url;

/// The longest event that is taken: as long as the server can send.
const LONGEST_EVENT: usize = 1 << 30;
/// How long the server waits for the next word, in seconds.
const WAIT_TIMEOUT_S: usize = 28_800;

/// Where the server is and how to log in.
#[derive(Clone)]
pub(in crate::store::mysql) struct Login {
    options: OptsBuilder,
    /// How connections are encrypted; `None` where they are not.
    tls: Option<SslOpts>,
    /// Whether a connection that is not encrypted will do where the server has no TLS.
    may_be_plain: bool,
}

impl Login {
    /// The login that a URL says, and what was understood of it.
    pub(in crate::store::mysql) fn of(url: &Url, options: &MySqlConnectOptions) -> Option<Self> {
        let mut bare = url.clone();
        bare.set_query(None);
        let password = Opts::from_url(bare.as_str())
            .ok()?
            .pass()
            .map(str::to_owned);
        let socket = options.get_socket().map(|path| path.display().to_string());
        let mode = options.get_ssl_mode();
        let tls = match mode {
            MySqlSslMode::Disabled => None,
            // A socket leads to this machine.
            _ if socket.is_some() => None,
            mode => Some(tls(url, mode)),
        };
        Some(Self {
            options: OptsBuilder::default()
                .ip_or_hostname(options.get_host())
                .tcp_port(options.get_port())
                .user(Some(options.get_username()))
                .pass(password)
                .db_name(options.get_database())
                .prefer_socket(false)
                .socket(socket)
                .max_allowed_packet(Some(LONGEST_EVENT))
                .wait_timeout(Some(WAIT_TIMEOUT_S)),
            tls,
            may_be_plain: matches!(mode, MySqlSslMode::Preferred),
        })
    }

    /// Whether it was asked who signed the server's certificate, and not whose it is.
    pub(super) fn checks_authority_alone(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| !tls.accept_invalid_certs() && tls.skip_domain_validation())
    }

    /// Logs in.
    pub(super) async fn connect(&self) -> mysql_async::Result<Conn> {
        let options = self.options.clone().ssl_opts(self.tls.clone());
        match Conn::new(options).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.may_be_plain => {
                Conn::new(self.options.clone()).await
            }
            connection => connection,
        }
    }
}

fn tls(url: &Url, mode: MySqlSslMode) -> SslOpts {
    let file = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| PathBuf::from(&*value))
    };
    let checks = matches!(mode, MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity);
    let checks_name = matches!(mode, MySqlSslMode::VerifyIdentity);
    let identity = file("ssl-cert").zip(file("ssl-key"));
    SslOpts::default()
        .with_danger_accept_invalid_certs(!checks)
        .with_danger_skip_domain_validation(!checks_name)
        .with_root_certs(file("ssl-ca").into_iter().map(Into::into).collect())
        .with_client_identity(
            identity.map(|(cert, key)| ClientIdentity::new(cert.into(), key.into())),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::mysql::url::parse;

    fn options(text: &str) -> (Opts, Option<SslOpts>, bool) {
        let login = parse(text).unwrap().servers.remove(0).login;
        (login.options.into(), login.tls, login.may_be_plain)
    }

    #[test]
    fn a_login_is_what_the_url_says() {
        let (options, tls, may_be_plain) = options("mysql://u%40x:p%40s+s%3A@[::1]:3307/d%20b");
        assert_eq!(options.user(), Some("u@x"));
        assert_eq!(options.pass(), Some("p@s+s:"));
        assert_eq!(options.db_name(), Some("d b"));
        assert_eq!(
            (options.ip_or_hostname(), options.tcp_port()),
            ("::1", 3307)
        );
        let tls = tls.expect("it is encrypted if possible");
        assert!(tls.accept_invalid_certs() && may_be_plain);
    }

    #[test]
    fn it_is_encrypted_as_other_connections_are() {
        let with = |query: &str| options(&format!("mysql://root@h/d?{query}"));
        assert!(with("ssl-mode=disabled").1.is_none());
        let (_, tls, may_be_plain) = with("ssl-mode=required");
        assert!(tls.unwrap().accept_invalid_certs() && !may_be_plain);
        let (_, tls, _) = with("ssl-mode=verify_ca&ssl-ca=/ca.pem");
        let tls = tls.unwrap();
        assert!(!tls.accept_invalid_certs() && tls.skip_domain_validation());
        assert_eq!(tls.root_certs().len(), 1);
        let (_, tls, _) = with("ssl-mode=verify_identity&ssl-cert=/c.pem&ssl-key=/k.pem");
        let tls = tls.unwrap();
        assert!(!tls.skip_domain_validation() && tls.client_identity().is_some());
    }
}
