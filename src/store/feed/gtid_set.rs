//! Sets of GTIDs: which transactions a server, or whoever follows it, has.
//!
//! Members of a group take numbers by the million, and servers are restored from backups:
//! sets have holes in normal operation, and are kept whole.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The bytes of a UUID.
pub type Uuid = [u8; 16];

/// Who numbers transactions: a server or a group, and the tag that it gave them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GtidSource {
    /// Of the server or the group.
    pub uuid: Uuid,
    /// Empty where there is none.
    pub tag: String,
}

/// Numbers from the first up to, and without, the second.
pub type Interval = (u64, u64);

/// A set of GTIDs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidSet(BTreeMap<GtidSource, Vec<Interval>>);

/// A text is no set of GTIDs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no set of GTIDs")]
pub struct GtidSetError(String);

impl GtidSet {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each source with its numbers, in their order and apart from each other.
    pub fn sources(&self) -> impl Iterator<Item = (&GtidSource, &[Interval])> {
        self.0
            .iter()
            .map(|(source, intervals)| (source, intervals.as_slice()))
    }

    /// Adds the number of a transaction.
    pub fn add(&mut self, source: GtidSource, number: u64) {
        self.add_interval(source, (number, number.saturating_add(1)));
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Self) {
        for (source, intervals) in &other.0 {
            for &interval in intervals {
                self.add_interval(source.clone(), interval);
            }
        }
    }

    /// Whether all of another set is in this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(source, intervals)| {
            let own = self.0.get(source).map_or(&[][..], Vec::as_slice);
            intervals.iter().all(|&(start, end)| {
                // Intervals do not touch: one of them holds it whole, or none does.
                let at = own.partition_point(|&(_, own_end)| own_end < end);
                own.get(at)
                    .is_some_and(|&(own_start, _)| own_start <= start)
            })
        })
    }

    /// Adds the numbers of an interval.
    pub fn add_interval(&mut self, source: GtidSource, (start, end): Interval) {
        let intervals = self.0.entry(source).or_default();
        // Those that overlap it or touch it become one with it.
        let first = intervals.partition_point(|&(_, other_end)| other_end < start);
        let last = intervals.partition_point(|&(other_start, _)| other_start <= end);
        let joined = &intervals[first..last];
        let start = joined.first().map_or(start, |one| one.0.min(start));
        let end = joined.last().map_or(end, |one| one.1.max(end));
        intervals.splice(first..last, [(start, end)]);
    }
}

impl FromStr for GtidSet {
    type Err = GtidSetError;

    /// Reads what MySQL prints: `UUID:1-3:5:tag:1-2`, several between commas.
    fn from_str(text: &str) -> Result<Self, GtidSetError> {
        let mut set = Self::default();
        let parts = text.split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let bad = || GtidSetError(part.to_owned());
            let mut items = part.split(':').map(str::trim);
            let uuid = items.next().and_then(uuid_of).ok_or_else(bad)?;
            let mut tag = "";
            let mut read = 0;
            for item in items {
                if item.starts_with(|first: char| first.is_ascii_digit()) {
                    let interval = interval_of(item).ok_or_else(bad)?;
                    let tag = tag.to_owned();
                    set.add_interval(GtidSource { uuid, tag }, interval);
                    read += 1;
                } else if item.is_empty() {
                    return Err(bad());
                } else {
                    tag = item;
                }
            }
            if read == 0 {
                return Err(bad());
            }
        }
        Ok(set)
    }
}

fn uuid_of(text: &str) -> Option<Uuid> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(uuid)
}

/// Both ends belong to it in a text.
fn interval_of(text: &str) -> Option<Interval> {
    let (start, last) = text.split_once('-').unwrap_or((text, text));
    let (start, last): (u64, u64) = (start.trim().parse().ok()?, last.trim().parse().ok()?);
    (start > 0 && start <= last).then_some((start, last.saturating_add(1)))
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (source, intervals)) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            for (at, byte) in source.uuid.iter().enumerate() {
                let dash = if matches!(at, 4 | 6 | 8 | 10) {
                    "-"
                } else {
                    ""
                };
                write!(f, "{dash}{byte:02x}")?;
            }
            if !source.tag.is_empty() {
                write!(f, ":{}", source.tag)?;
            }
            for &(start, end) in intervals {
                match end - start {
                    1 => write!(f, ":{start}")?,
                    _ => write!(f, ":{start}-{}", end - 1)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const OTHER: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn what_mysql_prints_is_read_and_printed_again() {
        for text in [
            "",
            &format!("{ONE}:1"),
            &format!("{ONE}:1-3:5:1000003-1000009"),
            &format!("{ONE}:1-3,{OTHER}:7"),
            &format!("{ONE}:1-3,{ONE}:tag:2-9"),
        ] {
            assert_eq!(set(text).to_string(), *text);
        }
        // As it is printed where a set has several sources and tags.
        let printed = format!("{ONE}:1-3:5:blue:1-2:red:9,\n{OTHER}:1");
        let same = format!("{ONE}:1-3:5,{ONE}:blue:1-2,{ONE}:red:9,{OTHER}:1");
        assert_eq!(set(&printed).to_string(), same);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in [
            "1-3",
            ONE,
            &format!("{ONE}:"),
            &format!("{ONE}:3-1"),
            &format!("{ONE}:0"),
            &format!("{ONE}:tag"),
            &format!("{ONE}x:1"),
            "3e11fa47:1",
        ] {
            assert!(text.parse::<GtidSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_join_what_they_touch() {
        let source = || GtidSource {
            uuid: uuid_of(ONE).unwrap(),
            tag: String::new(),
        };
        let mut all = GtidSet::default();
        for (number, expected) in [
            (5, "5"),
            (3, "3:5"),
            (9, "3:5:9"),
            (4, "3-5:9"),
            (4, "3-5:9"),
            (6, "3-6:9"),
            (8, "3-6:8-9"),
            (7, "3-9"),
            (1, "1:3-9"),
        ] {
            all.add(source(), number);
            assert_eq!(all.to_string(), format!("{ONE}:{expected}"), "{number}");
        }
    }

    #[test]
    fn a_set_covers_what_lies_in_it() {
        let all = set(&format!("{ONE}:1-10:20-30,{ONE}:tag:1-2"));
        for (text, covered) in [
            ("", true),
            (&*format!("{ONE}:1-10"), true),
            (&format!("{ONE}:2-3:9:20:30"), true),
            (&format!("{ONE}:tag:2"), true),
            (&format!("{ONE}:11"), false),
            (&format!("{ONE}:10-20"), false),
            (&format!("{ONE}:31"), false),
            (&format!("{ONE}:tag:3"), false),
            (&format!("{OTHER}:1"), false),
        ] {
            assert_eq!(all.covers(&set(text)), covered, "{text}");
        }
        assert!(GtidSet::default().covers(&GtidSet::default()));
    }

    #[test]
    fn merged_sets_cover_both() {
        let (one, other) = (
            set(&format!("{ONE}:1-5:9")),
            set(&format!("{ONE}:4-8,{OTHER}:3")),
        );
        let mut all = one.clone();
        all.merge(&other);
        assert_eq!(all.to_string(), format!("{ONE}:1-9,{OTHER}:3"));
        assert!(all.covers(&one) && all.covers(&other) && !one.covers(&all));
    }
}
