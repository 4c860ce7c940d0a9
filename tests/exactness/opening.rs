//! What is open, on every engine, against brute force and hours reckoned by hand.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nearby::catalog::Catalog;
use nearby::domain::{CenterId, Condition, FieldId, Filter, Moment, OpenAt, Search, Summary};
use nearby::engine::brute::BruteForce;
use nearby::store::{Attribute, Collection};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::compare::judge_search;
use crate::declared::{catalog, collection, column, file, point};
use crate::memory::Page;
use crate::mysql::MySqlDatabase;
use crate::questions::Questions;
use crate::world::{self, Place};

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const DAY: i64 = 1_440;

/// Open on some days in a row, from a minute of the day so many minutes long.
#[derive(Debug, Clone, Copy)]
struct Week {
    first_day: i64,
    last_day: i64,
    from: i64,
    minutes: i64,
}

impl Week {
    fn random(random: &mut StdRng) -> Self {
        let first_day = random.random_range(0..7);
        Self {
            first_day,
            last_day: random.random_range(first_day..7),
            from: random.random_range(0..DAY),
            minutes: random.random_range(1..DAY),
        }
    }

    /// As OpenStreetMap writes it; what ends after midnight ends beyond 24:00.
    fn text(self) -> String {
        let time = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let [first, last] = [self.first_day, self.last_day]
            .map(|day| DAYS[usize::try_from(day).expect("a day of the week")]);
        format!(
            "{first}-{last} {}-{}",
            time(self.from),
            time(self.from + self.minutes)
        )
    }

    /// Whether it is open so many minutes after a Monday began.
    fn is_open(self, minute: i64) -> bool {
        [0, 1].into_iter().any(|days_ago| {
            let day = minute.div_euclid(DAY) - days_ago;
            let since = minute - day * DAY - self.from;
            (self.first_day..=self.last_day).contains(&day.rem_euclid(7))
                && (0..self.minutes).contains(&since)
        })
    }
}

/// A place, and when it is open in which zone, so many hours east.
struct Shop {
    place: Place,
    week: Option<Week>,
    hours_east: Option<i64>,
}

impl Shop {
    fn summary(&self) -> Option<Summary<'_>> {
        Some(Summary {
            region: None,
            city: None,
            attributes: &[],
            ..self.place.summary()?
        })
    }

    fn is_open(&self, moment: Moment) -> bool {
        // The first of 1970 was a Thursday.
        let minute_of = |at: DateTime<Utc>| at.timestamp().div_euclid(60) + 3 * DAY;
        let minute = match moment {
            Moment::Local(local) => Some(minute_of(local.and_utc())),
            Moment::At(at) | Moment::Now(at) => {
                self.hours_east.map(|hours| minute_of(at) + hours * 60)
            }
        };
        let open = self.week.zip(minute);
        open.is_some_and(|(week, minute)| week.is_open(minute))
    }
}

fn shops(step: usize) -> Vec<Shop> {
    let mut random = StdRng::seed_from_u64(31);
    let weeks: Vec<Week> = (0..40).map(|_| Week::random(&mut random)).collect();
    let places = world::with_hostile(step).into_iter();
    places
        .map(|place| Shop {
            week: random
                .random_ratio(9, 10)
                .then(|| weeks[random.random_range(0..weeks.len())]),
            hours_east: random
                .random_ratio(9, 10)
                .then(|| random.random_range(-12..=14)),
            place,
        })
        .collect()
}

fn declared(is_located: bool) -> Collection {
    let attributes = vec![
        Attribute::opening_hours(column("hours")),
        Attribute::time_zone(column("zone")),
    ];
    collection("shops", is_located, attributes)
}

