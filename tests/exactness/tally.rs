//! Totals and facets against what brute force counts.

use std::collections::HashMap;

use nearby::domain::{Facet, FieldId, FieldValue, MAX_FACET_VALUES, Radius, Search, Tally};
use nearby::engine::brute::BruteForce;

use crate::compare::tolerance_m;
use crate::world::Place;

/// One question in so many is counted, too.
pub const COUNTED: usize = 3;

/// The fields whose values are counted with a question: none, one or several.
pub fn facets_of(number: usize) -> &'static [FieldId] {
    const ALL: [FieldId; 3] = [FieldId::COUNTRY, FieldId::REGION, FieldId::CITY];
    match number / COUNTED % 4 {
        0 => &[],
        1 => &ALL[..1],
        2 => &ALL[1..],
        _ => &ALL,
    }
}

/// Counts places as brute force finds them.
pub struct Counter<'a> {
    brute: &'a BruteForce,
    places: HashMap<i64, &'a Place>,
}

impl<'a> Counter<'a> {
    pub fn new(brute: &'a BruteForce, places: &'a [Place]) -> Self {
        Self {
            brute,
            places: places.iter().map(|place| (place.id, place)).collect(),
        }
    }

    /// Panics unless a tally is right. One that is so close to the radius may be counted
    /// or not; where there is such a one, facets are not compared.
    pub fn judge(&self, search: &Search, facets: &[FieldId], tally: &Tally) {
        let radius = search.around().and_then(|around| around.radius);
        let radius_m = radius.map_or(f64::INFINITY, Radius::m);
        let slack_m = radius.map_or(0.0, |radius| tolerance_m(radius.m()));
        let min_radius = search.around().and_then(|around| around.min_radius);
        let least_m = min_radius.map_or(0.0, Radius::m);
        let least_slack_m = min_radius.map_or(0.0, |radius| tolerance_m(radius.m()));
        let measured = self.brute.measured(search);
        let within = |least_m: f64, radius_m: f64| {
            let within = measured
                .iter()
                .filter(move |found| (least_m..=radius_m).contains(&found.distance_m));
            within.map(|found| self.places[&found.id.get()])
        };
        let surely = within(least_m + least_slack_m, radius_m - slack_m);
        let maybe = within(least_m - least_slack_m, radius_m + slack_m);
        let (least, most) = (surely.count() as u64, maybe.count() as u64);
        let total = tally.total;
        assert!(
            (least..=most).contains(&total),
            "{least}..={most}: {total} of {search:?}"
        );
        assert_eq!(tally.facets.len(), facets.len());
        if least < most {
            return;
        }
        for (&field, facet) in facets.iter().zip(&tally.facets) {
            let expected = counted(field, within(least_m, radius_m));
            assert_eq!(*facet, expected, "{search:?}");
        }
    }
}

fn counted<'a>(field: FieldId, places: impl Iterator<Item = &'a Place>) -> Facet {
    let mut counts: HashMap<Option<&str>, u64> = HashMap::new();
    for place in places {
        let value = match field {
            FieldId::COUNTRY => &place.country,
            FieldId::REGION => &place.region,
            FieldId::CITY => &place.city,
            other => panic!("places have no {other:?}"),
        };
        *counts.entry(value.as_deref()).or_default() += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(value, count)| (u64::MAX - count, value.is_none(), *value));
    let other = ranked.iter().skip(MAX_FACET_VALUES);
    Facet {
        field,
        other: other.map(|(_, count)| count).sum(),
        values: ranked
            .iter()
            .take(MAX_FACET_VALUES)
            .map(|(value, count)| {
                let value = value.map(|text| FieldValue::Text(text.to_owned()));
                (value, *count)
            })
            .collect(),
    }
}
