//! One search over the index.

use std::cell::{OnceCell, RefCell};

use super::best::{Best, Candidate};
use super::bounds::{Bounds, Point, bounds_around, farthest_chord_squared};
use super::bucket::{Block, Bucket, BucketId, LANES, Place};
use super::coverage::Coverage;
use super::groups::Groups;
use super::index::Index;
use super::lanes::places_within;
use super::opening::IsOpen;
use super::values::{Held, number_of};
use super::viewport::{Shape, position_of};
use super::vocabulary::{ORGANIZATIONS, Postings, RATING, ValueId, bounds_of_postings};
use super::walk::Walk;
use super::within;
use crate::domain::{
    Area, Around, CenterId, Comparison, Condition, EngineKind, Filter, RatingVisibility, Search,
    ValueRef, chord_squared_of, distance_m_of,
};
use crate::engine::{Answer, Hit};
use crate::wire::{average_of, name_of};

/// What the way from a chord to its distance and back may lose, near the antipode more
/// than [`Radius::reach_m`](crate::domain::Radius::reach_m) makes up for.
const ROUND_TRIP: f64 = 1.0 + 8.0 * f64::EPSILON;

thread_local! {
    /// Where a thread's searches keep their best: no search allocates it anew.
    static BEST: RefCell<Best> = RefCell::default();
}

/// Finds what a search is about and hands it to `answer`.
pub(super) fn search(collection: &str, index: &Index, search: &Search, answer: &mut impl Answer) {
    let around = match &search.area {
        Area::Around(around) => around,
        Area::Within(viewport) => {
            return within::search(collection, index, search, viewport, answer);
        }
    };
    BEST.with_borrow_mut(|best| {
        find(index, search, around, best);
        // Texts of a large index are not in the cache; the wait passes while the best
        // are sorted.
        for candidate in best.kept() {
            let place = candidate.place();
            let bucket = index.buckets().get(place.bucket());
            bucket.prefetch_text(place.slot());
        }
        let found = best.sorted(|place| index.buckets().id_at(place));
        let as_found = |candidate: &Candidate| Found {
            place: candidate.place(),
            key: candidate.chord_squared(),
            distance_m: Some(distance_m_of(candidate.chord_squared())),
        };
        deliver(collection, index, search, found, as_found, answer);
    });
}

/// Gathers the best of what a search is about.
fn find(index: &Index, search: &Search, around: &Around, best: &mut Best) {
    let origin = around.origin.unit_vector().0;
    best.restart(search.sought(), radius_of(index, around));
    let Some(wanted) = Wanted::of(index, search) else {
        return;
    };
    let Some(field) = around.group_by else {
        return walk(index, &wanted, around, |bucket| {
            wanted.look_into(bucket, &origin, best);
            best.bound()
        });
    };
    let mut groups = Groups::of(index, field, search.sought(), best.bound());
    walk(index, &wanted, around, |bucket| {
        groups.look_into(bucket, &wanted, &origin);
        groups.bound()
    });
    for nearest in groups.nearest() {
        best.offer(nearest);
    }
    best.settle(|place| index.buckets().id_at(place));
}

/// Looks into the buckets, nearest first, until none can hold anything better: `look_into`
/// says beyond which squared chord that is.
fn walk(
    index: &Index,
    wanted: &Wanted<'_>,
    around: &Around,
    mut look_into: impl FnMut(BucketId) -> f64,
) {
    let radius = radius_of(index, around);
    let mut bound = radius;
    let origin = around.origin.unit_vector().0;
    let mut walk = Walk::new(index.buckets(), origin, |bounds: &Bounds| {
        wanted.may_be_in(bounds)
    });
    match wanted.narrowest_field() {
        None if around.radius.is_none() => {
            if let Some(bucket) = walk.start_straight_down(index.tree()) {
                bound = look_into(bucket);
            }
        }
        None => walk.start_at_tree(index.tree()),
        Some(values) => {
            for postings in values.postings() {
                match postings {
                    Postings::Many(tree) => walk.start_at_tree(tree),
                    Postings::Few(few) => {
                        for &bucket in few {
                            walk.start_at_bucket(bucket, radius);
                        }
                    }
                }
            }
        }
    }
    while let Some(bucket) = walk.next_within(bound) {
        // The wait for the next passes while this one is looked into.
        if let Some(next) = walk.peek_bucket() {
            index.buckets().get(next).prefetch_points();
        }
        bound = look_into(bucket);
    }
}

