//! `If-Match` and `If-None-Match` of writes (RFC 9110, section 13.1): nobody writes over what
//! they have not seen. Decided in the transaction of the write.

use actix_web::HttpRequest;
use actix_web::http::header::{
    Header as _, HeaderName, IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, IfMatch,
};

use super::code::Code;
use super::dto::CenterView;
use super::known::RowTag;
use super::problem::Problem;
use super::reply::rendered;
use super::routes::route_of;
use crate::domain::Center;

/// The paths whose rows have tags that writes can go by.
const PATHS: [&str; 2] = ["/centers/{id}", "/dive-sites/{id}"];

/// What a row has to be like to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Precondition {
    /// As one of these tags says.
    Matches(Vec<RowTag>),
    /// Not there at all.
    IsAbsent,
}

impl Precondition {
    /// What a request asks of the row that it writes; `None` where that is nothing, or only
    /// that there is such a row.
    ///
    /// # Errors
    /// When it asks what cannot be decided.
    pub fn of(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let headers = request.headers();
        let value = |name: &HeaderName| {
            let value = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        if let Some(got) = value(&IF_UNMODIFIED_SINCE) {
            let allowed = "left out: If-Match tells rows apart that were written within a second";
            return Err(Problem::invalid("If-Unmodified-Since", &got, allowed));
        }
        let matches = value(&IF_MATCH);
        match (value(&IF_NONE_MATCH), &matches) {
            (None, _) => {}
            (Some(got), None) if got.trim() == "*" => return Ok(Some(Self::IsAbsent)),
            (Some(got), _) => {
                let allowed = "*, and without If-Match, where a row is written";
                return Err(Problem::invalid("If-None-Match", &got, allowed));
            }
        }
        if matches.is_none() {
            return Ok(None);
        }
        Ok(match IfMatch::parse(request) {
            Ok(IfMatch::Any) => None,
            // A weak tag is not of the very same content.
            Ok(IfMatch::Items(tags)) => {
                let strong = tags.iter().filter(|tag| !tag.weak);
                let rows = strong.filter_map(|tag| RowTag::in_tag(tag.tag()));
                Some(Self::Matches(rows.collect()))
            }
            Err(_) => Some(Self::Matches(Vec::new())),
        })
    }

    /// Whether a row may be written.
    pub fn holds(&self, center: &Center) -> bool {
        match self {
            Self::Matches(tags) => tags.contains(&row_tag(center)),
            Self::IsAbsent => false,
        }
    }

    /// Refuses to write a row that is not as it has to be.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, center: &Center) -> Result<(), Problem> {
        if self.holds(center) {
            Ok(())
        } else {
            Err(Problem::precondition_failed())
        }
    }
}

/// The tag of what clients can write of a row: views that others count change no tag.
pub(super) fn row_tag(center: &Center) -> RowTag {
    let written = Center {
        view_count: 0,
        created_at: None,
        updated_at: None,
        ..center.clone()
    };
    RowTag::of(&rendered(&CenterView::from(&written)))
}

/// Refuses to write on a condition what has no tag to decide it by.
///
/// # Errors
/// When there is one.
pub(super) fn refuse_elsewhere(request: &HttpRequest) -> Result<(), Problem> {
    let is_asked = request.headers().contains_key(IF_MATCH);
    if !is_asked || PATHS.contains(&route_of(request).pattern()) {
        return Ok(());
    }
    Err(Problem::new(
        Code::RequestRefused,
        "If-Match is taken where one center or dive site is written, and nowhere else",
    )
    .at("If-Match")
    .allowed("to be left out"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(name: HeaderName, value: &str) -> Result<Option<Precondition>, Code> {
        let request = TestRequest::put().insert_header((name, value));
        Precondition::of(&request.to_http_request()).map_err(|problem| problem.code())
    }

    #[test]
    fn a_condition_is_read_from_the_tags_that_rows_have() {
        let row = RowTag::of(b"row");
        let tag = super::super::known::tag(Some(row), b"x", super::super::coding::Coding::Brotli);
        let tag = tag.to_str().unwrap();
        let matches = |rows: Vec<RowTag>| Ok(Some(Precondition::Matches(rows)));
        assert_eq!(of(IF_MATCH, tag), matches(vec![row]));
        assert_eq!(of(IF_MATCH, &format!("\"a\", {tag}")), matches(vec![row]));
        for none in [
            &format!("W/{tag}"),
            "\"a\"",
            "\"a.b\"",
            "nonsense",
            "\"\"",
            "",
        ] {
            assert_eq!(of(IF_MATCH, none), matches(Vec::new()), "{none}");
        }
        assert_eq!(of(IF_MATCH, "*"), Ok(None));
        assert_eq!(of(IF_NONE_MATCH, "*"), Ok(Some(Precondition::IsAbsent)));
        assert_eq!(of(IF_NONE_MATCH, tag), Err(Code::ParameterInvalid));
        let since = "Sat, 29 Oct 1994 19:43:31 GMT";
        assert_eq!(of(IF_UNMODIFIED_SINCE, since), Err(Code::ParameterInvalid));
    }
}
