//! Figures that criterion does not give: medians over many searches, each a
//! different one, at 1 and at 10 million centers, and resident memory.

use std::time::Instant;

use nearby::domain::{Condition, FieldId, Origin, Search};
use nearby::engine::memory::{Change, MemoryEngine};

use crate::answer::{Body, answer};
use crate::rivals::{OneEntryPerPoint, RunsOf};
use crate::world;

/// Searches per row; the median of their times is printed.
const SEARCHES: usize = 20_000;

/// Searches whose answers must be equal before a variant is timed.
const ASSERTED: usize = 100;

/// One kind of search.
struct Shape {
    name: &'static str,
    make: fn(Origin, usize) -> Search,
}

const SHAPES: [Shape; 11] = [
    Shape {
        name: "nearest 10",
        make: |origin, _| world::search(origin, None, 10),
    },
    Shape {
        name: "nearest 50",
        make: |origin, _| world::search(origin, None, 50),
    },
    Shape {
        name: "25 km, 10",
        make: |origin, _| world::search(origin, Some(25.0), 10),
    },
    Shape {
        name: "25 km, 50",
        make: |origin, _| world::search(origin, Some(25.0), 50),
    },
    Shape {
        name: "100 km, 50",
        make: |origin, _| world::search(origin, Some(100.0), 50),
    },
    Shape {
        name: "500 km, 50",
        make: |origin, _| world::search(origin, Some(500.0), 50),
    },
    Shape {
        name: "500 km, 1000",
        make: |origin, _| world::search(origin, Some(500.0), 1_000),
    },
    Shape {
        name: "nearest 10 of any country, far side",
        make: |origin, number| {
            let mut search = world::search(antipode(origin), None, 10);
            search.filter.condition = country(number);
            search
        },
    },
    Shape {
        name: "nearest 10 of any region, far side",
        make: |origin, number| {
            let mut search = world::search(antipode(origin), None, 10);
            search.filter.condition = region(number);
            search
        },
    },
    Shape {
        name: "nearest 10 of its country and region, far side",
        make: |origin, number| {
            let mut search = world::search(antipode(origin), None, 10);
            search.filter.condition = country(number).and(region(number));
            search
        },
    },
    Shape {
        name: "nearest 10 of a country and a region elsewhere",
        make: |origin, number| {
            let mut search = world::search(antipode(origin), None, 10);
            search.filter.condition = country(number).and(region(number + 7));
            search
        },
    },
];

fn antipode(origin: Origin) -> Origin {
    Origin::new(-origin.latitude(), origin.longitude() + 180.0).expect("within range")
}

fn country(number: usize) -> Condition {
    Condition::texts(FieldId::COUNTRY, [of_a_center(number, 0)])
}

fn region(number: usize) -> Condition {
    Condition::texts(FieldId::REGION, [of_a_center(number, 1)])
}

/// A value of a bundled place: country, region.
fn of_a_center(number: usize, field: usize) -> String {
    let places = nearby::transfer::bundled_places();
    let place = &places[number * 7_919 % places.len()];
    [place.country, place.region][field].to_owned()
}

/// Prints the rows for so many centers; gives the medians of the shapes.
pub fn print(count: u64) -> Vec<f64> {
    // The places the centers are drawn from stay in memory: load them first.
    let _ = world::origins(1);
    let before = resident_bytes();
    let started = Instant::now();
    let (engine, raw_bytes) = load(count);
    let loaded = started.elapsed();
    let per_center = |bytes: u64| bytes as f64 / count as f64;
    println!("\n## {count} centers\n");
    println!("generated and loaded in {loaded:.2?}");
    println!(
        "resident bytes per center: {:.0}, raw text {:.0}: {:.0} beyond it",
        per_center(resident_bytes().saturating_sub(before)),
        per_center(raw_bytes),
        per_center(resident_bytes().saturating_sub(before)) - per_center(raw_bytes),
    );
    let origins = world::origins(SEARCHES);
    let medians = SHAPES
        .iter()
        .map(|shape| {
            let searches: Vec<Search> = origins
                .iter()
                .enumerate()
                .map(|(number, origin)| (shape.make)(*origin, number))
                .collect();
            let mut body = Body::default();
            let (median, p99) = times_us(&searches, |search| {
                answer(&engine, search, &mut body);
            });
            println!("{:<50} {median:>8.2} us, p99 {p99:>8.2} us", shape.name);
            median
        })
        .collect();
    print_writes(&engine, count);
    medians
}

