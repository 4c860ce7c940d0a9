//! The service is killed again and again while clients write.

use std::time::{Duration, Instant};

use rand::RngExt as _;

use super::clients::{Whereabouts, writers};
use super::{is_in_step, lasts};
use crate::cli::served::Served;
use crate::support::on_both_stores;

on_both_stores! {
    async fn what_was_acknowledged_is_there_however_often_the_service_is_killed(db: TestDatabase) {
        let ends = Instant::now() + lasts(Duration::from_secs(8));
        let serve = || Served::start(&["--database-url", db.url()]);
        let mut served = serve();
        let service = Whereabouts::at(served.url(""));
        let clients = writers(&service, 20, 200);
        let mut kills = 0;
        while Instant::now() < ends {
            let lives = rand::rng().random_range(200..1_500);
            tokio::time::sleep(Duration::from_millis(lives)).await;
            drop(served);
            kills += 1;
            served = serve();
            service.moved_to(served.url(""));
        }
        let ledger = clients.stop().await;
        let store = if db.is_mysql() { "MySQL" } else { "embedded file" };
        ledger.holds(&db, &format!("{store}: {kills} kills of the service")).await;
        is_in_step(&db).await;
        served.stop();
    }
}
