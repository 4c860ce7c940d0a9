//! `filter=`: a condition in CQL2 Text.

use std::borrow::Cow;

use super::code::Code;
use super::problem::{Problem, repeated};
use super::query::Query;
use crate::domain::{Condition, Fields, FilterField};
use crate::wire::{Cql2Error, Cql2Fault, parse_cql2};

/// The parameter with the condition.
pub const FILTER: &str = "filter";
/// The parameter with its language, of which there is one.
pub const FILTER_LANG: &str = "filter-lang";
const CQL2_TEXT: &str = "cql2-text";

/// The condition in `filter`; one that every center fulfils where there is none.
///
/// # Errors
/// When it cannot be read, or is said to be in another language.
pub fn condition_of(query: &Query<'_>, fields: &Fields) -> Result<Condition, Problem> {
    condition(query.one(FILTER), query.one(FILTER_LANG), fields)
}

/// The same from texts that may each be missing.
///
/// # Errors
/// When it cannot be read, or is said to be in another language.
pub fn condition(
    filter: Option<&str>,
    language: Option<&str>,
    fields: &Fields,
) -> Result<Condition, Problem> {
    if let Some(other) = language.filter(|language| *language != CQL2_TEXT) {
        return Err(Problem::invalid(FILTER_LANG, other, CQL2_TEXT));
    }
    let read = filter.map(|text| parse_cql2(text, fields));
    let read = read.transpose().map_err(|error| problem(error, fields));
    Ok(read?.unwrap_or_default())
}

fn problem(mut error: Cql2Error, fields: &Fields) -> Problem {
    if let Cql2Fault::UnknownProperty(name) | Cql2Fault::Function(name) = &mut error.fault {
        *name = repeated(name);
    }
    Problem::new(Code::ParameterInvalid, format!("{FILTER}, {error}"))
        .at(FILTER)
        .got(&error.got)
        .allowed(allowed(fields))
}

fn allowed(fields: &Fields) -> Cow<'static, str> {
    let known = fields.iter().map(|(_, FilterField { name, kind, .. })| {
        let kind = kind.name();
        format!("{name} ({kind})")
    });
    let known: Vec<String> = known.collect();
    format!(
        "CQL2 Text: =, <>, <, <=, >, >=, IN, BETWEEN, LIKE, IS NULL, AND, OR and NOT over {}, with \
         values as 'text', 1.5, TRUE or DATE('2024-01-31'), and \
         S_INTERSECTS(geometry, POLYGON((…))) or S_WITHIN",
        known.join(", ")
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_told_where_and_what_there_is() {
        let read = |filter, language| condition(Some(filter), language, &Fields::default());
        assert!(read("country = 'GR'", None).is_ok());
        assert!(read("country = 'GR'", Some("cql2-text")).is_ok());
        let problem = read("country = 'GR' AND colour = 'red'", None).unwrap_err();
        assert_eq!(problem.code(), Code::ParameterInvalid);
        let told = format!("{problem:?}");
        for part in [
            "at character 20: there is no property `colour`",
            "country (text)",
        ] {
            assert!(told.contains(part), "{told}");
        }
        let problem = read("country = 'GR'", Some("cql2-json")).unwrap_err();
        assert_eq!(problem.code(), Code::ParameterInvalid);
    }
}
