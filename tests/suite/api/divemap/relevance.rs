//! What a search of the list finds, in which order, and how well it fits.

use serde_json::{Value, json};

use super::{CENTERS, TestServer, ids};
use crate::support::on_both_stores;

fn place(name: &str, country: &str, region: &str, city: &str) -> Value {
    json!({ "name": name, "country": country, "region": region, "city": city })
}

/// The places of what a search finds, each with type and score.
async fn told(server: &TestServer, made: &[i64], query: &str) -> Vec<(usize, String, f64)> {
    let answer = server.found(&format!("{CENTERS}/?{query}")).await;
    let told = ids(&answer).into_iter().map(|id| {
        let told = &answer["match_types"][id.to_string()];
        let place = made.iter().position(|one| *one == id).expect("it was made");
        let kind = told["type"].as_str().expect("a type").to_owned();
        (place, kind, told["score"].as_f64().expect("a score"))
    });
    told.collect()
}

fn close_to(found: &[(usize, String, f64)], expected: &[(usize, &str, f64)]) {
    let rounded = |score: f64| (score * 1e4).round();
    let found: Vec<_> = found
        .iter()
        .map(|(p, k, s)| (*p, k.as_str(), rounded(*s)))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(p, k, s)| (*p, *k, rounded(*s)))
        .collect();
    assert_eq!(found, expected);
}

on_both_stores! {
    /// Scores and types are what Divemap's own functions give for these texts.
    async fn those_that_fit_best_come_first_and_those_that_nearly_do_last(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            place("Scuba Life", "Greece", "Attica", "Anavyssos"),
            place("Anavissos Divers", "Greece", "Attica", "Athens"),
            place("Aqua Anavysos", "Greece", "Attica", "Lavrio"),
            place("Blue Hole", "Egypt", "Sinai", "Dahab"),
        ]).await;
        // The city begins as the text does; the last one is only alike.
        let found = told(&server, &made, "search=Anavissos&sort_by=name&sort_order=asc").await;
        close_to(&found, &[(1, "exact", 1.0), (0, "partial_words", 0.5421), (2, "partial_words", 0.6588)]);
        // Several words, one of them wrong.
        let found = told(&server, &made, "search=bleu%20hole").await;
        close_to(&found, &[(3, "exact_words", 0.8778)]);
        // A filter holds for what is only alike, too, and so does a page.
        assert_eq!(told(&server, &made, "search=anavissos&city=lavr").await.len(), 1);
        let page = server.found(&format!("{CENTERS}/?search=anavissos&page_size=1&page=3")).await;
        assert_eq!((ids(&page), &page["total"]), (vec![made[2]], &json!(3)));
        assert_eq!(page["match_types"].as_object().expect("an object").len(), 1);
        assert_eq!((&page["has_next_page"], &page["total_pages"]), (&json!(false), &json!(3)));
        // What holds it keeps an order that is of other use.
        let newest = told(&server, &made, "search=anav&sort_by=created_at&sort_order=desc").await;
        assert_eq!(newest.len(), 3);
        // Counting, Divemap takes it to the letter.
        let count = server.found(&format!("{CENTERS}/count?search=anavissos")).await;
        assert_eq!(count, json!({ "total": 1 }));
    }

    async fn a_long_word_that_enough_hold_is_taken_to_the_letter(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let names = ["Underwater Club 3", "Underwaterworld", "underwaterclub 1", "Underwaterwörld 2",
                     "Underwaterworld 4", "Underwaterworld 5", "underwaterworld 6"];
        let made = server.seed(&names.map(|name| json!({ "name": name }))).await;
        let answer = server.found(&format!("{CENTERS}/?search=underwaterworld")).await;
        assert_eq!(ids(&answer), [1, 3, 4, 5, 6].map(|place: usize| made[place]));
        assert_eq!(answer.get("match_types"), None);
        let answer = server.found(&format!("{CENTERS}/?search=xylophonic%20nothing")).await;
        assert_eq!((&answer["total"], answer.get("match_types")), (&json!(0), None));
    }

    async fn html_goes_and_logos_are_made_whole(db: TestDatabase) {
        let server = TestServer::start_with(db, |settings| {
            settings.media_url = Some("https://media.example".parse().expect("an address"));
        }).await;
        let body = json!({
            "name": "<b>a</b>", "description": "<p>Dive &amp; <b>eat</b></p><script>x()</script>",
            "logo_url": "centers/7/logo.png",
        });
        let id = server.seed(&[body]).await[0];
        let listed = server.found(&format!("{CENTERS}/")).await["items"][0].clone();
        let whole = server.found(&format!("{CENTERS}/{id}")).await;
        for center in [listed, whole] {
            assert_eq!(center["description"], "Dive &amp; eat");
            assert_eq!(center["name"], "<b>a</b>");
            assert_eq!(center["logo_url"], "centers/7/logo.png");
            assert_eq!(center["logo_full_url"], "https://media.example/centers/7/logo.png");
        }
        let ours = server.found(&format!("/centers/{id}")).await;
        assert_eq!(ours["logo_url"], "centers/7/logo.png");
    }

    async fn only_those_whose_owner_was_approved_are_claimed(db: TestDatabase) {
        let ours = TestServer::start(db).await;
        ours.seed(&[json!({ "name": "a" })]).await;
        // Tables of our own say nothing of owners.
        assert_eq!(ours.found(&format!("{CENTERS}/?only_claimed=true")).await["total"], 0);
        assert_eq!(ours.found(&format!("{CENTERS}/?only_claimed=false")).await["total"], 1);
    }

    async fn paths_that_stay_with_divemap_are_not_there(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for path in ["managed", "reverse-geocode?latitude=1&longitude=2", "ownership-requests",
                     "ownership-requests/history", "7/comments", "7/managers", "7/gear-rental"] {
            let answer = server.get(&format!("{CENTERS}/{path}")).send().await;
            assert_eq!(super::detail(&answer, 404), "Not Found", "{path}");
        }
    }
}