/// How far a search looks, as a squared chord.
pub(super) fn radius_of(index: &Index, around: &Around) -> f64 {
    let asked = around
        .radius
        .map_or(f64::INFINITY, |radius| chord_squared_of(radius.reach_m()));
    let coverage = Coverage::of(index, around);
    let covered = coverage.and_then(|coverage| coverage.farthest(index));
    covered.map_or(asked, |covered| asked.min(covered)) * ROUND_TRIP
}

/// How near a search begins, as a squared chord.
fn least_of(around: &Around) -> f64 {
    chord_squared_of(around.least_m()) / ROUND_TRIP
}

/// Offers the centers of a bucket that are within the bound and qualify.
fn offer(
    bucket_id: BucketId,
    bucket: &Bucket,
    origin: &Point,
    best: &mut Best,
    qualifies: impl Fn(f64, usize) -> bool,
) {
    let bound = best.bound();
    for (number, block) in bucket.blocks().iter().enumerate() {
        let chords = chords_squared(block, origin);
        for lane in places_within(&chords, bound) {
            let slot = number * LANES + lane;
            if qualifies(chords[lane], slot) {
                // It says where the text is, should it stay among the best.
                bucket.prefetch_slot(slot);
                best.offer(Candidate::new(chords[lane], Place::new(bucket_id, slot)));
            }
        }
    }
}

/// As [`crate::domain::UnitVector::chord_squared`], several at a time.
pub(super) fn chords_squared([xs, ys, zs]: &Block, [x, y, z]: &Point) -> [f64; LANES] {
    std::array::from_fn(|lane| {
        let (dx, dy, dz) = (xs[lane] - x, ys[lane] - y, zs[lane] - z);
        dx * dx + dy * dy + dz * dz
    })
}

/// A center that is answered, or tells that there is a next page.
pub(super) struct Found {
    pub(super) place: Place,
    /// What it is sorted by, before its id.
    pub(super) key: f64,
    pub(super) distance_m: Option<f64>,
}

/// Hands on what was found, in this order, up to the limit.
pub(super) fn deliver<T>(
    collection: &str,
    index: &Index,
    search: &Search,
    found: &[T],
    as_found: impl Fn(&T) -> Found,
    answer: &mut impl Answer,
) {
    let limit = search.limit.get();
    let page = &found[..found.len().min(limit)];
    let next = match page.last().map(&as_found) {
        Some(last) if found.len() > limit => Some(search.cursor_after(
            collection,
            EngineKind::Memory,
            last.key,
            index.buckets().id_at(last.place),
        )),
        _ => None,
    };
    answer.begin(page.len(), next);
    let shows_ratings = search.filter.ratings == RatingVisibility::Shown;
    for found in page {
        let Found {
            place, distance_m, ..
        } = as_found(found);
        let bucket = index.buckets().get(place.bucket());
        let slot = bucket.slot(place.slot());
        answer.hit(Hit {
            id: slot.id,
            distance_m,
            rendered: bucket.text(place.slot()),
            rating: index.rating(slot).filter(|_| shows_ratings),
        });
    }
}

/// What a search asks for, in the terms of the index.
pub(super) struct Wanted<'a> {
    index: &'a Index,
    /// A point, and how near to it nothing qualifies, as a squared chord.
    beyond: Option<(Point, f64)>,
    /// What has to be reached, where anything has.
    coverage: Option<Coverage>,
    /// The squared chord of the nearest that qualifies.
    least: f64,
    /// Where the previous page ended.
    after: Option<(f64, i64)>,
    /// In the order of their numbers.
    excluded: Vec<CenterId>,
    /// The fields that have to hold one of some values.
    fields: Vec<FieldValues<'a>>,
    /// That they have to be open, and when.
    open: Vec<IsOpen<'a>>,
    /// What else has to hold.
    others: Vec<&'a Condition>,
    /// Where numbers have to be for that.
    ranges: Vec<Range>,
    /// Where centers have to be for that: for each shape in one of these.
    shapes: Vec<Vec<Shape<'a>>>,
}

/// The values of one field that count.
struct FieldValues<'a> {
    index: &'a Index,
    field: usize,
    values: Vec<ValueId>,
}

impl<'a> FieldValues<'a> {
    fn postings(&self) -> impl Iterator<Item = &'a Postings> {
        let vocabulary = &self.index.vocabularies()[self.field];
        self.values.iter().map(|value| vocabulary.postings(*value))
    }

    fn bucket_count(&self) -> usize {
        self.postings().map(Postings::len).sum()
    }

    fn reach_into(&self, bounds: &Bounds) -> bool {
        self.postings()
            .any(|postings| postings.reach_into(bounds, self.index.buckets()))
    }
}

