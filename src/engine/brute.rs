//! The oracle: every center measured with the haversine formula of the `geo`
//! crate and sorted. Shares no arithmetic with the engines that it judges.

use std::collections::HashMap;

use geo::{Distance, HaversineMeasure, Point};

use crate::domain::{
    Area, BY_ID, CenterId, EARTH_RADIUS_M, FieldValue, Filter, Meridians, OrganizationId,
    OrganizationNames, Origin, Position, Radius, Rating, RatingVisibility, Search, Summary,
    Viewport,
};

/// A center that the oracle found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Its number.
    pub id: CenterId,
    /// Where it stands.
    pub position: Position,
    /// The haversine distance from the origin in metres.
    pub distance_m: f64,
}

/// Answers searches by looking at everything. For tests and benches.
#[derive(Debug, Default)]
pub struct BruteForce {
    centers: Vec<OwnedSummary>,
    names: OrganizationNames,
    organizations: HashMap<CenterId, Vec<OrganizationId>>,
    ratings: HashMap<CenterId, Rating>,
}

/// A center as the oracle keeps it.
#[derive(Debug, Clone)]
struct OwnedSummary {
    id: CenterId,
    position: Position,
    name: String,
    country: Option<String>,
    region: Option<String>,
    city: Option<String>,
    attributes: Vec<Option<FieldValue>>,
}

impl OwnedSummary {
    fn of(center: &Summary<'_>) -> Self {
        Self {
            id: center.id,
            position: center.position,
            name: center.name.to_owned(),
            country: center.country.map(str::to_owned),
            region: center.region.map(str::to_owned),
            city: center.city.map(str::to_owned),
            attributes: center.attributes.to_vec(),
        }
    }

    fn passes(&self, filter: &Filter) -> bool {
        filter.is_empty()
            || filter.matches(&Summary {
                id: self.id,
                position: self.position,
                name: &self.name,
                country: self.country.as_deref(),
                region: self.region.as_deref(),
                city: self.city.as_deref(),
                attributes: &self.attributes,
            })
    }
}

impl BruteForce {
    /// How many centers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.centers.len()
    }

    /// Whether there is no center.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.centers.is_empty()
    }

    /// Adds a center whose id is not there yet, without looking.
    pub fn push(&mut self, center: &Summary<'_>) {
        self.centers.push(OwnedSummary::of(center));
    }

    /// Notes what organizations are called.
    pub fn name_organizations(&mut self, names: OrganizationNames) {
        self.names = names;
    }

    /// Notes the organizations of a center, whether it is there or not.
    pub fn set_organizations(&mut self, id: CenterId, organizations: &[OrganizationId]) {
        self.organizations.insert(id, organizations.to_vec());
    }

    /// Notes how a center is rated, whether it is there or not.
    pub fn set_rating(&mut self, id: CenterId, rating: Rating) {
        self.ratings.insert(id, rating);
    }

    /// How a center is rated.
    fn rating(&self, id: CenterId) -> Option<Rating> {
        self.ratings.get(&id).copied()
    }

    /// What an answer to a search tells of how a center is rated.
    #[must_use]
    pub fn told_rating(&self, search: &Search, id: CenterId) -> Option<Rating> {
        match search.filter.ratings {
            RatingVisibility::Shown => self.rating(id),
            RatingVisibility::Hidden => None,
        }
    }

    /// Adds a center or puts it in the place of the one with its id.
    pub fn upsert(&mut self, center: &Summary<'_>) {
        self.remove(center.id);
        self.push(center);
    }

    /// Removes a center if it is there.
    pub fn remove(&mut self, id: CenterId) {
        self.centers.retain(|center| center.id != id);
    }

    /// Every center that a search is about within its radius, nearest first,
    /// ties by id: its limit and cursor are the caller's to apply.
    #[must_use]
    pub fn ranked(&self, search: &Search) -> Vec<Found> {
        let mut found = self.within(search);
        found.sort_unstable_by(nearer_then_id);
        found
    }

    /// The first `limit` centers of [`BruteForce::ranked`], found without
    /// sorting the rest.
    #[must_use]
    pub fn nearest(&self, search: &Search) -> Vec<Found> {
        let mut found = self.within(search);
        let limit = search.limit.get();
        if found.len() > limit {
            found.select_nth_unstable_by(limit, nearer_then_id);
            found.truncate(limit);
        }
        found.sort_unstable_by(nearer_then_id);
        found
    }

    fn within(&self, search: &Search) -> Vec<Found> {
        let mut found = self.measured(search);
        if let Some(around) = search.around() {
            let radius_m = around.radius.map_or(f64::INFINITY, Radius::reach_m);
            found.retain(|found| (around.least_m()..=radius_m).contains(&found.distance_m));
        }
        found
    }

    /// Every center that passes a search's filter and is not excluded, in no
    /// order and however far; inside, and [`BY_ID`] in the place of its distance, where
    /// the search is within a viewport.
    #[must_use]
    pub fn measured(&self, search: &Search) -> Vec<Found> {
        let sphere = HaversineMeasure::new(EARTH_RADIUS_M);
        let measure = |position: Position| match &search.area {
            Area::Around(around) => {
                Some(sphere.distance(point_of_origin(around.origin), point_of(position)))
            }
            Area::Within(viewport) => is_inside(viewport, position).then_some(BY_ID),
        };
        let wanted = self.names.find(&search.filter.organizations);
        let works_by = |id: CenterId| {
            let mut own = self.organizations.get(&id).into_iter().flatten();
            search.filter.organizations.is_empty() || own.any(|one| wanted.contains(one))
        };
        let least = search.filter.least_rating();
        let is_rated = |id: CenterId| {
            least.is_none_or(|least| self.rating(id).is_some_and(|own| own.average >= least))
        };
        self.centers
            .iter()
            .filter(|center| {
                center.passes(&search.filter)
                    && works_by(center.id)
                    && is_rated(center.id)
                    && !search.exclude.contains(&center.id)
            })
            .filter_map(|center| {
                Some(Found {
                    id: center.id,
                    position: center.position,
                    distance_m: measure(center.position)?,
                })
            })
            .collect()
    }
}

