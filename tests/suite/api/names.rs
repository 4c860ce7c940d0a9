//! `/search`.

use nearby::domain::{CenterDraft, CenterText};
use nearby::store::{Collection, Store};
use serde_json::{Value, json};

use super::server::{TestServer, center, ids_of};
use crate::support::{connect, on_both_stores};

on_both_stores! {
    async fn prefixes_come_before_words_and_words_before_the_rest(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("Whole", 0.0, 0.0),
            center("The Blue Hole", 0.0, 0.1),
            center("Hole in one", 0.0, 0.3),
            center("hôle", 0.0, 0.2),
            json!({ "name": "HOLE" }),
            center("Reef", 0.0, 0.0),
        ]).await;
        let order = |places: [usize; 5]| places.map(|place| ids[place]);
        assert_eq!(server.found_ids("/search?q=hole").await, order([3, 4, 2, 1, 0]));
        let answer = server.found("/search?q=h%C3%94le&lat=0&lng=0").await;
        assert_eq!(ids_of(&answer), order([3, 2, 4, 1, 0]));
        assert_eq!(answer["origin"], json!({ "lat": 0.0, "lng": 0.0 }));
        assert_eq!(answer["count"], 5);
        let matches: Vec<&Value> = answer["centers"].as_array().unwrap().iter().map(|c| &c["match"]).collect();
        assert_eq!(matches, ["prefix", "prefix", "prefix", "word", "inside"]);
        // As `/nearby` tells it.
        let nearby = server.found(&format!("/nearby?lat=0&lng=0&radius_km=23&exclude={}", ids[1])).await;
        assert_eq!(nearby["centers"][2]["id"], ids[3]);
        let (here, there) = (&answer["centers"][0]["distance_m"], &nearby["centers"][2]["distance_m"]);
        assert!((here.as_f64().unwrap() - there.as_f64().unwrap()).abs() < 1e-5);
        assert_eq!(answer["centers"][2]["distance_m"], Value::Null);
        assert_eq!(server.found_ids("/search?q=hole&limit=2").await, order([3, 4, 2, 1, 0])[..2]);
    }

    async fn names_with_a_letter_in_five_wrong_come_after_all_others_and_say_so(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("Anavyssos Divers", 0.0, 0.2),
            center("Dive club of Anavissos", 0.0, 0.3),
            center("Scuba Anavyssos", 0.0, 0.1),
            center("Anaphi", 0.0, 0.0),
        ]).await;
        let told = async |query: &str| {
            let answer = server.found(&format!("/search?q={query}")).await;
            let matches = answer["centers"].as_array().unwrap().iter();
            let matches: Vec<String> = matches.map(|c| c["match"].as_str().unwrap().to_owned()).collect();
            (ids_of(&answer), matches)
        };
        let (found, matches) = told("Anavissos").await;
        assert_eq!((found, matches.join(" ")), (vec![ids[1], ids[0], ids[2]], "word fuzzy fuzzy".to_owned()));
        assert_eq!(told("anavissos&lat=0&lng=0").await.0, [ids[1], ids[2], ids[0]]);
        // As many as are wanted hold it as it is.
        assert_eq!(told("anavissos&limit=1").await.0, ids[1..2]);
        // Four letters: none may be wrong. Nine: one. Fifteen: three.
        assert!(told("anav").await.1.iter().all(|how| how != "fuzzy"));
        assert!(told("anafissus").await.0.is_empty());
        assert_eq!(told("scuba%20anafissos").await.0, ids[2..3]);
        // Divemap takes it to the letter there.
        let theirs = server.found("/api/v1/diving-centers/search?q=Anavissos").await;
        assert_eq!(theirs.as_array().unwrap().len(), 1);
        // Names that were written since the index was built.
        let new = server.seed(&[center("Anavisso", 0.0, 0.0)]).await[0];
        assert_eq!(told("anavissos&lat=0&lng=0").await.0, [ids[1], new, ids[2], ids[0]]);
    }

    async fn case_and_accents_do_not_count_and_wildcards_are_letters(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let names = ["Café Zoë", "Diyarbakır", "100 % Dive_Club", "東京ダイビング", "Σκόπελος", "Große Freiheit",
                     "Tromsø", "O’Neill", "back\\slash", "Łódź"];
        let ids = server.seed(&names.map(|name| json!({ "name": name }))).await;
        for (text, place) in [
            ("cafe z", 0), ("CAFE\u{301}  ZOE", 0), ("zoe", 0), ("diyarbakir", 1), ("DİYARBAKIR", 1),
            ("%", 2), ("100 %", 2), ("e_c", 2), ("東京", 3), ("ビング", 3), ("ΣΚΟΠΕΛΟΣ", 4), ("σκοπ", 4),
            ("GROSSE", 5), ("große", 5), ("tromso", 6), ("o'n", 7), ("neill", 7), ("k\\s", 8), ("lodz", 9),
        ] {
            let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            assert_eq!(server.found_ids(&format!("/search?q={text}")).await, [ids[place]], "{text}");
        }
        for nothing in ["caf%25", "d_ve", "%25%25", "x", "%E2%98%83"] {
            assert!(server.found_ids(&format!("/search?q={nothing}")).await.is_empty(), "{nothing}");
        }
    }

    async fn what_is_written_is_found_by_its_new_name_at_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("Blue", 0.0, 0.0), center("Red", 0.0, 0.0)]).await;
        assert_eq!(server.found_ids("/search?q=blue").await, ids[..1]);
        let renamed = server.request(reqwest::Method::PATCH, &format!("/centers/{}", ids[1])).key()
            .merge_patch(&json!({ "name": "Blue too" })).send().await;
        assert_eq!(renamed.status, 200);
        assert_eq!(server.found_ids("/search?q=blue").await, ids);
        let gone = server.request(reqwest::Method::DELETE, &format!("/centers/{}", ids[0])).key().send().await;
        assert_eq!(gone.status, 204);
        assert_eq!(server.found_ids("/search?q=blue").await, ids[1..]);
        assert!(server.found_ids("/search?q=red").await.is_empty());
        let new = server.seed(&[center("Bluest", 0.0, 0.0)]).await;
        assert_eq!(server.found_ids("/search?q=blue&lat=0&lng=0").await, [ids[1], new[0]]);
    }

    async fn rows_that_others_changed_are_answered_as_they_are(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("Blue", 0.0, 0.0), center("Blue 2", 0.0, 0.0), center("Blue 3", 0.0, 0.0)]).await;
        assert_eq!(server.found_ids("/search?q=blue").await, ids);
        server.db.execute(&format!(
            "DELETE FROM diving_centers WHERE id = {}; UPDATE diving_centers SET name = 'Red' WHERE id = {}",
            ids[0], ids[1],
        )).await;
        assert_eq!(server.found_ids("/search?q=blue&limit=1").await, ids[2..]);
    }

    async fn names_that_others_write_are_found_soon(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("Blue", 0.0, 0.0)]).await;
        assert!(server.found_ids("/search?q=red").await.is_empty());
        let other = connect(server.db.url()).await;
        let store = Store::new(&other, &Collection::diving_centers());
        let text = CenterText { name: "Red".into(), ..CenterText::default() };
        let made = store.create(&CenterDraft::new(text, None).unwrap()).await.unwrap();
        server.eventually("it is found", async || {
            server.found_ids("/search?q=red").await == [made.id.get()]
        }).await;
    }

    async fn what_cannot_be_looked_for_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (query, code, parameter) in [
            ("", "parameter_missing", "q"),
            ("q=", "parameter_invalid", "q"),
            ("q=%20%09", "parameter_invalid", "q"),
            ("q=%CC%81", "parameter_invalid", "q"),
            (&*format!("q={}", "a".repeat(201)), "parameter_invalid", "q"),
            ("q=a&limit=0", "parameter_invalid", "limit"),
            ("q=a&limit=101", "parameter_invalid", "limit"),
            ("q=a&lat=1", "parameter_missing", "lng"),
            ("q=a&lng=1", "parameter_missing", "lat"),
            ("q=a&lat=91&lng=1", "parameter_invalid", "lat"),
            ("q=a&street=b", "parameter_unknown", "street"),
        ] {
            let problem = server.get(&format!("/search?{query}")).send().await.problem(400, code);
            assert_eq!(problem["parameter"], parameter, "{query}");
        }
        for fine in [format!("q={}", "%F0%9F%A4%BF".repeat(200)), "q=a&limit=100&lat=90&lng=190".into()] {
            assert!(server.found_ids(&format!("/search?{fine}")).await.is_empty());
        }
    }
}