impl<'a> Wanted<'a> {
    /// `None` where no center can qualify: no center has any of the values that
    /// a field is filtered by, those of two fields lie apart, or none reaches anything
    /// where it has to.
    pub(super) fn of(index: &'a Index, search: &'a Search) -> Option<Self> {
        let Filter {
            condition,
            organizations,
            min_rating: _,
            ratings: _,
        } = &search.filter;
        let mut filtered = Vec::new();
        let mut open = Vec::new();
        let mut others = Vec::new();
        let mut ranges = Vec::new();
        for part in condition.conjuncts() {
            if let Condition::Open(asked) = part {
                open.push(IsOpen::of(index, asked));
                continue;
            }
            let narrowing = part.allowed_values().and_then(|(field, values)| {
                let Held::Interned(vocabulary) = index.layout().held(field)? else {
                    return None;
                };
                Some((vocabulary, index.values_of(vocabulary, values)))
            });
            if let Some(narrowing) = narrowing {
                filtered.push(narrowing);
            } else {
                ranges.extend(Range::of(index, part));
                others.push(part);
            }
        }
        if !organizations.is_empty() {
            let wanted = index.organizations().wanted(organizations);
            let values = index.vocabularies()[ORGANIZATIONS].find_all(wanted);
            filtered.push((ORGANIZATIONS, values));
        }
        if let Some(least) = search.filter.least_rating() {
            let wanted = |text: &str| average_of(text).is_some_and(|average| average >= least);
            filtered.push((RATING, index.vocabularies()[RATING].find_all(wanted)));
        }
        if filtered.iter().any(|(_, values)| values.is_empty()) {
            return None;
        }
        let around = search.around();
        let coverage = around.and_then(|around| Coverage::of(index, around));
        if coverage.is_some_and(|coverage| coverage.farthest(index).is_none()) {
            return None;
        }
        let filtered = filtered.into_iter();
        let mut fields: Vec<_> = filtered
            .map(|(field, values)| FieldValues {
                index,
                field,
                values,
            })
            .collect();
        fields.sort_by_key(FieldValues::bucket_count);
        let mut excluded = search.exclude.clone();
        excluded.sort_unstable();
        let after = search.after.as_ref();
        let after = after.map(|cursor| (cursor.key, cursor.id.get()));
        let least = around.map_or(0.0, least_of);
        let begins = after.map_or(least, |(key, _)| least.max(key));
        let beyond = match &search.area {
            Area::Around(around) if begins > 0.0 => Some((around.origin.unit_vector().0, begins)),
            _ => None,
        };
        let wanted = Self {
            index,
            beyond,
            coverage,
            least,
            after,
            excluded,
            fields,
            open,
            others,
            ranges,
            shapes: condition.shapes().map(Shape::of_parts).collect(),
        };
        wanted.fields_meet().then_some(wanted)
    }

