//! Where a client is, also behind proxies.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use ipnet::IpNet;

use super::state::State;

/// The network of a client: one household or machine has all addresses of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// One address.
    V4(Ipv4Addr),
    /// The first 64 bits.
    V6(u64),
}

impl Network {
    /// The network of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// The proxies whose word on where a request came from counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of a client: that of the connection, unless it is a proxy's; then the last
    /// address in its header that is none of a proxy.
    ///
    /// A proxy writes one header and lets the other through as its client sent it. Where both
    /// are there, nobody knows which one is true, and the connection's address counts.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.has(peer) {
            return peer;
        }
        let is_there = |name: HeaderName| headers.contains_key(name);
        let told = match (is_there(FORWARDED), is_there(X_FORWARDED_FOR)) {
            (true, false) => addresses(headers, &FORWARDED, forwarded_for),
            (false, true) => addresses(headers, &X_FORWARDED_FOR, address),
            (true, true) | (false, false) => return peer,
        };
        let mut client = peer;
        for address in told.into_iter().rev() {
            match address {
                Some(address) => client = address.to_canonical(),
                // Whoever hides behind `unknown` or worse is the proxy's affair.
                None => return client,
            }
            if !self.has(client) {
                return client;
            }
        }
        client
    }
}

/// What a header that may be repeated says of addresses, the nearest last.
fn addresses(
    headers: &HeaderMap,
    name: &HeaderName,
    read: fn(&str) -> Option<IpAddr>,
) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(name).map(|line| line.to_str().ok());
    lines
        .flat_map(|line| match line {
            Some(line) => line.split(',').map(|part| read(part.trim())).collect(),
            None => vec![None],
        })
        .collect()
}

/// `for` of an element of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut nodes = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = nodes.next()?;
    address(node.trim().trim_matches('"'))
}

/// An address, in brackets or not, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => text
            .rsplit_once(':')?
            .0
            .parse::<Ipv4Addr>()
            .ok()
            .map(Into::into),
    }
}

/// The address that a request came from, and its network.
pub(super) fn address_of(request: &HttpRequest) -> (IpAddr, Network) {
    // Those without one share their fate.
    let peer = request.peer_addr();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let proxies = &State::of(request).trusted_proxies;
    let address = proxies.client(peer, request.headers());
    (address, Network::of(address))
}

/// Whether what headers say of the address that a client asked is believed: where proxies are
/// named, theirs only.
pub(super) fn believes_proxy(request: &HttpRequest) -> bool {
    let proxies = &State::of(request).trusted_proxies;
    let peer = request.peer_addr();
    proxies.0.is_empty() || peer.is_some_and(|peer| proxies.has(peer.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, lines: &[(HeaderName, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"];
        let proxies = TrustedProxies::new(trusted.map(|text| text.parse().unwrap()).to_vec());
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_word_of_a_proxy_counts_and_that_of_a_client_does_not() {
        let told = |value| [(X_FORWARDED_FOR, value)];
        assert_eq!(client("203.0.113.9", &told("198.51.100.1")), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &told("198.51.100.1")), "198.51.100.1");
        assert_eq!(
            client("::ffff:10.0.0.1", &told("198.51.100.1")),
            "198.51.100.1"
        );
        // What stands before the address that a proxy saw is what its client claims.
        assert_eq!(
            client("10.0.0.1", &told("192.168.0.1, 198.51.100.1")),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &told("8.8.8.8,198.51.100.1, 192.0.2.7")),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &told("8.8.8.8, nonsense, 192.0.2.7")),
            "192.0.2.7"
        );
        assert_eq!(client("10.0.0.1", &told("")), "10.0.0.1");
        assert_eq!(
            client("10.0.0.1", &told("198.51.100.1:4711")),
            "198.51.100.1"
        );
        let two_lines = [
            (X_FORWARDED_FOR, "8.8.8.8"),
            (X_FORWARDED_FOR, "198.51.100.1"),
        ];
        assert_eq!(client("10.0.0.1", &two_lines), "198.51.100.1");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        let told = |value| client("2001:db8::1", &[(FORWARDED, value)]);
        assert_eq!(
            told("for=198.51.100.1;proto=https;by=10.0.0.1"),
            "198.51.100.1"
        );
        assert_eq!(told("For=\"[2001:dead::7]:4711\""), "2001:dead::7");
        assert_eq!(told("for=8.8.8.8, for=198.51.100.1"), "198.51.100.1");
        assert_eq!(told("for=8.8.8.8, for=unknown"), "2001:db8::1");
        assert_eq!(told("proto=https"), "2001:db8::1");
    }

    #[test]
    fn of_two_headers_neither_counts() {
        let both = [
            (FORWARDED, "for=8.8.8.8"),
            (X_FORWARDED_FOR, "198.51.100.1"),
        ];
        assert_eq!(client("10.0.0.1", &both), "10.0.0.1");
    }
}
