//! Single centers: create, read, replace, update, delete, list.

use std::convert::Infallible;

use nearby::domain::{CenterDraft, CenterId, CenterText, Condition, FieldId, Filter};
use nearby::store::{Referring, UpdateError};

use super::{at, draft, full_draft, id, placing};
use crate::support::on_both_stores;

on_both_stores! {
    async fn every_field_of_a_created_center_is_read_back(db: TestDatabase) {
        let store = db.store();
        let before = chrono::Utc::now() - chrono::TimeDelta::seconds(2);
        let created = store.create(&full_draft()).await.unwrap();
        assert_eq!(&created.text, full_draft().text());
        assert_eq!(created.position, full_draft().position());
        assert_eq!(created.view_count, 0);
        assert!(created.created_at > Some(before) && created.updated_at > Some(before));
        assert_eq!(store.read(created.id).await.unwrap(), Some(created));
    }

    async fn eight_decimals_and_the_edges_of_the_globe_survive(db: TestDatabase) {
        let store = db.store();
        for (latitude, longitude) in [
            (12.345_678_91, -123.456_789_01),
            (0.000_000_01, -0.000_000_01),
            (-90.0, -180.0),
            (90.0, 180.0),
            (0.0, 0.0),
        ] {
            let created = store.create(&draft("a", Some((latitude, longitude)))).await.unwrap();
            let read = store.read(created.id).await.unwrap().unwrap();
            assert_eq!(read.position, Some(at(latitude, longitude)));
        }
    }

    async fn a_center_without_coordinates_has_no_position(db: TestDatabase) {
        let store = db.store();
        let created = store.create(&draft("a", None)).await.unwrap();
        assert_eq!(store.read(created.id).await.unwrap().unwrap().position, None);
    }

    async fn a_missing_center_is_none_to_everyone(db: TestDatabase) {
        let store = db.store();
        assert_eq!(store.read(id(7)).await.unwrap(), None);
        assert_eq!(store.replace(id(7), &draft("a", None)).await.unwrap(), None);
        assert!(!store.delete(id(7), Referring::Keeps).await.unwrap());
        let updated = store
            .update(id(7), |_| Ok::<_, Infallible>(placing(draft("a", None))))
            .await
            .unwrap();
        assert_eq!(updated, None);
        assert_eq!(store.count().await.unwrap(), 0);
    }

    async fn a_replaced_center_keeps_nothing_but_what_is_not_the_clients(db: TestDatabase) {
        let store = db.store();
        let created = store.create(&full_draft()).await.unwrap();
        db.execute("UPDATE diving_centers SET view_count = 41").await;
        let replaced = store
            .replace(created.id, &draft("b", Some((1.0, 2.0))))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&replaced.text, draft("b", None).text());
        assert_eq!(replaced.position, Some(at(1.0, 2.0)));
        assert_eq!(replaced.view_count, 41);
        assert_eq!(replaced.created_at, created.created_at);
        assert_eq!(store.read(created.id).await.unwrap(), Some(replaced));
    }

    async fn replacing_a_center_by_itself_finds_it(db: TestDatabase) {
        let store = db.store();
        let created = store.create(&full_draft()).await.unwrap();
        let replaced = store.replace(created.id, &full_draft()).await.unwrap();
        assert_eq!(replaced.map(|center| center.text), Some(created.text));
    }

    async fn an_update_sees_the_center_and_writes_what_it_makes_of_it(db: TestDatabase) {
        let store = db.store();
        let created = store.create(&full_draft()).await.unwrap();
        let updated = store
            .update(created.id, |center| {
                let text = CenterText { city: None, ..center.text.clone() };
                CenterDraft::new(text, center.position).map(placing)
            })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(updated.text.city, None);
        assert_eq!(updated.text.region, created.text.region);
        assert_eq!(updated.position, created.position);
    }

    async fn an_update_that_is_refused_writes_nothing(db: TestDatabase) {
        let store = db.store();
        let created = store.create(&full_draft()).await.unwrap();
        let refused = store.update(created.id, |_| Err("no")).await;
        assert!(matches!(refused, Err(UpdateError::Edit("no"))));
        assert_eq!(store.read(created.id).await.unwrap(), Some(created.clone()));
        // The connection is fit for the next writer.
        assert!(store.delete(created.id, Referring::Keeps).await.unwrap());
    }

    async fn concurrent_updates_do_not_lose_each_other(db: TestDatabase) {
        let store = db.store();
        let created = store.create(&draft("0", Some((1.0, 2.0)))).await.unwrap();
        let writers: Vec<_> = (0..20)
            .map(|_| {
                let (store, id) = (store.clone(), created.id);
                tokio::spawn(async move {
                    store
                        .update(id, |center| {
                            let count: u32 = center.text.name.parse().unwrap();
                            let text = CenterText {
                                name: (count + 1).to_string(),
                                ..CenterText::default()
                            };
                            CenterDraft::new(text, Some(at(f64::from(count), 2.0))).map(placing)
                        })
                        .await
                        .unwrap();
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let read = store.read(created.id).await.unwrap().unwrap();
        assert_eq!(read.text.name, "20");
        assert_eq!(read.position, Some(at(19.0, 2.0)));
    }

    async fn a_list_walks_every_center_once_in_the_order_of_ids(db: TestDatabase) {
        let store = db.store();
        for number in 0..7 {
            store.create(&draft(&number.to_string(), None)).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut after: Option<CenterId> = None;
        loop {
            let page = store.list(&Filter::default(), after, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.extend(page.into_iter().map(|center| center.text.name));
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
        assert_eq!(store.count().await.unwrap(), 7);
    }

    async fn filters_of_a_list_compare_byte_for_byte(db: TestDatabase) {
        let store = db.store();
        for (country, city) in [("GR", "Å"), ("gr", "A"), ("GR ", "Å"), ("IT", "Å"), ("GR", "a")] {
            let text = CenterText {
                name: format!("{country}/{city}"),
                country: Some(country.to_owned()),
                city: Some(city.to_owned()),
                ..CenterText::default()
            };
            store.create(&CenterDraft::new(text, None).unwrap()).await.unwrap();
        }
        store.create(&draft("nowhere", None)).await.unwrap();
        let list = async |countries: &[&str], cities: &[&str]| {
            let asked = [(FieldId::COUNTRY, countries), (FieldId::CITY, cities)];
            let asked = asked.into_iter().filter(|(_, values)| !values.is_empty());
            let conditions = asked.map(|(field, values)| {
                Condition::texts(field, values.iter().copied())
            });
            let filter = Filter {
                condition: Condition::All(conditions.collect()),
                ..Filter::default()
            };
            let found = store.list(&filter, None, 100).await.unwrap();
            found.into_iter().map(|center| center.text.name).collect::<Vec<_>>()
        };
        assert_eq!(list(&["GR"], &[]).await, ["GR/Å", "GR/a"]);
        assert_eq!(list(&["GR", "IT", "FR"], &["Å"]).await, ["GR/Å", "IT/Å"]);
        assert!(list(&["FR"], &[]).await.is_empty());
    }
}
