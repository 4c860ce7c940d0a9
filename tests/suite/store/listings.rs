//! Lists: both stores, and the index where it answers, give the same.

use std::sync::Arc;

use nearby::catalog::Catalog;
use nearby::domain::{
    AnyOf, CenterDraft, CenterText, Listed, Listing, Needle, Part, RatingRange, SortBy, TextField,
    Viewport,
};
use nearby::engine::Engine;
use nearby::engine::memory::MemoryEngine;
use nearby::store::BatchItem;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{id, item};
use crate::support::{TestDatabase, on_both_stores};

/// Letters that MySQL sorts apart from what they are typed as.
const APART: [char; 14] = [
    'ı', '‘', '’', 'ʻ', 'ʼ', '`', 'ß', 'æ', 'Æ', 'œ', 'Œ', 'þ', 'Þ', '´',
];

/// Some of the world's places, every fifth without a position.
fn places() -> Vec<BatchItem> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let places = nearby::transfer::bundled_places().iter().step_by(61);
    let plain = places.filter(|place| {
        let texts = [place.name, place.country, place.region, place.city];
        !texts.iter().any(|text| text.contains(APART))
    });
    (1..)
        .zip(plain)
        .map(|(id, place)| {
            let text = CenterText {
                name: place.name.to_owned(),
                description: some(place.city).filter(|_| id % 3 == 0),
                country: some(place.country),
                region: some(place.region),
                city: some(place.city),
                ..CenterText::default()
            };
            let position = Some(place.position).filter(|_| id % 5 > 0);
            item(Some(id), CenterDraft::new(text, position).unwrap())
        })
        .collect()
}

