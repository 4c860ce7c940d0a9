//! Standing before the server of a database.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use url::Url;

use super::TestDatabase;

/// A listener to be reached instead of the server of a database; the URL of the database by
/// way of it, and where the server is.
pub(super) async fn stand_before(db: &TestDatabase) -> (TcpListener, Url, SocketAddr) {
    let mut url = Url::parse(db.url()).expect("it is a URL");
    let host = url.host_str().expect("it has a host").to_owned();
    let mut found = tokio::net::lookup_host((host, url.port().unwrap_or(3306)))
        .await
        .expect("the host is known");
    let server = found.next().expect("the host has an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it listens");
    let port = listener.local_addr().expect("it listens").port();
    url.set_host(Some("127.0.0.1")).expect("it is a host");
    url.set_port(Some(port)).expect("it has a host");
    (listener, url, server)
}
