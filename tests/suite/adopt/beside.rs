//! Others who hold the table, and other adoptions.

use std::time::{Duration, Instant};

use nearby::store::{AdoptError, Collection};
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use super::neighbour::{Kind, divemap, nearby};
use crate::support::holds_once_in_three;

/// An `ALTER TABLE` that waits for it would hold up everybody who comes after.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_transaction_that_stays_open_is_waited_for_without_freezing_others() {
    holds_once_in_three(async || {
        let longest = longest_wait_beside_an_open_transaction().await;
        if longest < Duration::from_millis(2_500) {
            Ok(())
        } else {
            Err(format!("others waited for {longest:?}"))
        }
    })
    .await;
}

async fn longest_wait_beside_an_open_transaction() -> Duration {
    let db = divemap(Kind::Ignorant, 500).await;
    let mut holding = MySqlConnection::connect(db.url()).await.unwrap();
    let mut open = holding.begin().await.unwrap();
    open.execute("SELECT COUNT(*) FROM diving_centers")
        .await
        .unwrap();
    let others = async {
        let start = Instant::now();
        let mut longest = Duration::ZERO;
        while start.elapsed() < Duration::from_secs(5) {
            let begun = Instant::now();
            db.execute("UPDATE diving_centers SET view_count = view_count + 1 WHERE id = 7")
                .await;
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        open.rollback().await.unwrap();
        longest
    };
    let (adopted, longest) = tokio::join!(nearby(&db, &["adopt", "--apply"]), others);
    adopted.assert(0, &["others use the table; trying again in a moment"]);
    nearby(&db, &["adopt"]).await.assert(0, &[]);
    longest
}

/// It reads some thousand rows of others to tell how long the index will take.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_look_waits_for_no_row_that_others_write_and_locks_none() {
    let db = divemap(Kind::Ignorant, 4_000).await;
    let mut theirs = MySqlConnection::connect(db.url()).await.unwrap();
    let mut open = theirs.begin().await.unwrap();
    open.execute("UPDATE diving_centers SET name = 'held' WHERE id = 1001")
        .await
        .unwrap();
    let waiting = "SELECT COUNT(*) FROM performance_schema.data_locks \
         WHERE OBJECT_SCHEMA = DATABASE() AND LOCK_STATUS = 'WAITING'";
    let watching = async {
        while db.number(waiting).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let looked = tokio::select! {
        looked = nearby(&db, &["adopt"]) => looked,
        () = watching => panic!("it waits for a row"),
    };
    looked.assert(1, &[]);
    open.rollback().await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn two_adoptions_of_a_table_are_kept_apart_and_a_look_is_not() {
    let db = divemap(Kind::WithLocation, 50).await;
    let collection = Collection::diving_centers();
    let first = db.database().begin_adoption(&collection).await.unwrap();
    let second = db.database().begin_adoption(&collection).await;
    assert!(matches!(second, Err(AdoptError::Busy { .. })), "{second:?}");
    nearby(&db, &["adopt", "--apply"]).await.assert(
        2,
        &["another `nearby adopt --apply` works on diving_centers"],
    );
    nearby(&db, &["adopt"]).await.assert(1, &[]);
    drop(first);
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
}
