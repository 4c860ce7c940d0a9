//! How many connections there may be, in all and of one client's network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::http::network::Network;

/// How often the log says that connections are turned away.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    Server,
    /// The client's network has as many as it may have.
    Network,
}

/// Lets connections in; one for all workers.
#[derive(Debug)]
pub struct Gate {
    max: usize,
    max_per_network: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_network: HashMap<Network, usize>,
    turned_away: u64,
    told: Option<Instant>,
}

/// One connection's place. It is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    gate: Arc<Gate>,
    network: Network,
}

impl Gate {
    /// Lets so many in at a time.
    #[must_use]
    pub fn new(max: usize, max_per_network: usize) -> Self {
        Self {
            max,
            max_per_network,
            open: Mutex::default(),
        }
    }

    /// Takes a place for a client with this address.
    ///
    /// # Errors
    /// When none is left.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Result<Place, Full> {
        let network = Network::of(client);
        let mut open = self.open.lock();
        let of_network = open.by_network.get(&network).copied().unwrap_or(0);
        let full = if of_network >= self.max_per_network {
            Full::Network
        } else if open.all >= self.max {
            Full::Server
        } else {
            open.all += 1;
            open.by_network.insert(network, of_network + 1);
            return Ok(Place {
                gate: Arc::clone(self),
                network,
            });
        };
        open.turned_away += 1;
        if open.told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
            open.told = Some(Instant::now());
            let (connections, turned_away) = (open.all, open.turned_away);
            drop(open);
            tracing::warn!(%client, connections, turned_away, ?full, "connections are turned away");
        }
        Err(full)
    }
}

impl Place {
    /// Whether few places are left.
    pub fn is_crowded(&self) -> bool {
        self.gate.open.lock().all * 4 > self.gate.max * 3
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.gate.open.lock();
        open.all -= 1;
        let left = open.by_network.get(&self.network).copied().unwrap_or(1) - 1;
        if left == 0 {
            open.by_network.remove(&self.network);
        } else {
            open.by_network.insert(self.network, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_takes_no_more_than_its_share_and_gives_it_back() {
        let gate = Arc::new(Gate::new(3, 2));
        let enter = |text| gate.enter(address(text));
        let first = enter("10.0.0.1").unwrap();
        let _second = enter("::ffff:10.0.0.1").unwrap();
        assert_eq!(enter("10.0.0.1").unwrap_err(), Full::Network);
        assert!(!first.is_crowded());
        let _third = enter("10.0.0.2").unwrap();
        assert!(first.is_crowded());
        assert_eq!(enter("10.0.0.2").unwrap_err(), Full::Server);
        drop(first);
        enter("10.0.0.1").unwrap();
    }

    #[test]
    fn ipv6_addresses_of_one_64_are_one_network() {
        let gate = Arc::new(Gate::new(10, 1));
        let enter = |text| gate.enter(address(text));
        let first = enter("2001:db8:0:1::1").unwrap();
        assert_eq!(enter("2001:db8:0:1:ffff::9").unwrap_err(), Full::Network);
        let other = enter("2001:db8:0:2::1").unwrap();
        assert_eq!(gate.open.lock().by_network.len(), 2);
        drop((first, other));
        assert!(gate.open.lock().by_network.is_empty());
    }
}
