//! Schemas up, down and up again, with rows in them.

use crate::support::on_both_stores;

on_both_stores! {
    async fn a_migrated_database_holds_centers(db: TestDatabase) {
        db.database().ping().await.unwrap();
        assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 0);
    }
}
