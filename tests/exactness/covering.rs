//! What reaches an origin with a radius of its own, on every engine, against brute force.

use std::collections::HashMap;

use nearby::catalog::Catalog;
use nearby::domain::{
    Area, CenterId, Condition, FieldId, FieldValue, Search, Summary, ValueKey, covers,
};
use nearby::engine::brute::{BruteForce, Found};
use nearby::store::{Attribute, Collection};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::compare::{Answered, judge_groups, judge_search, leave_out_what_does_not_reach};
use crate::declared::{catalog, collection, column, file, point};
use crate::memory::Page;
use crate::mysql::MySqlDatabase;
use crate::questions::Questions;
use crate::world::{self, Place};

const REACH: FieldId = FieldId(4);

/// A place, and how far it reaches.
struct Branch {
    place: Place,
    reach: [Option<FieldValue>; 1],
}

impl Branch {
    fn summary(&self) -> Option<Summary<'_>> {
        Some(Summary {
            region: None,
            city: None,
            attributes: &self.reach,
            ..self.place.summary()?
        })
    }

    fn reach_m(&self) -> Option<f64> {
        match self.reach[0] {
            Some(FieldValue::Number(reach_m)) => Some(reach_m),
            _ => None,
        }
    }
}

/// Most reach as far as shops do; some nothing, some around the globe.
fn branches(step: usize, widest_m: f64) -> Vec<Branch> {
    let mut random = StdRng::seed_from_u64(21);
    let places = world::with_hostile(step).into_iter();
    places
        .map(|place| {
            let reach_m = match random.random_range(0..40) {
                0..4 => None,
                4..6 => Some(0.0),
                6..8 => Some(-random.random_range(0.0..1e7)),
                8 => Some(widest_m),
                9 => Some(random.random_range(0.0..widest_m.min(2e7))),
                _ => Some(10_f64.powf(random.random_range(-3.0..6.0))),
            };
            Branch {
                reach: [reach_m.map(FieldValue::Number)],
                place,
            }
        })
        .collect()
}

fn declared(is_located: bool) -> Collection {
    let reach = Attribute::service_radius(column("reach"));
    collection("branches", is_located, vec![reach])
}

/// What inserts rows, with a point where there is a column for it.
fn inserts(branches: &[Branch], is_located: bool) -> Vec<String> {
    let row = |branch: &Branch| {
        let Place {
            id, country, at, ..
        } = &branch.place;
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let country = country.as_deref().map_or("NULL".to_owned(), text);
        let number = |number: Option<f64>| number.map_or("NULL".to_owned(), |n| n.to_string());
        let (latitude, longitude) = at.unzip();
        let reach = number(branch.reach_m());
        let (latitude, longitude) = (number(latitude), number(longitude));
        let point = if is_located {
            format!(", {}", point(*at))
        } else {
            String::new()
        };
        format!("({id}, 'x', {country}, {latitude}, {longitude}, {reach}{point})")
    };
    let statement = |rows: &[Branch]| {
        let rows: Vec<String> = rows.iter().map(row).collect();
        format!("INSERT INTO branches VALUES {}", rows.join(", "))
    };
    branches.chunks(500).map(statement).collect()
}

