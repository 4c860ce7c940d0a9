//! What is asked: a search and the bounds of its parts.

use thiserror::Error;

use super::center::{CenterId, Summary};
use super::condition::{Condition, FieldId, FieldValue};
use super::cursor::{Cursor, EngineKind};
use super::distance::distance_m_of;
use super::organization::OrganizationId;
use super::position::{Origin, Position};
use super::rating::{MinRating, RatingVisibility};
use super::viewport::{Meridians, Viewport};

/// The most centers that one answer holds.
pub const MAX_LIMIT: usize = 1_000;
/// The largest radius in metres: beyond half the globe (20,015,115 m) every
/// center is inside, so a larger number is a mistake in units.
pub const MAX_RADIUS_M: f64 = 20_100_000.0;
/// The most values of one filter in one search.
pub const MAX_FILTER_VALUES: usize = 50;
/// The most centers that one search leaves out by id.
pub const MAX_EXCLUDED: usize = 100;

/// A radius is not a number of metres from 0 to [`MAX_RADIUS_M`].
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("radius must be a number of metres from 0 to {MAX_RADIUS_M}, got {0}")]
pub struct RadiusError(pub f64);

/// By how much a told distance may be too short.
pub const HALF_A_MICROMETRE_M: f64 = 0.5e-6;

/// A great-circle radius in metres, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Radius(f64);

impl Radius {
    /// Takes metres.
    ///
    /// # Errors
    /// When the number is NaN, negative or beyond [`MAX_RADIUS_M`].
    pub fn from_m(metres: f64) -> Result<Self, RadiusError> {
        if (0.0..=MAX_RADIUS_M).contains(&metres) {
            Ok(Self(metres + 0.0))
        } else {
            Err(RadiusError(metres))
        }
    }

    /// The radius in metres.
    #[must_use]
    pub fn m(self) -> f64 {
        self.0
    }

    /// How far a search within it looks, in metres: distances are told to the
    /// micrometre, and a told distance finds the center that it was told of, which may
    /// be half a micrometre farther.
    #[must_use]
    pub fn reach_m(self) -> f64 {
        self.0 + HALF_A_MICROMETRE_M
    }
}

/// A limit is not from 1 to [`MAX_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("limit must be a whole number from 1 to {MAX_LIMIT}, got {0}")]
pub struct LimitError(pub usize);

/// How many centers an answer holds at most, from 1 to [`MAX_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(usize);

impl Limit {
    /// Takes a count.
    ///
    /// # Errors
    /// When it is 0 or beyond [`MAX_LIMIT`].
    pub fn new(limit: usize) -> Result<Self, LimitError> {
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(LimitError(limit))
        }
    }

    /// The plain count.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

/// Which centers count: those for which all of this holds. Values compare exactly, byte
/// for byte, on every engine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// What the fields of a center have to fulfil.
    pub condition: Condition,
    /// Organizations by name or acronym, case aside, of which a center has to work
    /// by one; at most [`MAX_FILTER_VALUES`].
    pub organizations: Vec<String>,
    /// The least average that a center has to be rated with.
    pub min_rating: Option<MinRating>,
    /// Whether ratings may be seen, in the answer as well: where they are hidden,
    /// [`Filter::min_rating`] keeps every center.
    pub ratings: RatingVisibility,
}

impl Filter {
    /// Whether every center counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.condition.conjuncts().is_empty() && !self.asks_other_tables()
    }

    /// The countries that alone are kept, as one of the conditions that must all hold
    /// says; `None` where none does.
    pub fn countries(&self) -> Option<impl Iterator<Item = &str>> {
        let mut conditions = self.condition.conjuncts().iter();
        let values = conditions.find_map(countries)?;
        Some(values.iter().filter_map(|value| match value {
            FieldValue::Text(text) => Some(text.as_str()),
            _ => None,
        }))
    }

    /// Whether there is any condition beside those on the country.
    #[must_use]
    pub fn asks_for_more_than_countries(&self) -> bool {
        let mut conditions = self.condition.conjuncts().iter();
        conditions.any(|condition| countries(condition).is_none()) || self.asks_other_tables()
    }

    fn asks_other_tables(&self) -> bool {
        !self.organizations.is_empty() || self.least_rating().is_some()
    }

    /// The least average to keep; `None` where any will do, as where ratings are
    /// hidden.
    #[must_use]
    pub fn least_rating(&self) -> Option<f64> {
        match self.ratings {
            RatingVisibility::Shown => self.min_rating.map(MinRating::get),
            RatingVisibility::Hidden => None,
        }
    }

    /// Whether organizations are named, and these, found by their names, are none.
    #[must_use]
    pub fn names_nobody(&self, organizations: &[OrganizationId]) -> bool {
        !self.organizations.is_empty() && organizations.is_empty()
    }

    /// Whether a center counts as far as its own fields tell; organizations and
    /// ratings are not among them.
    #[must_use]
    pub fn matches(&self, center: &Summary<'_>) -> bool {
        let value_of = |field| center.value(field);
        self.condition.holds(&value_of, &|| Some(center.position)) == Some(true)
    }

    /// Feeds a checksum everything that decides which centers count.
    pub fn hash_into(&self, hasher: &mut crc32fast::Hasher) {
        self.condition.encode(&mut |part| hasher.update(part));
        // Told apart from conditions by their marks.
        for organization in &self.organizations {
            hasher.update(&[0x82]);
            hasher.update(organization.as_bytes());
            hasher.update(&[0]);
        }
        if let Some(min_rating) = self.min_rating {
            hasher.update(&[0x83]);
            hasher.update(&min_rating.get().to_le_bytes());
        }
    }
}

