//! What changes in an index, told to those who watch a part of the map.
//!
//! Whoever writes notes a change and goes on. A task of its own ([`Changes::deliver`]) numbers
//! it, keeps it in a bounded ring, and wakes those whose area it concerns; each takes from the
//! ring what it can, in its own time, and begins anew where the ring no longer reaches. Before
//! anybody has watched, nothing is noted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::{Area, CenterId, Position};
use crate::wire::SummaryParts;

/// The most changes that are kept for those who come back.
const MOST_KEPT: usize = 10_000;
/// The most bytes of them.
const MOST_KEPT_BYTES: usize = 8 * 1024 * 1024;
/// The most changes that one look at the ring goes through, as others wait for it.
const MOST_LOOKED_AT: usize = 512;
/// The most that are given at a time.
const MOST_GIVEN: usize = 64;

/// What became of a center for those who watch an area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is in the area now and was not before.
    Appears(Arc<[u8]>),
    /// It is in the area as before, and another.
    Changes(Arc<[u8]>),
    /// It is not in the area any more.
    Goes(CenterId),
    /// Whatever was known of the area is to be read anew.
    Reset,
}

/// Where a watcher stands, which it may come back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which numbers it is one of: those of an index in one process.
    pub epoch: u64,
    /// The last change that is known there.
    pub number: u64,
}

/// A center in an index before or after a change: where it stands, and how it is rendered.
type Shown = (Position, Arc<[u8]>);

#[derive(Debug)]
enum Noted {
    Center {
        id: CenterId,
        before: Option<Position>,
        after: Option<Shown>,
    },
    Reset,
}

impl Noted {
    fn bytes(&self) -> usize {
        let text = match self {
            Self::Center { after, .. } => after.as_ref().map_or(0, |(_, text)| text.len()),
            Self::Reset => 0,
        };
        text + size_of::<Self>()
    }

    fn event(&self, area: &Area) -> Option<Event> {
        let Self::Center { id, before, after } = self else {
            return Some(Event::Reset);
        };
        let was = before.is_some_and(|position| area.contains(position));
        let after = after
            .as_ref()
            .filter(|(position, _)| area.contains(*position));
        match (was, after) {
            (false, Some((_, text))) => Some(Event::Appears(Arc::clone(text))),
            (true, Some((_, text))) => Some(Event::Changes(Arc::clone(text))),
            (true, None) => Some(Event::Goes(*id)),
            (false, None) => None,
        }
    }
}

/// The changes of one index.
#[derive(Debug)]
pub struct Changes {
    is_watched: AtomicBool,
    /// What is not numbered yet.
    noted: Mutex<Vec<Noted>>,
    bell: Notify,
    ring: Mutex<Ring>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            is_watched: AtomicBool::new(false),
            noted: Mutex::default(),
            bell: Notify::new(),
            ring: Mutex::new(Ring {
                epoch: rand::random(),
                newest: 0,
                kept: VecDeque::new(),
                bytes: 0,
                watchers: HashMap::new(),
                next_key: 0,
            }),
        }
    }
}

#[derive(Debug)]
struct Ring {
    epoch: u64,
    /// The number of the last one that is kept.
    newest: u64,
    kept: VecDeque<Arc<Noted>>,
    bytes: usize,
    watchers: HashMap<u64, Watcher>,
    next_key: u64,
}

#[derive(Debug)]
struct Watcher {
    area: Area,
    /// The first change that concerns it and that it does not have.
    wants: Option<u64>,
    bell: Arc<Notify>,
}

impl Ring {
    /// The number of the first one that is kept.
    fn oldest(&self) -> u64 {
        self.newest + 1 - self.kept.len() as u64
    }

    fn keep(&mut self, noted: Noted) {
        self.newest += 1;
        if matches!(noted, Noted::Reset) {
            // Nobody needs what was before.
            self.kept.clear();
            self.bytes = 0;
        }
        self.bytes += noted.bytes();
        for watcher in self.watchers.values_mut() {
            if watcher.wants.is_none() && noted.event(&watcher.area).is_some() {
                watcher.wants = Some(self.newest);
                watcher.bell.notify_one();
            }
        }
        self.kept.push_back(Arc::new(noted));
        while self.kept.len() > MOST_KEPT || self.bytes > MOST_KEPT_BYTES && self.kept.len() > 1 {
            let oldest = self.kept.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| oldest.bytes());
        }
    }
}