async fn compare(name: &str, catalog: &Catalog, branches: &[Branch], count: usize) {
    let mut brute = BruteForce::default();
    let mut reaches = HashMap::new();
    let mut countries = HashMap::new();
    for branch in branches {
        let Some(summary) = branch.summary() else {
            continue;
        };
        brute.push(&summary);
        reaches.insert(summary.id, branch.reach_m());
        countries.insert(summary.id, branch.place.country.clone());
    }
    let reach_of = |id: CenterId| reaches[&id];
    let country_of = |id: CenterId| countries[&id].clone().map(ValueKey::Text);
    let places: Vec<Place> = branches.iter().map(|branch| branch.place.clone()).collect();
    let mut questions = Questions::new(&places, 22);
    let mut random = StdRng::seed_from_u64(23);
    let (mut asked, mut found) = (0, 0);
    while asked < count {
        let mut search = questions.ask();
        let filter = &mut search.filter;
        filter.organizations.clear();
        filter.min_rating = None;
        // Branches have neither region nor city.
        let mut asks_more = false;
        filter
            .condition
            .visit_fields(&mut |field| asks_more |= field != FieldId::COUNTRY);
        if asks_more {
            filter.condition = Condition::default();
        }
        let Area::Around(around) = &mut search.area else {
            continue;
        };
        around.covered_by = Some(REACH);
        if random.random_ratio(3, 4) {
            (around.radius, around.min_radius) = (None, None);
        }
        if random.random_ratio(1, 4) {
            around.group_by = Some(FieldId::COUNTRY);
        }
        let is_whole = (around.radius, around.min_radius) == (None, None);
        let is_grouped = around.group_by.is_some();
        let mut measured = brute.measured(&search);
        if is_whole && asked % 4 == 0 {
            let reaches = |found: &&Found| {
                reach_of(found.id).is_some_and(|reach_m| covers(reach_m, found.distance_m))
            };
            let expected = measured.iter().filter(reaches).count();
            let tally = catalog.tally(&search, &[]).await.expect("it answers");
            let tally = tally.expect("it is counted in time");
            assert_eq!(tally.total, expected as u64, "{name}: {search:?}");
        }
        let (centers, limit) = answered(catalog, &search, asked % 5 == 0).await;
        leave_out_what_does_not_reach(&mut measured, reach_of, &centers);
        let judged = if is_grouped {
            judge_groups(&search, measured, country_of, &centers)
        } else {
            judge_search(&search, measured, limit, &centers)
        };
        if let Err(wrong) = judged {
            panic!("{name}: {wrong}\nsearch: {search:?}\nanswer: {centers:?}");
        }
        asked += 1;
        found += centers.len();
    }
    println!("coverage on {name} against brute force: {asked} searches, {found} centers compared");
    assert!(found > asked / 4, "searches find something");
}

/// One page, or all pages joined, and how many centers that may be.
async fn answered(catalog: &Catalog, search: &Search, walk: bool) -> (Vec<Answered>, usize) {
    let mut search = search.clone();
    let mut centers = Vec::new();
    loop {
        let mut page = Page::default();
        let answered = catalog.search(&search, &mut page).await;
        answered.unwrap_or_else(|error| panic!("{error:?}\n{search:?}"));
        centers.extend(page.centers);
        search.after = page.next;
        match search.after {
            None if walk => return (centers, usize::MAX),
            Some(_) if walk && centers.len() < 2_000 => {}
            _ => return (centers.clone(), centers.len().max(search.limit.get())),
        }
    }
}

const COLUMNS: &str = "id BIGINT PRIMARY KEY, name VARCHAR(255) NOT NULL, country VARCHAR(100), \
                       latitude DOUBLE, longitude DOUBLE, reach DOUBLE";

#[tokio::test]
async fn what_reaches_an_origin_in_memory_equals_brute_force() {
    for (step, widest_m) in [(200, 2e4), (100, 1e6), (400, 1e9)] {
        let branches = branches(step, widest_m);
        let table = format!("CREATE TABLE branches ({COLUMNS})");
        let statements = [vec![table], inserts(&branches, false)].concat();
        let (database, _folder) = file(&statements).await;
        let catalog = catalog(&database, declared(false)).await;
        compare("memory", &catalog, &branches, 300).await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_reaches_an_origin_in_mysql_equals_brute_force() {
    for (step, widest_m) in [(200, 2e4), (400, 1e9)] {
        let branches = branches(step, widest_m);
        let server = MySqlDatabase::new().await;
        let table = format!(
            "CREATE TABLE branches ({COLUMNS}, location POINT NOT NULL SRID 4326, \
             SPATIAL INDEX (location), INDEX (reach))"
        );
        server.execute(&table).await;
        for insert in inserts(&branches, true) {
            server.execute(&insert).await;
        }
        let located = catalog(&server.database, declared(true)).await;
        compare("MySQL", &located, &branches, 150).await;
        let bare = catalog(&server.database, declared(false)).await;
        compare("MySQL without a location", &bare, &branches, 40).await;
        server.remove().await;
    }
}
