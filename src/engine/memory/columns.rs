//! The attributes of the centers of one bucket, one center behind the other.

use super::values::ValuesRef;
use super::vocabulary::ValueId;

/// Nothing where a collection has no attributes.
#[derive(Debug, Default)]
pub(super) struct Columns {
    interned: Vec<ValueId>,
    numbers: Vec<f64>,
    /// The least and the greatest of each number; the least is greater where there is none.
    ranges: Vec<(f64, f64)>,
}

const NO_RANGE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl Columns {
    pub(super) fn interned(&self, slot: usize, slots: usize) -> &[ValueId] {
        part(&self.interned, slot, slots)
    }

    pub(super) fn numbers(&self, slot: usize, slots: usize) -> &[f64] {
        part(&self.numbers, slot, slots)
    }

    /// Whether no number in this place is within a range.
    pub(super) fn misses(&self, place: usize, low: f64, high: f64) -> bool {
        let (least, greatest) = self.ranges[place];
        high < least || greatest < low
    }

    /// The greatest number in this place; negative infinity where there is none.
    pub(super) fn greatest(&self, place: usize) -> f64 {
        self.ranges[place].1
    }

    /// Adds those of a center behind the others.
    pub(super) fn push(&mut self, values: ValuesRef<'_>) {
        self.interned.extend_from_slice(values.interned);
        self.numbers.extend_from_slice(values.numbers);
        self.ranges.resize(values.numbers.len(), NO_RANGE);
        for (range, number) in self.ranges.iter_mut().zip(values.numbers) {
            widen(range, *number);
        }
    }

    /// Puts others in the place of those of a center.
    pub(super) fn set(&mut self, slot: usize, slots: usize, values: ValuesRef<'_>) {
        part_mut(&mut self.interned, slot, slots).copy_from_slice(values.interned);
        part_mut(&mut self.numbers, slot, slots).copy_from_slice(values.numbers);
        self.measure();
    }

    /// Takes those of a center out. Those of the last one take their place.
    pub(super) fn swap_remove(&mut self, slot: usize, slots: usize) {
        remove(&mut self.interned, slot, slots);
        remove(&mut self.numbers, slot, slots);
        self.measure();
    }

    fn measure(&mut self) {
        self.ranges.fill(NO_RANGE);
        let width = self.ranges.len();
        if width > 0 {
            for numbers in self.numbers.chunks_exact(width) {
                for (range, number) in self.ranges.iter_mut().zip(numbers) {
                    widen(range, *number);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut measured = Self {
            interned: Vec::new(),
            numbers: self.numbers.clone(),
            ranges: self.ranges.clone(),
        };
        measured.measure();
        assert_eq!(self.ranges, measured.ranges, "ranges are tight");
    }
}

fn widen((least, greatest): &mut (f64, f64), number: f64) {
    // Those of NaN are the others.
    *least = least.min(number);
    *greatest = greatest.max(number);
}

fn part<T>(all: &[T], slot: usize, slots: usize) -> &[T] {
    let width = all.len() / slots;
    &all[slot * width..][..width]
}

fn part_mut<T>(all: &mut [T], slot: usize, slots: usize) -> &mut [T] {
    let width = all.len() / slots;
    &mut all[slot * width..][..width]
}

fn remove<T: Copy>(all: &mut Vec<T>, slot: usize, slots: usize) {
    let width = all.len() / slots;
    let last = all.len() - width;
    all.copy_within(last.., slot * width);
    all.truncate(last);
}
