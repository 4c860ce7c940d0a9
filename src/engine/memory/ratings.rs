//! How centers are rated.
//!
//! To the index a rating is one more field: there are far fewer ratings than
//! centers. Whoever is not rated has no value there, and costs nothing.

use std::collections::HashMap;

use crate::domain::{CenterId, Rating};

/// The rating of each center that has one, with a position or without, as a
/// value of the field.
#[derive(Debug, Clone, Default)]
pub(super) struct Ratings(HashMap<CenterId, Box<str>>);

impl Ratings {
    pub(super) fn set(&mut self, center: CenterId, rating: Rating) {
        self.0.insert(center, text_of(rating).into());
    }

    /// The rating of a center as a value; `None` where it has none.
    pub(super) fn of(&self, center: CenterId) -> Option<&str> {
        self.0.get(&center).map(|text| &**text)
    }
}

fn text_of(Rating { average, count }: Rating) -> String {
    format!("{average} {count}")
}

/// The rating that a value stands for.
pub(super) fn rating_of(text: &str) -> Rating {
    let parsed = text.split_once(' ').and_then(|(average, count)| {
        let (average, count) = (average.parse().ok()?, count.parse().ok()?);
        Some(Rating { average, count })
    });
    parsed.expect("the field holds what text_of wrote")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_comes_back_to_the_last_bit() {
        for average in [
            0.0,
            10.0,
            1.0 / 3.0,
            8.0 + 2.0 / 3.0,
            0.1 + 0.2,
            9.999_999_999,
        ] {
            let rating = Rating { average, count: 3 };
            assert_eq!(rating_of(&text_of(rating)), rating);
        }
    }
}
