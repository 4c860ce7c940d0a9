//! Dive sites: rows that are there, and not shown.

use nearby::domain::{Filter, Listing, Part, Position};
use nearby::store::{Collection, Referring, Store, Upserted};

use super::{draft, id, item, placing};
use crate::support::{TestDatabase, on_both_stores};

fn sites(db: &TestDatabase) -> Store {
    Store::new(db.database(), &Collection::dive_sites())
}

/// A site that is shown and three that are not.
async fn seed(db: &TestDatabase) {
    let location = db.location(Some((1.0, 2.0)));
    for (id, status, deleted_at) in [
        (1, "approved", "NULL"),
        (2, "pending", "NULL"),
        (3, "rejected", "NULL"),
        (4, "approved", "'2020-01-02 03:04:05'"),
    ] {
        db.execute(&format!(
            "INSERT INTO dive_sites (id, name, latitude, longitude, location, status, deleted_at) \
             VALUES ({id}, 'site {id}', 1, 2, {location}, '{status}', {deleted_at})"
        ))
        .await;
    }
}

on_both_stores! {
    async fn what_is_not_approved_or_is_deleted_is_not_shown(db: TestDatabase) {
        seed(&db).await;
        let sites = sites(&db);
        let all: Vec<_> = (1..=4).map(id).collect();
        let shown = vec![id(1)];
        let listed = sites.list(&Filter::default(), None, 10).await.unwrap();
        assert_eq!(listed.iter().map(|site| site.id).collect::<Vec<_>>(), shown);
        let read = sites.read_many(&all).await.unwrap();
        assert_eq!(read.iter().map(|site| site.id).collect::<Vec<_>>(), shown);
        let page = sites.listed(&Listing::default(), Part { offset: 0, count: 10 }).await.unwrap();
        assert_eq!((page.ids, page.total), (shown.clone(), 1));
        assert_eq!(sites.count_listed(&Listing::default()).await.unwrap(), 1);
        let summaries = sites.fold_summaries(Vec::new(), |ids, summary| ids.push(summary.id));
        assert_eq!(summaries.await.unwrap(), shown);
        let names = sites.fold_names(Vec::new(), |ids, id, _, _| ids.push(id));
        assert_eq!(names.await.unwrap(), shown);
        for hidden in 2..=4 {
            assert_eq!(sites.read(id(hidden)).await.unwrap(), None);
        }
    }

    async fn what_is_not_shown_is_not_there_to_be_written(db: TestDatabase) {
        seed(&db).await;
        let sites = sites(&db);
        let new = draft("other", None);
        for hidden in 2..=4 {
            assert_eq!(sites.replace(id(hidden), &new).await.unwrap(), None);
            let edited = new.clone();
            let edit = move |_: &_| Ok::<_, ()>(placing(edited));
            assert_eq!(sites.update(id(hidden), edit).await.unwrap(), None);
            assert!(!sites.delete(id(hidden), Referring::Keeps).await.unwrap());
            assert!(sites.write_batch([item(Some(hidden), new.clone())]).await.is_err());
        }
        let kept = "SELECT COUNT(*) FROM dive_sites WHERE name LIKE 'site %'";
        assert_eq!(db.number(kept).await, 4);
    }

    async fn what_is_deleted_stays_in_the_table(db: TestDatabase) {
        let sites = sites(&db);
        let site = sites.create(&draft("wall", Some((0.0, 10.0)))).await.unwrap();
        assert_eq!(site.position.map(Position::latitude), Some(0.0));
        assert!(sites.delete(site.id, Referring::Keeps).await.unwrap());
        assert!(!sites.delete(site.id, Referring::Keeps).await.unwrap());
        assert_eq!(sites.read(site.id).await.unwrap(), None);
        let kept = "SELECT COUNT(*) FROM dive_sites \
                    WHERE deleted_at IS NOT NULL AND status = 'approved'";
        assert_eq!(db.number(kept).await, 1);
    }

    /// An import brings what a row says; whether it is shown stays as it was.
    async fn an_upsert_writes_rows_that_are_not_shown_and_leaves_them_so(db: TestDatabase) {
        seed(&db).await;
        let sites = sites(&db);
        let items: Vec<_> = (1..=5).map(|id| item(Some(id), draft("new", Some((3.0, 4.0))))).collect();
        let upserted = sites.upsert(items).await.unwrap();
        assert_eq!(upserted, Upserted { inserted: 1, updated: 4, unchanged: 0 });
        assert_eq!(db.number("SELECT COUNT(*) FROM dive_sites WHERE name = 'new'").await, 5);
        let shown = sites.list(&Filter::default(), None, 10).await.unwrap();
        assert_eq!(shown.iter().map(|site| site.id).collect::<Vec<_>>(), [id(1), id(5)]);
        let found = db.database().verify(&Collection::dive_sites(), |_| {}).await.unwrap();
        assert!(found.is_sound(), "{found:?}");
        assert_eq!(found.rows, 5);
    }
}
