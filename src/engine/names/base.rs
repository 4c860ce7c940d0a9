//! Sorted names and the words in them, built in one go.
//!
//! About 35 bytes a center, its folded name and 6 bytes for every further word.

use std::time::{Duration, Instant};

use super::reach::{Point, by_place, point_of};
use crate::domain::{CenterId, Position, fold, word_starts};

/// Stands behind every name: no folded name holds it, so no match spans two.
pub(super) const END: u8 = 0;

/// The place of a name among all, sorted by name and id.
pub(super) type Rank = u32;

/// All names, sorted.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// Every folded name and [`END`], one behind the other.
    pub(super) text: Vec<u8>,
    /// Where each name begins, and where the last one ends.
    starts: Vec<u32>,
    pub(super) ids: Vec<CenterId>,
    /// Where each center is, no number for those without a position.
    pub(super) points: Vec<Point>,
    /// See [`by_place`].
    pub(super) by_place: Vec<Rank>,
    /// Words but for those that names begin with, sorted by what follows from
    /// there: the name of each and how far into it.
    words: Words,
}

#[derive(Debug, Default)]
struct Words {
    ranks: Vec<Rank>,
    offsets: Vec<u16>,
}

impl Base {
    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Where a name begins in the text.
    pub(super) fn start(&self, rank: Rank) -> usize {
        self.starts[rank as usize] as usize
    }

    /// A name.
    pub(super) fn name(&self, rank: Rank) -> &str {
        let end = self.start(rank + 1) - 1;
        std::str::from_utf8(&self.text[self.start(rank)..end]).expect("names were added whole")
    }

    /// The name that a place in the text is in, from a name at or before it on.
    pub(super) fn rank_at(&self, from: Rank, at: usize) -> Rank {
        let later = &self.starts[from as usize..];
        let before = |start: &u32| *start as usize <= at;
        // In ever longer strides: it is mostly close.
        let mut stride = 1;
        while later.get(stride).is_some_and(before) {
            stride *= 2;
        }
        let (known, reached) = (stride / 2, later.len().min(stride));
        from + rank(known + later[known..reached].partition_point(before)) - 1
    }

    /// The names that begin with a text.
    pub(super) fn beginning_with(&self, needle: &[u8]) -> std::ops::Range<Rank> {
        let ranks = 0..self.len();
        let range = range_of(ranks.len(), needle, |place| {
            &self.text[self.start(rank(place))..]
        });
        rank(range.start)..rank(range.end)
    }

    /// The names, some more than once, of which a word begins with a text.
    pub(super) fn with_word(&self, needle: &[u8]) -> &[Rank] {
        let Words { ranks, offsets } = &self.words;
        let range = range_of(ranks.len(), needle, |place| {
            &self.text[self.start(ranks[place]) + usize::from(offsets[place])..]
        });
        &ranks[range]
    }
}

/// The run of sorted texts that begin with a needle.
fn range_of<'t>(
    count: usize,
    needle: &[u8],
    text: impl Fn(usize) -> &'t [u8],
) -> std::ops::Range<usize> {
    let head = |place: usize| {
        let text = text(place);
        &text[..needle.len().min(text.len())]
    };
    let first = partition_point(0, count, |place| head(place) < needle);
    let end = partition_point(first, count, |place| head(place) == needle);
    first..end
}

/// The first place from which on something is no longer so.
fn partition_point(mut low: usize, mut high: usize, so: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low.midpoint(high);
        if so(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

pub(super) fn rank(place: usize) -> Rank {
    Rank::try_from(place).expect("an index holds fewer than 2^32 names")
}

/// Names being loaded.
#[derive(Debug)]
pub struct LoadingNames {
    began: Instant,
    text: Vec<u8>,
    names: Vec<Loaded>,
}

/// Names ready to be asked for.
#[derive(Debug)]
pub struct BuiltNames {
    pub(super) base: Base,
    /// How long it took to load and build them.
    pub(super) took: Duration,
}

#[derive(Debug)]
struct Loaded {
    id: CenterId,
    point: Point,
    start: u32,
}

impl Default for LoadingNames {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            text: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl LoadingNames {
    /// Adds the name of a center. Each id may be added once.
    ///
    /// # Panics
    /// When the folded names come to more than 4 GiB.
    pub fn push(&mut self, id: CenterId, name: &str, position: Option<Position>) {
        self.names.push(Loaded {
            id,
            point: point_of(position),
            start: offset(self.text.len()),
        });
        self.text.extend_from_slice(fold(name).as_bytes());
        self.text.push(END);
    }

    /// Sorts names and words: about a second for a million names.
    #[must_use]
    pub fn build(self) -> BuiltNames {
        let began = self.began;
        let base = self.sorted();
        BuiltNames {
            base,
            took: began.elapsed(),
        }
    }

    fn sorted(self) -> Base {
        let name = |place: u32| {
            let rest = &self.text[self.names[place as usize].start as usize..];
            let length = memchr::memchr(END, rest).expect("every name has its end");
            &rest[..length]
        };
        let mut order: Vec<(u64, u32)> = (0..rank(self.names.len()))
            .map(|place| (head_of(name(place)), place))
            .collect();
        order.sort_unstable_by(|(head, place), (other_head, other)| {
            let ids = |place: u32| self.names[place as usize].id;
            head.cmp(other_head)
                .then_with(|| name(*place).cmp(name(*other)))
                .then_with(|| ids(*place).cmp(&ids(*other)))
        });
        let mut base = Base {
            text: Vec::with_capacity(self.text.len()),
            starts: Vec::with_capacity(order.len() + 1),
            ids: Vec::with_capacity(order.len()),
            points: Vec::with_capacity(order.len()),
            by_place: Vec::new(),
            words: Words::default(),
        };
        for (_, place) in order {
            let loaded = &self.names[place as usize];
            base.starts.push(offset(base.text.len()));
            base.text.extend_from_slice(name(place));
            base.text.push(END);
            base.ids.push(loaded.id);
            base.points.push(loaded.point);
        }
        base.starts.push(offset(base.text.len()));
        drop(self);
        base.words = words_of(&base);
        base.by_place = by_place(&base.points);
        base
    }
}

fn words_of(base: &Base) -> Words {
    let mut words: Vec<(u64, Rank, u16)> = Vec::new();
    for rank in 0..rank(base.len()) {
        let name = base.name(rank);
        for at in word_starts(name) {
            // Beyond lies nothing that a name of 255 characters can have.
            let Ok(offset) = u16::try_from(at) else { break };
            words.push((head_of(&name.as_bytes()[at..]), rank, offset));
        }
    }
    words.sort_unstable_by(|(head, rank, at), (other_head, other, other_at)| {
        head.cmp(other_head)
            .then_with(|| {
                let rest = |rank: Rank, at: u16| &base.name(rank).as_bytes()[usize::from(at)..];
                rest(*rank, *at).cmp(rest(*other, *other_at))
            })
            .then_with(|| rank.cmp(other))
    });
    Words {
        ranks: words.iter().map(|(_, rank, _)| *rank).collect(),
        offsets: words.iter().map(|(_, _, at)| *at).collect(),
    }
}

/// The first eight bytes as a number that sorts as they do: most comparisons
/// look no further.
fn head_of(text: &[u8]) -> u64 {
    let mut head = [END; 8];
    let length = text.len().min(8);
    head[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(head)
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("folded names come to less than 4 GiB")
}
