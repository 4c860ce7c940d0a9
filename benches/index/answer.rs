//! What a bench does with an answer: the same as the service, short of sending.

use nearby::domain::{Cursor, Search};
use nearby::engine::memory::MemoryEngine;
use nearby::engine::{Answer, Hit};
use nearby::wire::push_distance;

/// Joins the rendered centers with their distances into one buffer.
#[derive(Debug, Default)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub hits: usize,
    pub next: Option<Cursor>,
}

impl Answer for Body {
    fn begin(&mut self, count: usize, next: Option<Cursor>) {
        self.bytes.clear();
        self.hits = count;
        self.next = next;
    }

    fn hit(&mut self, hit: Hit<'_>) {
        self.bytes.extend_from_slice(hit.rendered);
        push_distance(&mut self.bytes, measured_m(&hit));
    }
}

/// Answers a search into the body.
pub fn answer(engine: &MemoryEngine, search: &Search, body: &mut Body) -> usize {
    engine.search(search, body).expect("the index is loaded");
    body.hits
}

/// The ids and distances of an answer.
#[derive(Debug, Default)]
pub struct Found(pub Vec<(i64, f64)>);

impl Answer for Found {
    fn begin(&mut self, _count: usize, _next: Option<Cursor>) {
        self.0.clear();
    }

    fn hit(&mut self, hit: Hit<'_>) {
        self.0.push((hit.id.get(), measured_m(&hit)));
    }
}

fn measured_m(hit: &Hit<'_>) -> f64 {
    hit.distance_m
        .expect("searches around an origin measure distances")
}
