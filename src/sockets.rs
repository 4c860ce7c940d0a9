//! Where the service listens: at addresses, or on sockets that whoever started it has opened.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use thiserror::Error;
use tokio::net::TcpSocket;

/// How many connections may wait to be taken.
const BACKLOG: u32 = 1_024;

/// The service cannot listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// At an address.
    #[error("cannot listen on {address}: {cause}; {}", advice(.cause))]
    Address {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// On a socket that it was handed.
    #[error(
        "the socket that this process was started with cannot be listened on: {0}; give it one \
         that listens for TCP, as ListenStream= does in a unit of systemd"
    )]
    Handed(io::Error),
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "another process, or another address given, has the port",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a right: take a higher one, as in 127.0.0.1:8080"
        }
        _ => "take another address, as in 127.0.0.1:8080",
    }
}

/// The sockets that this process was handed, and one at each of these addresses where there
/// are none.
pub(crate) fn open(addresses: Vec<SocketAddr>) -> Result<Vec<TcpListener>, BindError> {
    let handed = handed_over()?;
    if handed.is_empty() {
        return addresses.into_iter().map(listen).collect();
    }
    Ok(handed)
}

/// Sockets that this process was handed (`LISTEN_FDS`), as by systemd, which keeps them open
/// while the service starts again. Only the first call gets them.
fn handed_over() -> Result<Vec<TcpListener>, BindError> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for at in 0..handed.len() {
        let socket = handed.take_tcp_listener(at).map_err(BindError::Handed)?;
        sockets.extend(socket);
    }
    Ok(sockets)
}

/// Listens at an address.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let listening = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A service that starts again need not wait for the connections of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listening().map_err(|cause| BindError::Address { address, cause })
}