/// The countries of which a condition allows one and asks no more.
fn countries(condition: &Condition) -> Option<&[FieldValue]> {
    match condition.allowed_values() {
        Some((FieldId::COUNTRY, values)) => Some(values),
        _ => None,
    }
}

/// What centers sort by, before their ids, where they sort by id alone.
pub const BY_ID: f64 = 0.0;

/// Where a search looks, which decides the order of its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Area {
    /// Around an origin: nearest first, ties by id.
    Around(Around),
    /// What a map shows: by id.
    Within(Viewport),
}

/// What lies around an origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around {
    /// Where from.
    pub origin: Origin,
    /// How far at most; `None` reaches around the globe.
    pub radius: Option<Radius>,
    /// How far at least, which makes a ring of the circle.
    pub min_radius: Option<Radius>,
    /// The field of whose values only the nearest center each is kept; centers whose
    /// field is NULL are all kept. Such an answer has no next page.
    pub group_by: Option<FieldId>,
    /// The field that says how far each center reaches, in metres: only those are kept that
    /// reach the origin. NULL, 0 and less reach nothing.
    pub covered_by: Option<FieldId>,
}

impl Around {
    /// How far at least in metres; 0 where that is not asked. A told distance finds the
    /// center that it was told of, as in [`Radius::reach_m`].
    #[must_use]
    pub fn least_m(&self) -> f64 {
        let least_m = self.min_radius.map_or(0.0, Radius::m);
        (least_m - HALF_A_MICROMETRE_M).max(0.0)
    }
}

/// Whether what reaches so far covers a point at a distance, both in metres. A told distance
/// reaches what it was told of, as in [`Radius::reach_m`].
#[must_use]
pub fn covers(service_radius_m: f64, distance_m: f64) -> bool {
    service_radius_m > 0.0 && distance_m <= service_radius_m + HALF_A_MICROMETRE_M
}

impl Area {
    /// What lies around an origin, at most so far.
    #[must_use]
    pub fn around(origin: Origin, radius: Option<Radius>) -> Self {
        Self::Around(Around {
            origin,
            radius,
            min_radius: None,
            group_by: None,
            covered_by: None,
        })
    }

    /// Whether a position is in it.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        match self {
            Self::Around(around) => {
                let from = around.origin.unit_vector();
                let distance_m = distance_m_of(from.chord_squared(position.unit_vector()));
                let reach_m = around.radius.map_or(f64::INFINITY, Radius::reach_m);
                (around.least_m()..=reach_m).contains(&distance_m)
            }
            Self::Within(viewport) => viewport.contains(position),
        }
    }

    /// Feeds a checksum what tells it from every other area.
    fn hash_into(&self, hasher: &mut crc32fast::Hasher) {
        match self {
            Self::Around(Around {
                origin,
                radius,
                min_radius,
                // Cursors are not given to what is grouped.
                group_by: _,
                covered_by,
            }) => {
                if covered_by.is_some() {
                    // No latitude begins so.
                    hasher.update(b"covering");
                }
                let radius_m = radius.map_or(f64::INFINITY, Radius::m);
                let numbers = [origin.latitude(), origin.longitude(), radius_m];
                for number in numbers.into_iter().chain(min_radius.map(Radius::m)) {
                    hasher.update(&number.to_le_bytes());
                }
            }
            Self::Within(viewport) => {
                // No latitude begins so.
                hasher.update(b"within");
                let (west, east) = match viewport.meridians() {
                    Meridians::All => (f64::NEG_INFINITY, f64::INFINITY),
                    Meridians::Between { west, east } => (west, east),
                };
                for number in [west, viewport.south(), east, viewport.north()] {
                    hasher.update(&number.to_le_bytes());
                }
            }
        }
    }
}

