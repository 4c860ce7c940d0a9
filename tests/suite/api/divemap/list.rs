//! `/api/v1/diving-centers/` and `/count`.

use serde_json::{Value, json};

use super::{CENTERS, TestServer, detail, found_ids, items};
use crate::support::on_both_stores;

fn place(name: &str, country: &str, region: &str, city: &str) -> Value {
    json!({ "name": name, "country": country, "region": region, "city": city })
}

on_both_stores! {
    async fn pages_joined_are_the_whole_list_by_name(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let names = ["Émile", "zoe", "Eagle", "ångström", "eagle", "Anton", "éa", "Zoë", "10", "2 fins"];
        let centers: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        let made = server.seed(&centers).await;
        let by_name = [8, 9, 3, 5, 6, 2, 4, 0, 1, 7].map(|place: usize| made[place]);
        assert_eq!(found_ids(&server, "/").await, by_name);
        assert_eq!(found_ids(&server, "").await, by_name, "without the slash");
        let mut walked = Vec::new();
        for page in 1..=4 {
            let answer = server.found(&format!("{CENTERS}/?page={page}&page_size=3")).await;
            assert_eq!(answer["total"], 10);
            assert_eq!(answer["page"], page);
            assert_eq!(answer["page_size"], 3);
            assert_eq!(answer["total_pages"], 4);
            assert_eq!(answer["has_next_page"], page < 4);
            assert_eq!(answer["has_prev_page"], page > 1);
            walked.extend(super::ids(&answer));
        }
        assert_eq!(walked, by_name);
        for beyond in ["5", "9223372036854775807", "99999999999999999999"] {
            let answer = server.found(&format!("{CENTERS}/?page={beyond}&page_size=1000")).await;
            assert_eq!((&answer["items"], &answer["total"]), (&json!([]), &json!(10)), "{beyond}");
            assert_eq!((&answer["has_next_page"], &answer["has_prev_page"]), (&json!(false), &json!(true)));
        }
    }

    async fn an_empty_list_has_no_pages(db: TestDatabase) {
        let server = TestServer::start(db).await;
        assert_eq!(server.found(&format!("{CENTERS}/")).await, json!({
            "items": [], "total": 0, "page": 1, "page_size": 25, "total_pages": 0,
            "has_next_page": false, "has_prev_page": false,
        }));
        assert_eq!(server.found(&format!("{CENTERS}/count")).await, json!({ "total": 0 }));
    }

    async fn texts_are_found_anywhere_without_case_and_accents(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            place("Blue Hole", "Égypte", "Sinaï", "Dahab"),
            place("100 % Diving_Club", "Greece", "Αττική", "Αθήνα"),
            place("Straße 7", "Côte d'Ivoire", "Lagunes", "Abidjan"),
            json!({ "name": "Nothing", "description": "only the blue\nsea" }),
            place("ダイビング", "日本", "沖縄県", "Tromsø"),
        ]).await;
        for (query, expected) in [
            ("name=BLUE", vec![0]),
            ("search=blue", vec![0, 3]),
            ("search=%20blue%20", vec![0, 3]),
            ("search=the+blue%0Asea", vec![3]),
            ("search=egypte", vec![0]),
            ("country=%C3%89G", vec![0]),
            ("country=e", vec![0, 1, 2]),
            ("country=e&city=da", vec![0]),
            ("country=e&city=da&name=x", vec![]),
            ("region=%CE%B1%CF%84%CF%84%CE%B9%CE%BA%CE%B7", vec![1]),
            ("search=%CE%91%CE%98%CE%97%CE%9D%CE%91", vec![1]),
            ("search=%25", vec![1]),
            ("name=%25%20d", vec![1]),
            ("name=_", vec![1]),
            ("name=100_", vec![]),
            ("name=!", vec![]),
            ("name=%5C", vec![]),
            ("name=%27", vec![]),
            ("country=d%27I", vec![2]),
            ("name=Stra%C3%9Fe", vec![2]),
            ("search=%E6%97%A5", vec![4]),
            ("search=%E3%83%93%E3%83%B3", vec![4]),
            ("name=%00", vec![0, 1, 2, 3, 4]),
            ("name=&search=&country=", vec![0, 1, 2, 3, 4]),
        ] {
            let mut found = found_ids(&server, &format!("/?{query}")).await;
            if query.starts_with("search") {
                // Those that nearly hold it come last.
                found.truncate(expected.len());
            }
            found.sort_unstable();
            let expected: Vec<i64> = expected.into_iter().map(|place: usize| made[place]).collect();
            assert_eq!(found, expected, "{query}");
            let count = server.found(&format!("{CENTERS}/count?{query}")).await;
            assert_eq!(count, json!({ "total": expected.len() }), "{query}");
        }
    }

    async fn every_sort_has_a_rising_and_a_falling_order_with_ties_by_id(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            place("b", "Norway", "x", "Oslo"),
            place("c", "chile", "x", "Arica"),
            json!({ "name": "a" }),
            place("B", "Norway", "y", "ängelholm"),
        ]).await;
        server.db.execute(
            "UPDATE diving_centers SET created_at = '2020-01-02 00:00:00', updated_at = '2020-01-01 00:00:00';\
             UPDATE diving_centers SET created_at = '2020-01-01 00:00:00' WHERE name = 'c';\
             UPDATE diving_centers SET updated_at = '2020-01-02 00:00:00' WHERE name = 'c'",
        ).await;
        for (query, order) in [
            ("sort_by=name", [2, 0, 3, 1]),
            ("sort_by=name&sort_order=desc", [1, 0, 3, 2]),
            ("sort_by=country", [2, 1, 0, 3]),
            ("sort_by=country&sort_order=desc", [0, 3, 1, 2]),
            ("sort_by=region", [2, 0, 1, 3]),
            ("sort_by=city&sort_order=asc", [2, 3, 1, 0]),
            ("sort_by=city&sort_order=desc", [0, 1, 3, 2]),
            ("sort_by=created_at", [1, 0, 2, 3]),
            ("sort_by=created_at&sort_order=desc", [0, 2, 3, 1]),
            ("sort_by=updated_at", [0, 2, 3, 1]),
            ("sort_by=updated_at&sort_order=desc", [1, 0, 2, 3]),
            ("sort_by=rating", [0, 1, 2, 3]),
            ("sort_by=average_rating", [0, 1, 2, 3]),
            ("sort_order=desc", [2, 0, 3, 1]),
            ("sort_by=", [2, 0, 3, 1]),
        ] {
            let expected = order.map(|place: usize| made[place]);
            assert_eq!(found_ids(&server, &format!("/?{query}")).await, expected, "{query}");
        }
    }

    async fn a_level_of_detail_has_its_keys_and_no_nulls(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[
            json!({ "name": "a", "latitude": 0, "longitude": 0, "country": "GR", "region": "r", "city": "c",
                    "logo_url": "https://a.example/l", "description": "d", "address": "s",
                    "email": "e@example.org", "phone": "1", "website": "https://a.example" }),
            json!({ "name": "b" }),
        ]).await;
        let always = ["total_ratings", "comment_count", "is_manager", "follower_count", "media"];
        let minimal = ["id", "name", "latitude", "longitude"];
        let basic = ["country", "region", "city", "logo_url", "logo_full_url"];
        let full = ["description", "address", "email", "phone", "website",
                    "created_at", "updated_at", "ownership_status"];
        for (query, levels) in [
            ("detail_level=minimal", vec![&minimal[..]]),
            ("detail_level=Basic", vec![&minimal, &basic]),
            ("detail_level=full", vec![&minimal, &basic, &full]),
            ("", vec![&minimal, &basic, &full]),
        ] {
            let answer = server.found(&format!("{CENTERS}/?{query}")).await;
            let mut expected: Vec<&str> = levels.concat();
            expected.extend(always);
            expected.sort_unstable();
            let keys = |item: &Value| {
                let mut keys: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
                keys.sort_unstable();
                keys
            };
            assert_eq!(keys(&items(&answer)[0]), expected, "{query}");
            expected.retain(|key| {
                always.contains(key)
                    || matches!(*key, "id" | "name" | "created_at" | "updated_at" | "ownership_status")
            });
            let bare = &items(&answer)[1];
            assert_eq!(keys(bare), expected, "{query}");
            assert_eq!(bare["media"], json!([]));
            assert_eq!((&bare["total_ratings"], &bare["is_manager"]), (&json!(0), &json!(false)));
        }
    }

    async fn what_does_not_go_together_is_refused_in_divemaps_words(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let sizes = "page_size must be one of: 1, 3, 5, 10, 15, 20, 25, 50, 100, 250, 1000";
        let levels = "detail_level must be one of: minimal, basic, full";
        let order = "sort_order must be 'asc' or 'desc'";
        let sorts = "Invalid sort_by field. Must be one of: average_rating, city, comment_count, country, \
                     created_at, name, rating, region, updated_at, view_count";
        let edges = "north must be greater than south";
        for (query, text) in [
            ("page_size=2", sizes),
            ("page_size=0", sizes),
            ("page_size=-25", sizes),
            ("page_size=1001", sizes),
            ("detail_level=all", levels),
            ("detail_level=", levels),
            ("sort_by=name&sort_order=up", order),
            ("sort_by=name&sort_order=ASC", order),
            ("sort_order=up", order),
            ("sort_by=view_count&sort_order=up", order),
            ("sort_by=Name", sorts),
            ("sort_by=id;DROP%20TABLE", sorts),
            ("north=1&south=1&east=1&west=0", edges),
            ("north=-1&south=1&east=1&west=0", edges),
        ] {
            let answer = server.get(&format!("{CENTERS}/?{query}")).send().await;
            assert_eq!(detail(&answer, 400), text, "{query}");
        }
        for sort in ["view_count", "comment_count"] {
            let answer = server.get(&format!("{CENTERS}/?sort_by={sort}")).send().await;
            let text = format!("Sorting by {sort} is only available for admin users");
            assert_eq!(detail(&answer, 403), text);
        }
        for size in [1, 3, 5, 10, 15, 20, 25, 50, 100, 250, 1000] {
            server.found(&format!("{CENTERS}/?page_size={size}")).await;
        }
    }
}
