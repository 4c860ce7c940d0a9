//! The memory engine against brute force.

use std::thread;

use nearby::domain::{
    BY_ID, CenterId, Cursor, Limit, MAX_LIMIT, OrganizationNames, Rating, Search,
};
use nearby::engine::brute::BruteForce;
use nearby::engine::memory::MemoryEngine;
use nearby::engine::{Answer, Hit};

use crate::compare::{Answered, judge_search};
use crate::questions::Questions;
use crate::tally::{COUNTED, Counter, facets_of};
use crate::world::{self, Place};

/// One question in so many is walked to its last page.
const WALKED: usize = 10;

/// Walks of more centers than this stop there.
const LONGEST_WALK: usize = 20_000;

/// A page as the engine gives it.
#[derive(Debug, Default)]
pub struct Page {
    pub centers: Vec<Answered>,
    pub next: Option<Cursor>,
    pub ratings: Vec<Option<Rating>>,
}

impl Answer for Page {
    fn begin(&mut self, _count: usize, next: Option<Cursor>) {
        self.next = next;
    }

    fn hit(&mut self, hit: Hit<'_>) {
        self.ratings.push(hit.rating.map(parsed));
        self.centers.push(Answered {
            id: hit.id,
            distance_m: hit.distance_m.unwrap_or(BY_ID),
        });
    }
}

/// A rating as a client reads it.
fn parsed(rendered: &str) -> Rating {
    let members = rendered.strip_prefix(',').expect("it follows a member");
    let read: serde_json::Value =
        serde_json::from_str(&format!("{{{members}}}")).expect("it is JSON");
    Rating {
        average: read["average_rating"].as_f64().expect("a number"),
        count: read["rating_count"].as_u64().expect("a whole number"),
    }
}

/// Both sides loaded with the same places.
pub fn both(places: &[Place]) -> (MemoryEngine, BruteForce) {
    let engine = MemoryEngine::new("centers");
    let mut loading = engine.begin_load();
    let mut brute = BruteForce::default();
    let names = OrganizationNames::of(&world::organizations());
    loading.name_organizations(names.clone());
    brute.name_organizations(names);
    for place in places {
        let id = CenterId::new(place.id).expect("test ids are positive");
        loading.set_organizations(id, &world::organizations_of(place.id));
        brute.set_organizations(id, &world::organizations_of(place.id));
        if let Some(rating) = world::rating_of(place.id) {
            loading.set_rating(id, rating);
            brute.set_rating(id, rating);
        }
    }
    for summary in places.iter().filter_map(Place::summary) {
        loading.push(&summary);
        brute.push(&summary);
    }
    engine.finish_load(loading.build());
    (engine, brute)
}

pub fn page(engine: &MemoryEngine, search: &Search) -> Page {
    let mut page = Page::default();
    engine
        .search(search, &mut page)
        .expect("the index is loaded");
    page
}

/// Asks the engine and lets brute force judge. Gives the centers compared.
pub fn compare(engine: &MemoryEngine, brute: &BruteForce, search: &Search, walk: bool) -> usize {
    let measured = brute.measured(search);
    let Page {
        mut centers,
        next,
        ratings,
    } = page(engine, search);
    for (center, rating) in centers.iter().zip(ratings) {
        assert_eq!(rating, brute.told_rating(search, center.id));
    }
    let judged = if walk {
        let mut search = search.clone();
        search.after = next;
        while search.after.is_some() && centers.len() < LONGEST_WALK {
            // Pages may differ in size.
            search.limit =
                Limit::new((centers.len() * 2).clamp(1, MAX_LIMIT)).expect("within range");
            let next = page(engine, &search);
            centers.extend(next.centers);
            search.after = next.next;
        }
        let limit = match search.after {
            Some(_) => centers.len(),
            None => usize::MAX,
        };
        judge_search(&search, measured, limit, &centers)
    } else {
        let full = centers.len() == search.limit.get();
        assert!(full || next.is_none(), "a page with a next one is full");
        judge_search(search, measured, search.limit.get(), &centers)
    };
    if let Err(wrong) = judged {
        panic!("{wrong}\nsearch: {search:?}\nanswer: {centers:?}");
    }
    centers.len()
}

/// A fiftieth where the code is not optimised.
fn questions(optimised: usize) -> usize {
    if cfg!(debug_assertions) {
        optimised / 50
    } else {
        optimised
    }
}

/// Asks so many questions on every core; prints what was compared.
fn compare_many(name: &str, places: &[Place], count: usize) {
    let (engine, brute) = both(places);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let ask = |thread: usize| {
        let counter = Counter::new(&brute, places);
        let mut questions = Questions::new(places, 7 + thread as u64);
        (0..count.div_ceil(threads))
            .map(|number| {
                let search = questions.ask();
                if number % COUNTED == 0 {
                    let facets = facets_of(number);
                    let tally = engine.tally(&search, facets).expect("the index is loaded");
                    counter.judge(&search, facets, &tally);
                }
                compare(&engine, &brute, &search, number % WALKED == 0)
            })
            .sum::<usize>()
    };
    let centers: usize = thread::scope(|scope| {
        let asked: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || ask(thread)))
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().expect("every answer is right"))
            .sum()
    });
    println!(
        "memory against brute force, {name}: {} origins over {} places, {centers} centers compared",
        count.div_ceil(threads) * threads,
        places.len(),
    );
}

#[test]
fn answers_over_a_sample_of_the_world_equal_brute_force() {
    compare_many("sample", &world::with_hostile(34), questions(98_000));
}

#[test]
fn answers_over_every_bundled_place_equal_brute_force() {
    compare_many("all places", &world::with_hostile(1), questions(2_500));
}

#[test]
fn answers_over_hostile_points_alone_equal_brute_force() {
    compare_many("hostile points", &world::hostile(), questions(50_000));
}
