//! Waiting for a database that is still starting.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::{ConnectError, Failure};

/// How a database is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// How often it is tried, at least once.
    pub tries: u32,
    /// The pause between two tries, at random, so that the instances of a
    /// service do not all knock at once.
    pub apart: RangeInclusive<Duration>,
    /// How long one try may take.
    pub each: Duration,
}

impl Default for Wait {
    fn default() -> Self {
        Self {
            tries: 10,
            apart: Duration::from_secs(1)..=Duration::from_secs(5),
            each: Duration::from_secs(5),
        }
    }
}

impl Wait {
    /// Tries until it works, lasts, or was tried often enough.
    pub(in crate::store) async fn until_open<T, F>(
        &self,
        database: impl Display,
        attempt: impl Fn() -> F,
    ) -> Result<T, ConnectError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            let met = match tokio::time::timeout(self.each, attempt()).await {
                Ok(Ok(open)) => return Ok(open),
                Ok(Err(Failure::Lasting { reason, advice })) => {
                    return Err(ConnectError::Unusable {
                        database: database.to_string(),
                        reason,
                        advice,
                    });
                }
                Ok(Err(Failure::Passing(reason))) => reason,
                Err(_) => format!("no answer within {:?}", self.each),
            };
            if tried >= self.tries {
                return Err(ConnectError::NoAnswer {
                    database: database.to_string(),
                    tries: tried,
                    last: met,
                });
            }
            let pause = rand::random_range(self.apart.clone());
            tracing::warn!(
                %database,
                "no connection yet (try {tried} of {}): {met}; next try in {:.1} s",
                self.tries,
                pause.as_secs_f64(),
            );
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn hasty() -> Wait {
        Wait {
            tries: 3,
            apart: Duration::from_millis(1)..=Duration::from_millis(2),
            each: Duration::from_millis(20),
        }
    }

    async fn tries_of(
        wait: Wait,
        attempt: impl AsyncFn(u32) -> Result<(), Failure>,
    ) -> (u32, Result<(), ConnectError>) {
        let tries = Cell::new(0);
        let result = wait
            .until_open("db", async || {
                tries.set(tries.get() + 1);
                attempt(tries.get()).await
            })
            .await;
        (tries.get(), result)
    }

    #[tokio::test]
    async fn a_database_that_comes_up_late_is_opened() {
        let (tries, result) = tries_of(hasty(), async |n| match n {
            1 => Err(Failure::Passing("refused".into())),
            2 => std::future::pending().await,
            _ => Ok(()),
        })
        .await;
        assert_eq!(tries, 3);
        assert!(result.is_ok());
    }

    #[tokio::test]
    async fn after_the_last_try_the_error_says_what_it_met() {
        let (tries, result) =
            tries_of(hasty(), async |_| Err(Failure::Passing("refused".into()))).await;
        assert_eq!(tries, 3);
        let text = result.unwrap_err().to_string();
        assert!(
            text.contains("db did not answer in 3 tries: refused"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn what_waiting_cannot_mend_is_tried_once() {
        let (tries, result) = tries_of(hasty(), async |_| {
            Err(Failure::lasting("access denied", "check the password"))
        })
        .await;
        assert_eq!(tries, 1);
        assert_eq!(
            result.unwrap_err().to_string(),
            "cannot use db: access denied; check the password"
        );
    }
}