/// Prints what simpler variants take for 50 within 25 km. The engine's row has
/// the fetching of texts and the distances in metres in it, theirs do not.
pub fn print_rivals(count: u64) {
    let searches: Vec<Search> = world::origins(SEARCHES)
        .into_iter()
        .map(|origin| world::search(origin, Some(25.0), 50))
        .collect();
    let mut found = Vec::new();
    let engine = world::memory(count);
    let mut ids = crate::answer::Found::default();
    let expected: Vec<Vec<i64>> = searches[..ASSERTED]
        .iter()
        .map(|search| {
            engine.search(search, &mut ids).expect("it is loaded");
            ids.0.iter().map(|(id, _)| *id).collect()
        })
        .collect();
    let mut row = |name: &str, find: &mut dyn FnMut(&Search, &mut Vec<u32>)| {
        for (search, expected) in searches.iter().zip(&expected) {
            find(search, &mut found);
            let found: Vec<i64> = found.iter().map(|id| i64::from(*id)).collect();
            assert_eq!(&found, expected, "{name}: {search:?}");
        }
        let (median, _) = times_us(&searches, |search| find(search, &mut found));
        println!("{name:<50} {median:>8.2} us");
    };
    println!("\n## variants, {count} centers, 50 within 25 km, ids only\n");
    let plain = OneEntryPerPoint::build(count);
    row("rstar, one entry per point", &mut |search, found| {
        plain.find(search, found);
    });
    drop(plain);
    let runs = RunsOf::<32>::build(count);
    row(
        "rstar over runs of 32, its iterator",
        &mut |search, found| {
            runs.find(search, found);
        },
    );
    let runs = RunsOf::<64>::build(count);
    row(
        "rstar over runs of 64, its iterator",
        &mut |search, found| {
            runs.find(search, found);
        },
    );
    row("the engine, texts fetched", &mut |search, found| {
        engine.search(search, &mut ids).expect("it is loaded");
        found.clear();
        let ids = ids.0.iter().map(|(id, _)| *id);
        found.extend(ids.map(|id| u32::try_from(id).expect("counted from 1")));
    });
}

/// Loads an engine as the service does and counts the raw text: what the texts
/// of a center's summary take in the CSV file.
fn load(count: u64) -> (MemoryEngine, u64) {
    let engine = MemoryEngine::new("centers");
    let mut loading = engine.begin_load();
    let mut raw_bytes = 0;
    for center in world::centers(count) {
        let place = &center.place;
        for text in [place.name, place.country, place.region, place.city] {
            raw_bytes += text.len() as u64;
        }
        loading.push(&world::summary(&center));
    }
    let started = Instant::now();
    engine.finish_load(loading.build());
    println!("\nbuilt {count} in {:.2?}", started.elapsed());
    (engine, raw_bytes)
}

/// New centers near others, moves of centers that are there, and removals.
fn print_writes(engine: &MemoryEngine, count: u64) {
    let fresh: Vec<_> = nearby::transfer::generate(10_000, 5).collect();
    let row = |name: &str, change: &dyn Fn(usize) -> Change<'static>| {
        let numbers: Vec<usize> = (0..fresh.len()).collect();
        let (median, p99) = times_us(&numbers, |number| engine.apply(&[change(*number)]));
        println!("{name:<50} {median:>8.2} us, p99 {p99:>8.2} us");
    };
    let renumbered = |number: usize, id: u64| {
        let mut center = fresh[number];
        center.id = id;
        world::summary(&center)
    };
    let new_id = |number: usize| count + 1 + number as u64;
    let old_id = |number: usize| 1 + (number as u64 * 7_919) % count;
    row("insert", &|number| {
        Change::Upsert(renumbered(number, new_id(number)))
    });
    row("move", &|number| {
        Change::Upsert(renumbered(number, old_id(number)))
    });
    row("remove", &|number| {
        Change::Remove(renumbered(number, new_id(number)).id)
    });
}

/// The median and the 99th percentile of what each takes, in microseconds.
fn times_us<T>(inputs: &[T], mut run: impl FnMut(&T)) -> (f64, f64) {
    let mut times: Vec<f64> = inputs
        .iter()
        .map(|input| {
            let started = Instant::now();
            run(input);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// What the process holds in memory, as the kernel counts it.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("Linux tells");
    let kibibytes: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("it is a number");
    kibibytes * 1024
}

/// Prints how the shapes' medians grew from one count to the other.
pub fn print_growth(small: (u64, &[f64]), large: (u64, &[f64])) {
    println!("\n## query time at {} against {}\n", large.0, small.0);
    for ((shape, small), large) in SHAPES.iter().zip(small.1).zip(large.1) {
        println!("{:<50} {:>8.2} x", shape.name, large / small);
    }
}
