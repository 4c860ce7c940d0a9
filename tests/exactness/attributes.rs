//! Conditions on attributes, on every engine and in lists, against brute force.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::NaiveDate;
use nearby::catalog::Catalog;
use nearby::domain::{
    Area, CenterId, Comparison, Condition, FieldId, FieldKind, FieldValue, Filter, Pattern,
    Position, Search, Summary, ValueKey,
};
use nearby::engine::brute::BruteForce;
use nearby::store::{Attribute, Collection};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::compare::{judge_groups, judge_search};
use crate::declared::{catalog, collection, column, file, point};
use crate::memory::Page;
use crate::mysql::MySqlDatabase;
use crate::questions::Questions;
use crate::world::{self, Place};

const CATEGORY: FieldId = FieldId(4);
const STARS: FieldId = FieldId(5);
const OPEN: FieldId = FieldId(6);
const SINCE: FieldId = FieldId(7);

/// Texts that collations take for each other, and such as patterns are made of.
const CATEGORIES: [&str; 10] = [
    "school", "School", "school ", "schöol", "100%", "a_b", "a*b[c]?", "", "école", "🐟",
];

/// A row of `shops`.
struct Shop {
    place: Place,
    attributes: Vec<Option<FieldValue>>,
}

impl Shop {
    fn summary(&self) -> Option<Summary<'_>> {
        Some(Summary {
            attributes: &self.attributes,
            ..self.place.summary()?
        })
    }
}

fn shops(step: usize) -> Vec<Shop> {
    let mut random = StdRng::seed_from_u64(17);
    let places = world::with_hostile(step).into_iter();
    places
        .map(|place| {
            let fields = [CATEGORY, STARS, OPEN, SINCE];
            let attributes = fields.map(|field| {
                let is_there = random.random_ratio(3, 4);
                is_there.then(|| value(&mut random, field))
            });
            Shop {
                attributes: attributes.into(),
                place,
            }
        })
        .collect()
}

/// A value that some rows have.
fn value(random: &mut StdRng, field: FieldId) -> FieldValue {
    match field {
        CATEGORY => {
            let category = CATEGORIES[random.random_range(0..CATEGORIES.len())];
            FieldValue::Text(category.to_owned())
        }
        STARS => FieldValue::Number(f64::from(random.random_range(-8..40)) / 4.0),
        OPEN => FieldValue::Boolean(random.random()),
        SINCE => {
            let first = NaiveDate::from_ymd_opt(1969, 12, 20).expect("a day");
            let days = random.random_range(0..40);
            FieldValue::Date(first + chrono::Days::new(days))
        }
        FieldId::COUNTRY => {
            FieldValue::Text(["even", "odd", "FR", "GR"][random.random_range(0..4)].to_owned())
        }
        _ => FieldValue::Text(format!(
            "hostile {}",
            world::FIRST_HOSTILE_ID + random.random_range(0..200)
        )),
    }
}

/// Any condition, and conditions within it.
fn condition(random: &mut StdRng, depth: usize) -> Condition {
    const FIELDS: [FieldId; 6] = [
        CATEGORY,
        STARS,
        OPEN,
        SINCE,
        FieldId::COUNTRY,
        FieldId::NAME,
    ];
    if depth > 0 && random.random_ratio(1, 2) {
        let mut parts = || {
            let count = random.random_range(0..4);
            (0..count).map(|_| condition(random, depth - 1)).collect()
        };
        return match parts() {
            parts if depth.is_multiple_of(2) => Condition::All(parts),
            mut parts if parts.len() == 1 => Condition::Not(parts.remove(0).into()),
            parts => Condition::Any(parts),
        };
    }
    let field = FIELDS[random.random_range(0..FIELDS.len())];
    let is_text = matches!(field, CATEGORY | FieldId::COUNTRY | FieldId::NAME);
    match random.random_range(0..6) {
        0 => Condition::IsNull(field),
        1 | 2 => {
            let count = random.random_range(0..4);
            let values = (0..count).map(|_| value(random, field));
            Condition::OneOf(field, values.collect())
        }
        3 if is_text => {
            const PATTERNS: [&str; 8] =
                ["s%", "%l", "S_hool", "_", "%", r"100\%", r"a\_%", "%*%[%"];
            let pattern = PATTERNS[random.random_range(0..PATTERNS.len())];
            Condition::Like(field, Pattern::parse(pattern))
        }
        _ => {
            const ALL: [Comparison; 6] = [
                Comparison::Equal,
                Comparison::Unequal,
                Comparison::Less,
                Comparison::LessOrEqual,
                Comparison::Greater,
                Comparison::GreaterOrEqual,
            ];
            let comparison = ALL[random.random_range(0..ALL.len())];
            Condition::Compare(field, comparison, value(random, field))
        }
    }
}