/// What inserts rows, with a point where there is a column for it. Some hours are no hours, and
/// some zones no zones.
fn inserts(shops: &[Shop], is_located: bool) -> Vec<String> {
    let row = |shop: &Shop| {
        let Place {
            id, country, at, ..
        } = &shop.place;
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let country = country.as_deref().map_or("NULL".to_owned(), text);
        let number = |number: Option<f64>| number.map_or("NULL".to_owned(), |n| n.to_string());
        let (latitude, longitude) = at.unzip();
        let hours = match shop.week {
            Some(week) => text(&week.text()),
            None if id % 2 == 0 => "NULL".to_owned(),
            None => text("now and then"),
        };
        // These have their signs the other way round.
        let zone = match shop.hours_east {
            Some(hours) => text(&format!("Etc/GMT{:+}", -hours)),
            None if id % 2 == 0 => "NULL".to_owned(),
            None => text("Here/There"),
        };
        let (latitude, longitude) = (number(latitude), number(longitude));
        let point = if is_located {
            format!(", {}", point(*at))
        } else {
            String::new()
        };
        format!("({id}, 'x', {country}, {latitude}, {longitude}, {hours}, {zone}{point})")
    };
    let statement = |rows: &[Shop]| {
        let rows: Vec<String> = rows.iter().map(row).collect();
        format!("INSERT INTO shops VALUES {}", rows.join(", "))
    };
    shops.chunks(500).map(statement).collect()
}

async fn compare(name: &str, catalog: &Catalog, shops: &[Shop], count: usize) {
    let mut brute = BruteForce::default();
    let mut by_id: HashMap<CenterId, &Shop> = HashMap::new();
    for shop in shops {
        if let Some(summary) = shop.summary() {
            brute.push(&summary);
            by_id.insert(summary.id, shop);
        }
    }
    let opening = catalog
        .collection()
        .fields()
        .opening()
        .expect("it is declared");
    let places: Vec<Place> = shops.iter().map(|shop| shop.place.clone()).collect();
    let mut questions = Questions::new(&places, 32);
    let mut random = StdRng::seed_from_u64(33);
    let mut found = 0;
    for _ in 0..count {
        let mut search = questions.ask();
        let mut has_all = true;
        let asked = &search.filter.condition;
        asked.visit_fields(&mut |field| has_all &= field == FieldId::COUNTRY);
        let condition = if has_all {
            asked.clone()
        } else {
            Condition::default()
        };
        let seconds = random.random_range(0..4_000_000_000);
        let at = DateTime::from_timestamp(seconds, 0).expect("a time");
        let moment = match random.random_range(0..3) {
            0 => Moment::Local(at.naive_utc()),
            1 => Moment::Now(at),
            _ => Moment::At(at),
        };
        search.filter = Filter {
            condition: condition.clone(),
            ..Filter::default()
        };
        let mut measured = brute.measured(&search);
        measured.retain(|found| by_id[&found.id].is_open(moment));
        search.filter.condition = condition.and(Condition::Open(OpenAt { opening, moment }));
        let page = page(catalog, &search).await;
        if let Err(wrong) = judge_search(&search, measured, search.limit.get(), &page.centers) {
            panic!("{name}: {wrong}\nsearch: {search:?}");
        }
        found += page.centers.len();
    }
    println!(
        "opening hours on {name} against brute force: {count} searches, {found} centers compared"
    );
    assert!(found > count, "searches find something");
}

async fn page(catalog: &Catalog, search: &Search) -> Page {
    let mut page = Page::default();
    let answered = catalog.search(search, &mut page).await;
    answered.unwrap_or_else(|error| panic!("{error:?}\n{search:?}"));
    page
}

const COLUMNS: &str = "id BIGINT PRIMARY KEY, name VARCHAR(255) NOT NULL, country VARCHAR(100), \
                       latitude DOUBLE, longitude DOUBLE, hours VARCHAR(255), zone VARCHAR(64)";

#[tokio::test]
async fn what_is_open_in_memory_equals_brute_force() {
    let shops = shops(200);
    let table = format!("CREATE TABLE shops ({COLUMNS})");
    let statements = [vec![table], inserts(&shops, false)].concat();
    let (database, _folder) = file(&statements).await;
    let catalog = catalog(&database, declared(false)).await;
    compare("memory", &catalog, &shops, 500).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_is_open_in_mysql_equals_brute_force() {
    let shops = shops(400);
    let server = MySqlDatabase::new().await;
    let table = format!(
        "CREATE TABLE shops ({COLUMNS}, location POINT NOT NULL SRID 4326, SPATIAL INDEX (location))"
    );
    server.execute(&table).await;
    for insert in inserts(&shops, true) {
        server.execute(&insert).await;
    }
    let located = catalog(&server.database, declared(true)).await;
    compare("MySQL", &located, &shops, 200).await;
    let bare = catalog(&server.database, declared(false)).await;
    compare("MySQL without a location", &bare, &shops, 40).await;
    server.remove().await;
}
