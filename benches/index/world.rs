//! World-like centers and the searches asked about them.

use nearby::domain::{Area, CenterId, Filter, Limit, Origin, Radius, Search, Summary};
use nearby::engine::brute::BruteForce;
use nearby::engine::memory::MemoryEngine;
use nearby::transfer::{Generated, generate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SEED: u64 = 1;

/// The first `count` generated centers.
pub fn centers(count: u64) -> impl Iterator<Item = Generated> {
    generate(count, SEED)
}

/// What a search answers of a generated center.
pub fn summary(center: &Generated) -> Summary<'static> {
    let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    let id = i64::try_from(center.id).expect("counted from 1");
    Summary {
        id: CenterId::new(id).expect("counted from 1"),
        position: center.position,
        name: center.place.name,
        country: some(center.place.country),
        region: some(center.place.region),
        city: some(center.place.city),
        attributes: &[],
    }
}

/// The memory engine, loaded.
pub fn memory(count: u64) -> MemoryEngine {
    let engine = MemoryEngine::new("centers");
    let mut loading = engine.begin_load();
    for center in centers(count) {
        loading.push(&summary(&center));
    }
    engine.finish_load(loading.build());
    engine
}

/// Brute force over the same centers.
pub fn brute(count: u64) -> BruteForce {
    let mut brute = BruteForce::default();
    for center in centers(count) {
        brute.push(&summary(&center));
    }
    brute
}

/// Points within about 10 km of centers.
pub fn origins(count: usize) -> Vec<Origin> {
    let mut random = StdRng::seed_from_u64(2);
    generate(count as u64, 3)
        .map(|center| {
            let north = random.random_range(-0.1..0.1);
            let east = random.random_range(-0.1..0.1);
            let latitude = (center.position.latitude() + north).clamp(-90.0, 90.0);
            Origin::new(latitude, center.position.longitude() + east).expect("within range")
        })
        .collect()
}

/// A search without filters.
pub fn search(origin: Origin, radius_km: Option<f64>, limit: usize) -> Search {
    Search {
        area: Area::around(
            origin,
            radius_km.map(|km| Radius::from_m(km * 1_000.0).expect("within range")),
        ),
        limit: Limit::new(limit).expect("within range"),
        filter: Filter::default(),
        exclude: Vec::new(),
        after: None,
    }
}