/// One question: which centers are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Where, and in which order.
    pub area: Area,
    /// How many at most.
    pub limit: Limit,
    /// Which centers count.
    pub filter: Filter,
    /// Centers to leave out, at most [`MAX_EXCLUDED`].
    pub exclude: Vec<CenterId>,
    /// Where the previous page ended; made for this very search.
    pub after: Option<Cursor>,
}

impl Search {
    /// The origin that it looks around, and how far; `None` where there is none.
    #[must_use]
    pub fn around(&self) -> Option<&Around> {
        match &self.area {
            Area::Around(around) => Some(around),
            Area::Within(_) => None,
        }
    }

    /// The field of whose values only the nearest center each is kept, if any.
    #[must_use]
    pub fn group_by(&self) -> Option<FieldId> {
        self.around()?.group_by
    }

    /// How many centers to look for: one beyond the limit tells that there is a next page,
    /// where there may be one.
    #[must_use]
    pub fn sought(&self) -> usize {
        self.limit.get() + usize::from(self.group_by().is_none())
    }

    /// Whether its answer tells distances.
    #[must_use]
    pub fn measures(&self) -> bool {
        self.around().is_some()
    }

    /// The cursor to the page after a last center of a collection with this sort
    /// key.
    #[must_use]
    pub fn cursor_after(
        &self,
        collection: &str,
        engine: EngineKind,
        key: f64,
        id: CenterId,
    ) -> Cursor {
        Cursor {
            engine,
            key,
            id,
            search: self.fingerprint(collection),
        }
    }

