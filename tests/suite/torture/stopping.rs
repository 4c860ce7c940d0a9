//! SIGTERM while clients read and write, and leave when an answer says so.

use std::time::{Duration, Instant};

use super::clients::{Whereabouts, readers, writers};
use super::lasts;
use crate::cli::served::Served;
use crate::support::on_both_stores;

on_both_stores! {
    async fn no_request_is_cut_when_the_service_is_told_to_stop(db: TestDatabase) {
        let ends = Instant::now() + lasts(Duration::from_secs(5));
        let (mut stops, mut reads_made, mut writes_made) = (0, 0, 0);
        while Instant::now() < ends || stops == 0 {
            let served = Served::start(&["--database-url", db.url(), "--drain", "1"]);
            let service = Whereabouts::at(served.url(""));
            let reading = readers(&service, 8, "/nearby?lat=1&lng=1", Duration::ZERO);
            let writing = writers(&service, 4, 100);
            tokio::time::sleep(Duration::from_millis(800)).await;
            tokio::task::spawn_blocking(|| served.stop()).await.expect("it ends");
            let (reads, writes) = (reading.stop().await, writing.stop().await);
            assert_eq!(reads.failed, Vec::<String>::new());
            // All were sent away while it listened.
            assert_eq!(reads.unheard, 0);
            let other = (writes.refused, writes.unsettled, &writes.strange);
            assert_eq!(other, (0, 0, &Vec::new()));
            stops += 1;
            reads_made += reads.took.len();
            writes_made += writes.made;
        }
        println!("{stops} stops: {reads_made} reads and {writes_made} writes answered, 0 cut");
        assert!(reads_made > 0 && writes_made > 0);
    }
}
