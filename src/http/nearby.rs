//! `GET /nearby`: the centers within a radius, nearest first.

use super::params::{self, CIRCLE_PARAMS, FILTER_PARAMS, GROUP_PARAMS, SEARCH_PARAMS};
use super::problem::Problem;
use super::query::{Params, Query};
use super::search::Way;
use crate::domain::{Fields, Search};

const PARAMS: Params = &[CIRCLE_PARAMS, FILTER_PARAMS, GROUP_PARAMS, SEARCH_PARAMS];

pub(super) const WAY: Way = Way {
    params: PARAMS,
    read: search,
};

fn search(query: &Query<'_>, fields: &Fields) -> Result<Search, Problem> {
    Ok(Search {
        area: params::ring_of(query)?.around(
            params::origin_of(query)?,
            params::group_by_of(query, fields)?,
        ),
        limit: params::limit_of(query)?,
        filter: params::filter_of(query, fields)?,
        exclude: params::exclude_of(query)?,
        after: params::cursor_of(query)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_query_string_is_ever_a_fault_of_ours(text in ".{0,200}") {
            if let Err(problem) = Query::parse(&text, PARAMS).and_then(|query| search(&query, &Fields::default())) {
                prop_assert!(problem.code().status().is_client_error());
            }
        }

        #[test]
        fn no_value_is_ever_a_fault_of_ours(
            pairs in prop::collection::vec(
                (prop::sample::select(vec!["lat", "lng", "radius_m", "radius_km", "radius_mi", "min_radius_m", "limit",
                    "country", "group_by", "exclude", "cursor", "format", "nonsense"]),
                 prop_oneof![
                    "[-+.eE0-9]{1,12}", "NaN|inf|1e400|-0|%00|%ff|%", any::<f64>().prop_map(|n| n.to_string()),
                    any::<i64>().prop_map(|n| n.to_string()), ".{0,20}",
                 ]),
                0..8,
            )
        ) {
            let text = pairs.iter().map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>().join("&");
            match Query::parse(&text, PARAMS).and_then(|query| search(&query, &Fields::default())) {
                Ok(search) => prop_assert!(search.around().and_then(|around| around.radius).is_some()),
                Err(problem) => prop_assert!(problem.code().status().is_client_error()),
            }
        }
    }
}
