//! Boxes around points.

use rstar::Envelope as _;

pub(super) use crate::engine::boxes::{
    Bounds, Point, farthest_chord_squared, nearest_chord_squared, widest_axis,
};

/// The tightest box around points; the empty box around none.
pub(super) fn bounds_of(points: impl IntoIterator<Item = Point>) -> Bounds {
    let mut lower = [f64::INFINITY; 3];
    let mut upper = [f64::NEG_INFINITY; 3];
    for point in points {
        for axis in 0..3 {
            lower[axis] = lower[axis].min(point[axis]);
            upper[axis] = upper[axis].max(point[axis]);
        }
    }
    if lower[0] > upper[0] {
        return Bounds::new_empty();
    }
    Bounds::from_bounds(lower.map(rounded_down), upper.map(rounded_up))
}

/// The tightest box around boxes; the empty box around none.
pub(super) fn bounds_around(boxes: impl IntoIterator<Item = Bounds>) -> Bounds {
    let boxes = boxes.into_iter();
    boxes.fold(Bounds::new_empty(), |whole, bounds| whole.merged(&bounds))
}

/// Puts what has its middle before others along the longest axis of all in front:
/// so many.
pub(super) fn divide_at<T>(boxed: &mut [T], at: usize, bounds: impl Fn(&T) -> Bounds) {
    let axis = widest_axis(&bounds_around(boxed.iter().map(&bounds)));
    let twice_the_middle = |boxed: &T| {
        let bounds = bounds(boxed);
        bounds.lower()[axis] + bounds.upper()[axis]
    };
    boxed.select_nth_unstable_by(at, |a, b| {
        twice_the_middle(a).total_cmp(&twice_the_middle(b))
    });
}

/// Whether a point lies in a box or on its faces.
pub(super) fn is_within(bounds: &Bounds, point: &Point) -> bool {
    let (lower, upper) = (bounds.lower(), bounds.upper());
    (0..3)
        .all(|axis| f64::from(lower[axis]) <= point[axis] && point[axis] <= f64::from(upper[axis]))
}

/// Whether a point may be what holds a face of the tightest box around it and
/// others where it is.
pub(super) fn may_hold_open(bounds: &Bounds, point: &Point) -> bool {
    let (lower, upper) = (bounds.lower(), bounds.upper());
    (0..3).any(|axis| {
        rounded_down(point[axis]) == lower[axis] || rounded_up(point[axis]) == upper[axis]
    })
}

/// The largest single that is not above a number.
fn rounded_down(number: f64) -> f32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding is what it is for"
    )]
    let nearest = number as f32;
    if f64::from(nearest) > number {
        nearest.next_down()
    } else {
        nearest
    }
}

/// The smallest single that is not below a number.
fn rounded_up(number: f64) -> f32 {
    -rounded_down(-number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_rounded_outwards_and_no_further_than_need_be() {
        let points = [[0.1, -0.7, 1.0], [0.3, -0.2, -1e-300]];
        let bounds = bounds_of(points);
        for point in &points {
            assert!(is_within(&bounds, point));
            assert!(may_hold_open(&bounds, point));
        }
        assert_eq!(bounds.upper()[2], 1.0);
        assert!(bounds.lower()[2] < 0.0);
        assert!(f64::from(bounds.lower()[0].next_up()) > 0.1);
        assert!(f64::from(bounds.upper()[1].next_down()) < -0.2);
        assert!(!is_within(&bounds, &[0.31, -0.5, 0.5]));
        assert!(!may_hold_open(&bounds, &[0.2, -0.5, 0.5]));
    }
}
