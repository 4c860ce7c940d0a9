//! The generated centers, as the engines see them.

use nearby::domain::{CenterId, Summary};
use nearby::engine::brute::BruteForce;
use nearby::transfer::{Generated, generate};

/// The seed of all centers that are searched.
pub const SEED: u64 = 1;

/// What is asked of a generated center.
pub fn summary(center: &Generated) -> Summary<'_> {
    let some = |text: &'static str| (!text.is_empty()).then_some(text);
    Summary {
        id: id(center),
        position: center.position,
        name: center.place.name,
        country: some(center.place.country),
        region: some(center.place.region),
        city: some(center.place.city),
        attributes: &[],
    }
}

fn id(center: &Generated) -> CenterId {
    i64::try_from(center.id)
        .ok()
        .and_then(CenterId::new)
        .expect("generated ids are small")
}

/// The same centers for brute force.
pub fn oracle(count: u64) -> BruteForce {
    let mut oracle = BruteForce::default();
    for center in generate(count, SEED) {
        oracle.push(&summary(&center));
    }
    oracle
}
