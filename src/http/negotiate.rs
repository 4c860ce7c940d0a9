//! Which format an answer has: `format=` decides, else the Accept header.

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};

use super::code::Code;
use super::problem::Problem;
use super::query::Query;

/// The formats of answers that hold centers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Our own JSON.
    Json,
    /// RFC 7946.
    GeoJson,
}

impl Format {
    /// The content type that goes with it.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        match self {
            Self::Json => HeaderValue::from_static("application/json"),
            Self::GeoJson => HeaderValue::from_static("application/geo+json"),
        }
    }

    /// What the client asked for; `preferred` where it asked for both alike.
    ///
    /// # Errors
    /// When `format` is neither, or Accept leaves neither (RFC 9110, section
    /// 15.5.7, lets a server choose; saying so beats sending what was refused).
    pub fn of(headers: &HeaderMap, query: &Query<'_>, preferred: Self) -> Result<Self, Problem> {
        match query.one("format").or_else(|| query.one("f")) {
            Some("json") => Ok(Self::Json),
            Some("geojson") => Ok(Self::GeoJson),
            Some(other) => Err(Problem::invalid("format", other, "json or geojson")),
            None => Self::accepted(headers, preferred),
        }
    }

    fn accepted(headers: &HeaderMap, preferred: Self) -> Result<Self, Problem> {
        if !headers.contains_key(ACCEPT) {
            return Ok(preferred);
        }
        let ranges = accepted_ranges(headers);
        accepted(&ranges, preferred).ok_or_else(|| {
            Problem::new(
                Code::NotAcceptable,
                "Accept leaves none of the formats that this resource has",
            )
            .at("Accept")
            .got(&ranges.join(","))
            .allowed("application/json, application/geo+json")
        })
    }
}

/// Whether a client would rather have a web page than JSON, as browsers would.
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let ranges = accepted_ranges(headers);
    weight(&ranges, "text", "html") > weight(&ranges, "application", "json")
}

/// The media ranges of `Accept`. Bytes that are not text name no type of ours.
fn accepted_ranges(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(ACCEPT);
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|value| value.split(',')).collect()
}

/// The format of the higher weight; the preferred one where they are equal. A list without
/// any media range accepts everything.
fn accepted(ranges: &[&str], preferred: Format) -> Option<Format> {
    if ranges.iter().all(|range| range.trim().is_empty()) {
        return Some(preferred);
    }
    let json = weight(ranges, "application", "json");
    let geojson = weight(ranges, "application", "geo+json");
    if json <= 0.0 && geojson <= 0.0 {
        None
    } else if geojson > json {
        Some(Format::GeoJson)
    } else if json > geojson {
        Some(Format::Json)
    } else {
        Some(preferred)
    }
}

/// The weight of a type: that of the most specific range that covers it (RFC
/// 9110, section 12.5.1); 0 where none does.
fn weight(ranges: &[&str], kind: &str, subtype: &str) -> f32 {
    ranges
        .iter()
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let (range_kind, range_subtype) = parts.next()?.split_once('/')?;
            let specificity = match (range_kind, range_subtype) {
                ("*", "*") => 0,
                (k, "*") if k.eq_ignore_ascii_case(kind) => 1,
                (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 2,
                _ => return None,
            };
            let weight = parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .map_or(1.0, |(_, q)| q.trim().parse::<f32>().unwrap_or(0.0));
            Some((specificity, weight))
        })
        .max_by_key(|(specificity, _)| *specificity)
        .map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_accept(accept: &str) -> Option<Format> {
        accepted(&accept.split(',').collect::<Vec<_>>(), Format::Json)
    }

    #[test]
    fn the_higher_weight_wins_and_json_wins_ties() {
        for (accept, format) in [
            ("*/*", Some(Format::Json)),
            ("", Some(Format::Json)),
            ("application/json", Some(Format::Json)),
            ("application/geo+json", Some(Format::GeoJson)),
            (
                "Application/Geo+JSON; q=0.4, text/html",
                Some(Format::GeoJson),
            ),
            ("application/geo+json, application/json", Some(Format::Json)),
            (
                "application/geo+json;q=0.9, */*;q=0.1",
                Some(Format::GeoJson),
            ),
            (
                "application/json;q=0.2,application/geo+json;q=0.3",
                Some(Format::GeoJson),
            ),
            ("application/json;q=0, */*", Some(Format::GeoJson)),
            (
                "text/html,application/xhtml+xml,*/*;q=0.8",
                Some(Format::Json),
            ),
            ("application/*", Some(Format::Json)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("nonsense", None),
        ] {
            assert_eq!(of_accept(accept), format, "{accept}");
        }
    }
}