    /// Visits, each once, the buckets whose boxes pass and that may hold a center that
    /// qualifies.
    pub(super) fn visit_buckets(
        &self,
        passes: impl Fn(&Bounds) -> bool,
        mut visit: impl FnMut(BucketId),
    ) {
        let reaches = |bounds: &Bounds| passes(bounds) && self.may_be_in(bounds);
        let Some(values) = self.narrowest_field() else {
            for leaf in self.index.tree().reached(reaches) {
                visit(leaf.bucket);
            }
            return;
        };
        // Several values may be in one bucket.
        let mut found: Vec<BucketId> = Vec::new();
        for postings in values.postings() {
            match postings {
                Postings::Many(tree) => {
                    found.extend(tree.reached(reaches).map(|leaf| leaf.bucket));
                }
                Postings::Few(few) => {
                    let buckets = self.index.buckets();
                    let near = few
                        .iter()
                        .filter(|&&bucket| reaches(&buckets.bounds(bucket)));
                    found.extend(near);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        for bucket in found {
            visit(bucket);
        }
    }

    /// The filtered field whose values are in the fewest buckets.
    fn narrowest_field(&self) -> Option<&FieldValues<'a>> {
        self.fields.first()
    }

    /// Whether the other fields' values reach into the narrowest one's area.
    fn fields_meet(&self) -> bool {
        let Some((narrowest, others)) = self.fields.split_first() else {
            return true;
        };
        if others.is_empty() {
            return true;
        }
        let buckets = self.index.buckets();
        let postings = narrowest.postings();
        let area = bounds_around(postings.map(|postings| bounds_of_postings(postings, buckets)));
        others.iter().all(|other| other.reach_into(&area))
    }

    /// Whether a box can hold a center that qualifies: what lies wholly before
    /// the cursor cannot, nor what a filtered field's values do not reach.
    fn may_be_in(&self, bounds: &Bounds) -> bool {
        if let Some((origin, chord_squared)) = &self.beyond
            && farthest_chord_squared(bounds, origin) < *chord_squared
        {
            return false;
        }
        let mut others = self.fields.iter().skip(1);
        let mut shapes = self.shapes.iter();
        others.all(|other| other.reach_into(bounds))
            && shapes.all(|parts| parts.iter().any(|part| part.may_reach_into(bounds)))
    }

    /// Offers what a bucket holds.
    fn look_into(&self, bucket_id: BucketId, origin: &Point, best: &mut Best) {
        let buckets = self.index.buckets();
        let bucket = buckets.get(bucket_id);
        if self.misses(bucket_id, bucket) {
            return;
        }
        if self.takes_all() {
            offer(bucket_id, bucket, origin, best, |_, _| true);
        } else {
            offer(bucket_id, bucket, origin, best, |chord, slot| {
                self.takes(chord, bucket, slot)
            });
        }
        best.settle(|place| buckets.id_at(place));
    }

    /// Whether nothing in a bucket can qualify, as the ranges of its numbers tell.
    pub(super) fn misses(&self, id: BucketId, bucket: &Bucket) -> bool {
        let reaches_nothing = |coverage: &Coverage| {
            let bounds = self.index.buckets().bounds(id);
            coverage.misses(bucket, &bounds)
        };
        self.ranges.iter().any(|range| range.misses(bucket))
            || self.coverage.as_ref().is_some_and(reaches_nothing)
    }

    /// Whether every center qualifies.
    pub(super) fn takes_all(&self) -> bool {
        self.beyond.is_none()
            && self.coverage.is_none()
            && self.after.is_none()
            && self.excluded.is_empty()
            && self.fields.is_empty()
            && self.open.is_empty()
            && self.others.is_empty()
    }

    /// Whether a center qualifies.
    pub(super) fn takes(&self, chord_squared: f64, bucket: &Bucket, slot: usize) -> bool {
        let center = bucket.slot(slot);
        self.after
            .is_none_or(|(after, id)| (after, id) < (chord_squared, center.id.get()))
            && chord_squared >= self.least
            && self
                .coverage
                .is_none_or(|coverage| coverage.takes(chord_squared, bucket, slot))
            && (self.excluded.is_empty() || self.excluded.binary_search(&center.id).is_err())
            && self
                .fields
                .iter()
                .all(|field| field.values.contains(&bucket.value(slot, field.field)))
            && self.open.iter().all(|open| open.takes(bucket, slot))
            && self.fulfils_others(bucket, slot)
    }

    fn fulfils_others(&self, bucket: &Bucket, slot: usize) -> bool {
        if self.others.is_empty() {
            return true;
        }
        // Unescaped at most once, and only where it is asked for.
        let name = OnceCell::new();
        let value_of = |field| match self.index.layout().held(field) {
            Some(held) => self.index.value(bucket, slot, field, held),
            None => name
                .get_or_init(|| name_of(bucket.text(slot)))
                .as_deref()
                .map(ValueRef::Text),
        };
        let position = || Some(position_of(bucket.text(slot)));
        let holds = |condition: &&Condition| condition.holds(&value_of, &position) == Some(true);
        self.others.iter().all(holds)
    }
}

/// The numbers between which one has to be, both among them.
struct Range {
    place: usize,
    low: f64,
    high: f64,
}

impl Range {
    /// Outside of which a condition does not hold; `None` where nothing is known.
    fn of(index: &Index, condition: &Condition) -> Option<Self> {
        let (field, low, high) = match condition {
            Condition::Compare(field, comparison, value) => {
                let number = number_of(value)?;
                match comparison {
                    Comparison::Less | Comparison::LessOrEqual => {
                        (*field, f64::NEG_INFINITY, number)
                    }
                    Comparison::Greater | Comparison::GreaterOrEqual => {
                        (*field, number, f64::INFINITY)
                    }
                    Comparison::Equal => (*field, number, number),
                    Comparison::Unequal => return None,
                }
            }
            Condition::OneOf(field, values) => {
                let numbers = values.iter().filter_map(number_of);
                let least = numbers.clone().fold(f64::INFINITY, f64::min);
                (*field, least, numbers.fold(f64::NEG_INFINITY, f64::max))
            }
            _ => return None,
        };
        match index.layout().held(field)? {
            Held::Number(place) => Some(Self { place, low, high }),
            Held::Interned(_) => None,
        }
    }

    fn misses(&self, bucket: &Bucket) -> bool {
        bucket.misses(self.place, self.low, self.high)
    }
}
