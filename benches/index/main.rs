//! The index alone, without HTTP.
//!
//! `cargo bench --bench index` measures building, nearest, radius and insert at
//! 10,000, 100,000 and 1,000,000 world-like centers, beside brute force, and
//! prints tables: medians over many different searches, memory per center, and
//! simpler variants. `NEARBY_BENCH_COUNT=10000` bounds all of it (CI);
//! `NEARBY_BENCH_LARGE=10000000` adds a table of that size and the growth.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts and times are far below 2^53"
)]

mod answer;
mod rivals;
mod tables;
mod world;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use nearby::domain::Search;
use nearby::engine::brute::BruteForce;
use nearby::engine::memory::{Change, MemoryEngine};

use answer::{Body, Found, answer};

/// Brute force is measured up to this many centers: its time is a straight line.
const MOST_FOR_BRUTE: u64 = 100_000;

fn count_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| {
        panic!("{variable} must be a number of centers, got {text:?}");
    }))
}

fn main() {
    let most = count_from("NEARBY_BENCH_COUNT").unwrap_or(1_000_000);
    // First, while the process holds nothing else.
    let medians = tables::print(most);
    if let Some(large) = count_from("NEARBY_BENCH_LARGE") {
        let of_large = tables::print(large);
        tables::print_growth((most, &medians), (large, &of_large));
    }
    tables::print_rivals(most);

    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut counts: Vec<u64> = [10_000, 100_000, 1_000_000]
        .into_iter()
        .filter(|count| *count < most)
        .collect();
    counts.push(most);
    for count in counts {
        bench(&mut criterion, count);
    }
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, count: u64) {
    criterion.benchmark_group("build").bench_function(
        BenchmarkId::new("memory", count),
        |bencher| {
            bencher.iter_with_large_drop(|| world::memory(count));
        },
    );
    let engine = world::memory(count);
    let brute = (count <= MOST_FOR_BRUTE).then(|| world::brute(count));
    let origins = world::origins(1_000);
    for (name, radius_km) in [("nearest", None), ("radius", Some(25.0))] {
        let searches: Vec<Search> = origins
            .iter()
            .map(|origin| world::search(*origin, radius_km, 50))
            .collect();
        if let Some(brute) = &brute {
            assert_equal(&engine, brute, &searches[..50]);
        }
        let mut group = criterion.benchmark_group(name);
        let mut turns = searches.iter().cycle();
        let mut body = Body::default();
        group.bench_function(BenchmarkId::new("memory", count), |bencher| {
            bencher.iter(|| {
                let search = turns.next().expect("they turn for ever");
                answer(&engine, black_box(search), &mut body)
            });
        });
        if let Some(brute) = &brute {
            group.bench_function(BenchmarkId::new("brute", count), |bencher| {
                bencher.iter(|| {
                    let search = turns.next().expect("they turn for ever");
                    brute.nearest(black_box(search)).len()
                });
            });
        }
    }
    let mut fresh = nearby::transfer::generate(u64::MAX, 9);
    criterion.benchmark_group("insert").bench_function(
        BenchmarkId::new("memory", count),
        |bencher| {
            bencher.iter(|| {
                let mut center = fresh.next().expect("they never end");
                center.id += count;
                engine.apply(&[Change::Upsert(world::summary(&center))]);
            });
        },
    );
}

/// Both sides find the same centers in the same order, but for near ties.
fn assert_equal(engine: &MemoryEngine, brute: &BruteForce, searches: &[Search]) {
    let mut found = Found::default();
    for search in searches {
        engine.search(search, &mut found).expect("it is loaded");
        let expected = brute.nearest(search);
        assert_eq!(found.0.len(), expected.len(), "{search:?}");
        for ((_, distance_m), expected) in found.0.iter().zip(&expected) {
            let off_m = (distance_m - expected.distance_m).abs();
            assert!(off_m < 1e-3, "{search:?}: {found:?} is not {expected:?}");
        }
    }
}
