//! Names as one types them, on every engine: folded once and kept in memory.
//!
//! Whoever never asks never pays: the index is loaded for the first query. What
//! it gives are candidates; the rows in the database have the last word on what
//! a center is called and where it is.
//!
//! - `base`: sorted names and the words in them, built in one go
//! - `find`, `best`: the candidates of a query
//! - `reach`: distances, and names from an origin outwards

mod base;
mod best;
mod find;
mod reach;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::domain::{CenterId, NameMatch, NameQuery, Position, fold};
use base::Base;
pub use base::{BuiltNames, LoadingNames};
use reach::{Point, Reach, at_most_as_far_as, point_of};

/// Names written since the index was built are looked through one by one. From
/// this many on, and one for so many names, it is built anew.
const MANY_WRITTEN: usize = 4_096;
const NAMES_FOR_ONE_WRITTEN: usize = 100;

/// Where nothing tells of other writers, names in use are loaded again after so
/// long, and after this many times what loading took: a twentieth of a core.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);
const REST_FACTOR: u32 = 20;

/// The candidates of a query.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// At least the best that were wanted, in any order, each once.
    pub ids: Vec<CenterId>,
    /// Whether there are no more than these.
    pub complete: bool,
    /// Whether those that almost hold what was typed are among them.
    with_typos: bool,
}

/// The names of all centers, with a position or without.
#[derive(Debug, Default)]
pub struct Names {
    loaded: RwLock<Option<Loaded>>,
    /// What was written since a load began.
    loading: RwLock<Option<Written>>,
    /// Whether anybody asked since the last load.
    asked: AtomicBool,
}

#[derive(Debug)]
struct Loaded {
    base: Base,
    written: Written,
    at: Instant,
    took: Duration,
}

/// Names as they were written last; `None` for a center that was deleted.
type Written = HashMap<CenterId, Option<Name>>;

/// What is held of a center.
#[derive(Debug, Clone)]
pub struct Name {
    folded: Box<str>,
    point: Point,
}

impl Name {
    /// Of a center that is called so and is there.
    #[must_use]
    pub fn of(name: &str, position: Option<Position>) -> Self {
        Self {
            folded: fold(name).into(),
            point: point_of(position),
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // No position is no number.
        let bits = |point: Point| point.map(f32::to_bits);
        self.folded == other.folded && bits(self.point) == bits(other.point)
    }
}

impl Names {
    /// Whether queries are answered.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded.read().is_some()
    }

