//! When rows are open, by opening hours as OpenStreetMap writes them.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use opening_hours::RuleKind;
use parking_lot::RwLock;

use super::condition::FieldId;

/// What the attribute is called that says when rows are open.
pub const OPENING_HOURS: &str = "opening_hours";
/// What the attribute is called that says in which time zone rows are.
pub const TIME_ZONE: &str = "time_zone";

/// Longer texts are read as none.
const MAX_HOURS_BYTES: usize = 2_000;
/// So many different texts are kept read; beyond them they are read anew.
const MOST_KEPT: usize = 100_000;

static HOURS: LazyLock<Kept<Arc<OpeningHours>>> = LazyLock::new(Kept::default);
static ZONES: LazyLock<Kept<Tz>> = LazyLock::new(Kept::default);

/// Texts that were read, each once.
struct Kept<T> {
    by_text: RwLock<HashMap<Box<str>, Option<T>>>,
    unreadable: AtomicU64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            by_text: RwLock::default(),
            unreadable: AtomicU64::new(0),
        }
    }
}

impl<T: Clone> Kept<T> {
    fn read(&self, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        if let Some(known) = self.by_text.read().get(text) {
            return known.clone();
        }
        let value = read(text);
        let mut by_text = self.by_text.write();
        if by_text.len() >= MOST_KEPT {
            by_text.clear();
        }
        let is_new = by_text.insert(text.into(), value.clone()).is_none();
        if is_new && value.is_none() {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
        }
        value
    }
}

/// How many texts of opening hours and time zones could not be read, each counted once.
#[must_use]
pub fn unreadable_hours() -> u64 {
    let zones = ZONES.unreadable.load(Ordering::Relaxed);
    HOURS.unreadable.load(Ordering::Relaxed) + zones
}

/// Opening hours that were read. Days of `PH` and `SH` are none, and the sun rises at 7:00 and
/// sets at 19:00: neither holidays nor places are known here.
#[derive(Debug, Clone, PartialEq)]
pub struct OpeningHours(opening_hours::OpeningHours);

impl OpeningHours {
    /// Those of a text; `None` where it says none. Equal texts are read once.
    #[must_use]
    pub fn of(text: &str) -> Option<Arc<Self>> {
        HOURS.read(text, |text| {
            let hours = (text.len() <= MAX_HOURS_BYTES).then_some(text)?;
            opening_hours::OpeningHours::from_str(hours)
                .ok()
                .map(|hours| Arc::new(Self(hours)))
        })
    }

    /// Whether it is open at a local time.
    #[must_use]
    pub fn is_open(&self, local: NaiveDateTime) -> bool {
        let time = local.time().into();
        let day = self.0.schedule_at(local.date());
        day.into_iter()
            .any(|part| part.kind == RuleKind::Open && part.range.contains(&time))
    }
}

/// The time zone of a name of the IANA database.
#[must_use]
pub fn time_zone(name: &str) -> Option<Tz> {
    ZONES.read(name, |name| Tz::from_str(name).ok())
}

/// What says in which time zone rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// A field of each.
    Field(FieldId),
    /// All are in this one.
    All(Tz),
}

/// What says when rows are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The field with their opening hours.
    pub hours: FieldId,
    /// In which time zone these are.
    pub zone: Zone,
}

/// When something is to be open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// When it was asked.
    Now(DateTime<Utc>),
    /// At a time of the whole world.
    At(DateTime<Utc>),
    /// When clocks there show this.
    Local(NaiveDateTime),
}

/// That a row is open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenAt {
    /// What says so.
    pub opening: Opening,
    /// When.
    pub moment: Moment,
}

impl OpenAt {
    /// Whether it holds for opening hours in the time zone of a name; `None` where either is not
    /// known.
    #[must_use]
    pub fn holds(&self, hours: &OpeningHours, zone: Option<&str>) -> Option<bool> {
        let at = match self.moment {
            Moment::Now(at) | Moment::At(at) => at,
            Moment::Local(local) => return Some(hours.is_open(local)),
        };
        let zone = match self.opening.zone {
            Zone::All(zone) => zone,
            Zone::Field(_) => time_zone(zone?)?,
        };
        Some(hours.is_open(at.with_timezone(&zone).naive_local()))
    }

    /// The field with the time zone, where it is one.
    #[must_use]
    pub fn zone_field(&self) -> Option<FieldId> {
        match self.opening.zone {
            Zone::Field(field) => Some(field),
            Zone::All(_) => None,
        }
    }

