//! The memory engine against brute force while centers come, move and go.

use nearby::domain::CenterId;
use nearby::engine::memory::Change;
use proptest::prelude::*;

use crate::memory::{both, compare};
use crate::questions::Questions;
use crate::world::{self, Place};

/// One step of a random life.
#[derive(Debug, Clone)]
enum Step {
    /// Writes a center of the world under this id: a new one, a moved one, or
    /// one with other texts, as it comes.
    Upsert {
        id: i64,
        like: usize,
    },
    Remove {
        id: i64,
    },
    /// Gives a center other organizations, whether it is there or not.
    Organizations {
        id: i64,
        like: i64,
    },
    Search {
        seed: u64,
        walk: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..2_000_i64, any::<prop::sample::Index>())
            .prop_map(|(id, like)| Step::Upsert { id, like: like.index(100_000) }),
        6 => (1..2_000_i64).prop_map(|id| Step::Remove { id }),
        4 => (1..2_000_i64, 1..100_i64)
            .prop_map(|(id, like)| Step::Organizations { id, like }),
        2 => (any::<u64>(), any::<bool>()).prop_map(|(seed, walk)| Step::Search { seed, walk }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 6 } else { 64 }))]

    #[test]
    fn searches_between_writes_equal_brute_force(
        loaded in 0..1_500_usize,
        steps in prop::collection::vec(step(), 1..3_000),
    ) {
        // Dense and hostile places alike, under few ids.
        let mut places = world::hostile();
        places.extend(world::bundled(90));
        let mut start: Vec<Place> = places.iter().take(loaded).cloned().collect();
        for (id, place) in (1..).zip(&mut start) {
            place.id = id;
        }
        let (engine, mut brute) = both(&start);
        let mut asked = places.clone();
        for (id, place) in (1..2_000).zip(&mut asked) {
            place.id = id;
        }
        for step in steps {
            match step {
                Step::Upsert { id, like } => {
                    let mut place = places[like % places.len()].clone();
                    place.id = id;
                    let change = if let Some(summary) = place.summary() {
                        brute.upsert(&summary);
                        Change::Upsert(summary)
                    } else {
                        let id = CenterId::new(id).unwrap();
                        brute.remove(id);
                        Change::Remove(id)
                    };
                    engine.apply(&[change]);
                }
                Step::Remove { id } => {
                    let id = CenterId::new(id).unwrap();
                    engine.apply(&[Change::Remove(id)]);
                    brute.remove(id);
                }
                Step::Organizations { id, like } => {
                    let id = CenterId::new(id).unwrap();
                    let organizations = world::organizations_of(like);
                    engine.apply(&[Change::Organizations(id, &organizations)]);
                    brute.set_organizations(id, &organizations);
                }
                Step::Search { seed, walk } => {
                    let search = Questions::new(&asked, seed).ask();
                    compare(&engine, &brute, &search, walk);
                }
            }
        }
        prop_assert_eq!(engine.len(), brute.len());
    }
}
