//! The index against looking at every name.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::domain::{Attributes, Center, CenterText, Origin};

fn center(id: i64, name: &str, position: Option<(f64, f64)>) -> Center {
    Center {
        id: CenterId::new(id).unwrap(),
        text: CenterText {
            name: name.to_owned(),
            ..CenterText::default()
        },
        position: position.and_then(|(lat, lng)| Position::new(lat, lng).ok()),
        view_count: 0,
        created_at: None,
        updated_at: None,
        ownership_status: None,
        attributes: Attributes::default(),
    }
}

/// Every 997th place and some that are hard: every third without a position,
/// some on one spot.
fn centers() -> Vec<Center> {
    let hard = [
        "Café Bleu",
        "cafe bleu",
        "CAFÉ  BLEU",
        "Bleu Café",
        "100 % Dive_Club",
        "100_%",
        "%",
        "_",
        "\\",
        "Diyarbakır",
        "DİYARBAKIR",
        "İstanbul Iğdır",
        "Straße",
        "strasse",
        "東京ダイビング",
        "ダイビング東京",
        "Σκόπελος",
        "ΣΚΟΠΕΛΟΣ",
        "Blue",
        "Blue Hole",
        "Blue Blue Blue",
        "a",
        "aa",
        "aaa aaaa",
        "-",
        "--- x",
        "Whole hole",
        "hole",
        "nan",
        "Tromsø",
        "tromso",
        "한국 다이빙",
        "कि",
        "का",
        "👍🏽 dive",
        "x\u{301}",
    ];
    let places = crate::transfer::bundled_places();
    let names = hard
        .into_iter()
        .chain(places.iter().step_by(997).map(|place| place.name));
    let mut random = StdRng::seed_from_u64(7);
    (1..)
        .zip(names.chain(hard))
        .map(|(id, name)| {
            let spot = (
                f64::from(random.random_range(-9..9)),
                f64::from(random.random_range(-9..9)),
            );
            center(id, name, (id % 3 > 0).then_some(spot))
        })
        .collect()
}

fn loaded(centers: &[Center]) -> Names {
    let names = Names::default();
    let mut loading = names.begin_load();
    for center in centers {
        loading.push(center.id, &center.text.name, center.position);
    }
    names.finish_load(loading.build());
    names
}

/// What the catalog does, with a list for a database.
fn found(names: &Names, rows: &[Center], query: &NameQuery) -> Vec<i64> {
    let mut wanted = query.limit;
    loop {
        let candidates = names.candidates(query, wanted).expect("names are loaded");
        let is_candidate = |center: &&Center| candidates.ids.contains(&center.id);
        let centers: Vec<Center> = rows.iter().filter(is_candidate).cloned().collect();
        let found = query.answer(centers);
        if found.len() == query.limit || candidates.complete {
            return found.iter().map(|found| found.center.id.get()).collect();
        }
        wanted *= 2;
    }
}

fn expected(rows: &[Center], query: &NameQuery) -> Vec<i64> {
    let found = query.answer(rows.to_vec());
    found.iter().map(|found| found.center.id.get()).collect()
}

/// Parts of names, whole ones, single letters and what no name holds.
fn questions(centers: &[Center]) -> Vec<NameQuery> {
    let mut random = StdRng::seed_from_u64(8);
    let mut texts: Vec<String> = [
        "a", "e", "o", "%", "_", "\\", "-", "i", "ı", "zzzz", "東", "ダ", "ss", "n", "ﷺ",
    ]
    .map(str::to_owned)
    .to_vec();
    for _ in 0..400 {
        let name: Vec<char> = centers
            .choose(&mut random)
            .unwrap()
            .text
            .name
            .chars()
            .collect();
        let start = random.random_range(0..name.len());
        let end = random.random_range(start..name.len()) + 1;
        texts.push(name[start..end.min(start + 6)].iter().collect());
    }
    let origins = [
        None,
        Origin::new(0.5, 0.5).ok(),
        Origin::new(-80.0, 179.0).ok(),
    ];
    texts
        .iter()
        .flat_map(|text| origins.map(|origin| (text, origin)))
        .flat_map(|(text, origin)| [1, 3, 20].map(|limit| NameQuery::new(text, origin, limit)))
        .flatten()
        .collect()
}

#[test]
fn every_query_finds_what_looking_at_every_name_finds() {
    let rows = centers();
    let names = loaded(&rows);
    let mut found_some = 0;
    for query in questions(&rows) {
        let expected = expected(&rows, &query);
        found_some += usize::from(!expected.is_empty());
        assert_eq!(found(&names, &rows, &query), expected, "{query:?}");
    }
    assert!(found_some > 1_000);
}

#[test]
fn writes_are_found_before_and_after_the_next_load() {
    let mut rows = centers();
    let names = loaded(&rows);
    let mut loading = names.begin_load();
    for center in &rows {
        loading.push(center.id, &center.text.name, center.position);
    }
    let mut random = StdRng::seed_from_u64(9);
    let count = rows.len();
    for place in 0..count {
        match place % 7 {
            0 => rows[place].text.name = "Blue Reef".to_owned(),
            1 => rows[place].position = Position::new(random.random_range(-9.0..9.0), 1.0).ok(),
            2 => rows[place].position = None,
            3 => {
                let id = i64::try_from(count + place).unwrap() + 1;
                rows.push(center(id, "New Blue", Some((0.5, 0.5))));
                let new = rows.last().unwrap();
                names.follow(new.id, Some((&new.text.name, new.position)));
                continue;
            }
            4 => {
                names.follow(rows[place].id, None);
                rows[place].text.name.clear();
                continue;
            }
            _ => continue,
        }
        let row = &rows[place];
        names.follow(row.id, Some((&row.text.name, row.position)));
    }
    rows.retain(|center| !center.text.name.is_empty());
    let queries = questions(&rows);
    for query in &queries {
        assert_eq!(
            found(&names, &rows, query),
            expected(&rows, query),
            "before: {query:?}"
        );
    }
    // What was loaded is older than the writes, which were remembered.
    names.finish_load(loading.build());
    for query in &queries {
        assert_eq!(
            found(&names, &rows, query),
            expected(&rows, query),
            "after: {query:?}"
        );
    }
}

#[test]
fn rows_that_others_changed_do_not_hide_the_next_best() {
    let rows: Vec<Center> = (1..=100)
        .map(|id| center(id, &format!("blue {id:03}"), None))
        .collect();
    let names = loaded(&rows);
    let left = &rows[90..];
    let query = NameQuery::new("blue", None, 5).unwrap();
    assert_eq!(found(&names, left, &query), [91, 92, 93, 94, 95]);
}

#[test]
fn nothing_is_answered_before_the_first_load_and_nothing_remembered() {
    let names = Names::default();
    names.follow(CenterId::new(1).unwrap(), Some(("a", None)));
    let query = NameQuery::new("a", None, 5).unwrap();
    assert_eq!(names.candidates(&query, 5), None);
    assert!(loaded(&[]).candidates(&query, 5).unwrap().ids.is_empty());
}

#[test]
fn much_writing_asks_for_another_load() {
    let names = loaded(&[]);
    for id in 1..=i64::try_from(MANY_WRITTEN).unwrap() {
        names.follow(CenterId::new(id).unwrap(), Some(("a", None)));
    }
    assert!(!names.is_behind());
    names.follow(CenterId::new(1 << 40).unwrap(), Some(("a", None)));
    assert!(names.is_behind());
}
