//! How far whoever follows a feed has come.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::GtidSet;

/// How far whoever follows has come, for all who ask.
#[derive(Debug)]
pub struct Progress(watch::Sender<State>);

#[derive(Debug)]
struct State {
    reached: GtidSet,
    /// When the first commit was that has not been followed, as far as is known; `None`
    /// where all have been.
    behind_since: Option<SystemTime>,
    /// Whether that one has been followed, and the next one is still to come.
    is_followed: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(State {
            reached: GtidSet::default(),
            behind_since: Some(SystemTime::now()),
            is_followed: false,
        }))
    }
}

impl Progress {
    /// Everything before these transactions, and they, will be loaded.
    pub fn starts_after(&self, transactions: GtidSet) {
        self.0.send_modify(|state| state.reached = transactions);
    }

    /// A commit of this time is about to be followed.
    pub fn fell_behind(&self, since: SystemTime) {
        self.0.send_modify(|state| {
            let known = state.behind_since.filter(|_| !state.is_followed);
            state.behind_since = Some(known.map_or(since, |known| known.min(since)));
            state.is_followed = false;
        });
    }

    /// These transactions have been followed. Later ones may wait, so that the lag stays
    /// that of the last commit.
    pub fn followed(&self, transactions: &GtidSet) {
        self.0.send_modify(|state| {
            state.reached.merge(transactions);
            state.is_followed = true;
        });
    }

    /// Nothing waits to be followed.
    pub fn caught_up(&self) {
        self.0.send_modify(|state| state.behind_since = None);
    }

    /// What has been followed.
    #[must_use]
    pub fn reached(&self) -> GtidSet {
        self.0.borrow().reached.clone()
    }

    /// Waits until transactions have been followed.
    pub async fn until(&self, transactions: &GtidSet) {
        let mut told = self.0.subscribe();
        // Fails when nobody can follow any more, and `self` is there.
        let _ = told
            .wait_for(|state| state.reached.covers(transactions))
            .await;
    }

    /// How long ago the first commit was that has not been followed; zero where all have
    /// been. Goes by the clocks of both machines.
    #[must_use]
    pub fn lag(&self) -> Duration {
        let since = self.0.borrow().behind_since;
        since.map_or(Duration::ZERO, |since| since.elapsed().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_transactions_goes_on_once_they_are_followed() {
        let set = |text: &str| -> GtidSet { text.parse().unwrap() };
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let progress = Progress::default();
        progress.starts_after(set(&format!("{uuid}:1-5")));
        progress.until(&set(&format!("{uuid}:2-4"))).await;
        let wanted = set(&format!("{uuid}:1-7"));
        let waiting = tokio::time::timeout(Duration::from_millis(20), progress.until(&wanted));
        waiting.await.unwrap_err();
        progress.followed(&set(&format!("{uuid}:6-7")));
        progress.until(&wanted).await;
    }

    #[test]
    fn the_lag_is_that_of_the_first_commit_not_followed() {
        let progress = Progress::default();
        progress.caught_up();
        assert_eq!(progress.lag(), Duration::ZERO);
        let now = SystemTime::now();
        progress.fell_behind(now - Duration::from_secs(9));
        progress.fell_behind(now);
        assert!(progress.lag() >= Duration::from_secs(9));
        // One of many that wait.
        progress.followed(&GtidSet::default());
        assert!(progress.lag() >= Duration::from_secs(9));
        progress.fell_behind(now - Duration::from_secs(5));
        let five = Duration::from_secs(5)..Duration::from_secs(9);
        assert!(five.contains(&progress.lag()));
        progress.followed(&GtidSet::default());
        progress.caught_up();
        assert_eq!(progress.lag(), Duration::ZERO);
        // Another machine's clock may be ahead.
        progress.followed(&GtidSet::default());
        progress.fell_behind(now + Duration::from_mins(1));
        assert_eq!(progress.lag(), Duration::ZERO);
    }
}
