//! Centers as Divemap shows them.
//!
//! What nearby has no notion of (comments, followers, managers, media) is what
//! Divemap says of a center that has none.

use std::borrow::Cow;
use std::io::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::html::stripped;
use super::media::{MediaUrl, full_url};
use crate::domain::{Center, Position, Rating};
use crate::wire::JsonId;

/// What Divemap says of a center that nobody has claimed.
const UNCLAIMED: &str = "unclaimed";

/// How much a list tells of each center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DetailLevel {
    Minimal,
    Basic,
    Full,
}

/// What is always there.
#[derive(Debug, Default, Serialize)]
struct Always {
    total_ratings: u64,
    comment_count: u32,
    is_manager: bool,
    follower_count: u32,
    media: [(); 0],
}

impl Always {
    fn of(rating: Option<Rating>) -> Self {
        Self {
            total_ratings: rating.map_or(0, |rating| rating.count),
            ..Self::default()
        }
    }
}

/// A center in a list; keys without a value are left out.
#[derive(Debug, Serialize)]
pub(super) struct Item<'a> {
    id: JsonId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_rating: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_full_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ownership_status: Option<&'a str>,
    #[serde(flatten)]
    always: Always,
}

impl<'a> Item<'a> {
    /// A center at a level of detail.
    pub(super) fn new(
        center: &'a Center,
        rating: Option<Rating>,
        level: DetailLevel,
        media: Option<&MediaUrl>,
    ) -> Self {
        let text = &center.text;
        let basic = |text: &'a Option<String>| shown(level >= DetailLevel::Basic, text.as_deref());
        let full = |text: &'a Option<String>| shown(level >= DetailLevel::Full, text.as_deref());
        let is_full = level >= DetailLevel::Full;
        Self {
            id: center.id.into(),
            name: &text.name,
            latitude: center.position.map(Position::latitude),
            longitude: center.position.map(Position::longitude),
            country: basic(&text.country),
            region: basic(&text.region),
            city: basic(&text.city),
            average_rating: shown(
                level >= DetailLevel::Basic,
                rating.map(|rating| rating.average),
            ),
            logo_url: basic(&text.logo_url),
            logo_full_url: basic(&text.logo_url).and_then(|path| full_url(media, path)),
            description: full(&text.description).map(stripped),
            address: full(&text.address),
            email: full(&text.email),
            phone: full(&text.phone),
            website: full(&text.website),
            created_at: shown(is_full, center.created_at),
            updated_at: shown(is_full, center.updated_at),
            ownership_status: shown(is_full, Some(ownership_status_of(center))),
            always: Always::of(rating),
        }
    }
}

fn ownership_status_of(center: &Center) -> &str {
    center.ownership_status.as_deref().unwrap_or(UNCLAIMED)
}

pub(super) fn shown<T>(is_shown: bool, value: Option<T>) -> Option<T> {
    value.filter(|_| is_shown)
}

/// A center by itself; every key is there.
#[derive(Debug, Serialize)]
pub(super) struct Whole<'a> {
    id: JsonId,
    name: &'a str,
    description: Option<Cow<'a, str>>,
    address: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    website: Option<&'a str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    country: Option<&'a str>,
    region: Option<&'a str>,
    city: Option<&'a str>,
    logo_url: Option<&'a str>,
    logo_full_url: Option<String>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    average_rating: Option<f64>,
    user_rating: Option<f64>,
    view_count: Option<i64>,
    ownership_status: Option<&'a str>,
    owner_username: Option<&'static str>,
    #[serde(flatten)]
    always: Always,
}

impl<'a> Whole<'a> {
    /// A center and how it is rated.
    pub(super) fn new(
        center: &'a Center,
        rating: Option<Rating>,
        media: Option<&MediaUrl>,
    ) -> Self {
        let text = &center.text;
        Self {
            id: center.id.into(),
            name: &text.name,
            description: text.description.as_deref().map(stripped),
            address: text.address.as_deref(),
            email: text.email.as_deref(),
            phone: text.phone.as_deref(),
            website: text.website.as_deref(),
            latitude: center.position.map(Position::latitude),
            longitude: center.position.map(Position::longitude),
            country: text.country.as_deref(),
            region: text.region.as_deref(),
            city: text.city.as_deref(),
            logo_url: text.logo_url.as_deref(),
            logo_full_url: text
                .logo_url
                .as_deref()
                .and_then(|path| full_url(media, path)),
            created_at: center.created_at,
            updated_at: center.updated_at,
            average_rating: rating.map(|rating| rating.average),
            // Of whoever is signed in, and for administrators: nobody is here.
            user_rating: None,
            view_count: None,
            ownership_status: Some(ownership_status_of(center)),
            owner_username: None,
            always: Always::of(rating),
        }
    }
}

#[derive(Serialize)]
struct Near<'a> {
    id: JsonId,
    name: &'a str,
    country: Option<&'a str>,
    region: Option<&'a str>,
    city: Option<&'a str>,
}

/// Appends a center as searches show it, without a distance.
pub(super) fn push_near(out: &mut Vec<u8>, center: &Center) {
    let text = &center.text;
    let near = Near {
        id: center.id.into(),
        name: &text.name,
        country: text.country.as_deref(),
        region: text.region.as_deref(),
        city: text.city.as_deref(),
    };
    serde_json::to_writer(out, &near).expect("writing to memory cannot fail");
}

/// The same with a distance in metres, null without a position.
pub(super) fn push_near_at(out: &mut Vec<u8>, center: &Center, distance_m: Option<f64>) {
    push_near(out, center);
    // Open again.
    out.pop();
    out.extend_from_slice(br#","distance_km":"#);
    match distance_m {
        Some(distance_m) => push_km(out, distance_m),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// Appends kilometres with two decimals, as Python's `round(metres / 1000, 2)`
/// gives them: of the double itself, not of its decimals, and without a
/// trailing zero.
pub(super) fn push_km(out: &mut Vec<u8>, metres: f64) {
    write!(out, "{:.2}", metres / 1_000.0).expect("writing to memory cannot fail");
    if out.ends_with(b"0") {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilometres_are_rounded_as_python_does() {
        for (metres, text) in [
            (0.0, "0.0"),
            (4.9, "0.0"),
            (5.1, "0.01"),
            // 2.675 and 0.125 as doubles: below the middle, and right on it.
            (2_675.0, "2.67"),
            (125.0, "0.12"),
            (375.0, "0.38"),
            (1_005.0, "1.0"),
            (12_300.0, "12.3"),
            (99_999.0, "100.0"),
            (100_000.0, "100.0"),
        ] {
            let mut out = Vec::new();
            push_km(&mut out, metres);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{metres}");
        }
    }
}
