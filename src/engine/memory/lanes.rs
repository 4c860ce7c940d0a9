//! Several numbers at a time.

/// The places of numbers that are not above a bound, in their order.
///
/// All are compared before anything is done with one of them: that takes no branches,
/// and most searches care for few of the numbers.
pub(super) fn places_within<const N: usize>(
    numbers: &[f64; N],
    bound: f64,
) -> impl Iterator<Item = usize> + use<N> {
    const { assert!(N <= 32, "a place is a bit") };
    let mut left = 0_u32;
    for (place, number) in numbers.iter().enumerate() {
        left |= u32::from(*number <= bound) << place;
    }
    std::iter::from_fn(move || {
        let place = (left != 0).then_some(left.trailing_zeros() as usize);
        left &= left.wrapping_sub(1);
        place
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_up_to_the_bound_are_within_and_none_is_not() {
        let numbers = [0.5, f64::NAN, 1.0, 1.0_f64.next_up(), f64::INFINITY, -0.0];
        let within = |bound| places_within(&numbers, bound).collect::<Vec<_>>();
        assert_eq!(within(1.0), [0, 2, 5]);
        assert_eq!(within(f64::INFINITY), [0, 2, 3, 4, 5]);
        assert!(within(-1.0).is_empty());
        assert_eq!(places_within(&[0.0; 32], 0.0).count(), 32);
    }
}
