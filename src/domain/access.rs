//! Keys that clients show, and what each lets them do.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use thiserror::Error;

/// What whoever shows `NEARBY_ADMIN_KEY` is called, and no other key.
pub const OPERATOR: &str = "admin";
/// The most characters of a key's name.
const MAX_NAME_CHARS: usize = 100;
/// The most requests a minute that a key can be held to.
const MAX_RATE_PER_MINUTE: u32 = 6_000_000;
/// The longest that a key can be good for.
const MAX_LIFETIME: Duration = Duration::days(36_500);

/// What a key lets its holder do; each scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read, where not everybody may.
    Read,
    /// Write centers, dive sites and organizations.
    Write,
    /// Write settings, and read those that are not public.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The scope as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no scope: write read, write or admin")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|scope| scope.name() == text);
        found.ok_or_else(|| ScopeError(text.to_owned()))
    }
}

/// What a key is called by those who manage it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccessKeyName(String);

/// A text is no name of a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no name of a key: 1 to {MAX_NAME_CHARS} letters, digits, `_`, `-` and `.` of ASCII"
)]
pub struct AccessKeyNameError(String);

impl AccessKeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AccessKeyName {
    type Err = AccessKeyNameError;

    fn from_str(text: &str) -> Result<Self, AccessKeyNameError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(known) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AccessKeyNameError(text.to_owned()))
        }
    }
}

/// How many requests a minute are taken, as many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_minute: NonZeroU32,
}

/// A text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no rate: write requests a second or a minute, as 10/s or 300/m, of at most \
     {MAX_RATE_PER_MINUTE} a minute"
)]
pub struct RateError(String);

impl Rate {
    /// So many requests a minute; `None` where that is none, or more than can be counted.
    #[must_use]
    pub fn per_minute(requests: u32) -> Option<Self> {
        let per_minute = NonZeroU32::new(requests)?;
        (requests <= MAX_RATE_PER_MINUTE).then_some(Self { per_minute })
    }

    /// How many requests a minute.
    #[must_use]
    pub fn requests_per_minute(self) -> NonZeroU32 {
        self.per_minute
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/m", self.per_minute)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let read = || {
            let (number, unit) = text.split_once('/')?;
            let number: u32 = number.parse().ok()?;
            match unit {
                "s" => Self::per_minute(number.checked_mul(60)?),
                "m" => Self::per_minute(number),
                _ => None,
            }
        };
        read().ok_or_else(|| RateError(text.to_owned()))
    }
}

/// How long a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(Duration);

/// A text is no lifetime.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no lifetime: write days, hours or minutes, as 90d, 12h or 30m, of 36500 days at most"
)]
pub struct LifetimeError(String);

impl Lifetime {
    /// When a key ends that is made now.
    #[must_use]
    pub fn end(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.0
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let read = || {
            let unit = text.chars().last()?;
            let number: u32 = text[..text.len() - unit.len_utf8()].parse().ok()?;
            let number = i64::from(number);
            let lifetime = match unit {
                'd' => Duration::try_days(number)?,
                'h' => Duration::try_hours(number)?,
                'm' => Duration::try_minutes(number)?,
                _ => return None,
            };
            (Duration::zero() < lifetime && lifetime <= MAX_LIFETIME).then_some(Self(lifetime))
        };
        read().ok_or_else(|| LifetimeError(text.to_owned()))
    }
}

/// What is known of a key, but for the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// What it is called.
    pub name: AccessKeyName,
    /// What its holder may do.
    pub scope: Scope,
    /// The origins whose pages may show it; where there are none, it is for programs and any page.
    pub origins: Vec<String>,
    /// The collections that it is held to; where there are none, it is for all.
    pub collections: Vec<String>,
    /// The rate that it is held to.
    pub rate: Option<Rate>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is not good any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was shown last, to a minute or so.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl AccessKey {
    /// Whether it is over.
    #[must_use]
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_includes_those_before_it() {
        assert!(Scope::Read < Scope::Write && Scope::Write < Scope::Admin);
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
        }
        assert!("Admin".parse::<Scope>().is_err());
    }

    #[test]
    fn a_rate_is_requests_a_second_or_a_minute() {
        let read = |text: &str| {
            text.parse()
                .map(|rate: Rate| rate.requests_per_minute().get())
                .ok()
        };
        assert_eq!(read("10/s"), Some(600));
        assert_eq!(read("300/m"), Some(300));
        for bad in [
            "",
            "10",
            "0/s",
            "-1/s",
            "1/h",
            "100001/s",
            "6000001/m",
            "71582789/s",
            "1.5/s",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_lifetime_ends_on_the_clock_of_utc() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let end = |text: &str| {
            let lifetime = text.parse::<Lifetime>().ok()?;
            Some((lifetime.end(now) - now).num_minutes())
        };
        assert_eq!(end("90d"), Some(90 * 24 * 60));
        assert_eq!(end("12h"), Some(12 * 60));
        assert_eq!(end("30m"), Some(30));
        for bad in [
            "",
            "d",
            "0d",
            "-1d",
            "90",
            "90 d",
            "36501d",
            "4294967295d",
            "1ä",
        ] {
            assert_eq!(end(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_has_a_plain_name() {
        for good in ["shop-keeper.1", "A", &"k".repeat(100)] {
            assert!(good.parse::<AccessKeyName>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "é", "'", "a/b", &"k".repeat(101)] {
            assert!(bad.parse::<AccessKeyName>().is_err(), "{bad}");
        }
    }
}
