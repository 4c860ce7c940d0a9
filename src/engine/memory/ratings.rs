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
    pub(super) fn set(&mut self, center: CenterId, rating: Rating) {
        self.0.insert(center, render_rating(rating).into());
    }

    /// The rating of a center as a value; `None` where it has none.
    pub(super) fn of(&self, center: CenterId) -> Option<&str> {
        self.0.get(&center).map(|text| &**text)
    }
}
