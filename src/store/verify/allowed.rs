//! Rows at fault that an operator knows of and lives with.

use std::str::FromStr;

use thiserror::Error;

use super::Verification;

/// A kind of fault that rows can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Drift,
    LocationOnly,
    OutOfRange,
}

impl Fault {
    const ALL: [(Self, &str); 3] = [
        (Self::Drift, "drift"),
        (Self::LocationOnly, "location-only"),
        (Self::OutOfRange, "out-of-range"),
    ];
}

/// Up to how many rows may have one kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    fault: Fault,
    rows: u64,
}

/// A text does not say what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not KIND=ROWS, as in out-of-range=10; the kinds are drift, location-only and out-of-range"
)]
pub struct AllowedError(String);

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, AllowedError> {
        let read = || {
            let (name, rows) = text.split_once('=')?;
            let (fault, _) = Fault::ALL.into_iter().find(|(_, known)| *known == name)?;
            Some(Self {
                fault,
                rows: rows.parse().ok()?,
            })
        };
        read().ok_or_else(|| AllowedError(text.to_owned()))
    }
}

impl Verification {
    /// Whether nothing is wrong beyond what is allowed; warnings do not count.
    #[must_use]
    pub fn is_sound_but_for(&self, allowed: &[Allowed]) -> bool {
        let most = |fault| {
            let of_it = allowed.iter().filter(|allowed| allowed.fault == fault);
            of_it.map(|allowed| allowed.rows).max().unwrap_or(0)
        };
        self.is_schema_sound()
            && self.drift.count <= most(Fault::Drift)
            && self.location_only.count <= most(Fault::LocationOnly)
            && self.out_of_range.count <= most(Fault::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_a_kind_and_a_number() {
        for good in ["drift=0", "location-only=12", "out-of-range=10"] {
            assert!(good.parse::<Allowed>().is_ok(), "{good}");
        }
        for bad in [
            "", "drift", "drift=", "drift=-1", "drift=x", "stray=1", "=1",
        ] {
            assert!(bad.parse::<Allowed>().is_err(), "{bad}");
        }
    }
}