    /// Writes it in bytes that tell it from every other; what is asked of now is the same
    /// whenever it is asked.
    pub(super) fn encode(&self, out: &mut impl FnMut(&[u8])) {
        out(&self.opening.hours.0.to_le_bytes());
        let (mark, seconds) = match self.moment {
            Moment::Now(_) => (0, 0),
            Moment::At(at) => (1, at.timestamp()),
            Moment::Local(local) => (2, local.and_utc().timestamp()),
        };
        out(&[mark]);
        out(&seconds.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 36] = [
        "Mo",
        "Tu",
        "Su",
        "Mo-Fr",
        "PH",
        "SH",
        "Jan",
        "Dec",
        "24",
        "2026",
        "2026-2030",
        "week",
        "1",
        "53",
        "/2",
        "09:00",
        "-",
        "17:30",
        "26:00",
        "24:00",
        "24/7",
        "off",
        "open",
        "unknown",
        "sunrise",
        "sunset",
        "(",
        ")",
        "+01:00",
        "[1]",
        "[-1]",
        "easter",
        ";",
        ",",
        "||",
        "\"x\"",
    ];

    proptest! {
        #[test]
        fn no_text_and_no_moment_is_ever_a_fault(
            words in prop::collection::vec((prop::sample::select(&WORDS[..]), any::<bool>()), 0..14),
            days in 0_u64..2_958_000,
            minute in 0_u32..1_440,
        ) {
            let mut text = String::new();
            for (word, is_apart) in &words {
                text.push_str(word);
                text.push_str(if *is_apart { " " } else { "" });
            }
            let first = NaiveDate::from_ymd_opt(1899, 12, 31).unwrap();
            let local = (first + chrono::Days::new(days))
                .and_hms_opt(minute / 60, minute % 60, 0)
                .unwrap();
            if let Some(hours) = OpeningHours::of(&text) {
                let _ = hours.is_open(local);
            }
        }
    }

    fn local(day: u32, hour: u32, minute: u32) -> NaiveDateTime {
        let date = NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        date.and_hms_opt(hour, minute, 59).unwrap()
    }

    #[test]
    fn hours_are_open_from_their_first_minute_to_the_one_before_their_last() {
        let open = |text: &str, at| OpeningHours::of(text).unwrap().is_open(at);
        // The first of December 2026 is a Tuesday.
        for (at, expected) in [
            (local(1, 8, 59), false),
            (local(1, 9, 0), true),
            (local(1, 17, 29), true),
            (local(1, 17, 30), false),
            (local(5, 12, 0), false),
        ] {
            assert_eq!(open("Mo-Fr 09:00-17:30", at), expected, "{at}");
        }
        assert!(open("24/7", local(6, 3, 0)));
        // Past midnight.
        assert!(open("Sa 22:00-04:00", local(6, 3, 59)));
        assert!(!open("Sa 22:00-04:00", local(6, 4, 0)));
        assert!(!open("Mo-Su 00:00-24:00; Dec 24-26 off", local(25, 12, 0)));
        assert!(!open("Mo-Fr 09:00-17:00 unknown", local(1, 12, 0)));
    }

    #[test]
    fn what_is_no_hours_and_no_zone_is_none() {
        let texts = ["whenever we like", "25:61", "", &"Mo;".repeat(1_000)];
        assert!(texts.iter().all(|text| OpeningHours::of(text).is_none()));
        assert_eq!(time_zone("Europe/Atlantis"), None);
        assert!(unreadable_hours() >= 1);
    }

    #[test]
    fn equal_texts_are_read_once_and_counted_once_where_they_cannot_be() {
        let kept = Kept::default();
        let reads = AtomicU64::new(0);
        let number = |text: &str| {
            reads.fetch_add(1, Ordering::Relaxed);
            text.parse::<u8>().ok()
        };
        for _ in 0..3 {
            assert_eq!(kept.read("7", number), Some(7));
            assert_eq!(kept.read("x", number), None);
            assert_eq!(kept.read("y", number), None);
        }
        assert_eq!(reads.into_inner(), 3);
        assert_eq!(kept.unreadable.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_moment_of_the_world_is_another_time_in_each_zone() {
        let at = "2026-12-01T16:30:00Z".parse().unwrap();
        let open = OpenAt {
            opening: Opening {
                hours: FieldId(4),
                zone: Zone::Field(FieldId(5)),
            },
            moment: Moment::At(at),
        };
        let hours = OpeningHours::of("Mo-Fr 09:00-18:00").unwrap();
        for (zone, expected) in [
            (Some("Europe/London"), Some(true)),
            (Some("Europe/Athens"), Some(false)),
            (Some("America/New_York"), Some(true)),
            (Some("Nowhere"), None),
            (None, None),
        ] {
            assert_eq!(open.holds(&hours, zone), expected, "{zone:?}");
        }
        let everywhere = OpenAt {
            moment: Moment::Local(local(1, 17, 0)),
            ..open
        };
        assert_eq!(everywhere.holds(&hours, None), Some(true));
    }
}
