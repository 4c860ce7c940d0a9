//! Imports: many rows at once, counted by what became of them.

use nearby::domain::{CenterDraft, CenterText, Filter};
use nearby::store::Upserted;

use super::{at, draft, full_draft, id, item};
use crate::support::on_both_stores;

on_both_stores! {
    async fn rows_are_inserted_updated_or_left_and_counted_so(db: TestDatabase) {
        let store = db.store();
        let first = [
            item(Some(5), full_draft()),
            item(Some(7), draft("moves", Some((1.0, 2.0)))),
            item(Some(8), draft("stays", None)),
            item(None, draft("no id", Some((3.0, 4.0)))),
        ];
        let inserted = Upserted { inserted: 4, ..Upserted::default() };
        assert_eq!(store.upsert(&first).await.unwrap(), inserted);
        assert_eq!(&store.read(id(5)).await.unwrap().unwrap().text, full_draft().text());

        let second = [
            item(Some(5), full_draft()),
            item(Some(7), draft("moves", Some((1.0, 2.000_000_01)))),
            item(Some(8), draft("stays", None)),
            item(Some(4_000), draft("new", None)),
        ];
        let expected = Upserted { inserted: 1, updated: 1, unchanged: 2 };
        assert_eq!(store.upsert(&second).await.unwrap(), expected);
        let moved = store.read(id(7)).await.unwrap().unwrap();
        assert_eq!(moved.position, Some(at(1.0, 2.000_000_01)));
        assert_eq!(store.count().await.unwrap(), 5);
    }

    async fn the_last_of_rows_with_one_id_stays(db: TestDatabase) {
        let store = db.store();
        let items = [
            item(Some(3), draft("first", None)),
            item(Some(3), draft("second", Some((1.0, 1.0)))),
            item(Some(3), draft("second", Some((1.0, 1.0)))),
        ];
        let expected = Upserted { inserted: 1, updated: 1, unchanged: 1 };
        assert_eq!(store.upsert(&items).await.unwrap(), expected);
        assert_eq!(store.read(id(3)).await.unwrap().unwrap().text.name, "second");
    }

    async fn a_row_without_an_id_is_not_overwritten_by_one_that_comes_with_its_id(db: TestDatabase) {
        let store = db.store();
        let items = [item(None, draft("no id", None)), item(Some(1), draft("one", None))];
        assert_eq!(store.upsert(&items).await.unwrap().inserted, 2);
        assert_eq!(store.read(id(1)).await.unwrap().unwrap().text.name, "one");
        assert_eq!(store.count().await.unwrap(), 2);
    }

    async fn more_rows_than_a_statement_takes_all_arrive(db: TestDatabase) {
        let store = db.store();
        let items: Vec<_> = (1..=1_111)
            .map(|number| item(Some(number), draft(&number.to_string(), Some((1.0, 2.0)))))
            .collect();
        assert_eq!(store.upsert(items.clone()).await.unwrap().inserted, 1_111);
        assert_eq!(store.upsert(items).await.unwrap().unchanged, 1_111);
        let listed = store.list(&Filter::default(), None, 2_000).await.unwrap();
        assert!(listed.iter().all(|center| center.text.name == center.id.to_string()));
        assert_eq!(listed.len(), 1_111);
    }

    async fn the_longest_texts_of_four_byte_characters_fit(db: TestDatabase) {
        let store = db.store();
        let long = "\u{1f93f}".repeat(16_000);
        let text = CenterText {
            name: "\u{1f93f}".repeat(255),
            description: Some(long.clone()),
            address: Some(long),
            ..CenterText::default()
        };
        let longest = CenterDraft::new(text, None).unwrap();
        let items: Vec<_> = (1..=250).map(|id| item(Some(id), longest.clone())).collect();
        assert_eq!(store.upsert(items.clone()).await.unwrap().inserted, 250);
        assert_eq!(&store.read(id(250)).await.unwrap().unwrap().text, longest.text());
        assert_eq!(store.upsert(items).await.unwrap().unchanged, 250);
    }

    async fn concurrent_imports_of_the_same_rows_all_end(db: TestDatabase) {
        let store = db.store();
        let imports: Vec<_> = (0..4)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    let rows = (1..=200).map(|row| {
                        // Opposite orders ask for deadlocks.
                        let row = if writer % 2 == 0 { row } else { 201 - row };
                        item(Some(row), draft(&format!("by {writer}"), Some((1.0, 2.0))))
                    });
                    store.upsert(rows.collect::<Vec<_>>()).await.unwrap()
                })
            })
            .collect();
        let mut inserted = 0;
        for import in imports {
            inserted += import.await.unwrap().inserted;
        }
        assert_eq!(inserted, 200);
        assert_eq!(store.count().await.unwrap(), 200);
    }
}
