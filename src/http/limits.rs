//! How many requests of one network are taken.

use std::time::Duration;

use actix_web::HttpRequest;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::allowance;
use super::network::{Network, address_of};
use super::problem::{Limit, NETWORK, Problem};
use crate::domain::Rate;

/// How often networks are forgotten that sent nothing for a while.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// The requests of each network; one for all workers.
#[derive(Debug)]
pub struct Limits {
    rate: Rate,
    of_networks: OfNetworks,
}

type OfNetworks =
    RateLimiter<Network, DefaultKeyedStateStore<Network>, DefaultClock, StateInformationMiddleware>;

impl Limits {
    /// So many requests of one network.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.requests_per_minute());
        Self {
            rate,
            of_networks: RateLimiter::keyed(quota).with_middleware(),
        }
    }

    /// Refuses a request of a network that sends more.
    ///
    /// # Errors
    /// When it does.
    pub(super) fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let (_, network) = address_of(request);
        let per_minute = self.rate.requests_per_minute().get();
        match self.of_networks.check_key(&network) {
            Ok(state) => {
                allowance::remember(request, NETWORK, per_minute, &state);
                Ok(())
            }
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                Err(Problem::too_many_requests(&Limit::of_network(
                    per_minute, wait,
                )))
            }
        }
    }

    /// Forgets networks that may send all that they may again, until it is dropped.
    pub async fn forget(&self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            self.of_networks.retain_recent();
            self.of_networks.shrink_to_fit();
        }
    }
}