fn nearer_then_id(a: &Found, b: &Found) -> std::cmp::Ordering {
    a.distance_m.total_cmp(&b.distance_m).then(a.id.cmp(&b.id))
}

/// Whether a position is between the edges of a viewport, in whichever turn of the globe.
fn is_inside(viewport: &Viewport, position: Position) -> bool {
    let is_level =
        viewport.south() <= position.latitude() && position.latitude() <= viewport.north();
    let Meridians::Between { west, east } = viewport.meridians() else {
        return is_level;
    };
    let east = if east < west { east + 360.0 } else { east };
    let turns = [-360.0, 0.0, 360.0].map(|turn| position.longitude() + turn);
    is_level
        && turns
            .iter()
            .any(|&longitude| west <= longitude && longitude <= east)
}

fn point_of(position: Position) -> Point {
    Point::new(position.longitude(), position.latitude())
}

fn point_of_origin(origin: Origin) -> Point {
    Point::new(origin.longitude(), origin.latitude())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Condition, FieldId, Limit};

    fn summary(id: i64, latitude: f64, longitude: f64, country: Option<&str>) -> Summary<'_> {
        Summary {
            id: CenterId::new(id).unwrap(),
            position: Position::new(latitude, longitude).unwrap(),
            name: "somewhere",
            country,
            region: None,
            city: None,
            attributes: &[],
        }
    }

    fn search(latitude: f64, longitude: f64, limit: usize) -> Search {
        Search {
            area: Area::around(Origin::new(latitude, longitude).unwrap(), None),
            limit: Limit::new(limit).unwrap(),
            filter: Filter::default(),
            exclude: Vec::new(),
            after: None,
        }
    }

    fn ids(found: &[Found]) -> Vec<i64> {
        found.iter().map(|found| found.id.get()).collect()
    }

    #[test]
    fn centers_are_ranked_by_distance_then_id() {
        let mut brute = BruteForce::default();
        for (id, longitude) in [(3, 1.0), (2, 1.0), (1, 2.0), (4, -179.0)] {
            brute.upsert(&summary(id, 0.0, longitude, None));
        }
        assert_eq!(ids(&brute.ranked(&search(0.0, 0.0, 1))), [2, 3, 1, 4]);
        assert_eq!(ids(&brute.nearest(&search(0.0, 0.0, 3))), [2, 3, 1]);
        assert_eq!(ids(&brute.ranked(&search(0.0, 179.0, 9))), [4, 1, 2, 3]);
    }

    #[test]
    fn radius_filter_and_exclusion_all_count() {
        let mut brute = BruteForce::default();
        brute.upsert(&summary(1, 0.0, 1.0, Some("GR")));
        brute.upsert(&summary(2, 0.0, 1.0, Some("IT")));
        brute.upsert(&summary(3, 0.0, 1.0, Some("GR")));
        brute.upsert(&summary(4, 0.0, 9.0, Some("GR")));
        let mut about = search(0.0, 0.0, 9);
        let origin = about.around().unwrap().origin;
        about.area = Area::around(origin, Some(Radius::from_m(200_000.0).unwrap()));
        about.filter.condition = Condition::texts(FieldId::COUNTRY, ["GR"]);
        about.exclude = vec![CenterId::new(3).unwrap()];
        assert_eq!(ids(&brute.ranked(&about)), [1]);
    }

    #[test]
    fn a_center_that_was_written_again_counts_once() {
        let mut brute = BruteForce::default();
        brute.upsert(&summary(1, 0.0, 1.0, None));
        brute.upsert(&summary(1, 0.0, 2.0, None));
        assert_eq!(brute.len(), 1);
        brute.remove(CenterId::new(1).unwrap());
        assert!(brute.is_empty());
    }
}