/// Needles out of the texts, viewports in every turn, each alone and together.
fn listing(places: &[BatchItem], random: &mut StdRng) -> Listing {
    let some_text = |random: &mut StdRng, field| {
        let text = places.choose(random)?.draft.text().get(field)?;
        let letters: Vec<char> = text.chars().collect();
        let start = random.random_range(0..letters.len());
        let piece: String = letters[start..]
            .iter()
            .take(random.random_range(1..5))
            .collect();
        Needle::new(&piece)
    };
    let within = [
        TextField::Name,
        TextField::Country,
        TextField::Region,
        TextField::City,
    ];
    let within = within.into_iter().filter_map(|field| {
        let needle = some_text(random, field).filter(|_| random.random_range(0..4) == 0);
        Some(AnyOf::within(field, needle?))
    });
    let mut texts: Vec<AnyOf> = within.collect();
    let anywhere = some_text(random, TextField::Name).filter(|_| random.random_range(0..3) == 0);
    texts.extend(anywhere.as_ref().map(AnyOf::anywhere));
    let some_ids = |random: &mut StdRng| {
        let mut ids: Vec<_> = (0..400)
            .map(|_| id(random.random_range(1..3_000)))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    if let Some(text) = texts.first_mut().filter(|_| random.random_range(0..2) == 0) {
        text.or_these = some_ids(random);
    }
    let among = Some(some_ids(random)).filter(|_| random.random_range(0..5) == 0);
    let (south, west) = (
        random.random_range(-95.0..80.0),
        random.random_range(-700.0..700.0),
    );
    let (height, width) = (
        random.random_range(1.0..90.0),
        random.random_range(-100.0..370.0),
    );
    let viewport = Viewport::new(south + height, south, west + width, west);
    if random.random_range(0..4) == 0 {
        return Listing {
            viewport,
            ..Listing::default()
        };
    }
    Listing {
        texts,
        among,
        viewport: viewport.filter(|_| random.random_range(0..2) == 0),
        sort_by: *[
            SortBy::Text(TextField::Name),
            SortBy::Text(TextField::Country),
            SortBy::Rating,
            SortBy::CreatedAt,
            SortBy::Id,
        ]
        .choose(random)
        .unwrap(),
        descending: random.random_range(0..2) == 0,
        ratings: RatingRange {
            min: [None, None, None, Some(4.5)][random.random_range(0..4)],
            max: [None, None, None, Some(22.0 / 3.0)][random.random_range(0..4)],
        },
        ..Listing::default()
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn both_stores_and_the_index_list_the_same_in_the_same_order() {
    let (mysql, sqlite) = (TestDatabase::mysql().await, TestDatabase::sqlite().await);
    let places = places();
    for store in [mysql.store(), sqlite.store()] {
        store.upsert(places.as_slice()).await.unwrap();
    }
    for db in [&mysql, &sqlite] {
        // The batches may have been written in different seconds.
        db.execute(if db.is_mysql() {
            "UPDATE diving_centers SET created_at = TIMESTAMPADD(DAY, id % 5, '2020-01-01')"
        } else {
            "UPDATE diving_centers SET created_at = \
             strftime('%Y-%m-%dT%H:%M:%fZ', '2020-01-01', (id % 5) || ' days')"
        })
        .await;
        db.execute(
            "INSERT INTO center_ratings (diving_center_id, user_id, score) \
             SELECT id, u, 1 + (id * 7 + u * u) % 10 FROM diving_centers \
             JOIN (SELECT 1 AS u UNION ALL SELECT 2 UNION ALL SELECT 3) users \
             ON u <= id % 4",
        )
        .await;
    }
    let index = Catalog::new(
        sqlite.store(),
        Arc::new(Engine::Memory(MemoryEngine::new("centers"))),
    );
    index.load().await.unwrap();
    let mut random = StdRng::seed_from_u64(3);
    let (mut found_some, mut asked_index) = (0, 0);
    for _ in 0..150 {
        let listing = listing(&places, &mut random);
        let part = Part {
            offset: random.random_range(0..30),
            count: random.random_range(1..200),
        };
        let expected = sqlite.store().listed(&listing, part).await.unwrap();
        let found = mysql.store().listed(&listing, part).await.unwrap();
        assert_eq!(found, expected, "{listing:?} {part:?}");
        assert_eq!(
            mysql.store().count_listed(&listing).await.unwrap(),
            expected.total
        );
        assert_eq!(
            sqlite.store().count_listed(&listing).await.unwrap(),
            expected.total
        );
        assert_eq!(
            index.listed(&listing, part).await.unwrap(),
            expected,
            "{listing:?} {part:?}"
        );
        found_some += usize::from(expected.total > 0);
        asked_index += usize::from(listing.viewport_alone().is_some());
    }
    assert!(
        found_some > 75 && asked_index > 10,
        "{found_some} {asked_index}"
    );
}

/// Names as they are written, and as they are typed.
const WRITTEN_AND_TYPED: [(&str, &str); 15] = [
    ("Cafe\u{301} du Lac", "café du"),
    ("Café du Lac", "cafe\u{301} DU"),
    ("O\u{2019}Neill \u{201c}Deep\u{201d}", "o'neill \"deep\""),
    ("O'Neill", "o\u{2019}neill"),
    ("Hawai\u{2bb}i Divers", "hawai'i"),
    ("Blue\u{2013}Hole\u{2014}Club", "blue-hole-club"),
    (
        "\u{645}\u{64f}\u{62d}\u{64e}\u{645}\u{651}\u{64e}\u{62f}",
        "\u{645}\u{62d}\u{645}\u{62f}",
    ),
    ("Diyarbak\u{131}r", "DIYARBAKIR"),
    ("Gro\u{df}er Flu\u{df}", "GROSSER fluss"),
    ("\u{c6}r\u{f8} D\u{f8}k", "aero dok"),
    ("Tha\u{300}nh pho\u{302}\u{301}", "thành phố"),
    ("two\tblanks  \n here", "two blanks here"),
    ("\u{ff24}\u{ff29}\u{ff36}\u{ff25}", "dive"),
    ("so\u{ad}ft hy\u{200b}phen", "soft hyphen"),
    ("100 %_! plain", "%_!"),
];

on_both_stores! {
    async fn a_list_finds_texts_however_they_are_written(db: TestDatabase) {
        let store = db.store();
        for (name, _) in WRITTEN_AND_TYPED {
            let text = CenterText { name: name.to_owned(), ..CenterText::default() };
            let draft = CenterDraft::new(text, None).unwrap();
            store.create(&draft).await.unwrap();
        }
        for (place, (name, typed)) in (1..).zip(WRITTEN_AND_TYPED) {
            let needle = Needle::new(typed).unwrap();
            for texts in [AnyOf::anywhere(&needle), AnyOf::within(TextField::Name, needle)] {
                let listing = Listing { texts: vec![texts], ..Listing::default() };
                let found = store.listed(&listing, Part { offset: 0, count: 50 }).await.unwrap();
                assert!(found.ids.contains(&id(place)), "{typed} in {name}: {found:?}");
                assert_eq!(found.ids.len() as u64, found.total);
                assert_eq!(store.count_listed(&listing).await.unwrap(), found.total);
            }
        }
        let listing = Listing {
            texts: vec![AnyOf::anywhere(&Needle::new("zebra").unwrap())],
            ..Listing::default()
        };
        assert_eq!(store.count_listed(&listing).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn centers_are_read_in_the_order_of_their_ids_and_those_gone_left_out() {
    let db = TestDatabase::sqlite().await;
    let store = db.store();
    store.upsert(&places()[..5]).await.unwrap();
    let read = store
        .read_many(&[id(4), id(99), id(1), id(3)])
        .await
        .unwrap();
    let ids: Vec<i64> = read.iter().map(|center| center.id.get()).collect();
    assert_eq!(ids, [4, 1, 3]);
    assert_eq!(
        store
            .listed(
                &Listing::default(),
                Part {
                    offset: 9,
                    count: 9
                }
            )
            .await
            .unwrap(),
        Listed {
            ids: Vec::new(),
            total: 5
        }
    );
}