impl Changes {
    /// Whether changes are to be noted.
    pub(super) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Acquire)
    }

    /// Notes that a center is rendered otherwise than before, or not any more.
    pub(super) fn note(&self, id: CenterId, before: Option<&[u8]>, after: Option<&[u8]>) {
        if before == after {
            return;
        }
        let position = |rendered: &[u8]| SummaryParts::of(rendered)?.position();
        let before = before.and_then(position);
        let after = after.and_then(|rendered| Some((position(rendered)?, rendered.into())));
        self.push(Noted::Center { id, before, after });
    }

    /// Notes that another index took the place of the one before.
    pub(super) fn note_reset(&self) {
        if self.is_watched() {
            self.push(Noted::Reset);
        }
    }

    fn push(&self, change: Noted) {
        let mut noted = self.noted.lock();
        if noted.len() >= MOST_KEPT {
            noted.clear();
            noted.push(Noted::Reset);
        } else {
            noted.push(change);
        }
        drop(noted);
        self.bell.notify_one();
    }

    /// Wakes those whom changes concern, as long as it is run.
    pub async fn deliver(self: Arc<Self>) {
        loop {
            let noted = std::mem::take(&mut *self.noted.lock());
            if noted.is_empty() {
                self.bell.notified().await;
                continue;
            }
            for change in noted {
                // One at a time: those who take from the ring come between.
                self.ring.lock().keep(change);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Begins to watch an area, from a mark on or from now on. Gives whether it is the first
    /// time that anybody does, so that changes have to be delivered from now on.
    #[must_use]
    pub fn watch(self: &Arc<Self>, area: Area, from: Option<Mark>) -> (Watching, bool) {
        let is_first = !self.is_watched.swap(true, Ordering::AcqRel);
        let mut ring = self.ring.lock();
        let key = ring.next_key;
        ring.next_key += 1;
        let bell = Arc::new(Notify::new());
        let (mut wants, mut is_lost) = (None, false);
        if let Some(mark) = from {
            let reaches = (ring.oldest() - 1..=ring.newest).contains(&mark.number);
            is_lost = mark.epoch != ring.epoch || !reaches;
            wants = (!is_lost && mark.number < ring.newest).then(|| mark.number + 1);
        }
        if is_lost || wants.is_some() {
            bell.notify_one();
        }
        let watcher = Watcher {
            area,
            wants,
            bell: Arc::clone(&bell),
        };
        ring.watchers.insert(key, watcher);
        let watching = Watching {
            changes: Arc::clone(self),
            key,
            bell,
            is_lost,
        };
        (watching, is_first)
    }
}

/// One who watches an area, until it is dropped.
#[derive(Debug)]
pub struct Watching {
    changes: Arc<Changes>,
    key: u64,
    bell: Arc<Notify>,
    /// Whether it comes back to what is not kept any more.
    is_lost: bool,
}

impl Watching {
    /// Waits until there may be something to take.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// What happened that it does not have yet, as far as it comes in one go, each with the
    /// mark behind it. Rings again where there is more.
    pub fn take(&mut self) -> Vec<(Event, Mark)> {
        let mut ring = self.changes.ring.lock();
        let ring = &mut *ring;
        let (epoch, newest, oldest) = (ring.epoch, ring.newest, ring.oldest());
        let mark = |number| Mark { epoch, number };
        let Some(watcher) = ring.watchers.get_mut(&self.key) else {
            return Vec::new();
        };
        let wants = watcher.wants.take();
        if std::mem::take(&mut self.is_lost) || wants.is_some_and(|wants| wants < oldest) {
            return vec![(Event::Reset, mark(newest))];
        }
        let Some(wants) = wants else {
            return Vec::new();
        };
        let first = usize::try_from(wants - oldest).unwrap_or(usize::MAX);
        let mut given = Vec::new();
        let mut next = wants;
        for noted in ring.kept.iter().skip(first).take(MOST_LOOKED_AT) {
            if given.len() == MOST_GIVEN {
                break;
            }
            let event = noted.event(&watcher.area);
            given.extend(event.map(|event| (event, mark(next))));
            next += 1;
        }
        if next <= newest {
            watcher.wants = Some(next);
            watcher.bell.notify_one();
        }
        given
    }

    /// The mark of everything that happened so far; `None` where it does not have all of that.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        let ring = self.changes.ring.lock();
        let has_all = !self.is_lost && ring.watchers.get(&self.key)?.wants.is_none();
        has_all.then_some(Mark {
            epoch: ring.epoch,
            number: ring.newest,
        })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.changes.ring.lock().watchers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Summary, Viewport};
    use crate::wire::render_summary;

    fn area() -> Area {
        Area::Within(Viewport::new(1.0, -1.0, 1.0, -1.0).unwrap())
    }

    fn center(latitude: f64) -> Vec<u8> {
        let mut rendered = Vec::new();
        let summary = Summary {
            id: CenterId::new(7).unwrap(),
            position: Position::new(latitude, 0.0).unwrap(),
            name: "a",
            country: None,
            region: None,
            city: None,
            attributes: &[],
        };
        render_summary(&summary, &mut rendered);
        rendered
    }

    /// Notes a move and delivers it.
    fn moves(changes: &Changes, before: Option<f64>, after: Option<f64>) {
        let id = CenterId::new(7).unwrap();
        let [before, after] = [before, after].map(|latitude| latitude.map(center));
        changes.note(id, before.as_deref(), after.as_deref());
        let noted = std::mem::take(&mut *changes.noted.lock());
        for change in noted {
            changes.ring.lock().keep(change);
        }
    }

    fn kinds(watching: &mut Watching) -> String {
        let name = |event: &Event| match event {
            Event::Appears(_) => 'a',
            Event::Changes(_) => 'c',
            Event::Goes(_) => 'g',
            Event::Reset => 'r',
        };
        watching
            .take()
            .iter()
            .map(|(event, _)| name(event))
            .collect()
    }

    #[test]
    fn centers_appear_change_and_go() {
        let changes = Arc::new(Changes::default());
        let (mut watching, is_first) = changes.watch(area(), None);
        assert!(is_first);
        for (before, after, told) in [
            (None, Some(0.0), "a"),
            (Some(0.0), Some(0.5), "c"),
            (Some(0.5), Some(0.5), ""),
            (Some(0.5), Some(5.0), "g"),
            (Some(5.0), Some(6.0), ""),
            (Some(6.0), Some(1.0), "a"),
            (Some(1.0), None, "g"),
            (None, Some(5.0), ""),
        ] {
            moves(&changes, before, after);
            assert_eq!(kinds(&mut watching), told, "{before:?} {after:?}");
        }
        changes.note_reset();
        moves(&changes, None, Some(0.0));
        assert_eq!(kinds(&mut watching), "ra");
    }

    #[test]
    fn whoever_comes_back_has_what_it_missed_or_begins_anew() {
        let changes = Arc::new(Changes::default());
        let (first, _) = changes.watch(area(), None);
        let start = first.mark().unwrap();
        drop(first);
        moves(&changes, None, Some(0.0));
        moves(&changes, Some(0.0), Some(0.5));
        let (mut back, is_first) = changes.watch(area(), Some(start));
        assert!(!is_first);
        assert_eq!(back.mark(), None);
        assert_eq!(kinds(&mut back), "ac");
        let end = back.mark().unwrap();
        assert_eq!(end.number, 2);
        let (mut level, _) = changes.watch(area(), Some(end));
        assert_eq!(kinds(&mut level), "");
        for foreign in [
            Mark {
                epoch: end.epoch ^ 1,
                ..end
            },
            Mark { number: 3, ..end },
            Mark {
                number: u64::MAX,
                ..end
            },
        ] {
            let (mut lost, _) = changes.watch(area(), Some(foreign));
            assert_eq!(kinds(&mut lost), "r");
            assert_eq!(lost.mark(), Some(end));
        }
    }

    #[test]
    fn whoever_is_too_slow_begins_anew_and_nothing_grows() {
        let changes = Arc::new(Changes::default());
        let (mut slow, _) = changes.watch(area(), None);
        for _ in 0..=MOST_KEPT {
            moves(&changes, None, Some(0.0));
        }
        assert_eq!(changes.ring.lock().kept.len(), MOST_KEPT);
        assert_eq!(kinds(&mut slow), "r");
        assert_eq!(kinds(&mut slow), "");
        for _ in 0..=MOST_GIVEN {
            moves(&changes, None, Some(0.0));
        }
        assert_eq!(kinds(&mut slow).len(), MOST_GIVEN);
        assert_eq!(kinds(&mut slow).len(), 1);
        let id = CenterId::new(7).unwrap();
        for _ in 0..=MOST_KEPT {
            changes.note(id, None, Some(&center(0.0)));
        }
        assert!(changes.noted.lock().len() <= MOST_KEPT);
        drop(slow);
        assert!(changes.ring.lock().watchers.is_empty());
    }
}