    /// A checksum of everything that decides which centers are answered in which
    /// order, the name of their collection included: ids mean nothing in another.
    /// The limit is left out: pages may differ in size.
    #[must_use]
    pub fn fingerprint(&self, collection: &str) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(collection.as_bytes());
        hasher.update(&[0]);
        self.area.hash_into(&mut hasher);
        self.filter.hash_into(&mut hasher);
        for id in &self.exclude {
            hasher.update(&id.get().to_le_bytes());
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_nothing_covers_nothing_and_a_told_distance_is_covered() {
        for nothing in [0.0, -0.0, -1.0, f64::NEG_INFINITY, f64::NAN] {
            assert!(!covers(nothing, 0.0), "{nothing}");
        }
        assert!(covers(1e-9, 0.0));
        // Told as 10.000000 m.
        assert!(covers(10.0, 10.000_000_4));
        assert!(!covers(10.0, 10.000_001));
        assert!(covers(20_015_115.0, 20_015_114.5));
        assert!(covers(f64::INFINITY, 20_015_114.5));
    }

    fn search(origin: (f64, f64)) -> Search {
        Search {
            area: Area::around(
                Origin::new(origin.0, origin.1).unwrap(),
                Some(Radius::from_m(1_000.0).unwrap()),
            ),
            limit: Limit::new(5).unwrap(),
            filter: Filter::default(),
            exclude: Vec::new(),
            after: None,
        }
    }

    #[test]
    fn a_radius_reaches_from_zero_to_the_largest_and_not_beyond() {
        assert!(Radius::from_m(0.0).is_ok());
        assert!(Radius::from_m(MAX_RADIUS_M).is_ok());
        for metres in [-0.001, MAX_RADIUS_M + 1.0, f64::NAN, f64::INFINITY] {
            assert!(Radius::from_m(metres).is_err());
        }
    }

    #[test]
    fn a_limit_is_from_one_to_the_largest() {
        assert!(Limit::new(1).is_ok());
        assert!(Limit::new(MAX_LIMIT).is_ok());
        assert_eq!(Limit::new(0), Err(LimitError(0)));
        assert!(Limit::new(MAX_LIMIT + 1).is_err());
    }

    #[test]
    fn values_of_a_filter_are_alternatives_and_filters_must_all_hold() {
        let center = Summary {
            id: CenterId::new(1).unwrap(),
            position: Position::new(0.0, 0.0).unwrap(),
            name: "a",
            country: Some("GR"),
            region: Some("Attica"),
            city: None,
            attributes: &[],
        };
        let filter = |countries: &[&str], regions: &[&str], cities: &[&str]| {
            let asked = [
                (FieldId::COUNTRY, countries),
                (FieldId::REGION, regions),
                (FieldId::CITY, cities),
            ];
            let asked = asked.into_iter().filter(|(_, values)| !values.is_empty());
            let conditions = asked.map(|(field, values)| texts(field, values));
            Filter {
                condition: Condition::All(conditions.collect()),
                ..Filter::default()
            }
        };
        assert!(filter(&[], &[], &[]).matches(&center));
        assert!(filter(&["IT", "GR"], &["Attica"], &[]).matches(&center));
        assert!(!filter(&["gr"], &[], &[]).matches(&center));
        assert!(!filter(&["GR"], &["Crete"], &[]).matches(&center));
        assert!(!filter(&[], &[], &["Athens"]).matches(&center));
    }

    fn texts(field: FieldId, values: &[&str]) -> Condition {
        Condition::texts(field, values.iter().copied())
    }

    #[test]
    fn countries_are_told_apart_from_all_else_that_is_asked() {
        let filter = |condition| Filter {
            condition,
            ..Filter::default()
        };
        let greek = || texts(FieldId::COUNTRY, &["GR", "IT"]);
        let countries = |filter: &Filter| {
            let countries = filter.countries()?;
            Some(countries.map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(countries(&Filter::default()), None);
        let two = Some(vec!["GR".to_owned(), "IT".to_owned()]);
        assert_eq!(countries(&filter(greek())), two);
        assert!(!filter(greek()).asks_for_more_than_countries());
        let more = filter(greek().and(texts(FieldId::CITY, &["Rome"])));
        assert_eq!(countries(&more), two);
        assert!(more.asks_for_more_than_countries());
        let either = filter(Condition::Any(vec![greek(), greek()]));
        assert_eq!(countries(&either), None);
        assert!(either.asks_for_more_than_countries());
    }

    #[test]
    fn a_least_rating_keeps_every_center_while_ratings_are_hidden() {
        let filter = |ratings| Filter {
            min_rating: MinRating::new(7.0),
            ratings,
            ..Filter::default()
        };
        assert_eq!(filter(RatingVisibility::Shown).least_rating(), Some(7.0));
        assert_eq!(filter(RatingVisibility::Hidden).least_rating(), None);
        assert!(filter(RatingVisibility::Hidden).is_empty());
    }

    #[test]
    fn a_fingerprint_tells_searches_apart_but_not_their_page_sizes() {
        let base = search((1.0, 2.0));
        let larger_page = Search {
            limit: Limit::new(100).unwrap(),
            ..base.clone()
        };
        assert_eq!(
            base.fingerprint("centers"),
            larger_page.fingerprint("centers")
        );
        assert_ne!(base.fingerprint("centers"), base.fingerprint("shops"));

        let elsewhere = search((2.0, 1.0));
        let excluding = Search {
            exclude: vec![CenterId::new(1).unwrap()],
            ..base.clone()
        };
        let mut by_country = base.clone();
        by_country.filter.condition = texts(FieldId::COUNTRY, &["GR"]);
        let mut by_organization = base.clone();
        by_organization.filter.organizations = vec!["GR".into()];
        let mut by_rating = base.clone();
        by_rating.filter.min_rating = MinRating::new(7.0);
        let mut by_region = base.clone();
        by_region.filter.condition = texts(FieldId::REGION, &["GR"]);
        let anywhere = Search {
            area: Area::around(Origin::new(1.0, 2.0).unwrap(), None),
            ..base.clone()
        };
        let covering = Search {
            area: Area::Around(Around {
                covered_by: Some(FieldId(4)),
                ..*base.around().unwrap()
            }),
            ..base.clone()
        };
        let ring = Search {
            area: Area::Around(Around {
                min_radius: Some(Radius::from_m(10.0).unwrap()),
                ..*base.around().unwrap()
            }),
            ..base.clone()
        };
        let [box_of_one, box_of_another] = [2.0, 3.0].map(|north| Search {
            area: Area::Within(Viewport::new(north, 1.0, 2.0, 1.0).unwrap()),
            ..base.clone()
        });
        let all = [
            base,
            elsewhere,
            excluding,
            by_country,
            by_organization,
            by_rating,
            by_region,
            anywhere,
            covering,
            ring,
            box_of_one,
            box_of_another,
        ];
        let distinct: std::collections::HashSet<u32> = all
            .iter()
            .map(|search| search.fingerprint("centers"))
            .collect();
        assert_eq!(distinct.len(), all.len());
    }
}
