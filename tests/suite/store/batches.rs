//! Batches: all or nothing, in order.

use nearby::store::BatchError;

use super::{at, draft, full_draft, id, item};
use crate::support::on_both_stores;

on_both_stores! {
    async fn a_batch_creates_and_replaces_and_answers_in_its_order(db: TestDatabase) {
        let store = db.store();
        let old = store.create(&draft("old", None)).await.unwrap();
        let items = [
            item(None, full_draft()),
            item(Some(old.id.get()), draft("new", Some((5.0, 6.0)))),
            item(None, draft("last", None)),
        ];
        let written = store.write_batch(&items[..]).await.unwrap();
        let names: Vec<&str> = written.iter().map(|center| center.text.name.as_str()).collect();
        assert_eq!(names, [full_draft().text().name.as_str(), "new", "last"]);
        assert_eq!(written[1].id, old.id);
        assert_eq!(written[1].position, Some(at(5.0, 6.0)));
        for center in written {
            assert_eq!(store.read(center.id).await.unwrap(), Some(center));
        }
        assert_eq!(store.count().await.unwrap(), 3);
    }

    async fn nothing_of_a_batch_is_written_when_an_id_is_missing(db: TestDatabase) {
        let store = db.store();
        let old = store.create(&draft("old", None)).await.unwrap();
        let items = [
            item(None, draft("new", None)),
            item(Some(old.id.get()), draft("changed", None)),
            item(Some(4_000), draft("missing", None)),
        ];
        let refused = store.write_batch(&items[..]).await.unwrap_err();
        assert!(
            matches!(refused, BatchError::NotFound { index: 2, id: missing } if missing == id(4_000)),
            "{refused}"
        );
        assert_eq!(store.count().await.unwrap(), 1);
        assert_eq!(store.read(old.id).await.unwrap(), Some(old));
    }

    async fn a_thousand_items_are_one_batch(db: TestDatabase) {
        let store = db.store();
        let items = vec![item(None, draft("a", Some((1.0, 2.0)))); 1_000];
        assert_eq!(store.write_batch(&items[..]).await.unwrap().len(), 1_000);
        assert_eq!(store.count().await.unwrap(), 1_000);
    }

    async fn an_empty_batch_is_done_at_once(db: TestDatabase) {
        assert!(db.store().write_batch([]).await.unwrap().is_empty());
    }
}