    /// Whether so much was written that the index should be built anew.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.loaded.read().as_ref().is_some_and(|loaded| {
            loaded.written.len() > MANY_WRITTEN.max(loaded.base.len() / NAMES_FOR_ONE_WRITTEN)
        })
    }

    /// Whether anybody has asked since the names were loaded, and that is so long
    /// ago that other writers should be looked after.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let loaded = self.loaded.read();
        loaded.as_ref().is_some_and(|loaded| {
            let rest = LOOK_AGAIN_AFTER.max(loaded.took * REST_FACTOR);
            self.asked.load(Ordering::Relaxed) && loaded.at.elapsed() > rest
        })
    }

    /// Starts to load. Whatever is written from now on is remembered, so writers
    /// need not wait; one load at a time.
    #[must_use]
    pub fn begin_load(&self) -> LoadingNames {
        *self.loading.write() = Some(Written::new());
        LoadingNames::default()
    }

    /// Puts what was loaded in the place of what there was.
    pub fn finish_load(&self, built: BuiltNames) {
        let mut loaded = self.loaded.write();
        let written = self.loading.write().take().unwrap_or_default();
        self.asked.store(false, Ordering::Relaxed);
        let previous = loaded.replace(Loaded {
            base: built.base,
            written,
            at: Instant::now(),
            took: built.took,
        });
        drop(loaded);
        // Freed outside of the lock.
        drop(previous);
    }

    /// Forgets a load that came to nothing.
    pub fn give_up_load(&self) {
        *self.loading.write() = None;
    }

    /// Follows a committed write; without a name the center was deleted.
    pub fn follow(&self, id: CenterId, written: Option<(&str, Option<Position>)>) {
        // In the order of `finish_load`, so that no write falls between.
        let mut loaded = self.loaded.write();
        let mut loading = self.loading.write();
        if loaded.is_none() && loading.is_none() {
            return;
        }
        let name = written.map(|(name, position)| Name::of(name, position));
        if let Some(loading) = &mut *loading {
            loading.insert(id, name.clone());
        }
        if let Some(loaded) = &mut *loaded {
            loaded.written.insert(id, name);
        }
    }

    /// What is held of some centers; `None` before the first load. Goes through all of them.
    #[must_use]
    pub fn held(&self, of: impl Fn(CenterId) -> bool) -> Option<HashMap<CenterId, Name>> {
        let guard = self.loaded.read();
        let Loaded { base, written, .. } = guard.as_ref()?;
        let mut held: HashMap<CenterId, Name> = (0..)
            .zip(&base.ids)
            .filter(|(_, id)| of(**id))
            .map(|(rank, id)| {
                let name = Name {
                    folded: base.name(rank).into(),
                    point: base.points[rank as usize],
                };
                (*id, name)
            })
            .collect();
        for (id, name) in written.iter().filter(|(id, _)| of(**id)) {
            match name {
                Some(name) => held.insert(*id, name.clone()),
                None => held.remove(id),
            };
        }
        Some(held)
    }

    /// The candidates of a query, among them the best `wanted`; `None` before
    /// the first load.
    #[must_use]
    pub fn candidates(&self, query: &NameQuery, wanted: usize) -> Option<Candidates> {
        self.asked.store(true, Ordering::Relaxed);
        let guard = self.loaded.read();
        let loaded = guard.as_ref()?;
        let mut wanted_of_base = wanted;
        loop {
            let mut found = loaded.base.candidates(query, wanted_of_base);
            let among = found.ids.len();
            found.ids.retain(|id| !loaded.written.contains_key(id));
            if found.complete || found.ids.len() >= wanted {
                let best = best_written(&loaded.written, query, wanted, found.with_typos);
                found.ids.extend(best.ids);
                found.complete &= best.complete;
                return Some(found);
            }
            wanted_of_base = wanted_of_base * 2 + (among - found.ids.len());
        }
    }
}

/// As [`Base::candidates`], of names that are in no order.
fn best_written(
    written: &Written,
    query: &NameQuery,
    wanted: usize,
    with_typos: bool,
) -> Candidates {
    let reach = query.origin.map(Reach::of);
    let mut matching: Vec<_> = written
        .iter()
        .filter_map(|(id, name)| {
            let name = name.as_ref()?;
            let how = if with_typos {
                query.how(&name.folded)?
            } else {
                NameMatch::of(&name.folded, query.needle())?
            };
            let chord = reach.map_or(Some(0.0), |reach| reach.chord_to(&name.point));
            Some((how, chord.unwrap_or(f32::INFINITY), &name.folded, *id))
        })
        .collect();
    matching.sort_unstable_by(|(how, chord, name, id), other| {
        let by_chord = how.cmp(&other.0).then(chord.total_cmp(&other.1));
        by_chord.then_with(|| (name, id).cmp(&(&other.2, &other.3)))
    });
    // Where distances decide, those that may be as near as the last are kept.
    let kept = match wanted.checked_sub(1).and_then(|at| matching.get(at)) {
        Some(&(how, chord, ..)) if reach.is_some() && chord.is_finite() => {
            let far = at_most_as_far_as(chord);
            let behind = matching[wanted..].iter();
            wanted
                + behind
                    .take_while(|other| other.0 == how && other.1 <= far)
                    .count()
        }
        _ => matching.len().min(wanted),
    };
    Candidates {
        with_typos,
        complete: kept == matching.len(),
        ids: matching[..kept].iter().map(|(.., id)| *id).collect(),
    }
}
