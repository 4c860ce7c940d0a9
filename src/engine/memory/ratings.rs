//! How centers are rated.
//!
//! To the index a rating is one more field: there are far fewer ratings than
//! centers. Whoever is not rated has no value there, and costs nothing.

use std::collections::HashMap;

use crate::domain::{CenterId, Rating};
use crate::wire::render_rating;

/// The rating of each center that has one, with a position or without, as a
/// value of the field: the text that answers hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Ratings(HashMap<CenterId, Box<str>>);

impl Ratings {
    pub(super) fn set(&mut self, center: CenterId, rating: Option<Rating>) {
        match rating {
            Some(rating) => self.0.insert(center, render_rating(rating).into()),
            None => self.0.remove(&center),
        };
    }

    /// The centers that have one.
    pub(super) fn centers(&self) -> impl Iterator<Item = CenterId> {
        self.0.keys().copied()
    }

    /// The rating of a center as a value; `None` where it has none.
    pub(super) fn of(&self, center: CenterId) -> Option<&str> {
        self.0.get(&center).map(|text| &**text)
    }
}
