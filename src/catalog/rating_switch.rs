//! Whether ratings are hidden, as far as this instance knows: a search reads it without
//! asking the database.

use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::domain::RatingVisibility;

const SHOWN: u8 = 1;
const HIDDEN: u8 = 2;

/// The switch as it was read or written last.
#[derive(Debug, Default)]
pub(super) struct RatingSwitch {
    /// [`SHOWN`], [`HIDDEN`], or 0 before anything is known.
    state: AtomicU8,
    /// How often this instance wrote the setting.
    writes: Mutex<u64>,
}

impl RatingSwitch {
    /// What the setting says; `None` before it was read for the first time.
    pub fn visibility(&self) -> Option<RatingVisibility> {
        match self.state.load(Ordering::Relaxed) {
            SHOWN => Some(RatingVisibility::Shown),
            HIDDEN => Some(RatingVisibility::Hidden),
            _ => None,
        }
    }

    /// To be asked for before the setting is read, and given back with what was read.
    pub fn writes(&self) -> u64 {
        *self.writes.lock()
    }

    /// Takes what was read, unless this instance has written the setting since.
    pub fn was_read(&self, visibility: RatingVisibility, writes: u64) {
        let now = self.writes.lock();
        if *now == writes {
            self.put(visibility);
        }
    }

    /// Takes what this instance has written.
    pub fn was_written(&self, visibility: RatingVisibility) {
        let mut writes = self.writes.lock();
        *writes += 1;
        self.put(visibility);
    }

    fn put(&self, visibility: RatingVisibility) {
        let state = match visibility {
            RatingVisibility::Shown => SHOWN,
            RatingVisibility::Hidden => HIDDEN,
        };
        self.state.store(state, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_until_the_setting_was_read() {
        let switch = RatingSwitch::default();
        assert_eq!(switch.visibility(), None);
        switch.was_read(RatingVisibility::Shown, switch.writes());
        assert_eq!(switch.visibility(), Some(RatingVisibility::Shown));
    }

    #[test]
    fn what_was_read_before_a_write_does_not_undo_it() {
        let switch = RatingSwitch::default();
        let before = switch.writes();
        switch.was_written(RatingVisibility::Hidden);
        switch.was_read(RatingVisibility::Shown, before);
        assert_eq!(switch.visibility(), Some(RatingVisibility::Hidden));
        switch.was_read(RatingVisibility::Shown, switch.writes());
        assert_eq!(switch.visibility(), Some(RatingVisibility::Shown));
    }
}
