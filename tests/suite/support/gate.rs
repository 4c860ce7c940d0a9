//! A way to MySQL that can be shut.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::TestDatabase;
use super::before::stand_before;

/// Stands before the server of a database and passes everything on while it is open.
#[derive(Debug)]
pub struct Gate {
    url: String,
    is_open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// An open one.
    pub async fn before(db: &TestDatabase) -> Self {
        let (listener, url, server) = stand_before(db).await;
        let is_open = Arc::new(watch::Sender::new(true));
        tokio::spawn(pass_on(listener, server, Arc::clone(&is_open)));
        Self {
            url: url.into(),
            is_open,
        }
    }

    /// The URL of the database by way of this.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every connection, and every new one at once.
    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Lets new ones in again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass_on(listener: TcpListener, server: SocketAddr, is_open: Arc<watch::Sender<bool>>) {
    loop {
        let (mut client, _) = listener.accept().await.expect("it accepts");
        let mut told = is_open.subscribe();
        if !*told.borrow_and_update() {
            continue;
        }
        tokio::spawn(async move {
            let mut server = TcpStream::connect(server).await.expect("MySQL is there");
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                _ = told.wait_for(|is_open| !is_open) => {}
            }
        });
    }
}
