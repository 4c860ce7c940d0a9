//! How full `InnoDB` keeps the pages of a spatial index.
//!
//! Each point that moves leaves a dead one behind. Once the server has removed enough
//! of them from a page, it merges it with its neighbour, by default when it is half
//! empty, and the next points split it again: 40 to 75 ms each time (docs/decisions/writes-to-mysql.md).
//! An index may say in its comment from when on its pages are merged
//! (MySQL manual, "Configuring the Merge Threshold for Index Pages").

use super::schema::Index;
use crate::store::Collection;

/// The comment of indexes that we make: pages are merged when a tenth is left in them.
pub(super) const COMMENT: &str = "MERGE_THRESHOLD=10";

const KEY: &str = "MERGE_THRESHOLD=";
/// In percent; what the server takes where nothing is said, or nothing it knows.
const DEFAULT_THRESHOLD: u32 = 50;
/// Up to here there are few merges: with 20 a backfill makes half the splits that it
/// makes with 50.
const LATE: u32 = 20;

/// Whether points that move keep the server merging pages of an index on the location.
pub(super) fn are_merged_early(indexes: &[Index], collection: &Collection) -> bool {
    let location = collection.location.as_str();
    let mut on_location = indexes.iter().filter(|index| index.is_spatial_on(location));
    on_location.any(|index| threshold(&index.comment) > LATE)
}

fn threshold(comment: &str) -> u32 {
    let said = comment.split_once(KEY).and_then(|(_, after)| {
        let end = after.find(|c: char| !c.is_ascii_digit());
        after[..end.unwrap_or(after.len())].parse().ok()
    });
    said.filter(|percent| (1..=DEFAULT_THRESHOLD).contains(percent))
        .unwrap_or(DEFAULT_THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_found_in_a_comment_and_taken_for_the_default_where_it_is_none() {
        for (comment, expected) in [
            (COMMENT, 10),
            ("of points; MERGE_THRESHOLD=35, as measured", 35),
            ("", 50),
            ("MERGE_THRESHOLD=", 50),
            ("MERGE_THRESHOLD=0", 50),
            ("MERGE_THRESHOLD=51", 50),
            ("MERGE_THRESHOLD=99999999999", 50),
        ] {
            assert_eq!(threshold(comment), expected, "{comment}");
        }
    }

    #[test]
    fn only_spatial_indexes_on_the_location_count() {
        let index = |kind: &str, column: &str, comment: &str| Index {
            name: "i".to_owned(),
            kind: kind.to_owned(),
            visible: true,
            is_unique: false,
            column_name: column.to_owned(),
            place: 1,
            comment: comment.to_owned(),
        };
        let early = |indexes: &[Index]| are_merged_early(indexes, &Collection::diving_centers());
        assert!(!early(&[]));
        assert!(!early(&[
            index("BTREE", "id", ""),
            index("SPATIAL", "area", "")
        ]));
        assert!(!early(&[index("SPATIAL", "Location", COMMENT)]));
        assert!(early(&[
            index("SPATIAL", "location", COMMENT),
            index("SPATIAL", "location", "")
        ]));
    }
}