fn declared(is_located: bool) -> Collection {
    let attribute = |name, kind, of| Attribute::new(column(name), kind, column(of));
    let attributes = vec![
        attribute("category", FieldKind::Text, "category"),
        attribute("stars", FieldKind::Number, "stars"),
        attribute("is_open", FieldKind::Boolean, "is_open"),
        attribute("since", FieldKind::Date, "since"),
    ];
    collection("shops", is_located, attributes)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What inserts rows, with a point where there is a column for it.
fn inserts(shops: &[Shop], is_located: bool) -> Vec<String> {
    let row = |shop: &Shop| {
        let Place {
            id,
            name,
            country,
            at,
            ..
        } = &shop.place;
        let country = country.as_deref().map_or("NULL".to_owned(), literal);
        let mut row = match at {
            Some((latitude, longitude)) => {
                format!(
                    "({id}, {}, {country}, {latitude}, {longitude}",
                    literal(name)
                )
            }
            None => format!("({id}, {}, {country}, NULL, NULL", literal(name)),
        };
        for value in &shop.attributes {
            let _ = match value {
                None => write!(row, ", NULL"),
                Some(FieldValue::Text(text)) => write!(row, ", {}", literal(text)),
                Some(FieldValue::Number(number)) => write!(row, ", {number}"),
                Some(FieldValue::Boolean(boolean)) => write!(row, ", {}", u8::from(*boolean)),
                Some(FieldValue::Date(date)) => write!(row, ", '{date} 13:14:15'"),
            };
        }
        if is_located {
            let _ = write!(row, ", {}", point(*at));
        }
        row + ")"
    };
    let statement = |rows: &[Shop]| {
        let rows: Vec<String> = rows.iter().map(row).collect();
        format!("INSERT INTO shops VALUES {}", rows.join(", "))
    };
    shops.chunks(500).map(statement).collect()
}

async fn compare(name: &str, catalog: &Catalog, shops: &[Shop], count: usize) {
    let mut brute = BruteForce::default();
    for summary in shops.iter().filter_map(Shop::summary) {
        brute.push(&summary);
    }
    let places: Vec<Place> = shops.iter().map(|shop| shop.place.clone()).collect();
    let mut questions = Questions::new(&places, 5);
    let mut random = StdRng::seed_from_u64(6);
    let (mut found, mut listed) = (0, 0);
    for _ in 0..count {
        let search = Search {
            filter: Filter {
                condition: condition(&mut random, 3),
                ..Filter::default()
            },
            ..questions.ask()
        };
        let mut page = Page::default();
        let answered = catalog.search(&search, &mut page).await;
        answered.unwrap_or_else(|error| panic!("{error:?}\n{search:?}"));
        let measured = brute.measured(&search);
        if let Err(wrong) = judge_search(&search, measured, search.limit.get(), &page.centers) {
            panic!("{name}: {wrong}\nsearch: {search:?}");
        }
        found += page.centers.len();
        listed += compare_list(name, catalog, shops, &search.filter).await;
    }
    println!(
        "attributes on {name} against brute force: {count} conditions over {} rows, \
         {found} centers and {listed} of lists compared",
        shops.len()
    );
    assert!(found > count && listed > count, "conditions find something");
}

/// The nearest of each value of a field, of what random conditions and searches ask for.
async fn compare_groups(name: &str, catalog: &Catalog, shops: &[Shop], count: usize) {
    const FIELDS: [FieldId; 5] = [CATEGORY, STARS, OPEN, SINCE, FieldId::COUNTRY];
    let mut brute = BruteForce::default();
    let mut summaries = HashMap::new();
    for summary in shops.iter().filter_map(Shop::summary) {
        brute.push(&summary);
        summaries.insert(summary.id, summary);
    }
    let places: Vec<Place> = shops.iter().map(|shop| shop.place.clone()).collect();
    let mut questions = Questions::new(&places, 8);
    let mut random = StdRng::seed_from_u64(9);
    let (mut asked, mut found) = (0, 0);
    while asked < count {
        let mut search = questions.ask();
        let Area::Around(around) = &mut search.area else {
            continue;
        };
        let field = FIELDS[random.random_range(0..FIELDS.len())];
        around.group_by = Some(field);
        // Shops have neither region nor city.
        let mut has_all = true;
        search
            .filter
            .condition
            .visit_fields(&mut |field| has_all &= field == FieldId::COUNTRY);
        let mut condition = match random.random_range(0..3) {
            0 => condition(&mut random, 2),
            // Rows without a value are groups of their own, which soon fill a page.
            1 => Condition::Not(Condition::IsNull(field).into()),
            _ => Condition::default(),
        };
        if has_all {
            condition = condition.and(search.filter.condition);
        }
        search.filter = Filter {
            condition,
            ..Filter::default()
        };
        let mut page = Page::default();
        let answered = catalog.search(&search, &mut page).await;
        answered.unwrap_or_else(|error| panic!("{error:?}\n{search:?}"));
        assert!(page.next.is_none(), "{search:?}");
        let value_of = |id| {
            let value = summaries[&id].value(field)?;
            Some(ValueKey::from(FieldValue::from(value)))
        };
        let measured = brute.measured(&search);
        if let Err(wrong) = judge_groups(&search, measured, value_of, &page.centers) {
            panic!(
                "{name}: {wrong}\nsearch: {search:?}\nanswer: {:?}",
                page.centers
            );
        }
        asked += 1;
        found += page.centers.len();
    }
    println!("groups on {name} against brute force: {asked} searches, {found} centers compared");
    assert!(found > asked, "searches find something");
}

async fn compare_list(name: &str, catalog: &Catalog, shops: &[Shop], filter: &Filter) -> usize {
    let list = catalog.list(filter, None, shops.len()).await;
    let list = list.unwrap_or_else(|error| panic!("{error:?}\n{filter:?}"));
    let kept = |shop: &&Shop| {
        // Where it stands does not matter here.
        let nowhere = Summary {
            id: CenterId::new(shop.place.id).expect("test ids are positive"),
            position: Position::new(0.0, 0.0).expect("a position"),
            name: &shop.place.name,
            country: shop.place.country.as_deref(),
            region: None,
            city: None,
            attributes: &shop.attributes,
        };
        filter.matches(&nowhere)
    };
    let mut expected: Vec<&Shop> = shops.iter().filter(kept).collect();
    expected.sort_by_key(|shop| shop.place.id);
    let ids = |ids: &mut dyn Iterator<Item = i64>| ids.collect::<Vec<_>>();
    assert_eq!(
        ids(&mut list.iter().map(|center| center.id.get())),
        ids(&mut expected.iter().map(|shop| shop.place.id)),
        "{name}: {filter:?}"
    );
    for (center, shop) in list.iter().zip(&expected) {
        assert_eq!(center.attributes.values(), shop.attributes, "{name}");
    }
    list.len()
}

const COLUMNS: &str = "id BIGINT PRIMARY KEY, name VARCHAR(255) NOT NULL, country VARCHAR(100), \
                       latitude DOUBLE, longitude DOUBLE";

#[tokio::test]
async fn conditions_on_attributes_in_memory_equal_brute_force() {
    let shops = shops(200);
    let table = format!(
        "CREATE TABLE shops ({COLUMNS}, category TEXT COLLATE NOCASE, stars, is_open BOOLEAN, \
         since DATETIME)"
    );
    let statements = [vec![table], inserts(&shops, false)].concat();
    let (database, _folder) = file(&statements).await;
    let catalog = catalog(&database, declared(false)).await;
    compare("memory", &catalog, &shops, 400).await;
    compare_groups("memory", &catalog, &shops, 600).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn conditions_on_attributes_in_mysql_equal_brute_force() {
    let shops = shops(400);
    let server = MySqlDatabase::new().await;
    let table = format!(
        "CREATE TABLE shops ({COLUMNS}, category VARCHAR(50), stars DECIMAL(6, 3), \
         is_open BIT(1), since DATETIME, location POINT NOT NULL SRID 4326, \
         SPATIAL INDEX (location), INDEX (category), INDEX (stars))"
    );
    server.execute(&table).await;
    for insert in inserts(&shops, true) {
        server.execute(&insert).await;
    }
    let located = catalog(&server.database, declared(true)).await;
    compare("MySQL", &located, &shops, 300).await;
    compare_groups("MySQL", &located, &shops, 300).await;
    let bare = catalog(&server.database, declared(false)).await;
    compare("MySQL without a location", &bare, &shops, 60).await;
    compare_groups("MySQL without a location", &bare, &shops, 60).await;
    server.remove().await;
}
