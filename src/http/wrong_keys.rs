//! Who shows wrong keys is slowed down: of one network, ten in a row are looked at, then one
//! every six seconds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::network::Network;
use super::problem::Limit;

/// The wrong keys of one network that are looked at in a row.
const AT_ONCE: u32 = 10;
/// After how long another one is.
const ONE_EVERY: Duration = Duration::from_secs(6);
/// The most networks that are remembered.
const MAX_NETWORKS: usize = 10_000;

/// What a network is told that has to wait so long.
pub fn limit(wait: Duration) -> Limit {
    Limit::of_wrong_keys(AT_ONCE, ONE_EVERY * AT_ONCE, wait)
}

/// The wrong keys that were shown lately; one for all workers.
#[derive(Debug, Default)]
pub struct WrongKeys(Mutex<HashMap<Network, Instant>>);

impl WrongKeys {
    /// Refuses to look at a key of a network that has shown too many wrong ones.
    ///
    /// # Errors
    /// After how long one is looked at.
    pub fn check(&self, network: Network, now: Instant) -> Result<(), Duration> {
        let forgotten = self.0.lock().get(&network).copied();
        // Each wrong key is remembered for a while, one after another.
        let longest = ONE_EVERY * AT_ONCE;
        let left = forgotten.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        match (left + ONE_EVERY).checked_sub(longest) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(wait) => Err(wait),
        }
    }

    /// Remembers a wrong key.
    pub fn remember(&self, network: Network, now: Instant) {
        let mut forgotten = self.0.lock();
        if forgotten.len() >= MAX_NETWORKS {
            forgotten.retain(|_, at| *at > now);
        }
        if forgotten.len() >= MAX_NETWORKS && !forgotten.contains_key(&network) {
            return;
        }
        let at = forgotten.entry(network).or_insert(now);
        *at = (*at).max(now) + ONE_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_keys_are_looked_at_and_then_one_every_six_seconds() {
        let wrong = WrongKeys::default();
        let network = |text: &str| Network::of(text.parse().unwrap());
        let (one, other) = (network("10.0.0.1"), network("10.0.0.2"));
        let start = Instant::now();
        for _ in 0..AT_ONCE {
            assert_eq!(wrong.check(one, start), Ok(()));
            wrong.remember(one, start);
        }
        assert_eq!(wrong.check(one, start), Err(ONE_EVERY));
        assert_eq!(wrong.check(other, start), Ok(()));
        let later = start + ONE_EVERY;
        assert_eq!(wrong.check(one, later), Ok(()));
        wrong.remember(one, later);
        assert_eq!(wrong.check(one, later), Err(ONE_EVERY));
        assert_eq!(wrong.check(one, later + ONE_EVERY * AT_ONCE), Ok(()));
    }
}
