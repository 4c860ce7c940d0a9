//! An address that leads to one server, and later to another.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::TestDatabase;
use super::before::stand_before;

/// Passes connections on, as a proxy or a moved IP address does. One that was made stays with
/// its server.
#[derive(Debug)]
pub struct Address {
    url: String,
    leads_to: Arc<Mutex<SocketAddr>>,
}

impl Address {
    /// One that leads to the server of a database.
    pub async fn of(db: &TestDatabase) -> Self {
        let (listener, url, server) = stand_before(db).await;
        let leads_to = Arc::new(Mutex::new(server));
        tokio::spawn(pass_on(listener, Arc::clone(&leads_to)));
        Self {
            url: url.into(),
            leads_to,
        }
    }

    /// The URL of the database by way of this.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on new connections come to another server.
    pub fn leads_to(&self, server: &str) {
        let url = Url::parse(server).expect("it is a URL");
        let found = url.socket_addrs(|| Some(3306)).expect("it is found");
        *self.leads_to.lock() = found[0];
    }
}

async fn pass_on(listener: TcpListener, leads_to: Arc<Mutex<SocketAddr>>) {
    loop {
        let (mut client, _) = listener.accept().await.expect("it accepts");
        let server = *leads_to.lock();
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
